"""Subscripts and conditions evaluated over all positions of their indices, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..semantics.terms import (
    Apply,
    Constant,
    Dimension,
    EdgeEnd,
    GraphDeclaration,
    Index,
    Listed,
    Neighbour,
    Position,
    Read,
    SizeValue,
    Term,
)
from ..semantics.traverse import free_indices, leaning
from .world import World

BUDGET = 20_000_000


class Undecided(Exception):
    """Something that cannot be evaluated before running, or would be too large."""


def axes_of(terms: Sequence[Term]) -> list[Index]:
    """The indices with axes of their own on which some terms depend."""
    found: dict[Index, None] = {}
    for term in terms:
        for index in free_indices(term):
            found.update(dict.fromkeys(i for i in leaning(index) if i.has_axis))
    return list(found)


def count(axes: Sequence[Index], world: World) -> int:
    """How many instances the axes have together."""
    total = 1
    for axis in axes:
        total *= world.length(axis)
    return total


def evaluate(
    term: Term, axes: Sequence[Index], world: World, data: Mapping[str, np.ndarray]
) -> np.ndarray:
    """A term at every instance of the axes, broadcastable to their lengths. Raises Undecided."""
    match term:
        case Constant(value=value):
            return np.asarray(value)
        case SizeValue(size=size):
            return np.asarray(world.value(size))
        case Position(index=index):
            return _position(index, axes, world, data)
        case Read(symbol=symbol, subscripts=subscripts) if symbol.name in data and (
            not symbol.unknown
        ):
            values = np.asarray(data[symbol.name])
            places = [evaluate(s, axes, world, data).astype(int) for s in subscripts]
            # what a condition leaves out may lie outside, and is never used
            inside = zip(places, symbol.dims, values.shape, strict=True)
            return values[tuple(within(p, dim, size) for p, dim, size in inside)]
        case Apply(function=function, arguments=arguments) if function in _MEANINGS:
            values = [evaluate(a, axes, world, data) for a in arguments]
            return np.asarray(_MEANINGS[function](*values))
        case _:
            raise Undecided


def within(places: np.ndarray, dim: Dimension | GraphDeclaration, size: int) -> np.ndarray:
    """Subscripts as positions: wrapped on a cyclic dimension, else moved to the nearest there is."""
    if isinstance(dim, Dimension) and dim.cyclic:
        return np.mod(places, size)
    return np.clip(places, 0, size - 1)


def _position(
    index: Index, axes: Sequence[Index], world: World, data: Mapping[str, np.ndarray]
) -> np.ndarray:
    match index.found:
        case EdgeEnd(graph=graph, edge=edge, end=end):
            values = world.graphs[graph.name].edges[:, end]
            return _along(values, edge, axes)
        case Neighbour(graph=graph, site=site, slot=slot):
            table = world.graphs[graph.name].neighbours
            where = evaluate(site, axes, world, data).astype(int)
            column = _along(np.arange(table.shape[1]), slot, axes)
            return table[where, column]
        case Listed(row=row, values=values):
            return _along(np.asarray(values), row, axes)
        case _:
            return _along(np.arange(*world.limits(index)), index, axes)


def _along(values: np.ndarray, axis: Index, axes: Sequence[Index]) -> np.ndarray:
    if axis not in axes:
        raise Undecided
    shape = [1] * len(axes)
    shape[list(axes).index(axis)] = len(values)
    return values.reshape(shape)


_MEANINGS = {
    "+": np.add,
    "-": np.subtract,
    "negate": np.negative,
    "*": np.multiply,
    "mod": np.mod,
    "abs": np.abs,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "max": np.maximum,
    "min": np.minimum,
}
