"""Terms taken apart: a sum into its parts, a product into its factors."""

from __future__ import annotations

from ..semantics.terms import Apply, Constant, Term


def addends(term: Term, sign: float = 1.0) -> list[tuple[float, Term]]:
    """The parts of a sum written with `+` and `-`, each with its sign."""
    match term:
        case Apply(function="+", arguments=(a, b)):
            return addends(a, sign) + addends(b, sign)
        case Apply(function="-", arguments=(a, b)):
            return addends(a, sign) + addends(b, -sign)
        case Apply(function="negate", arguments=(a,)):
            return addends(a, -sign)
        case _:
            return [(sign, term)]


def factors(term: Term, coefficient: float) -> tuple[float, list[Term]]:
    """A product as a number and its factors; a quotient's lower part is a factor to the power -1."""
    match term:
        case Constant(value=value):
            return coefficient * value, []
        case Apply(function="negate", arguments=(a,)):
            return factors(a, -coefficient)
        case Apply(function="*", arguments=(a, b)):
            coefficient, left = factors(a, coefficient)
            coefficient, right = factors(b, coefficient)
            return coefficient, left + right
        case Apply(function="/", arguments=(a, Constant(value=value))) if value != 0:
            return factors(a, coefficient / value)
        case Apply(function="/", arguments=(a, b)):
            coefficient, left = factors(a, coefficient)
            one = Constant(1.0, term.span)
            return coefficient, [*left, Apply("/", (one, b), term.span)]
        case _:
            return coefficient, [term]
