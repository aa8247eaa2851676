"""Graphs as edge lists: from arrays, adjacency matrices and networkx, or generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..semantics.terms import GraphDeclaration
from ..syntax.diagnostics import complain
from .checks import as_array


class Sites(NamedTuple):
    """How many sites a graph shows; certain unless it is only the largest number in an edge list."""

    number: int
    certain: bool


def edges_of(graph: GraphDeclaration, value: Any) -> tuple[np.ndarray, Sites]:
    """Edges [edges, 2] of an edge list, an adjacency matrix or a networkx graph, in the order given.

    Nodes of a networkx graph that are called 0 to n - 1 are those sites; others count in the order
    in which the graph has them. A sparse matrix of SciPy is an adjacency matrix.
    Raises EbmError E605 for a loop, a repeated edge, or something that is no graph.
    """
    if hasattr(value, "edges") and hasattr(value, "nodes"):
        if getattr(value, "is_directed", bool)():
            raise complain(
                "E605",
                f"the graph given for `{graph.name}` is directed, and its edges have no direction",
                helps=["give graph.to_undirected()"],
            )
        numbered = set(value.nodes) == set(range(len(value.nodes)))
        order = {node: node if numbered else k for k, node in enumerate(value.nodes)}
        edges = np.array([[order[a], order[b]] for a, b in value.edges()], np.int64).reshape(-1, 2)
        sites = Sites(len(order), True)
    elif hasattr(value, "toarray"):
        edges, sites = _from_array(graph.name, np.asarray(value.toarray()))
    else:
        edges, sites = _from_array(graph.name, as_array(graph.name, value))
    _refuse_loops(graph.name, edges)
    return edges, sites


def _from_array(name: str, array: np.ndarray) -> tuple[np.ndarray, Sites]:
    if array.dtype.kind not in "biuf" or array.ndim != 2:
        shape = f"an array of shape {list(array.shape)}" if array.ndim else "no array"
        what = shape if array.dtype.kind in "biuf" or not array.ndim else "not made of numbers"
        raise complain(
            "E605",
            f"`{name}` is {what}, and no graph",
            helps=["give an [edges, 2] array, an adjacency matrix or a networkx graph"],
        )
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    looks_adjacent = square and np.array_equal(array, array.T) and not np.any(np.diag(array))
    if square and (array.shape[0] != 2 or looks_adjacent):
        if not np.array_equal(array, array.T):
            raise complain(
                "E605",
                f"the matrix given for `{name}` is not symmetric, and its edges have no direction",
                helps=["give a symmetric adjacency matrix, or an [edges, 2] array"],
            )
        if np.any(np.diag(array)):
            site = int(np.flatnonzero(np.diag(array))[0])
            raise complain("E605", f"`{name}` joins site {site} with itself")
        i, j = np.nonzero(np.triu(array, 1))
        return np.stack([i, j], axis=1), Sites(array.shape[0], True)
    if array.ndim != 2 or array.shape[1] != 2:
        raise complain(
            "E605",
            f"`{name}` is an array of shape {list(array.shape)}, and no graph",
            helps=["give an [edges, 2] array, an adjacency matrix or a networkx graph"],
        )
    if not np.array_equal(array, np.rint(array)) or np.any(array < 0):
        raise complain("E605", f"the edges of `{name}` must be site numbers from 0")
    edges = array.astype(np.int64)
    return edges, Sites(int(edges.max(initial=0)) + 1, False)


def _refuse_loops(name: str, edges: np.ndarray) -> None:
    loops = np.flatnonzero(edges[:, 0] == edges[:, 1])
    if len(loops):
        raise complain(
            "E605",
            f"edge {loops[0]} of `{name}` joins site {edges[loops[0], 0]} with itself",
            notes=[f"{len(loops)} such edges"] if len(loops) > 1 else [],
        )
    ordered = np.sort(edges, axis=1)
    _, first, times = np.unique(ordered, axis=0, return_index=True, return_counts=True)
    if np.any(times > 1):
        pair = ordered[first[np.argmax(times > 1)]]
        rows = np.flatnonzero((ordered == pair).all(axis=1))
        raise complain(
            "E605",
            f"edge {rows[1]} of `{name}` repeats edge {rows[0]}: both join {pair[0]} and {pair[1]}",
            notes=[f"{int((times > 1).sum())} pairs are repeated"] if (times > 1).sum() > 1 else [],
        )


def generate(graph: GraphDeclaration, sizes: Mapping[str, int]) -> np.ndarray:
    """The edges of `ring()`, `complete()` or `grid(row, col)`; a cyclic side of a grid closes."""
    assert graph.generator is not None
    name, sides = graph.generator
    sites = sizes[graph.on.name]
    if name == "complete":
        return np.stack(np.triu_indices(sites, 1), axis=1)
    if name == "ring":
        if sites < 3:
            raise complain(
                "E605", f"the ring `{graph.name}` needs at least three sites, not {sites}"
            )
        start = np.arange(sites)
        return np.stack([start, (start + 1) % sites], axis=1)
    rows, columns = (sizes[side.name] for side in sides)
    if rows * columns != sites:
        raise complain(
            "E602",
            f"the grid `{graph.name}` has {rows} x {columns} sites, and `{graph.on.name}` has {sites}",
        )
    numbers = np.arange(sites).reshape(rows, columns)
    found = []
    for axis, side in enumerate(sides):
        last = numbers.shape[axis]
        reach = last if side.cyclic and last > 2 else last - 1
        here = np.take(numbers, np.arange(reach), axis)
        there = np.take(numbers, (np.arange(reach) + 1) % last, axis)
        found.append(np.stack([here.ravel(), there.ravel()], axis=1))
    return np.concatenate(found)
