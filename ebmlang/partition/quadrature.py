"""Integrals over up to three real numbers by the trapezoidal rule, in a box found beforehand.

For a smooth weight that has fallen off at the ends of the box, or that runs round a circle, the
error of the trapezoidal rule falls off exponentially in the number of points.
Source: Trefethen & Weideman (2014), "The exponentially convergent trapezoidal rule".
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..syntax.diagnostics import complain
from .duration import duration
from .mapped import Field

NEGLIGIBLE = 42.0  # nats below the top
COARSE = {1: 4001, 2: 161, 3: 41}
SCAN = {1: 801, 2: 121, 3: 31}
FIRST = {1: 64, 2: 32, 3: 16}
WIDEST, BEGINNING = 300.0, 12.0
MOST_POINTS = 1 << 24
EQUAL, USELESS = 1e-8, 1e-3
JUMPING = {1: 1e-6, 2: 1e-3, 3: 1e-2}  # where the weight jumps: grids then close in slowly
PEAKS, ZOOMS = 48, 40
COUNTED = 25.0  # nats below the top, up to which a peak must be seen by a grid
MATTERS = 30.0  # nats below the top, up to which a point may not stand beside one without a number
BESIDE = 1e-6  # of a cell
SHIFTS = (0.29, 0.5, 0.71)  # of a cell
NEAR_TOP = 2.0  # nats for each axis, within which a point of the grid sees a peak


@dataclass(frozen=True, slots=True)
class Integral:
    """log of an integral in nats, how far the last two grids were apart, and the grid it is from."""

    log_sum: float
    error: float
    counts: tuple[int, ...]
    low: np.ndarray
    high: np.ndarray

    @property
    def grid(self) -> str:
        """`512 x 512`."""
        return " x ".join(str(n) for n in self.counts)


class Peaks(NamedTuple):
    """Points [peak, axis] of the highest weight nearby, and their log weights."""

    places: np.ndarray
    heights: np.ndarray


def integral(field: Field, most_seconds: float) -> Integral:
    """The integral of the weight, on finer and finer grids until two agree.

    Raises EbmError E705 where two grids do not agree in the time or memory there is, or where the weight
    does not fall off; E703 where it is infinite.
    """
    low, high, peaks = box(field)
    axes = field.layout.axes
    count, before = FIRST[axes], -np.inf
    while True:
        begun = time.perf_counter()
        counts = (count,) * axes
        value, weights = _on_grid(field, low, high, counts)
        error = abs(value - before)
        if field.layout.jumps:
            error = max(error, _shifted(field, low, high, counts, value))
            if error <= JUMPING[axes] * max(1.0, abs(value)):
                return Integral(value, error, counts, low, high)
        seen = _seen(peaks, weights.reshape(counts), low, high, field.layout.periodic)
        error = error if seen else np.inf
        if error <= EQUAL * max(1.0, abs(value)) and count > 2 * FIRST[axes]:
            return Integral(value, 0.0, counts, low, high)
        seconds = (time.perf_counter() - begun) * 2**axes
        if math.prod(counts) * 2**axes > MOST_POINTS or seconds > most_seconds:
            return _stopped(Integral(value, error, counts, low, high), field, seconds)
        before, count = value, count * 2


def _on_grid(
    field: Field, low: np.ndarray, high: np.ndarray, counts: tuple[int, ...]
) -> tuple[float, np.ndarray]:
    """log of the sum over a grid, in nats, and the log weights of its points."""
    points, cell = grid(field, low, high, counts)
    weights = _defined(field, points, counts, low, high)
    _refuse_infinite(field, weights)
    top = weights.max()
    return float(top + math.log(np.exp(weights - top).sum()) + math.log(cell)), weights


def _shifted(
    field: Field, low: np.ndarray, high: np.ndarray, counts: tuple[int, ...], value: float
) -> float:
    """How far log sums over the same grid, moved by parts of a cell, lie from its own.

    A jump between two points is off by half a cell on average, wherever the grids put it: grids of
    which one holds the other may agree, and be wrong alike.
    """
    cell = (high - low) / np.array(counts)
    moved = (_on_grid(field, low + part * cell, high + part * cell, counts)[0] for part in SHIFTS)
    return max(abs(value - other) for other in moved)


def _defined(
    field: Field, points: np.ndarray, counts: tuple[int, ...], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Log weights of a grid; a single point without a number has that of one right beside it.

    Raises EbmError E703 where there is no number beside points that matter.
    """
    weights = field.raw(points)
    wild = np.isnan(weights)
    if not wild.any():
        return weights
    weights[wild] = field.raw(points[wild] + BESIDE * (high - low) / np.array(counts))
    table = weights.reshape(counts)
    wild = np.isnan(table)
    matters = table > np.nanmax(np.where(wild, -np.inf, table)) - MATTERS
    for axis in range(len(counts)):
        for shift in (1, -1):
            near = np.roll(matters, shift, axis)
            edge = [slice(None)] * len(counts)
            edge[axis] = slice(0, 1) if shift == 1 else slice(-1, None)
            if not field.layout.periodic[axis]:
                near[tuple(edge)] = False
            if (wild & near).any():
                raise field.undefined(points[np.flatnonzero((wild & near).reshape(-1))[0]])
    return np.where(np.isnan(weights), -np.inf, weights)


def _seen(
    peaks: Peaks, table: np.ndarray, low: np.ndarray, high: np.ndarray, periodic: Sequence[bool]
) -> bool:
    """Whether the grid has a point near the top of every peak: else two grids agree by missing it."""
    counts = np.array(table.shape)
    cells = (high - low) / np.where(periodic, counts, counts - 1)
    nearest = np.rint((peaks.places - low) / cells).astype(int)
    nearest = np.where(periodic, np.mod(nearest, counts), np.clip(nearest, 0, counts - 1))
    return bool(np.all(table[tuple(nearest.T)] > peaks.heights - NEAR_TOP * len(counts)))


def _stopped(found: Integral, field: Field, seconds: float) -> Integral:
    """The last value there is if it is of use. Raises EbmError E705 if it is not."""
    if found.error <= USELESS:
        return found
    raise complain(
        "E705",
        f"the integral over `{'`, `'.join(field.layout.names)}` does not settle: on a {found.grid} grid "
        + (
            f"log Z still moves by {found.error:.2g}"
            if math.isfinite(found.error)
            else "a peak of the weight is still narrower than a cell"
        ),
        notes=[f"the next grid would take about {duration(seconds)}"],
        helps=['method="ais" estimates log Z with an error'],
    )


def slope(field: Field, found: Integral) -> Any:
    """The derivative of an integral by the parameters' free numbers, on its last grid."""
    points, cell = grid(field, found.low, found.high, found.counts)
    weights = _defined(field, points, found.counts, found.low, found.high)
    share = np.exp(weights - found.log_sum) * cell
    kept = share > share.max() * math.exp(-NEGLIGIBLE)
    return field.slope(points[kept], share[kept])


def grid(
    field: Field, low: np.ndarray, high: np.ndarray, counts: tuple[int, ...]
) -> tuple[np.ndarray, float]:
    """The points [point, axis] of a grid and the volume of one; ends that run round stand once."""
    lines, cell = [], 1.0
    for k, round_ in enumerate(field.layout.periodic):
        lines.append(np.linspace(low[k], high[k], counts[k], endpoint=not round_))
        cell *= (high[k] - low[k]) / (counts[k] if round_ else counts[k] - 1)
    mesh = np.meshgrid(*lines, indexing="ij")
    return np.stack([m.reshape(-1) for m in mesh], axis=-1), cell


# ---------------------------------------------------------------------- the box


def box(field: Field) -> tuple[np.ndarray, np.ndarray, Peaks]:
    """The corners of a box outside which the weight is negligible, and the peaks that were found.

    Raises EbmError E705 if there is none.
    """
    axes, periodic = field.layout.axes, np.array(field.layout.periodic)
    low, high = np.where(periodic, 0.0, -BEGINNING), np.where(periodic, 2 * np.pi, BEGINNING)
    points, _ = grid(field, low, high, (COARSE[axes],) * axes)
    weights = field.at(points)
    _refuse_infinite(field, weights)
    if not np.isfinite(weights).any():
        raise complain(
            "E703",
            f"the energy is not finite at any point tried of `{'`, `'.join(field.layout.names)}`",
        )
    step = (high - low) / (COARSE[axes] - 1)
    peaks = _peaks(field, points, weights, step)
    low = np.where(periodic, low, peaks.places.min(axis=0) - step / 4)
    high = np.where(periodic, high, peaks.places.max(axis=0) + step / 4)
    return *_fitted(field, low, high, peaks), peaks


def _peaks(field: Field, points: np.ndarray, weights: np.ndarray, step: np.ndarray) -> Peaks:
    """The points of the highest weight nearby, from the best of a coarse grid, near the top alone."""
    axes = field.layout.axes
    table = weights.reshape((round(len(weights) ** (1 / axes)),) * axes)
    best = np.isfinite(table)
    for axis in range(axes):
        pad = [(int(k == axis), int(k == axis)) for k in range(axes)]
        around = np.pad(table, pad, constant_values=-np.inf)
        for shift in (0, 2):
            moved = np.take(around, range(shift, shift + table.shape[axis]), axis=axis)
            best &= table >= moved
    chosen = np.flatnonzero(best.reshape(-1))
    chosen = chosen[np.argsort(-weights[chosen])][:PEAKS]
    here, height = points[chosen], weights[chosen]
    around = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=axes)))
    size = step / 2
    for _ in range(ZOOMS):
        tried = here[:, None] + around * size
        found = field.at(tried.reshape(-1, axes)).reshape(len(here), -1)
        pick = found.argmax(axis=1)
        better = found.max(axis=1) > height
        here = np.where(better[:, None], tried[np.arange(len(here)), pick], here)
        height = np.maximum(height, found.max(axis=1))
        size = size * 0.7
    _refuse_infinite(field, height)
    kept = height >= height.max() - COUNTED
    return Peaks(here[kept], height[kept])


def _fitted(
    field: Field, low: np.ndarray, high: np.ndarray, peaks: Peaks
) -> tuple[np.ndarray, np.ndarray]:
    """A box round all peaks, widened until the weight is negligible at its faces, and cut to that."""
    axes, periodic = field.layout.axes, np.array(field.layout.periodic)
    top = peaks.heights.max()
    for _ in range(80):
        points, _ = grid(field, low, high, (SCAN[axes],) * axes)
        table = field.at(points).reshape((SCAN[axes],) * axes)
        kept = table >= max(table.max(), top) - NEGLIGIBLE
        settled = True
        for axis in np.flatnonzero(~periodic):
            seen = np.flatnonzero(kept.any(axis=tuple(k for k in range(axes) if k != axis)))
            cell = (high[axis] - low[axis]) / (SCAN[axes] - 1)
            width = high[axis] - low[axis]
            inside = (peaks.places[:, axis] - low[axis]) / cell
            first = int(min(np.floor(inside.min()), *seen[:1]))
            last = int(max(np.ceil(inside.max()), *seen[-1:]))
            settled &= first > 0 and last < SCAN[axes] - 1 and last - first > SCAN[axes] // 3
            start = low[axis]
            low[axis] = start - width / 2 if first <= 0 else start + cell * (first - 1)
            high[axis] = (
                high[axis] + width / 2 if last >= SCAN[axes] - 1 else start + cell * (last + 1)
            )
        if np.abs(low).max() > WIDEST or np.abs(high).max() > WIDEST:
            raise complain(
                "E705",
                f"the weight does not fall off in `{'`, `'.join(field.layout.names)}`: Z is infinite, "
                "or falls off too slowly to be integrated",
            )
        if settled:
            return low, high
    return low, high


def _refuse_infinite(field: Field, weights: np.ndarray) -> None:
    if np.isposinf(weights).any():
        raise complain(
            "E703",
            f"exp(-E) is infinite at a point of `{'`, `'.join(field.layout.names)}`",
            helps=["look for a log or a power of what is 0 there"],
        )
