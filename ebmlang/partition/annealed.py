"""A model on the way from independent sites to itself: a E + b E0, as a program of its own.

E0 is a sum over sites: fields of discrete ones, bowls of real ones, so that whatever the compiler
proves and lowers of E it proves and lowers of the whole way; a and b are given numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..analysis.structure import analyse
from ..backend.checks import limits
from ..backend.conditionals import Situation
from ..backend.energy import Target
from ..semantics.terms import (
    Apply,
    Constant,
    Dimension,
    Domain,
    Edges,
    Index,
    Kind,
    NamedEnergy,
    Position,
    Read,
    Reduce,
    Role,
    Symbol,
    Term,
    Whole,
)
from ..semantics.walls import with_finite

OWN, BASE = " own", " base"  # no name of a program begins with a space
REAL = Domain(Kind.REAL)


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the given arrays in which the base of one unknown stands."""

    field: str
    centre: str
    stiffness: str
    weight: str


def tables_of(name: str) -> Tables:
    """The names for an unknown."""
    return Tables(*(f" {part} {name}" for part in ("field", "centre", "stiffness", "weight")))


def annealed(target: Target, data: dict[str, np.ndarray]) -> Target:
    """The target of the way: energies times a, and a base times b for every unknown that has one."""
    program = target.program
    own, base = (_number(n, target) for n in (OWN, BASE))
    givens = {own.name: own, base.name: base}
    energies = [_scaled(own, e) for e in program.energies]
    for symbol in program.unknowns.values():
        term, tables = _base(symbol, target)
        givens |= {t.name: t for t in tables}
        if term is not None:
            name = f" base {symbol.name}"
            energies.append(NamedEnergy(name, _times(base, term), symbol.span))
    changed = replace(
        program,
        givens={**program.givens, **givens},
        energies=tuple(energies),
        quantities=(),
    )
    return Target(changed, target.world, analyse(changed, target.world, data), target.networks)


def at(situation: Situation, own: Any, base: Any) -> Situation:
    """The situation at a point of the way."""
    return situation._replace(given={**situation.given, OWN: own, BASE: base})


def _number(name: str, target: Target) -> Symbol:
    span = next(iter(target.program.unknowns.values())).span
    return Symbol(name, Role.GIVEN, REAL, (), span)


def _scaled(factor: Symbol, energy: NamedEnergy) -> NamedEnergy:
    """An energy times a number, its walls with it."""
    if energy.finite is None or energy.walls is None:
        return replace(energy, term=_times(factor, energy.term))
    walls = replace(energy, walls=_times(factor, energy.walls))
    return with_finite(walls, _times(factor, energy.finite))


def _times(factor: Symbol, term: Term) -> Term:
    return Apply("*", (Read(factor, (), term.span), term), term.span)


def _base(symbol: Symbol, target: Target) -> tuple[Term | None, list[Symbol]]:
    """The base of one unknown as a term, and the tables it reads; None where it is uniform."""
    indices, span = tuple(indices_of(symbol)), symbol.span
    places: tuple[Term, ...] = tuple(Position(i, span) for i in indices)
    low, high = limits(symbol.domain, target.world)
    half = np.isfinite(low) != np.isfinite(high)
    match symbol.domain.kind:
        case Kind.BINARY | Kind.SPIN | Kind.CATEGORY:
            body, made = _field(symbol, places)
        case Kind.REAL | Kind.POSITIVE if symbol.domain.whole_line or half:
            body, made = _bowl(symbol, places, low, high)
        case _:
            return None, []
    if not indices:
        return body, made
    conditions: tuple[Term, ...] = ()
    if symbol.symmetric or symbol.hollow:
        order = ("<" if symbol.hollow else "<=") if symbol.symmetric else "!="
        conditions = (Apply(order, places, span),)
    return Reduce("sum", indices, conditions, body, span, span), made


def _table(symbol: Symbol, name: str, *more: Dimension) -> Symbol:
    return Symbol(name, Role.GIVEN, REAL, (*symbol.dims, *more), symbol.span)


def _field(symbol: Symbol, places: tuple[Term, ...]) -> tuple[Term, list[Symbol]]:
    """-field x of a site, or -field[x] of a category."""
    span, value = symbol.span, Read(symbol, places, symbol.span)
    name = tables_of(symbol.name).field
    if symbol.domain.labels is not None:
        table = _table(symbol, name, symbol.domain.labels)
        return Apply("negate", (Read(table, (*places, value), span),), span), [table]
    table = _table(symbol, name)
    return Apply("negate", (Apply("*", (Read(table, places, span), value), span),), span), [table]


def _bowl(
    symbol: Symbol, places: tuple[Term, ...], low: float, high: float
) -> tuple[Term, list[Symbol]]:
    """stiffness (x - centre)^2 / 2; on a half line of the log of the distance from its end, plus that log."""
    span, names = symbol.span, tables_of(symbol.name)
    centre, stiffness = _table(symbol, names.centre), _table(symbol, names.stiffness)
    value: Term = Read(symbol, places, span)
    half = np.isfinite(low) or np.isfinite(high)
    if half:
        end = Constant(float(low if np.isfinite(low) else high), span)
        ends = (value, end) if np.isfinite(low) else (end, value)
        value = Apply("log", (Apply("-", ends, span),), span)
    off = Apply("-", (value, Read(centre, places, span)), span)
    square = Apply("^", (off, Constant(2.0, span)), span)
    stiff = Apply("*", (Constant(0.5, span), Read(stiffness, places, span)), span)
    body: Term = Apply("*", (stiff, square), span)
    if not half:
        return body, [centre, stiffness]
    weight = _table(symbol, names.weight)
    log = Apply("*", (Read(weight, places, span), value), span)
    return Apply("+", (body, log), span), [centre, stiffness, weight]


def indices_of(symbol: Symbol) -> Iterator[Index]:
    """An index over each axis of a declared array."""
    for k, dim in enumerate(symbol.dims):
        reach = Whole(dim) if isinstance(dim, Dimension) else Edges(dim)
        yield Index(f"i{k}", symbol.span, reach)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The law at the hot end. `arrays`: the tables to give; `log_z`: its log partition function.

    Its sites are independent: fields for discrete ones, normal for real ones, log-normal for those
    bounded on one side, uniform for all others.
    """

    arrays: dict[str, Any]
    log_z: float


def base_of(target: Target, sites: dict[str, Any], moments: dict[str, Any]) -> Base:
    """The base whose sites have these means (frequencies of labels), and variances of real ones.

    moments[name]: (mean [site, …], variance [site]) of the free sites of `sites`; of a variable
    bounded on one side those of the logarithm of its distance from the bound.
    """
    arrays: dict[str, Any] = {}
    log_z = 0.0
    for name, own in sites.items():
        made, share = _base_one(target, own, moments.get(name))
        arrays |= made
        log_z += share
    for name, symbol in target.program.givens.items():
        if name.startswith(" ") and name not in (OWN, BASE) and name not in arrays:
            arrays[name] = jnp.zeros(target.world.shape(symbol))
    return Base(arrays, log_z)


def _base_one(target: Target, sites: Any, moments: Any) -> tuple[dict[str, Any], float]:
    symbol, names = sites.symbol, tables_of(sites.symbol.name)
    kind, number = symbol.domain.kind, sites.number
    low, high = limits(symbol.domain, target.world)

    def spread(values: np.ndarray) -> Any:
        tail = values.shape[1:]
        flat = np.zeros((int(np.prod(sites.shape, dtype=int)), *tail))
        for places in (sites.free, sites.mirror):
            if places is not None:
                flat[places] = values
        return jnp.asarray(flat.reshape(sites.shape + tail), jnp.result_type(float))

    match kind:
        case Kind.BINARY:
            mean = np.asarray(moments[0], float)
            field = np.log(mean) - np.log1p(-mean)
            return {names.field: spread(field)}, float(np.logaddexp(0, field).sum())
        case Kind.SPIN:
            field = np.arctanh(np.asarray(moments[0], float))
            return {names.field: spread(field)}, float(np.logaddexp(field, -field).sum())
        case Kind.CATEGORY:
            field = np.log(np.asarray(moments[0], float))
            return {names.field: spread(field)}, float(np.logaddexp.reduce(field, axis=1).sum())
        case Kind.INTEGER:
            return {}, number * float(np.log(high - low + 1))
        case Kind.ANGLE:
            return {}, number * float(np.log(2 * np.pi))
        case Kind.SIMPLEX:
            return {}, -number * float(np.sum(np.log(np.arange(1, sites.event[0]))))
        case _ if np.isfinite(low) and np.isfinite(high):
            return {}, number * float(np.log(high - low))
        case _:
            mean, variance = (np.asarray(m, float) for m in moments)
            made = {names.centre: spread(mean), names.stiffness: spread(1 / variance)}
            if np.isfinite(low) or np.isfinite(high):
                made[names.weight] = spread(np.ones(number))
            return made, 0.5 * float(np.log(2 * np.pi * variance).sum())
