"""Reductions: the brackets of `sum(i < j) …`, their indices, ranges and conditions."""

from __future__ import annotations

from dataclasses import replace

from ..syntax import tree
from .arrays import arithmetic_on_category, summed
from .brackets import all_used, graph_named, no_body, no_range, without_range
from .context import Context, Value, declared_at, kind_of
from .lengths import range_of
from .terms import (
    Apply,
    Between,
    Dimension,
    EdgeEnd,
    EdgeNumber,
    Edges,
    GraphDeclaration,
    Index,
    Neighbour,
    Position,
    Reduce,
    Slots,
    Term,
    Whole,
)


def has_new_index(call: tree.Call, context: Context) -> bool:
    """Whether the brackets of a reducer without a body introduce an index (`sum(i)`)."""
    return call.function.text in ("sum", "prod", "max", "min", "mean", "logsumexp") and any(
        isinstance(argument, tree.Within) or _new_names(argument, context)
        for argument in call.arguments
        if isinstance(argument, tree.Name | tree.Within | tree.Compare)
    )


def elaborate_reduction(expression: tree.Reduction, context: Context) -> Value | None:
    """`sum(…) body` as a term. The indices end with the body."""
    opened = _open(expression.arguments, context)
    if opened is None:
        return None
    bound, named, ranges = opened
    head = expression.head
    for index in bound:
        context.heads[index] = head
    owed = len(context.obligations)
    with context.in_force(named):
        context.pairs += ranges
        conditions = [
            context.elaborate(argument, context)
            for argument in expression.arguments
            if not isinstance(argument, tree.Name | tree.Within | tree.Keyword)
        ]
        body = context.elaborate(expression.body, context)
    context.ended.update(dict.fromkeys(named, (expression.span, head)))
    if body is None or any(condition is None for condition in conditions):
        return None
    parts = [body.body, *(value.body for value in conditions if value)]
    if not all_used(expression, bound, parts, context) or not settle_ranges(named, context):
        return None
    if body.category is not None:
        return arithmetic_on_category(replace(body, span=expression.body.span), context)
    kept = tuple(c.body for value in conditions if value for c in _split(value))
    context.owe_under(owed, *((condition, True) for condition in kept))
    reducer = expression.reducer.text
    term = Reduce(reducer, tuple(bound), kept, body.body, expression.span, head)
    integer = body.integer and reducer in ("sum", "prod", "max", "min")
    free = {axis: axis for axis in body.axes}
    return Value(tuple(free), term, expression.span, integer)


def _split(value: Value) -> list[Value]:
    """The parts of a conjunction, so that `i < j < k` becomes two conditions of two indices."""
    body = value.body
    if isinstance(body, Apply) and body.function == "and":
        return [
            part
            for argument in body.arguments
            for part in _split(Value((), argument, value.span, True))
        ]
    return [value]


Opened = tuple[list[Index], dict[str, Index], list[tuple[GraphDeclaration, Index, Index, Term]]]


def _open(arguments: tuple[tree.Argument, ...], context: Context) -> Opened | None:
    """Indices with axes and dependent ones, by name, and the edges in force."""
    bound: list[Index] = []
    named: dict[str, Index] = {}
    pairs: list[tuple[GraphDeclaration, Index, Index, Term]] = []
    fine = True
    for argument in arguments:
        match argument:
            case tree.Name(text=name, span=span):
                fine &= bind_index(Index(name, span), bound, named, context)
            case tree.Within(target=tree.Tuple(items=items)):
                fine &= _open_edges(argument, items, bound, named, pairs, context)
            case tree.Within(target=tree.Name(text=name, span=span)):
                fine &= _open_one(argument, Index(name, span), bound, named, pairs, context)
            case tree.Compare():
                for name in _new_names(argument, context):
                    if name.text not in named:
                        fine &= bind_index(Index(name.text, name.span), bound, named, context)
            case tree.Keyword() | tree.Within():
                context.error(
                    "E101",
                    argument.span,
                    f"expected an index in the brackets, found `{argument.span.text}`",
                    helps=["an index, a range `i in 0..5`, an edge `(i, j) in bonds`, a condition"],
                )
                fine = False
            case _:
                if isinstance(argument, tree.Logic | tree.Not):
                    continue
                context.error(
                    "E101",
                    argument.span,
                    "expected an index, a range or a condition in the brackets",
                    "none of these",
                    helps=["the total of an array has nothing behind its brackets: sum(x^2)"],
                )
                fine = False
    return (bound, named, pairs) if fine else None


def bind_index(index: Index, bound: list[Index], named: dict[str, Index], context: Context) -> bool:
    """Let an index into a reduction or a `let`; E202 if its name is taken."""
    name = index.name
    declared = context.names.get(name)
    if declared is not None:
        context.error(
            "E202",
            index.span,
            f"`{name}` is already the name of {kind_of(declared)}",
            "a new index needs a name of its own",
            marks=[(declared_at(declared), "declared here")],
            helps=[f"for every position of it: i in {name}"]
            if isinstance(declared, Dimension)
            else [],
        )
        return False
    other = named.get(name) or context.indices.get(name)
    if other is not None:
        context.error(
            "E202",
            index.span,
            f"`{name}` is already an index here",
            "again",
            marks=[(other.span, "first here")],
            helps=["leave one out" if name in named else "give the inner one another name"],
        )
        return False
    bound.append(index)
    named[name] = index
    return True


def _new_names(expression: tree.Argument | tree.Slice, context: Context) -> list[tree.Name]:
    """Names in a comparison that nothing declares: they become indices."""
    match expression:
        case tree.Name(text=name):
            known = name in context.indices or name in context.arguments or name in context.names
            return [] if known else [expression]
        case tree.Compare(left=left, steps=steps):
            sides = [left, *(step.right for step in steps)]
            return [name for side in sides for name in _new_names(side, context)]
        case tree.Binary(left=left, right=right):
            return [*_new_names(left, context), *_new_names(right, context)]
        case tree.Negate(operand=inner) | tree.Paren(inner=inner):
            return _new_names(inner, context)
        case tree.Call(arguments=arguments):
            return [name for a in arguments for name in _new_names(a, context)]
        case _:
            return []


def _open_edges(
    within: tree.Within,
    items: tuple[tree.Expression, ...],
    bound: list[Index],
    named: dict[str, Index],
    pairs: list[tuple[GraphDeclaration, Index, Index, Term]],
    context: Context,
) -> bool:
    graph = graph_named(within.range, context)
    names = [item for item in items if isinstance(item, tree.Name)]
    if graph is None or len(names) != 2 or len(items) != 2:
        if graph is not None:
            says = f"an edge of `{graph.name}` has two ends"
            helps = [f"(i, j) in {graph.name}"]
            context.error("E303", within.target.span, says, "expected two names", helps=helps)
        return False
    edge = Index(graph.name, within.span, Edges(graph))
    ends = []
    for k, name in enumerate(names):
        end = Index(name.text, name.span, EdgeEnd(graph, edge, k))
        if not bind_index(end, bound, named, context):
            return False
        ends.append(end)
    bound.insert(len(bound) - 2, edge)
    pairs.append((graph, ends[0], ends[1], Position(edge, within.span)))
    return True


def _open_one(
    within: tree.Within,
    index: Index,
    bound: list[Index],
    named: dict[str, Index],
    pairs: list[tuple[GraphDeclaration, Index, Index, Term]],
    context: Context,
) -> bool:
    match within.range:
        case tree.Interval() as interval:
            ends = range_of(interval, context)
            if ends is None:
                return False
            index.range = Between(*ends)
        case tree.Subscripted(base=base, subscripts=(site,)) if not isinstance(site, tree.Slice):
            return _open_neighbours(base, site, index, bound, named, pairs, context)
        case tree.Name(text=name) if isinstance(context.names.get(name), Dimension):
            context.used.add(name)
            dim = context.names[name]
            assert isinstance(dim, Dimension)
            index.range = Whole(dim)
        case other:
            no_range(within, other, index, context)
            return False
    context.found_at[index] = index.span
    return bind_index(index, bound, named, context)


def _open_neighbours(
    base: tree.Expression,
    site: tree.Expression,
    index: Index,
    bound: list[Index],
    named: dict[str, Index],
    pairs: list[tuple[GraphDeclaration, Index, Index, Term]],
    context: Context,
) -> bool:
    graph = graph_named(base, context)
    if graph is None:
        return False
    with context.in_force(named):
        value = context.elaborate(site, context)
    if value is None:
        return False
    if isinstance(value.body, Position) and value.body.index.range is None:
        value.body.index.range = Whole(graph.on)
        context.found_at[value.body.index] = site.span
    slot = Index(graph.name, index.span, Slots(graph))
    index.range = Neighbour(graph, value.body, slot)
    if not bind_index(index, bound, named, context):
        return False
    bound.insert(len(bound) - 1, slot)
    edge = EdgeNumber(graph, value.body, slot, index.span)
    pairs.append((graph, index, index, edge))
    return True


def settle_ranges(named: dict[str, Index], context: Context) -> bool:
    """Ranges for indices that so far stand only in subscripts with other indices; E204 for the rest."""
    later = []
    for index, dim, span in context.weak:
        if index.range is not None:
            continue
        if index in named.values():
            index.range = Whole(dim)
            context.found_at[index] = span
        else:
            later.append((index, dim, span))
    context.weak = later
    missing = {name: index for name, index in named.items() if index.range is None}
    for name, index in missing.items():
        without_range(name, index, context)
    return not missing


def total(call: tree.Call, context: Context) -> Value | None:
    """`sum(x ^ 2)`: an array in the brackets and no body."""
    reducer, span = call.function.text, call.span
    if len(call.arguments) != 1 or has_new_index(call, context):
        return no_body(call, context)
    (argument,) = call.arguments
    if isinstance(argument, tree.Within | tree.Keyword):
        return no_body(call, context)
    value = context.elaborate(argument, context)
    if value is None:
        return None
    if value.category is not None:
        return arithmetic_on_category(value, context)
    if value.scalar:
        text = argument.span.text
        return context.error(
            "E303",
            argument.span,
            f"`{reducer}` takes an array, and `{text}` is one number",
            "one number",
            helps=[f"leave the {reducer} out: {text}"],
        )
    return summed(value, reducer, span)
