"""Langevin: a step down the slope plus noise, kept as it is, or kept or refused (MALA).

Sources: Welling & Teh (2011), equation 3 without the schedule; Roberts & Tweedie (1996), section 1.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Moved
from .smooth import Smooth
from .tuning import Tuning, tune, tuning_from


@dataclass(frozen=True, slots=True, eq=False)
class LangevinBlock:
    """The unadjusted walk x - alpha/2 dE/dx + N(0, alpha), alpha the step size. Biased by order alpha."""

    smooth: Smooth
    step_size: float
    steps: int
    method: str = "langevin"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        free, back = ravel_pytree(self.smooth.free(state))
        slope = jax.grad(lambda x: self.smooth.potential(back(x), situation, state))

        def walk(x: Any, key: Key) -> tuple[Any, None]:
            noise = jax.random.normal(key, x.shape, x.dtype)
            return x - 0.5 * self.step_size * slope(x) + jnp.sqrt(self.step_size) * noise, None

        free, _ = jax.lax.scan(walk, free, jax.random.split(key, self.steps))
        one = jnp.ones(())
        moved = self.smooth.put(state, back(free))
        diverged = ~jnp.all(jnp.isfinite(free))
        return Moved(moved, inner, one, jnp.asarray(self.steps), diverged)


@dataclass(frozen=True, slots=True, eq=False)
class MalaBlock:
    """Langevin proposals with Metropolis' correction: exact. The step adapts in warm-up to 57 % accepted.

    Source of the rate: Roberts & Rosenthal (1998), theorem 2; of the adaptation: Robbins & Monro.
    """

    smooth: Smooth
    step_size: float | None
    target_acceptance: float
    method: str = "mala"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return tuning_from(0.1 if self.step_size is None else self.step_size, warmup)

    def move(self, key: Key, situation: Situation, state: State, inner: Tuning) -> Moved:
        free, back = ravel_pytree(self.smooth.free(state))
        at = jax.value_and_grad(lambda x: self.smooth.potential(back(x), situation, state))
        step = inner.step
        draw, choose = jax.random.split(key)
        energy, slope = at(free)
        proposal = (
            free
            - 0.5 * step * slope
            + jnp.sqrt(step) * jax.random.normal(draw, free.shape, free.dtype)
        )
        new_energy, new_slope = at(proposal)
        there = jnp.sum((proposal - free + 0.5 * step * slope) ** 2)
        back_again = jnp.sum((free - proposal + 0.5 * step * new_slope) ** 2)
        log_ratio = energy - new_energy + (there - back_again) / (2 * step)
        log_ratio = jnp.where(jnp.isfinite(log_ratio), log_ratio, -jnp.inf)
        accept = jnp.log(jax.random.uniform(choose)) < log_ratio
        probability = jnp.exp(jnp.minimum(log_ratio, 0.0))
        kept = self.smooth.put(state, back(jnp.where(accept, proposal, free)))
        moved = {n: jnp.where(accept, kept[n], state[n]) for n in self.variables}
        fixed = self.step_size is not None
        tuned = inner if fixed else tune(inner, probability, self.target_acceptance)
        return Moved(state | moved, tuned, probability, jnp.asarray(2), jnp.isneginf(log_ratio))
