"""Moments of chains at constant size: pieces of draws merged in float64, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .diagnostics import effective_size, rhat_of

BATCHES = 64  # of a chain: what standard errors are read from, however long the chain is


class Piece(NamedTuple):
    """Moments of some draws in a row. `number` draws; arrays [chain, …] by name."""

    number: int
    mean: Mapping[str, np.ndarray]
    squares: Mapping[str, np.ndarray]  # sums of squared distances from the mean


def merged(first: Piece | None, second: Piece) -> Piece:
    """The moments of two pieces together.

    Source: Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", section 2.
    """
    if first is None:
        return second
    number = first.number + second.number
    mean, squares = {}, {}
    for name, before in first.mean.items():
        gap = second.mean[name] - before
        mean[name] = before + gap * (second.number / number)
        between = gap**2 * (first.number * second.number / number)
        squares[name] = first.squares[name] + second.squares[name] + between
    return Piece(number, mean, squares)


def lengths(draws: int) -> Iterator[tuple[int, int]]:
    """How many draws each batch has, and its half: 0, 1, or 2 for an odd draw in the middle."""
    half = draws // 2
    each = np.diff(np.linspace(0, half, min(BATCHES // 2, half) + 1).astype(int)) if half else ()
    for number in each:
        yield int(number), 0
    if draws % 2:
        yield 1, 2
    for number in each:
        yield int(number), 1


@dataclass(slots=True, eq=False)
class Tally:
    """Running moments: of each half of every chain, of all draws, and the means of batches.

    `changed`: which entries of each variable have changed in each chain [chain, …].
    """

    whole: Piece | None = None
    halves: dict[int, Piece] = field(default_factory=dict)
    batches: dict[str, list[np.ndarray]] = field(default_factory=dict)
    changed: dict[str, np.ndarray] = field(default_factory=dict)
    told: int = 0
    acceptance: float = 0.0
    gradients: int = 0
    diverged: int = 0

    def add(self, batch: Piece, half: int) -> None:
        """One batch in its half. An odd draw in the middle is in no half, as in split R-hat."""
        self.whole = merged(self.whole, batch)
        if half == 2:
            return
        self.halves[half] = merged(self.halves.get(half), batch)
        for name, mean in batch.mean.items():
            self.batches.setdefault(name, []).append(mean)

    def report(self, number: int, acceptance: float, gradients: int, diverged: int) -> None:
        """What the sweeps of so many draws told: mean acceptance, sums of the rest."""
        self.told += number
        self.acceptance += (acceptance - self.acceptance) * number / self.told
        self.gradients += gradients
        self.diverged += diverged

    def change(self, changes: Mapping[str, Any]) -> None:
        """Which entries [chain, …] have changed since the draws before."""
        for name, value in changes.items():
            self.changed[name] = np.asarray(value) | self.changed.get(name, False)

    @property
    def total(self) -> Piece:
        """The moments of all draws of each chain."""
        assert self.whole is not None
        return self.whole

    def mean(self, name: str) -> np.ndarray:
        """The mean over draws and chains."""
        return self.total.mean[name].mean(axis=0)

    def variance(self, name: str) -> np.ndarray:
        """The variance over draws and chains, NaN for a single draw."""
        means = self.total.mean[name]
        between = ((means - means.mean(axis=0)) ** 2).sum(axis=0) * self.total.number
        number = self.total.number * len(means)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.total.squares[name].sum(axis=0) + between) / np.float64(number - 1)

    def std_error(self, name: str) -> np.ndarray:
        """The Monte Carlo error of the mean, infinite where nothing ever moved.

        The batches of all chains are a short series of their own; what correlation is left in it
        counts against it as in the effective size of draws.
        """
        if name not in self.batches:
            return np.full(self.mean(name).shape, np.inf)
        series = np.stack(self.batches[name], axis=1)
        spread = series.reshape(-1, *series.shape[2:]).var(axis=0, ddof=1)
        size = effective_size(series)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(np.isfinite(size), np.sqrt(spread / size), np.inf)

    def size(self, name: str) -> np.ndarray:
        """How many independent draws would have the same error; NaN where nothing ever moved."""
        error = self.std_error(name)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(np.isfinite(error), self.variance(name) / error**2, np.nan)

    def rhat(self, name: str) -> np.ndarray:
        """Split R-hat, from the moments of the halves."""
        if len(self.halves) < 2 or self.halves[0].number < 2:
            return np.full(self.mean(name).shape, np.nan)
        number = self.halves[0].number
        within = np.concatenate([self.halves[k].squares[name] for k in (0, 1)]) / (number - 1)
        means = np.concatenate([self.halves[k].mean[name] for k in (0, 1)])
        return rhat_of(within, means, number)


def wide(number: int, anchor: Any, mean: Any, squares: Any) -> Piece:
    """A piece in float64 from means relative to an anchor, which float32 holds more closely."""
    return Piece(
        number,
        {n: np.asarray(anchor[n], np.float64) + np.asarray(mean[n], np.float64) for n in mean},
        {n: np.asarray(squares[n], np.float64) for n in squares},
    )
