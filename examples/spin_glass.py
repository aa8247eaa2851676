"""Spin glass, physics of disorder: Bonds that contradict each other make valleys in which plain Gibbs
chains freeze, while replicas that trade places from hot to cold meet the exact mean energy. The
overlap of two chains says it too: turning every spin is free, so both signs must come out alike."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ebmlang as ebm


def main(side=10, cold=3.0, draws=2000, chains=8, replicas=16):
    site = np.arange(side**2).reshape(side, side)  # a torus, with normal couplings
    pairs = [np.stack([site, np.roll(site, 1, axis)], -1).reshape(-1, 2) for axis in (0, 1)]
    model = ebm.load(Path(__file__).with_suffix(".ebm"), bonds=np.concatenate(pairs), site=side**2)
    params = {"J": cold * np.random.default_rng(0).normal(size=2 * side**2)}
    scale = cold * side**2
    exact = ebm.gradient(model, params, sampler="exact").mean["J"] @ params["J"] / scale
    found, (_, axes) = {"exact": exact}, plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    samplers = {"Gibbs": "gibbs", "tempering": ebm.Tempering(replicas=replicas)}
    for (name, sampler), style in zip(samplers.items(), ("--", "-"), strict=True):
        run = ebm.sample(model, params, sampler=sampler, draws=draws, chains=chains)
        spins, found[name] = run["s"].astype(float), run.energy.mean(axis=1) / scale
        overlap = (spins[::2] * spins[1::2]).mean(axis=2)
        for axis, values in zip(axes, (run.energy / scale, overlap), strict=True):
            look = {"ls": style, "color": "black", "label": name, "histtype": "step"}
            axis.hist(values.reshape(-1), 60, density=True, **look)
    axes[0].axvline(exact, color="0.6", label="exact mean")
    axes[0].set(xlabel="energy of a spin", yticks=[]), axes[0].locator_params("x", nbins=5)
    axes[0].legend(frameon=False)
    axes[1].set(xlabel="overlap of two chains", yticks=[], xlim=(-1, 1))
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/spin_glass.png", dpi=100)
    return found


if __name__ == "__main__":
    main()
