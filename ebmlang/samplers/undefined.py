"""Energies that are no number near where chains are: found by trying states around theirs.

A step that meets NaN is refused like any other, so that chains would draw from a law that is cut off
there without a word. Where the energy is NaN beside states that weigh something, the run ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, states_of
from ..backend.energy import State, Target, stored_type
from ..backend.sites import Sites, sites_of
from ..semantics.lints_slopes import sign
from ..semantics.terms import Apply, Constant, LogDensity, Read, Term
from ..semantics.traverse import unfold_all, unknowns, walk
from .beginning import not_finite

TRIALS = 32  # states around each that is looked at
NEGLIGIBLE = 30.0  # nats above a chain's own energy, from where on a state does not matter
HALVINGS = 24
GROWING = ("exp", "expm1", "lgamma", "tan")


def risky(target: Target) -> bool:
    """Whether the text leaves it open that an energy is a number everywhere."""
    return any(
        _risky(node)
        for energy in target.program.energies
        if unknowns(energy.term)
        for node in walk(unfold_all(energy.term))
    )


def _risky(node: Term) -> bool:
    match node:
        case Apply(function="^", arguments=(base, Constant(value=power))):
            return (power < 0 or power != int(power)) and sign(base) != 1
        case Apply(function="^"):
            return sign(node.arguments[0]) != 1
        case Apply(function="/" | "log" | "log1p" | "sqrt", arguments=arguments):
            return sign(arguments[-1]) != 1 and bool(unknowns(arguments[-1]))
        case Apply(function=function, arguments=arguments) if function in GROWING:
            return bool(unknowns(arguments[0]))
        case LogDensity(arguments=arguments):
            bodies = [a.body for _, a in arguments]
            return any(not isinstance(b, Constant | Read) and sign(b) != 1 for b in bodies)
        case _:
            return False


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Compiled: for each chain whether a state around it has no number for an energy, and that state."""

    target: Target
    run: Any

    def refuse(self, situation: Situation, states: State, seed: int = 0) -> None:
        """Raise EbmError E703 that names the energy and the place. Shapes: states [chain, dims]."""
        number = len(jax.tree.leaves(states)[0])
        keys = jax.random.split(jax.random.key(seed), number)
        found, where = self.run(situation, states, keys)
        found = np.asarray(found)
        if found.any():
            one = jax.tree.map(lambda x: x[int(np.argmax(found))], where)
            raise undefined(self.target, situation, one)


def undefined(
    target: Target, situation: Situation, state: State, names: Iterable[str] = ()
) -> Exception:
    """E703: the energy is no number at a state, of which these or the short variables are shown."""
    names = tuple(names) or tuple(state)
    shown = [
        f"{n} = {np.array2string(np.asarray(v), precision=4, separator=', ')}"
        for n, v in state.items()
        if n in names and np.size(v) <= 8
    ]
    place = f" at {', '.join(shown)}" if shown else ""
    return not_finite(
        target,
        situation,
        state,
        f"an energy is not a number{place}, among states that matter",
    )


def neighbourhood(target: Target, masks: Mapping[str, np.ndarray]) -> Neighbourhood | None:
    """The search around chains with these entries held; None where the text shows that none is needed."""
    if not risky(target):
        return None
    sites = {n: sites_of(s, target.world, masks.get(n)) for n, s in target.program.unknowns.items()}
    free = {n: s for n, s in sites.items() if s.number}

    def run(situation: Situation, states: State, keys: Any) -> Any:
        spread = {n: _spread(s, states[n]) for n, s in free.items() if not s.symbol.domain.discrete}
        one = partial(_around, target, free, situation, spread)
        return jax.vmap(one)(states, keys)

    return Neighbourhood(target, jax.jit(run))


def _spread(sites: Sites, values: Any) -> Any:
    """How far the free numbers of a variable lie apart over chains, 1 at least where there is one."""
    free = jax.vmap(lambda v: sites.unconstrain(sites.take(v)))(values)
    return jnp.where(len(free) > 1, jnp.std(free, axis=0), 1.0) + 1e-3


def _around(
    target: Target,
    sites: Mapping[str, Sites],
    situation: Situation,
    spread: State,
    state: State,
    key: Any,
) -> tuple[Any, State]:
    def whole(state: State) -> Any:
        return target.whole(situation.params, state, situation.given)

    here = whole(state)

    def toward(key: Any, share: Any) -> State:
        return {**state, **dict(_moved(target, sites, spread, state, key, share))}

    def tried(key: Any) -> tuple[Any, State]:
        off = jnp.isnan(whole(toward(key, 1.0)))

        def halve(_: int, ends: tuple[Any, Any]) -> tuple[Any, Any]:
            low, high = ends
            middle = 0.5 * (low + high)
            bad = jnp.isnan(whole(toward(key, middle)))
            return jnp.where(bad, low, middle), jnp.where(bad, middle, high)

        ends = (jnp.zeros_like(here), jnp.ones_like(here))
        low, high = jax.lax.fori_loop(0, HALVINGS if spread else 0, halve, ends)
        edge = situation.beta * (whole(toward(key, low)) - here)
        return off & ~(edge > NEGLIGIBLE), toward(key, high)

    bad, places = jax.vmap(tried)(jax.random.split(key, TRIALS))
    pick = jnp.argmax(bad)
    return bad[pick], jax.tree.map(lambda x: x[pick], places)


def _moved(
    target: Target,
    sites: Mapping[str, Sites],
    spread: State,
    state: State,
    key: Any,
    share: Any,
) -> Iterable[tuple[str, Any]]:
    """Free numbers a share of a random step away, and one discrete site of each variable changed."""
    for number, (name, own) in enumerate(sites.items()):
        first, second = jax.random.split(jax.random.fold_in(key, number))
        now = own.take(state[name])
        if name in spread:
            step = 2.0 * spread[name] * jax.random.normal(first, spread[name].shape)
            value = own.constrain(own.unconstrain(now) + share * step)
        else:
            values = jnp.asarray(states_of(own.symbol, target), stored_type(own.symbol))
            place = jax.random.randint(first, (), 0, own.number)
            value = now.at[place].set(jax.random.choice(second, values))
        yield name, own.put(state[name], value.astype(state[name].dtype))
