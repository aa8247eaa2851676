"""One compiled loop over sweeps: every block in turn, chains side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.world import World
from ..backend.checks import limits
from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Plan, Resident, Walk
from .noise import seed_of

MOST_COUNTED = 2**30


class Chain(NamedTuple):
    """Where one chain stands. `inner` is what each block remembers."""

    key: Key
    state: State
    inner: tuple[Any, ...]


class Report(NamedTuple):
    """What a sweep tells: mean acceptance, gradients of the energy, divergent transitions.

    `hamiltonian`: the sum over Hamiltonian blocks of what their paths kept, of the last sweep.
    """

    acceptance: Any  # scalar in [0, 1]
    gradients: Any  # scalar, int
    diverged: Any  # scalar, int
    hamiltonian: Any  # scalar, nats


def nothing() -> Report:
    """The report of no sweep at all."""
    count = jnp.zeros((), jnp.int32)
    return Report(jnp.zeros(()), count, count, jnp.zeros(()))


def no_changes(plan: Plan) -> dict[str, Any]:
    """Which entries of each variable have changed at a draw [dims]: none yet."""
    return {n: jnp.zeros(s.shape, bool) for n, s in plan.sites.items()}


def with_changes(changes: Mapping[str, Any], first: State, state: State) -> dict[str, Any]:
    """The same after one draw more, which is compared with the state before the first draw."""
    after = {}
    for name, before in changes.items():
        differs = state[name] != first[name]
        after[name] = before | (differs.any(axis=-1) if differs.ndim > before.ndim else differs)
    return after


def free_changes(plan: Plan, world: World, changes: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Whether each free site that has more than one value changed in each chain [chain, site]."""
    found = {}
    for name, sites in plan.sites.items():
        low, high = limits(sites.domain, world)
        if low < high and sites.event != (1,):
            known = np.asarray(changes[name])
            found[name] = known.reshape(len(known), -1)[:, sites.free]
    return found


def prepared(plan: Plan, situation: Situation) -> Situation:
    """The situation with the tables of every block: made once, outside the loop over sweeps."""
    return situation._replace(tables=tuple(block.tables(situation) for block in plan.blocks))


def begin(plan: Plan, key: Key, situation: Situation, state: State, warmup: int) -> Chain:
    """A chain at a state, its blocks set up for a warm-up of so many sweeps."""
    key, *keys = jax.random.split(key, len(plan.blocks) + 1)
    inner = tuple(
        block.start(k, situation, state, warmup) for block, k in zip(plan.blocks, keys, strict=True)
    )
    return Chain(key, state, inner)


def sweep(plan: Plan, situation: Situation, chain: Chain) -> tuple[Chain, Report]:
    """Every block moved once. Tables are made here if the situation has none."""
    if situation.tables is None:
        situation = prepared(plan, situation)
    key, *keys = jax.random.split(chain.key, len(plan.blocks) + 1)
    state, inner, accepted = chain.state, [], []
    gradients: Any = jnp.zeros((), jnp.int32)
    diverged: Any = jnp.zeros((), jnp.int32)
    hamiltonian: Any = jnp.zeros(())
    for block, k, own, table in zip(plan.blocks, keys, chain.inner, situation.tables, strict=True):
        moved = block.move(k, situation._replace(tables=table), state, own)
        state = moved.state
        inner.append(moved.inner)
        accepted.append(moved.acceptance)
        gradients = gradients + moved.gradients
        diverged = diverged + moved.diverged
        hamiltonian = hamiltonian + moved.hamiltonian
    acceptance = jnp.mean(jnp.stack([jnp.asarray(a, jnp.result_type(float)) for a in accepted]))
    return Chain(key, state, tuple(inner)), Report(acceptance, gradients, diverged, hamiltonian)


def sweeps(plan: Plan, situation: Situation, chain: Chain, number: Any) -> tuple[Chain, Report]:
    """So many sweeps of one chain; the report adds gradients and divergences, and means acceptance."""
    if situation.tables is None:
        situation = prepared(plan, situation)
    if len(plan.blocks) == 1 and isinstance(plan.blocks[0], Resident):
        return _walk(plan.blocks[0], situation, chain, number)
    zero = nothing()

    def one(_: Any, carry: tuple[Chain, Report]) -> tuple[Chain, Report]:
        chain, total = carry
        chain, report = sweep(plan, situation, chain)
        summed = Report(*(a + b for a, b in zip(total, report, strict=True)))
        return chain, summed._replace(hamiltonian=report.hamiltonian)

    chain, total = jax.lax.fori_loop(0, number, one, (chain, zero))
    return chain, total._replace(acceptance=total.acceptance / jnp.maximum(number, 1))


def _walk(block: Resident, situation: Situation, chain: Chain, number: Any) -> tuple[Chain, Report]:
    """Many sweeps of the only block there is: the key stays, and the count of sweeps goes on.

    A key numbers its sweeps with 31 bits; long before they are spent there is a new one.
    """
    (done,) = chain.inner
    (table,) = situation.tables
    spent = done >= MOST_COUNTED
    key = jnp.where(spent, jax.random.fold_in(chain.key, done), chain.key)
    done = jnp.where(spent, jnp.zeros_like(done), done)
    walk = Walk(seed_of(key), done, number)
    moved = block.walk(walk, situation._replace(tables=table), chain.state, done)
    after = Chain(key, moved.state, (moved.inner,))
    counts = jnp.asarray(moved.gradients, jnp.int32), jnp.asarray(moved.diverged, jnp.int32)
    return after, Report(moved.acceptance, *counts, jnp.zeros(()))
