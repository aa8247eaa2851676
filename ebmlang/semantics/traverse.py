"""Walking and rewriting terms: children, substitution, renaming, sameness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from .sizes import Size
from .terms import (
    Apply,
    Array,
    Between,
    Constant,
    EdgeEnd,
    EdgeNumber,
    Edges,
    Index,
    Listed,
    LogDensity,
    Neighbour,
    NetworkRead,
    Position,
    Range,
    Read,
    Reduce,
    SizeValue,
    Slots,
    Symbol,
    Term,
    Whole,
)

Substitution = Mapping[Index, Term]


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly inside, those in ranges of dependent indices included."""
    match term:
        case Constant() | SizeValue() | Position():
            return ()
        case Read(subscripts=subscripts):
            return subscripts
        case EdgeNumber(site=site):
            return (site,)
        case Apply(arguments=arguments):
            return arguments
        case Reduce(indices=indices, conditions=conditions, body=body):
            sites = tuple(i.range.site for i in indices if isinstance(i.range, Neighbour))
            return (*sites, *conditions, body)
        case NetworkRead(inputs=inputs, subscripts=subscripts):
            return (*(array.body for array in inputs), *subscripts)
        case LogDensity(value=value, arguments=arguments):
            return (value.body, *(argument.body for _, argument in arguments))
        case _:
            assert_never(term)


def walk(term: Term) -> Iterator[Term]:
    """The term and everything inside it; definitions of `let`s are not entered."""
    stack = [term]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def rebuild(term: Term, change: Callable[[Term], Term]) -> Term:
    """The same node with each child changed; bound indices are kept.

    Where no child changes, it is the very node.
    """
    match term:
        case Constant() | SizeValue() | Position():
            return term
        case Read(subscripts=subscripts):
            new = tuple(change(s) for s in subscripts)
            return term if _alike(new, subscripts) else replace(term, subscripts=new)
        case EdgeNumber(site=site):
            return replace(term, site=change(site))
        case Apply(arguments=arguments):
            new = tuple(change(a) for a in arguments)
            return term if _alike(new, arguments) else replace(term, arguments=new)
        case Reduce(conditions=conditions, body=body):
            kept, inner = tuple(change(c) for c in conditions), change(body)
            if inner is body and _alike(kept, conditions):
                return term
            return replace(term, conditions=kept, body=inner)
        case NetworkRead(inputs=inputs, subscripts=subscripts):
            return replace(
                term,
                inputs=tuple(replace(a, body=change(a.body)) for a in inputs),
                subscripts=tuple(change(s) for s in subscripts),
            )
        case LogDensity(value=value, arguments=arguments):
            changed = tuple((name, replace(a, body=change(a.body))) for name, a in arguments)
            return replace(term, value=replace(value, body=change(value.body)), arguments=changed)
        case _:
            assert_never(term)


def _alike(new: tuple[Term, ...], old: tuple[Term, ...]) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))


def symbols(term: Term) -> set[Symbol]:
    """Every declared array that is read, also through definitions."""
    found: set[Symbol] = set()
    stack = [term]
    while stack:
        for node in walk(stack.pop()):
            if isinstance(node, Read) and node.symbol not in found:
                found.add(node.symbol)
                if node.symbol.body is not None:
                    stack.append(node.symbol.body)
    return found


def unknowns(term: Term) -> set[Symbol]:
    """The visible and latent arrays that are read, also through definitions."""
    return {symbol for symbol in symbols(term) if symbol.unknown}


def is_free_of_unknowns(term: Term) -> bool:
    """Whether no visible or latent array is read."""
    return not unknowns(term)


def free_indices(term: Term) -> set[Index]:
    """The indices that stand in a term and are bound outside it, with those their ranges lean on."""
    free: set[Index] = set()

    def visit(node: Term, bound: frozenset[Index]) -> None:
        match node:
            case Position(index=index):
                free.update(leaning(index) - bound)
            case EdgeNumber(slot=slot):
                free.update({slot} - bound)
            case Reduce(indices=indices):
                bound = bound | set(indices)
            case NetworkRead() | LogDensity():
                bound = bound | {axis for array in arrays_of(node) for axis in array.axes}
            case _:
                pass
        for child in children(node):
            visit(child, bound)

    visit(term, frozenset())
    return free


def leaning(index: Index) -> set[Index]:
    """The index and those from which its value follows."""
    match index.range:
        case EdgeEnd(edge=edge):
            return {index, edge}
        case Neighbour(site=site, slot=slot):
            return {index, slot} | free_indices(site)
        case Listed(row=row):
            return {index, row}
        case _:
            return {index}


def substitute(term: Term, replacement: Substitution) -> Term:
    """The term with free indices replaced. Bound indices get fresh twins, so that two copies never clash."""
    if not replacement:
        return term
    match term:
        case Position(index=index):
            return replacement.get(index, term)
        case EdgeNumber(site=site, slot=slot):
            place = replacement.get(slot)
            new = place.index if isinstance(place, Position) else slot
            return replace(term, site=substitute(site, replacement), slot=new)
        case Reduce(indices=indices):
            inner, twins = _refresh(indices, replacement)
            changed = rebuild(term, lambda child: substitute(child, inner))
            assert isinstance(changed, Reduce)
            return replace(changed, indices=twins)
        case NetworkRead(inputs=inputs, subscripts=subscripts):
            kept = tuple(substitute(s, replacement) for s in subscripts)
            arrays = tuple(_in_array(array, replacement) for array in inputs)
            return replace(term, inputs=arrays, subscripts=kept)
        case LogDensity(value=value, arguments=arguments):
            changed_arguments = tuple((name, _in_array(a, replacement)) for name, a in arguments)
            return replace(term, value=_in_array(value, replacement), arguments=changed_arguments)
        case _:
            return rebuild(term, lambda child: substitute(child, replacement))


def _in_array(array: Array, replacement: Substitution) -> Array:
    inner, twins = _refresh(array.axes, replacement)
    return Array(twins, substitute(array.body, inner), array.span)


def arrays_of(term: NetworkRead | LogDensity) -> tuple[Array, ...]:
    """The arrays that a network or a density takes."""
    if isinstance(term, NetworkRead):
        return term.inputs
    return (term.value, *(argument for _, argument in term.arguments))


def _refresh(
    indices: tuple[Index, ...], replacement: Substitution
) -> tuple[dict[Index, Term], tuple[Index, ...]]:
    inner = dict(replacement)
    twins = []
    for index in indices:
        twin = Index(index.name, index.span, index.range and _in_range(index.range, inner))
        inner[index] = Position(twin, index.span)
        twins.append(twin)
    return inner, tuple(twins)


def _in_range(given: Range, replacement: Substitution) -> Range:
    def twin(index: Index) -> Index:
        new = replacement.get(index)
        return new.index if isinstance(new, Position) else index

    match given:
        case EdgeEnd(graph=graph, edge=edge, end=end):
            return EdgeEnd(graph, twin(edge), end)
        case Neighbour(graph=graph, site=site, slot=slot):
            return Neighbour(graph, substitute(site, replacement), twin(slot))
        case Listed(row=row, values=values):
            return Listed(twin(row), values)
        case Whole() | Between() | Edges() | Slots():
            return given
        case _:
            assert_never(given)


def freshen(term: Term) -> Term:
    """The same term with every bound index renamed."""
    match term:
        case Reduce() | NetworkRead() | LogDensity():
            return substitute(term, {Index("", term.span): term})
        case _:
            return rebuild(term, freshen)


def unfold(read: Read) -> Term:
    """What a read of a `let` stands for: its body with the subscripts put in."""
    symbol = read.symbol
    assert symbol.body is not None
    put: dict[Index, Term] = {}
    for axis, subscript in zip(symbol.axes, read.subscripts, strict=True):
        wraps = isinstance(axis.range, Whole) and axis.range.dim.cyclic
        if wraps and isinstance(axis.range, Whole) and not isinstance(subscript, Position):
            size = SizeValue(Size.dimension(axis.range.dim.name), subscript.span)
            subscript = Apply("mod", (subscript, size), subscript.span)
        put[axis] = subscript
    return substitute(symbol.body, put) if put else freshen(symbol.body)


def unfold_all(term: Term) -> Term:
    """The term with every read of a `let` replaced by what it stands for."""
    if isinstance(term, Read) and term.symbol.body is not None:
        return unfold_all(unfold(term))
    return rebuild(term, unfold_all)


def fingerprint(term: Term, names: Mapping[Index, int] | None = None) -> tuple[object, ...]:
    """A hashable shape: equal for terms that mean the same by construction, up to bound names."""
    bound = dict(names or {})

    def key(node: Term) -> tuple[object, ...]:
        match node:
            case Constant(value=value):
                return ("number", value)
            case SizeValue(size=size):
                return ("size", size)
            case Position(index=index):
                return ("at", bound.get(index, id(index)))
            case Read(symbol=symbol):
                return ("read", id(symbol), *map(key, node.subscripts))
            case EdgeNumber(graph=graph, slot=slot):
                return ("edge", graph.name, bound.get(slot, id(slot)), key(node.site))
            case Apply(function=function):
                return (function, *map(key, node.arguments))
            case Reduce(reducer=reducer, indices=indices):
                for index in indices:
                    bound[index] = len(bound)
                ranges = tuple(_range_key(index, bound, key) for index in indices)
                return (reducer, ranges, tuple(map(key, node.conditions)), key(node.body))
            case NetworkRead(network=network, inputs=inputs):
                for array in inputs:
                    for axis in array.axes:
                        bound[axis] = len(bound)
                bodies = tuple(key(array.body) for array in inputs)
                return ("net", network.name, bodies, *map(key, node.subscripts))
            case LogDensity(distribution=name, arguments=arguments):
                for array in arrays_of(node):
                    for axis in array.axes:
                        bound[axis] = len(bound)
                rest = tuple((label, key(a.body)) for label, a in arguments)
                return ("density", name, key(node.value.body), rest)
            case _:
                assert_never(node)

    return key(term)


def _range_key(
    index: Index, bound: Mapping[Index, int], key: Callable[[Term], tuple[object, ...]]
) -> object:
    match index.range:
        case Whole(dim=dim):
            return dim.name
        case Between(lower=lower, upper=upper):
            return (lower, upper)
        case Edges(graph=graph) | Slots(graph=graph):
            return graph.name
        case EdgeEnd(graph=graph, edge=edge, end=end):
            return (graph.name, bound.get(edge, id(edge)), end)
        case Neighbour(graph=graph, site=site, slot=slot):
            return (graph.name, key(site), bound.get(slot, id(slot)))
        case Listed() | None:
            return id(index)
        case _:
            assert_never(index.range)


def same(a: Term, b: Term) -> bool:
    """Whether two terms are the same by construction."""
    return fingerprint(a) == fingerprint(b)
