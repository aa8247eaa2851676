"""A constant of the energy changes no law, however large it is."""

from __future__ import annotations

import itertools
from math import gamma

import jax
import numpy as np
import pytest

import ebmlang as ebm

F = np.array([0.9, -0.6, 0.8, 0.5])
BITS = "dim n = 4 visible s : spin[n] param f : real[n] param c : real energy = "
FORMS = (
    "c + 2 * (max(i) f[i] * s[i]) + f @ s",
    "2 * (max(i) (f[i] * s[i] + c)) - (c - f @ s)",
    "sum(i) (f[i] * s[i] + c) - min(i) (c - 2 * f[i] * s[i])",
)


def _law(beta: float = 1.0) -> tuple[np.ndarray, float]:
    x = np.array(list(itertools.product([-1, 1], repeat=4)))
    weights = np.exp(-beta * (2 * (x * F).max(1) + x @ F))
    return weights / weights.sum(), float(np.log(weights.sum()))


@pytest.mark.parametrize(
    ("energy", "sampler"),
    [*((e, "gibbs") for e in FORMS), (FORMS[0], "informed"), (FORMS[1], "tempering")],
)
def test_discrete_laws_do_not_see_a_constant(energy: str, sampler: str) -> None:
    found, model = [], ebm.loads(BITS + energy)
    for c in (0.0, 3e8):
        drawn = ebm.sample(
            model, {"f": F, "c": c}, draws=250, chains=32, warmup=50,
            sampler=sampler, progress=False,
        )  # fmt: skip
        codes = ((drawn["s"].reshape(-1, 4) + 1) // 2) @ np.array([8, 4, 2, 1])
        found.append(np.bincount(codes.astype(int), minlength=16) / len(codes))
    right, _ = _law()
    assert np.abs(found[1] - right).sum() / 2 < 0.03
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)


@pytest.mark.parametrize("sampler", ["nuts", "mala"])
def test_slopes_followed_beside_a_constant(sampler: str) -> None:
    text = "dim n = 4 visible x : real[n] energy = sum(x^4) / 4 + "
    draws = [
        ebm.sample(ebm.loads(text + c), {}, draws=300, warmup=200, sampler=sampler, progress=False)
        for c in ("0", "1e8")
    ]
    np.testing.assert_array_equal(draws[0]["x"], draws[1]["x"])
    right = 2 * gamma(0.75) / gamma(0.25)
    assert abs((draws[1]["x"].astype(float) ** 2).mean() - right) < 0.15
    np.testing.assert_allclose(draws[1].energy, draws[0].energy.astype(float) + 1e8, rtol=1e-13)
    assert np.ptp(draws[1].energy) > 1


def test_log_z_and_energies_have_the_constant_in_float64() -> None:
    model, c = ebm.loads(BITS + FORMS[0]), 12_345_678.25
    params = {"f": F, "c": c}
    right = _law()[1] - c
    exact = ebm.log_partition(model, params)
    assert abs(exact.value - right) < 1e-6
    annealed = ebm.log_partition(model, params, method="ais", chains=64)
    assert abs(annealed.value - right) < 0.2
    law, _ = _law()
    x = np.array(list(itertools.product([-1, 1], repeat=4)))
    mean = law @ (2 * (x * F).max(1) + x @ F)
    drawn = ebm.sample(model, params, draws=400, keep="moments", progress=False)
    assert abs(drawn.energy[0] - c - mean) < 0.5
    curve = ebm.thermodynamics(model, params, [0.5, 1.0], chains=64, draws=20)
    np.testing.assert_allclose(curve.log_z, [_law(0.5)[1] - c / 2, right], atol=0.3)


def test_gradients_still_have_the_slope_of_a_constant() -> None:
    model = ebm.loads(BITS + FORMS[0])
    for sampler in ("exact", "gibbs"):
        found = ebm.gradient(model, {"f": F, "c": 1e6}, sampler=sampler, draws=100)
        np.testing.assert_allclose(found.mean["c"], 1.0, atol=1e-5)


@pytest.mark.slow
def test_a_large_base_level_that_rounds_differences_is_said() -> None:
    text = "dim n = 4 visible s : spin[n] visible h : spin param f : real[n] energy = "
    model = ebm.loads(text + "1e8 * h + 2 * (max(i) f[i] * s[i]) + f @ s")
    settings = {"draws": 50, "sampler": "informed", "clamp": {"h": 1}}
    drawn = ebm.sample(model, {"f": F}, progress=False, **settings)
    said = [p for p in drawn.diagnostics.problems if "rounding moves energies by" in p]
    assert len(said) == 1
    assert "jax_enable_x64" in said[0]
    with jax.enable_x64(True):
        wide = ebm.sample(model, {"f": F}, progress=False, **settings)
    assert not any("rounding" in p for p in wide.diagnostics.problems)
    moments = ebm.sample(model, {"f": F}, keep="moments", progress=False, **settings)
    assert any("rounding" in p for p in moments.diagnostics.problems)
    slope = ebm.gradient(model, {"f": F}, **settings)
    assert any("rounding" in p for p in slope.problems)


def test_log_odds_lost_in_rounding_are_said() -> None:
    couplings = "1e8 * (s[0] * s[1] - s[0] * s[2] + s[0] * h) + f @ s"
    model = ebm.loads(
        "dim n = 4 visible s : spin[n] visible h : spin param f : real[n] energy = " + couplings
    )
    drawn = ebm.sample(model, {"f": F}, draws=50, sampler="gibbs", clamp={"h": -1}, progress=False)
    assert not drawn.diagnostics.trusted


def test_real_values_that_floats_do_not_tell_apart_are_said() -> None:
    far = ebm.loads("visible x : real energy = (x - 2e7)^2 / 2")
    drawn = ebm.sample(far, {}, draws=300, sampler="gibbs", progress=False)
    assert any("tells values of `x` apart by 2 only" in p for p in drawn.diagnostics.problems)
    near = ebm.loads("visible x : real energy = (x - 200)^2 / 2")
    assert ebm.sample(near, {}, draws=1000, sampler="gibbs", progress=False).diagnostics.trusted


def test_what_is_large_and_does_no_harm_is_not_doubted() -> None:
    penalty = ebm.loads("dim n = 4 visible x : real[n] energy = 1e5 * (sum(x) - 3)^2 + sum(x^2)")
    drawn = ebm.sample(penalty, {}, draws=1000, sampler="gibbs", progress=False)
    assert not any("round" in p or "apart by" in p for p in drawn.diagnostics.problems)
