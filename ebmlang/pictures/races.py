"""The plot that decides between samplers: the error of the gradient against wall-clock time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from ..arguments import checked
from ..syntax.diagnostics import complain
from .style import INK, PALE, SMALL, WIDTH, dash, dress, picture, saved, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLEAR = 2.0  # errors: a bias that is none by chance
SLIGHT = 0.01  # of the squared error: what of a reference cannot be told from rounding


class Runner(Protocol):
    """What is read of a row of a comparison: seconds, and errors of the gradient in nats by seconds."""

    @property
    def sampler(self) -> str:
        """Its name."""
        ...

    @property
    def curve(self) -> Sequence[tuple[float, float]]:
        """Pairs (seconds of sampling, error)."""
        ...

    @property
    def compile_seconds(self) -> float:
        """Seconds spent on compilation."""
        ...

    @property
    def warmup_seconds(self) -> float:
        """Seconds spent on warm-up."""
        ...

    @property
    def error(self) -> float:
        """Root mean square Monte Carlo error."""
        ...

    @property
    def bias_error(self) -> float:
        """The same, with the error of the reference."""
        ...

    @property
    def bias(self) -> float:
        """Root mean square distance from the reference."""
        ...

    @property
    def error_at_one_second(self) -> float:
        """The error after one second of sampling."""
        ...

    @property
    def error_low(self) -> float:
        """The lower end of its 95 % interval."""
        ...

    @property
    def error_high(self) -> float:
        """The upper end of its 95 % interval."""
        ...

    @property
    def caveat(self) -> str:
        """How it is biased, in words; empty for what is exact."""
        ...


@checked()
def race(table: Any, path: str | Path | None = None) -> Figure:
    """The error of the gradient of log Z against wall-clock seconds, log axes, a line a sampler.

    Below, on the same axis, what comes before the first draw: seconds of compilation and of warm-up. The
    grey guide falls as one over the root of time, as the error of any exact sampler does in the end; the
    bias of an unadjusted walk, where it is more than chance, is a dotted line that its error does not
    fall below, and the error of a reference that is not exact a pale field. Open circles are what
    samplers are ranked by: the error after one second, with its 95 % interval.
    Raises EbmError E704 if no sampler ran.
    """
    ran = [row for row in table.rows if drawable(row)]
    if not ran:
        raise complain("E704", "no sampler of the comparison ran: there is no error to show")
    figure = picture(WIDTH, 4.0 + 0.2 * len(ran))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 0.2 * len(ran) + 0.1))
    colours = shades(len(ran))
    for k, row in enumerate(ran):
        top.plot(*_curve(row).T, color=colours[k], ls=dash(k), lw=1.6, label=row.sampler)
    top.set(xscale="log", yscale="log")
    _guide(top, [_curve(row) for row in ran])
    _floor(top, ran)
    for k, row in enumerate(ran):
        _bias(top, row, colours[k])
    _decided(top, ran, colours)
    dress(top, "", "error of the gradient (nats)", str(table.model))
    _named(top, {row.sampler: tuple(_curve(row)[-1]) for row in ran})
    _before(below, ran)
    figure.supxlabel(fill(table.reference, 110), x=0.01, ha="left", fontsize=7, color="0.35")
    return saved(figure, path)


def drawable(row: Runner) -> bool:
    """Whether a sampler has an error to show."""
    return bool(_curve(row).size)


def _curve(row: Runner) -> np.ndarray:
    """Seconds and errors [point, 2] that a log axis can show."""
    curve = np.asarray(row.curve, float).reshape(-1, 2)
    return curve[np.isfinite(curve).all(axis=1) & (curve > 0).all(axis=1)]


def _guide(axis: Axes, curves: Sequence[np.ndarray]) -> None:
    """A line of slope -1/2 below all others."""
    points = np.log(np.concatenate(curves))
    x = np.exp(np.array([points[:, 0].min(), points[:, 0].max()]))
    height = np.exp((points[:, 1] + points[:, 0] / 2).min() - 0.25)
    axis.plot(x, height / np.sqrt(x), color="0.7", lw=0.9, zorder=0, label="_guide")
    axis.annotate("∝ 1/√seconds", (x[1], height / np.sqrt(x[1])), xytext=(-8, -1), fontsize=7,
                  textcoords="offset points", ha="right", va="top", color="0.5")  # fmt: skip


def _floor(axis: Axes, ran: Sequence[Runner]) -> None:
    """The error of the reference itself, which no curve can be trusted below; nothing if it is exact.

    What a row knows is its own error and both together.
    """
    squares = np.array([row.bias_error**2 - row.error**2 for row in ran])
    squares = squares[np.isfinite(squares)]
    if not squares.size or np.median(squares) <= SLIGHT * np.median([r.error**2 for r in ran]):
        return
    height = float(np.sqrt(np.median(squares)))
    axis.axhspan(0, height, color=PALE, lw=0, zorder=-1, label="_floor")
    axis.annotate(
        "within the error of the reference", (0, height), xycoords=("axes fraction", "data"),
        xytext=(3, -2), textcoords="offset points", fontsize=7, va="top",
    )  # fmt: skip


def _decided(axis: Axes, ran: Sequence[Runner], colours: Sequence[Any]) -> None:
    """What samplers are ranked by: the error after one second, with its 95 % interval."""
    known = [
        (row, colour)
        for row, colour in zip(ran, colours, strict=True)
        if 0 < row.error_low <= row.error_at_one_second <= row.error_high < np.inf
    ]
    if not known:
        return
    axis.axvline(1, color=PALE, lw=1, zorder=-2, label="_second")
    axis.annotate("after 1 s", (1, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), fontsize=7,
                  textcoords="offset points", ha="center")  # fmt: skip
    for row, colour in known:
        error = row.error_at_one_second
        axis.errorbar(1, error, [[error - row.error_low], [row.error_high - error]], fmt="o", ms=4,
                      color=colour, lw=1.2, mfc="white", capsize=2, label="_after")  # fmt: skip
    _named(axis, {row.sampler: (1.0, row.error_at_one_second) for row, _ in known})


def _bias(axis: Axes, row: Runner, colour: Any) -> None:
    """The bias that an unadjusted walk keeps."""
    if not row.caveat or not row.bias > CLEAR * row.bias_error:
        return
    axis.axhline(row.bias, color=colour, lw=0.8, ls=dash(2), label="_bias")
    axis.annotate(
        f"bias of {row.sampler}", (0, row.bias), xycoords=("axes fraction", "data"), xytext=(3, 2),
        textcoords="offset points", fontsize=7,
    )  # fmt: skip


def _named(axis: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Names right of points, moved apart where points meet."""
    points = np.array(list(ends.values()))
    order = np.argsort(points[:, 1])
    axis.figure.canvas.draw()
    heights = axis.transData.transform(points)[:, 1] * 72 / axis.figure.dpi
    apart = heights.copy()
    for before, here in pairwise(order):
        apart[here] = max(apart[here], apart[before] + SMALL + 1)
    for name, end, shift in zip(ends, points, apart - heights, strict=True):
        axis.annotate(name, end, xytext=(5, shift), textcoords="offset points", fontsize=SMALL,
                      va="center", annotation_clip=False)  # fmt: skip


def _before(axis: Axes, ran: Sequence[Runner]) -> None:
    """Seconds of compilation, of warm-up and of all draws, a row a sampler."""
    dress(axis, "wall-clock seconds")
    heights = np.arange(len(ran))[::-1]
    kinds = (
        ("compilation", "x", [row.compile_seconds for row in ran]),
        ("warm-up", "^", [row.warmup_seconds for row in ran]),
        ("all draws", "o", [_curve(row)[-1, 0] for row in ran]),
    )
    for said, shape, seconds in kinds:
        axis.plot(seconds, heights, shape, color=INK, mfc="white" if shape == "^" else INK, ms=4,
                  label=said)  # fmt: skip
    axis.set_yticks(heights, labels=[row.sampler for row in ran])
    axis.set_ylim(-0.6, len(ran) - 0.4)
    axis.grid(axis="y", color="0.9", lw=0.6)
    axis.legend(frameon=False, fontsize=7, ncols=3, loc="lower left", bbox_to_anchor=(0, 0.97),
                borderaxespad=0, handletextpad=0.2, columnspacing=1.2)  # fmt: skip
