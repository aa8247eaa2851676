"""Where training begins: parameters as free numbers, an optimiser's state, chains at random states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..partition.examples import Examples
from ..partition.sources import whole
from ..samplers.beginning import not_finite, starter
from ..samplers.clamping import Clamped
from ..samplers.plan import Plan
from ..samplers.starting import Init, repaired, started
from ..samplers.sweep import Chain, begin
from ..samplers.verify import verify
from .adaptive import first_gauge
from .checkpoint import digest, flat
from .missing import held_given
from .phases import Phases, for_each
from .step import Learner, Settings

if TYPE_CHECKING:
    from ..model import Model

ALWAYS = 1 << 30  # sweeps of warm-up: steps go on adapting as the parameters change
LEANING = ("gaussian", "joint")  # ways that exist at some parameters and not at others


def first_learner(
    phases: Phases,
    settings: Settings,
    examples: Examples,
    params: Mapping[str, Any],
    chains: int,
    seed: int,
    init: Init = None,
) -> Learner:
    """All that changes in training, before the first step. Raises EbmError E703 as samplers do.

    `init`: where the chains of the model phase begin.
    """
    model = phases.model
    real = jnp.result_type(float)
    free = model.parameter_space.unconstrain(
        jax.tree.map(lambda x: jnp.asarray(x, real), dict(params))
    )
    first, second = jax.random.split(jax.random.key(seed))
    number = examples.number if settings.own_given else chains
    situation = Situation(
        model.parameter_space.constrain(free), dict(settings.shared), jnp.ones(())
    )
    if model.checks:
        _verified(phases, _at_first_example(model, examples, situation))
    walkers = (
        _begun(phases, settings, examples, phases.free, first, situation, number, init)
        if settings.replay is None
        else settings.replay.begun(first, situation, init)
    )
    latents: Any = ()
    if phases.latents is not None:
        latents = _begun(
            phases, settings, examples, phases.latents, second, situation, examples.number, None
        )
    zero = jnp.zeros((), jnp.int32)
    offsets = () if settings.centring is None else settings.centring.none(free)
    optimiser = settings.optimiser.init(free)
    gauge: Any = ()
    if settings.adaptive is not None:
        gauge = first_gauge(settings.sweeps, free, number)
    return Learner(free, optimiser, walkers, latents, zero, zero - 1, offsets, gauge)


def _verified(phases: Phases, situation: Situation) -> None:
    """Check derived conditionals once for a plan; where a Gaussian may fail, at each parameters."""
    leans = any(c.way in LEANING for c in phases.free.choices)
    where = digest(flat((situation.params, situation.given), "")) if leans else ""

    def check() -> bool:
        verify(phases.model.target, phases.free, situation)
        return True

    phases.model.made(("verified", phases.free, where), check)


def own_given(model: Model, examples: Examples) -> State:
    """Given data of each example [example, dims]."""
    givens = model.program.givens
    return {n: jnp.asarray(whole(v), stored_type(givens[n])) for n, v in examples.own.items()}


def _at_first_example(model: Model, examples: Examples, situation: Situation) -> Situation:
    own = {n: v[0] for n, v in own_given(model, examples).items()}
    return situation._replace(given={**situation.given, **own})


def _begun(
    phases: Phases,
    settings: Settings,
    examples: Examples,
    plan: Plan,
    key: Any,
    situation: Situation,
    number: int,
    init: Init,
) -> Chain:
    """Persistent chains at allowed states, adapting as long as training lasts."""
    key, sub = jax.random.split(key)
    model = phases.model
    own = own_given(model, examples) if settings.own_given else {}
    probe = _at_first_example(model, examples, situation) if own else situation
    states = _states(model, examples, probe, sub, number, init)
    if number == examples.number and plan is phases.latents:
        rows = {n: jnp.asarray(whole(v)) for n, v in examples.data.items()}
        states, own = phases.data_state(rows, states), held_given(phases, rows, own)
        if model.target.walled and not settings.own_given:
            states = _allowed(phases, situation, sub, rows, states)
    axes = Situation(None, 0 if own else None, None)
    each = for_each(situation, own, number) if own else situation
    return jax.vmap(lambda k, s, state: begin(plan, k, s, state, ALWAYS), in_axes=(0, axes, 0))(
        jax.random.split(key, number), each, states
    )


def _states(
    model: Model, examples: Examples, situation: Situation, key: Any, number: int, init: Init
) -> State:
    """Allowed states [chain, dims]: as `init` says, at random, or where walls stand at examples."""
    complete = set(examples.data) == set(model.program.unknowns) and not examples.missing
    if init is None and model.target.walled and complete and examples.stream is None:
        picks = np.sort(np.asarray(jax.random.randint(key, (number,), 0, examples.number)))
        kinds = {n: stored_type(s) for n, s in model.program.unknowns.items()}
        found = {n: whole(v)[picks] for n, v in examples.data.items()}
        return {n: jnp.asarray(v, kinds[n]) for n, v in found.items()}
    start = model.made("start of training", lambda: starter(model.target, {}))
    return started(model, situation, key, number, Clamped({}, {}), init, start)


def _allowed(phases: Phases, situation: Situation, key: Any, rows: State, states: State) -> State:
    """The states of examples, their latents moved to where no wall stands.

    Raises EbmError E703 for an example that no latents allow.
    """
    target = phases.model.target
    masks = {n: np.ones(target.world.shape(target.program.unknowns[n]), bool) for n in rows}
    start = phases.model.made("latents of examples", lambda: starter(target, masks))
    energies = jax.vmap(lambda s: target.whole(situation.params, s, situation.given))
    fine = jnp.isfinite(energies(states))
    if not bool(fine.all()):
        states, _ = repaired(start, situation, key, states, frozenset(), fine, share=False)
        fine = jnp.isfinite(energies(states))
    if not bool(fine.all()):
        bad = int(jnp.argmin(fine))
        one = jax.tree.map(lambda x: x[bad], states)
        raise not_finite(target, situation, one, f"no latents were found that allow example {bad}")
    return states
