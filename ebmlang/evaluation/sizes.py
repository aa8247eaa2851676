"""Effective sizes, R-hat and Monte Carlo errors of every statistic of a run, a slice at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .diagnostics import ESS_LIMIT, RHAT_LIMIT, bulk_size, effective_size, split_rhat, tail_size
from .record import Series

MOST_AT_ONCE = 2_000_000  # numbers whose autocorrelations are found together


class Sizes(NamedTuple):
    """Of every statistic: effective draws in bulk and tails, R-hat, error of the mean. Shapes: [statistic]."""

    bulk: np.ndarray
    tail: np.ndarray
    rhat: np.ndarray
    errors: np.ndarray


def sizes_of(series: Series) -> Sizes:
    """The sizes of a run. NaN for a statistic that never changed; R-hat is 1 there."""
    return Sizes(
        _sliced(bulk_size, series.draws),
        _sliced(tail_size, series.draws),
        _sliced(split_rhat, series.means),
        errors_of(series),
    )


def errors_of(series: Series) -> np.ndarray:
    """Monte Carlo errors of the means [statistic]: spread over the root of the effective size."""

    def error(means: np.ndarray) -> np.ndarray:
        spread = means.reshape(-1, means.shape[2]).std(axis=0, ddof=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return spread / np.sqrt(effective_size(means))

    return _sliced(error, series.means)


def believed(series: Series, enough: float = ESS_LIMIT) -> bool:
    """Whether chains agree and every statistic that moves has enough effective draws.

    Effective draws of the mean, which the error is from: the variance of draws over its square.
    """
    if np.nanmax(_sliced(split_rhat, series.means), initial=1.0) > RHAT_LIMIT:
        return False
    spread = _sliced(lambda x: x.reshape(-1, x.shape[2]).var(axis=0, ddof=1), series.draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = spread / errors_of(series) ** 2
    return bool(np.nanmin(sizes, initial=np.inf) >= enough)


def _sliced(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """A function of [chain, draw, statistic], in float64, of so many statistics at once."""
    width = max(1, MOST_AT_ONCE // max(1, values.shape[0] * values.shape[1]))
    parts = [values[:, :, k : k + width] for k in range(0, values.shape[2], width)]
    return np.concatenate([function(np.asarray(part, np.float64)) for part in parts] or [[]])


def size(values: np.ndarray) -> float:
    """Root mean square of those that are known."""
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


def least(values: np.ndarray) -> float:
    """The smallest that is known, NaN if none is."""
    known = values[np.isfinite(values)]
    return float(known.min()) if known.size else float("nan")


def middle(values: np.ndarray) -> float:
    """The median of those that are known, NaN if none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
