"""Where chains begin: random values of each type, kept where the energy is finite."""

from __future__ import annotations

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


def begin_states(
    target: Target,
    situation: Situation,
    key: Any,
    chains: int,
    clamp: dict[str, tuple[Any, np.ndarray]],
) -> State:
    """A finite-energy state for every chain, held entries at their values. Shapes: [chain, dims].

    Raises EbmError E703 that names the energy and the variable if none is found.
    """

    def candidate(key: Any) -> tuple[State, Any]:
        state = random_state(target, key)
        for name, (value, mask) in clamp.items():
            state[name] = jnp.where(mask, value, state[name]).astype(state[name].dtype)
        return state, target.energy(situation.params, state, situation.given)

    def first_finite(key: Any) -> tuple[State, Any]:
        states, energies = jax.vmap(candidate)(jax.random.split(key, TRIES))
        pick = jnp.argmax(jnp.isfinite(energies))
        return jax.tree.map(lambda x: x[pick], states), jnp.isfinite(energies[pick])

    states, fine = jax.jit(jax.vmap(first_finite))(jax.random.split(key, chains))
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
