"""Subscripts: which dimension they belong to, what they tell of an index, and that they stay inside."""

from __future__ import annotations

from ..syntax import tree
from ..syntax.source import Span
from .context import Context, Obligation, Value, axis_name, type_text
from .edges import edge_of
from .intervals import dimension_of, interval
from .lookups import label, read_whole
from .meant import loose_subscripts
from .overruns import Overrun, runs_off, shifted
from .proofs import Proof, facts
from .repairs import loose_indices
from .sizes import Size
from .terms import (
    Apply,
    Between,
    Constant,
    Dimension,
    EdgeEnd,
    Edges,
    GraphDeclaration,
    Index,
    Position,
    Read,
    Role,
    SizeCondition,
    Symbol,
    Term,
    Whole,
)
from .traverse import free_indices, substitute

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
            found = edge_of(place, given.pop(0), given.pop(0), expression, context)
        else:
            found = _one(place, given.pop(0), expression, axes, symbol, context)
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
    declared = context.names.get(name)
    if isinstance(declared, Dimension):
        return context.error(
            "E303",
            expression.span,
            f"`{name}` is a dimension: as a value it is its size, which takes no subscripts",
            "subscripts on a number",
            marks=[(declared.span, "declared here")],
            helps=[f"the position itself is the index: {expression.subscripts[0].span.text}"],
        )
    if wanted == 0:
        says, mark = f"`{name}` is one number and takes no subscripts", "subscripts on a number"
        return context.error(
            "E303", expression.span, says, mark,
            marks=[(symbol.span, "one number")] if symbol else [], helps=[name],
        )  # fmt: skip
    says = f"`{name}` takes {wanted} subscript{'s' * (wanted != 1)}, and here {_are(has)}"
    mark = "one for each dimension"
    if any(isinstance(place, GraphDeclaration) for place in places):
        mark = "both ends of an edge"
    over = f"over [{', '.join(place.name for place in places)}]"
    marks = [(symbol.span, over)] if symbol else []
    kept = ", ".join(s.span.text for s in expression.subscripts[:wanted])
    helps = [f"{name}[{kept}]"] if has > wanted else _in_one_pair(expression, name, wanted)
    return context.error("E303", expression.span, says, mark, marks=marks, helps=helps)


def _in_one_pair(expression: tree.Subscripted, name: str, wanted: int) -> list[str]:
    """`W[i][j]` is written `W[i, j]`."""
    inner = ", ".join(s.span.text for s in expression.subscripts)
    behind = expression.span.source.text[expression.span.end :]
    more = behind[1:].partition("]")[0].strip() if behind.startswith("[") else ""
    one_more = more and wanted == len(expression.subscripts) + 1 and "[" not in more
    return [f"all subscripts stand in one pair of brackets: {name}[{inner}, {more}]"] * bool(
        one_more
    )


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _one(
    dim: Dimension,
    subscript: tree.Expression | tree.Slice,
    whole: tree.Subscripted,
    axes: list[Index],
    symbol: Symbol | None,
    context: Context,
) -> Term | None:
    if isinstance(subscript, tree.Slice):
        if subscript.lower is not None or subscript.upper is not None:
            return context.error(
                "E303",
                subscript.span,
                "`:` stands for a whole dimension, without ends",
                "a part of a dimension",
                helps=[f"a part is taken by the range of an index: i in {_ends(subscript, dim)}"],
            )
        axis = Index(dim.name, subscript.span, Whole(dim))
        axes.append(axis)
        return Position(axis, subscript.span)
    if isinstance(subscript, tree.String):
        value = label(subscript, dim, context)
    elif loose_subscripts(subscript, context):
        return None
    else:
        value = context.elaborate(subscript, context)
    if value is None:
        return None
    return _fits(value, dim, whole, symbol, context)


def _ends(part: tree.Slice, dim: Dimension) -> str:
    lower, upper = (
        f"{dim.name}{end.span.text}"
        if isinstance(end, tree.Negate)
        else end.span.text
        if end
        else ""
        for end in (part.lower, part.upper)
    )
    return f"{lower or '0'}..{upper or dim.name}"


def _fits(
    value: Value,
    dim: Dimension,
    whole: tree.Subscripted,
    symbol: Symbol | None,
    context: Context,
) -> Term | None:
    span = value.span
    if not value.scalar:
        return context.error(
            "E303",
            span,
            f"a subscript is one number, and `{span.text}` is an array",
            f"over [{', '.join(axis_name(a) for a in value.axes)}]",
            helps=[f"name its index too: {whole.base.span.text}[{span.text}[i]]"]
            if span.text.isidentifier() and len(value.axes) == 1 and len(whole.subscripts) == 1
            else [],
        )
    if value.category is not None and value.category is not dim:
        return context.error(
            "E304",
            span,
            f"`{span.text}` is an element of `{value.category.name}`, and this place is for "
            f"one of `{dim.name}`",
            f"an element of `{dim.name}` is wanted",
            notes=[type_text(symbol)] if symbol else [],
        )
    if value.category is None and not value.integer:
        return context.error(
            "E404",
            span,
            f"`{span.text}` is a real number and cannot be a subscript",
            "not a whole number by its type",
            marks=_real_marks(value.body),
            helps=_whole_helps(value, dim),
        )
    if value.category is None and not _claims(value.body, dim, span, symbol, whole, context):
        return None
    if not _runs_over(value.body, dim):
        context.obligations.append(Obligation(value.body, dim, span, whole.span))
    return value.body


def _runs_over(term: Term, dim: Dimension) -> bool:
    """Whether a subscript is an index over the very dimension, of which nothing is left to show."""
    return (
        isinstance(term, Position)
        and isinstance(term.index.range, Whole)
        and term.index.range.dim is dim
    )


def _real_marks(body: Term) -> list[tuple[Span, str]]:
    if isinstance(body, Read) and not body.symbol.domain.discrete:
        return [(body.symbol.span, f"declared as {type_text(body.symbol).partition(' : ')[2]}")]
    return []


def _whole_helps(value: Value, dim: Dimension) -> list[str]:
    """How a real number becomes a subscript: by its type, or as an array over the places."""
    body = value.body
    if isinstance(body, Read) and body.symbol.unknown:
        dims = f"[{', '.join(d.name for d in body.symbol.dims)}]" if body.symbol.dims else ""
        name = f"{body.symbol.role} {body.symbol.name}"
        return [f"if it is a choice among them: {name} : category({dim.name}){dims}"]
    if isinstance(body, Read) and body.symbol.role is Role.GIVEN:
        return [f"if it is a position: given {body.symbol.name} : category({dim.name})"]
    if isinstance(body, Constant):
        return ["positions are whole numbers, counted from 0"]
    return []


def _claims(
    term: Term,
    dim: Dimension,
    span: Span,
    symbol: Symbol | None,
    whole: tree.Subscripted,
    context: Context,
) -> bool:
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
        if symbol is not None:
            context.found_in[index] = symbol
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
        notes=[_declared_as(context.found_in.get(index), symbol)],
        helps=[_other_way_round(other, symbol, whole)],
    )
    _spoil(index, context)
    for name in loose_indices(whole):
        if name.text in context.indices:
            _spoil(context.indices[name.text], context)
    return False


def _other_way_round(
    other: Dimension, symbol: Symbol | None, whole: tree.Subscripted
) -> str | None:
    """`W[i, j]` for `W[j, i]`, where that is what fits."""
    if symbol is None or len(symbol.dims) != 2 or other not in symbol.dims:
        return None
    if symbol.dims[0] is symbol.dims[1]:
        return None
    first, second = (s.span.text for s in whole.subscripts)
    return f"the other way round: {symbol.name}[{second}, {first}]"


def _spoil(index: Index, context: Context) -> None:
    """One complaint about an index is enough: from here on it, and the other end of its edge, fit."""
    edge = index.range.edge if isinstance(index.range, EdgeEnd) else None
    known = context.indices.values()
    ends = [i for i in known if isinstance(i.range, EdgeEnd) and i.range.edge is edge]
    for each in (index, *ends):
        each.range = Between(Size.number(0), Size.number(1))
        context.spoilt.add(each)


def _declared_as(*symbols: Symbol | None) -> str:
    return ", ".join(dict.fromkeys(type_text(s) for s in symbols if s is not None))


def _loose(term: Term) -> list[Index]:
    """Indices added or subtracted in a subscript."""
    match term:
        case Position(index=index):
            return [index]
        case Apply(function="+" | "-" | "negate" | "mod", arguments=arguments):
            return [index for a in arguments for index in _loose(a)]
        case _:
            return []


# ----------------------------------------------------------------------- bounds


def settle(context: Context) -> None:
    """Discharge the obligations of a statement: every subscript provably inside its dimension."""
    faults: list[Overrun] = []
    for duty in context.obligations:
        free = free_indices(duty.subscript)
        if duty.dim.cyclic or any(i.range is None or i in context.spoilt for i in free):
            continue
        last = context.size_of(duty.dim) - 1
        first = duty.dim.part.lower if duty.dim.part else Size.number(0)
        proof = _proof(duty, context)
        below = not proof.at_least(duty.subscript, first)
        above = not proof.at_most(duty.subscript, last)
        if not below and not above:
            continue
        found = interval(duty.subscript, context)
        if found is None:
            _not_known(duty, context)
            continue
        low, high = found
        by = _as_written(low - first if below else high - last, context)
        faults.append(Overrun(duty, by, below, found))
    runs_off(faults, context)
    context.obligations.clear()


def _proof(duty: Obligation, context: Context) -> Proof:
    """What the conditions in force say where a subscript stands."""
    known = [fact for condition, holds in duty.given for fact in facts(condition, context, holds)]
    return Proof(known, context, lambda size: _holds(size, duty, context))


def _not_known(duty: Obligation, context: Context) -> None:
    read = duty.subscript
    helps = []
    if isinstance(read, Read) and read.symbol.role is Role.GIVEN:
        helps = [f"say that it is a position: given {read.symbol.name} : category({duty.dim.name})"]
    context.error(
        "E305",
        duty.span,
        f"`{duty.whole.text}` may run off the end of `{duty.dim.name}`",
        f"the range of `{duty.span.text}` is not known",
        helps=helps,
    )


def _as_written(size: Size, context: Context) -> Size:
    """A size with the numbers that the text gives put in."""
    dims = {n: context.names.get(n) for n in size.names}
    known = {n: d.size for n, d in dims.items() if isinstance(d, Dimension) and d.size is not None}
    return size.substitute(known)


def _holds(size: Size, duty: Obligation, context: Context) -> bool:
    """Whether a size is never negative; one that rests on numbers in the text is checked at bind."""
    if size.never_negative():
        return True
    if not _as_written(size, context).never_negative():
        return False
    context.conditions.append(SizeCondition(size, duty.whole.text, duty.dim.name))
    return True
