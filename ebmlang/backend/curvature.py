"""The energy along the free sites of some real variables, as one vector: its slope and its bend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .conditionals import Situation
from .energy import State, Target
from .sites import Sites

TOGETHER = 64


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """Free sites of real variables side by side: a mirrored pair is one site, held entries are none."""

    target: Target
    sites: Mapping[str, Sites]

    @property
    def number(self) -> int:
        """How many free sites there are."""
        return sum(s.number for s in self.sites.values())

    def take(self, state: State) -> Any:
        """The free sites [site] of a state."""
        return jnp.concatenate([s.take(state[n]).reshape(-1) for n, s in self.sites.items()])

    def put(self, state: State, values: Any) -> State:
        """The state with its free sites set to these values [site]."""
        ends = np.cumsum([s.number for s in self.sites.values()])[:-1]
        parts = jnp.split(values, ends)
        moved = {
            n: s.put(state[n], part.astype(state[n].dtype))
            for (n, s), part in zip(self.sites.items(), parts, strict=True)
        }
        return state | moved

    def slope(self, situation: Situation, state: State) -> Callable[[Any], Any]:
        """dE/dx [site] in nats, without beta, as a function of x [site]; all else as in the state."""
        energies = self.target.touching(self.sites)
        opened = self.target.opened(state)

        def energy(values: Any) -> Any:
            moved = self.put(opened, values)
            return self.target.extended(situation.params, moved, situation.given, energies)

        return jax.grad(energy)

    def bends(self, situation: Situation, state: State, directions: np.ndarray) -> Any:
        """The Hessian times each direction [direction, site], in nats, without beta."""
        at = jnp.asarray(self.take(state), jnp.result_type(float))
        _, push = jax.linearize(self.slope(situation, state), at)
        seeds = jnp.asarray(directions, at.dtype)
        if len(directions) <= TOGETHER:
            return jax.vmap(push)(seeds)
        return jax.lax.map(push, seeds, batch_size=TOGETHER)
