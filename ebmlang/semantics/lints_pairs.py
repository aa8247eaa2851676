"""W503: a sum that visits each pair of sites in both orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..syntax.diagnostics import Findings
from .context import type_text
from .terms import (
    Apply,
    Constant,
    Index,
    Kind,
    NamedEnergy,
    Position,
    Read,
    Reduce,
    Role,
    SizeValue,
    Symbol,
    Term,
    Whole,
)


@dataclass(frozen=True, slots=True)
class DoubleSum:
    """A sum over the indices of a product of the factors, with what stands before it."""

    outer: Reduce
    indices: tuple[Index, ...]
    conditions: tuple[Term, ...]
    factors: tuple[Term, ...]


def counted_twice(energy: NamedEnergy, findings: Findings) -> None:
    """`sum(i, j) J[i, j] * s[i] * s[j]`: both orders are visited.

    Silent where a number or a size stands before the sum, since it may make up for it, and where
    the couplings are given data, which may hold one order only.
    """
    if energy.density:
        return
    for found in _double_sums(energy.term):
        for i, j in _twins(found.indices):
            unequal = _unequal(found.conditions, i, j)
            if found.conditions and not unequal:
                continue
            pair = _pair(found.factors, i, j)
            if pair is not None:
                _tell(found, i, j, *pair, unequal, findings)


def _double_sums(term: Term) -> Iterator[DoubleSum]:
    """The sums of products that an energy adds up, without a number before them."""
    match term:
        case Apply(function="+" | "-" | "negate", arguments=arguments):
            for argument in arguments:
                yield from _double_sums(argument)
        case Apply(function="*" | "/", arguments=(a, b)) if not _numbers(term):
            yield from _double_sums(a)
            if term.function == "*":
                yield from _double_sums(b)
        case Reduce(reducer="sum", indices=indices, conditions=conditions, body=body):
            flat = _flat(body)
            if flat is not None:
                more, factors = flat
                yield DoubleSum(term, (*indices, *more), conditions, factors)
        case _:
            return


def _numbers(term: Term) -> bool:
    """Whether a product holds a number or a size, outside the sums in it."""
    match term:
        case Constant(value=value):
            return abs(value) != 1
        case SizeValue():
            return True
        case Apply(arguments=arguments):
            return any(_numbers(a) for a in arguments)
        case Reduce() | Read():
            return False
        case _:
            return True


def _flat(term: Term) -> tuple[tuple[Index, ...], tuple[Term, ...]] | None:
    """The factors of a product, and the indices of plain sums among them (`s @ J @ s`)."""
    match term:
        case Apply(function="*", arguments=(a, b)):
            left, right = _flat(a), _flat(b)
            if left is None or right is None:
                return None
            return (*left[0], *right[0]), (*left[1], *right[1])
        case Apply(function="negate", arguments=(a,)):
            return _flat(a)
        case Reduce(reducer="sum", indices=indices, conditions=(), body=body):
            inner = _flat(body)
            return None if inner is None else ((*indices, *inner[0]), inner[1])
        case Read():
            return (), (term,)
        case _:
            return None


def _twins(indices: tuple[Index, ...]) -> Iterator[tuple[Index, Index]]:
    whole = [(i, i.range.dim) for i in indices if isinstance(i.range, Whole)]
    for k, (a, first) in enumerate(whole):
        for b, second in whole[k + 1 :]:
            if first is second:
                yield a, b


def _unequal(conditions: tuple[Term, ...], i: Index, j: Index) -> bool:
    """Whether the one condition is `i != j`."""
    match conditions:
        case (Apply(function="!=", arguments=(Position(index=a), Position(index=b))),):
            return {a, b} == {i, j}
        case _:
            return False


Pair = tuple[Symbol, Symbol | None]


def _pair(factors: tuple[Term, ...], i: Index, j: Index) -> Pair | None:
    """The unknown that is read at both ends, and the table of couplings if there is one.

    None if the product is anything else: what is not known may well tell the orders apart.
    """
    tables = [f for f in factors if isinstance(f, Read) and not f.symbol.unknown]
    sites = [f for f in factors if isinstance(f, Read) and f.symbol.unknown]
    tables = [t for t in tables if t.subscripts]
    if len(tables) > 1 or any(t.symbol.role is not Role.PARAM for t in tables):
        return None
    table = tables[0].symbol if tables else None
    if table is not None and len(tables[0].subscripts) == 4 and not sites:
        ends = _category_ends(tables[0], i, j)
        return None if ends is None else (ends, table)
    if len(sites) != 2 or sites[0].symbol is not sites[1].symbol:
        return None
    at = [_alone(site) for site in sites]
    if set(at) != {i, j}:
        return None
    if table is not None and {_position(s) for s in tables[0].subscripts} != {i, j}:
        return None
    return (sites[0].symbol, table) if table is None or len(table.dims) == 2 else None


def _category_ends(table: Read, i: Index, j: Index) -> Symbol | None:
    """`J[i, j, x[i], x[j]]`: the category that is read at both ends."""
    a, b, x, y = table.subscripts
    if {_position(a), _position(b)} != {i, j}:
        return None
    if not (isinstance(x, Read) and isinstance(y, Read) and x.symbol is y.symbol):
        return None
    ends = (_alone(x), _alone(y)) == (_position(a), _position(b))
    return x.symbol if ends and x.symbol.unknown else None


def _alone(read: Read) -> Index | None:
    return _position(read.subscripts[0]) if len(read.subscripts) == 1 else None


def _position(term: Term) -> Index | None:
    return term.index if isinstance(term, Position) else None


def _tell(
    found: DoubleSum,
    i: Index,
    j: Index,
    unknown: Symbol,
    table: Symbol | None,
    unequal: bool,
    findings: Findings,
) -> None:
    """Say it, unless the diagonal matters and nothing is learnt twice."""
    square_is_constant = unknown.domain.kind in (Kind.SPIN, Kind.CATEGORY)
    no_diagonal = unequal or square_is_constant or (table is not None and table.hollow)
    if not no_diagonal and (table is None or table.symmetric):
        return
    a, b = (i.name, j.name) if i.name != j.name else ("i", "j")
    diagonal = "" if unequal or (table is not None and table.hollow) else f" and {a} = {b}"
    order = f"({a}, {b}){',' if diagonal else ' and'} ({b}, {a})"
    notes = []
    if table is not None:
        both = f"{table.name}[{a}, {b}] + {table.name}[{b}, {a}]"
        if len(table.dims) == 4:
            both = f"{table.name}[{a}, {b}, x, y] + {table.name}[{b}, {a}, y, x]"
        notes = [f"only {both} can be learned, so each coupling reads as half of the true one"]
    if table is not None and table.symmetric:
        notes = ["each coupling reads as half of the true one"]
    by_hand = found.outer.head.text.startswith("sum")
    half = f"sum({a} < {b})"
    if not by_hand and table is not None:
        half += f" {table.name}[{a}, {b}] * {unknown.name}[{a}] * {unknown.name}[{b}]"
    findings.warn(
        "W503",
        found.outer.head if by_hand else found.outer.span,
        "each pair of sites is counted twice",
        mark=f"visits {order}{diagonal}",
        notes=notes,
        helps=[
            half
            if no_diagonal
            else f"one number for each pair: param {type_text(table)} symmetric"
            if table is not None
            else None
        ],
    )
