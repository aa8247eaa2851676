"""Where the nodes of a graph stand: by stress over distances, on a circle, in rows, on a lattice."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

ROUNDS = (40, 200)  # at least, and at most
MOST_WORK = 6_000_000  # pairs of nodes, all rounds together
MOST_EXACT = 600  # nodes: for more the stress of all pairs would be waited for
FLAT = 0.04  # of the width: what is this low is a line


def stress(edges: np.ndarray, nodes: int) -> np.ndarray:
    """Positions [node, 2] at which distances are close to those along the graph, within [0, 1].

    Stress majorisation from classical scaling; large graphs keep the latter. No random numbers.
    Source: Gansner, Koren & North (2004), "Graph drawing by stress majorization".
    """
    if nodes == 1:
        return np.full((1, 2), 0.5)
    far = distances(edges, nodes)
    places = _scaled(far)
    if nodes <= MOST_EXACT:
        places = _majorised(places, far)
    turned = _turned(places)
    if np.ptp(turned[:, 1]) < FLAT * np.ptp(turned[:, 0]):
        turned[:, 1] = 0.0
    return unit(turned)


def distances(edges: np.ndarray, nodes: int) -> np.ndarray:
    """Distances along the graph [node, node]; pieces stand a little apart from each other."""
    edges = np.asarray(edges, int).reshape(-1, 2)
    ones = np.ones(len(edges))
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(nodes, nodes)).tocsr()
    far = shortest_path(graph, directed=False, unweighted=True)
    if np.isinf(far).any():
        _, piece = connected_components(graph, directed=False)
        known = far[np.isfinite(far)].max(initial=1.0)
        sizes = np.bincount(piece)[piece]
        room = 0.8 * (np.sqrt(sizes)[:, None] + np.sqrt(sizes)[None, :])
        far = np.where(np.isinf(far), np.minimum(room, known + 2), far)
    return far


def _scaled(far: np.ndarray) -> np.ndarray:
    """Classical scaling: the two largest principal axes, with a wobble that parts equal nodes."""
    nodes = len(far)
    squares = far**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    places = vectors[:, [-1, -2]] * np.sqrt(np.maximum(values[[-1, -2]], 1e-6))
    turn = 2.399963 * np.arange(nodes)  # the golden angle: no two nodes go the same way
    return places + 0.01 * np.stack([np.cos(turn), np.sin(turn)], axis=-1) * far.max()


def _majorised(places: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Places after rounds of the Guttman transform, weights one over the square of the distance."""
    nodes = len(far)
    off = ~np.eye(nodes, dtype=bool)
    weights = np.where(off, 1 / np.where(off, far, 1) ** 2, 0.0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.inv(laplacian + 1 / nodes) - 1 / nodes
    for _ in range(int(np.clip(MOST_WORK / nodes**2, *ROUNDS))):
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
        ratio = np.where(off, weights * far / np.maximum(gaps, 1e-9), 0.0)
        moved = inverse @ ((np.diag(ratio.sum(axis=1)) - ratio) @ places)
        still = np.abs(moved - places).max() < 1e-4 * np.ptp(moved)
        places = moved
        if still:
            break
    return places


def _turned(places: np.ndarray) -> np.ndarray:
    """The longest extent to the right, the first node to the left and above."""
    centred = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T
    first = np.argmax(np.linalg.norm(turned, axis=1) > 1e-6)
    sign = np.where(turned[first] == 0, 1, -np.sign(turned[first]))
    return turned * (sign * [1, -1])


def unit(places: np.ndarray) -> np.ndarray:
    """Places moved and scaled, alike in both directions, so that they just fit [0, 1]."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    return (places - (low + high) / 2) / side + 0.5


def circle(nodes: int) -> np.ndarray:
    """Nodes on a circle, clockwise from the top."""
    turn = 2 * np.pi * np.arange(nodes) / max(nodes, 1)
    return 0.5 + 0.5 * np.stack([np.sin(turn), np.cos(turn)], axis=-1)


def lattice(shape: tuple[int, int]) -> np.ndarray:
    """Nodes at their rows and columns, the first row on top, a unit apart."""
    row, column = np.indices(shape).reshape(2, -1)
    return np.stack([column, -row], axis=-1).astype(float)


def rows(sizes: list[int]) -> np.ndarray:
    """Nodes in rows from the bottom up, each row as wide as the picture."""
    found = []
    for height, size in enumerate(sizes):
        across = (np.arange(size) + 0.5) / size
        found.append(np.stack([across, np.full(size, 0.6 * height / max(len(sizes) - 1, 1))], -1))
    return np.concatenate(found)
