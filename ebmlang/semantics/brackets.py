"""What is said of the brackets of a reduction that do not fit: no range, no body, no use."""

from __future__ import annotations

from ..syntax import tree
from .context import Context, kind_of
from .meant import unknown_dimension, unknown_name
from .repairs import with_range, without
from .terms import (
    Dimension,
    GraphDeclaration,
    Index,
    Symbol,
    Term,
)
from .traverse import free_indices


def all_used(
    expression: tree.Reduction, bound: list[Index], parts: list[Term], context: Context
) -> bool:
    """E204 for an index without a range that stands nowhere in the body or the conditions."""
    used = set().union(*(free_indices(part) for part in parts))
    for index in bound:
        if index in used or index.range is not None:
            continue
        reducer = expression.reducer.text
        short = without(expression.arguments, index.name, reducer)
        helps = [f"leave it out: {short}" if short else None]
        context.error(
            "E204",
            index.span,
            f"index `{index.name}` is not used, and nothing says what it ranges over",
            "stands nowhere in the body",
            helps=helps,
        )
        return False
    return True


def graph_named(
    expression: tree.Expression | tree.Interval, context: Context
) -> GraphDeclaration | None:
    """The graph behind `in`; E201 if there is none."""
    declared = None
    if isinstance(expression, tree.Name):
        declared = context.names.get(expression.text)
        context.used.add(expression.text)
    if isinstance(declared, GraphDeclaration):
        return declared
    text = expression.span.text
    graphs = [n for n, d in context.names.items() if isinstance(d, GraphDeclaration)]
    if text in context.failed:
        return None
    if isinstance(declared, Dimension):
        helps = ["for every pair once: sum(i < j)"]
    else:
        helps = [f"graph {text} on {_some_dimension(context)}"] if text.isidentifier() else []
    if len(graphs) == 1:
        helps = [f"did you mean `{graphs[0]}`?"]
    kind = f"is {kind_of(declared)}" if declared is not None else "is not declared"
    return context.error(
        "E201",
        expression.span,
        f"`{text}` {kind}, and pairs are edges of a graph",
        "a graph is expected here",
        helps=helps,
    )


def _some_dimension(context: Context) -> str:
    return next((n for n, d in context.names.items() if isinstance(d, Dimension)), "site")


def no_range(
    within: tree.Within,
    other: tree.Expression,
    index: Index,
    context: Context,
) -> None:
    """E201: what stands behind `in` is neither a dimension, nor `a..b`, nor neighbours."""
    text = other.span.text
    declared = context.names.get(text)
    if text in context.failed:
        return
    if isinstance(other, tree.Name) and declared is None:
        dims = [n for n, d in context.names.items() if isinstance(d, Dimension)]
        unknown_dimension(text, other.span, dims, context)
        return
    helps = []
    if isinstance(other, tree.Number):
        helps = [f"{within.target.span.text} in 0..{text}"]
    elif isinstance(declared, GraphDeclaration):
        helps = [f"an edge has two ends: ({index.name}, j) in {text}"]
    elif isinstance(declared, Symbol) and len(declared.dims) == 1:
        helps = [f"{index.name} in {declared.dims[0].name}"]
    kind = f"`{text}` is {kind_of(declared)}, not" if declared is not None else f"`{text}` is not"
    context.error(
        "E201",
        other.span,
        f"{kind} a range",
        "expected a dimension, `a..b`, or the neighbours `bonds[i]`",
        helps=helps,
    )


def without_range(name: str, index: Index, context: Context) -> None:
    """E204: nothing says what an index ranges over."""
    dims = [n for n, d in context.names.items() if isinstance(d, Dimension)]
    some, head = dims[0] if dims else "0..10", context.heads.get(index)
    context.error(
        "E204",
        index.span,
        f"index `{name}` never meets a dimension, so its range is unknown",
        "which positions?",
        helps=[
            f"say its range: {with_range(head, index.span, some) if head else f'{name} in {some}'}",
            "or use it as a subscript, which tells it",
        ],
    )


def no_body(call: tree.Call, context: Context) -> None:
    """E101 for `sum(i)` with nothing behind it; E201 where the name was rather meant as an array."""
    reducer, span = call.function.text, call.span
    names = [a for a in call.arguments if isinstance(a, tree.Name)]
    if len(call.arguments) == 1 and names:
        name = names[0].text
        if name in context.failed:
            return None
        if len(name) > 2 or (context.nearest(name) and not context.indices):
            return unknown_name(names[0], context)
    return context.error(
        "E101",
        span,
        f"`{span.text}` has no body to take the {reducer} of",
        "the body is missing",
        helps=[f"for the total of an array: {reducer}(x)", f"with an index: {span.text} x[…]"],
    )
