"""Short runs from a buffer of states: slots are drawn, some begin anew, all are moved and put back.

    replay = ebm.replay(model, "langevin", slots=10_000, chains=100, sweeps=20)
    buffer = replay.start(jax.random.key(0), params)
    for step in range(1000):
        buffer, states = replay.draw(jax.random.key(step), buffer, params)

Sources: Du & Mordatch (2019), "Implicit generation and modeling with energy-based models", section
3.2; with `restart=1` the short runs of Nijkamp, Hill, Zhu & Wu (2019), "Learning non-convergent
non-persistent short-run MCMC".
"""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ..arguments import CHECKS, checked
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..syntax.diagnostics import complain
from .beginning import Starter, starter
from .block import Key, Plan
from .langevin import AnnealedBlock
from .plan import make_plan
from .run import Clamped, clamped, situation_of
from .settings import Sampler, sampler_of
from .starting import Init, started
from .sweep import Chain, begin, sweeps
from .tempering import untempered

if TYPE_CHECKING:
    from ..model import Model

RESTART = 0.05  # as in Du & Mordatch
ALWAYS = 1 << 30  # sweeps of warm-up: steps go on adapting as the parameters change


class ReplayBuffer(NamedTuple):
    """States [slot, dims], how many sweeps each has walked [slot], and what the samplers remember.

    Step sizes belong to the chains that walk, `inner` [chain, …], not to the slots they walk from.
    """

    state: State
    age: Any
    inner: Any


@dataclass(frozen=True, eq=False)
class Replay:
    """Short runs of a plan from a buffer: pure functions of keys, buffers and parameters.

    `chains` different slots are drawn each time; with probability `restart` one begins anew from
    a random state; after `sweeps` sweeps each chain returns to the slot that it came from.
    """

    model: Model
    plan: Plan
    first: Starter
    slots: int
    chains: int
    sweeps: int
    restart: float
    held: State  # values of entries that are held

    @cached_property
    def _run(self) -> Any:
        return jax.jit(self.moved)

    def start(self, key: Key, params: Mapping[str, Any]) -> ReplayBuffer:
        """A buffer of random states. Raises EbmError E703 if none of finite energy is found."""
        situation = situation_of(self.model, params, None, 1.0)
        return self.begun(key, situation)

    def draw(
        self, key: Key, buffer: ReplayBuffer, params: Mapping[str, Any]
    ) -> tuple[ReplayBuffer, State]:
        """The buffer after a short run of some of its slots, and their states [chain, dims]."""
        buffer, rows = self._run(key, buffer, situation_of(self.model, params, None, 1.0))
        return buffer, {n: v[rows] for n, v in buffer.state.items()}

    def begun(self, key: Key, situation: Situation, init: Init = None) -> ReplayBuffer:
        """A buffer of random states in a situation, or of those that `init` tells."""
        begun, sub = jax.random.split(key)
        held = Clamped(self.held, dict(self.first.masks))
        states = started(self.model, situation, sub, self.slots, held, init, self.first)
        walking = jax.tree.map(lambda x: x[: self.chains], states)
        chain = jax.vmap(lambda k, s: begin(self.plan, k, situation, s, ALWAYS))(
            jax.random.split(begun, self.chains), walking
        )
        return ReplayBuffer(states, jnp.zeros(self.slots, jnp.int32), chain.inner)

    def moved(
        self, key: Key, buffer: ReplayBuffer, situation: Situation
    ) -> tuple[ReplayBuffer, Any]:
        """The buffer after a short run in a situation, and which slots [chain] ran."""
        pick, coin, new, walk = jax.random.split(key, 4)
        rows = jax.random.choice(pick, self.slots, (self.chains,), replace=False)
        states = {n: v[rows] for n, v in buffer.state.items()}
        fresh, fine = self.first(situation, jax.random.split(new, self.chains), self.held, {})
        anew = fine & (jax.random.uniform(coin, (self.chains,)) < self.restart)
        states = {n: _chosen(anew, fresh[n].astype(v.dtype), v) for n, v in states.items()}
        chain = Chain(jax.random.split(walk, self.chains), states, buffer.inner)
        chain, _ = jax.vmap(lambda c: sweeps(self.plan, situation, c, self.sweeps))(chain)
        state = {n: v.at[rows].set(chain.state[n]) for n, v in buffer.state.items()}
        age = jnp.where(anew, 0, buffer.age[rows]) + self.sweeps
        return ReplayBuffer(state, buffer.age.at[rows].set(age), chain.inner), rows


def _chosen(which: Any, new: Any, old: Any) -> Any:
    """New values [chain, dims] where a chain begins anew."""
    return jnp.where(which.reshape(-1, *(1,) * (old.ndim - 1)), new, old)


@checked(sweeps=CHECKS["draws"])
def replay(
    model: Model,
    sampler: str | Sampler = "langevin",
    *,
    slots: int = 10_000,
    chains: int = 100,
    sweeps: int = 20,
    restart: float = RESTART,
) -> Replay:
    """Short runs of a sampler from a buffer of `slots` states, `chains` of them at a time.

    Raises EbmError: E702 if the sampler cannot move a variable, E704 for settings that cannot be.
    """
    model = model.settled(None)
    held, chosen = clamped(model, None), sampler_of(sampler)
    plan = make_plan(model.target, chosen, held.masks, fallback="mala", carried=False)
    return replaying(model, plan, slots, chains, sweeps, restart, held)


def replaying(
    model: Model, plan: Plan, slots: int, chains: int, sweeps: int, restart: float, held: Clamped
) -> Replay:
    """Short runs of a plan. Raises EbmError E704 for settings that cannot be."""
    if any(isinstance(block, AnnealedBlock) for block in untempered(plan).blocks):
        raise complain(
            "E704",
            "`annealed` follows its schedule in warm-up, and runs from a buffer have none",
            helps=['sampler="langevin" walks at one temperature'],
        )
    if not 0 <= restart <= 1:
        raise complain("E704", f"`restart` must be from 0 to 1, not {restart!r}")
    if slots < chains:
        raise complain(
            "E704", f"a buffer of {slots} slots is too small for {chains} chains at a time"
        )
    key = ("replay starts", held.signature)
    first = model.made(key, lambda: starter(model.target, held.masks))
    return Replay(model, plan, first, slots, chains, sweeps, restart, held.values)
