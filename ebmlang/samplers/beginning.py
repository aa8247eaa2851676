"""Where chains begin: random values of each type, kept where the energy is finite."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, states_of
from ..backend.energy import State, Target, stored_type
from ..backend.sites import sites_of
from ..semantics.terms import NamedEnergy, Symbol
from ..syntax.diagnostics import complain

TRIES = 20
RADIUS = 2.0


def random_state(target: Target, key: Any, radius: float = RADIUS, alike: bool = False) -> State:
    """One configuration: discrete sites uniform, free numbers uniform up to a radius, 2 as in Stan.

    `alike`: a random share of the sites of each variable has one random value in common, so that
    sums over many sites take all values that they can.
    """
    state = {}
    for name, symbol in target.program.unknowns.items():
        key, sub = jax.random.split(key)
        state[name] = _random_values(symbol, target, sub, radius, alike)
    return state


def _random_values(symbol: Symbol, target: Target, key: Any, radius: float, alike: bool) -> Any:
    sites = sites_of(symbol, target.world)
    first, second, third = jax.random.split(key, 3) if alike else (key, key, key)
    if symbol.domain.discrete:
        values = jnp.asarray(states_of(symbol, target), stored_type(symbol))
        places = jax.random.randint(first, (sites.number,), 0, len(values))
        return sites.full(values[_in_common(places, second, third) if alike else places])
    event = sites.event if not sites.event else (sites.event[0] - 1,)
    free = jax.random.uniform(first, (sites.number, *event), minval=-radius, maxval=radius)
    free = _in_common(free, second, third) if alike else free
    return sites.full(sites.constrain(free)).astype(stored_type(symbol))


def _in_common(values: Any, first: Any, second: Any) -> Any:
    """Values [site, …] of which a random share is that of the first site."""
    share = jax.random.uniform(first)
    taken = jax.random.uniform(second, (len(values), *[1] * (values.ndim - 1))) < share
    return jnp.where(taken, values[:1], values)


Guess = Callable[[Situation, Any, State], State]


@dataclass(frozen=True, slots=True, eq=False)
class Starter:
    """Compiled: for each key a state [chain, dims] that is allowed, and whether one was found.

    `masks`: the entries that are held. Called with the situation, keys, held values, and values
    [chain, dims] that are to be kept. `repair`: what moves forbidden states to allowed ones, made
    when it is first needed, for each set of kept variables.
    """

    target: Target
    masks: Mapping[str, np.ndarray]
    run: Callable[..., tuple[State, Any]]
    repair: dict[frozenset[str], Any] = field(default_factory=dict)

    def __call__(
        self, situation: Situation, keys: Any, values: State, told: State
    ) -> tuple[State, Any]:
        """States [chain, dims], and which of them have a finite energy."""
        return self.run(situation, keys, values, told)


def starter(target: Target, masks: Mapping[str, np.ndarray], guess: Guess | None = None) -> Starter:
    """A starter that tries random states, or what `guess` makes up from held values."""

    def candidate(situation: Situation, key: Any, values: State, told: State) -> Any:
        state = random_state(target, key) if guess is None else guess(situation, key, values)
        state |= told
        for name, mask in masks.items():
            state[name] = jnp.where(mask, values[name], state[name]).astype(state[name].dtype)
        return state, target.whole(situation.params, state, situation.given)

    def first_finite(situation: Situation, key: Any, values: State, told: State) -> Any:
        tries = jax.random.split(key, TRIES)
        states, energies = jax.vmap(lambda k: candidate(situation, k, values, told))(tries)
        pick = jnp.argmax(jnp.isfinite(energies))
        return jax.tree.map(lambda x: x[pick], states), jnp.isfinite(energies[pick])

    run = jax.jit(jax.vmap(first_finite, in_axes=(None, 0, None, 0)))
    return Starter(target, masks, run)


def not_finite(target: Target, situation: Situation, state: State, what: str) -> Exception:
    """E703: which energy or density is not finite, and which variables stand in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # NumPyro's word on what is told here in full
        parts = target.parts(situation.params, state, situation.given)
    notes = []
    densities, walls = 0, False
    for energy in target.program.energies:
        value = float(np.asarray(parts[energy.name]))
        if np.isfinite(value):
            continue
        densities += energy.density
        walls |= energy.walls is not None and value == np.inf
        stands = [v for v, f in target.structure.variables.items() if energy.name in f.energies]
        notes.append(
            f"{_called(energy)} is {value:g}; "
            f"`{'`, `'.join(stands)}` stand{'s' * (len(stands) == 1)} in it"
        )
    unwell = [n for n, v in state.items() if not np.all(np.isfinite(np.asarray(v)))]
    notes += [f"`{n}` itself is not finite" for n in unwell]
    helps = ["look for a log, a root or a quotient of what can be 0 or less in that energy"]
    if walls:
        helps = ["begin at a state that is allowed: init={…}"]
    elif densities:
        helps = [
            "look for a value outside the support of that density, or arguments it cannot have"
        ]
    return complain("E703", what, notes=notes, helps=helps)


def _called(energy: NamedEnergy) -> str:
    """An energy as the file has it: by its name, or by the variable and the density after `~`."""
    if not energy.density:
        return f"energy `{energy.name}`"
    text = " ".join(energy.span.text.split())
    return f"-log of the density `{energy.name.removesuffix(' ~')} ~ {text}`"
