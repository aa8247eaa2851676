"""Contacts of a protein family from couplings of a Potts model: plmDCA, scored on real distances.

    python benchmarks/contacts.py      data: the folder named by EBMLANG_DATA

examples/potts_dca.ebm is fitted to PF00014 by pseudo-likelihood, its priors the decay. Rows count by
how many others are at least 80 % alike: the fit sees rows drawn with those weights. Pairs more than
four sites apart are ranked by the Frobenius norm of their couplings, and the share of true contacts,
under 8 Å, is printed for the first so many pairs, beside the ranking that the data come with and chance.

Source: Ekeberg et al. (2013), "Improved contact prediction in proteins: using pseudolikelihoods to
infer Potts models"; the correction for what all pairs of a site share: Dunn, Wahl & Gloor (2008).
"""

import os
from pathlib import Path

import numpy as np
import optax

import ebmlang as ebm

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EBMLANG_DATA", ROOT.parent / "shared" / "data"))
ALIKE, APART, CONTACT = 0.8, 4, 8.0
EPOCHS, BATCH = 30, 200


def weights(rows: np.ndarray) -> np.ndarray:
    """One over the number of rows that are alike in 80 % of the sites, itself among them [row]."""
    hot = np.eye(rows.max() + 1, dtype=np.float32)[rows].reshape(len(rows), -1)
    least = ALIKE * rows.shape[1] - 0.5  # between two whole numbers
    parts = [hot[k : k + 1000] @ hot.T >= least for k in range(0, len(rows), 1000)]
    return 1 / np.concatenate([part.sum(axis=1) for part in parts])


def scores(couplings: np.ndarray) -> np.ndarray:
    """Corrected norms [i, j] of couplings [i, j, a, b], i < j: zero-sum gauge, gaps (a = 0) left out."""
    J = np.asarray(couplings, float)
    J = J - J.mean(axis=2, keepdims=True)
    J = J - J.mean(axis=3, keepdims=True)
    half = np.triu(np.sqrt((J[:, :, 1:, 1:] ** 2).sum(axis=(2, 3))), 1)
    norm = half + half.T
    mean = norm.sum(axis=0) / (len(norm) - 1)
    return norm - np.outer(mean, mean) / mean.mean()


def precision(score: np.ndarray, distance: np.ndarray, first: int) -> float:
    """The share of contacts among the first so many pairs."""
    return float((distance[np.argsort(-score)[:first]] < CONTACT).mean())


def fitted(rows: np.ndarray) -> ebm.Fit:
    """The Potts model at the maximum of its pseudo-likelihood with priors, rows by their weights."""
    share = weights(rows)
    rng = np.random.default_rng(0)
    drawn = rows[rng.choice(len(rows), int(share.sum()), p=share / share.sum())]
    model = ebm.load(ROOT / "examples" / "potts_dca.ebm", site=rows.shape[1])
    rate = optax.cosine_decay_schedule(0.01, EPOCHS * (len(drawn) // BATCH))
    return ebm.fit(model, {"x": drawn}, objective="pseudo", epochs=EPOCHS, batch_size=BATCH,
                   optimizer=optax.adam(rate), progress=False)  # fmt: skip


def main() -> None:
    """Fit, rank, score."""
    family = np.load(DATA / "protein" / "PF00014.npz")
    rows = family["msa"].astype(int)
    i, j = family["pair_i"] - 1, family["pair_j"] - 1
    far = j - i > APART
    ranked = {"ours": scores(fitted(rows).params["J"])[i, j], "theirs": family["repo_score"]}
    distance = family["dist_A"][far]
    print(f"{'pairs':>6} {'ours':>7} {'theirs':>7} {'chance':>7}")
    for first in (rows.shape[1] // 2, rows.shape[1], 2 * rows.shape[1]):
        ours, theirs = (precision(score[far], distance, first) for score in ranked.values())
        print(f"{first:>6} {ours:7.3f} {theirs:7.3f} {(distance < CONTACT).mean():7.3f}")


if __name__ == "__main__":
    main()
