"""The centred gradient: by hand for a machine of two layers, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ebmlang as ebm
from ebmlang.partition.examples import Examples
from ebmlang.training.centring import centring_of, fields_from_means

EXAMPLES = Path(__file__).parents[2] / "examples"
FIELDS = {
    "rbm": ({"pixel": 5, "unit": 3}, {"v": "b", "h": "c"}),
    "boltzmann_machine": ({"unit": 5}, {"x": "b"}),
    "potts_dca": ({"site": 4}, {"x": "h"}),
    "dbm": ({"pixel": 4, "low": 3, "high": 2}, {"v": "a", "h1": "b1", "h2": "b2"}),
    "gaussian_rbm": ({"pixel": 3, "unit": 2}, {"h": "c"}),
    "spikes": ({"neuron": 5}, {"s": "h"}),
    "ising": ({"row": 4, "col": 4}, None),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_found(name: str):
    sizes, wanted = FIELDS[name]
    found = centring_of(ebm.load(EXAMPLES / f"{name}.ebm", **sizes))
    assert (found and {f.variable: f.parameter for f in found.fields}) == wanted


def random_like(tree: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: jnp.asarray(rng.normal(size=np.shape(x))), tree)


def test_the_gradient_of_two_layers_is_that_of_melchior_and_others():
    """Their equations 8 to 10, with flattened weights."""
    model = ebm.load(EXAMPLES / "rbm.ebm", pixel=5, unit=3)
    centring = centring_of(model)
    assert centring is not None
    free = model.parameter_space.unconstrain(model.init())
    free, slopes = random_like(free, 0), random_like(free, 1)
    rng = np.random.default_rng(2)
    offsets = {"v": jnp.asarray(rng.uniform(size=5)), "h": jnp.asarray(rng.uniform(size=3))}
    turned = centring.turned(slopes, free, offsets, {})
    by_hand = (slopes["W"].reshape(5, 3) - np.outer(slopes["b"], offsets["h"])
               - np.outer(offsets["v"], slopes["c"]))  # fmt: skip
    assert np.allclose(turned["W"].reshape(5, 3), by_hand, atol=1e-5)
    assert np.array_equal(turned["b"], slopes["b"])
    moved = {n: free[n] - 0.1 * turned[n] for n in free}
    applied = free | centring.shifted(free, moved, offsets, {})
    step = -0.1 * by_hand
    assert np.allclose(applied["b"], moved["b"] - step @ offsets["h"], atol=1e-5)
    assert np.allclose(applied["c"], moved["c"] - step.T @ offsets["v"], atol=1e-5)


@pytest.mark.slow
def test_a_flip_of_all_units_changes_nothing_but_signs():
    """What plain gradients lack: 0 and 1 may change their names (Melchior et al., theorem 1)."""
    model = ebm.loads("""dim n = 4
    visible x : binary[n]
    param J : real[n, n] symmetric hollow
    param b : real[n]
    energy = -sum(i < j) J[i, j] * x[i] * x[j] - b @ x""")
    rows = (np.random.default_rng(0).uniform(size=(200, 4)) < [0.9, 0.8, 0.85, 0.7]).astype(float)
    settings: dict[str, Any] = {"epochs": 30, "batch_size": 200, "sampler": "auto", "chains": 4000,
                                "optimizer": optax.sgd(0.3), "progress": False}  # fmt: skip
    found, turned = ({k: ebm.fit(model, {"x": x}, centred=k, **settings).params["J"]
                      for k in (True, False)} for x in (rows, 1 - rows))  # fmt: skip
    apart = {k: np.abs(found[k] - turned[k]).max() for k in (True, False)}
    assert apart[True] < 0.12
    assert apart[False] > 2 * apart[True]


def test_fields_start_at_the_means_of_the_data():
    model = ebm.load(EXAMPLES / "potts_dca.ebm", site=3)
    centring = centring_of(model)
    assert centring is not None
    rows = np.random.default_rng(1).integers(0, 21, (5000, 3))
    params = fields_from_means(centring, model.init(), Examples({"x": rows}, {}, {}))
    shares = np.exp(params["h"]) / np.exp(params["h"]).sum(axis=1, keepdims=True)
    counted = np.stack([np.bincount(rows[:, i], minlength=21) for i in range(3)]) / 5000
    assert np.allclose(shares, counted, atol=1e-3)
    rbm = ebm.load(EXAMPLES / "rbm.ebm", pixel=2, unit=2)
    centring = centring_of(rbm)
    assert centring is not None
    started = fields_from_means(centring, rbm.init(), Examples({"v": np.ones((9, 2))}, {}, {}))
    assert np.allclose(started["b"], np.log(9.5 / 0.5))
    assert np.all(np.asarray(started["c"]) == 0)
