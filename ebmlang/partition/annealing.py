"""Annealed importance sampling: log Z by weights of chains that walk from independent sites to the model.

A pilot walk fits the base to the model's own moments and finds where to step, so that log weights
vary equally in every step; then a walk of many more steps is weighed, and one that goes back from
the model to the base. Forward weights have the mean Z / Z0, backward ones Z0 / Z, so that their
logs are bounds in expectation, from below and from above.

Sources: Neal (2001), "Annealed importance sampling"; Burda, Grosse & Salakhutdinov (2015), "Accurate
and conservative estimates of MRF log-likelihood using reverse annealing", section 3; Grosse,
Ghahramani & Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, with_walls
from ..backend.energy import State
from ..samplers.beginning import not_finite, starter
from ..samplers.run import Clamped
from ..samplers.settings import Sampler
from ..samplers.starting import Init, started
from ..samplers.verify import verify
from .annealed import Base, annealed, at, base_of
from .moments import moments_of, states_from
from .way import Point, Walk, Way, remembered, way_of
from .weights import Estimate, estimate

if TYPE_CHECKING:
    from ..model import Model

PILOTS = 64  # chains that find the schedule
SETTLING = 200  # sweeps of the pilot at the model itself
ANNEALED_WALL = 64.0  # nats of a wall at the model itself: on the way it is lower, and is crossed
VARIANCE = 0.05  # of log weights in a step of the pilot
MOST_PILOT_STEPS = 4000
LEAST_STEPS, MOST_STEPS = 200, 1 << 14
FASTEST = 8  # times as many steps as in the round before, at most


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Points of a way [step, 2] at equal variance of log weights, and what blocks remember there."""

    points: np.ndarray
    inner: Any  # numbers [step, …], None where blocks remember none

    def refined(self, steps: int) -> Schedule:
        """The same way in more, or fewer, steps; what blocks remember is taken from the nearest."""
        place = np.linspace(0, len(self.points) - 1, steps + 1)
        known = np.arange(len(self.points))
        points = np.stack([np.interp(place, known, column) for column in self.points.T], axis=1)
        if self.inner is None:
            return Schedule(points, None)
        near = np.clip(np.round(place[1:]).astype(int), 1, len(self.points) - 1) - 1
        return Schedule(points, jax.tree.map(lambda x: x[near], self.inner))


@dataclass(frozen=True, slots=True, eq=False)
class Annealing:
    """A model with its way and its base, ready to be walked.

    `constant`: what of the energy depends on no unknown, in nats; the way is without it.
    """

    way: Way
    situation: Situation
    base: Base
    held: Clamped
    constant: float

    def log_base(self, beta: float) -> float:
        """log Z of the base, and what the energy's constant adds to that of the model at a beta."""
        return self.base.log_z - beta * self.constant

    def begin(self, key: Any, number: int, values: Mapping[str, Any] | None = None) -> Walk:
        """Chains at states of the base; `values` as in `prepare`."""
        draw, start = jax.random.split(key)
        here = at(self.situation, jnp.zeros(()), jnp.ones(()))
        states = states_from(self.way, self.base, self.held, draw, number)
        if values is not None:
            states = _with_held(states, values, self.held)
        return self.way.start(start, here, states)


def prepare(
    model: Model,
    situation: Situation,
    held: Clamped,
    sampler: Sampler,
    key: Any,
    values: Mapping[str, Any] | None = None,
    init: Init = None,
    *,
    params: Mapping[str, Any],
) -> Annealing:
    """The way of a model, and a base with the moments of a short run of the model itself.

    `params`: as the caller gave them, for a constant that float32 would round.
    `values`: held values for every pilot chain [chain, dims], if they are not the same for all.
    `init`: where that run begins.
    """
    data = {n: np.asarray(v) for n, v in model.bindings.givens.items()}
    way = model.made(
        ("way", sampler, held.signature),
        lambda: way_of(annealed(model.target.relative, data), held.masks, sampler),
    )
    situation = with_walls(model.target, situation, ANNEALED_WALL)
    empty = base_of(way.target, {}, {}).arrays
    whole = situation._replace(given={**situation.given, **empty})
    there = at(whole, situation.beta, jnp.zeros(()))._replace(beta=jnp.ones(()))
    if model.checks:
        model.made(("verified way", sampler, held.signature), lambda: _verified(way, there))
    first, walk = jax.random.split(key)
    start = model.made(("way start", held.signature), lambda: starter(way.target, held.masks))
    states = started(model, there, first, PILOTS, held, init, start)
    if values is not None:
        states = _with_held(states, values, held)
    pilot = way.start(walk, there, states)
    pilot = way.settle(there, pilot, Point(situation.beta, jnp.zeros(())), None, SETTLING)
    _refuse_strange(way, there, pilot)
    base = base_of(way.target, dict(way.sites), moments_of(way, there, pilot))
    given = {**situation.given, **base.arrays}
    constant = model.target.constant(params, situation.given)
    there = situation._replace(given=given, beta=jnp.ones(()))
    return Annealing(way, there, base, held, constant)


def _verified(way: Way, situation: Situation) -> bool:
    verify(way.target, way.plan, situation)
    return True


def _with_held(states: State, values: Mapping[str, Any], held: Clamped) -> State:
    return {
        n: jnp.where(held.masks[n], values[n], v).astype(v.dtype) if n in values else v
        for n, v in states.items()
    }


def _refuse_strange(way: Way, situation: Situation, walk: Walk) -> None:
    energies = jax.vmap(lambda s: way.target.whole(situation.params, s, situation.given))(
        walk.chains.state
    )
    strange = ~np.isfinite(np.asarray(energies))
    if strange.any():
        one = jax.tree.map(lambda x: x[int(np.argmax(strange))], walk.chains.state)
        raise not_finite(way.target, situation, one, "a chain left the finite energies")


def schedule_of(
    annealing: Annealing, walk: Walk, first: Point, last: Point, sweeps: int
) -> tuple[Schedule, Walk]:
    """Where to step from one point to another, found by chains that walk there."""
    points, kept = [tuple(map(float, first))], []
    place = jnp.zeros(())
    while float(place) < 1.0:
        place, walk = annealing.way.grow(
            annealing.situation, walk, place, (first, last), VARIANCE, sweeps
        )
        if len(points) > MOST_PILOT_STEPS:
            place = jnp.ones(())
        points.append(tuple(a + float(place) * (b - a) for a, b in zip(first, last, strict=True)))
        kept.append(_mean_memory(walk.chains.inner))
    inner = jax.tree.map(lambda *xs: np.stack(xs), *kept) if kept[0] else None
    return Schedule(np.array(points), inner), walk


def _mean_memory(inner: Any) -> tuple[np.ndarray, ...]:
    """The numbers that blocks remember, step sizes and masses, each the mean over chains."""
    return tuple(np.asarray(x).mean(axis=0) for x in remembered(inner))


@dataclass(frozen=True, slots=True, eq=False)
class Annealed:
    """What a walk there and one back tell of log Z, in nats. `steps`: of the last of the rounds.

    `walk`: chains at the end of the way there; `starts`: those that go back,
    before they do.
    """

    forward: Estimate
    backward: Estimate
    steps: int
    chains: int
    target_error: float
    walk: Walk
    starts: Walk
    offset: float = 0.0  # what of log Z the energy's constant makes

    @property
    def reached(self) -> bool:
        """Whether the standard error is below the target."""
        return self.forward.std_error <= self.target_error

    @property
    def closed(self) -> bool:
        """Whether the walk back agrees with the walk there within four of their errors."""
        gap = self.backward.log_mean - self.forward.log_mean
        error = np.hypot(self.forward.std_error, self.backward.std_error)
        return bool(abs(gap) <= 4 * error + 1e-6 * abs(self.forward.log_mean - self.offset) + 1e-4)


def anneal(
    annealing: Annealing,
    schedule: Schedule,
    chains: int,
    target_error: float,
    sweeps: int,
    key: Any,
) -> Annealed:
    """Walks of more and more steps until the standard error is below the target, then one back."""
    steps = max(len(schedule.points) - 1, LEAST_STEPS)
    while True:
        key, forth, back = jax.random.split(key, 3)
        plan = schedule.refined(steps)
        walk = annealing.begin(forth, chains)
        walk = annealing.way.advance(annealing.situation, walk, plan.points, plan.inner, sweeps)
        weights = np.asarray(walk.log_weights, np.float64)
        forward = estimate(weights, annealing.log_base(float(schedule.points[-1, 0])))
        if forward.std_error <= target_error or steps >= MOST_STEPS:
            break
        steps = more(steps, float(np.var(weights)), chains, target_error)
    backward, starts = walked_back(annealing, plan, walk, sweeps, back)
    offset = -float(schedule.points[-1, 0]) * annealing.constant
    return Annealed(forward, backward, steps, chains, target_error, walk, starts, offset)


def more(steps: int, variance: float, chains: int, target_error: float) -> int:
    """How many steps to take next: the variance of log weights falls as their number grows."""
    times = variance / (chains * target_error**2) if np.isfinite(variance) else FASTEST
    return min(int(steps * np.clip(1.2 * times, 2, FASTEST)), MOST_STEPS)


def walked_back(
    annealing: Annealing, plan: Schedule, walk: Walk, sweeps: int, key: Any
) -> tuple[Estimate, Walk]:
    """From states of the model, as the weights of a walk there leave them, back to the base.

    The estimate, NaN where no weight counts, and the chains before they go back.
    """
    pick, start = jax.random.split(key)
    weights = np.asarray(walk.log_weights, np.float64)
    if not np.isfinite(weights.max()):
        return Estimate(float("nan"), float("inf"), 0.0), walk
    shares = np.exp(weights - weights.max())
    rng = np.random.default_rng(np.asarray(jax.random.key_data(pick)))
    picks = rng.choice(len(weights), len(weights), p=shares / shares.sum())
    states = jax.tree.map(lambda x: x[jnp.asarray(picks)], walk.chains.state)
    last = Point(*jnp.asarray(plan.points[-1], jnp.result_type(float)))
    there = at(annealing.situation, *last)
    back = annealing.way.start(start, there, states)
    memory = None if plan.inner is None else jax.tree.map(lambda x: jnp.asarray(x[-1]), plan.inner)
    back = annealing.way.settle(
        annealing.situation, back, last, memory, max(SETTLING, (len(plan.points) * sweeps) // 4)
    )
    starts, inner = back, None
    if plan.inner is not None:
        # Where chains stand after a step back: at the point before it.
        inner = jax.tree.map(lambda x: np.concatenate([x[-2::-1], x[:1]]), plan.inner)
    back = annealing.way.advance(annealing.situation, back, plan.points[::-1], inner, sweeps)
    found = estimate(np.asarray(back.log_weights, np.float64), 0.0)
    return found._replace(log_mean=annealing.log_base(float(last.own)) - found.log_mean), starts
