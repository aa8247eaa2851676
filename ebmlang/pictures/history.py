"""Training curves: how a fit went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..arguments import checked
from ..syntax.diagnostics import complain
from .style import TITLE, WIDTH, dress, picture, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


@checked()
def curves(fit: Any, path: str | Path | None = None) -> Figure:
    """Energies, gap, gradient and R-hat over epochs, black on white: lines differ by their dashes.

    Raises EbmError E704 for a history without an epoch.
    """
    history: History = fit.history
    epochs = np.asarray(history.get("epoch", ()))
    if not len(epochs):
        raise complain("E704", "the fit has no epoch to show")
    panels = [p for p in PANELS if _worth(p, history)]
    figure = picture(WIDTH, 1.45 * len(panels) + 0.7)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, history)
    axes[0].set_title(fit.model.name, loc="left", fontweight="bold", fontsize=TITLE)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    figure.align_ylabels(axes)
    return saved(figure, path)


def _draw(axis: Axes, panel: Panel, history: History) -> None:
    """The lines of one panel, each named at its end where there are several."""
    mark = "o" if len(history["epoch"]) == 1 else ""
    for column, dash, said in panel.lines:
        axis.plot(
            history["epoch"], history[column], dash, color="black", lw=1.1, label=said,
            marker=mark, ms=3,
        )  # fmt: skip
    dress(axis, "", panel.label)
    axis.grid(axis="y", color="0.9", lw=0.6)
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
