"""How many draws a sampler makes next, until its budget is spent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .budget import Budget
from .running import Runner
from .sizes import believed, errors_of, size
from .watched import Watched

PIECES = 16  # that a budget is spent in, at least: what the error of a rate is read from
SPARE = 1.1  # draws beyond those that the errors so far promise to be enough
FIRST = 500  # draws before an error is first looked at
GROWTH = 16  # times as many draws as in the last piece, whose time overhead may have been
LEFT = 0.01  # of the seconds: not worth a piece


def spending(budget: Budget, watched: Watched) -> Callable[[Runner], int]:
    """The rule of a budget: draws of each chain that a runner makes next, 0 for none."""
    match budget.kind:
        case "draws":
            number = int(budget.amount)
            return lambda runner: min(math.ceil(number / PIECES), number - runner.draws)
        case "seconds":
            return lambda runner: _by_seconds(runner, budget.amount)
        case "gradients":
            return lambda runner: _by_gradients(runner, budget.amount)
        case "error":
            return _until(budget.most, lambda runner: _gap(runner, watched, budget.amount))


def _by_seconds(runner: Runner, most: float) -> int:
    """As many as take a sixteenth of the seconds, by how long those of the last piece took."""
    if not runner.pieces:
        return 1
    number, last = runner.pieces[-1]
    each, left = last / number, most - runner.elapsed
    if left < max(each / 2, LEFT * most):
        return 0
    share = math.ceil(most / PIECES / each)
    return max(1, min(GROWTH * number, share, round(left / each)))


def _by_gradients(runner: Runner, most: float) -> int:
    """As many as cost a sixteenth of the gradients, by the cost of those before."""
    if not runner.draws:
        return 1
    each = max(runner.gradients / runner.draws, 1.0)
    share = max(1, math.floor(most / PIECES / each))
    return min(share, math.floor((most - runner.gradients) / each))


def _until(most: int, gap: Callable[[Runner], float]) -> Callable[[Runner], int]:
    """Draws until a gap is at most 1; looked at where it may be, and where draws have doubled."""
    goals: dict[int, int] = {}

    def wanted(runner: Runner) -> int:
        goal = goals.setdefault(id(runner), FIRST)
        if runner.draws >= goal:
            if runner.draws >= most or (found := gap(runner)) <= 1:
                return 0
            goal = min(math.ceil(runner.draws * min((SPARE * found) ** 2, 2.0)), most)
            goals[id(runner)] = goal
        return max(1, min(math.ceil(goal / PIECES), goal - runner.draws))

    return wanted


def _gap(runner: Runner, watched: Watched, target: float) -> float:
    """How many times too large the error is, infinite where chains cannot be believed yet."""
    series = runner.record.series.of(watched.statistics)
    if not believed(series):
        return math.inf
    error = size(errors_of(series)[watched.entries])
    return error / target if np.isfinite(error) else math.inf


def until_known(most: int, watched: Watched, enough: float) -> Callable[[Runner], int]:
    """Draws until chains agree and the worst statistic has so many effective draws."""

    def gap(runner: Runner) -> float:
        series = runner.record.series.of(watched.statistics)
        return 1.0 if believed(series, enough) else math.inf

    return _until(most, gap)
