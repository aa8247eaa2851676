"""Vortices, condensed matter: Rotors on a plane stay stiff while vortices are bound to others of the
opposite sense, and give way where heat sets them free. The stiffness falls where it meets the line
2 T / pi, as Nelson and Kosterlitz (1977) foretold for all films that undergo this transition."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ebmlang as ebm


def main(side=32, draws=400, chains=4, heats=(0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.6)):
    model, found = ebm.load(Path(__file__).with_suffix(".ebm"), row=side, col=side), []
    _, axes = plt.subplot_mosaic("AAABB;AAACC", figsize=(9, 6), layout="constrained")
    for heat in heats:
        run = ebm.sample(model, {"J": 1 / heat}, sampler="hmc", draws=draws, chains=chains)
        sense = np.rint(run["winding"])  # [chain, draw, row, col]: +1, -1 or 0
        stiff = run["aligned"].mean(1) - (run["current"] ** 2).mean(1) / heat / side**2
        values = np.abs(sense).mean((1, 2, 3)), stiff
        found.append([(v.mean(), v.std() / np.sqrt(chains - 1)) for v in values])
        if heat in (heats[-1], heats[len(heats) // 2]):
            axis, phi = axes["C" if heat == heats[-1] else "B"], run["phi"][0, -1]
            axis.quiver(np.cos(phi), np.sin(phi), pivot="mid", color="0.5", scale=side)
            for way, fill in ((1, "black"), (-1, "white")):
                rows, columns = np.nonzero(sense[0, -1] == way)
                axis.plot(columns + 0.5, rows + 0.5, "ko", ms=4, mfc=fill)
            axis.set(title=f"temperature {heat}", xticks=[], yticks=[], aspect="equal")
    labels = ("vortices for each square", "stiffness (helicity modulus)")
    for points, label, look in zip(np.moveaxis(found, 1, 0), labels, ("ks--", "ko-"), strict=True):
        axes["A"].errorbar(heats, *points.T, fmt=look, ms=4, lw=0.8, label=label)
    axes["A"].plot(heats, 2 * np.array(heats) / np.pi, color="0.6", label="2 T / π")
    axes["A"].set(xlabel="temperature T", ylim=(0, 1)), axes["A"].legend(frameon=False)
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/vortices.png", dpi=100)
    return np.array(found)


if __name__ == "__main__":
    main()
