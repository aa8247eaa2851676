"""How a Gaussian's precision matrix is best factored: in what order, in what blocks, and at what cost.

Costs are predictions for one independent draw of all sites, in floating-point operations of a
product of a matrix in memory with a vector, about four a nanosecond on one processor core. What
else is done counts as as many of them as take its time, by timings (benchmarks/gaussian.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .colouring import colour

STEP = 1500  # a step that waits for the one before, however little it computes
NOISE = 40  # a normal number
SLOPE = 3  # a site or an interaction in a gradient or a product with the Hessian
SINGLE = 1 / 3  # an operation in one large matrix, read in a row
SWEEPS = 20  # of coloured Gibbs for a draw: at a correlation length of about five sites
DRAWS = 100  # that share a factor, where the precision matrix rests on parameters alone
MOST_DENSE, MOST_DENSE_MOVING = 2000, 500
MOST_BANDED, MOST_BANDED_MOVING = 30_000_000, 1_000_000
NARROWEST = 16


@dataclass(frozen=True, eq=False)
class Elimination:
    """A symmetric matrix [site, site] seen as blocks on and beside its diagonal.

    `order` [site]: the site that stands at each place; `width`: sites of a block; `edges`
    [edges, 2]: the pairs of sites with an entry, None if all have one.
    """

    number: int
    order: np.ndarray
    width: int
    edges: np.ndarray | None

    @property
    def blocks(self) -> int:
        """How many blocks stand on the diagonal; one is a dense matrix."""
        return -(-self.number // self.width)

    @cached_property
    def probes(self) -> np.ndarray:
        """For each site the product with the Hessian that shows its column."""
        return np.arange(self.number) if self.edges is None else columns(self.edges, self.number)


@dataclass(frozen=True, slots=True)
class Cost:
    """Predicted operations for one independent draw, and for one factor."""

    way: str
    draw: float
    factor: float

    def each(self, fixed: bool) -> float:
        """What a draw costs in all. `fixed`: many draws share one factor."""
        return self.draw + self.factor / (DRAWS if fixed else 1)


@dataclass(frozen=True, eq=False)
class Offers:
    """The ways to draw the sites of a quadratic block, with their predicted costs.

    `edges` [edges, 2] are interacting pairs among sites 0 to `number` - 1, None if any may
    interact; `shape` that of the array if every entry is a site. `fixed`: the precision matrix
    rests on parameters and given data alone. `colours`: how many there are, if that is known.
    """

    number: int
    edges: np.ndarray | None
    shape: tuple[int, ...]
    fixed: bool
    colours: int | None = None

    @cached_property
    def pairs(self) -> int:
        """How many pairs interact."""
        return self.number**2 // 2 if self.edges is None else len(self.edges)

    @cached_property
    def banded(self) -> Elimination | None:
        """The matrix in blocks along its diagonal, None if there is one block alone."""
        if self.edges is None or self.number <= NARROWEST:
            return None
        order = ordered(self.edges, self.number)
        place = np.empty(self.number, np.int64)
        place[order] = np.arange(self.number)
        reach = int(np.abs(np.diff(place[self.edges], axis=1)).max(initial=0))
        width = max(reach, NARROWEST)
        if 2 * width > self.number:
            return None
        return Elimination(self.number, order, width, self.edges)

    @cached_property
    def dense(self) -> Elimination | None:
        """The matrix as one block, None if it would be too large."""
        most = MOST_DENSE if self.fixed else MOST_DENSE_MOVING
        if self.number > most:
            return None
        return Elimination(self.number, np.arange(self.number), self.number, self.edges)

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """What each way costs, the cheapest first."""
        found = [self._coloured()]
        if self.dense is not None:
            found.append(self._factored("dense", self.dense))
        if self.banded is not None:
            size = 3 * self.banded.blocks * self.banded.width**2
            if size <= (MOST_BANDED if self.fixed else MOST_BANDED_MOVING):
                found.append(self._factored("banded", self.banded))
        return tuple(sorted(found, key=lambda cost: cost.each(self.fixed)))

    @property
    def best(self) -> Elimination | None:
        """The cheapest way to factor; None if coloured single sites are cheaper."""
        return {"dense": self.dense, "banded": self.banded}.get(self.costs[0].way)

    @property
    def factor(self) -> Elimination | None:
        """The cheapest factor, whatever single sites would cost; None if it would be too large."""
        ways = [cost.way for cost in self.costs if cost.way != "coloured"]
        return {"dense": self.dense, "banded": self.banded}[ways[0]] if ways else None

    def _slope(self) -> float:
        return SLOPE * (self.number + 2.0 * self.pairs)

    def _coloured(self) -> Cost:
        colours = self.number if self.colours is None else self.colours
        if self.edges is not None and self.colours is None:
            colours = int(colour(self.edges, self.number, self.shape).max(initial=0)) + 1
        sweep = NOISE * self.number + colours * (2 * self._slope() + STEP)
        return Cost("coloured", SWEEPS * sweep, 0.0)

    def _factored(self, way: str, matrix: Elimination) -> Cost:
        size, steps = matrix.width**2, matrix.blocks
        each = 4.0 * size * (SINGLE if steps == 1 else 1)
        solve = 2 * steps * (STEP + each) + NOISE * self.number
        probes = int(matrix.probes.max(initial=-1)) + 1
        shown = probes * self._slope()
        return Cost(way, self._slope() + solve, shown + steps * (STEP + each * matrix.width))

    def reason(self) -> str:
        """The choice in words, with the costs that decided it."""
        costs = {cost.way: cost.each(self.fixed) for cost in self.costs}
        words = {
            "dense": f"through the Cholesky factor of its {self.number} x {self.number} precision",
            "banded": self._in_blocks(),
            "coloured": "colour by colour",
        }
        best = self.costs[0].way
        text = f"{words[best]}, about {spoken(costs.pop(best))} operations a draw"
        others = ", ".join(f"{way} {spoken(cost)}" for way, cost in costs.items())
        return f"{text} ({others})" if others else text

    def _in_blocks(self) -> str:
        if self.banded is None:
            return ""
        blocks, width = self.banded.blocks, self.banded.width
        return f"through a factor in {blocks} blocks of {width} sites along the diagonal"


def ordered(edges: np.ndarray, number: int) -> np.ndarray:
    """Sites in reverse Cuthill-McKee order: those that interact stand near one another."""
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), (number, number))
    both = (graph + graph.T).tocsr()
    return np.asarray(reverse_cuthill_mckee(both, symmetric_mode=True), np.int64)


def columns(edges: np.ndarray, number: int) -> np.ndarray:
    """Numbers of probes [site]: two columns with an entry in one row are never seen together.

    Source: Curtis, Powell & Reid (1974), "On the estimation of sparse Jacobian matrices".
    """
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (number, number))
    near = (graph + graph.T).tocsr()
    both = (near + near @ near).tocoo()
    upper = both.row < both.col
    pairs = np.stack([both.row[upper], both.col[upper]], axis=1)
    return _greedy(pairs, number)


def _greedy(pairs: np.ndarray, number: int) -> np.ndarray:
    """The lowest free colour for each site in turn."""
    low = coo_array((np.ones(len(pairs), bool), (pairs[:, 1], pairs[:, 0])), (number, number))
    before = low.tocsr()
    colours = np.zeros(number, np.int64)
    for site in range(number):
        taken = colours[before.indices[before.indptr[site] : before.indptr[site + 1]]]
        colours[site] = _lowest(taken)
    return colours


def _lowest(taken: np.ndarray) -> int:
    free = np.ones(len(taken) + 1, bool)
    free[taken[taken <= len(taken)]] = False
    return int(np.argmax(free))


def spoken(number: float) -> str:
    """A count in two figures: `1.3 million`, `42 thousand`."""
    for size, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if number >= size:
            return f"{float(f'{number / size:.2g}'):g}{word}"
    return f"{float(f'{number:.2g}'):g}"


def among(
    edges: np.ndarray | None, free: Sequence[int] | np.ndarray, entries: int
) -> np.ndarray | None:
    """Pairs of entries of an array as pairs of its free sites; None if any may interact."""
    if edges is None:
        return None
    place = np.full(entries, -1, np.int64)
    place[np.asarray(free)] = np.arange(len(free))
    found = place[edges]
    return found[(found >= 0).all(axis=1)]
