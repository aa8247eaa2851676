"""Potts model of a protein, structural biology: Couplings between sites of aligned sequences, above
the diagonal, tell which residues touch in the fold, below it. Without a file the sequences are drawn
from planted contacts; `potts_dca.py PF00014.npz` finds those of a real family."""

import sys
from pathlib import Path

import numpy as np
import optax

import ebmlang as ebm


def main(path=None, site=24, rows=3000, epochs=30):
    model, rng = ebm.load(Path(__file__).with_suffix(".ebm")), np.random.default_rng(0)
    if path:  # msa [row, site], 0 a gap; dist_A, in Å, of pairs of sites numbered from 1
        x, i, j, far = (np.load(path)[name] for name in ("msa", "pair_i", "pair_j", "dist_A"))
        near = np.zeros((x.shape[1], x.shape[1]), bool)
        near[i - 1, j - 1] = far < 8
    else:
        print("no file is given: sequences are drawn from planted contacts")
        near = np.triu(np.isin(np.add.outer(range(site), range(site)), (site - 1, site + 8)), 5)
        J = near[..., None, None] * rng.normal(size=(site, site, 21, 21))
        model = model.bind(site=site)
        x = ebm.sample(model, model.init() | {"J": J}, draws=1, chains=rows)["x"][:, 0]
    x = np.unique(x, axis=0)
    fit = ebm.fit(model, {"x": x}, objective="pseudo", epochs=epochs, optimizer=optax.adam(0.005))
    norm = np.linalg.norm(fit.params["J"][..., 1:, 1:], axis=(2, 3))  # Ekeberg et al. (2013)
    mean = norm.mean(axis=0) + norm.mean(axis=1)  # what a site shares with all: Dunn et al. (2008)
    score = np.triu(norm - np.outer(mean, mean) / mean.mean(), 5)
    best = np.argsort(-score, axis=None)[: len(near) // 2]
    found, chance = near.reshape(-1)[best].mean(), near[np.triu_indices(len(near), 5)].mean()
    print(f"contacts among the {len(best)} strongest pairs: {found:.0%}, by chance {chance:.0%}")
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.images([near.T + score.clip(0) / score.max()], path="pictures/potts_dca.png")
    return found, chance


if __name__ == "__main__":
    main(*sys.argv[1:])
