"""Variables that the model holds: fits and log-likelihoods are of the others given them."""

from typing import Any

import jax
import numpy as np
import optax
import pytest

import ebmlang as ebm

TWO = "visible x : binary {role} t : binary param b : real energy = -b * x - 2 * t * x"
ONES = np.array([1] * 30 + [0] * 10)
BEST = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)

NET = """dim n = 3
visible x : binary[n]
{role} s : spin[n]
param J : real[n, n] symmetric hollow init normal(0, 0.1)
param b : real init 0.2
let pull[i] = b + s[i]
quantity up = sum(x)
energy couplings = -sum(i < j) J[i, j] * x[i] * x[j]
energy fields = -sum(i) pull[i] * x[i]"""
SPINS = np.array([1, -1, 1])
ROWS = (np.random.default_rng(0).random((60, 3)) < [0.7, 0.3, 0.5]).astype(int)


@pytest.mark.parametrize("role", ["visible", "latent"])
@pytest.mark.parametrize("t", [0, 1])
def test_exact_gradients_follow_what_is_held(role: str, t: int):
    model = ebm.loads(TWO.format(role=role)).bind(t=t)
    fit = ebm.fit(model, {"x": ONES}, sampler="exact", epochs=100, progress=False)
    assert fit.params["b"] == pytest.approx(np.log(3) - 2 * t, abs=1e-5)
    assert float(fit.log_likelihood({"x": ONES})) == pytest.approx(BEST, abs=1e-6)
    assert fit.model.bindings.held["t"] == t
    assert np.all(np.asarray(fit.sample(draws=5, chains=2, progress=False)["t"]) == t)


@pytest.mark.parametrize("objective", ["mle", "cd", "pseudo", "nce"])
def test_every_objective_follows_what_is_held(objective: str):
    settings: dict[str, Any] = {"epochs": 200, "batch_size": 40, "chains": 400, "progress": False,
                                "optimizer": optax.adam(0.03), "objective": objective}  # fmt: skip
    found = [
        ebm.fit(ebm.loads(TWO.format(role="visible"), t=t), {"x": ONES}, **settings).params["b"]
        for t in (0, 1)
    ]
    assert found[0] - found[1] == pytest.approx(2, abs=0.35)
    assert found[0] == pytest.approx(np.log(3), abs=0.3)


@pytest.mark.parametrize("role", ["visible", "latent"])
def test_a_held_variable_is_given_data(role: str):
    """Through definitions, quantities and symmetric arrays: the law is that of `given`."""
    held = ebm.loads(NET.format(role=role)).bind(s=SPINS)
    given = ebm.loads(NET.format(role="given"), s=SPINS)
    settings: dict[str, Any] = {"sampler": "exact", "epochs": 200, "progress": False}
    params = ebm.fit(given, {"x": ROWS}, **settings).params
    found = ebm.fit(held, {"x": ROWS}, **settings).params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-8), found, params)
    values = ebm.log_prob(held, params, {"x": ROWS}).values
    assert np.allclose(values, ebm.log_prob(given, params, {"x": ROWS}).values, atol=1e-9)
    assert np.exp(ebm.log_prob(held, params, {"x": states()}).values).sum() == pytest.approx(1)
    free = held.free_energy(params, {"x": ROWS})
    assert np.allclose(free, given.energy(params, {"x": ROWS}), atol=1e-5)


def states() -> np.ndarray:
    return np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def test_what_stands_in_the_data_is_given_there():
    """Each example then has its own."""
    rows = {"x": np.array([1, 1, 0, 1]), "t": np.array([0, 1, 1, 0])}
    params = {"b": np.array(0.3)}
    model = ebm.loads(TWO.format(role="visible"), t=1)
    want = ebm.log_prob(ebm.loads(TWO.format(role="given")), params, rows).values
    assert np.allclose(ebm.log_prob(model, params, rows).values, want, atol=1e-9)


def test_a_density_of_what_is_held_stays_an_energy():
    """y is known, so that mu is pulled towards it as in the posterior."""
    text = """latent mu : real ~ normal(0, 1)
    visible y : real ~ normal(mu, 1)
    visible z : real ~ normal(mu, 1)"""
    held = ebm.loads(text, y=2.0)
    z = np.linspace(-2, 4, 7)
    found = ebm.log_prob(held, {}, {"z": z}).values
    # z given y = 2: mean 1, variance 1 / 2 + 1
    want = -0.5 * (z - 1) ** 2 / 1.5 - 0.5 * np.log(2 * np.pi * 1.5)
    assert np.allclose(found, want, atol=1e-6)
