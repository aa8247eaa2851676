"""An epoch of MNIST, RBM 784 x 500, beside scikit-learn's BernoulliRBM in one run; compilation apart.

    python benchmarks/epochs.py      data: the folder named by EBMLANG_DATA; peers: pip install -e '.[peers]'

Both run PCD-1 with 100 chains in batches of 100, in turn; ours with the centred gradient, and all that
a fit watches. Each call is timed from data in memory to the fitted weights: 2 means that ours takes
half as long. The figure is the median over pairs.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optax
from sklearn.neural_network import BernoulliRBM

import ebmlang as ebm

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EBMLANG_DATA", ROOT.parent / "shared" / "data"))
PAIRS = 5
GOAL = 2.0


def seconds(run: Callable[[], Any]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main() -> None:
    """Both in turn, after one call of ours that compiles."""
    packed = np.load(DATA / "mnist" / "mnist_thr05_bits.npz")["train"]
    rows = np.unpackbits(packed, axis=1)[:, :784].astype(np.float32)
    model = ebm.load(ROOT / "examples" / "rbm.ebm", pixel=784, unit=500)
    settings = {"batch_size": 100, "chains": 100, "progress": False}

    def ours() -> Any:
        return ebm.fit(model, {"v": rows}, epochs=1, optimizer=optax.sgd(0.01), **settings)

    def theirs() -> Any:
        peer = BernoulliRBM(n_components=500, batch_size=100, n_iter=1, learning_rate=0.01)
        return peer.fit(rows)

    print(f"the first call, with compilation  {seconds(ours):6.2f} s", flush=True)
    times = np.array([[seconds(ours), seconds(theirs)] for _ in range(PAIRS)])
    ratio = float(np.median(times[:, 1] / times[:, 0]))
    own, other = np.median(times, axis=0)
    word = "met" if ratio >= GOAL else "MISSED"
    print(f"an epoch of 600 steps  ours {own:6.2f} s   scikit-learn {other:6.2f} s   "
          f"ratio {ratio:.2f}   goal {GOAL:g}: {word}")  # fmt: skip


if __name__ == "__main__":
    main()
