"""The fits that tests make on one device and on many."""

import jax
import numpy as np
import optax

import ebmlang as ebm

RBM = """dim pixel, unit
visible v : binary[pixel]
latent h : binary[unit]
param W : real[pixel, unit] init normal(0, 0.1)
param b : real[pixel]
energy = -v @ W @ h - b @ v"""
RINGS = """dim n = 2
visible v : real[n]
latent x : real
param a : positive init 1
param m : real init 0.5
energy = a * sum(i) (v[i] - m)^2 / 2 + x^4 + x^2 * (1 + v[0]^2) / 2 - tanh(x)"""
BITS = np.random.default_rng(0).integers(0, 2, (80, 6)).astype(np.int8)
POINTS = np.random.default_rng(1).normal(1, 1, (32, 2)).astype(np.float32)
SETTINGS = {
    "epochs": 3,
    "batch_size": 16,
    "chains": 8,
    "progress": False,
    "optimizer": optax.adam(0.02),
}
CASES = {
    "chains": (RBM, {"unit": 3}, BITS, {}),
    "buffer": (RBM, {"unit": 3}, BITS, {"buffer": 24}),
    "latents": (RINGS, {}, POINTS, {"sweeps": 2}),
}
EXTRA = {"pseudo": (RBM, {"unit": 3}, BITS, {"objective": "pseudo"})}


def case(name, **changed):
    """A fit by its name."""
    text, sizes, data, settings = {**CASES, **EXTRA}[name]
    model = ebm.loads(text, check=False, **sizes)
    return ebm.fit(model, {"v": data}, **{**SETTINGS, **settings, **changed})


def flat(name, fit):
    """What a fit found, by names that go into a file."""
    chains = {f"{name} chains {n}": v for n, v in fit.chains.items()}
    params = {f"{name} param {n}": v for n, v in fit.params.items()}
    seen = {k: v for k, v in fit.history.items() if k != "seconds"}
    return jax.tree.map(
        np.asarray, {**chains, **params, **{f"{name} {k}": v for k, v in seen.items()}}
    )
