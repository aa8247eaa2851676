"""What a sampler is ranked by: its error after one second, with an interval, and ties by overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .record import Series
from .running import paces

RESAMPLED = 1000
MOST_BATCHES = 64  # of a chain
LEAST_BATCHES = 8
TIMES_CORRELATED = (
    5  # as long as draws remember each other a batch is, where chains are long enough
)
INTERVAL = (0.025, 0.975)


class Spread(NamedTuple):
    """How far a figure may be off for all that one run tells: factors at 2.5 % and at 97.5 %."""

    low: float
    high: float


def spread(
    series: Series,
    columns: np.ndarray,
    remembered: float,
    pieces: Sequence[tuple[int, float]],
    seed: int,
) -> Spread:
    """Of the squared error times the seconds: batches of chains and timed pieces are drawn anew.

    `remembered`: draws of a chain in one effective draw. `columns`: the statistics of the error.
    Each batch's squared distance from the mean, a mean over those columns, is one of many independent
    parts of the variance; each piece's seconds are a part of the time.
    """
    parts = _distances(series, columns, remembered)
    if parts.size < 2 or not np.all(np.isfinite(parts)) or not parts.any():
        return Spread(math.nan, math.nan)
    random = np.random.default_rng(seed)
    drawn = parts[random.integers(parts.size, size=(RESAMPLED, parts.size))].mean(axis=1)
    numbers, seconds = np.array(pieces, float).T
    picks = random.integers(len(pieces), size=(RESAMPLED, len(pieces)))
    each = paces(numbers[picks], seconds[picks]) / paces(numbers[None], seconds[None])
    costs = (drawn / parts.mean()) * each
    low, high = np.quantile(costs, INTERVAL)
    return Spread(float(low), float(high))


def _distances(series: Series, columns: np.ndarray, remembered: float) -> np.ndarray:
    """Squared distances of batches from the mean, a mean over columns. Shapes: [chain x batch]."""
    means = np.asarray(series.means[..., columns], np.float64)
    blocks = means.shape[1]
    wanted = blocks * series.width / (TIMES_CORRELATED * max(remembered, 1.0))
    number = int(np.clip(wanted, LEAST_BATCHES, MOST_BATCHES))
    length = blocks // number
    if not length:
        return np.zeros(0)
    cut = means[:, : number * length].reshape(len(means), number, length, means.shape[2])
    batches = cut.mean(axis=2).reshape(-1, means.shape[2])
    return np.mean((batches - batches.mean(axis=0)) ** 2, axis=1)


class Merit(NamedTuple):
    """A figure by which samplers are ranked, the smaller the better, and its 95 % interval."""

    value: float
    low: float
    high: float


def ranked(merits: Sequence[tuple[str, Merit]]) -> tuple[tuple[str, ...], ...]:
    """Names in groups, the best first: whose interval meets that of the best in a group ties with it."""
    left = sorted(
        (pair for pair in merits if math.isfinite(pair[1].value)), key=lambda pair: pair[1].value
    )
    groups = []
    while left:
        best = left[0][1]
        tied = [name for name, merit in left if _meet(merit, best)]
        groups.append(tuple(tied))
        left = [(name, merit) for name, merit in left if name not in tied]
    return tuple(groups)


def _meet(one: Merit, other: Merit) -> bool:
    """Whether two intervals have a number in common; a figure without one is a point."""
    a, b = (_whole(merit) for merit in (one, other))
    return a.low <= b.high and b.low <= a.high


def _whole(merit: Merit) -> Merit:
    low = merit.low if math.isfinite(merit.low) else merit.value
    high = merit.high if math.isfinite(merit.high) else merit.value
    return Merit(merit.value, low, high)
