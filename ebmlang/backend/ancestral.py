"""Draws from the densities after `~`: each variable given those that its density reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..semantics.densities import canonical, formulas, table
from ..semantics.terms import Apply, Array, Index, Kind, LogDensity, Reduce, Symbol, Term
from ..semantics.traverse import unknowns
from ..syntax import tree
from .checks import limits
from .densities import distribution
from .energy import State, Target
from .labelled import full
from .lower import Lowering
from .sites import sites_of

TRIES = 20  # draws of each number of a type that is narrower than the support of its density


@dataclass(frozen=True, slots=True)
class Law:
    """The density of a variable: its distribution, arguments, the axes of a draw, those over draws."""

    symbol: Symbol
    distribution: str
    arguments: tuple[tuple[str, Array], ...]
    event: tuple[Index, ...]
    batch: tuple[Index, ...]
    reads: frozenset[str]


def laws(target: Target) -> dict[str, Law]:
    """The density of every unknown that has one, by name."""
    found = {}
    for energy in target.program.energies:
        if energy.density:
            symbol = target.program.unknowns[energy.name.removesuffix(" ~")]
            found[symbol.name] = _law(symbol, energy.term, energy.span.text)
    return found


def _law(symbol: Symbol, term: Term, text: str) -> Law:
    reads = frozenset(s.name for s in unknowns(term) - {symbol})
    batch: tuple[Index, ...] = ()
    while isinstance(term, Reduce):
        batch += term.indices
        term = term.body
    match term:
        case Apply(function="negate", arguments=(LogDensity() as density,)):
            own = density.value.axes
            return Law(symbol, density.distribution, density.arguments, own, batch, reads)
        case _:
            name = canonical(text.partition("(")[0].strip())
            formula = formulas()[name]
            places = {p.text for p in formula.parameters[1:]}
            found = _arguments(formula.body, term, places)
            arguments = tuple((n, Array((), a, a.span)) for n, a in found.items())
            return Law(symbol, name, arguments, (), batch, reads)


def _arguments(formula: tree.Expression, term: Term, names: set[str]) -> dict[str, Term]:
    """What stands in a term where a formula has these names; the term was made from the formula."""
    match formula, term:
        case tree.Paren(inner=inner), _:
            return _arguments(inner, term, names)
        case tree.Name(text=name), _ if name in names:
            return {name: term}
        case tree.Binary(left=left, right=right), Apply(arguments=(a, b)):
            return _arguments(left, a, names) | _arguments(right, b, names)
        case tree.Negate(operand=operand), Apply(arguments=(a,)):
            return _arguments(operand, a, names)
        case tree.Call(arguments=given), Apply(arguments=arguments):
            found: dict[str, Term] = {}
            for inner, own in zip(given, arguments, strict=True):
                if not isinstance(inner, tree.Keyword | tree.Within | tree.List):
                    found |= _arguments(inner, own, names)
            return found
        case _:
            return {}


def ordered(found: Mapping[str, Law], known: set[str]) -> tuple[list[Law], list[str]]:
    """The laws, each after those of the variables that it reads, and the names left in a circle."""
    done, left, order = set(known), dict(found), []
    while ready := [n for n, law in left.items() if law.reads <= done]:
        order += [left.pop(n) for n in ready]
        done.update(ready)
    return order, list(left)


def drawn(law: Law, target: Target, lowering: Lowering, key: Any, number: int = 1) -> Any:
    """Independent draws [draw, dims] of a variable, given the values that its density reads.

    Where the type is narrower than the support, of several tries the first that lies inside; where
    none does, a real one is NaN, and a whole number the nearest.
    """
    domain = law.symbol.domain
    narrow = domain.kind in (Kind.REAL, Kind.POSITIVE, Kind.INTEGER) and not domain.whole_line
    tries = TRIES if narrow else 1
    keys = jax.random.split(key, (number, tries))
    values = jax.vmap(jax.vmap(lambda k: _once(law, target, lowering, k)))(keys)
    if not narrow:
        return values[:, 0]
    low, high = limits(domain, target.world)
    within = (values >= low) & (values <= high)
    inside = within if domain.discrete else within & (values != low) & (values != high)
    picked = jnp.take_along_axis(values, inside.argmax(1, keepdims=True), axis=1)[:, 0]
    outside = jnp.clip(picked, low, high) if domain.discrete else jnp.nan
    return jnp.where(inside.any(1), picked, outside)


def _once(law: Law, target: Target, lowering: Lowering, key: Any) -> Any:
    """One draw of the whole array; of a symmetric one each pair once, and zeros where it is hollow."""
    lengths = {a: target.world.length(a) for a in (*law.batch, *law.event)}
    shape, own = ([lengths[a] for a in axes] for axes in (law.batch, law.event))
    arrays = {}
    for name, array in law.arguments:
        lengths |= {a: target.world.length(a) for a in array.axes}
        wide = full(lowering.term(array.body), (*law.batch, *array.axes), lengths)
        whole = table()[law.distribution]["takes"][name][0].startswith("integer")
        arrays[name] = jnp.rint(wide).astype(jnp.int32) if whole else lowering.floating(wide)
    if not law.event and all(not array.axes for _, array in law.arguments):
        made = distribution(law.distribution, arrays, ())
        values = made.sample(key, tuple(shape) if not law.arguments else ())
    else:
        flat = {n: a.reshape(-1, *a.shape[len(shape) :]) for n, a in arrays.items()}
        keys = jax.random.split(key, int(np.prod(shape, dtype=int)))

        def one(key: Any, given: State) -> Any:
            return distribution(law.distribution, given, tuple(own)).sample(key)

        values = jax.vmap(one)(keys, flat)
        values = values.reshape(*shape, *values.shape[1:])
    if table()[law.distribution]["support"]["kind"] == "circular":
        values = jnp.mod(values, 2 * jnp.pi)
    sites = sites_of(law.symbol, target.world)
    return sites.full(sites.take(values))
