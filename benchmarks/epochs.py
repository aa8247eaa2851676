"""An epoch of an RBM 784 x 500 beside scikit-learn's BernoulliRBM in one run; compilation apart.

    python benchmarks/epochs.py      MNIST from the folder named by EBMLANG_DATA, else noise of its size

Both run PCD-1 with 100 chains in batches of 100, in turn; ours with the centred gradient, and all that
a fit watches. Each call is timed from data in memory to the fitted weights: 2 means that ours takes
half as long. `bits` gives both the images as they come out of their file, as whole numbers of eight
bits, which scikit-learn then works with in 64 bits; `reals` gives both 32-bit real numbers, the best
case of scikit-learn. Ours works in 32 bits with either.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optax
from pairs import Result, Run, beside, compiled, run_cases

import ebmlang as ebm

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EBMLANG_DATA", ROOT.parent / "shared" / "data"))
PAIRS = 5


def images() -> np.ndarray:
    """60 000 binary images [image, pixel] as bits; without the file as many of noise, a fifth ones."""
    file = DATA / "mnist" / "mnist_thr05_bits.npz"
    if not file.exists():
        return (np.random.default_rng(0).random((60_000, 784)) < 0.2).astype(np.uint8)
    return np.unpackbits(np.load(file)["train"], axis=1)[:, :784]


def epoch(name: str, rows: np.ndarray) -> list[Result]:
    model = ebm.load(ROOT / "examples" / "rbm.ebm", pixel=784, unit=500)
    settings: dict[str, Any] = {"batch_size": 100, "chains": 100, "progress": False}
    rule = optax.sgd(0.01)

    def ours(turn: int) -> Any:
        return ebm.fit(model, {"v": rows}, epochs=1, optimizer=rule, seed=turn, **settings)

    def peer() -> Run:
        from sklearn.neural_network import BernoulliRBM

        machine = BernoulliRBM(500, batch_size=100, n_iter=1, learning_rate=0.01)
        return Run(lambda _: machine.fit(rows), len(rows))

    mine = compiled(ours, len(rows))
    return beside(f"fit 784x500, {name}", "image", mine, "scikit-learn", peer, 2, PAIRS)


def bits() -> list[Result]:
    return epoch("bits", images())


def reals() -> list[Result]:
    return epoch("reals", images().astype(np.float32))


CASES = {f.__name__: f for f in (bits, reals)}


if __name__ == "__main__":
    run_cases(CASES, sys.argv[1:])
