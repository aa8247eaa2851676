"""Which allowed states single moves lead to: the graph of states of a small model with walls.

Gibbs and informed moves change one site at a time, or sites that do not interact. Where walls cut the
allowed states into groups that no such move joins, every chain stays in the group where it began.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..backend.conditionals import Situation, states_of
from ..backend.energy import State, Target
from ..backend.sites import sites_of
from ..semantics.traverse import unknowns
from .block import Plan

MOST_STATES = 1 << 14


class Groups(NamedTuple):
    """How many states are allowed, and how many groups of them single moves do not lead out of."""

    allowed: int
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The states of what walls stand between: `values` [state, site], `counts` of values a site.

    `walls`: compiled, the walls [state] that they run into beside a state that tells what is held.
    """

    values: np.ndarray
    counts: tuple[int, ...]
    walls: Any

    def groups(self, situation: Situation, state: State) -> Groups:
        """The groups of allowed states, with the other unknowns as in `state` [dims]."""
        allowed = np.asarray(self.walls(situation, state, self.values)) == 0
        if not allowed.any():
            return Groups(0, 0)
        return Groups(int(allowed.sum()), _joined(allowed.reshape(self.counts)))


def reach_of(target: Target, masks: Mapping[str, np.ndarray]) -> Reach | None:
    """The graph of states with these entries held; None without walls, for too many states or real ones."""
    walls = [e.walls for e in target.program.energies if e.walls is not None]
    names = sorted({s.name for w in walls for s in unknowns(w)})
    symbols = [target.program.unknowns[n] for n in names]
    if not walls or any(not s.domain.discrete for s in symbols):
        return None
    sites = {s.name: sites_of(s, target.world, masks.get(s.name)) for s in symbols}
    options = [states_of(s, target) for s in symbols for _ in range(sites[s.name].number)]
    counts = tuple(len(o) for o in options)
    if math.prod(map(float, counts)) > MOST_STATES:
        return None
    digits = np.indices(counts, dtype=np.int32).reshape(len(counts), math.prod(counts))
    values = np.zeros((math.prod(counts), len(counts)))
    for site, (option, digit) in enumerate(zip(options, digits, strict=True)):
        values[:, site] = option[digit]

    def one(situation: Situation, state: State, row: Any) -> Any:
        there, start = dict(state), 0
        for name, own in sites.items():
            part = row[start : start + own.number].astype(state[name].dtype)
            there[name] = own.put(state[name], part)
            start += own.number
        return target.walls(situation.params, there, situation.given)

    return Reach(values, counts, jax.jit(jax.vmap(one, in_axes=(None, None, 0))))


def _joined(allowed: np.ndarray) -> int:
    """The number of groups of allowed states [value of each site] that differ in one site."""
    number = np.arange(allowed.size).reshape(allowed.shape)
    pairs = []
    for axis, count in enumerate(allowed.shape):
        for step in range(1, count):
            low = np.take(number, range(count - step), axis).reshape(-1)
            high = np.take(number, range(step, count), axis).reshape(-1)
            both = allowed.reshape(-1)[low] & allowed.reshape(-1)[high]
            pairs.append(np.stack([low[both], high[both]]))
    ends = np.concatenate([np.zeros((2, 0), int), *pairs], axis=1)
    graph = coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(allowed.size,) * 2)
    labels = connected_components(graph, directed=False)[1]
    return len(np.unique(labels[allowed.reshape(-1)]))


def cut_off(found: Groups) -> tuple[str, ...]:
    """What is said of states that single moves do not reach; nothing where all are reached."""
    if found.groups <= 1:
        return ()
    text = (
        f"walls of infinite energy cut the {found.allowed} allowed states into {found.groups} groups, "
        "and Gibbs, which changes one site at a time, leaves none: each chain stays in the group "
        'where it began; sampler="tempering" crosses walls in its hot replicas'
    )
    return (text,)


def held_apart(
    plan: Plan, changed: Mapping[str, np.ndarray], states: Mapping[str, Any]
) -> tuple[str, ...]:
    """What is said of sites that changed in no chain, and stand at other values in each.

    `changed` [chain, site], `states` [chain, dims]. A site that has one allowed value alone is the
    same in all chains.
    """
    number = 0
    for name, moved in changed.items():
        sites = plan.sites[name]
        values = np.asarray(states[name])
        values = values.reshape(len(values), -1, *sites.event)[:, sites.free]
        apart = (values != values[:1]).reshape(*values.shape[:2], -1).any(axis=(0, 2))
        number += int((apart & ~moved.any(axis=0)).sum())
    if not number:
        return ()
    text = (
        f"{number} sites changed in no chain, and differ between chains: walls of infinite energy "
        'hold them where they began; sampler="tempering" crosses walls in its hot replicas'
    )
    return (text,)
