"""An energy taken apart for one discrete variable: what is flat in each site, and what must be tried.

A curved piece is a sum over instances of a function of linear sums of the variable, `exp(-sum(j)
a[i, j])` or `V[sum(s)]`. For each site the instances that it touches are listed, and how much it
weighs in their sums: a change of the site is then tried on those instances alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..semantics.terms import (
    Domain,
    EdgeNumber,
    Index,
    Kind,
    NamedEnergy,
    Neighbour,
    NetworkRead,
    Position,
    Read,
    Reduce,
    Role,
    Symbol,
    Term,
)
from ..semantics.traverse import free_indices, is_free_of_unknowns, rebuild, symbols, walk
from .instances import BUDGET, Undecided, axes_of, count
from .interactions import Setting, may_coincide, site_numbers, site_subscripts
from .monomials import Monomial, NotPolynomial, monomials, multiplied_out
from .occurrences import Meeting, Occurrence


@dataclass(frozen=True, slots=True, eq=False)
class LinearSum:
    """A sum linear in the variable inside a curved piece. `symbol` stands for it there."""

    symbol: Symbol
    term: Term
    parts: tuple[Monomial, ...]
    axes: tuple[Index, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Curved:
    """A curved piece: its body at each instance, with linear sums as symbols of their own.

    `indices`: those in the body; `coordinates` [instance, index] their values where the
    conditions hold; `numbers` [instance] for each sum: its flat place among its own axes.
    """

    body: Term
    indices: tuple[Index, ...]
    coordinates: np.ndarray
    sums: tuple[LinearSum, ...]
    numbers: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The energies of a variable: of first degree in each site, and curved."""

    flat: tuple[NamedEnergy, ...]
    curved: tuple[Curved, ...]


def split(
    name: str, energies: Sequence[NamedEnergy], sites: Mapping[str, Symbol], setting: Setting
) -> Split:
    """The extended energies of a variable taken apart. Raises Undecided where they cannot be."""
    flat: list[NamedEnergy] = []
    curved: list[Curved] = []
    for energy in energies:
        for found in multiplied_out(energy.term, name):
            if not found.reads and not found.curved:
                continue
            if found.curved or _meets_itself(found, sites, setting):
                curved.append(_curved(found, energy, name, setting))
            else:
                flat.append(NamedEnergy(energy.name, found.term(energy.term.span), energy.span))
    return Split(tuple(flat), tuple(curved))


def _meets_itself(found: Monomial, sites: Mapping[str, Symbol], setting: Setting) -> bool:
    reads = [Occurrence(read) for read in found.reads]
    return any(
        may_coincide(Meeting(a, b, a.read, found.conditions), sites, setting)
        for k, a in enumerate(reads)
        for b in reads[k + 1 :]
    )


# ------------------------------------------------------------------ curved pieces


def _curved(found: Monomial, energy: NamedEnergy, name: str, setting: Setting) -> Curved:
    world = setting.world
    if world is None:
        raise Undecided
    sums: list[LinearSum] = []
    whole = found.product(energy.term.span)
    body = _summarised(whole, name, set(found.indices), sums)
    if any(isinstance(node, NetworkRead | EdgeNumber) for node in walk(body)):
        raise Undecided
    indices = tuple(free_indices(body) & set(found.indices)) if found.indices else ()
    inner = [Position(i, i.span) for i in indices]
    axes = axes_of([*inner, *(Position(a, a.span) for s in sums for a in s.axes)])
    loose = [i for i in found.indices if i.has_axis and i not in axes]
    if loose or count(axes, world) > BUDGET:
        raise Undecided
    lengths = [world.length(axis) for axis in axes]
    holds = _holds(found, axes, lengths, setting)

    def listed(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, lengths)[holds]

    coordinates = [listed(setting.evaluate(place, axes)) for place in inner]
    numbers = []
    for each in sums:
        number = np.asarray(0)
        for axis in each.axes:
            low, _ = world.limits(axis)
            place = setting.evaluate(Position(axis, axis.span), axes) - low
            number = number * world.length(axis) + place
        numbers.append(listed(number))
    table = np.stack(coordinates, axis=1) if indices else np.zeros((int(holds.sum()), 0), int)
    return Curved(body, indices, table, tuple(sums), tuple(numbers))


def _holds(
    found: Monomial, axes: Sequence[Index], lengths: Sequence[int], setting: Setting
) -> np.ndarray:
    """Where every condition holds and every neighbour exists, [axes]."""
    holds = np.ones(lengths, bool)
    for condition in found.conditions:
        if not set(axes_of([condition])) <= set(axes):
            raise Undecided
        holds = holds & (setting.evaluate(condition, axes) != 0)
    for index in found.indices:
        if isinstance(index.range, Neighbour):
            holds = holds & (setting.evaluate(Position(index, index.span), axes) >= 0)
    return holds


def _summarised(term: Term, name: str, bound: set[Index], sums: list[LinearSum]) -> Term:
    """The term with every largest part that is linear in the variable replaced by a symbol."""
    if all(symbol.name != name for symbol in symbols(term)):
        return term
    parts = _linear(term, name)
    if parts is not None:
        if any(i not in bound for i in free_indices(term)):
            raise Undecided
        number = len(sums)
        symbol = Symbol(f" sum {number}", Role.GIVEN, Domain(Kind.REAL), (), term.span)
        sums.append(LinearSum(symbol, term, parts, tuple(axes_of([term]))))
        return Read(symbol, (), term.span)
    if isinstance(term, Reduce) or (isinstance(term, Read) and term.symbol.body is not None):
        raise Undecided
    return rebuild(term, lambda child: _summarised(child, name, bound, sums))


def _linear(term: Term, name: str) -> tuple[Monomial, ...] | None:
    """The monomials of a term of first degree whose weights no unknown decides, else None."""
    try:
        found = monomials(term, name)
    except NotPolynomial:
        return None
    if any(len(m.reads) > 1 for m in found):
        return None
    own = [m for m in found if m.reads]
    plain = all(is_free_of_unknowns(f) for m in own for f in m.factors)
    return tuple(own) if plain else None


# --------------------------------------------------------------- who touches what


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """Where one monomial of a linear sum stands: `places` over `axes` in the array of the sum.

    `entries`: the flat entry of the variable it reads there, labels last; -1 where none.
    """

    monomial: Monomial
    axes: tuple[Index, ...]
    places: np.ndarray
    entries: np.ndarray


def weighings(
    each: LinearSum, sites: Mapping[str, Symbol], labels: int, setting: Setting
) -> tuple[Weighing, ...]:
    """The weights of a linear sum listed. Raises Undecided where they cannot be."""
    found = []
    for monomial in each.parts:
        (read,) = monomial.reads
        own = [Position(axis, axis.span) for axis in each.axes]
        axes = axes_of([*own, *read.subscripts])
        assert setting.world is not None
        if count(axes, setting.world) > BUDGET:
            raise Undecided
        number = np.asarray(0)
        for axis, at in zip(each.axes, own, strict=True):
            low, _ = setting.world.limits(axis)
            place = setting.evaluate(at, axes) - low
            number = number * setting.world.length(axis) + place
        entry, inside = site_numbers(read, site_subscripts(read, sites), axes, sites, setting)
        label = np.asarray(0)
        for subscript in read.subscripts[len(sites[read.symbol.name].dims) :]:
            label = setting.evaluate(subscript, axes).astype(np.int64)
        entry = np.where(inside, entry * labels + label, -1)
        lengths = [setting.world.length(axis) for axis in axes]
        places, entries = (np.broadcast_to(x, lengths).reshape(-1) for x in (number, entry))
        found.append(Weighing(monomial, tuple(axes), places, entries))
    return tuple(found)
