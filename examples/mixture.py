"""Mixture, statistics: The petals of 150 irises are sorted into three clusters by drawing memberships
and centres (dots) in turn, each exactly given the other. The clusters are the three species, but
for the flowers marked in black, and no species was told."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

import ebmlang as ebm


def main(draws=500, chains=4, width=0.4):
    petals, species = load_iris().data[:, 2:], load_iris().target  # length and width in cm
    model = ebm.load(Path(__file__).with_suffix(".ebm"), x=petals)
    start = {"z": petals[:, 0].argsort().argsort() // 50}  # thirds by length
    run = ebm.sample(model, {"width": width}, init=start, draws=draws, chains=chains)
    share = (run["z"][..., None] == np.arange(3)).mean(axis=(0, 1))  # [flower, cluster]
    wrong = share.argmax(axis=1) != species
    print(f"{wrong.sum()} of {len(species)} flowers are in another cluster than their species")
    _, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for k, (name, look) in enumerate(zip(load_iris().target_names, "os^", strict=True)):
        axis.plot(*petals[(species == k) & ~wrong].T, look, color="0.5", mfc="white", label=name)
        axis.plot(*petals[(species == k) & wrong].T, look, color="black")
        axis.plot(*run["centre"][:, ::10, k].reshape(-1, 2).T, "k.", ms=2, alpha=0.3)
    axis.set(xlabel="length of the petal (cm)", ylabel="width of the petal (cm)")
    axis.legend(frameon=False)
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/mixture.png", dpi=100)
    return run, wrong


if __name__ == "__main__":
    main()
