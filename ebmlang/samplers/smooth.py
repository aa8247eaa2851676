"""The ground on which continuous blocks move: free real numbers, and the potential over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from ..backend.conditionals import Situation
from ..backend.energy import State, Target
from ..backend.known import mask_of
from ..backend.sites import Sites
from ..semantics.terms import Kind
from .closed import Closed

Free = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """Continuous variables as free numbers: constrained types are opened up, held entries left out.

    `closed`: unknowns that are summed out of the energy, None if there are none.
    """

    target: Target
    sites: Mapping[str, Sites]
    closed: Closed | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.sites)

    def free(self, state: State) -> Free:
        """The free numbers of a state."""
        return {n: s.unconstrain(s.take(state[n])) for n, s in self.sites.items()}

    def put(self, state: State, free: Free) -> State:
        """The state with the values of the free numbers."""
        return state | {
            n: s.put(state[n], s.constrain(free[n]).astype(state[n].dtype))
            for n, s in self.sites.items()
        }

    def wrapped(self, free: Free) -> Free:
        """The same values with angles brought back to one turn, so that none runs off without end."""
        circles = {n for n, s in self.sites.items() if s.domain.kind is Kind.ANGLE}
        return {n: jnp.mod(x, 2 * jnp.pi) if n in circles else x for n, x in free.items()}

    def tables(self, situation: Situation) -> Any:
        """What the sums in closed form need, from parameters and given data alone."""
        return () if self.closed is None else self.closed.tables(situation)

    def potential(self, free: Free, situation: Situation, state: State) -> Any:
        """beta E - log |d values / d free|, in nats: the law of the values, over free numbers.

        Where unknowns are summed out beta E is their free energy.
        """
        free = self._kept(free, situation)
        there = self.put(state, free)
        if self.closed is None:
            return self._energy(situation, there) - self._volume(free)
        return -self.closed.log_sum(situation, there, situation.tables) - self._volume(free)

    def _kept(self, free: Free, situation: Situation) -> Free:
        """The free numbers, those of known sites at 0: no slope leads them, and they weigh nothing."""
        found = dict(free)
        for name, own in self.sites.items():
            if mask_of(name) in situation.given:
                known = own.take(situation.given[mask_of(name)])
                known = known.reshape(own.number, -1)[:, :1] if own.event else known
                found[name] = jnp.where(known, 0.0, free[name])
        return found

    def _energy(self, situation: Situation, state: State) -> Any:
        energies = {e.name for e in self.target.touching(self.sites)}
        lowering = self.target.lowering(situation.params, state, situation.given)
        energy = sum(
            (lowering.scalar(e.term) for e in self.target.program.energies if e.name in energies),
            jnp.zeros(()),
        )
        return situation.beta * energy

    def _volume(self, free: Free) -> Any:
        return sum((s.log_volume(free[n]) for n, s in self.sites.items()), jnp.zeros(()))
