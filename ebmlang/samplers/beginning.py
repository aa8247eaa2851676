"""Where chains begin: random values of each type, kept where the energy is finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, states_of
from ..backend.energy import State, Target, stored_type
from ..backend.sites import sites_of
from ..semantics.terms import Symbol
from ..syntax.diagnostics import complain

TRIES = 20


def random_state(target: Target, key: Any) -> State:
    """One configuration: discrete sites uniform, free numbers uniform in [-2, 2] as in Stan."""
    state = {}
    for name, symbol in target.program.unknowns.items():
        key, sub = jax.random.split(key)
        state[name] = _random_values(symbol, target, sub)
    return state


def _random_values(symbol: Symbol, target: Target, key: Any) -> Any:
    sites = sites_of(symbol, target.world)
    if symbol.domain.discrete:
        values = jnp.asarray(states_of(symbol, target), stored_type(symbol))
        drawn = values[jax.random.randint(key, (sites.number,), 0, len(values))]
        return sites.full(drawn)
    event = sites.event if not sites.event else (sites.event[0] - 1,)
    free = jax.random.uniform(key, (sites.number, *event), minval=-2.0, maxval=2.0)
    return sites.full(sites.constrain(free)).astype(stored_type(symbol))


Starter = Callable[[Situation, Any, State], tuple[State, Any]]


def starter(target: Target, masks: Mapping[str, np.ndarray]) -> Starter:
    """Compiled: for each key a state of finite energy with held entries at their values."""

    def candidate(situation: Situation, key: Any, values: State) -> tuple[State, Any]:
        state = random_state(target, key)
        for name, mask in masks.items():
            state[name] = jnp.where(mask, values[name], state[name]).astype(state[name].dtype)
        return state, target.energy(situation.params, state, situation.given)

    def first_finite(situation: Situation, key: Any, values: State) -> tuple[State, Any]:
        tries = jax.random.split(key, TRIES)
        states, energies = jax.vmap(candidate, in_axes=(None, 0, None))(situation, tries, values)
        pick = jnp.argmax(jnp.isfinite(energies))
        return jax.tree.map(lambda x: x[pick], states), jnp.isfinite(energies[pick])

    return jax.jit(jax.vmap(first_finite, in_axes=(None, 0, None)))


def begin_states(
    target: Target, start: Starter, situation: Situation, key: Any, chains: int, values: State
) -> State:
    """A finite-energy state for every chain. Shapes: [chain, dims].

    Raises EbmError E703 that names the energy and the variable if none is found.
    """
    states, fine = start(situation, jax.random.split(key, chains), values)
    if not bool(jnp.all(fine)):
        bad = int(jnp.argmin(fine))
        one = jax.tree.map(lambda x: x[bad], states)
        raise not_finite(target, situation, one, f"no start with a finite energy in {TRIES} tries")
    return states


def not_finite(target: Target, situation: Situation, state: State, what: str) -> Exception:
    """E703: which energy is not finite, and which variables stand in it."""
    parts = target.parts(situation.params, state, situation.given)
    bad = [n for n, v in parts.items() if not np.isfinite(np.asarray(v))]
    notes = []
    for name in bad:
        stands = [v for v, f in target.structure.variables.items() if name in f.energies]
        notes.append(
            f"energy `{name}` is {float(np.asarray(parts[name])):g}; "
            f"`{'`, `'.join(stands)}` stand{'s' * (len(stands) == 1)} in it"
        )
    unwell = [n for n, v in state.items() if not np.all(np.isfinite(np.asarray(v)))]
    notes += [f"`{n}` itself is not finite" for n in unwell]
    return complain(
        "E703",
        what,
        notes=notes,
        helps=["look for a log, a root or a quotient of what can be 0 or less in that energy"],
    )
