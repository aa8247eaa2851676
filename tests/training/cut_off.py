"""A small fit that tests cut off and let go on, and when two fits are the same."""

import jax
import numpy as np
import optax

import ebmlang as ebm
from conftest import PROGRAMS

RBM = (PROGRAMS / "rbm.ebm").read_text()
MODEL = ebm.loads(RBM, unit=3, check=False)
BITS = np.random.default_rng(0).integers(0, 2, (70, 6)).astype(np.int8)
SETTINGS = {"batch_size": 10, "chains": 8, "progress": False, "epochs": 6}
RATE = 0.01


def fit(folder=None, **changed):
    """A fit of 7 steps an epoch."""
    settings = {"optimizer": optax.adam(RATE), **SETTINGS, **changed}
    return ebm.fit(MODEL, {"v": BITS}, checkpoint=folder, **settings)


def assert_same(one, other):
    assert jax.tree.all(jax.tree.map(np.array_equal, one.params, other.params))
    assert jax.tree.all(jax.tree.map(np.array_equal, one.chains, other.chains))
    for name in one.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(one.history[name], other.history[name])
