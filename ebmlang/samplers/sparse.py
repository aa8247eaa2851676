"""Gibbs on sparse couplings: tables of neighbours, sites sorted by colour, chains on the last axis.

A sweep reads each coupling twice, whatever the number of colours; the slope of the whole energy
would read all of them once a colour.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import proper
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.pairwise import QuadraticForm
from ..backend.sites import Sites
from ..syntax.diagnostics import InternalError
from .block import Key, Moved
from .gibbs import exactly
from .layout import Update, chains_last
from .noise import logistic_rows
from .paired import Fields, put, seed, taken, upper_odds, values_below

MOST_WRITTEN_OUT = 12
STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


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


def _widths(degree: np.ndarray) -> np.ndarray:
    """Degrees rounded up to a few widths, so that one hub does not widen the table of all."""
    steps = [*STEPS]
    while steps[-1] < degree.max(initial=0):
        steps.append(2 * steps[-1])
    return np.asarray(steps)[np.searchsorted(steps, degree)]


def segments_of(edges: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, tuple[Segment, ...]]:
    """The order [site] of sites by colour and degree, and the segments of that order."""
    sites, number = len(colours), len(edges)
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    degree = np.bincount(ends, minlength=sites)
    width = _widths(degree)
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
        neighbours, numbers = np.zeros(shape, np.int32), np.full(shape, number, np.int32)
        inside = slice(start[first], start[last])
        rows = rank[ends[by_site[inside]]] - first
        neighbours[rows, slot[inside]] = rank[others[by_site[inside]]]
        numbers[rows, slot[inside]] = by_site[inside] % max(number, 1)
        found.append(Segment(first, last, neighbours, numbers))
    return order, tuple(found)


@dataclass(frozen=True, eq=False)
class SparseGibbs:
    """Binary or spin sites, colour by colour, each from the fields of its own neighbours.

    `colours` [dims] numbers the colour of each free site, -1 where a value is held.
    """

    form: QuadraticForm
    fields: Fields
    colours: np.ndarray
    method: str = "gibbs"

    @property
    def name(self) -> str:
        """The variable."""
        return self.form.name

    @property
    def sites(self) -> Sites:
        """Its free sites."""
        return self.form.sites

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.form.name,)

    @property
    def number(self) -> int:
        """How many colours there are."""
        return int(self.colours.max(initial=-1)) + 1

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, tuple[Segment, ...]]:
        own = self.colours.reshape(-1)[self.sites.free]
        if not proper(own, self.form.edges):
            raise InternalError(f"two sites of `{self.name}` that interact share a colour")
        return segments_of(self.form.edges, own)

    @cached_property
    def _update(self) -> Update:
        return chains_last(self._sweep)

    def tables(self, situation: Situation) -> Any:
        weights = jnp.append(self.form.weights(situation), 0.0)
        return self.fields.tables(situation), tuple(weights[s.edges] for s in self._sorted[1])

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        fields, weights = situation.tables
        slopes = self.fields.of(fields, situation, state)
        moved = self._update(taken(self.form, state), slopes, seed(key), weights, situation.beta)
        return exactly(put(self.form, state, moved), inner, 1)

    def odds(self, situation: Situation, state: State) -> Any:
        """Log-odds of the upper state of every free site given all others, [site]."""
        fields, weights = situation.tables
        order, segments = self._sorted
        x = taken(self.form, state)[order]
        slopes = self.fields.of(fields, situation, state)[order]
        parts = [
            slopes[s.first : s.last] + jnp.sum(w * x[s.neighbours], axis=1)
            for s, w in zip(segments, weights, strict=True)
        ]
        kind = self.form.sites.symbol.domain.kind
        found = jnp.concatenate(parts)[np.argsort(order)]
        return upper_odds(kind, found, situation.beta)

    def _sweep(self, x: Any, fields: Any, seeds: Any, weights: Any, beta: Any) -> Any:
        """Every colour once. Shapes: x [site, chain], fields [site, chain or 1]."""
        kind = self.form.sites.symbol.domain.kind
        order, segments = self._sorted
        x, fields = x[order], fields[order]
        noise = logistic_rows(seeds, len(order), x.dtype)
        for segment, own in zip(segments, weights, strict=True):
            rows = slice(segment.first, segment.last)
            odds = upper_odds(kind, fields[rows] + _pull(own, x, segment.neighbours), beta)
            new = values_below(kind, noise[rows], odds)
            x = jax.lax.dynamic_update_slice(x, new, (segment.first, 0))
        return x[np.argsort(order)]


def _pull(weights: Any, x: Any, neighbours: np.ndarray) -> Any:
    """The sum over neighbours of coupling times value, [site, chain]."""
    width = neighbours.shape[1]
    if width > MOST_WRITTEN_OUT:
        return jnp.einsum("sn,snc->sc", weights, x[neighbours])
    total: Any = jnp.zeros((), x.dtype)
    for slot in range(width):
        total = total + weights[:, slot, None] * x[neighbours[:, slot]]
    return total
