"""Arrays over the edges of a graph: `J[i, j]` where an edge joins i and j."""

from __future__ import annotations

from ..syntax import tree
from .context import Context
from .meant import loose_subscripts
from .terms import GraphDeclaration, Neighbour, Position, Term
from .traverse import same


def edge_of(
    graph: GraphDeclaration,
    first: tree.Expression | tree.Slice,
    second: tree.Expression | tree.Slice,
    whole: tree.Subscripted,
    context: Context,
) -> Term | None:
    """The number of the edge that two subscripts name; E306 if none is in force."""
    ends = []
    for subscript in (first, second):
        if isinstance(subscript, tree.Slice):
            return _no_edge(graph, whole, context)
        if loose_subscripts(subscript, context):
            return None
        value = context.elaborate(subscript, context)
        if value is None:
            return None
        if not value.scalar:
            return _no_edge(graph, whole, context)
        ends.append(value.body)
    for known, i, j, edge in context.pairs:
        pair = (Position(i, i.span), Position(j, j.span))
        if isinstance(j.range, Neighbour):
            pair = (j.range.site, pair[1])
        straight = same(ends[0], pair[0]) and same(ends[1], pair[1])
        crossed = same(ends[0], pair[1]) and same(ends[1], pair[0])
        if known is graph and (straight or crossed):
            return edge
    return _no_edge(graph, whole, context)


def _no_edge(graph: GraphDeclaration, whole: tree.Subscripted, context: Context) -> None:
    name, ends = graph.name, [s.span.text for s in whole.subscripts]
    marks = [(graph.span, f"`{whole.base.span.text}` has values for these edges only")]
    others = [g for g, *_ in context.pairs if g is not graph]
    helps: list[str | None] = []
    if others:
        marks.append((others[-1].span, "the pairs here are edges of this one"))
    elif all(e in context.indices for e in ends) and ends[0] != ends[1]:
        heads = {context.heads.get(context.indices[e]) for e in ends}
        head = next(iter(heads)) if len(heads) == 1 else None
        reducer = head.text.partition("(")[0] if head else "sum"
        helps.append(f"visit the edges: {reducer}(({', '.join(ends)}) in {name})")
        marks += [(head, "visits pairs, not edges")] if head else []
    else:
        helps.append(f"its values are known where an edge is: sum((i, j) in {name}) …")
    return context.error(
        "E306",
        whole.span,
        f"`{whole.span.text}` is read at a pair not known to be an edge of `{name}`",
        "not known to be an edge",
        marks=marks,
        helps=helps,
    )
