"""An energy multiplied out in one variable: which pairs of its sites stand in a product, and with what.

Where every product holds at most two sites, and no other unknown beside two, the energy is
x' J x / 2 + g' x with a J that only parameters decide: the ground of Gibbs by carried fields and by
tables of neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce

from ..semantics.terms import Apply, Constant, Index, NamedEnergy, Read, Reduce, Term
from ..semantics.traverse import is_free_of_unknowns, substitute, symbols, unfold, unknowns
from ..syntax.source import Span

MOST_TERMS = 64


class NotPolynomial(Exception):
    """The variable stands in something that is no sum of products."""


@dataclass(frozen=True, slots=True)
class Monomial:
    """A sum over indices, where conditions hold, of a number, factors and reads of the variable.

    `curved`: factors in which the variable stands otherwise than in sums and products.
    """

    coefficient: float = 1.0
    indices: tuple[Index, ...] = ()
    conditions: tuple[Term, ...] = ()
    factors: tuple[Term, ...] = ()
    reads: tuple[Read, ...] = ()
    curved: tuple[Term, ...] = ()

    def times(self, other: Monomial) -> Monomial:
        """The product; the indices of the two must differ."""
        return Monomial(
            self.coefficient * other.coefficient,
            (*self.indices, *other.indices),
            (*self.conditions, *other.conditions),
            (*self.factors, *other.factors),
            (*self.reads, *other.reads),
            (*self.curved, *other.curved),
        )

    def product(self, span: Span) -> Term:
        """The number times all factors and reads, without the sum."""
        parts = (*self.factors, *self.reads, *self.curved)
        start: Term = Constant(self.coefficient, span)
        return reduce(lambda a, b: Apply("*", (a, b), span), parts, start)

    def term(self, span: Span) -> Term:
        """The monomial as a term."""
        body = self.product(span)
        if not self.indices and not self.conditions:
            return body
        return Reduce("sum", self.indices, self.conditions, body, span, span)


def monomials(term: Term, name: str) -> list[Monomial]:
    """The term multiplied out in the variable of that name. Raises NotPolynomial."""
    found = multiplied_out(term, name)
    if any(m.curved for m in found):
        raise NotPolynomial
    return found


def multiplied_out(term: Term, name: str) -> list[Monomial]:
    """The term as monomials; what is no sum of products stays as it is, a curved factor."""
    if all(symbol.name != name for symbol in symbols(term)):
        return [Monomial(factors=(term,))]
    try:
        return _opened(term, name)
    except NotPolynomial:
        return [Monomial(curved=(term,))]


def _opened(term: Term, name: str) -> list[Monomial]:
    match term:
        case Read(symbol=symbol) if symbol.body is not None:
            return multiplied_out(unfold(term), name)
        case Read(symbol=symbol, subscripts=subscripts) if symbol.name == name:
            if not all(is_free_of_unknowns(s) for s in subscripts):
                raise NotPolynomial
            return [Monomial(reads=(term,))]
        case Apply():
            return _applied(term, name)
        case Reduce(reducer="sum" | "mean"):
            return _summed(term, name)
        case _:
            raise NotPolynomial


def _applied(term: Apply, name: str) -> list[Monomial]:
    match term:
        case Apply(function="+", arguments=(a, b)):
            return _few([*multiplied_out(a, name), *multiplied_out(b, name)])
        case Apply(function="-", arguments=(a, b)):
            return _few([*multiplied_out(a, name), *_scaled(multiplied_out(b, name), -1.0)])
        case Apply(function="negate", arguments=(a,)):
            return _scaled(multiplied_out(a, name), -1.0)
        case Apply(function="*", arguments=(a, b)):
            return _multiplied(multiplied_out(a, name), multiplied_out(b, name))
        case Apply(function="/", arguments=(a, b)) if all(s.name != name for s in symbols(b)):
            under = Apply("/", (Constant(1.0, term.span), b), term.span)
            return _multiplied(multiplied_out(a, name), [Monomial(factors=(under,))])
        case Apply(function="square", arguments=(a,)):
            return _squared(a, name)
        case Apply(function="^", arguments=(a, Constant(value=2.0))):
            return _squared(a, name)
        case _:
            raise NotPolynomial


def _squared(term: Term, name: str) -> list[Monomial]:
    twin = substitute(term, {Index("", term.span): term})
    one, other = multiplied_out(term, name), multiplied_out(twin, name)
    if any(m.curved for m in one):
        raise NotPolynomial
    return _multiplied(one, other)


def _multiplied(left: list[Monomial], right: list[Monomial]) -> list[Monomial]:
    if len(left) * len(right) > MOST_TERMS:
        raise NotPolynomial
    return [a.times(b) for a in left for b in right]


def _scaled(found: list[Monomial], by: float) -> list[Monomial]:
    return [replace(m, coefficient=by * m.coefficient) for m in found]


def _few(found: list[Monomial]) -> list[Monomial]:
    if len(found) > MOST_TERMS:
        raise NotPolynomial
    return found


def _summed(term: Reduce, name: str) -> list[Monomial]:
    """A sum, its indices renamed so that the product of two sums never mixes them up."""
    twin = substitute(term, {Index("", term.span): term})
    assert isinstance(twin, Reduce)
    if any(unknowns(condition) for condition in twin.conditions):
        raise NotPolynomial
    inside = multiplied_out(twin.body, name)
    extra: tuple[Term, ...] = ()
    if term.reducer == "mean":
        one = Constant(1.0, term.span)
        count = Reduce("sum", term.indices, term.conditions, one, term.span, term.head)
        extra = (Apply("/", (one, count), term.span),)
    return [
        replace(
            m,
            indices=(*twin.indices, *m.indices),
            conditions=(*twin.conditions, *m.conditions),
            factors=(*extra, *m.factors),
        )
        for m in inside
    ]


def pairs_of(energies: Iterable[NamedEnergy], name: str) -> tuple[Monomial, ...] | None:
    """The products of two sites of a variable in its extended energies.

    None if some product holds three, something is no product, or another unknown stands beside two.
    """
    found: list[Monomial] = []
    try:
        for energy in energies:
            found += [m for m in monomials(energy.term, name) if m.reads]
    except NotPolynomial:
        return None
    pairs = [m for m in found if len(m.reads) == 2]
    plain = all(is_free_of_unknowns(f) for m in pairs for f in m.factors)
    return tuple(pairs) if plain and all(len(m.reads) <= 2 for m in found) else None
