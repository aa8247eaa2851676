"""Ising model, statistical physics: Clusters of spins turn as one, so that a magnet of 64 x 64
spins mixes even at its critical temperature. Magnetisation and heat capacity fall on Onsager's exact
curves of the infinite magnet, but for the rounding where clusters are as large as the lattice."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ellipe, ellipk

import ebmlang as ebm


def main(side=64, draws=200, chains=8, heats=(1.8, 2.0, 2.15, 2.27, 2.35, 2.5, 2.75, 3.1)):
    model, found = ebm.load(Path(__file__).with_suffix(".ebm"), row=side, col=side), []
    axes = plt.figure(figsize=(9, 5), layout="tight").subplot_mosaic("AAAABBBB;AAAABBBB;01234567")
    for k, heat in enumerate(heats):
        run = ebm.sample(model, model.init(), beta=1 / heat, sampler="clusters", draws=draws,
                         chains=chains)  # fmt: skip
        values = run["magnetisation"].mean(axis=1), run.energy.var(axis=1) / (heat * side) ** 2
        found.append([(v.mean(), v.std() / np.sqrt(chains - 1)) for v in values])
        axes[str(k)].imshow(run["s"][0, -1], cmap="Greys")
        axes[str(k)].set(title=heat, xticks=[], yticks=[])
    heat = np.linspace(min(heats), max(heats), 500)  # Onsager (1944), Yang (1952), of one spin
    m = np.maximum(1 - np.sinh(2 / heat) ** -4, 0) ** (1 / 8)
    t, k = np.tanh(2 / heat) ** 2, (2 * np.sinh(2 / heat) / np.cosh(2 / heat) ** 2) ** 2
    c = ellipk(k) - ellipe(k) - (1 - t) * (np.pi / 2 + (2 * t - 1) * ellipk(k))
    exact = {"magnetisation": m, "heat capacity": 4 / np.pi / heat**2 / t * c}
    for k, (name, curve) in enumerate(exact.items()):
        axes["AB"[k]].plot(heat, curve, color="0.6", label="Onsager")
        points = np.array(found)[:, k].T
        axes["AB"[k]].errorbar(heats, *points, fmt="ko", ms=4, label=f"{side} x {side} spins")
        axes["AB"[k]].legend(title=f"{name} by temperature", frameon=False)
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/ising.png", dpi=90)
    return np.array(found)


if __name__ == "__main__":
    main()
