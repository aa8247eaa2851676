"""The two phases of a step: energies of data and of samples, whose slopes are told apart.

The gradient of -log likelihood of an example is E[dE/dtheta | data] - E[dE/dtheta] under the model.
Where latents sum in closed form both phases use the free energy, so that the first is exact and
the second has the smaller variance (Rao-Blackwell); else latents are sampled given the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..backend.known import completed
from ..partition.summation import Summation, plan_sum
from ..samplers.plan import Plan, make_plan
from ..samplers.settings import Sampler
from ..samplers.sweep import Chain, sweeps
from ..syntax.diagnostics import EbmError
from .missing import held_plan

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """How each phase is had. `closed` sums the latents, or `latents` samples them given the data.

    Where entries are missing, `latents` samples those of `partly` too, whatever each example lacks.
    """

    model: Model
    observed: tuple[str, ...]
    closed: Summation | None
    latents: Plan | None
    free: Plan
    partly: tuple[str, ...] = ()

    def describe(self) -> str:
        """What the data phase does with latents, in words."""
        if self.partly:
            return f"missing entries of {', '.join(self.partly)} sampled given what is known"
        if self.closed is not None and self.closed.closed:
            return f"{', '.join(self.closed.closed)} summed exactly"
        if self.latents is None:
            return "no latents"
        return "latents sampled given the data"

    def free_energy(self, situation: Situation, state: State) -> Any:
        """-log of the sum over latents of exp(-E), or the energy itself, of one configuration."""
        if self.closed is not None:
            return -self.closed.log_sum(situation, state, jnp.zeros(0))
        return self.model.target.energy(situation.params, state, situation.given)

    def data_state(self, rows: State, hidden: State) -> State:
        """A configuration from examples: their values, latents and what is missing as they stand."""
        state = dict(hidden)
        for name, value in rows.items():
            kind = stored_type(self.model.program.unknowns[name])
            whole = name not in self.partly
            state[name] = value.astype(kind) if whole else completed(value, hidden[name])
        return state


def make_phases(
    model: Model,
    observed: tuple[str, ...],
    sampler: Sampler,
    missing: Mapping[str, np.ndarray] | None = None,
) -> Phases:
    """The phases of a model with these variables in the data; `missing` masks what some example lacks."""
    masks = {n: np.ones(model.world.shape(model.program.unknowns[n]), bool) for n in observed}
    hidden = [n for n in model.program.unknowns if n not in observed]
    closed: Summation | None = None
    try:
        closed = plan_sum(model.target, masks)
    except EbmError:
        closed = None
    if closed is not None and closed.listed:
        closed = None
    latents = None
    if missing:
        known = {n: ~missing[n] if n in missing else mask for n, mask in masks.items()}
        latents = held_plan(model, sampler, known, tuple(missing))
    elif hidden and closed is None:
        latents = make_plan(model.target, sampler, masks, fallback="mala", carried=False)
    free = make_plan(model.target, sampler, {}, fallback="mala", carried=False)
    return Phases(model, observed, closed, latents, free, tuple(missing or ()))


def for_each(situation: Situation, own: State, number: int) -> Situation:
    """The situation of each of so many rows: its own given data, and a copy of those all share."""
    shared = {n: jnp.broadcast_to(v, (number, *jnp.shape(v))) for n, v in situation.given.items()}
    return situation._replace(given={**shared, **own})


def run_chains(
    plan: Plan, situation: Situation, chains: Chain, number: int, per_chain_given: bool
) -> Chain:
    """So many sweeps of every chain; given data is shared, or one for each chain."""
    axes = Situation(None, 0 if per_chain_given else None, None)
    moved, _ = jax.vmap(lambda s, c: sweeps(plan, s, c, number), in_axes=(axes, 0))(
        situation, chains
    )
    return moved
