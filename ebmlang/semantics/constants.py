"""What of an energy depends on no unknown: it cancels from every law, and is only in the way.

Beside a constant of 1e8, a float32 tells no difference of energies below 8 nats. So samplers see
the energy without its constants; log Z and the energies that are told have them in float64.
"""

from __future__ import annotations

from typing import NamedTuple

from .terms import Apply, Constant, Index, Neighbour, Read, Reduce, Term
from .traverse import free_indices, is_free_of_unknowns, unfold


class Parts(NamedTuple):
    """A term as a sum of what depends on no unknown and of what does; None where there is none."""

    constant: Term | None
    varying: Term | None


def parts_of(term: Term, bound: frozenset[Index] = frozenset()) -> Parts:
    """The constant of a term and the rest, the term itself where it has no constant.

    `bound`: indices on which the constant must not depend, as where a largest one is taken.
    """
    if is_free_of_unknowns(term):
        return Parts(None, term) if free_indices(term) & bound else Parts(term, None)
    match term:
        case Apply(function="+" | "-"):
            found = _summed(term, bound)
        case Apply(function="negate" | "*" | "/" | "if"):
            found = _scaled(term, bound)
        case Reduce(reducer="sum" | "mean"):
            found = _totalled(term, bound)
        case Reduce(reducer="max" | "min" | "logsumexp", indices=indices):
            inner = parts_of(term.body, bound | frozenset(indices))
            shifted = inner.varying is not None and not _leans(term, bound)
            found = _within(term, inner) if shifted else None
        case Read() if term.symbol.body is not None:
            found = parts_of(unfold(term), bound)
        case _:
            found = None
    return Parts(None, term) if found is None or found.constant is None else found


def _summed(term: Apply, bound: frozenset[Index]) -> Parts:
    left, right = (parts_of(argument, bound) for argument in term.arguments)
    return Parts(*(_joined(term, a, b) for a, b in zip(left, right, strict=True)))


def _joined(term: Apply, left: Term | None, right: Term | None) -> Term | None:
    if right is None:
        return left
    if left is None:
        return right if term.function == "+" else Apply("negate", (right,), term.span)
    return Apply(term.function, (left, right), term.span)


def _scaled(term: Apply, bound: frozenset[Index]) -> Parts | None:
    """A multiple, a fraction or a choice: constant where its factor or its condition is."""
    arguments = term.arguments
    moving = [k for k, a in enumerate(arguments) if not is_free_of_unknowns(a)]
    first = {"negate": 0, "*": 0, "/": 0, "if": 1}[term.function]
    last = {"negate": 0, "*": 1, "/": 0, "if": 2}[term.function]
    if not all(first <= k <= last for k in moving) or (term.function == "*" and len(moving) > 1):
        return None
    places = range(first, last + 1) if term.function == "if" else moving
    others = [a for k, a in enumerate(arguments) if k not in places]
    if any(free_indices(other) & bound for other in others):
        return None
    inner = {k: parts_of(arguments[k], bound) for k in places}

    def put(which: int) -> Term | None:
        chosen = {k: parts[which] for k, parts in inner.items()}
        if all(part is None for part in chosen.values()):
            return None
        zero = Constant(0.0, term.span)
        made = [(chosen[k] or zero) if k in chosen else a for k, a in enumerate(arguments)]
        return Apply(term.function, tuple(made), term.span)

    return Parts(put(0), put(1))


def _totalled(term: Reduce, bound: frozenset[Index]) -> Parts | None:
    """A sum over the same instances whatever the unknowns are."""
    if _leans(term, bound) or not all(is_free_of_unknowns(c) for c in term.conditions):
        return None
    inner = parts_of(term.body, bound)

    def over(body: Term | None) -> Term | None:
        if body is None:
            return None
        return Reduce(term.reducer, term.indices, term.conditions, body, term.span, term.head)

    return Parts(over(inner.constant), over(inner.varying))


def _within(term: Reduce, inner: Parts) -> Parts:
    """The largest of c + f(i) is c and the largest of f(i)."""
    assert inner.varying is not None
    body = Reduce(term.reducer, term.indices, term.conditions, inner.varying, term.span, term.head)
    return Parts(inner.constant, body)


def _leans(term: Reduce, bound: frozenset[Index]) -> bool:
    """Whether over what is reduced depends on an unknown or on one of these indices."""
    sites = [i.range.site for i in term.indices if isinstance(i.range, Neighbour)]
    return any(not is_free_of_unknowns(site) for site in sites) or any(
        free_indices(part) & bound for part in (*term.conditions, *sites)
    )
