"""beta: 0 and negative temperatures of bounded unknowns, in every function that has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebmlang as ebm

RING = ebm.loads(
    "model ring dim n = 4 cyclic visible s : binary[n] param J : real energy = J * sum(s)"
)
HARD = ebm.loads(
    "model hard dim n = 4 cyclic visible s : binary[n] param J : real energy = J * sum(s) "
    "energy apart = sum(i) (if s[i] + s[i+1] > 1 then inf else 0)"
)
PARAMS = {"J": 0.3}
STATES = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
FREE = STATES.sum(1)
APART = STATES[(STATES * np.roll(STATES, -1, 1)).sum(1) == 0].sum(1)


def truth(beta: float, number: np.ndarray) -> tuple[float, float]:
    """log Z, and E[dE/dJ]."""
    weights = np.exp(-beta * 0.3 * number)
    return float(np.log(weights.sum())), float((weights * number).sum() / weights.sum())


CASES = [(RING, FREE), (HARD, APART)]


@pytest.mark.parametrize("beta", [0, 0.0, -0.0, np.float32(0), -0.5, 1e-30])
@pytest.mark.parametrize(("model", "number"), CASES, ids=["free", "walls"])
def test_exact_answers_at_any_beta(model: Any, number: np.ndarray, beta: Any) -> None:
    log_z, slope = truth(float(beta), number)
    assert ebm.log_partition(model, PARAMS, beta=beta).value == pytest.approx(log_z, abs=1e-9)
    found = ebm.gradient(model, PARAMS, beta=beta, sampler="exact")
    assert found.mean["J"] == pytest.approx(slope, abs=1e-9)
    assert found.trusted
    law = ebm.distribution(model, PARAMS, beta=beta)
    assert float(law.log_prob(np.zeros(4, int))) == 0
    forbidden = float(law.log_prob(np.ones(4, int)))
    assert forbidden == (-np.inf if model is HARD else pytest.approx(-beta * 1.2, abs=1e-6))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "number"), CASES, ids=["free", "walls"])
def test_chains_and_annealing_at_an_infinite_temperature(model: Any, number: np.ndarray) -> None:
    log_z, slope = truth(0.0, number)
    found = ebm.log_partition(model, PARAMS, "ais", beta=0, chains=256)
    assert found.value == pytest.approx(log_z, abs=max(5 * found.std_error, 1e-3))
    drawn = ebm.gradient(model, PARAMS, beta=0, sampler="gibbs", draws=2000)
    assert drawn.mean["J"] == pytest.approx(slope, abs=5 * drawn.std_error["J"] + 1e-6)
    curve = ebm.thermodynamics(model, PARAMS, [0.5, 0.0], chains=64, draws=20)
    error = curve.errors["log_z"][0]
    assert curve.values["log_z"][0] == pytest.approx(log_z, abs=max(5 * error, 1e-3))
    assert all(np.all(np.isfinite(values)) for values in curve.values.values())
    assert curve.values["heat_capacity"][0] == 0
    table = ebm.compare(model, PARAMS, ["gibbs"], beta=0, draws=64, warmup=10)
    assert not table.rows[0].refused


BOWL = ebm.loads(
    "model bowl dim n = 2 visible x : real[n] param k : positive energy = k * sum(i) x[i]^2"
)
K = {"k": 1.0}


@pytest.mark.parametrize("beta", [0.0, -1.0])
@pytest.mark.parametrize(
    "act",
    [
        lambda beta: ebm.log_partition(BOWL, K, beta=beta),
        lambda beta: ebm.log_partition(BOWL, K, "ais", beta=beta),
        lambda beta: ebm.sample(BOWL, K, beta=beta, progress=False),
        lambda beta: ebm.gradient(BOWL, K, beta=beta),
        lambda beta: ebm.gradient(BOWL, K, beta=beta, sampler="exact"),
        lambda beta: ebm.distribution(BOWL, K, beta=beta),
        lambda beta: ebm.kernel(BOWL, K, beta=beta),
        lambda beta: ebm.compare(BOWL, K, beta=beta),
        lambda beta: ebm.thermodynamics(BOWL, K, [1.0, beta]),
        lambda beta: ebm.sample(BOWL, K, beta=beta, clamp={"x": ([1.0, 0.0], [True, False])}),
    ],
)  # fmt: skip
def test_what_is_unbounded_has_no_law_at_beta_0_or_below(
    act: Callable[[float], Any], beta: float
) -> None:
    with pytest.raises(ebm.EbmError) as caught:
        act(beta)
    assert caught.value.diagnostics[0].code == "E704"
    assert "`beta`" in str(caught.value) or "`betas`" in str(caught.value)


def test_what_is_held_or_bounded_is_no_obstacle_to_beta_0() -> None:
    held = ebm.log_partition(BOWL, K, beta=0, clamp={"x": [1.0, 2.0]})
    assert held.value == 0
    box = ebm.loads("model box visible x : real<-1, 2> param k : real energy = k * x^2")
    assert ebm.log_partition(box, K, beta=0).value == pytest.approx(np.log(3), abs=1e-9)
    assert ebm.gradient(box, K, beta=0, sampler="exact").mean["k"] == pytest.approx(1, abs=1e-9)
