"""Draws and comparisons with numbers that are known, made without a sampler."""

from types import SimpleNamespace

import numpy as np

import ebmlang as ebm
from ebmlang.evaluation.comparison import Comparison, Row

SETTINGS = {
    "sampler": "gibbs",
    "beta": 1.0,
    "seed": 7,
    "thin": 1,
    "held": (),
    "methods": ("gibbs",),
}


def draws_of(text: str, values: dict[str, np.ndarray], energy: np.ndarray, diverged=None, **bound):
    """Draws of a program with these values [chain, draw, dims]."""
    model = ebm.loads(text, check=False, **bound)
    none = np.zeros(energy.shape)
    report = SimpleNamespace(
        diverged=none if diverged is None else diverged,
        acceptance=none + 1,
        gradients=none,
        hamiltonian=none,
    )
    return ebm.Draws(model.program, model.world, values, energy, report, SETTINGS)


def spins(chains: int = 3, draws: int = 60, side: int = 4):
    """Random spins on a lattice, and their energy; the first site never leaves its chain's value."""
    rng = np.random.default_rng(3)
    s = rng.choice([-1.0, 1.0], (chains, draws, side, side))
    s[:, :, 1, 2] = np.where(np.arange(chains) % 2, 1.0, -1.0)[:, None]
    text = (
        "model lattice dim row = 4 cyclic, col = 4 cyclic visible s : spin[row, col] "
        "energy = -sum(i, j) s[i, j] * (s[i+1, j] + s[i, j+1]) quantity m = mean(s)"
    )
    near = np.roll(s, -1, 2) + np.roll(s, -1, 3)
    energy = -(s * near).sum(axis=(2, 3))
    return draws_of(text, {"s": s, "m": s.mean(axis=(2, 3))}, energy)


def row(name: str, amplitude: float, **other) -> Row:
    """A sampler whose error falls as the root of time."""
    seconds = np.geomspace(0.01, 1, 9)
    curve = tuple(zip(seconds.tolist(), (amplitude / np.sqrt(seconds)).tolist(), strict=True))
    known = {
        "ess": 2000.0, "ess_per_second": 2000.0, "ess_per_gradient": 0.5, "rhat": 1.001,
        "acceptance": 0.9, "compile_seconds": 2.0, "warmup_seconds": 0.3, "seconds": 1.0,
        "gradients": 4000.0, "error": amplitude, "bias": amplitude, "bias_error": amplitude,
        "off": 0.0, "energy_errors": 0.5, "curve": curve,
    }  # fmt: skip
    return Row(name, **(known | other))


def comparison(*rows: Row) -> Comparison:
    """A comparison of these rows."""
    return Comparison(
        "lattice", rows, "bias is the distance from the exact gradient", 1000, 4, 100, 5,
        "the worst of 2 entries", text="model lattice\nenergy = <b>&\"", explained="s   exact Gibbs",
    )  # fmt: skip
