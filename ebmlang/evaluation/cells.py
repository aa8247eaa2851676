"""Which modes chains visit: cells of a reference sample, and the share of it that a chain reaches.

The reference is seen on its leading principal axes and cut into cells by k-means, as in the bins of
Richardson & Weiss (2018), "On GANs and GMMs", section 3. What a chain reaches is the recall of
Naeem et al. (2020), "Reliable fidelity and diversity metrics", section 3.2, with cells in place of balls.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2

from .watched import View

AXES = 8
CELLS = 24
MOST_POINTS = 4000  # of the reference that cells are made from
MOST_DISTANCES = 4_000_000


class Cells(NamedTuple):
    """Centres [cell, axis] in a view, and the share [cell] of the reference in each."""

    view: View
    centres: np.ndarray
    shares: np.ndarray

    def reached(self, places: np.ndarray) -> float:
        """The share of the reference in cells that a chain visits, a mean over chains.

        Shapes: places [chain, draw, axis].
        """
        found = [self.shares[np.unique(nearest(p, self.centres))].sum() for p in places]
        return float(np.mean(found))


def cells_of(features: np.ndarray, seed: int) -> Cells | None:
    """Cells of a sample [draw, feature]; None where nothing varies."""
    points = np.asarray(features, np.float64)
    if len(points) > MOST_POINTS:
        points = points[np.linspace(0, len(points) - 1, MOST_POINTS).astype(int)]
    mean = points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(points - mean, full_matrices=False)
    kept = int(np.sum(sizes[:AXES] > 1e-6 * max(float(sizes[0]), 1e-300))) if len(sizes) else 0
    if not kept:
        return None
    view = View(mean, axes[:kept].T)
    places = (points - mean) @ view.axes
    different = len(np.unique(np.round(places, 9), axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cell has no share, which is right
        random = np.random.default_rng(seed)
        centres, _ = kmeans2(places, min(CELLS, different), minit="++", rng=random)
    counts = np.bincount(nearest(places, centres), minlength=len(centres))
    return Cells(view, centres, counts / len(places))


def nearest(places: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The cell of each place [draw, axis]."""
    places = np.asarray(places, np.float64)
    step = max(1, MOST_DISTANCES // len(centres))
    found = []
    for begun in range(0, len(places), step):
        part = places[begun : begun + step]
        distances = np.sum(centres**2, axis=1) - 2 * part @ centres.T
        found.append(np.argmin(distances, axis=1))
    return np.concatenate(found)
