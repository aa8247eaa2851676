"""What importance weights tell: the log of their mean, its error, how many count, what speaks against them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CHANCE = 1e-4  # of calling laws unlike that are the same
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
        return Estimate(float(offset + top), float("inf"), 0.0)
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


def doubts_of(
    log_weights: np.ndarray,
    found: Estimate,
    target_error: float,
    stuck: np.ndarray | None = None,
    *,
    at: str = "",
) -> list[str]:
    """What speaks against an estimate from weights [chain], in words.

    `stuck` [chain]: whether each chain never changed its state. `at`: where on the way, in words.
    """
    number, problems = len(log_weights), []
    nan, infinite = int(np.isnan(log_weights).sum()), int(np.isposinf(log_weights).sum())
    if nan or infinite:
        problems.append(
            f"{at}{nan + infinite} of {number} weights are {'NaN' if nan else 'infinite'}: an energy "
            "is not a number there, or -inf"
        )
    elif np.all(np.isneginf(log_weights)):
        problems.append(f"{at}no chain ended in a state that is allowed: all weights are 0")
    elif not found.sound:
        problems.append(
            f"{at}only {found.effective:.1f} of {number} weights count: neither the value nor "
            "its error is to be believed; more chains, or a target_error that asks for more steps"
        )
    still = 0 if stuck is None else int(stuck.sum())
    if still:
        problems.append(f"{at}{still} of {number} chains never moved")
    if not found.std_error <= target_error:
        problems.append(
            f"{at}the standard error is {found.std_error:.2g} after the most steps allowed, above the "
            f"target of {target_error:.2g}"
        )
    return problems


def apart(
    first: np.ndarray, second: np.ndarray, weights: tuple[np.ndarray, np.ndarray], tests: int = 1
) -> bool:
    """Whether two sets of weighed numbers [chain] are of unlike laws, by Kolmogorov's distance.

    `weights`: the log weights of both. Effective numbers stand for how many there are. `tests`: how
    many are made, which share the chance of saying so of like laws. Source: Stephens (1970), "Use of
    the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive tables".
    """
    cuts = np.unique(np.concatenate([first, second]))
    below, numbers = [], []
    for values, logs in zip((first, second), weights, strict=True):
        shares = np.exp(logs - logs.max())
        shares /= shares.sum()
        order = np.argsort(values)
        steps = np.concatenate([[0.0], np.cumsum(shares[order])])
        below.append(steps[np.searchsorted(values[order], cuts, side="right")])
        numbers.append(1.0 / np.square(shares).sum())
    size = np.sqrt(numbers[0] * numbers[1] / sum(numbers))
    distance = (size + 0.12 + 0.11 / size) * np.abs(below[0] - below[1]).max()
    return bool(distance > np.sqrt(-0.5 * np.log(CHANCE / (2 * max(tests, 1)))))
