"""`if` on discrete unknowns: only they jump, and the real ones in its branches keep their slopes."""

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.semantics.functions import Smoothness

TABLES = """
dim k = 2, l = 3
latent p : real ~ normal(0, 1)
visible z : category(k)
visible y : category(l)
param a : real[l]
let w[i in k, j] = if i == 0 then a[j] * p else p / 2
energy = -w[z, y]
"""
A = np.array([0.2, -0.5, 0.9])
# p(z, y) is exp(c^2 / 2) with the slope c of the choice: E p = sum of c exp(c^2 / 2) / Z
SLOPES = np.stack([A, np.full(3, 0.5)])
WEIGHTS = np.exp(SLOPES**2 / 2)


def test_a_let_that_chooses_a_table_by_an_index_is_smooth_in_what_is_real():
    model = ebm.loads(TABLES)
    assert model.structure.variables["p"].smoothness is Smoothness.SMOOTH
    found = ebm.log_partition(model, {"a": A}, "exact").value
    assert found == pytest.approx(np.log(WEIGHTS.sum()), abs=1e-5)


@pytest.mark.parametrize("sampler", ["gibbs", "mala"])
def test_it_is_sampled_by_gradients_and_by_gibbs(sampler):
    model = ebm.loads(TABLES)
    draws = ebm.sample(
        model, {"a": A}, draws=1000, chains=16, sampler=sampler, progress=False, seed=1
    )
    share = WEIGHTS / WEIGHTS.sum()
    assert draws["p"].mean() == pytest.approx((SLOPES * share).sum(), abs=0.05)
    assert (draws["z"] == 0).mean() == pytest.approx(share[0].sum(), abs=0.03)


def test_a_choice_of_two_bowls_is_a_mixture_of_exact_gaussians():
    model = ebm.loads(
        "visible s : spin visible x : real "
        "energy = if s > 0 then (x - 1)^2 else 2 * (x + 1)^2 + 0.3"
    )
    assert "every conditional is an exact Gaussian" in str(model.explain())
    low, high = np.sqrt(np.pi / 2) * np.exp(-0.3), np.sqrt(np.pi)
    found = ebm.log_partition(model, {}, "exact").value
    assert found == pytest.approx(np.log(low + high), abs=1e-5)
    draws = ebm.sample(model, {}, draws=1000, chains=16, sampler="gibbs", progress=False)
    assert (draws["s"] > 0).mean() == pytest.approx(high / (low + high), abs=0.08)


def test_branches_do_not_meet_each_other_and_both_meet_the_condition():
    model = ebm.loads(
        "dim n = 2 visible s : spin[n] visible x : real visible y : real "
        "energy = x^2 + y^2 + (if s[0] > 0 then x else y * s[1])"
    )
    x, y = model.structure.variables["x"], model.structure.variables["y"]
    assert x.meets == {"s"}
    assert y.meets == {"s"}


@pytest.mark.parametrize("condition", ["x > 0.5", "floor(x) == s", "x * s > 0"])
def test_a_condition_on_a_real_number_still_jumps(condition):
    model = ebm.loads(
        f"visible x : real visible s : spin energy = x^2 + (if {condition} then x else 2 * x)"
    )
    assert model.structure.variables["x"].smoothness is Smoothness.JUMPING
    with pytest.raises(ebm.EbmError, match=r"E702.*jumps"):
        ebm.sample(model, {}, sampler="nuts", draws=2, progress=False)
