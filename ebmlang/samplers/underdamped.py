"""Underdamped Langevin dynamics, split as BAOAB: kicks B, drifts A, and noise O in the middle.

The invariant law of the positions is off by order dt^2, and exact for a Gaussian; with strong
friction the error is of order dt^4.

Source: Leimkuhler & Matthews (2013), "Rational construction of stochastic numerical methods for
molecular sampling", equation 1.5 and section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Moved
from .noise import normal_rows, seed_of
from .slopes import Underdamped
from .smooth import Smooth


class Moving(NamedTuple):
    """What goes on into the next sweep."""

    momentum: Any  # [number]
    slope: Any  # [number] where it stands, or () if other blocks change it


@dataclass(frozen=True, slots=True, eq=False)
class UnderdampedBlock:
    """Steps of BAOAB at mass 1, one gradient each: the last kick of a step has the slope of the next's first.

    `alone`: nothing else moves, so that the slope of the last sweep still holds.
    """

    smooth: Smooth
    settings: Underdamped
    alone: bool = False
    method: str = "underdamped"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Moving:
        free, back = ravel_pytree(self.smooth.free(state))
        momentum = jax.random.normal(key, free.shape, free.dtype)
        return Moving(momentum, self._slope(situation, state, back)(free) if self.alone else ())

    def _slope(self, situation: Situation, state: State, back: Any) -> Any:
        return jax.grad(lambda x: self.smooth.potential(back(x), situation, state))

    def move(self, key: Key, situation: Situation, state: State, inner: Moving) -> Moved:
        free, back = ravel_pytree(self.smooth.free(state))
        slope = self._slope(situation, state, back)
        half = 0.5 * self.settings.step_size
        keep = float(np.exp(-self.settings.friction * self.settings.step_size))
        fresh = float(np.sqrt(-np.expm1(-2 * self.settings.friction * self.settings.step_size)))
        seed = seed_of(key)

        def step(number: Any, at: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            x, p, down = at
            p = p - half * down
            x = x + half * p
            p = keep * p + fresh * normal_rows(seed, len(x), x.dtype, number)
            x = x + half * p
            down = slope(x)
            return x, p - half * down, down

        begun = free, inner.momentum, inner.slope if self.alone else slope(free)
        free, momentum, down = jax.lax.fori_loop(0, self.settings.steps, step, begun)
        fine = jnp.all(jnp.isfinite(free) & jnp.isfinite(momentum))
        cost = jnp.asarray(self.settings.steps + (0 if self.alone else 1))
        memory = Moving(momentum, down if self.alone else ())
        return Moved(self.smooth.put(state, back(free)), memory, jnp.ones(()), cost, ~fine)
