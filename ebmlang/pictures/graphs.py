"""Graphs: a network with marginals on its nodes, and the interaction graph of a model with its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..arguments import checked
from ..syntax.diagnostics import complain
from .layout import stress
from .style import DASHES, GREY, INK, SEQUENTIAL, SMALL, bare, picture, saved
from .tiles import limits_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THICK = (0.4, 2.6)  # points: the weakest and the strongest edge
MOST_LABELS = 150


@checked()
def network(
    edges: Any,
    values: Any = None,
    weights: Any = None,
    positions: Any = None,
    labels: Sequence[object] | None = None,
    path: str | Path | None = None,
) -> Figure:
    """A graph: the larger a node's value, the darker; the larger an edge's weight, the thicker.

    Edges of negative weight are dashed. Values within [0, 1], such as marginals, run from 0 to 1.
    Shapes: edges [edge, 2], values [node], weights [edge], positions [node, 2]; without positions
    nodes stand so that distances are close to those along the graph. Raises EbmError E602 for shapes
    that do not fit, E605 for edges that are none.
    """
    edges = edges_of(edges)
    nodes = _nodes(edges, {"values": values, "positions": positions, "labels": labels})
    places = stress(edges, nodes) if positions is None else np.asarray(positions, float)
    if places.shape != (nodes, 2):
        raise complain("E602", f"positions are [node, 2], not {list(places.shape)}")
    strengths = None if weights is None else np.asarray(weights, float).reshape(-1)
    if strengths is not None and len(strengths) != len(edges):
        raise complain("E602", f"there are {len(strengths)} weights for {len(edges)} edges")
    figure = picture(*_size(places))
    axis = figure.subplots()
    bare(axis)
    draw_edges(axis, places, edges, strengths)
    marked = _draw_nodes(axis, places, values)
    if values is not None:
        bar = figure.colorbar(marked, ax=axis, shrink=0.5, aspect=25, pad=0.02)
        bar.ax.tick_params(labelsize=SMALL)
        bar.outline.set_visible(False)  # type: ignore[operator]
    if labels is not None or nodes <= MOST_LABELS:
        _write(axis, places, labels, marked)
    room(axis, places)
    return saved(figure, path)


def edges_of(edges: Any) -> np.ndarray:
    """Edges as [edge, 2]. Raises EbmError E605 for what is none."""
    found = np.asarray(edges)
    if found.size == 0:
        return np.zeros((0, 2), int)
    if (
        found.ndim != 2
        or found.shape[1] != 2
        or (found < 0).any()
        or (found != found.astype(int)).any()
    ):
        raise complain(
            "E605", f"edges are pairs of node numbers [edge, 2], not {list(found.shape)}"
        )
    return found.astype(int)


def _nodes(edges: np.ndarray, others: dict[str, Any]) -> int:
    """How many nodes there are by what else is given; by the edges if nothing is."""
    known = {name: len(value) for name, value in others.items() if value is not None}
    least = int(edges.max(initial=-1)) + 1
    if len(set(known.values())) > 1 or any(number < least for number in known.values()):
        told = ", ".join(f"{number} {name}" for name, number in known.items())
        raise complain("E602", f"the edges have {least} nodes or more, and there are {told}")
    nodes = next(iter(known.values()), least)
    if nodes == 0:
        raise complain("E605", "a graph without a node cannot be drawn")
    return nodes


def _size(places: np.ndarray) -> tuple[float, float]:
    """Inches of a picture that these places fill."""
    wide, high = np.maximum(np.ptp(places, axis=0), 1e-9)
    ratio = float(np.clip(high / max(wide, high), 0.35, 1.0))
    return 6.0, 5.4 * ratio + 0.3


def room(axis: Axes, places: np.ndarray) -> None:
    """Equal scales, and room around the nodes even where they stand on a line."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    margin = np.maximum(0.06 * side, 0.06 * side + (0.12 * side - (high - low)) / 2)
    axis.set(
        xlim=(low[0] - margin[0], high[0] + margin[0]),
        ylim=(low[1] - margin[1], high[1] + margin[1]),
    )
    axis.set_aspect("equal")


def draw_edges(
    axis: Axes, places: np.ndarray, edges: np.ndarray, strengths: np.ndarray | None = None
) -> None:
    """A line for each edge; thickness for strength, dashes for a negative one."""
    lines = places[edges]
    if strengths is None:
        thin = 0.9 if len(edges) < 400 else 0.4
        axis.add_collection(LineCollection(list(lines), colors=GREY, linewidths=thin, zorder=1))
        return
    top = float(np.nanmax(np.abs(strengths), initial=0.0)) or 1.0
    wide = THICK[0] + (THICK[1] - THICK[0]) * np.abs(strengths) / top
    for chosen, dashes in ((strengths >= 0, DASHES[0]), (strengths < 0, DASHES[1])):
        axis.add_collection(
            LineCollection(
                list(lines[chosen]), colors=GREY, linewidths=wide[chosen], linestyles=[dashes],
                zorder=1,
            )
        )  # fmt: skip


def _draw_nodes(axis: Axes, places: np.ndarray, values: Any) -> PathCollection:
    """A disc for each node, shaded by its value; white without values."""
    size = float(np.clip(5000 / len(places), 24, 240))
    if values is None:
        return axis.scatter(*places.T, s=size, c="white", edgecolors=INK, linewidths=0.7, zorder=2)
    shown = np.asarray(values, float).reshape(-1)
    low, high = limits_of(shown)
    return axis.scatter(
        *places.T, s=size, c=shown, cmap=SEQUENTIAL, vmin=low, vmax=high, edgecolors=INK,
        linewidths=0.7, zorder=2,
    )  # fmt: skip


def _write(
    axis: Axes, places: np.ndarray, labels: Sequence[object] | None, marked: PathCollection
) -> None:
    """Names on the nodes where they are short, else beside them."""
    words = [str(word) for word in (range(len(places)) if labels is None else labels)]
    inside = max(map(len, words)) <= 2 and len(places) <= 60
    if labels is None and not inside:
        return
    aside = np.sqrt(marked.get_sizes()[0]) / 2 + 2
    for place, word in zip(places, words, strict=True):
        beside = (
            {"xytext": (0, -0.5), "ha": "center"}
            if inside
            else {"xytext": (aside, 0), "ha": "left"}
        )
        axis.annotate(
            word, place, textcoords="offset points", va="center", fontsize=7, zorder=3,
            path_effects=[] if inside else [withStroke(linewidth=2, foreground="white")], **beside,
        )  # fmt: skip
    if inside:
        _contrast(axis, marked)


def _contrast(axis: Axes, marked: PathCollection) -> None:
    """White letters on dark nodes."""
    shown = marked.get_array()
    if shown is None:
        return
    low, high = marked.get_clim()
    for text, value in zip(axis.texts, np.asarray(shown), strict=True):
        text.set_color("white" if value > low + 0.55 * (high - low) else INK)
