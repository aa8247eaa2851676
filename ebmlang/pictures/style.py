"""The one style of all pictures: sizes, greys, dashes and marks that tell lines and blocks apart.

Whatever a colour says is said by shade, dash, mark or hatch as well: pictures can be read in black
and white. Larger values are darker.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 6.4  # inches: a column of a page, a screen of a phone held upright
DPI = 144
INK, GREY, PALE = "black", "0.55", "0.9"
TITLE, TEXT, SMALL = 11, 9, 8  # points
THIN = 0.8
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.2)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
SEQUENTIAL = "Greys"
SIGNED = "gray_r"  # with limits that are each other's negatives: zero is the middle grey

# What a file keeps beside the picture: nothing of when and by what it was written.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Picture(Figure):
    """A figure that a notebook shows without pyplot and without a backend."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The figure as PNG, with its size in CSS pixels."""
        width, height = (round(96 * inches) for inches in self.get_size_inches())
        return png(self), {"width": width, "height": height}


def picture(width: float = WIDTH, height: float = 3.2) -> Picture:
    """An empty figure of so many inches whose parts make room for each other."""
    return Picture(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def dress(axis: Axes, x: str = "", y: str = "", title: str = "") -> None:
    """Small words, two spines, nothing else."""
    axis.set_xlabel(x, fontsize=TEXT)
    axis.set_ylabel(y, fontsize=TEXT)
    axis.set_title(title, loc="left", fontsize=TEXT, fontweight="bold")
    axis.tick_params(labelsize=SMALL)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_axisbelow(True)


def bare(axis: Axes) -> None:
    """No spines, no ticks: for images and graphs."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def legend(axis: Axes, **settings: Any) -> None:
    """A small legend without a frame, if there is more than one thing to tell apart."""
    if len(axis.get_legend_handles_labels()[0]) > 1:
        axis.legend(frameon=False, fontsize=SMALL, **settings)


def shades(number: int) -> list[tuple[float, ...]]:
    """So many colours from dark to light that keep their order in black and white: cividis."""
    places = np.linspace(0.0, 0.78, max(number, 2))[:number]
    return [tuple(c) for c in matplotlib.colormaps["cividis"](places)]


def dash(number: int) -> Any:
    """The dash of the line with this number."""
    return DASHES[number % len(DASHES)]


def mark(number: int) -> str:
    """The mark of the group with this number."""
    return MARKS[number % len(MARKS)]


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG. The same figure gives the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata=_METADATA[".png"])
    return file.getvalue()


def saved(figure: Picture, path: str | Path | None) -> Picture:
    """The figure, after it was saved if there is a path; the same figure gives the same bytes.

    Raises EbmError E608 for an ending that is not png, svg or pdf, and where nothing can be written.
    """
    if path is None:
        return figure
    ending = ending_of(path)
    with matplotlib.rc_context({"svg.hashsalt": "ebmlang", "svg.fonttype": "path"}):
        write(lambda: figure.savefig(path, metadata=_METADATA[ending]), path)
    return figure


def ending_of(path: str | Path) -> str:
    """The ending of a picture's path. Raises EbmError E608 for one that is not png, svg or pdf."""
    ending = Path(path).suffix.lower()
    if ending not in _METADATA:
        raise complain(
            "E608", f"a picture cannot be kept as {Path(path).name}",
            helps=[f"end the name in {', '.join(_METADATA)}"],
        )  # fmt: skip
    return ending


def write(act: Callable[[], object], path: str | Path) -> None:
    """Write a file. Raises EbmError E608 where that cannot be."""
    try:
        act()
    except OSError as error:
        raise complain("E608", f"{path} cannot be written: {error.strerror or error}") from None
