"""The compiled walk from a base to a model: weights of chains that are carried along, hot to cold.

log w adds log f(x; next) - log f(x; here) at each step, where f sums the unknowns that have a closed
form; then a sweep that leaves f at the next point unchanged moves x. Source: Neal (2001), "Annealed
importance sampling", section 2; with summed units Salakhutdinov & Murray (2008), section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.choice import Choice
from ..backend.conditionals import Situation
from ..backend.energy import State, Target
from ..backend.sites import Sites, sites_of
from ..samplers.block import Block, Plan
from ..samplers.closed import Closed, closed_over
from ..samplers.pace import Pace, walked
from ..samplers.plan import exact_of, make_plan
from ..samplers.settings import Gibbs, Sampler
from ..samplers.sweep import Chain, begin, sweeps
from .annealed import at
from .summation import candidates_of, groups_apart

PIECE = 64  # steps of one compiled scan
HALVINGS = 30
ADAPTING = 1 << 20


class Point(NamedTuple):
    """Where on the way: the weight of the model's own energy, and that of the base."""

    own: Any  # scalar, or [step]
    base: Any


class Walk(NamedTuple):
    """Chains under way. `log_weights` [chain] and what rounding has taken from them so far.

    `moved` [chain]: whether a sweep between two weights has changed any entry of the state.
    """

    chains: Chain  # [chain, …]
    log_weights: Any
    lost: Any
    moved: Any

    @property
    def stuck(self) -> np.ndarray:
        """Which chains [chain] never moved, if they stand in different states; a law may have but one."""
        still = ~np.asarray(self.moved)
        states = [np.asarray(x)[still] for x in jax.tree.leaves(self.chains.state)]
        return still if any((x != x[:1]).any() for x in states) else np.zeros_like(still)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """The way of one model: how chains move, and what is summed out of their weights."""

    target: Target
    plan: Plan
    closed: Closed
    sites: Mapping[str, Sites]
    made: dict[str, Any]

    def log_weight(self, situation: Situation, point: Point, state: State) -> Any:
        """log f of a state at a point, in nats."""
        return self.closed.log_sum(at(situation, *point), state)

    def start(self, key: Any, situation: Situation, states: State) -> Walk:
        """Chains at states of the base, with no weight yet."""
        number = len(next(iter(states.values())))
        chains = self._compiled("start")(jax.random.split(key, number), situation, states)
        zero = jnp.zeros(number)
        return Walk(chains, zero, zero, jnp.zeros(number, bool))

    def advance(
        self, situation: Situation, walk: Walk, points: np.ndarray, inner: Any, number: int
    ) -> Walk:
        """Along points [step, 2] from the first, where the chains stand, to the last.

        `inner` [step, …]: the numbers that blocks remember at every point after the first, None if
        they remember none.
        """
        steps, pace = len(points) - 1, Pace()
        padding = -steps % PIECE
        points = np.concatenate([points, np.repeat(points[-1:], padding, axis=0)])
        if inner is not None:
            inner = jax.tree.map(
                lambda x: np.concatenate([x, np.repeat(x[-1:], padding, axis=0)]), inner
            )
        for first in range(0, steps + padding, PIECE):
            piece = slice(first, first + PIECE)
            here = Point(*jnp.asarray(points[piece].T, jnp.result_type(float)))
            nxt = Point(*jnp.asarray(points[1:][piece].T, jnp.result_type(float)))
            kept = None if inner is None else jax.tree.map(lambda x, p=piece: x[p], inner)
            part = partial(self._part, situation, (here, nxt, kept), number)
            done, end = 0, min(PIECE, steps - first)
            while done < end:
                now, walk = pace.run(partial(part, walk, done), end - done)
                done += now
        return walk

    def _part(
        self, situation: Situation, steps: Any, sweeps: int, walk: Walk, done: int, number: int
    ) -> Walk:
        """So many steps of a piece, after those that are done."""
        place = np.arange(PIECE)
        real = jnp.asarray((place >= done) & (place < done + number))
        return self._compiled("advance")(situation, walk, (*steps, real), sweeps)

    def settle(self, situation: Situation, walk: Walk, point: Point, inner: Any, n: int) -> Walk:
        """Sweeps at one point; weights stay, and `moved` says whether these changed anything."""
        move = self._compiled("settle")
        settled = walked(lambda w, now: move(situation, w, point, inner, now), walk, n)
        return settled._replace(moved=_differ(walk, settled))

    def grow(
        self, situation: Situation, walk: Walk, here: Any, ends: Any, wanted: float, number: int
    ) -> tuple[Any, Walk]:
        """The next place in [0, 1] between two points of the way, at which log weights vary by
        `wanted`; the chains moved there."""
        return self._compiled("grow")(situation, walk, here, ends, wanted, number)

    def _compiled(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = {
                "start": lambda: jax.jit(
                    jax.vmap(partial(begin, self.plan, warmup=ADAPTING), in_axes=(0, None, 0))
                ),
                "advance": lambda: jax.jit(self._advance),
                "settle": lambda: jax.jit(self._move),
                "grow": lambda: jax.jit(self._grow),
            }[name]()
        return self.made[name]

    def _weights(self, situation: Situation, point: Point, chains: Chain) -> Any:
        return jax.vmap(lambda s: self.log_weight(situation, point, s))(chains.state)

    def _move(
        self, situation: Situation, walk: Walk, point: Point, inner: Any, number: Any
    ) -> Walk:
        there = at(situation, *point)

        def one(chain: Chain) -> Chain:
            kept = chain if inner is None else chain._replace(inner=_recalled(chain.inner, inner))
            return sweeps(self.plan, there, kept, number)[0]

        return walk._replace(chains=jax.vmap(one)(walk.chains))

    def _advance(self, situation: Situation, walk: Walk, steps: Any, number: Any) -> Walk:
        def step(walk: Walk, step: Any) -> tuple[Walk, None]:
            here, nxt, inner, real = step
            after = self._weights(situation, nxt, walk.chains)
            gain = after - self._weights(situation, here, walk.chains)
            # What is forbidden weighs nothing, and never again something; a NaN energy stays NaN.
            none = jnp.isneginf(after) | jnp.isneginf(walk.log_weights)
            gain = jnp.where(none, -jnp.inf, gain)
            weighed = walk._replace(**_added(walk, jnp.where(real, gain, 0.0)))
            moved = jax.lax.cond(
                real, lambda w: self._move(situation, w, nxt, inner, number), lambda w: w, weighed
            )
            return moved._replace(moved=walk.moved | _differ(walk, moved)), None

        return jax.lax.scan(step, walk, steps)[0]

    def _grow(
        self, situation: Situation, walk: Walk, here: Any, ends: Any, wanted: Any, number: Any
    ) -> tuple[Any, Walk]:
        first, last = ends

        def point(place: Any) -> Point:
            return jax.tree.map(lambda a, b: a + place * (b - a), Point(*first), Point(*last))

        now = self._weights(situation, point(here), walk.chains)

        def varies(place: Any) -> Any:
            gain = self._weights(situation, point(place), walk.chains) - now
            return jnp.nan_to_num(jnp.var(gain), nan=jnp.inf, posinf=jnp.inf)

        def halve(_: int, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
            low, high = bounds
            middle = 0.5 * (low + high)
            fine = varies(middle) <= wanted
            return jnp.where(fine, middle, low), jnp.where(fine, high, middle)

        one = jnp.ones_like(here)
        low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (here, one))
        place = jnp.where(varies(one) <= wanted, one, low)
        place = jnp.minimum(jnp.maximum(place, here + 1e-6), 1.0)
        return place, self._move(situation, walk, point(place), None, number)


def remembered(inner: Any) -> list[Any]:
    """The numbers among what blocks remember: step sizes and masses, but no counts and no keys."""
    return [x for x in jax.tree.leaves(inner) if jnp.issubdtype(x.dtype, jnp.floating)]


def _recalled(inner: Any, numbers: Any) -> Any:
    """What a block remembers, with its numbers replaced."""
    leaves, tree = jax.tree.flatten(inner)
    known = iter(numbers)
    return jax.tree.unflatten(
        tree,
        [
            next(known).astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
            for x in leaves
        ],
    )


def _differ(before: Walk, after: Walk) -> Any:
    """Whether any entry of the state of each chain has changed [chain]."""
    own = jax.tree.map(jnp.not_equal, before.chains.state, after.chains.state)
    every = [jnp.any(x.reshape(len(x), -1), axis=1) for x in jax.tree.leaves(own)]
    return jnp.any(jnp.stack(every), axis=0)


def _added(walk: Walk, gain: Any) -> dict[str, Any]:
    """Weights with a gain, and the rounding that it lost (Kahan 1965)."""
    corrected = gain - walk.lost
    total = walk.log_weights + corrected
    lost = (total - walk.log_weights) - corrected
    total = jnp.where(jnp.isneginf(gain), gain, total)
    return {"log_weights": total, "lost": jnp.where(jnp.isfinite(total), lost, 0.0)}


def way_of(target: Target, held: Mapping[str, np.ndarray], sampler: Sampler) -> Way:
    """The way of a target with a base: its plan, what is summed out drawn first in every sweep."""
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in target.program.unknowns.items()}
    free = [n for n in sites if sites[n].number]
    chosen = _summed(target, free, held, sites)
    first: list[Block] = [exact_of(choice, target, Gibbs(), sites) for choice in chosen]
    closed = closed_over(target, first)
    plan = make_plan(target, sampler, held, fallback="mala", carried=False)
    follows = {n for choice in plan.choices for n in choice.closed}
    drawn = {n for block in first for n in block.variables}
    later = [b for b in plan.blocks if set(b.variables) & follows or not set(b.variables) <= drawn]
    whole = Plan((*first, *later), plan.choices, plan.sites)
    return Way(target, whole, closed, {n: sites[n] for n in free}, {})


def _summed(
    target: Target, free: list[str], held: Mapping[str, np.ndarray], sites: Mapping[str, Sites]
) -> tuple[Choice, ...]:
    """Groups that do not meet, with the most sites, that leave something to walk."""
    best: tuple[int, tuple[Choice, ...]] = (0, ())
    for chosen, closed in groups_apart(target.structure, candidates_of(target, free, held)):
        number = sum(sites[n].number for n in closed)
        if number > best[0] and not closed >= set(free):
            best = number, chosen
    return best[1]
