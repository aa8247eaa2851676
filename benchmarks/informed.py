"""Informed proposals beside exact Gibbs that tries every value: effective draws a second, by size.

    python benchmarks/informed.py [sites …]

The energy is a network of one hidden layer of 64 over spins, its weights drawn as for training and then
the whole four times as large, so that spins lean on each other. What is counted is the worst effective
sample size of the energy and of 64 spins over all chains. Each row is the median of three runs; nothing
compiles in them.
"""

import sys

import numpy as np

import ebmlang as ebm
from ebmlang.evaluation.diagnostics import effective_size, split_rhat

NETWORK = """
dim n
visible s : spin[n]
net f : real[n] -> real = mlp(64)
energy shape = 4 * f(s)
"""
SIZES = (16, 64, 128, 256, 512, 1024)
SAMPLERS = {
    "gibbs": ebm.Gibbs(),
    "both": ebm.Informed("both"),
    "langevin": ebm.Informed("langevin"),
    "langevin, 1 step": ebm.Informed("langevin", steps=1),
    "gwg": ebm.Informed("gwg"),
}
DRAWS, CHAINS, WARMUP, RUNS = 400, 4, 200, 3


def row(
    model: ebm.Model, params: dict, sampler: ebm.Gibbs | ebm.Informed
) -> tuple[float, float, float, float]:
    """Effective draws a second, a draw, acceptance and R-hat: medians of the runs after the first."""
    found = []
    for seed in range(RUNS + 1):
        draws = ebm.sample(
            model, params, sampler=sampler, draws=DRAWS, chains=CHAINS, warmup=WARMUP, seed=seed,
            progress=False,
        )  # fmt: skip
        series = np.concatenate([draws["s"][..., :64], draws.energy[..., None]], axis=-1)
        ess = float(np.nanmin(effective_size(series)))
        found.append(
            (
                ess / draws.settings["seconds"],
                ess / (DRAWS * CHAINS),
                float(np.mean(draws.report.acceptance)),
                float(np.nanmax(split_rhat(series))),
            )
        )
    return tuple(np.median(np.array(found[1:]), axis=0))


def main(sizes: list[int]) -> None:
    """A table of all samplers at each number of sites."""
    print(
        f"{'sites':>6}  {'sampler':<20} {'ESS/s':>9} {'ESS/draw':>9} {'accepted':>9} {'R-hat':>7}"
    )
    for size in sizes:
        model = ebm.loads(NETWORK, n=size)
        params = model.init(0)
        for name, sampler in SAMPLERS.items():
            speed, each, accepted, rhat = row(model, params, sampler)
            print(
                f"{size:>6}  {name:<20} {speed:>9.1f} {each:>9.3f} {accepted:>9.2f} {rhat:>7.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
