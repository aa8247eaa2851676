"""Optimisers that hold parameters still or decay them: the centred gradient ends where the plain one does."""

import itertools
from typing import Any

import numpy as np
import optax
import pytest
from scipy.optimize import minimize

import ebmlang as ebm
from ebmlang import EbmError

MODEL = ebm.loads("""dim n = 3
visible x : binary[n]
param J : real[n, n] symmetric hollow
param b : real[n]
energy = -sum(i < j) J[i, j] * x[i] * x[j] - b @ x""")
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
SHARES = np.array([0.05, 0.1, 0.1, 0.05, 0.2, 0.3, 0.1, 0.1])
ROWS = np.repeat(STATES, np.round(400 * SHARES).astype(int), axis=0)
UPPER = np.triu_indices(3, 1)


def loss(vector: np.ndarray, decay: float) -> float:
    """Negative log-likelihood with half `decay` times the squares, by enumeration."""
    pairs = np.stack([STATES[:, i] * STATES[:, j] for i, j in zip(*UPPER, strict=True)], axis=1)
    weights = pairs @ vector[:3] + STATES @ vector[3:]
    return float(np.log(np.exp(weights).sum()) - SHARES @ weights + decay / 2 * vector @ vector)


def fitted(optimizer: Any, **settings: Any) -> np.ndarray:
    fit = ebm.fit(MODEL, {"x": ROWS}, optimizer=optimizer, batch_size=400, chains=1000, epochs=400,
                  progress=False, **settings)  # fmt: skip
    return np.concatenate([np.asarray(fit.params["J"])[UPPER], fit.params["b"]])


def test_weight_decay_ends_at_its_own_optimum():
    rate = optax.cosine_decay_schedule(0.3, 400)
    found = fitted(optax.chain(optax.add_decayed_weights(0.1), optax.sgd(rate)))
    best = minimize(loss, np.zeros(6), args=(0.1,)).x
    assert np.allclose(found, best, atol=0.03)


def test_fields_that_are_held_still_stay():
    labels = {"J": "go", "b": "stop"}
    rule = optax.adam(optax.cosine_decay_schedule(0.05, 400))
    still = optax.multi_transform({"go": rule, "stop": optax.set_to_zero()}, labels)
    found = fitted(still, params={"J": np.zeros((3, 3)), "b": np.full(3, -0.5)})
    assert np.array_equal(found[3:], [-0.5] * 3)
    best = minimize(lambda v: loss(np.concatenate([v, [-0.5] * 3]), 0), np.zeros(3)).x
    assert np.allclose(found[:3], best, atol=0.06)


def test_fields_that_are_held_still_do_not_start_from_means():
    masked = optax.masked(optax.set_to_zero(), {"J": False, "b": True})
    found = fitted(optax.chain(optax.sgd(0.1), masked))
    assert np.array_equal(found[3:], np.zeros(3))


def test_a_rate_that_begins_at_zero_holds_nothing_still():
    rate = optax.warmup_cosine_decay_schedule(0, 0.3, 20, 400)
    best = minimize(loss, np.zeros(6), args=(0.0,)).x
    assert np.allclose(fitted(optax.sgd(rate)), best, atol=0.08)


@pytest.mark.parametrize("wrong", ["adam", optax.adam, 0.1])
def test_what_is_no_optimiser_is_refused(wrong: Any):
    with pytest.raises(EbmError, match=r"E704.*optimiser of optax"):
        ebm.fit(MODEL, {"x": ROWS}, optimizer=wrong, progress=False)


@pytest.mark.parametrize("wrong", [-1, None, "a", 1.5, True, 2**32])
def test_what_is_no_seed_is_refused(wrong: Any):
    with pytest.raises(EbmError, match=r"E704.*from 0 to"):
        ebm.fit(MODEL, {"x": ROWS}, seed=wrong, progress=False)
    with pytest.raises(EbmError, match=r"E704.*from 0 to"):
        ebm.sample(MODEL, MODEL.init(), seed=wrong, progress=False)
