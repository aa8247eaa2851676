"""Subscripts: which dimension they belong to, what they tell of an index, and that they stay inside."""

from __future__ import annotations

from ..syntax import tree
from ..syntax.source import Span
from .context import Context, Obligation, Value, axis_name
from .intervals import dimension_of, interval
from .lookups import label, read_whole
from .sizes import Size
from .terms import (
    Apply,
    Between,
    Constant,
    Dimension,
    Edges,
    GraphDeclaration,
    Index,
    Neighbour,
    Position,
    Read,
    SizeCondition,
    Symbol,
    Term,
    Whole,
)
from .traverse import free_indices, same, substitute

Place = Dimension | GraphDeclaration


def elaborate_subscripted(expression: tree.Subscripted, context: Context) -> Value | None:
    """`base[…]`: an element, or an array where `:` keeps dimensions whole."""
    base = _base(expression.base, context)
    if base is None:
        return None
    symbol, value = base
    places: list[Place] = list(symbol.dims) if symbol else [_place(a) for a in value.axes]
    wanted = sum(2 if isinstance(place, GraphDeclaration) else 1 for place in places)
    if wanted != len(expression.subscripts):
        return _wrong_number(expression, symbol, places, wanted, context)
    given = list(expression.subscripts)
    terms: list[Term] = []
    axes: list[Index] = []
    for place in places:
        if isinstance(place, GraphDeclaration):
            found = _edge(place, given.pop(0), given.pop(0), expression, context)
        else:
            found = _one(place, given.pop(0), expression, axes, context)
        if found is None:
            return None
        terms.append(found)
    if symbol is not None:
        body: Term = Read(symbol, tuple(terms), expression.span)
    else:
        body = substitute(value.body, dict(zip(value.axes, terms, strict=True)))
    return Value(tuple(axes), body, expression.span, value.integer, value.category)


def _base(expression: tree.Expression, context: Context) -> tuple[Symbol | None, Value] | None:
    """The array that is subscripted; its symbol too where it is a declared one."""
    if isinstance(expression, tree.Name) and expression.text not in context.arguments:
        declared = context.names.get(expression.text)
        if isinstance(declared, tree.Let) and expression.text not in context.indices:
            context.used.add(expression.text)
            declared = context.define(declared)
            if declared is None:
                return None
        if isinstance(declared, Symbol):
            context.used.add(expression.text)
            return declared, read_whole(declared, expression.span)
    value = context.elaborate(expression, context)
    return None if value is None else (None, value)


def _place(axis: Index) -> Place:
    match axis.range:
        case Whole(dim=dim):
            return dim
        case Edges(graph=graph):
            return graph
        case Between(lower=lower, upper=upper):
            return Dimension(f"{lower}..{upper}", upper, False, None, axis.span, axis.range)
        case _:
            raise AssertionError(axis)


def _wrong_number(
    expression: tree.Subscripted,
    symbol: Symbol | None,
    places: list[Place],
    wanted: int,
    context: Context,
) -> None:
    name = expression.base.span.text
    has = len(expression.subscripts)
    dims = ", ".join(place.name for place in places)
    if wanted == 0:
        says, mark = f"`{name}` is a number and takes no subscripts", "subscripts on a number"
    else:
        says = f"`{name}` has {wanted} subscript{'s' * (wanted != 1)}, and here {_are(has)}"
        mark = f"[{dims}] is wanted"
    marks = [(symbol.span, "declared here")] if symbol else []
    return context.error("E303", expression.span, says, mark, marks=marks)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _one(
    dim: Dimension,
    subscript: tree.Expression | tree.Slice,
    whole: tree.Subscripted,
    axes: list[Index],
    context: Context,
) -> Term | None:
    if isinstance(subscript, tree.Slice):
        if subscript.lower is not None or subscript.upper is not None:
            return context.error(
                "E303",
                subscript.span,
                "`:` stands for a whole dimension, without ends",
                "a part of a dimension",
                helps=[f"take a part by a range: sum(i in {_ends(subscript)}) …"],
            )
        axis = Index(dim.name, subscript.span, Whole(dim))
        axes.append(axis)
        return Position(axis, subscript.span)
    if isinstance(subscript, tree.String):
        value = label(subscript, dim, context)
    else:
        value = context.elaborate(subscript, context)
    if value is None:
        return None
    return _fits(value, dim, whole, context)


def _ends(part: tree.Slice) -> str:
    lower = part.lower.span.text if part.lower else "0"
    return f"{lower}..{part.upper.span.text if part.upper else '…'}"


def _fits(value: Value, dim: Dimension, whole: tree.Subscripted, context: Context) -> Term | None:
    span = value.span
    if not value.scalar:
        return context.error(
            "E303",
            span,
            "a subscript is one number, and this is an array",
            f"over [{', '.join(axis_name(a) for a in value.axes)}]",
        )
    if value.category is not None and value.category is not dim:
        return context.error(
            "E304",
            span,
            f"`{span.text}` names an element of `{value.category.name}`, and this is a place of "
            f"`{dim.name}`",
            f"`{dim.name}` is wanted here",
        )
    if value.category is None and not value.integer:
        return context.error(
            "E404",
            span,
            f"`{span.text}` is a real number and cannot be a subscript",
            "not a whole number by its type",
        )
    if value.category is None and not _claims(value.body, dim, span, context):
        return None
    context.obligations.append(Obligation(value.body, dim, span, whole.span))
    return value.body


def _claims(term: Term, dim: Dimension, span: Span, context: Context) -> bool:
    """Let the indices of a subscript take `dim` as their range. False if one has another."""
    alone = shifted(term)
    if alone is None:
        for index in _loose(term):
            context.weak.append((index, dim, span))
        return True
    index, _ = alone
    if index.range is None:
        index.range = dim.part or Whole(dim)
        context.found_at[index] = span
        return True
    other = dimension_of(index)
    if other is None or other is dim:
        return True
    context.error(
        "E304",
        span,
        f"`{index.name}` cannot range over `{other.name}` and `{dim.name}` at once",
        f"a position of `{dim.name}` here",
        marks=[(context.found_at.get(index, index.span), f"a position of `{other.name}` here")],
    )
    return False


def shifted(term: Term) -> tuple[Index, int] | None:
    """(index, constant) if the term is an index plus or minus a whole number."""
    match term:
        case Position(index=index):
            return index, 0
        case Apply(function="+", arguments=(a, Constant(value=value))) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift + int(value)) if index else None
        case Apply(function="+", arguments=(Constant(value=value), a)) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift + int(value)) if index else None
        case Apply(function="-", arguments=(a, Constant(value=value))) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift - int(value)) if index else None
        case _:
            return None


def _loose(term: Term) -> list[Index]:
    """Indices added or subtracted in a subscript."""
    match term:
        case Position(index=index):
            return [index]
        case Apply(function="+" | "-" | "negate" | "mod", arguments=arguments):
            return [index for a in arguments for index in _loose(a)]
        case _:
            return []


def _edge(
    graph: GraphDeclaration,
    first: tree.Expression | tree.Slice,
    second: tree.Expression | tree.Slice,
    whole: tree.Subscripted,
    context: Context,
) -> Term | None:
    ends = []
    for subscript in (first, second):
        value = None if isinstance(subscript, tree.Slice) else context.elaborate(subscript, context)
        if isinstance(subscript, tree.Slice) or value is None or not value.scalar:
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
    return context.error(
        "E306",
        whole.span,
        f"`{whole.span.text}` is read at a pair not known to be an edge of `{graph.name}`",
        "not known to be an edge",
        marks=[(graph.span, "values only for these edges")],
        helps=[f"sum((i, j) in {graph.name}) {whole.base.span.text}[i, j]"],
    )


# ----------------------------------------------------------------------- bounds


def settle(context: Context) -> None:
    """Discharge the obligations of a statement: every subscript provably inside its dimension."""
    for duty in context.obligations:
        unresolved = any(i.range is None for i in free_indices(duty.subscript))
        if duty.dim.cyclic or unresolved:
            continue
        found = interval(duty.subscript, context)
        if found is None:
            context.error(
                "E305",
                duty.span,
                f"`{duty.span.text}` may leave `{duty.dim.name}`",
                "its range is not known",
            )
            continue
        low, high = found
        last = context.size_of(duty.dim) - 1
        first = duty.dim.part.lower if duty.dim.part else Size.number(0)
        below = not _holds(low - first, duty, context)
        above = not _holds(last - high, duty, context)
        if below or above:
            _runs_off(duty, low - first if below else high - last, below, context)
    context.obligations.clear()


def _holds(size: Size, duty: Obligation, context: Context) -> bool:
    """Whether a size is never negative; one that rests on numbers in the text is checked at bind."""
    if size.never_negative():
        return True
    dims = {n: context.names.get(n) for n in size.names}
    known = {n: d.size for n, d in dims.items() if isinstance(d, Dimension) and d.size is not None}
    if not size.substitute(known).never_negative():
        return False
    context.conditions.append(SizeCondition(size, duty.whole.text, duty.dim.name))
    return True


def _runs_off(duty: Obligation, by: Size, below: bool, context: Context) -> None:
    steps = by.constant
    alone = shifted(duty.subscript)
    marks: list[tuple[Span, str]] = []
    helps: list[str | None] = []
    if alone is not None and isinstance(alone[0].range, Whole):
        index, shift = alone
        marks.append((index.span, f"`{index.name}` takes every value of `{duty.dim.name}`"))
        limits = f"{-shift}..{duty.dim.name}" if below else f"0..{duty.dim.name}-{shift}"
        head = context.heads.get(index)
        if head is not None:
            cut = index.span.start - head.start
            text = head.text
            stop = f"{text[:cut]}{index.name} in {limits}{text[cut + len(index.name) :]}"
            helps.append(f"stop {_count(abs(shift))} short: {stop}")
        helps.append(f"or let it close on itself: dim {duty.dim.name} cyclic")
    where = "before the first" if below else "past the last"
    mark = (
        f"reaches {_count(abs(int(steps)))} {where} site"
        if steps is not None
        else (f"may reach {where} site")
    )
    context.error(
        "E305",
        duty.span,
        f"`{duty.whole.text}` runs off the end of `{duty.dim.name}`",
        mark,
        marks=marks,
        helps=helps,
    )


def _count(number: int) -> str:
    return {1: "one", 2: "two", 3: "three"}.get(number, str(number))
