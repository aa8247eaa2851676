"""L-BFGS (Liu & Nocedal 1989), as SciPy has it, on functions that do not have a value everywhere.

Where there is none a step was too long. SciPy's line search asks for numbers there as well, and gets
those of a parabola that leaves the last point with the slope it has, and turns at a quarter of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

MEMORY = 20  # pairs that L-BFGS keeps
STILL = 1e-8  # largest entry of the gradient at which the optimum is reached
STEEP = 1e-5  # largest entry of the gradient above which it is not reached
LEAST = 1e-8  # relative: how far above the last value a point without a value lies at least
GAIN = 1e-6  # relative: what a search that ended on a slope must have gained for another to follow


class Point(NamedTuple):
    """A place [number] where the function has a value, and its slope [number] there."""

    place: np.ndarray
    value: float
    slope: np.ndarray


class Least(NamedTuple):
    """Where a search ended. `edge`: what is next to it has no value, and it may go down there."""

    place: np.ndarray
    edge: bool


Function = Callable[[np.ndarray], tuple[float, np.ndarray] | None]


@dataclass(slots=True, eq=False)
class _Fenced:
    """A function with a value everywhere.

    `here`: the last point accepted; `last`: that of the last evaluation, None where there was no
    value; `without`: evaluations without a value since the last point accepted.
    """

    function: Function
    here: Point
    last: Point | None = None
    without: int = 0
    seen: int = 0

    def __call__(self, place: np.ndarray) -> tuple[float, np.ndarray]:
        self.seen += 1
        known = self.seen == 1  # SciPy begins at the start
        found = self.here[1:] if known else self.function(place)
        self.last = None if found is None else Point(place.copy(), *found)
        if found is None:
            self.without += 1
            return self._parabola(place - self.here.place)
        return found

    def _parabola(self, step: np.ndarray) -> tuple[float, np.ndarray]:
        fall = max(abs(float(self.here.slope @ step)), LEAST * (1 + abs(self.here.value)))
        return self.here.value + fall, 3 * fall * step / float(step @ step)

    def accepted(self, place: np.ndarray) -> None:
        """Go on from the last point. Raises StopIteration where it has no value."""
        if self.last is None:
            raise StopIteration
        self.here, self.without = self.last, 0


def minimum(function: Function, start: Point, most: int) -> Least:
    """Where a function [number] -> (value, slope [number]) is least, None where it has no value.

    Ends where the largest entry of the slope is below 1e-8, where rounding stops it, or after about
    `most` evaluations. A search that ends on a slope is begun anew there, as long as that gains
    anything.
    """
    seen = 1
    while True:
        fenced = _Fenced(function, start)
        minimize(
            fenced, start.place, jac=True, method="L-BFGS-B", callback=fenced.accepted,
            options={"maxfun": most - seen + 1, "maxiter": most, "gtol": STILL, "ftol": 0.0,
                     "maxcor": MEMORY},
        )  # fmt: skip
        seen += fenced.seen - 1
        here = fenced.here
        steep = bool(np.max(np.abs(here.slope)) > STEEP)
        if not steep or seen >= most or start.value - here.value <= GAIN * (1 + abs(here.value)):
            return Least(here.place, steep and fenced.without > 0)
        start = here
