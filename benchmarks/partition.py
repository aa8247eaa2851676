"""Annealed log Z of real weights and of a critical lattice: how far from the exact value, how long.

    python benchmarks/partition.py      data: the folder named by EBMLANG_DATA

The first run compiles; the second, with another seed, is what is timed apart.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import ebmlang as ebm

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EBMLANG_DATA", ROOT.parent / "shared" / "data"))
CRITICAL = 0.44068679350977151
SIDE, LATTICE = 16, 238.6422566351329  # Kaufman (1949), periodic


def cases() -> Iterator[tuple[str, ebm.Model, dict[str, Any], dict[str, float], float]]:
    """Name, model, parameters, settings and the exact log Z."""
    lattice = ebm.load(ROOT / "examples" / "ising.ebm", row=SIDE, col=SIDE)
    yield (
        f"Ising {SIDE} x {SIDE}, critical",
        lattice,
        lattice.init(),
        {"beta": CRITICAL, "target_error": 0.02},
        LATTICE,
    )
    path = DATA / "rbm" / "pylearn2_mnistvh.npz"
    if path.exists():
        stored = np.load(path)
        rbm = ebm.load(ROOT / "examples" / "rbm.ebm", pixel=784, unit=15)
        params = {"W": stored["W"], "b": stored["bv"], "c": stored["bh"]}
        yield "RBM 784 x 15, MNIST", rbm, params, {}, float(stored["logZ_exact"])


def main() -> None:
    """Each case twice."""
    for name, model, params, settings, exact in cases():
        for seed in (0, 1):
            begun = time.perf_counter()
            z = ebm.log_partition(model, params, "ais", seed=seed, **settings)
            seconds = time.perf_counter() - begun
            print(
                f"{name:24} exact {exact:.4f}  off by {z.value - exact:+.4f}  {z}  {seconds:.0f} s"
            )


if __name__ == "__main__":
    main()
