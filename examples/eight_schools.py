"""Eight schools, Bayesian statistics: The gain from coaching in each school is drawn towards that of
all schools, by as much as the data can tell the schools apart. The effects are integrated in closed
form, so that NUTS has no funnel to climb into and reports no divergence."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ebmlang as ebm

GAIN = [28, 8, -3, 7, -1, 1, 18, 12]  # points, with standard errors: Rubin (1981)
ERROR = [15, 10, 16, 11, 9, 11, 10, 18]


def main(draws=2000, chains=4):
    model = ebm.load(Path(__file__).with_suffix(".ebm"), sigma=np.array(ERROR, float))
    run = ebm.sample(model, {}, clamp={"y": np.array(GAIN, float)}, draws=draws, chains=chains)
    print({name: np.round(run[name].mean(axis=(0, 1)), 2) for name in ("mu", "tau", "theta")})
    print(f"{run.diverging.sum()} divergent transitions")
    low, middle, high = np.quantile(run["theta"], (0.05, 0.5, 0.95), axis=(0, 1))
    _, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
    school = np.arange(8)
    alone = 1.645 * np.array(ERROR)
    axis.errorbar(school - 0.1, GAIN, alone, fmt="o", color="0.6", label="each alone")
    axis.errorbar(school + 0.1, middle, [middle - low, high - middle], fmt="ks", label="together")
    axis.axhline(run["mu"].mean(), color="black", lw=0.8, ls="--", label="mean of all schools")
    axis.set(xlabel="school", xticks=school, xticklabels=list("ABCDEFGH"))
    axis.set_ylabel("gain in points, with 90 % intervals")
    axis.legend(frameon=False)
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/eight_schools.png", dpi=100)
    return run


if __name__ == "__main__":
    main()
