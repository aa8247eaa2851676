"""Colours for sites so that no two that interact share one: all sites of a colour move at once."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

MOST_LATTICE_COLOURS = 4
MOST_GREEDY_EDGES = 500_000


def colour(edges: np.ndarray, sites: int, shape: tuple[int, ...]) -> np.ndarray:
    """A proper colouring [sites] with few colours, the colours numbered from 0.

    In turn: one colour without edges; one a site if all interact; residues of coordinates on a
    lattice, two colours of a bipartite graph, or greedy by saturation (Brélaz 1979), whichever
    needs the fewest.
    """
    if len(edges) == 0:
        return np.zeros(sites, np.int64)
    touched = np.unique(edges)
    if len(edges) == len(touched) * (len(touched) - 1) // 2:
        colours = np.zeros(sites, np.int64)
        colours[touched] = np.arange(len(touched))
        return colours
    found = [
        attempt
        for attempt in (_residues(edges, sites, shape), _two(edges, sites))
        if attempt is not None and proper(attempt, edges)
    ]
    few = min((int(a.max()) + 1 for a in found), default=sites)
    if few > 2 and (not found or len(edges) <= MOST_GREEDY_EDGES):
        found.append(_saturation(edges, sites))
    return min(found, key=lambda attempt: int(attempt.max()))


def number_of(colours: np.ndarray) -> int:
    """How many colours there are; -1 marks what has none."""
    return int(colours.max(initial=-1)) + 1


def proper(colours: np.ndarray, edges: np.ndarray) -> bool:
    """Whether no edge joins two sites of one colour."""
    return not np.any(colours[edges[:, 0]] == colours[edges[:, 1]])


def _residues(edges: np.ndarray, sites: int, shape: tuple[int, ...]) -> np.ndarray | None:
    """Weighted sums of coordinates modulo 2, 3 or 4: the chessboard and its kin."""
    if not 1 <= len(shape) <= 3 or int(np.prod(shape)) != sites:
        return None
    coordinates = np.unravel_index(np.arange(sites), shape)
    for colours in range(2, MOST_LATTICE_COLOURS + 1):
        for weights in itertools.product(range(1, colours), repeat=len(shape)):
            total = sum(w * c for w, c in zip(weights, coordinates, strict=True))
            attempt = np.mod(total, colours)
            if proper(attempt, edges):
                return attempt
    return None


def _two(edges: np.ndarray, sites: int) -> np.ndarray | None:
    """Distances from one site of each component modulo 2: proper if the graph is bipartite."""
    ones = np.ones(len(edges), np.int8)
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(sites, sites)).tocsr()
    count, labels = connected_components(graph, directed=False)
    if count > max(64, sites // 64):
        return None
    colours = np.zeros(sites, np.int64)
    for root in np.unique(labels, return_index=True)[1]:
        order, before = breadth_first_order(graph, root, directed=False)
        for site in order[1:]:
            colours[site] = 1 - colours[before[site]]
    return colours


def _saturation(edges: np.ndarray, sites: int) -> np.ndarray:
    """Greedy colouring, next always the site whose neighbours show most colours (Brélaz 1979)."""
    neighbours: list[list[int]] = [[] for _ in range(sites)]
    for a, b in edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    seen: list[set[int]] = [set() for _ in range(sites)]
    colours = np.full(sites, -1, np.int64)
    queue = [(0, -len(n), k) for k, n in enumerate(neighbours)]
    heapq.heapify(queue)
    while queue:
        saturation, _, site = heapq.heappop(queue)
        if colours[site] >= 0 or -saturation != len(seen[site]):
            continue
        pick = next(c for c in itertools.count() if c not in seen[site])
        colours[site] = pick
        for other in neighbours[site]:
            if colours[other] < 0 and pick not in seen[other]:
                seen[other].add(pick)
                heapq.heappush(queue, (-len(seen[other]), -len(neighbours[other]), other))
    return colours
