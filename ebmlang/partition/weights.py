"""What importance weights tell: the log of their mean, its error, and how many of them count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEWEST = 10.0  # effective weights below which neither a mean nor its error is to be believed


class Estimate(NamedTuple):
    """log of a mean of weights, in nats, its standard error, and the effective number of weights."""

    log_mean: float
    std_error: float
    effective: float

    @property
    def sound(self) -> bool:
        """Whether enough weights count for the error to mean something."""
        return self.effective >= FEWEST and np.isfinite(self.log_mean)


def estimate(log_weights: np.ndarray, offset: float) -> Estimate:
    """log of the mean weight plus an offset, with the jackknife's correction and error.

    Source: Efron (1982), "The jackknife, the bootstrap and other resampling plans", chapter 3.
    """
    number = len(log_weights)
    top = log_weights.max()
    if not np.isfinite(top):
        return Estimate(float("nan"), float("inf"), 0.0)
    shares = np.exp(log_weights - top)
    total = shares.sum()
    effective = total**2 / (shares**2).sum()
    with np.errstate(divide="ignore"):
        without = np.log(np.maximum(total - shares, 0.0) / (number - 1))
    whole = np.log(total / number)
    if not np.all(np.isfinite(without)):
        return Estimate(float(offset + top + whole), float("inf"), float(effective))
    corrected = number * whole - (number - 1) * without.mean()
    error = np.sqrt((number - 1) / number * ((without - without.mean()) ** 2).sum())
    return Estimate(float(offset + top + corrected), float(error), float(effective))
