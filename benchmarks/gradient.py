"""The gradient of log Z with and without averaging out: variance, cost, and what `auto` does.

    python benchmarks/gradient.py [model …]

`variance`: the squared norm of the standard errors, `cost`: seconds once all is compiled, both as parts
of those of the draws themselves; `product` says how much shorter a run of the same error is. Medians of
ROUNDS seeds that take turns.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ebmlang as ebm

EXAMPLES = Path(__file__).parent.parent / "examples"
DRAWS, ROUNDS = 2000, 3
FIELDS = """dim row = 16 cyclic, col = 16 cyclic
visible s : spin[row, col]
param J : real
param h : real[row, col]
energy = -J * sum(i, j) s[i, j] * (s[i+1, j] + s[i, j+1]) - sum(i, j) h[i, j] * s[i, j]"""

Case = tuple[ebm.Model, dict[str, Any]]


def weights(*shape: int, spread: float) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(0).normal(0, spread, shape).astype("float32")


def rbm(pixels: int, units: int, spread: float) -> Case:
    """An RBM with weights of some strength."""
    model = ebm.load(EXAMPLES / "rbm.ebm", pixel=pixels, unit=units)
    return model, {**model.init(0), "W": weights(pixels, units, spread=spread)}


def ising(strength: float) -> Case:
    """A square lattice of 32 x 32 spins; the critical strength is 0.4407 without a field."""
    model = ebm.load(EXAMPLES / "ising.ebm", row=32, col=32)
    return model, {"J": np.float32(strength), "B": np.float32(0.1)}


def fields() -> Case:
    """A lattice with a field of its own for every spin."""
    return ebm.loads(FIELDS), {"J": np.float32(0.3), "h": weights(16, 16, spread=0.2)}


def gaussian() -> Case:
    """Real pixels, binary features."""
    model = ebm.load(EXAMPLES / "gaussian_rbm.ebm", pixel=32, unit=16)
    return model, {**model.init(0), "W": weights(32, 16, spread=0.3)}


def mixture() -> Case:
    """Discrete memberships, real centres."""
    model = ebm.load(EXAMPLES / "mixture.ebm", point=30)
    return model, model.init(0)


CASES: dict[str, Callable[[], Case]] = {
    "rbm 32 x 16": lambda: rbm(32, 16, 0.4),
    "rbm 128 x 64": lambda: rbm(128, 64, 0.1),
    "ising, J = 0.3": lambda: ising(0.3),
    "ising, J = 0.5": lambda: ising(0.5),
    "spins with fields": fields,
    "gaussian_rbm": gaussian,
    "mixture": mixture,
}


def timed(case: Case, how: str | bool, seed: int) -> tuple[float, float, str]:
    """Squared norm of the errors, seconds, and what was done."""
    begun = time.perf_counter()
    found = ebm.gradient(*case, draws=DRAWS, rao_blackwell=how, seed=seed)
    return found.error_norm**2, time.perf_counter() - begun, found.how


def main() -> None:
    """A line for each model."""
    print("model              variance   cost  product   auto")
    for name in sys.argv[1:] or CASES:
        case = CASES[name]()
        for how in (False, True, "auto"):
            timed(case, how, 0)
        runs = [[timed(case, how, seed) for how in (False, True)] for seed in range(ROUNDS)]
        variance = statistics.median(averaged[0] / plain[0] for plain, averaged in runs)
        cost = statistics.median(averaged[1] / plain[1] for plain, averaged in runs)
        told = timed(case, "auto", 0)[2]
        print(f"{name:18} {variance:8.2g} {cost:6.2f} {variance * cost:8.2g}   {told}", flush=True)


if __name__ == "__main__":
    main()
