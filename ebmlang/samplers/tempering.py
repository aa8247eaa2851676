"""Replica exchange: copies of the model from hot to cold, which swap their states as they go.

A replica at beta b has the law exp(-b E). Each is moved by a sampler of its own, then neighbours
swap by Metropolis' rule, pairs that begin at an even place and at an odd one in turn.

Sources: Okabe, Kawata, Okamoto & Mikami (2001) for the turns; Syed, Bouchard-Côté, Deligiannidis &
Doucet (2022), "Non-reversible parallel tempering", section 5.4 for the ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, with_walls
from ..backend.energy import State, Target
from ..backend.sites import Sites
from ..evaluation.exchange import Exchange
from ..semantics.terms import Kind
from ..semantics.walls import HEIGHT
from ..syntax.diagnostics import complain
from .beginning import random_state
from .block import Key, Moved, Plan
from .settings import Tempering
from .sweep import Chain, begin, prepared, sweep

FIRST_ROUND = 4  # sweeps before the ladder first changes; each round is twice as long
WARMEST = 0.1  # beta of the hottest replica where nothing bounds a variable
HALF_WALL = 6.0  # nats that a wall costs at half the beta asked for
NOWHERE, HOT, COLD = 0, 1, 2


class Replicas(NamedTuple):
    """What replica exchange remembers of one chain, the hottest replica first."""

    states: Any  # {variable: [replica but the coldest, site, …]}: the free sites
    inner: Any  # [replica, …]: what the blocks of each replica remember
    betas: Any  # [replica], in units of the beta asked for; the last is 1
    ends: Any  # [replica], int: which end of the ladder each state saw last
    count: Any  # scalar, int: sweeps done
    warmup: Any  # scalar, int: sweeps of warm-up
    chances: Any  # [pair]: mean chance of a swap since the ladder last changed
    seen: Any  # scalar, int: sweeps behind that mean
    trips: Any  # scalar, int: round trips after warm-up


@dataclass(frozen=True, slots=True, eq=False)
class TemperingBlock:
    """Every variable of a plan, moved by it at each beta of a ladder, and swapped.

    `ladder`: betas from hot to cold, in units of the beta asked for. `adapted`: whether warm-up
    moves them until all neighbours swap equally often.
    """

    target: Target
    plan: Plan
    ladder: np.ndarray
    adapted: bool
    method: str = "tempering"

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.plan.sites)

    def tables(self, situation: Situation) -> Any:
        return prepared(self.plan, situation).tables

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Replicas:
        number = len(self.ladder)
        betas = jnp.asarray(self.ladder, jnp.result_type(float))
        begun, *keys = jax.random.split(key, number)
        others = jax.vmap(lambda k: self._random(k, situation, state))(jnp.stack(keys))
        states = self._spread(state, others)

        def inner(key: Key, beta: Any, state: State) -> Any:
            hotter = situation._replace(beta=situation.beta * beta)
            return begin(self.plan, key, hotter, state, warmup).inner

        made = jax.vmap(inner)(jax.random.split(begun, number), betas, states)
        zero = jnp.zeros((), jnp.int32)
        ends = jnp.full(number, NOWHERE, jnp.int32)
        chances = jnp.zeros(number - 1, betas.dtype)
        length = jnp.asarray(warmup, jnp.int32)
        return Replicas(others, made, betas, ends, zero, length, chances, zero, zero)

    def move(self, key: Key, situation: Situation, state: State, inner: Replicas) -> Moved:
        swap, *keys = jax.random.split(key, len(self.ladder) + 1)
        betas = situation.beta * inner.betas
        nats = wall_heights(inner.betas, situation)

        def one(key: Key, beta: Any, nats: Any, state: State, inner: Any) -> Any:
            there = self._there(situation, beta, nats)
            return sweep(self.plan, there, Chain(key, state, inner))

        states = self._spread(state, inner.states)
        chain, report = jax.vmap(one)(jnp.stack(keys), betas, nats, states, inner.inner)
        chances = self._chances(situation, betas, nats, chain.state)
        order = swaps(swap, chances, inner.count)
        states = jax.tree.map(lambda x: x[order], chain.state)
        others = {n: jax.vmap(s.take)(states[n][:-1]) for n, s in self.plan.sites.items()}
        told = self._told(inner._replace(states=others, inner=chain.inner), chances, order)
        return Moved(
            jax.tree.map(lambda x: x[-1], states),
            told,
            report.acceptance[-1],
            jnp.sum(report.gradients, dtype=jnp.int32),
            report.diverged[-1],
        )

    def _there(self, situation: Situation, beta: Any, nats: Any) -> Situation:
        """The situation of a replica; where there are walls, with its own."""
        there = situation._replace(beta=beta)
        if not self.target.walled:
            return there
        # What blocks made of the walls of the coldest replica is not that of this one.
        return with_walls(self.target, there, nats)._replace(tables=None)

    def _chances(self, situation: Situation, betas: Any, nats: Any, states: State) -> Any:
        """The chances that neighbours swap. Shapes: [pair]."""
        flat = with_walls(self.target, situation, 0.0)
        energies = jax.vmap(lambda s: self.target.energy(flat.params, s, flat.given))(states)
        if not self.target.walled:
            return swap_chances(betas, energies)
        walls = jax.vmap(lambda s: self.target.walls(flat.params, s, flat.given))(states)
        return swap_chances(betas, energies, (nats[:-1] - nats[1:]) * (walls[:-1] - walls[1:]))

    def _random(self, key: Key, situation: Situation, state: State) -> State:
        """Free sites of a random state, or of the state itself if its energy is not finite."""
        found = random_state(self.target, key)
        own = {n: s.take(state[n]) for n, s in self.plan.sites.items()}
        other = {n: s.take(found[n]).astype(own[n].dtype) for n, s in self.plan.sites.items()}
        whole = state | {n: s.put(state[n], other[n]) for n, s in self.plan.sites.items()}
        fine = jnp.isfinite(self.target.energy(situation.params, whole, situation.given))
        return jax.tree.map(lambda a, b: jnp.where(fine, a, b), other, own)

    def _spread(self, state: State, others: State) -> State:
        """States [replica, dims] of all replicas; what is held is as in the state of the coldest."""

        def put(free: State) -> State:
            return state | {n: s.put(state[n], free[n]) for n, s in self.plan.sites.items()}

        hot = jax.vmap(put)(others)
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), hot, dict(state))

    def _told(self, memory: Replicas, chances: Any, order: Any) -> Replicas:
        """The memory after a sweep: statistics, and the ladder at the end of a round of warm-up."""
        count, seen = memory.count + 1, memory.seen + 1
        mean = memory.chances + (chances - memory.chances) / seen
        ends, trip = travelled(memory.ends[order])
        rounded = (count & (count - 1) == 0) & (count >= FIRST_ROUND)
        renewed = rounded & (count <= memory.warmup - memory.warmup // 4) & self.adapted
        betas = jnp.where(renewed, spaced(memory.betas, mean, seen), memory.betas)
        kept = count == memory.warmup  # from here on the draws are kept
        anew = renewed | kept
        return memory._replace(
            betas=betas,
            ends=ends,
            count=count,
            chances=jnp.where(anew, 0.0, mean),
            seen=jnp.where(anew, 0, seen),
            trips=jnp.where(kept, 0, memory.trips + trip),
        )


def wall_heights(betas: Any, situation: Situation) -> Any:
    """What a wall costs a replica, in nats: nothing at a beta of 0, what it costs the coldest at 1."""
    soft = HALF_WALL * betas / jnp.maximum(1.0 - betas, 1e-6)
    if HEIGHT not in situation.given:
        return soft
    whole = situation.beta * situation.given[HEIGHT]
    return jnp.where(betas == 1.0, whole, jnp.minimum(soft, whole))


def swap_chances(betas: Any, energies: Any, beside: Any = 0.0) -> Any:
    """The chance that neighbours swap: min(1, exp((b - b') (E - E'))). Shapes: [pair].

    `beside`: what else stands in the exponent.
    """
    log_ratio = (betas[:-1] - betas[1:]) * (energies[:-1] - energies[1:]) + beside
    # An energy that is not finite belongs nowhere colder, and 0 * inf is no number.
    return jnp.where(jnp.isnan(log_ratio), 0.0, jnp.exp(jnp.minimum(log_ratio, 0.0)))


def swaps(key: Key, chances: Any, count: Any) -> Any:
    """Whose state each replica has next, pairs of one parity tried. Shapes: [replica]."""
    pair = jnp.arange(len(chances))
    drawn = jax.random.uniform(key, chances.shape, chances.dtype)
    accepted = (pair % 2 == count % 2) & (drawn < chances)
    none = jnp.zeros(1, bool)
    up, down = jnp.append(accepted, none), jnp.append(none, accepted)
    return jnp.arange(len(chances) + 1) + up.astype(jnp.int32) - down.astype(jnp.int32)


def travelled(ends: Any) -> tuple[Any, Any]:
    """The end of the ladder that each state saw last, now, and whether one came round."""
    trip = ends[0] == COLD
    cold = jnp.where(ends[-1] == HOT, COLD, ends[-1])
    return ends.at[0].set(HOT).at[-1].set(cold), trip.astype(jnp.int32)


def spaced(betas: Any, chances: Any, seen: Any) -> Any:
    """A ladder with the same ends whose neighbours are equally often refused.

    The barrier, the sum of the refusals from the hot end, is read as linear between the rungs. Half
    a refusal is added to each pair, lest a short round move a rung onto another.
    """
    refused = (seen * (1.0 - chances) + 0.5) / (seen + 1.0)
    barrier = jnp.append(jnp.zeros(1, betas.dtype), jnp.cumsum(refused))
    even = jnp.linspace(0.0, 1.0, len(betas), dtype=betas.dtype) * barrier[-1]
    return jnp.interp(even, barrier, betas).at[0].set(betas[0]).at[-1].set(betas[-1])


def tempered(target: Target, plan: Plan, sampler: Tempering) -> Plan:
    """Replica exchange around a plan. Raises EbmError E702 for a beta of 0 without bounds."""
    ladder = _ladder(sampler, plan.sites)
    block = TemperingBlock(target, plan, ladder, sampler.ladder is None)
    return Plan((block,), plan.choices, plan.sites)


def _ladder(sampler: Tempering, sites: Mapping[str, Sites]) -> np.ndarray:
    """The betas before any adaptation, from hot to cold, the last of them 1."""
    loose = [n for n, s in sites.items() if not _bounded(s)]
    hottest = sampler.hottest if sampler.ladder is None else sampler.ladder[0]
    if hottest is None:
        hottest = WARMEST if loose else 0.0
    if hottest == 0 and loose:
        raise complain(
            "E702",
            f"tempering cannot heat `{loose[0]}` to a beta of 0: it is unbounded, and has no "
            "law there",
            helps=[f"let the hottest beta be above 0: ebm.Tempering(hottest={WARMEST})"],
        )
    if sampler.ladder is not None:
        return np.asarray(sampler.ladder)
    if hottest > 0:
        return np.geomspace(hottest, 1.0, sampler.replicas)
    return np.linspace(0.0, 1.0, sampler.replicas) ** 2


def _bounded(sites: Sites) -> bool:
    domain = sites.domain
    if domain.discrete or domain.kind in (Kind.ANGLE, Kind.SIMPLEX):
        return True
    return domain.lower is not None and domain.upper is not None


def untempered(plan: Plan) -> Plan:
    """The plan that each replica follows, or the plan itself."""
    match plan.blocks:
        case (TemperingBlock(plan=inner),):
            return inner
        case _:
            return plan


def exchange_of(plan: Plan, chain: Chain, beta: float) -> Exchange | None:
    """What replica exchange did in chains [chain] that have been drawn from; None if there is none."""
    if untempered(plan) is plan:
        return None
    (memory,) = chain.inner
    return Exchange(
        np.asarray(memory.betas, np.float64) * beta,
        np.asarray(memory.chances, np.float64),
        np.asarray(memory.trips),
        int(np.asarray(memory.seen)[0]),
    )
