"""One step of training, compiled: sweeps, slopes of both phases, an optimiser's update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..samplers.pace import scan_part
from ..samplers.plan import Plan
from ..samplers.replay import Replay, ReplayBuffer
from ..samplers.sweep import Chain
from . import adaptive
from .adaptive import Adaptive
from .centring import SLIDING, Centring
from .contrastive import at_the_data
from .devices import Spread
from .missing import run_held
from .phases import Phases, for_each, run_chains
from .prior import log_prior


class Learner(NamedTuple):
    """All that changes in training. `bad` is the first step that was not finite, -1 if none was."""

    free: Any  # parameters as free numbers
    optimiser: Any  # optax state
    chains: Chain | ReplayBuffer  # [chain, …] or [slot, …], the model phase
    latents: Any  # Chain [example, …] or (), the data phase
    step: Any  # scalar, int
    bad: Any  # scalar, int
    offsets: Any = ()  # {variable: means [site]} of the centred gradient, () without it
    gauge: Any = ()  # Gauge of sweeps that are chosen, () where their number is said


class Told(NamedTuple):
    """What a step tells: mean free energies in nats, and the norm of the gradient.

    The norm is finite only where every slope is.
    """

    data_energy: Any
    model_energy: Any
    gradient_norm: Any
    sweeps: Any  # how many the chains made


class Batch(NamedTuple):
    """Rows of the data: values [row, …], given data of their own [row, …], and row numbers."""

    data: State
    own: State
    rows: Any


class Sampled(NamedTuple):
    """What a step samples: chains as they are kept, the states it uses, latents, the data's own."""

    chains: Chain | ReplayBuffer
    states: State
    latents: Any
    data: State


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """What a step needs beside the phases. `examples` scales the prior to one example.

    `replay`: short runs from a buffer instead of persistent chains; `seed` draws its slots.
    `centring`: how gradients are centred, None if they are not. `contrastive`: whether chains start
    at the data of each step, latents drawn by `hidden` where they sum in closed form.
    `adaptive`: the rule that chooses the sweeps of each step, which `sweeps` begins. `spread`:
    devices that share chains and rows.
    """

    optimiser: optax.GradientTransformation
    sweeps: int
    examples: int
    own_given: bool
    shared: State
    replay: Replay | None = None
    seed: int = 0
    centring: Centring | None = None
    contrastive: bool = False
    hidden: Plan | None = None
    adaptive: Adaptive | None = None
    spread: Spread | None = None


def make_epoch(phases: Phases, settings: Settings) -> Callable[..., tuple[Learner, Told]]:
    """A compiled pass over some of the batches [batch, row, …], from `first` to before `end`.

    After a step that is not finite nothing moves. The seed, by which a buffer draws its slots, is
    an argument as well.
    """

    def epoch(
        learner: Learner, batches: Batch, first: Any, end: Any, seed: Any
    ) -> tuple[Learner, Told]:
        seeded = replace(settings, seed=seed)

        def step(learner: Learner, batch: Batch) -> tuple[Learner, Told]:
            moved, told = _step(phases, seeded, learner, batch)
            return moved if seeded.spread is None else seeded.spread.held(moved), told

        return scan_part(step, learner, batches, first, end)

    return jax.jit(epoch)


def kept(keep: Any, moved: Any, before: Any) -> Any:
    """What moved, or what was before where that is not to be kept."""
    return jax.tree.map(
        lambda new, old: jax.lax.select(jnp.broadcast_to(keep, new.shape), new, old), moved, before
    )


def _step(
    phases: Phases, settings: Settings, learner: Learner, batch: Batch
) -> tuple[Learner, Told]:
    space = phases.model.parameter_space
    params = space.constrain(learner.free)
    situation = Situation(params, settings.shared, jnp.ones(()))
    own = for_each(situation, batch.own, len(batch.rows)) if settings.own_given else situation
    sampled = _sample(phases, settings, learner, batch, situation, own)

    axes = Situation(None, 0 if settings.own_given else None, None)
    energy = jax.vmap(phases.free_energy, in_axes=(axes, 0))

    def mean_of(where: Situation, states: State) -> Any:
        def mean(free: Any) -> Any:
            return jnp.mean(energy(where._replace(params=space.constrain(free)), states))

        return jax.value_and_grad(mean)(learner.free)

    lower, pulled = mean_of(own, sampled.data)
    gauge = learner.gauge
    if settings.adaptive is None:
        upper, pushed = mean_of(own if settings.own_given else situation, sampled.states)
    else:
        assert isinstance(sampled.chains, Chain)  # no rule goes with a buffer
        chains, (upper, pushed), gauge = adaptive.walked(
            phases, situation, learner.free, sampled.chains, gauge,
            lambda states: mean_of(situation, states),
        )  # fmt: skip
        sampled = sampled._replace(chains=chains)
    prior = jax.grad(
        lambda free: (
            log_prior(phases.model, space.constrain(free), settings.shared) / settings.examples
        )
    )
    slopes = jax.tree.map(lambda a, b, c: a - b - c, pulled, pushed, prior(learner.free))
    norm, made = optax.tree.norm(slopes), _number(settings, learner)
    told = Told(lower, upper, norm, jnp.asarray(made, jnp.int32))
    if settings.adaptive is not None:
        gauge = adaptive.chosen(settings.adaptive, gauge, norm, learner.step)
    walked = sampled.chains, sampled.latents, gauge
    return _moved(settings, learner, walked, slopes, pulled, told), told


def _moved(
    settings: Settings, learner: Learner, walked: Any, slopes: Any, pulled: Any, told: Told
) -> Learner:
    """The learner after a step with these slopes; where one or an energy is not finite it stays."""
    fine = jnp.all(jnp.isfinite(jnp.stack(told[:3])))
    keep = fine & (learner.bad < 0)
    before = learner.chains, learner.latents, learner.gauge
    chains, latents, gauge = kept(keep, walked, before)
    return _followed(settings, learner, slopes, pulled, keep)._replace(
        chains=chains, latents=latents, gauge=gauge,
        step=learner.step + keep.astype(jnp.int32),
        bad=jnp.where(fine | (learner.bad >= 0), learner.bad, learner.step),
    )  # fmt: skip


def _number(settings: Settings, learner: Learner) -> Any:
    """How many sweeps the step makes."""
    return settings.sweeps if settings.adaptive is None else learner.gauge.sweeps


def _followed(settings: Settings, learner: Learner, slopes: Any, pulled: Any, keep: Any) -> Learner:
    """Parameters after a step along the gradient, centred if it is to be; the optimiser; offsets.

    All stay where the step is not to be kept. That is chosen before fields are shifted, so that
    parameters are worked out once.
    """
    centring, offsets = settings.centring, learner.offsets
    if centring is not None:
        seen = centring.offsets(pulled)
        share = jnp.where(learner.step == 0, 1.0, SLIDING)
        slid = jax.tree.map(lambda m, x: m + share * (x - m), offsets, seen)
        offsets = kept(keep, slid, offsets)
        slopes = centring.turned(slopes, learner.free, offsets, settings.shared)
    updates, optimiser = settings.optimiser.update(slopes, learner.optimiser, learner.free)
    moved = optax.apply_updates(learner.free, updates), optimiser
    free, optimiser = kept(keep, moved, (learner.free, learner.optimiser))
    if centring is not None:
        shifted = centring.shifted(learner.free, free, offsets, settings.shared)
        free |= kept(keep, shifted, {n: learner.free[n] for n in shifted})
    return learner._replace(free=free, optimiser=optimiser, offsets=offsets)


def _sample(
    phases: Phases,
    settings: Settings,
    learner: Learner,
    batch: Batch,
    situation: Situation,
    own: Situation,
) -> Sampled:
    """Model chains moved on, latents moved on given the data, and the data's configurations."""
    latents, data = _shown(phases, settings, learner, batch, situation, own)
    chains, states = _walked(phases, settings, learner, batch, situation, own, data)
    return Sampled(chains, states, latents, data)


def _shown(
    phases: Phases,
    settings: Settings,
    learner: Learner,
    batch: Batch,
    situation: Situation,
    own: Situation,
) -> tuple[Any, State]:
    """Latents moved on given the data, and the data's configurations."""
    latents, number = learner.latents, _number(settings, learner)
    if phases.latents is None:
        hidden = jax.tree.map(lambda x: jnp.zeros((len(batch.rows), *x.shape[1:]), x.dtype),
                              learner.chains.state)  # fmt: skip
        return latents, phases.data_state(batch.data, hidden)
    picked = jax.tree.map(lambda x: x[batch.rows], latents)
    if phases.partly:
        picked = run_held(phases, situation, picked, number, batch.data, batch.own)
    else:
        picked = picked._replace(state=phases.data_state(batch.data, picked.state))
        axes = own if settings.own_given else situation
        picked = run_chains(phases.latents, axes, picked, number, settings.own_given)
    latents = jax.tree.map(lambda x, new: x.at[batch.rows].set(new), latents, picked)
    return latents, phases.data_state(batch.data, picked.state)


def _walked(
    phases: Phases,
    settings: Settings,
    learner: Learner,
    batch: Batch,
    situation: Situation,
    own: Situation,
    data: State,
) -> tuple[Chain | ReplayBuffer, State]:
    """Model chains back in their own slots, and the states of those that moved.

    Where given data are its own, each example has a slot; a buffer draws the slots. Contrastive
    chains start at the data.
    """
    before = learner.chains
    if isinstance(before, ReplayBuffer):
        assert settings.replay is not None
        key = jax.random.fold_in(jax.random.key(settings.seed), learner.step)
        buffer, rows = settings.replay.moved(key, before, situation)
        return buffer, {n: v[rows] for n, v in buffer.state.items()}
    if settings.adaptive is not None:
        return before, before.state  # they walk where their slopes are taken
    if not settings.own_given:
        if settings.contrastive:
            before = at_the_data(settings.hidden, situation, before, data, False)
        chains = run_chains(phases.free, situation, before, settings.sweeps, False)
        return chains, chains.state
    picked = jax.tree.map(lambda x: x[batch.rows], before)
    if settings.contrastive:
        picked = at_the_data(settings.hidden, own, picked, data, True)
    chains = run_chains(phases.free, own, picked, settings.sweeps, True)
    kept = jax.tree.map(lambda x, new: x.at[batch.rows].set(new), before, chains)
    return kept, chains.state
