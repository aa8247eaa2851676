"""Deep Boltzmann machine, machine learning: Two layers of hidden units learn 1400 digits together, each
layer drawn at once given its neighbours, without pretraining. The first row shows data, each row
below it one chain of the model, whose pixels covary much as those of digits held back do."""

from pathlib import Path

import numpy as np
import optax
from sklearn.datasets import load_digits

import ebmlang as ebm


def main(low=64, high=32, epochs=40, train=1400, draws=240, chains=5):
    images = (load_digits().data > 7.5).astype("int8")  # [image, pixel]
    images = np.random.default_rng(0).permutation(images)
    lit = images[:train].any(axis=0)  # a pixel that is never lit has no finite bias
    rate = optax.cosine_decay_schedule(5e-3, epochs * (train // 50))
    model = ebm.load(Path(__file__).with_suffix(".ebm"), low=low, high=high)
    fit = ebm.fit(model, {"v": images[:train, lit]}, epochs=epochs, batch_size=50, chains=100,
                  sweeps=3, optimizer=optax.adam(rate))  # fmt: skip
    drawn = fit.sample(draws=draws, chains=chains, warmup=500, thin=10)["v"]
    pairs = np.triu_indices(lit.sum(), 1)
    rows = images[train:, lit], np.concatenate(drawn)
    alike = np.corrcoef([np.cov(row, rowvar=False)[pairs] for row in rows])[0, 1]
    print(f"covariances of pixels, drawn and held back, correlate by {alike:.3f}")
    shown = np.zeros((chains + 1, 12, 64))
    shown[0], shown[1:, :, lit] = images[:12], drawn[:, :: draws // 12][:, :12]
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.images(shown.reshape(-1, 64), columns=12, path="pictures/dbm.png")
    return alike


if __name__ == "__main__":
    main()
