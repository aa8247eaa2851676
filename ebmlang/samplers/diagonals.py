"""Regular couplings as diagonals: on a lattice the neighbours of a colour lie at a few fixed shifts.

With the sites sorted by colour, the couplings of one colour to another are a matrix with few
diagonals (that of a chessboard has seven). Each is one multiplication of whole arrays by a shifted
array: no gather at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

MOST_DIAGONALS = 128
WORTH = 4.0
"""How many multiplications of a diagonal cost as much as one gathered neighbour."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal:
    """Row r of a colour meets row r + shift of another (around, if they are as long).

    `edges` [row] numbers the coupling, the number past the last where there is none.
    """

    other: int
    shift: int
    edges: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Diagonals:
    """The diagonals of each colour. What is carried are the values [site, chain] of each colour."""

    order: np.ndarray
    lengths: tuple[int, ...]
    found: tuple[tuple[Diagonal, ...], ...]

    @property
    def rows(self) -> tuple[slice, ...]:
        """The sorted sites of each colour."""
        ends = np.cumsum(self.lengths).tolist()
        return tuple(slice(e - n, e) for e, n in zip(ends, self.lengths, strict=True))

    def tables(self, weights: Any) -> tuple[Any, ...]:
        """The weights of each diagonal of each colour, from those of all edges and a last 0."""
        return tuple(tuple(weights[d.edges] for d in found) for found in self.found)

    def opened(self, x: Any) -> Any:
        """What is carried, from sorted values."""
        return tuple(x[rows] for rows in self.rows)

    def closed(self, carried: Any) -> Any:
        """Sorted values from what is carried."""
        return jnp.concatenate(carried)

    def put(self, number: int, carried: Any, new: Any) -> Any:
        """What is carried with the values of one colour set."""
        return (*carried[:number], new, *carried[number + 1 :])

    def pull(self, number: int, carried: Any, table: Any) -> Any:
        """The sum over neighbours of coupling times value for one colour, [site, chain]."""
        total: Any = jnp.zeros((), carried[number].dtype)
        length = self.lengths[number]
        wide = {d.other: self._wide(number, d.other, carried) for d in self.found[number]}
        for diagonal, weight in zip(self.found[number], table, strict=True):
            values, before = wide[diagonal.other]
            start = before + diagonal.shift
            total = total + weight[:, None] * values[start : start + length]
        return total

    def _wide(self, number: int, other: int, carried: Any) -> tuple[Any, int]:
        """The values of another colour so far as the shifts reach, and where row 0 stands in them."""
        values = carried[other]
        if self.lengths[number] == self.lengths[other]:
            return jnp.concatenate([values, values]), 0
        shifts = [d.shift for d in self.found[number] if d.other == other]
        before = max(0, -min(shifts))
        after = max(0, max(shifts) + self.lengths[number] - self.lengths[other])
        return jnp.pad(values, ((before, after), (0, 0))), before


def diagonals_of(edges: np.ndarray, colours: np.ndarray) -> Diagonals | None:
    """The diagonals of an edge list [edge, 2], or None where they are too many to pay."""
    lengths = np.bincount(colours)
    order = np.argsort(colours, kind="stable")
    rank = np.empty(len(colours), np.int64)
    rank[order] = np.arange(len(colours)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    numbers = np.tile(np.arange(len(edges)), 2)
    own, other = colours[ends], colours[others]
    shift = rank[others] - rank[ends]
    around = lengths[own] == lengths[other]
    shift = np.where(around, shift % lengths[other], shift)
    width = 2 * len(colours) + 1
    key = (own * len(lengths) + other) * width + shift + len(colours)
    codes, which = np.unique(key, return_inverse=True)
    if len(codes) > MOST_DIAGONALS:
        return None
    pair, by = codes // width, codes % width - len(colours)
    kinds = np.stack([pair // len(lengths), pair % len(lengths), by], axis=1)
    if lengths[kinds[:, 0]].sum() > WORTH * len(ends):
        return None
    found: list[list[Diagonal]] = [[] for _ in lengths]
    for kind, (colour, met, by) in enumerate(kinds.tolist()):
        here = which.reshape(-1) == kind
        table = np.full(lengths[colour], len(edges), np.int32)
        table[rank[ends[here]]] = numbers[here]
        found[colour].append(Diagonal(met, by, table))
    return Diagonals(order.astype(np.int32), tuple(lengths.tolist()), tuple(map(tuple, found)))
