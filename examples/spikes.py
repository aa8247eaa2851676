"""Spikes of neurons, neuroscience: Rates, pairs and the number of neurons that fire at once are fitted
by exact gradients, and how triplets covary, which was not fitted, comes out right in bins held back.
Neurons on their own, of the same rates, miss the triplets and the bins in which many fire."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ebmlang as ebm


def main(path=None, neuron=12, bins=40000):
    model, rng = ebm.load(Path(__file__).with_suffix(".ebm")), np.random.default_rng(0)
    if path:  # bits [bin, neuron], packed, of D neurons, as in maxent_toolbox_example15.npz
        s = np.unpackbits(np.load(path)["bits"], axis=1)[:, : int(np.load(path)["D"])]
    else:
        print("no file is given: spikes are drawn from planted couplings")
        J = np.triu(rng.normal(0.4, 0.7, (neuron, neuron)), 1)
        planted = {"h": rng.normal(-3, 0.5, neuron), "J": J + J.T, "V": np.zeros(neuron + 1)}
        run = ebm.sample(model.bind(neuron=neuron), planted, draws=bins // 100, chains=100)
        s = np.concatenate(run["s"])
    fit = ebm.fit(model, {"s": s[::2]}, sampler="exact", epochs=200)
    drawn = np.concatenate(fit.sample(draws=len(s) // 200, chains=100, thin=3)["s"])
    sets = {"held back": s[1::2], "model": drawn, "neurons alone": rng.permuted(s[::2], axis=0)}
    found, later = [], np.less.outer(range(s.shape[1]), range(s.shape[1]))
    for (name, rows), look in zip(sets.items(), ("ko", "k-", "k:"), strict=True):
        plt.semilogy(np.bincount(rows.sum(axis=1)) / len(rows), look, label=name)
        c = rows - rows.mean(axis=0)
        found.append(np.einsum("ti,tj,tk->ijk", c, c, c, optimize=True)[later[..., None] & later])
    print(f"triplets, correlation with those held back: {np.corrcoef(found)[0, 1:].round(3)}")
    plt.legend(title="share of bins by how many neurons fire", frameon=False)
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/spikes.png", dpi=100)
    return found, fit


if __name__ == "__main__":
    main(*sys.argv[1:])
