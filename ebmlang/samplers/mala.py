"""MALA: Langevin proposals with Metropolis' correction, so that the step biases nothing.

Sources: Roberts & Tweedie (1996), "Exponential convergence of Langevin distributions", section 1.4;
Roberts & Rosenthal (1998), "Optimal scaling of discrete approximations to Langevin diffusions",
theorem 2, for the rate of acceptance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Moved
from .scales import Scales, learn, scales_from
from .slopes import MALA
from .smooth import Smooth
from .tuning import tune

FIRST_STEP = 0.1


class Mala(NamedTuple):
    """What MALA remembers: step and scales, and the potential and slope where it stands, if kept."""

    scales: Scales
    energy: Any  # scalar, or ()
    slope: Any  # [number], or ()


@dataclass(frozen=True, slots=True, eq=False)
class MalaBlock:
    """Proposals x - step/2 s dU/dx + N(0, step s), kept or refused: exact. Step and scales s adapt in warm-up.

    `alone`: nothing else moves, so that potential and slope of the last step still hold.
    """

    smooth: Smooth
    settings: MALA
    alone: bool = False
    method: str = "mala"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Mala:
        free, at = self._ground(situation, state)
        step = FIRST_STEP if self.settings.step_size is None else self.settings.step_size
        scales = scales_from(step, len(free), warmup, free.dtype)
        return Mala(scales, *(at(free) if self.alone else ((), ())))

    def _ground(self, situation: Situation, state: State) -> tuple[Any, Any]:
        """The free numbers [number], and the function of them that gives potential and slope."""
        free, back = ravel_pytree(self.smooth.free(state))
        return free, jax.value_and_grad(lambda x: self.smooth.potential(back(x), situation, state))

    def move(self, key: Key, situation: Situation, state: State, inner: Mala) -> Moved:
        free, at = self._ground(situation, state)
        energy, slope = (inner.energy, inner.slope) if self.alone else at(free)
        step, scale = inner.scales.tuning.step.astype(free.dtype), inner.scales.scale
        draw, choose = jax.random.split(key)
        noise = jax.random.normal(draw, free.shape, free.dtype)
        proposal = free - 0.5 * step * scale * slope + jnp.sqrt(step * scale) * noise
        new_energy, new_slope = at(proposal)
        back_again = free - proposal + 0.5 * step * scale * new_slope
        log_ratio = (
            energy
            - new_energy
            + 0.5 * (jnp.sum(noise**2) - jnp.sum(back_again**2 / (step * scale)))
        )
        log_ratio = jnp.where(jnp.isfinite(log_ratio), log_ratio, -jnp.inf)
        accept = jnp.log(jax.random.uniform(choose)) < log_ratio
        probability = jnp.exp(jnp.minimum(log_ratio, 0.0))
        there = jnp.where(accept, proposal, free)
        _, back = ravel_pytree(self.smooth.free(state))
        kept = self.smooth.put(state, back(there))
        moved = {n: jnp.where(accept, kept[n], state[n]) for n in self.variables}
        found = (jnp.where(accept, new_energy, energy), jnp.where(accept, new_slope, slope))
        memory = Mala(
            self._learnt(inner.scales, there, probability), *(found if self.alone else ((), ()))
        )
        cost = jnp.asarray(1 if self.alone else 2)
        return Moved(state | moved, memory, probability, cost, jnp.isneginf(log_ratio))

    def _learnt(self, scales: Scales, free: Any, probability: Any) -> Scales:
        """Step and scales after a step, each only if it is to be learnt."""
        wanted, fixed = self.settings.target_acceptance, self.settings.step_size is not None
        if not self.settings.scaled:
            tuning = scales.tuning if fixed else tune(scales.tuning, probability, wanted)
            return scales._replace(tuning=tuning)
        learnt = learn(scales, free, probability, wanted)
        return learnt._replace(tuning=scales.tuning) if fixed else learnt
