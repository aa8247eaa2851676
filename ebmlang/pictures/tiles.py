"""Grids of images, and the filters of an RBM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..arguments import checked
from ..syntax.diagnostics import complain
from .style import GREY, SEQUENTIAL, SIGNED, SMALL, WIDTH, Picture, bare, picture, saved

TAIL = 0.01  # of the values at each end that may be cut off where they have no natural limits
MOST_HEIGHT = 60.0


@checked()
def images(
    array: Any,
    shape: tuple[int, int] | None = None,
    columns: int = 10,
    titles: Sequence[object] | None = None,
    path: str | Path | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A grid of images: the larger a value, the darker.

    `limits` are the values that are white and black. Without them binary values run from 0 to 1,
    spins from -1 to 1, values within [0, 1] likewise; others between their 1 % and 99 % quantiles,
    and what lies beyond is cut off. NaN is white.
    Shapes: array [image, pixel], with `shape` (rows, columns) of one image unless it is square, or
    [image, row, column]. Raises EbmError E602 for what does not fit.
    """
    stack = stacked(array, shape)
    if titles is not None and len(titles) != len(stack):
        raise complain("E602", f"there are {len(titles)} titles for {len(stack)} images")
    return saved(_grid(stack, columns, limits or limits_of(stack), SEQUENTIAL, titles), path)


@checked()
def filters(
    weights: Any,
    shape: tuple[int, int] | None = None,
    columns: int = 10,
    path: str | Path | None = None,
) -> Figure:
    """The filters of an RBM as images on one scale: positive weights dark, negative ones light.

    The scale is symmetric about zero, which is the middle grey; one weight in a hundred may lie beyond.
    Shapes: weights [pixel, unit]; `shape` (rows, columns) of the pixels unless they are a square.
    Raises EbmError E602 for what does not fit.
    """
    weights = np.asarray(weights, float)
    if weights.ndim != 2:
        raise complain("E602", f"weights have the axes [pixel, unit], not {list(weights.shape)}")
    stack = stacked(weights.T, shape)
    known = np.abs(stack[np.isfinite(stack)])
    top = float(np.quantile(known, 1 - TAIL)) if known.size else 1.0
    top = top or float(known.max(initial=0.0)) or 1.0
    figure = _grid(stack, columns, (-top, top), SIGNED, None)
    (axis,) = figure.axes
    bar = figure.colorbar(axis.images[0], ax=axis, shrink=0.5, aspect=30, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_ticks([-top, 0, top], labels=[f"{-top:.2g}", "0", f"{top:.2g}"])
    return saved(figure, path)


def stacked(array: Any, shape: tuple[int, int] | None) -> np.ndarray:
    """Images as [image, row, column]. Raises EbmError E602 if rows and columns cannot be told."""
    array = np.asarray(array, float)
    if shape is None and array.ndim == 3:
        return _some(array)
    if shape is None:
        side = round(float(np.sqrt(array.shape[-1]))) if array.ndim else 0
        if array.ndim and side * side != array.shape[-1]:
            raise complain(
                "E602", f"{array.shape[-1]} pixels are no square",
                helps=["shape=(rows, columns) says how they lie; one image alone is array[None]"],
            )  # fmt: skip
        shape = (side, side)
    pixels = shape[0] * shape[1]
    if (
        not array.ndim
        or not array.size
        or (array.shape[-1] != pixels and array.shape[-2:] != tuple(shape))
    ):
        raise complain(
            "E602", f"images of {shape[0]} x {shape[1]} do not fit an array {list(array.shape)}"
        )
    return _some(array.reshape(-1, *shape))


def _some(stack: np.ndarray) -> np.ndarray:
    if not stack.size:
        raise complain("E602", f"there are no images in an array {list(stack.shape)}")
    return stack


def limits_of(stack: np.ndarray) -> tuple[float, float]:
    """The values that white and black stand for, as `images` chooses them."""
    known = stack[np.isfinite(stack)]
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if np.isin(known, (-1, 0, 1)).all():
        return -1.0, 1.0
    cut = np.quantile(known, (TAIL, 1 - TAIL))
    low, high = (float(cut[0]), float(cut[1])) if cut[1] > cut[0] else (low, high)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _grid(
    stack: np.ndarray,
    columns: int,
    limits: tuple[float, float],
    colours: str,
    titles: Sequence[object] | None,
) -> Picture:
    """All images as one, with gaps of white between them and a hair line around each."""
    if columns < 1:
        raise complain("E704", f"a grid has at least one column, not {columns}")
    number, height, width = stack.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    side = WIDTH / max(columns, 3)  # inches, with the gap
    gap = max(1, round(0.12 * width))
    above = gap if titles is None else max(gap, round(0.24 * width / side))
    sheet = np.full((rows * (height + above), columns * (width + gap) - gap), np.nan)
    corners = [
        ((k // columns) * (height + above) + above, (k % columns) * (width + gap))
        for k in range(number)
    ]
    for (top, left), image in zip(corners, stack, strict=True):
        sheet[top : top + height, left : left + width] = image
    wide = side * columns
    shown = sheet.shape[0] if titles is not None else sheet.shape[0] - above + gap
    tall = min(wide * shown / (sheet.shape[1] + gap), MOST_HEIGHT)
    figure = picture(wide + 0.1, tall + 0.1)
    axis = figure.subplots()
    bare(axis)
    axis.imshow(sheet, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    _frames(axis, corners, height, width)
    edge = 0.5 + 0.3 * gap
    axis.set_xlim(-edge, sheet.shape[1] - 1 + edge)
    axis.set_ylim(sheet.shape[0] - 1 + edge, (0.0 if titles is not None else above) - edge)
    for (top, left), title in zip(corners, [] if titles is None else titles, strict=False):
        axis.text(left + width / 2 - 0.5, top - 0.7, str(title), fontsize=SMALL, ha="center")
    return figure


def _frames(axis: Any, corners: list[tuple[int, int]], height: int, width: int) -> None:
    """A hair line around every image."""
    from matplotlib.collections import PolyCollection

    outline = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    boxes = [outline + np.array([left, top]) for top, left in corners]
    axis.add_collection(
        PolyCollection(boxes, facecolors="none", edgecolors=GREY, linewidths=0.4), autolim=False
    )
