"""Clusters beside Gibbs for the 2-D Ising model at its critical point: independent draws a second.

    python benchmarks/clusters.py [side …]

The integrated autocorrelation time of the absolute magnetisation is in sweeps, averaged over
chains, by Sokal's window of five times itself; microseconds are those of a sweep of one of eight
chains side by side, medians of three runs in which nothing compiles.
"""

import sys
from typing import Any

import numpy as np

import ebmlang as ebm

ISING = """
dim row = {0} cyclic, col = {0} cyclic
visible s : spin[row, col]
energy = -sum(i, j) s[i, j] * (s[i+1, j] + s[i, j+1])
quantity magnetisation = abs(mean(s))
"""
CRITICAL = np.log(1 + np.sqrt(2)) / 2
SAMPLERS = {
    "gibbs": (ebm.Gibbs(), 16_000),
    "clusters, no gibbs": (ebm.Clusters(0), 2_000),
    "clusters": (ebm.Clusters(), 2_000),
}
CHAINS, RUNS = 8, 3


def autocorrelation_time(x: np.ndarray) -> float:
    """Of series [chain, draw], in draws: 1 where all are independent."""
    centred = x - x.mean()
    length = x.shape[1]
    power = np.abs(np.fft.rfft(centred, 2 * length, axis=1)) ** 2
    covariance = np.fft.irfft(power, axis=1)[:, :length].mean(0) / np.arange(length, 0, -1)
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    inside = np.arange(length) >= 5 * times
    return float(times[np.argmax(inside)] if inside.any() else np.nan)


def row(model: ebm.Model, sampler: Any, draws: int) -> tuple[float, float]:
    """The autocorrelation time and the seconds of a sweep of all chains."""
    times, seconds = [], []
    for seed in range(RUNS + 1):
        found = ebm.sample(
            model, {}, sampler=sampler, beta=CRITICAL, draws=draws, chains=CHAINS, seed=seed,
            warmup=draws // 4, keep=["magnetisation"], progress=False,
        )  # fmt: skip
        times.append(autocorrelation_time(found["magnetisation"].astype(float)))
        seconds.append(found.settings["seconds"] / draws)
    return float(np.median(times)), float(np.median(seconds[1:]))


def main(sides: list[int]) -> None:
    """A table of both samplers at each side."""
    print(f"{'side':>5}  {'sampler':<20} {'tau/sweeps':>10} {'us/sweep':>10} {'ESS/s':>9}")
    for side in sides:
        model = ebm.loads(ISING.format(side))
        for name, (sampler, draws) in SAMPLERS.items():
            tau, seconds = row(model, sampler, draws)
            rate = CHAINS / (tau * seconds)
            print(
                f"{side:>5}  {name:<20} {tau:>10.1f} {1e6 * seconds / CHAINS:>10.1f} {rate:>9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [32, 64])
