"""Langevin: a step down the slope plus noise, kept as it is, at one temperature or as it cools.

Sources: Welling & Teh (2011), "Bayesian learning via stochastic gradient Langevin dynamics",
equation 3 and its schedule; Song & Ermon (2019), "Generative modeling by estimating gradients of
the data distribution", algorithm 1, for the levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Moved, Walk
from .noise import normal_rows, seed_of
from .slopes import Annealed
from .smooth import Smooth


def _walked(
    smooth: Smooth,
    situation: Situation,
    state: State,
    walk: Walk,
    pace: tuple[Any, Any],
    clip: float | None,
) -> tuple[State, Any]:
    """The state after so many steps from x to x - pace/2 dU/dx + N(0, noise^2), and whether it is finite.

    U is the potential at the beta of the situation; `pace`: the pace and the noise.
    """
    free, back = ravel_pytree(smooth.free(state))
    slope = jax.grad(lambda x: smooth.potential(back(x), situation, state))
    half, noise = (jnp.asarray(p, free.dtype) for p in (0.5 * pace[0], pace[1]))

    def step(number: Any, x: Any) -> Any:
        down = slope(x)
        if clip is not None:
            down = jnp.clip(down, -clip, clip)
        stream = walk.first + jnp.asarray(number, jnp.uint32)
        return x - half * down + noise * normal_rows(walk.seed, len(x), x.dtype, stream)

    free = jax.lax.fori_loop(0, walk.number, step, free)
    return smooth.put(state, back(free)), jnp.all(jnp.isfinite(free))


@dataclass(frozen=True, slots=True, eq=False)
class LangevinBlock:
    """The unadjusted walk x - alpha/2 dE/dx + N(0, alpha), alpha the step size. Biased by order alpha.

    With `noise` the walk is one at temperature noise^2 / alpha: over values of constrained types too,
    whose volumes no temperature changes. What it remembers is the number of steps done.
    """

    smooth: Smooth
    step_size: float
    steps: int
    noise: float | None = None
    clip: float | None = None
    method: str = "langevin"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    @property
    def temperature(self) -> float:
        """What the law that the walk has in the limit of small steps is at, in units of 1 / beta."""
        return 1.0 if self.noise is None else self.noise**2 / self.step_size

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return jnp.zeros((), jnp.uint32)

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        moved = self.walk(Walk(seed_of(key), jnp.uint32(0), 1), situation, state, inner)
        return moved._replace(inner=inner)

    def walk(self, walk: Walk, situation: Situation, state: State, inner: Any) -> Moved:
        """Several sweeps in a row, every step with random numbers of its own."""
        many = walk._replace(number=walk.number * self.steps)
        heat = self.temperature
        # A step alpha of slopes of E is one of alpha T of slopes of E / T: noise and volume fit it.
        tempered = situation._replace(beta=situation.beta / heat) if heat != 1.0 else situation
        pace = self.step_size * heat
        moved, fine = _walked(
            self.smooth, tempered, state, many, (pace, pace**0.5), self.clip_at(heat)
        )
        done = walk.first + jnp.asarray(many.number, jnp.uint32)
        return Moved(moved, done, jnp.ones(()), jnp.asarray(many.number), ~fine)

    def clip_at(self, heat: float) -> float | None:
        """The largest slope of E / T where that of E is clipped."""
        return None if self.clip is None else self.clip / heat


class Cooling(NamedTuple):
    """How far warm-up has come."""

    count: Any  # scalar, sweeps done
    warmup: Any  # scalar, sweeps of warm-up


@dataclass(frozen=True, slots=True, eq=False)
class AnnealedBlock:
    """The unadjusted walk at the temperature and step of a schedule, which ends with warm-up."""

    smooth: Smooth
    schedule: Annealed
    method: str = "annealed"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Cooling:
        return Cooling(jnp.zeros((), jnp.int32), jnp.asarray(warmup, jnp.int32))

    def move(self, key: Key, situation: Situation, state: State, inner: Cooling) -> Moved:
        heat, step_size = scheduled(self.schedule, inner)
        tempered = situation._replace(beta=situation.beta / heat)
        pace = step_size * heat
        walk = Walk(seed_of(key), jnp.uint32(0), self.schedule.steps)
        moved, fine = _walked(self.smooth, tempered, state, walk, (pace, jnp.sqrt(pace)), None)
        after = inner._replace(count=jnp.minimum(inner.count + 1, inner.warmup))
        return Moved(moved, after, jnp.ones(()), jnp.asarray(self.schedule.steps), ~fine)


def scheduled(schedule: Annealed, cooling: Cooling) -> tuple[Any, Any]:
    """The temperature and the step size of the next sweep; those of the end once warm-up is over."""
    real = jnp.result_type(float)
    length = jnp.maximum(cooling.warmup, 1).astype(real)
    come = jnp.where(cooling.count < cooling.warmup, cooling.count.astype(real) / length, 1.0)
    last = max(schedule.levels - 1, 1)
    level = jnp.minimum(jnp.floor(come * schedule.levels), last)
    heat = schedule.hottest ** (1.0 - level / last)
    fall = (schedule.step_size / schedule.last) ** (1.0 / schedule.power) - 1.0
    return heat, schedule.step_size * (1.0 + fall * come) ** -schedule.power
