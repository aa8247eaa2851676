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
        helps = _edges_or_neighbours(within, index, text, context)
    elif (over := _range_called(other, context)) is not None:
        helps = [f"{within.target.span.text} in {over}"]
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


def _edges_or_neighbours(
    within: tree.Within, index: Index, graph: str, context: Context
) -> list[str]:
    """What `j in bonds` was meant to be: an edge with the index before it, or the neighbours."""
    outer = [n for n in context.indices if n != index.name]
    head = within.span.source.text[: within.span.start].rpartition("(")[2].strip(" ,")
    before = head.rpartition(",")[2].strip()
    if before.isidentifier():
        return [f"an edge has two ends: ({before}, {index.name}) in {graph}"]
    if outer:
        return [f"the neighbours of `{outer[-1]}`: {index.name} in {graph}[{outer[-1]}]"]
    end = "j" if index.name != "j" else "k"
    return [f"an edge has two ends: ({index.name}, {end}) in {graph}"]


def _range_called(other: tree.Expression | tree.Interval, context: Context) -> str | None:
    """`range(6)` and `bonds(i)` as they are written here."""
    if not isinstance(other, tree.Call):
        return None
    texts = [argument.span.text for argument in other.arguments]
    if other.function.text in ("range", "arange") and 1 <= len(texts) <= 2:
        return f"{texts[0] if texts[1:] else '0'}..{texts[-1]}"
    if isinstance(context.names.get(other.function.text), GraphDeclaration) and len(texts) == 1:
        return f"{other.function.text}[{texts[0]}]"
    return None


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
    axis = next((a for a in call.arguments if isinstance(a, tree.Keyword)), None)
    if axis is not None and len(call.arguments) > 1:
        says = f"`{reducer}` has no `{axis.name.text}`: what it runs over is named by an index"
        whole = call.arguments[0].span.text
        return context.error("E101", axis.span, says, helps=[f"{reducer}(i) {whole}[i, :]"])
    return context.error(
        "E101",
        span,
        f"`{span.text}` has no body to take the {reducer} of",
        "the body is missing",
        helps=_with_body(call),
    )


def _with_body(call: tree.Call) -> list[str]:
    """Where the body may have gone: into the brackets, in front of what it runs over."""
    reducer = call.function.text
    first, *others = call.arguments
    heads = [a for a in others if isinstance(a, tree.Within | tree.Compare) or _is_index(a)]
    if others and len(heads) == len(others) and not _is_index(first):
        body = first.span.text
        body = body if isinstance(first, tree.Subscripted | tree.Name) else f"({body})"
        return [f"{reducer}({', '.join(h.span.text for h in heads)}) {body}"]
    helps = [f"for the total of an array: {reducer}(x)"]
    if all(_is_index(a) or isinstance(a, tree.Within | tree.Compare) for a in call.arguments):
        helps.append(f"with an index: {call.span.text} x[…]")
    return helps


def _is_index(argument: tree.Argument) -> bool:
    return isinstance(argument, tree.Name) and len(argument.text) <= 2
