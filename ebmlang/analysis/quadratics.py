"""Which unknowns stand in an energy as one quadratic form together, and on what its bend rests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..semantics.terms import (
    Apply,
    Constant,
    EdgeNumber,
    LogDensity,
    NamedEnergy,
    NetworkRead,
    Position,
    Read,
    Reduce,
    SizeValue,
    Term,
)
from ..semantics.traverse import unfold, unknowns
from .occurrences import exponent

Polynomial = Mapping[int, frozenset[str]]
NOTHING: frozenset[str] = frozenset()


def bend_of(energies: Iterable[NamedEnergy], names: Iterable[str]) -> frozenset[str] | None:
    """The other unknowns that decide the second derivatives in `names`.

    Empty if those are constants at given parameters; None if the energies are not proved to be of
    at most second degree in all of `names` together.
    """
    own = frozenset(names)
    rests: set[str] = set()
    for energy in energies:
        found = _polynomial(energy.term, own)
        if found is None or max(found) > 2:
            return None
        rests |= found.get(2, NOTHING)
    return frozenset(rests)


def _polynomial(term: Term, own: frozenset[str]) -> Polynomial | None:
    """For each power of `own`, the other unknowns in its coefficients; None if it is no polynomial."""
    match term:
        case Constant() | SizeValue() | Position():
            return {0: NOTHING}
        case Read(symbol=symbol) if symbol.body is not None:
            return _polynomial(unfold(term), own)
        case Read(symbol=symbol):
            inside = frozenset(s.name for part in term.subscripts for s in unknowns(part))
            if inside & own:
                return None
            if symbol.unknown and symbol.name in own:
                return {1: inside}
            return {0: inside | {symbol.name} if symbol.unknown else inside}
        case Apply():
            return _applied(term, own)
        case Reduce(reducer="sum" | "mean"):
            return _under(term.conditions, [_polynomial(term.body, own)], own)
        case Reduce() | NetworkRead() | LogDensity() | EdgeNumber():
            return _opaque(term, own)


def _applied(term: Apply, own: frozenset[str]) -> Polynomial | None:
    function, arguments = term.function, term.arguments
    match function:
        case "+" | "-" | "negate":
            return _added([_polynomial(a, own) for a in arguments])
        case "*":
            return _times(_polynomial(arguments[0], own), _polynomial(arguments[1], own))
        case "/":
            return _under(arguments[1:], [_polynomial(arguments[0], own)], own)
        case "if":
            return _under(arguments[:1], [_polynomial(a, own) for a in arguments[1:]], own)
        case "^" | "square":
            power, base = exponent(term), _polynomial(arguments[0], own)
            if power is None or not base or not 0 < max(base) * power <= 2:
                return _opaque(term, own)
            total: Polynomial | None = {0: NOTHING}
            for _ in range(power):
                total = _times(total, base)
            return total
        case _:
            return _opaque(term, own)


def _opaque(term: Term, own: frozenset[str]) -> Polynomial | None:
    inside = frozenset(s.name for s in unknowns(term))
    return None if inside & own else {0: inside}


def _added(parts: Sequence[Polynomial | None]) -> Polynomial | None:
    total: dict[int, frozenset[str]] = {}
    for part in parts:
        if part is None:
            return None
        for power, rests in part.items():
            total[power] = total.get(power, NOTHING) | rests
    return total


def _times(a: Polynomial | None, b: Polynomial | None) -> Polynomial | None:
    if a is None or b is None:
        return None
    return _added([{p + q: r | s} for p, r in a.items() for q, s in b.items()])


def _under(
    others: Sequence[Term], parts: Sequence[Polynomial | None], own: frozenset[str]
) -> Polynomial | None:
    """A sum of parts of which conditions or a denominator decide, free of `own` themselves."""
    deciding = frozenset(s.name for other in others for s in unknowns(other))
    return None if deciding & own else _times({0: deciding}, _added(parts))
