"""Expectations given examples: formulas of papers, listing, and chains beside both."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import expit, softmax

import ebmlang as ebm
from conftest import ROOT
from ebmlang.partition.expected import expectations

RNG = np.random.default_rng(3)
W = RNG.normal(size=(6, 4))
B, C = RNG.normal(size=6), RNG.normal(size=4)
V = RNG.integers(0, 2, (5, 6))
X = RNG.normal(size=(5, 6))


def test_of_a_boltzmann_machine_the_sigmoids_of_the_fields():
    model = ebm.load(ROOT / "examples" / "rbm.ebm", unit=4)
    found = expectations(model, {"W": W, "b": B, "c": C}, {"v": V})
    np.testing.assert_allclose(found.values["h"], expit(V @ W + C), atol=1e-12)
    assert found.method == "h summed in closed form"
    assert not found.std_error["h"].any()


def test_of_a_mixture_the_responsibilities():
    model = ebm.loads("""latent z : category(k) visible x : real[d] dim k = 3, d
    param m : real[k, d] param w : real[k]
    energy = sum(i) (x[i] - m[z, i])^2 / 2 - w[z]""")
    m, w = RNG.normal(size=(3, 6)), RNG.normal(size=3)
    found = expectations(model, {"m": m, "w": w}, {"x": X})
    logits = w - ((X[:, None] - m) ** 2).sum(-1) / 2
    np.testing.assert_allclose(found.values["z"], softmax(logits, axis=1), atol=1e-12)


def test_of_factors_the_posterior_means():
    """Bishop (2006), "Pattern Recognition and Machine Learning", equation 12.42 at unit noise."""
    model = ebm.loads("""dim d, k = 4  latent z : real[k] ~ normal(0, 1)  visible x : real[d]
    param W : real[d, k]
    energy = sum(i) (x[i] - sum(j) W[i, j] * z[j])^2 / 2""")
    found = expectations(model, {"W": W}, {"x": X})
    wanted = X @ W @ np.linalg.inv(np.eye(4) + W.T @ W)
    np.testing.assert_allclose(found.values["z"], wanted, atol=1e-12)


def listed(j: np.ndarray, x: np.ndarray) -> np.ndarray:
    """E[s | x] of spins with couplings j and fields x, by every state."""
    states = np.array(list(itertools.product((-1.0, 1.0), repeat=len(j))))
    log_p = states @ x + 0.5 * np.einsum("si,ij,sj->s", states, j, states)
    return softmax(log_p) @ states


SPINS = """dim n = 4  latent s : spin[n]  visible x : real[n]  param J : real[n, n] symmetric hollow
energy = sum(x^2) / 2 - s @ x - sum(i < j) J[i, j] * s[i] * s[j]"""


def test_spins_that_interact_are_listed():
    j = W[:4, :4] + W[:4, :4].T
    np.fill_diagonal(j, 0)
    found = expectations(ebm.loads(SPINS), {"J": j}, {"x": X[:, :4]})
    np.testing.assert_allclose(found.values["s"], [listed(j, x) for x in X[:, :4]], atol=1e-12)


@pytest.mark.slow  # NUTS takes long to compile
def test_chains_agree_with_integrals_and_do_not_depend_on_their_neighbours():
    """a in [0, 1] with density proportional to exp(-a x): its mean is 1/x - 1/(exp(x) - 1)."""
    model = ebm.loads("latent a : real<0, 1> visible x : real energy = a * x + (x - 1)^2 / 2")
    x = np.array([-2.0, 0.7, 3.0])
    found = expectations(model, {}, {"x": x}, draws=400)
    assert found.method == "8 chains an example, 400 sweeps each"
    away = (found.values["a"] - (1 / x - 1 / np.expm1(x))) / found.std_error["a"]
    assert np.abs(away).max() < 5.4
    assert found.std_error["a"].max() < 0.03
    alone = expectations(model, {}, {"x": x[1:2]}, draws=400)
    assert alone.values["a"][0] == pytest.approx(found.values["a"][1], abs=1e-6)


def test_an_angle_is_expected_as_cosine_and_sine():
    """Given x an angle of the von Mises law at concentration x: E cos = I1(x) / I0(x)."""
    from scipy.special import ive

    model = ebm.loads("latent a : angle visible x : real<0, 5> energy = -x * cos(a)")
    x = np.array([0.5, 2.0])
    found = expectations(model, {}, {"x": x}, draws=400)
    away = found.values["a"] - np.stack([ive(1, x) / ive(0, x), 0 * x], axis=1)
    assert np.abs(away / found.std_error["a"]).max() < 5.4  # Student's t of 7 degrees, a thousandth


def test_what_is_no_hidden_variable_is_refused():
    model = ebm.loads(SPINS)
    for names, says in ((["x"], "stands in the data"), (["t"], "no variable `t`")):
        with pytest.raises(ebm.EbmError, match=rf"E606.*{says}"):
            expectations(model, model.init(0), {"x": X[:, :4]}, names=names)
