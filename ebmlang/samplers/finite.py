"""The ground on which informed blocks move: discrete sites by the numbers of their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, both, states_of
from ..backend.energy import State, Target
from ..backend.sites import Sites
from ..semantics.terms import Kind

Numbers = dict[str, Any]  # for each variable [site]: which of its states each site has
Table = dict[str, Any]  # for each variable [site, state]
MOST_NATS = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class Finite:
    """Sites of discrete variables with more than one state; a mirrored pair is one site."""

    target: Target
    sites: Mapping[str, Sites]

    def states(self, name: str) -> np.ndarray:
        """All values of a site of a variable, ascending and evenly spaced. Shapes: [state]."""
        return states_of(self.sites[name].symbol, self.target)

    def numbers(self, state: State) -> Numbers:
        """Which of its states each free site has."""
        found = {}
        for name, sites in self.sites.items():
            values = self.states(name)
            steps = (sites.take(state[name]) - values[0]) / (values[1] - values[0])
            found[name] = jnp.rint(steps).astype(jnp.int32)
        return found

    def put(self, state: State, numbers: Numbers) -> State:
        """The state with its free sites at these numbers; held entries stay."""
        return state | {
            name: sites.put(
                state[name], jnp.asarray(self.states(name), state[name].dtype)[numbers[name]]
            )
            for name, sites in self.sites.items()
        }

    def potential(self, situation: Situation, state: State) -> Any:
        """beta E as stored, in nats, less what these variables do not touch."""
        touching = {e.name for e in self.target.touching(self.sites)}
        lowering = self.target.lowering(situation.params, state, situation.given)
        terms = [e.term for e in self.target.program.energies if e.name in touching]
        return situation.beta * sum((lowering.scalar(t) for t in terms), jnp.zeros(()))

    def differences(self, situation: Situation, state: State, numbers: Numbers) -> Table:
        """To first order -beta (E with the site there - E now), in nats: one gradient for all.

        The slope of the multilinear extension, by the one-hot of a category, by the number itself
        of an integer. Exact where the energy is of first degree in a site; else an estimate.
        Always finite: what is not a number says nothing, 0.
        """
        slopes = self._slopes(situation, state)
        return {n: self._estimates(n, slopes[n], numbers[n], situation.beta) for n in self.sites}

    def distances(self, numbers: Numbers) -> Table:
        """Squared distances from each site's state to all its states.

        Of integers in their own unit; any two states of another type are 1 apart, however they
        are coded.
        """
        found = {}
        for name, now in numbers.items():
            gap = jnp.arange(len(self.states(name))) - now[:, None]
            whole = self.sites[name].symbol.domain.kind is Kind.INTEGER
            found[name] = (gap**2 if whole else gap != 0).astype(jnp.result_type(float))
        return found

    @property
    def widest(self) -> float:
        """The largest squared distance."""
        kinds = {n: s.symbol.domain.kind for n, s in self.sites.items()}
        wide = [(len(self.states(n)) - 1) ** 2 for n, k in kinds.items() if k is Kind.INTEGER]
        return float(max(wide, default=1))

    def _slopes(self, situation: Situation, state: State) -> dict[str, Any]:
        opened = self.target.opened(state)
        energies = self.target.touching(self.sites)

        def energy(own: dict[str, Any]) -> Any:
            return self.target.extended(situation.params, opened | own, situation.given, energies)

        slopes = jax.grad(energy)({n: opened[n] for n in self.sites})
        return {n: both(s.symbol, slopes[n]) for n, s in self.sites.items()}

    def _estimates(self, name: str, slope: Any, now: Any, beta: Any) -> Any:
        sites, values = self.sites[name], self.states(name)
        if sites.symbol.domain.kind is Kind.CATEGORY:
            along = slope.reshape(-1, len(values))[sites.free]
        else:
            along = slope.reshape(-1)[sites.free][:, None] * jnp.asarray(values, slope.dtype)
        rise = along - jnp.take_along_axis(along, now[:, None], axis=1)
        rise = jnp.where(jnp.arange(len(values)) == now[:, None], 0.0, rise)
        told = jnp.nan_to_num(-beta * rise, nan=0.0, posinf=MOST_NATS, neginf=-MOST_NATS)
        return jnp.clip(told, -MOST_NATS, MOST_NATS)


def finite(target: Target, sites: Mapping[str, Sites]) -> Finite:
    """The ground of these variables, less those whose sites have one state only."""
    wanted = {n: s for n, s in sites.items() if len(states_of(s.symbol, target)) > 1}
    return Finite(target, wanted)
