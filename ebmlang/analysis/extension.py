"""The multilinear extension: an energy of whole numbers as one of real numbers, equal where both speak.

A category becomes its one-hot array, `T[i, x[i]]` the sum over c of X[i, c] * T[i, c]. A function
of a single discrete site becomes the weighted sum of its values at the site's states, which is of
first degree. The gradient of the result is then the exact conditional (Grathwohl et al. 2021,
section 3), where the plain gradient would be an approximation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..semantics.functions import FUNCTIONS
from ..semantics.terms import (
    Apply,
    Constant,
    Domain,
    Index,
    Kind,
    NetworkRead,
    Position,
    Read,
    Reduce,
    Symbol,
    Term,
    Whole,
)
from ..semantics.traverse import (
    fingerprint,
    free_indices,
    rebuild,
    substitute,
    symbols,
    unfold_all,
    walk,
)
from ..semantics.walls import may_be_infinite

MOST_SITES = 2


def one_hot_symbols(unknowns: Mapping[str, Symbol]) -> dict[Symbol, Symbol]:
    """For every category the array of reals that stands for it, with its labels as last dimension."""
    made = {}
    for symbol in unknowns.values():
        labels = symbol.domain.labels
        if symbol.domain.kind is Kind.CATEGORY and labels is not None:
            made[symbol] = replace(symbol, domain=Domain(Kind.REAL), dims=(*symbol.dims, labels))
    return made


def extend(term: Term, one_hot: Mapping[Symbol, Symbol]) -> Term:
    """The extension of an energy. Definitions are written out where they read discrete unknowns."""
    discrete = {s for s in symbols(term) if s.unknown and s.domain.discrete}
    if not discrete:
        return term
    return _extend(unfold_all(term), one_hot)


def _extend(term: Term, one_hot: Mapping[Symbol, Symbol]) -> Term:
    single = _single_site(term)
    if single is not None and not may_be_infinite(term):
        return _extend(_states(term, single, one_hot), one_hot)
    match term:
        case Read(subscripts=subscripts) | NetworkRead(subscripts=subscripts) if any(
            _is_category(s, one_hot) for s in subscripts
        ):
            return _contract(term, one_hot)
        case Apply(function="==" | "!=" as sign, arguments=(a, b)) if _is_category(
            a, one_hot
        ) or _is_category(b, one_hot):
            equal = _equal(a, b, one_hot, term)
            one = Constant(1.0, term.span)
            return equal if sign == "==" else Apply("-", (one, equal), term.span)
        case Read() if _is_category(term, one_hot):
            return _number(term, one_hot)
        case _:
            return rebuild(term, lambda child: _extend(child, one_hot))


def _is_category(term: Term, one_hot: Mapping[Symbol, Symbol]) -> bool:
    return isinstance(term, Read) and term.symbol in one_hot


def _hot(read: Term, at: Term, one_hot: Mapping[Symbol, Symbol]) -> Read:
    assert isinstance(read, Read)
    return Read(one_hot[read.symbol], (*read.subscripts, at), read.span)


def _new_index(read: Read, one_hot: Mapping[Symbol, Symbol]) -> Index:
    labels = read.symbol.domain.labels
    assert labels is not None
    return Index(labels.name, read.span, Whole(labels))


def _contract(term: Read | NetworkRead, one_hot: Mapping[Symbol, Symbol]) -> Term:
    """`T[…, x[i], …]` as a sum over the labels."""
    indices: list[Index] = []
    hots: list[Term] = []
    plain: list[Term] = []
    for subscript in term.subscripts:
        if isinstance(subscript, Read) and subscript.symbol in one_hot:
            index = _new_index(subscript, one_hot)
            at = Position(index, subscript.span)
            indices.append(index)
            hots.append(_hot(subscript, at, one_hot))
            plain.append(at)
        else:
            plain.append(_extend(subscript, one_hot))
    body: Term = replace(term, subscripts=tuple(plain))
    if isinstance(body, NetworkRead):
        inputs = tuple(replace(a, body=_extend(a.body, one_hot)) for a in body.inputs)
        body = replace(body, inputs=inputs)
    for hot in hots:
        body = Apply("*", (body, hot), term.span)
    return Reduce("sum", tuple(indices), (), body, term.span, term.span)


def _equal(a: Term, b: Term, one_hot: Mapping[Symbol, Symbol], term: Term) -> Term:
    """`x[i] == k` is X[i, k]; `x[i] == x[j]` the sum over c of X[i, c] * X[j, c].

    What may be no label, such as `k + 1`, is compared with each: past the end it equals none.
    """
    if not _is_category(a, one_hot):
        a, b = b, a
    assert isinstance(a, Read)
    index = _new_index(a, one_hot)
    if isinstance(b, Position) and b.index.range == index.range:
        return _hot(a, b, one_hot)
    at = Position(index, term.span)
    same = (
        _hot(b, at, one_hot)
        if _is_category(b, one_hot)
        else Apply("==", (at, _extend(b, one_hot)), term.span)
    )
    body = Apply("*", (_hot(a, at, one_hot), same), term.span)
    return Reduce("sum", (index,), (), body, term.span, term.span)


def _number(read: Read, one_hot: Mapping[Symbol, Symbol]) -> Term:
    """The number of a label, as networks take it: the sum over c of c * X[i, c]."""
    index = _new_index(read, one_hot)
    at = Position(index, read.span)
    body = Apply("*", (at, _hot(read, at, one_hot)), read.span)
    return Reduce("sum", (index,), (), body, read.span, read.span)


# ---------------------------------------------------------------- single sites


def _single_site(term: Term) -> Read | None:
    """The one discrete site whose function this is, if it is worth writing out as such."""
    if not isinstance(term, Apply | Read | NetworkRead):
        return None
    if isinstance(term, Apply) and term.function in ("+", "-", "negate"):
        return None
    reads = [
        node
        for node in walk(term)
        if node is not term
        and isinstance(node, Read)
        and node.symbol.unknown
        and node.symbol.domain.kind in (Kind.BINARY, Kind.SPIN, Kind.CATEGORY)
    ]
    if not reads:
        return None
    sites = {fingerprint(read): read for read in reads}
    if len(sites) > MOST_SITES:
        return None
    outside = free_indices(term)
    for key, site in sites.items():
        same_variable = [r for r in sites.values() if r.symbol is site.symbol]
        times = sum(fingerprint(read) == key for read in reads)
        if len(same_variable) > 1 or not free_indices(site) <= outside:
            continue
        if _bends(term, site, times):
            return site
    return None


def _bends(term: Term, site: Read, times: int) -> bool:
    """Whether a term is not of first degree in a site that stands in it that many times."""
    if isinstance(term, Apply):
        if term.function == "*":
            return all(_stands_in(argument, site) for argument in term.arguments)
        if term.function in ("==", "!=") and site.symbol.domain.kind is Kind.CATEGORY:
            return False
        if term.function == "/" and not _stands_in(term.arguments[1], site):
            return times > 1 and not isinstance(term.arguments[1], Constant)
        return not FUNCTIONS[term.function].affine
    if isinstance(term, NetworkRead) and any(_stands_in(a.body, site) for a in term.inputs):
        return True
    return times > 1 or site.symbol.domain.kind is not Kind.CATEGORY


def _stands_in(term: Term, site: Read) -> bool:
    key = fingerprint(site)
    return any(isinstance(node, Read) and fingerprint(node) == key for node in walk(term))


def _states(term: Term, site: Read, one_hot: Mapping[Symbol, Symbol]) -> Term:
    """Sum over the states of a site of its indicator times the term at that state."""
    span = term.span
    match site.symbol.domain.kind:
        case Kind.CATEGORY:
            index = _new_index(site, one_hot)
            at = Position(index, span)
            body = Apply("*", (_hot(site, at, one_hot), _put(term, site, at)), span)
            return Reduce("sum", (index,), (), body, span, span)
        case Kind.BINARY:
            low = _put(term, site, Constant(0.0, span))
            high = _put(term, site, Constant(1.0, span))
            step = Apply("*", (site, Apply("-", (high, low), span)), span)
            return Apply("+", (low, step), span)
        case _:
            low = _put(term, site, Constant(-1.0, span))
            high = _put(term, site, Constant(1.0, span))
            half = Constant(0.5, span)
            mean = Apply("*", (half, Apply("+", (high, low), span)), span)
            slope = Apply("*", (half, Apply("-", (high, low), span)), span)
            return Apply("+", (mean, Apply("*", (site, slope), span)), span)


def _put(term: Term, site: Read, value: Term) -> Term:
    key = fingerprint(site)

    def put(node: Term) -> Term:
        if isinstance(node, Read) and fingerprint(node) == key:
            return value
        return rebuild(node, put)

    copy = put(term)
    return substitute(copy, {Index("", term.span): term})
