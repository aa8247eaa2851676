"""Ours and a peer in turn, A B A B …, so that a busy machine slows both alike.

The clock stops when the work is done, and nothing compiles on it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

PAIRS = 7


@dataclass(frozen=True)
class Run:
    """What is timed. `go` takes the number of the round; `work`: how much one run does, or its measure.

    `first`: seconds of the first call, which compiles. `seconds` reads a run's own clock from what it gave.
    """

    go: Callable[[int], Any]
    work: float | Callable[[Any], float]
    first: float = float("nan")
    seconds: Callable[[Any], float] | None = None

    def rate(self, turn: int) -> float:
        """Work a second in a run, after one that is not counted, in which the other's threads stop spinning."""
        self.go(turn)
        begun = time.perf_counter()
        done = self.go(turn)
        seconds = time.perf_counter() - begun if self.seconds is None else self.seconds(done)
        return (self.work(done) if callable(self.work) else self.work) / seconds


@dataclass(frozen=True)
class Result:
    """Rates of work a second; `ratio` is the median over pairs, `low` and `high` its quartiles."""

    case: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    goal: float | None

    @property
    def verdict(self) -> str:
        """Whether a goal that is set is met; without one, who is faster."""
        if self.goal is not None:
            return f"goal {self.goal:g}: {'met' if self.ratio >= self.goal else 'MISSED'}"
        return "" if self.low <= 1 <= self.high else "faster" if self.ratio > 1 else "slower"

    def to_dict(self) -> dict[str, Any]:
        """Everything, for a file."""
        return {**asdict(self), "verdict": self.verdict}


def compiled(go: Callable[[int], Any], work: float | Callable[[Any], float]) -> Run:
    """A run whose first call is made and timed now."""
    begun = time.perf_counter()
    go(0)
    return Run(go, work, time.perf_counter() - begun)


def beside(
    case: str,
    unit: str,
    mine: Run,
    peer: str,
    make: Callable[[], Run],
    goal: float | None = None,
    pairs: int = PAIRS,
) -> list[Result]:
    """Time both in turn and print the ratio of work a second. Empty where the peer is not installed."""
    try:
        other = make()
        other.go(0)
    except ImportError as error:
        print(f"{case:>22}  {peer:<30} not installed: {error.name}", flush=True)
        return []
    rates = np.array([[mine.rate(turn), other.rate(turn)] for turn in range(1, pairs + 1)])
    ratios = rates[:, 0] / rates[:, 1]
    own, theirs = (float(x) for x in np.median(rates, axis=0))
    low, middle, high = (float(x) for x in np.quantile(ratios, (0.25, 0.5, 0.75)))
    found = Result(case, peer, unit, own, theirs, middle, low, high, goal)
    print(f"{case:>22}  {peer:<30} {middle:9.3g}   ours {own:9.3g}   theirs {theirs:9.3g} {unit}/s   "
          f"compile {mine.first:5.1f} s   {found.verdict}", flush=True)  # fmt: skip
    return [found]


def run_cases(cases: dict[str, Callable[[], list[Result]]], names: list[str]) -> list[Result]:
    """The cases of those names, or all, one after the other."""
    print(f"{'case':>22}  {'beside':<30} {'ratio':>9}")
    return [found for name in names or list(cases) for found in cases[name]()]
