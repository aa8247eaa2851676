"""A constant of the energy changes no law, however large it is."""

from __future__ import annotations

import itertools
from math import gamma

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


@pytest.mark.parametrize("energy", FORMS)
@pytest.mark.parametrize("sampler", ["gibbs", "informed", "tempering"])
def test_discrete_laws_do_not_see_a_constant(energy: str, sampler: str) -> None:
    found = []
    for c in (0.0, 3e8):
        drawn = ebm.sample(
            ebm.loads(BITS + energy), {"f": F, "c": c}, draws=250, chains=32, warmup=50,
            sampler=sampler, progress=False,
        )  # fmt: skip
        codes = ((drawn["s"].reshape(-1, 4) + 1) // 2) @ np.array([8, 4, 2, 1])
        found.append(np.bincount(codes.astype(int), minlength=16) / len(codes))
    right, _ = _law()
    assert np.abs(found[1] - right).sum() / 2 < 0.03
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)


@pytest.mark.parametrize("sampler", ["nuts", "hmc", "mala"])
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
