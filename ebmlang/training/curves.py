"""The history of a fit as a table in a file and as a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: what its axis is called, its lines by column with a dash and a word, a line to compare with.

    `logarithmic`: where the values are positive and span a factor of ten. `changing`: only where they change.
    """

    label: str
    lines: tuple[tuple[str, str, str], ...]
    beside: tuple[float, str] | None = None
    logarithmic: bool = False
    changing: bool = False


PANELS = (
    Panel("log-likelihood\n(nats)", (("log_likelihood", "-", ""),)),
    Panel("energy\n(nats)", (("data_energy", "-", "data"), ("model_energy", "--", "samples"))),
    Panel("loss", (("loss", "-", ""),)),
    Panel("gap\n(nats)", (("gap", "-", ""),), (0.0, "")),
    Panel("gradient\nnorm", (("gradient_norm", "-", ""),), logarithmic=True),
    Panel("R-hat\nof chains", (("rhat", "-", ""),), (1.01, "1.01")),
    Panel("steps times", (("rate", "-", ""),), logarithmic=True, changing=True),
)
GREY = "0.6"


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
        from matplotlib.ticker import MaxNLocator
    except ModuleNotFoundError:
        help = "pip install matplotlib"
        raise complain("E608", "a figure needs matplotlib", helps=[help]) from None
    epochs = np.asarray(history.get("epoch", ()))
    if not len(epochs):
        raise complain("E704", "the fit has no epoch to show")
    panels = [p for p in PANELS if _worth(p, history)]
    figure = Figure(figsize=(6.4, 1.45 * len(panels) + 0.7), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, history)
    axes[0].set_title(name, loc="left", fontweight="bold", fontsize=11)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    figure.align_ylabels(axes)
    return figure


def _draw(axis: Axes, panel: Panel, history: History) -> None:
    """The lines of one panel, each named at its end where there are several."""
    mark = "o" if len(history["epoch"]) == 1 else ""
    for column, dash, said in panel.lines:
        axis.plot(
            history["epoch"], history[column], dash, color="black", lw=1.1, label=said,
            marker=mark, ms=3,
        )  # fmt: skip
    axis.set_ylabel(panel.label, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="0.9", lw=0.6)
    axis.set_axisbelow(True)
    axis.margins(y=0.12)
    if any(said for _, _, said in panel.lines):
        axis.legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97),
                    borderaxespad=0)  # fmt: skip
    values = np.asarray(history[panel.lines[0][0]], float)
    values = values[np.isfinite(values)]
    if panel.logarithmic and values.min() > 0 and values.max() > 10 * values.min():
        axis.set_yscale("log")
    if panel.beside is not None:
        height, word = panel.beside
        axis.axhline(height, color=GREY, lw=0.8, ls=(0, (1, 2)), zorder=1)
        axis.annotate(
            word, (1, height), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", fontsize=7, color=GREY, va="center",
        )  # fmt: skip


def _worth(panel: Panel, history: History) -> bool:
    """Whether a panel has anything to show."""
    known = [np.asarray(history[c], float) for c, _, _ in panel.lines if c in history]
    if len(known) < len(panel.lines) or not any(np.isfinite(v).any() for v in known):
        return False
    return not panel.changing or bool(np.ptp(known[0]) > 0)
