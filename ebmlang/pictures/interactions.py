"""The interaction graph of a model: its sites and who meets whom, in blocks that move at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..arguments import checked
from .graphs import draw_edges, room
from .layout import circle, lattice, rows, stress
from .style import GREY, INK, SMALL, TEXT, WIDTH, Picture, bare, mark, picture, saved, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..model import Model

MOST_SITES = 150  # as nodes and lines; on a lattice more
MOST_ON_LATTICE = 400
MOST_PAIRS = 1200
MOST_BLOCKS = 8  # that differ by their marks
NEAR = 2  # steps on a lattice
PIXELS = 480  # of a matrix


@checked()
def interactions(model: Model, path: str | Path | None = None) -> Figure:
    """The interaction graph of a bound model: a mark for each block of sites that move at once.

    Small models are nodes and lines: a lattice where sites meet their neighbours only (lines that end in
    nothing go round the edge), layers in rows, else by distance. Large ones are a matrix of who
    meets whom, sorted by block: white squares on its diagonal are blocks whose sites do not meet.
    Raises EbmError E601 while sizes are missing, E702 if all is held, E705 for too many pairs.
    """
    graph = model.interactions()
    number = len(graph.variable)
    flat = _flat(graph)
    most = MOST_ON_LATTICE if flat is not None else MOST_SITES
    if number > most or len(graph.pairs) > MOST_PAIRS:
        return saved(_matrix(graph), path)
    return saved(_nodes(graph, flat), path)


def _flat(graph: Any) -> tuple[int, int] | None:
    """Rows and columns of one variable on a plane whose sites meet near ones only, else None."""
    shape = graph.shapes[graph.variables[0]]
    if len(graph.variables) > 1 or len(shape) != 2 or min(shape) < 2:
        return None
    steps, _ = _steps(graph, shape)
    return shape if (np.abs(steps) <= NEAR).all() and len(graph.entry) == np.prod(shape) else None


def _steps(graph: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The shortest way round from the first site of each pair to the second, and the plain one."""
    places = np.stack(np.unravel_index(graph.entry, shape), axis=-1)
    plain = places[graph.pairs[:, 1]] - places[graph.pairs[:, 0]]
    sizes = np.array(shape)
    return (plain + sizes // 2) % sizes - sizes // 2, plain


def _nodes(graph: Any, flat: tuple[int, int] | None) -> Picture:
    """Nodes and lines, nodes by block."""
    number = len(graph.variable)
    places, layered = _places(graph, flat)
    wide, high = np.maximum(np.ptp(places, axis=0), 1e-9)
    tall = 1.1 * len(graph.variables) if layered else float(np.clip(5.6 * high / wide, 1.0, 5.6))
    figure = picture(WIDTH, tall + 0.6)
    axis = figure.subplots()
    bare(axis)
    if flat is None:
        draw_edges(axis, places, graph.pairs)
    else:
        _bonds(axis, places, graph, flat)
    size = float(np.clip(2600 / number, 14, 160))
    told = len(graph.blocks) <= MOST_BLOCKS
    for k, colour in enumerate(shades(len(graph.blocks))):
        own = places[graph.block == k]
        axis.scatter(*own.T, s=size, marker=mark(k) if told else "o", color=[colour],
                     edgecolors=INK, linewidths=0.5, zorder=2, label=graph.blocks[k])  # fmt: skip
    if layered:
        axis.margins(0.06, 0.15)
        _rows(axis, places, graph)
    else:
        room(axis, places)
    _told(axis, graph, told)
    return figure


def _places(graph: Any, flat: tuple[int, int] | None) -> tuple[np.ndarray, bool]:
    """Where sites stand, and whether each variable is a row."""
    number, pairs = len(graph.variable), graph.pairs
    if flat is not None:
        return lattice(flat), False
    inside = graph.variable[pairs[:, 0]] == graph.variable[pairs[:, 1]]
    if len(graph.variables) > 1 and not inside.any():
        return rows(np.bincount(graph.variable).tolist()), True
    if len(pairs) == number * (number - 1) // 2 and number > 3:
        return circle(number), False
    shape = graph.shapes[graph.variables[0]]
    if len(graph.variables) == 1 and len(shape) == 1 and len(pairs) >= number > 4:
        steps, plain = _steps(graph, shape)
        if (np.abs(steps) <= NEAR).all() and (np.abs(plain) > NEAR).any():
            return circle(number), False
    return stress(pairs, number), False


def _bonds(axis: Axes, places: np.ndarray, graph: Any, shape: tuple[int, int]) -> None:
    """Lines on a lattice; those round the edge leave each of their ends for half a step."""
    steps, plain = _steps(graph, shape)
    there = (steps == plain).all(axis=1)
    axis.add_collection(
        LineCollection(list(places[graph.pairs[there]]), colors=GREY, linewidths=0.9, zorder=1)
    )
    away = np.stack([steps[~there, 1], -steps[~there, 0]], axis=-1) * 0.55
    first, second = (places[graph.pairs[~there, k]] for k in (0, 1))
    stubs = [*np.stack([first, first + away], 1), *np.stack([second, second - away], 1)]
    axis.add_collection(
        LineCollection(stubs, colors=GREY, linewidths=0.9, linestyles=":", zorder=1)
    )


def _rows(axis: Axes, places: np.ndarray, graph: Any) -> None:
    """The name of the variable in front of its row."""
    for k, name in enumerate(graph.variables):
        height = places[graph.variable == k][0, 1]
        shape = ", ".join(map(str, graph.shapes[name]))
        axis.annotate(
            f"{name}[{shape}]" if shape else name, (0, height), xytext=(-6, 0), fontsize=TEXT,
            xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="center",
        )  # fmt: skip


def _told(axis: Axes, graph: Any, by_mark: bool) -> None:
    """What the marks mean, below the picture."""
    if by_mark:
        axis.legend(frameon=False, fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.01),
                    ncols=min(len(graph.blocks), 4), markerscale=0.9)  # fmt: skip
        return
    axis.set_xlabel(_count(graph), fontsize=TEXT)


def _count(graph: Any) -> str:
    sites, blocks = len(graph.variable), len(graph.blocks)
    if blocks == sites:
        return f"{sites} sites, {len(graph.pairs)} pairs: one site moves at a time"
    return f"{sites} sites, {len(graph.pairs)} pairs; {blocks} blocks, by shade"


def _matrix(graph: Any) -> Picture:
    """Who meets whom, sites sorted by block."""
    number = len(graph.variable)
    order = np.argsort(graph.block, kind="stable")
    place = np.empty(number, int)
    place[order] = np.arange(number)
    side = min(number, PIXELS)
    a, b = (place[graph.pairs[:, k]] * side // number for k in (0, 1))
    met = np.zeros((side, side), bool)
    met[a, b] = met[b, a] = True
    figure = picture(5.2, 5.2)
    axis = figure.subplots()
    extent = (0, number, number, 0)
    axis.imshow(met, cmap="Greys", vmin=0, vmax=1.15, interpolation="nearest", extent=extent)
    _borders(axis, graph)
    shown = (
        "who meets whom" if side == number else f"who meets whom, {number / side:.1f} sites a pixel"
    )
    axis.set_title(shown, loc="left", fontsize=TEXT)
    axis.set_xlabel(_count(graph).split("; ")[0] + f", {len(graph.blocks)} blocks", fontsize=TEXT)
    return figure


def _borders(axis: Axes, graph: Any) -> None:
    """Lines between blocks and their names, where there is room for them."""
    sizes = np.bincount(graph.block, minlength=len(graph.blocks))
    ends = np.cumsum(sizes)
    axis.set_xticks([])
    if len(sizes) <= 40:
        for end in ends[:-1]:
            axis.axhline(end, color=GREY, lw=0.5)
            axis.axvline(end, color=GREY, lw=0.5)
    wide = sizes > 0.03 * ends[-1]
    middle = ends - sizes / 2
    names = np.array(graph.blocks, object)
    axis.set_yticks(middle[wide], labels=list(names[wide]), fontsize=SMALL)
    axis.tick_params(length=0)
