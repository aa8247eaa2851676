"""The main job, start to end: an RBM written in a file, fitted to real digits, checked exactly.

    make demo

The data are the 1797 handwritten digits that ship with scikit-learn: 8 x 8 pixels, made binary.
With few hidden units log Z is summed exactly, so the log-likelihoods below are exact.
"""

import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM

import ebmlang as ebm

HERE = Path(__file__).parent
OUT = HERE.parent / "demo"
UNITS, EPOCHS, BATCH, CHAINS = 20, 100, 20, 200


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1400 images to learn from and 397 to be judged by, binary [image, pixel]."""
    pixels = load_digits().data > 7.5
    order = np.random.default_rng(0).permutation(len(pixels))
    images = pixels[order].astype(np.int8)
    return images[:1400], images[1400:]


def tiles(images: np.ndarray, path: Path, title: str, **style: object) -> None:
    """A picture of 8 x 8 images in a row-major grid."""
    columns = 10
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 0.8, rows * 0.8 + 0.5))
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(image.reshape(8, 8), **style)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def best_peer(train: np.ndarray, test: np.ndarray, model: ebm.Model) -> tuple[float, float]:
    """scikit-learn's RBM of the same size, epochs and batches, at the rate that suits it best."""
    found = []
    for rate in (0.1, 0.05, 0.02, 0.01):
        begun = time.perf_counter()
        peer = BernoulliRBM(
            UNITS, learning_rate=rate, batch_size=BATCH, n_iter=EPOCHS, random_state=0
        ).fit(train)
        seconds = time.perf_counter() - begun
        weights = {
            "W": peer.components_.T,
            "b": peer.intercept_visible_,
            "c": peer.intercept_hidden_,
        }
        found.append((ebm.Fit(model, weights, {}).log_likelihood({"v": test}), seconds))
    return max(found)


def heading(text: str) -> None:
    """A line to find one's way by."""
    print(f"\n== {text}", flush=True)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    train, test = digits()

    heading("check and explain examples/rbm.ebm")
    model = ebm.load(HERE / "rbm.ebm", pixel=64, unit=UNITS)
    print(model.explain())

    heading(f"fit it to {len(train)} digits, {UNITS} hidden units, {EPOCHS} epochs")
    steps = EPOCHS * (len(train) // BATCH)
    begun = time.perf_counter()
    fit = ebm.fit(
        model,
        {"v": train},
        epochs=EPOCHS,
        batch_size=BATCH,
        chains=CHAINS,
        sweeps=3,
        optimizer=optax.adam(optax.cosine_decay_schedule(1e-2, steps)),
        seed=0,
    )
    own = time.perf_counter() - begun
    peer, other = best_peer(train, test, fit.model)
    before = ebm.Fit(fit.model, model.init(seed=0), {}).log_likelihood({"v": test})
    after = fit.log_likelihood({"v": test})
    print(f"exact test log-likelihood, nats per image ({after.method}):")
    print(f"  before          {before:8.3f}")
    print(f"  ebmlang         {after:8.3f} ± {after.std_error:.3f}   {own:5.1f} s with compilation")
    print(
        f"  scikit-learn    {peer:8.3f} ± {peer.std_error:.3f}   {other:5.1f} s, best of four rates"
    )
    fit.save(OUT / "rbm.fit")

    heading("pictures")
    scale = float(np.percentile(np.abs(fit.params["W"]), 99))
    tiles(fit.params["W"].T, OUT / "filters.png", "learnt filters (columns of W)",
          cmap="RdBu_r", vmin=-scale, vmax=scale)  # fmt: skip
    drawn = fit.sample(draws=10, chains=5, warmup=1000, thin=200, seed=1, progress=False)
    tiles(drawn["v"].reshape(-1, 64), OUT / "samples.png", "samples, a chain a row",
          cmap="gray_r", vmin=0, vmax=1)  # fmt: skip
    for name in ("filters.png", "samples.png"):
        print(f"  demo/{name}")

    heading("three samplers on the fitted RBM: only one of them can move binary variables")
    print(ebm.compare(fit.model, fit.params, ["gibbs", "langevin", "hmc"], draws=8000, seed=0))

    heading("three samplers on a Gaussian RBM, where all of them can run")
    real = ebm.load(HERE / "gaussian_rbm.ebm", pixel=16, unit=10)
    params = real.init(seed=0)
    params["W"] = params["W"] * 40
    print(ebm.compare(real, params, ["gibbs", ebm.Langevin(step_size=0.1), "hmc"], seed=0))


if __name__ == "__main__":
    main()
