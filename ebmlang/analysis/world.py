"""The sizes and graphs a program is lowered for: concrete, hashable by identity, free of data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..semantics.sizes import Size
from ..semantics.terms import (
    Between,
    Dimension,
    EdgeEnd,
    Edges,
    GraphDeclaration,
    Index,
    Kind,
    Listed,
    Neighbour,
    Slots,
    Symbol,
    Whole,
)


def site_dims(symbol: Symbol) -> tuple[Dimension | GraphDeclaration, ...]:
    """The dimensions that number the sites of an array: a whole last axis of a `simplex` is one site."""
    return symbol.dims[:-1] if symbol.domain.kind is Kind.SIMPLEX else symbol.dims


@dataclass(frozen=True, slots=True, eq=False)
class GraphData:
    """Edges [edges, 2], and for each site its neighbours and their edges, padded with -1 [site, slots]."""

    edges: np.ndarray
    neighbours: np.ndarray
    edge_numbers: np.ndarray

    @staticmethod
    def of(edges: np.ndarray, sites: int) -> GraphData:
        """The tables of an edge list."""
        edges = np.asarray(edges, np.int64).reshape(-1, 2)
        ends = np.concatenate([edges[:, 0], edges[:, 1]])
        others = np.concatenate([edges[:, 1], edges[:, 0]])
        numbers = np.tile(np.arange(len(edges)), 2)
        order = np.argsort(ends, kind="stable")
        ends, others, numbers = ends[order], others[order], numbers[order]
        degree = np.bincount(ends, minlength=sites)
        width = int(degree.max(initial=0))
        slot = np.arange(len(ends)) - np.repeat(np.cumsum(degree) - degree, degree)
        table = np.full((sites, width), -1)
        edge_table = np.full((sites, width), -1)
        table[ends, slot] = others
        edge_table[ends, slot] = numbers
        return GraphData(
            edges.astype(np.int32), table.astype(np.int32), edge_table.astype(np.int32)
        )


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Sizes of all dimensions and the graphs."""

    sizes: Mapping[str, int]
    graphs: Mapping[str, GraphData] = field(default_factory=dict)

    def size(self, dim: Dimension | GraphDeclaration) -> int:
        """Positions of a dimension, edges of a graph."""
        if isinstance(dim, GraphDeclaration):
            return len(self.graphs[dim.name].edges)
        return self.sizes[dim.name]

    def value(self, size: Size | float) -> float:
        """The number of a size expression or bound."""
        return float(size.value(self.sizes)) if isinstance(size, Size) else float(size)

    def shape(self, symbol: Symbol) -> tuple[int, ...]:
        """The shape of a declared array."""
        return tuple(self.size(dim) for dim in symbol.dims)

    def site_shape(self, symbol: Symbol) -> tuple[int, ...]:
        """The shape of the sites of a declared array: a whole last axis of a `simplex` is one."""
        return tuple(self.size(dim) for dim in site_dims(symbol))

    def limits(self, index: Index) -> tuple[int, int]:
        """First position and one past the last of an index with an axis of its own."""
        match index.found:
            case Whole(dim=dim):
                return 0, self.sizes[dim.name]
            case Between(lower=lower, upper=upper):
                low, high = math.ceil(self.value(lower)), math.ceil(self.value(upper))
                return low, max(low, high)
            case Edges(graph=graph):
                return 0, len(self.graphs[graph.name].edges)
            case Slots(graph=graph):
                return 0, self.graphs[graph.name].neighbours.shape[1]
            case EdgeEnd() | Neighbour() | Listed():
                raise AssertionError(index)

    def length(self, index: Index) -> int:
        """How many positions an index with an axis takes."""
        low, high = self.limits(index)
        return high - low
