"""Graphs as edge lists: from arrays, adjacency matrices and networkx, or generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..semantics.terms import GraphDeclaration
from ..syntax.diagnostics import EbmError, complain
from .arrays import as_array, is_sparse


class Graph(NamedTuple):
    """A graph as it was given: edges [edges, 2] in its order, and how many sites it shows.

    `certain`: False where `sites` is only the largest number in an edge list. `weights` [edges]:
    numbers that it has at its edges; None if they are all 1, or if it has none.
    """

    edges: np.ndarray
    sites: int
    certain: bool
    weights: np.ndarray | None


def is_graph(value: Any) -> bool:
    """Whether a value is a networkx graph, or one with the same methods."""
    return hasattr(value, "edges") and hasattr(value, "nodes")


def graph_of(name: str, value: Any) -> Graph:
    """The graph of an edge list, an adjacency matrix or a networkx graph, edges in the order given.

    Nodes of a networkx graph that are called 0 to n - 1 are those sites; others count in the order
    in which the graph has them. A sparse matrix of SciPy is an adjacency matrix.
    Raises EbmError E605 for a loop, a repeated edge, or something that is no graph.
    """
    if is_graph(value):
        graph = _from_networkx(name, value)
    elif is_sparse(value) and len(value.shape) == 2:
        graph = _from_sparse(name, value)
    else:
        graph = _from_array(name, as_array(name, value))
    _refuse_loops(name, graph.edges, hasattr(value, "is_multigraph") and value.is_multigraph())
    if graph.weights is not None and not np.isfinite(graph.weights).all():
        i, j = graph.edges[np.argmin(np.isfinite(graph.weights))]
        raise complain("E605", f"the weight of `{name}` between {i} and {j} is no finite number")
    if graph.weights is None or np.all(graph.weights == 1):
        return graph._replace(weights=None)
    return graph


def weights_of(name: str, value: Any, graph: str, edges: np.ndarray) -> np.ndarray:
    """The weights [edges] that a graph or a matrix has at these edges, those of `graph`, in their order.

    Raises EbmError E605 where its edges are others.
    """
    shown = graph_of(name, value)
    weights = np.ones(len(shown.edges)) if shown.weights is None else shown.weights
    place = {(min(e), max(e)): w for e, w in zip(shown.edges.tolist(), weights, strict=True)}
    wanted = [(min(e), max(e)) for e in edges.tolist()]
    others = place.keys() - set(wanted)
    lacking = [] if not is_graph(value) else [e for e in wanted if e not in place]
    for e in (*sorted(others)[:1], *lacking[:1]):
        has = (
            f"`{name}` has, and `{graph}` lacks,"
            if e in others
            else f"`{graph}` has, and `{name}` lacks,"
        )
        raise complain("E605", f"{has} the edge between {e[0]} and {e[1]}")
    return np.array([place.get(e, 0.0) for e in wanted], np.float64)


def _from_networkx(name: str, value: Any) -> Graph:
    if getattr(value, "is_directed", bool)():
        raise complain(
            "E605",
            f"the graph given for `{name}` is directed, and its edges have no direction",
            helps=["give graph.to_undirected()"],
        )
    numbered = set(value.nodes) == set(range(len(value.nodes)))
    order = {node: node if numbered else k for k, node in enumerate(value.nodes)}
    found = [(order[a], order[b], weight) for a, b, weight in value.edges(data="weight")]
    edges = np.array([(a, b) for a, b, _ in found], np.int64).reshape(-1, 2)
    if all(weight is None for *_, weight in found):
        return Graph(edges, len(order), True, None)
    try:
        weights = np.array([1.0 if weight is None else float(weight) for *_, weight in found])
    except (TypeError, ValueError):
        raise complain("E605", f"a weight of the graph given for `{name}` is no number") from None
    return Graph(edges, len(order), True, weights)


def _from_sparse(name: str, value: Any) -> Graph:
    """A sparse adjacency matrix; entries that are stored and are 0 join nothing."""
    entries = value.tocsr().tocoo()  # what stands in one place is added
    if entries.shape[0] != entries.shape[1]:
        if entries.shape[1] == 2:
            return _from_array(name, np.asarray(value.toarray()))
        raise _no_graph(name, entries.shape)
    kept = entries.data != 0
    i, j, values = entries.row[kept], entries.col[kept], entries.data[kept]
    order, mirrored = np.lexsort((j, i)), np.lexsort((i, j))
    same = np.array_equal(i[order], j[mirrored]) and np.array_equal(j[order], i[mirrored])
    if not same or not np.array_equal(values[order], values[mirrored], equal_nan=True):
        raise _one_way(name)
    i, j, values = i[order], j[order], values[order]
    if np.any(i == j):
        raise complain("E605", f"`{name}` joins site {int(i[np.argmax(i == j)])} with itself")
    upper = i < j
    edges = np.stack([i[upper], j[upper]], axis=1).astype(np.int64)
    return Graph(edges, entries.shape[0], True, values[upper].astype(np.float64))


def _from_array(name: str, array: np.ndarray) -> Graph:
    if array.dtype.kind not in "biuf" or array.ndim != 2:
        raise _no_graph(name, array.shape if array.dtype.kind in "biuf" or not array.ndim else None)
    square = array.shape[0] == array.shape[1]
    symmetric = square and np.array_equal(array, array.T, equal_nan=array.dtype.kind == "f")
    if square and (array.shape[0] != 2 or (symmetric and not np.any(np.diag(array)))):
        if not symmetric:
            raise _one_way(name)
        if np.any(np.diag(array)):
            site = int(np.flatnonzero(np.diag(array))[0])
            raise complain("E605", f"`{name}` joins site {site} with itself")
        i, j = np.nonzero(np.triu(array, 1))
        edges = np.stack([i, j], axis=1)
        return Graph(edges, array.shape[0], True, array[i, j].astype(np.float64))
    if array.shape[1] != 2:
        raise _no_graph(name, array.shape)
    if not np.array_equal(array, np.rint(array)) or np.any(array < 0):
        raise complain("E605", f"the edges of `{name}` must be site numbers from 0")
    edges = array.astype(np.int64)
    return Graph(edges, int(edges.max(initial=0)) + 1, False, None)


def _no_graph(name: str, shape: tuple[int, ...] | None) -> EbmError:
    helps = ["give an [edges, 2] array, an adjacency matrix or a networkx graph"]
    if shape is None:
        return complain("E605", f"`{name}` is not made of numbers, and no graph", helps=helps)
    if len(shape) == 2 and shape[1] == 3:
        helps += [
            f"weights go apart, in `given w : real[{name}]`: {name}=table[:, :2], w=table[:, 2]"
        ]
    what = f"an array of shape {list(shape)}" if shape else "no array"
    return complain("E605", f"`{name}` is {what}, and no graph", helps=helps)


def _one_way(name: str) -> EbmError:
    return complain(
        "E605",
        f"the matrix given for `{name}` is not symmetric, and its edges have no direction",
        helps=["give a symmetric adjacency matrix, or an [edges, 2] array"],
    )


def _refuse_loops(name: str, edges: np.ndarray, multiple: bool) -> None:
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
            helps=["of a networkx multigraph: networkx.Graph(graph)"] if multiple else [],
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
