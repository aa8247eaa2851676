"""The energy of a model of two real numbers as contours, with chains or points on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from ..arguments import checked
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import complain
from .style import INK, SMALL, dress, legend, mark, picture, saved, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..model import Model

Bounds = tuple[tuple[float, float], tuple[float, float]]

SIDE = 121  # points of the grid along each axis
DEEP = 10.0  # nats above the lowest energy that are worth seeing
STEPS = (0.5, 1, 2, 3, 4, 6, 8, 10)  # nats above the lowest energy: a line each
WIDEST = 4096.0
ROUNDS = 8
SHORT = 0.08  # of the diagonal: steps of a walk that can be followed
MOST_POINTS = 500  # of one chain
PATH = 25  # draws whose way is shown


class Coordinate(NamedTuple):
    """One of the two numbers: its name, its variable, its limits, whether it is an angle."""

    label: str
    symbol: Symbol
    lower: float
    upper: float
    angle: bool


@checked(draws=None)
def contours(
    model: Model,
    params: Mapping[str, Any],
    draws: Any = None,
    bounds: Bounds | None = None,
    path: str | Path | None = None,
) -> Figure:
    """The energy of a model of two real unknown numbers as contours: the darker, the likelier.

    Lines are some nats above the lowest energy seen. `draws`: draws, or a mapping of states with
    leading axes [chain, draw] or [point]; chains differ by mark and shade, and the way of the first
    one's first draws is drawn where its steps are short. `bounds`: ((low, high), (low, high));
    without it all that is within 10 nats of the lowest energy, and all draws. Variables that were
    bound stay at their values.
    Raises EbmError E602 unless there are two real unknown numbers in all, or for bounds that are none.
    """
    two = coordinates(model)
    points = _points(two, draws)
    if bounds is None:
        bounds = _region(model, params, two, points)
    elif any(not low < high for low, high in bounds):
        raise complain("E602", f"bounds are ((low, high), (low, high)), not {bounds}")
    x, y = (np.linspace(low, high, SIDE) for low, high in bounds)
    energy = _energies(model, params, two, x, y)
    figure = picture(5.4, 4.6)
    axis = figure.subplots()
    _landscape(axis, x, y, energy)
    dress(axis, two[0].label, two[1].label)
    _angles(axis, two)
    if points is not None:
        _walks(axis, points)
        axis.set(xlim=bounds[0], ylim=bounds[1])
    return saved(figure, path)


def coordinates(model: Model) -> tuple[Coordinate, Coordinate]:
    """The two numbers that a model leaves unknown. Raises EbmError E602 if there are not two."""
    free = {n: s for n, s in model.program.unknowns.items() if n not in model.bindings.held}
    found = [one for name, symbol in free.items() for one in _coordinates(model, name, symbol)]
    plain = all(
        not s.domain.discrete and s.domain.kind is not Kind.SIMPLEX and not s.symmetric
        for s in free.values()
    )
    if len(found) != 2 or not plain:
        shapes = [(n, s, list(model.world.shape(s))) for n, s in free.items()]
        has = ", ".join(f"{n}: {s.domain.kind}{shape or ''}" for n, s, shape in shapes)
        raise complain(
            "E602",
            f"contours need two real unknown numbers; `{model.name}` has {has or 'none'}",
            helps=["bind variables to values until two numbers are unknown"],
        )
    return found[0], found[1]


def _coordinates(model: Model, name: str, symbol: Symbol) -> list[Coordinate]:
    """At most three numbers of a variable: more are too many."""
    shape = model.world.shape(symbol)
    places = [p for _, p in zip(range(3), np.ndindex(shape), strict=False)]
    domain = symbol.domain
    angle = domain.kind is Kind.ANGLE
    lower = 0.0 if angle or domain.kind is Kind.POSITIVE else -np.inf
    upper = 2 * np.pi if angle else np.inf
    if domain.lower is not None:
        lower = model.world.value(domain.lower)
    if domain.upper is not None:
        upper = model.world.value(domain.upper)
    labels = [f"{name}[{', '.join(map(str, p))}]" if p else name for p in places]
    return [Coordinate(label, symbol, lower, upper, angle) for label in labels]


def _states(model: Model, two: tuple[Coordinate, Coordinate], pairs: np.ndarray) -> dict[str, Any]:
    """States of the model [point, dims] at pairs of numbers [point, 2]."""
    state: dict[str, Any] = {}
    for k, one in enumerate(two):
        state.setdefault(one.symbol.name, []).append(pairs[:, k])
    shaped = {
        s.name: np.stack(state[s.name], axis=-1).reshape(-1, *model.world.shape(s))
        for s in {one.symbol.name: one.symbol for one in two}.values()
    }
    return dict(model.bindings.held) | shaped


def _energies(
    model: Model,
    params: Mapping[str, Any],
    two: tuple[Coordinate, Coordinate],
    x: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """Energies [y, x] in nats on a grid."""
    pairs = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    energy = np.asarray(model.energy(params, _states(model, two, pairs)), float)
    return energy.reshape(len(y), len(x))


def _points(two: tuple[Coordinate, Coordinate], draws: Any) -> np.ndarray | None:
    """Draws or points as [chain, draw, 2]."""
    if draws is None:
        return None
    found = []
    for name in dict.fromkeys(one.symbol.name for one in two):
        values = np.asarray(draws[name], float)
        number = sum(one.symbol.name == name for one in two)
        shape = values.shape[: values.ndim - len(two[0].symbol.dims)]
        found.append(values.reshape(*shape, number))
    points = np.concatenate(found, axis=-1)
    return points.reshape(-1, *points.shape[-2:]) if points.ndim > 1 else points.reshape(1, 1, 2)


def _region(
    model: Model,
    params: Mapping[str, Any],
    two: tuple[Coordinate, Coordinate],
    points: np.ndarray | None,
) -> Bounds:
    """The box of all that lies within some nats of the lowest energy, and of all points."""
    half = 2.0
    found, beyond = _low(model, params, two, _box(two, half))
    while beyond and half < WIDEST:
        half *= 2
        found, beyond = _low(model, params, two, _box(two, half))
    for _ in range(ROUNDS):
        found, beyond = _low(model, params, two, found)
        if not beyond:
            break
    if points is None:
        return found
    flat = points.reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(axis=1)]
    return _joined(two, found, flat) if len(flat) else found


def _box(two: tuple[Coordinate, Coordinate], half: float) -> Bounds:
    """A box of half this side about zero, or about the nearest values that are allowed."""
    centres = [float(np.clip(0.0, one.lower, one.upper)) for one in two]
    (a, b), (c, d) = (
        _within(one, centre - half, centre + half) for one, centre in zip(two, centres, strict=True)
    )
    return (a, b), (c, d)


def _within(one: Coordinate, low: float, high: float) -> tuple[float, float]:
    """An interval cut down to what is allowed; a whole turn for an angle."""
    return (0.0, 2 * np.pi) if one.angle else (max(low, one.lower), min(high, one.upper))


def _joined(two: tuple[Coordinate, Coordinate], found: Bounds, flat: np.ndarray) -> Bounds:
    """Bounds widened until they hold all points [point, 2]."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    margin = 0.03 * (high - low)
    (a, b), (c, d) = (
        _within(one, min(old[0], least), max(old[1], most))
        for one, old, least, most in zip(two, found, low - margin, high + margin, strict=True)
    )
    return (a, b), (c, d)


def _low(
    model: Model, params: Mapping[str, Any], two: tuple[Coordinate, Coordinate], box: Bounds
) -> tuple[Bounds, bool]:
    """The box of the low energies within a box, and whether they may go on beyond it."""
    x, y = (np.linspace(low, high, SIDE // 2) for low, high in box)
    energy = _energies(model, params, two, x, y)
    known = np.isfinite(energy)
    if not known.any():
        return box, True
    deep = known & (energy <= energy[known].min() + DEEP)
    edges, beyond = [], False
    for one, grid, there in ((two[0], x, deep.any(axis=0)), (two[1], y, deep.any(axis=1))):
        first, last = np.flatnonzero(there)[[0, -1]]
        step = grid[1] - grid[0]
        low = grid[first] - (step if first else 0.2 * (grid[-1] - grid[0]))
        high = grid[last] + (step if last < len(grid) - 1 else 0.2 * (grid[-1] - grid[0]))
        edges.append(_within(one, low, high))
        beyond |= bool(there[0] and grid[0] > one.lower) or bool(there[-1] and grid[-1] < one.upper)
    return (edges[0], edges[1]), beyond


def _landscape(axis: Axes, x: np.ndarray, y: np.ndarray, energy: np.ndarray) -> None:
    """Shades and lines at some nats above the lowest energy."""
    known = np.isfinite(energy)
    if not known.any():
        raise complain("E604", "the energy is nowhere finite within the bounds")
    above = np.where(known, energy - energy[known].min(), np.nan)
    top = float(np.nanmax(above))
    levels = [s for s in STEPS if s < top] or [top / 2 if top > 0 else 1.0]
    greys = [str(g) for g in np.linspace(0.62, 1.0, len(levels) + 1)]
    axis.contourf(x, y, above, [0, *levels, max(top, levels[-1]) + 1], colors=greys)
    lines = axis.contour(x, y, above, levels, colors=INK, linewidths=0.5)
    axis.clabel(lines, levels[1::2] or levels, fontsize=7, fmt="%g", inline_spacing=2)
    lowest = float(energy[known].min())
    axis.set_title(
        f"energy in nats above {lowest:.3g}, the lowest", loc="right", fontsize=SMALL, color="0.3"
    )


def _angles(axis: Axes, two: tuple[Coordinate, Coordinate]) -> None:
    ticks, labels = [0, np.pi, 2 * np.pi], ["0", "π", "2π"]
    if two[0].angle:
        axis.set_xticks(ticks, labels=labels)
    if two[1].angle:
        axis.set_yticks(ticks, labels=labels)


def _walks(axis: Axes, points: np.ndarray) -> None:
    """The points of every chain, and the way of the first one's first draws. Shapes: [chain, draw, 2]."""
    step = max(1, -(-points.shape[1] // MOST_POINTS))
    few = points[: len(shades(8))]
    for k, (colour, chain) in enumerate(zip(shades(len(few)), few, strict=True)):
        axis.plot(*chain[::step].T, ls="", marker=mark(k), ms=2.5, mfc=colour, mec="white", mew=0.3,
                  label=f"chain {k}" if len(points) > 1 else "")  # fmt: skip
    way = few[0, :PATH]
    diagonal = np.hypot(*np.ptp(few.reshape(-1, 2), axis=0))
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    if len(steps) and np.median(steps) < SHORT * diagonal:
        far = np.append(steps > 0.5 * diagonal, False)[:, None]
        axis.plot(*np.where(far, np.nan, way).T, color=INK, lw=0.7, label="_way")
    legend(axis, markerscale=2, loc="upper left", bbox_to_anchor=(1.0, 1.0))
