"""In-painting, vision: The upper half of digits that were held back is clamped, and the lower half
drawn by a Boltzmann machine that never saw it. Below each digit and its half stand the mean of the
draws, which is grey where several digits fit, and three draws."""

from pathlib import Path

import numpy as np
import optax
from sklearn.datasets import load_digits

import ebmlang as ebm


def main(unit=100, epochs=60, train=1400, digits=10, draws=200):
    images = (load_digits().images > 7.5).astype("int8")  # [image, row, col]
    images = np.random.default_rng(1).permutation(images)
    rate = optax.cosine_decay_schedule(5e-3, epochs * (train // 50))
    model = ebm.load(Path(__file__).with_suffix(".ebm"), unit=unit)
    fit = ebm.fit(model, {"v": images[:train]}, epochs=epochs, batch_size=50, sweeps=3,
                  optimizer=optax.adam(rate))  # fmt: skip
    known = np.zeros((8, 8), bool)
    known[:4] = True
    columns = []
    for image in images[train : train + digits]:
        run = fit.sample(clamp={"v": (image, known)}, draws=draws, chains=4, warmup=100)
        mean = run["v"].mean(axis=(0, 1))
        columns.append([image, np.where(known, image, np.nan), mean, *run["v"][:3, -1]])
    shown = np.swapaxes(columns, 0, 1)  # [what, digit, row, col]
    lower, usual = shown[0, :, 4:], images[:train, 4:].mean(axis=0)
    error, blind = np.mean((shown[2, :, 4:] - lower) ** 2), np.mean((usual - lower) ** 2)
    print(f"mean squared error of the lower halves: {error:.3f}, by the mean digit {blind:.3f}")
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.images(shown.reshape(-1, 8, 8), columns=digits, path="pictures/inpainting.png")
    return error, blind


if __name__ == "__main__":
    main()
