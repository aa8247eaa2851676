"""The history of a fit as a table in a file and as a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

History = Mapping[str, np.ndarray]
# Panels from top to bottom: label of the axis, then a line style and a name for each column.
PANELS = (
    ("energy (nats)", (("data_energy", "-", "data"), ("model_energy", "--", "samples"))),
    ("loss", (("loss", "-", ""),)),
    ("gap (nats)", (("gap", "-", ""),)),
    ("gradient norm", (("gradient_norm", "-", ""),)),
    ("R-hat of chains", (("rhat", "-", ""),)),
)
LOGARITHMIC = ("gradient_norm",)


def write_csv(history: History, path: str | Path) -> None:
    """Write a history as a table: a row for each epoch, numbers to the last digit."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(history)
        writer.writerows(zip(*(v.tolist() for v in history.values()), strict=True))


def training_curves(name: str, history: History) -> Figure:
    """Energies, gap, gradient and R-hat over epochs, black on white: lines differ by their dashes.

    Raises EbmError E608 where matplotlib is missing, E704 for a history without an epoch.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        help = "pip install matplotlib"
        raise complain("E608", "a figure needs matplotlib", helps=[help]) from None
    if not len(history.get("epoch", ())):
        raise complain("E704", "the fit has no epoch to show")
    panels = [p for p in PANELS if any(_finite(history, column) for column, _, _ in p[1])]
    figure = Figure(figsize=(6, 1.7 * len(panels) + 0.6), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (label, lines) in zip(axes, panels, strict=True):
        for column, style, said in lines:
            axis.plot(history["epoch"], history[column], style, color="black", lw=1, label=said)
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
        if any(said for _, _, said in lines):
            axis.legend(frameon=False)
        if lines[0][0] in LOGARITHMIC and np.all(history[lines[0][0]] > 0):
            axis.set_yscale("log")
        if lines[0][0] == "gap":
            axis.axhline(0, color="0.6", lw=0.8, zorder=0)
    axes[0].set_title(name)
    axes[-1].set_xlabel("epoch")
    return figure


def _finite(history: History, column: str) -> bool:
    return column in history and bool(np.isfinite(history[column]).any())
