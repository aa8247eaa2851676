"""Restricted Boltzmann machine, machine learning: Twenty hidden units learn 1400 handwritten digits,
so few that the likelihood of digits held back is summed exactly. The first row shows data, each row
below it one Gibbs chain of the model, a draw every 50 sweeps."""

from pathlib import Path

import numpy as np
import optax
from sklearn.datasets import load_digits

import ebmlang as ebm


def main(unit=20, epochs=60, train=1400, chains=5):
    images = (load_digits().data > 7.5).astype("int8")  # [image, pixel]
    images = np.random.default_rng(0).permutation(images)
    lit = images[:train].any(axis=0)  # a pixel that is never lit has no finite bias
    learn, judge = images[:train, lit], images[train:, lit]
    rate = optax.cosine_decay_schedule(1e-2, epochs * (train // 20))
    model = ebm.load(Path(__file__).with_suffix(".ebm"), unit=unit)
    fit = ebm.fit(model, {"v": learn}, epochs=epochs, batch_size=20, chains=200, sweeps=3,
                  optimizer=optax.adam(rate))  # fmt: skip
    score = fit.log_likelihood({"v": judge})
    share = (learn.sum(axis=0) + 1) / (train + 2)
    apart = np.where(judge, np.log(share), np.log(1 - share)).sum(axis=1).mean()
    print(f"digits held back, nats an image: {score:.2f}, by pixels on their own {apart:.2f}")
    draws = fit.sample(draws=12, chains=chains, warmup=1000, thin=50)
    shown = np.zeros((chains + 1, 12, 64))
    shown[0], shown[1:, :, lit] = images[:12], draws["v"]
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.images(shown.reshape(-1, 64), columns=12, path="pictures/rbm.png")
    return score, apart


if __name__ == "__main__":
    main()
