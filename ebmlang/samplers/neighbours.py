"""Sparse couplings as tables of neighbours: sites sorted by colour, neighbours gathered as rows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import number_of

MOST_WRITTEN_OUT = 12
SAVING = 0.1
"""The share of all slots that parting a colour must save."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Sites of one colour with about as many neighbours: rows first to last of the sorted sites.

    `neighbours` [site, slot] are rows of the sorted sites, `edges` [site, slot] numbers of
    couplings; empty slots read row 0 with the coupling past the last, which is 0.
    """

    first: int
    last: int
    neighbours: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The segments of sites in `order`. What is carried is all sorted values [site, chain]."""

    order: np.ndarray
    segments: tuple[Segment, ...]

    @property
    def rows(self) -> tuple[slice, ...]:
        """The sorted sites of each segment."""
        return tuple(slice(s.first, s.last) for s in self.segments)

    def tables(self, weights: Any) -> tuple[Any, ...]:
        """The weights [site, slot] of each segment, from those of all edges and a last 0."""
        return tuple(weights[s.edges] for s in self.segments)

    def opened(self, x: Any) -> Any:
        """What is carried, from sorted values."""
        return x

    def closed(self, carried: Any) -> Any:
        """Sorted values from what is carried."""
        return carried

    def put(self, number: int, carried: Any, new: Any) -> Any:
        """What is carried with the values of one segment set."""
        return jax.lax.dynamic_update_slice(carried, new, (self.segments[number].first, 0))

    def pull(self, number: int, carried: Any, table: Any) -> Any:
        """The sum over neighbours of coupling times value for one segment, [site, chain]."""
        neighbours = self.segments[number].neighbours
        width = neighbours.shape[1]
        if width > MOST_WRITTEN_OUT:
            return jnp.einsum("sn,snc->sc", table, carried[neighbours])
        total: Any = jnp.zeros((), carried.dtype)
        for slot in range(width):
            total = total + table[:, slot, None] * carried[neighbours[:, slot]]
        return total


def _widths(degree: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The slots of each site: the highest degree of its part of its colour.

    A colour is parted by degree where that saves many empty slots: one hub must not widen the
    table of all, and every part costs a step of its own.
    """
    width = np.zeros(len(degree), np.int64)
    least = SAVING * max(int(degree.sum()), 1)
    for colour in range(number_of(colours)):
        sites = np.flatnonzero(colours == colour)
        pending = [sites[np.argsort(degree[sites], kind="stable")]]
        while pending:
            part = pending.pop()
            highest = degree[part[-1]] if len(part) else 0
            cuts = np.flatnonzero(np.diff(degree[part])) + 1
            saved = cuts * (highest - degree[part[cuts - 1]])
            if len(cuts) and saved.max() > least:
                cut = cuts[np.argmax(saved)]
                pending += [part[:cut], part[cut:]]
            else:
                width[part] = highest
    return width


def neighbours_of(edges: np.ndarray, colours: np.ndarray) -> Neighbours:
    """The tables of an edge list [edge, 2] over sites of these colours."""
    sites, number = len(colours), len(edges)
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    degree = np.bincount(ends, minlength=sites)
    width = _widths(degree, colours)
    order = np.lexsort((np.arange(sites), width, colours))
    rank = np.empty(sites, np.int64)
    rank[order] = np.arange(sites)
    by_site = np.argsort(rank[ends], kind="stable")
    start = np.concatenate([[0], np.cumsum(degree[order])])
    slot = np.arange(len(ends)) - start[rank[ends][by_site]]
    key = colours[order] * (width.max(initial=0) + 1) + width[order]
    cuts = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), sites]
    found = []
    for first, last in itertools.pairwise(cuts):
        shape = (last - first, int(width[order[first]]))
        table, numbers = np.zeros(shape, np.int32), np.full(shape, number, np.int32)
        inside = slice(start[first], start[last])
        rows = rank[ends[by_site[inside]]] - first
        table[rows, slot[inside]] = rank[others[by_site[inside]]]
        numbers[rows, slot[inside]] = by_site[inside] % max(number, 1)
        found.append(Segment(first, last, table, numbers))
    return Neighbours(order.astype(np.int32), tuple(found))
