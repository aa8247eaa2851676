"""In what order sites are summed out one by one, and how far the front of open sites then reaches.

Summing a site joins all that it met: the sum over one site at a time costs, for each, the number of
joint states of the site and of its open neighbours. That product, not the number of all states,
decides whether log Z is within reach: for a lattice it grows with the shorter side.
Source: Dechter (1999), "Bucket elimination: a unifying framework for reasoning".
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .adjacency import SiteGraph
from .elimination import ordered

MOST_OPEN = 3000  # open sites, beyond which no order is followed to its end
MOST_GREEDY = 3000  # sites, beyond which no order is searched for step by step
MOST_FILL = 300
MOST_NEAR = 64  # open neighbours, beyond which a greedy order is of no use
MOST_OPERATIONS = 1e13
NEAR = 16.0  # times the operations of the best order: steps that are alike save compilation


@dataclass(frozen=True, eq=False)
class Front:
    """An order in which sites are summed out. All sites are named by their places in that order.

    `order` [place]: the number of the site; `values` [place]: how many states it has; `later`: for
    each place the later ones it interacts with; `opened`: with those that earlier sums joined to it.
    """

    order: np.ndarray
    values: np.ndarray
    later: list[list[int]]
    opened: list[list[int]]

    @cached_property
    def width(self) -> int:
        """The most sites that are open at once."""
        return max((len(o) for o in self.opened), default=0)

    @cached_property
    def operations(self) -> float:
        """Joint states of every site with its open neighbours, added up."""
        return float(sum(self.states(k, self.opened[k]) for k in range(len(self.order))))

    @cached_property
    def rows(self) -> float:
        """Joint states of every site with its later neighbours: configurations to weigh."""
        return float(sum(self.states(k, self.later[k]) for k in range(len(self.order))))

    def states(self, place: int, others: Sequence[int]) -> float:
        """How many joint states a site and others have."""
        return float(self.values[place]) * float(np.prod(self.values[others], dtype=float))


def fronts_of(graph: SiteGraph, values: np.ndarray) -> list[Front]:
    """Several orders, none much dearer than the best: along each axis, reverse Cuthill-McKee, greedy.

    `values` [site]: how many states each site has. Empty where each takes over `MOST_OPERATIONS`.
    """
    found: list[Front] = []
    for order in _orders(graph, values):
        least = min((front.operations for front in found), default=MOST_OPERATIONS)
        front = followed(graph.neighbours, values, order, min(NEAR * least, MOST_OPERATIONS))
        if front is not None:
            found.append(front)
    least = min((front.operations for front in found), default=np.inf)
    return [front for front in found if front.operations <= NEAR * least]


def followed(
    neighbours: Sequence[set[int]], values: np.ndarray, order: Sequence[int], most: float = np.inf
) -> Front | None:
    """Which sites are open after each step of an order; None if it costs more than `most`."""
    place = np.empty(len(order), np.int64)
    place[np.asarray(order, np.int64)] = np.arange(len(order))
    kept = np.asarray(values)[np.asarray(order, np.int64)]
    later: list[list[int]] = []
    opened: list[list[int]] = []
    passed: list[set[int]] = [set() for _ in order]
    total = 0.0
    for k, site in enumerate(order):
        own = {int(place[j]) for j in neighbours[site] if place[j] > k}
        later.append(sorted(own))
        own |= passed[k]
        passed[k] = set()
        own.discard(k)
        total += float(kept[k]) * float(np.prod(kept[list(own)], dtype=float))
        if total >= most or len(own) > MOST_OPEN:
            return None
        opened.append(sorted(own))
        if own:
            passed[opened[k][0]] |= own
    return Front(np.asarray(order, np.int64), kept, later, opened)


def _orders(graph: SiteGraph, values: np.ndarray) -> Iterator[Sequence[int]]:
    deepest = max((len(own.shape) for own in graph.entries.values()), default=0)
    for axis in range(max(deepest, 1)):
        yield _along(graph, axis)
    if len(graph.pairs):
        yield ordered(graph.pairs, graph.number).tolist()
    if graph.number <= MOST_GREEDY and len(graph.pairs) < 40 * graph.number:
        yield _greedy(graph.neighbours, values, _states)
    if graph.number <= MOST_FILL:
        yield _greedy(graph.neighbours, values, _fill)


def _along(graph: SiteGraph, axis: int) -> list[int]:
    """Sites ordered first by where they stand along one axis, then along the others."""
    keys: list[tuple[tuple[int, ...], int]] = []
    for name, own in graph.entries.items():
        places = np.stack(np.unravel_index(own.free, own.shape or (1,)), axis=-1)
        axis_here = min(axis, places.shape[1] - 1)
        rolled = np.roll(places, -axis_here, axis=1).tolist()
        keys += [(tuple(row), site) for row, site in zip(rolled, graph.numbers(name), strict=True)]
    return [site for _, site in sorted(keys)]


Score = Callable[[int, list[set[int]], np.ndarray], float]


def _states(site: int, near: list[set[int]], values: np.ndarray) -> float:
    """log of the joint states of a site and its open neighbours."""
    return float(np.log(values[[site, *near[site]]]).sum())


def _fill(site: int, near: list[set[int]], values: np.ndarray) -> float:
    """How many pairs of neighbours would be joined anew; ties by joint states."""
    if len(near[site]) > MOST_NEAR:
        return float(len(near[site]) ** 2)
    missing = sum(b not in near[a] for a, b in itertools.combinations(near[site], 2))
    return missing + 1e-3 * _states(site, near, values)


def _greedy(neighbours: Sequence[set[int]], values: np.ndarray, score: Score) -> list[int]:
    """Always the site with the lowest score next, as the graph then is."""
    near = [set(others) for others in neighbours]
    heap = [(score(site, near, values), site) for site in range(len(near))]
    heapq.heapify(heap)
    newest = {site: value for value, site in heap}
    order: list[int] = []
    while heap:
        value, site = heapq.heappop(heap)
        if newest.get(site) != value:
            continue
        others = near[site]
        if len(others) > MOST_NEAR:
            return [*order, *newest]  # too wide to be of use
        order.append(site)
        del newest[site]
        for other in others:
            near[other] |= others
            near[other] -= {site, other}
        for other in others:
            newest[other] = score(other, near, values)
            heapq.heappush(heap, (newest[other], other))
    return order
