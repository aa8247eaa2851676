"""Whole-array notation written out: elementwise operators, `@`, `dot`, `norm`, `onehot`, networks."""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax.source import Span
from .context import Context, Value, axis_name, shape_text, type_text
from .functions import FUNCTIONS
from .terms import (
    Apply,
    Array,
    Dimension,
    Edges,
    Index,
    Network,
    NetworkRead,
    Position,
    Read,
    Reduce,
    Role,
    Symbol,
    Term,
    Whole,
)
from .traverse import freshen, substitute


def elementwise(
    function: str,
    values: Sequence[Value | None],
    span: Span,
    at: Span | None,
    context: Context,
) -> Value | None:
    """A function applied to scalars, to arrays of the same dimensions, or to a mixture of both."""
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    for value in known:
        if value.category is not None:
            return arithmetic_on_category(value, context)
    joined = aligned(known, function, context, at)
    if joined is None:
        return None
    axes, scalars = joined
    row = FUNCTIONS[function]
    integer = row.integer and (
        (row.smoothness == 2 and function not in ("if", "mod", "sign"))
        or all(v.integer for v in known)
    )
    if function == "if":
        integer = known[1].integer and known[2].integer
    if function in ("floor", "sign"):
        integer = True
    return Value(axes, Apply(function, tuple(v.body for v in scalars), span), span, integer)


def arithmetic_on_category(value: Value, context: Context) -> None:
    """E401: a category stands where a number must."""
    labels = value.category
    text = value.span.text
    if labels is None:
        return None
    example = f'"{labels.labels[0]}"' if labels.labels else "0"
    tables = [
        (name, declared.dims)
        for name, declared in context.names.items()
        if isinstance(declared, Symbol) and declared.dims and declared.dims[-1] is labels
    ]
    read = value.body
    if labels.labels is None and isinstance(read, Read) and read.symbol.role is not Role.LET:
        return _counts(value, labels, read.symbol, context)
    name, dims = tables[0] if tables else ("h", (labels,))
    at = ", ".join(["i", "j", "k"][: len(dims) - 1])
    place = f"{name}[{at}{', ' * bool(at)}{text}]"
    declare = "" if tables else f", with param h : real[{labels.name}]"
    return context.error(
        "E401",
        value.span,
        f"`{text}` is a category: it has a name, not a size",
        f"an element of `{labels.name}`",
        helps=[
            f"to ask whether it is one of them: ({text} == {example})",
            f"or look up a number for each: {place}{declare}",
        ],
    )


def _counts(value: Value, labels: Dimension, symbol: Symbol, context: Context) -> None:
    """E401 for a category without labels, which may have been meant as a number."""
    text = value.span.text
    last = labels.size.constant - 1 if labels.size and labels.size.constant else f"{labels.name}-1"
    dims = f"[{', '.join(d.name for d in symbol.dims)}]" if symbol.dims else ""
    return context.error(
        "E401",
        value.span,
        f"`{text}` is a category: it has a name, not a size",
        f"an element of `{labels.name}`",
        marks=[(symbol.span, f"declared as {type_text(symbol).partition(' : ')[2]}")],
        helps=[
            f"if it is a number: {symbol.role} {symbol.name} : integer<0, {last}>{dims}",
            f"to ask whether it is one of them: ({text} == 0)",
        ],
    )


WORKS = {"if": "a choice", "negate": "`-`", "mod": "`mod`"}


def aligned(
    values: Sequence[Value], what: str, context: Context, at: Span | None = None
) -> tuple[tuple[Index, ...], list[Value]] | None:
    """Common axes, and every value as a scalar in them; `what` is applied to each element."""
    arrays = [value for value in values if not value.scalar]
    if not arrays:
        return (), list(values)
    first = arrays[0]
    for other in arrays[1:]:
        if [axis_name(a) for a in first.axes] != [axis_name(a) for a in other.axes]:
            between = at is not None and first.span.end <= at.start < other.span.start
            ends = [(first.span, f"over {shape_text(first)}")]
            main, mark = other.span, f"over {shape_text(other)}"
            if between and at is not None:
                ends.append((other.span, mark))
                main, mark = at, ""
            return context.error(
                "E301",
                main,
                f"{WORKS.get(what, f'`{what}`')} works element by element, and these two do not "
                "have the same dimensions",
                mark,
                marks=ends,
                helps=_elementwise_helps(first, other, what),
            )
    scalars = []
    for value in values:
        if value.scalar:
            scalars.append(value)
            continue
        body = value.body if value is first else _moved(value, first.axes)
        scalars.append(Value((), body, value.span, value.integer, value.category))
    return first.axes, scalars


def _moved(value: Value, axes: Sequence[Index]) -> Term:
    pairs = zip(value.axes, axes, strict=True)
    return substitute(value.body, {a: Position(b, value.span) for a, b in pairs if a is not b})


def _elementwise_helps(first: Value, other: Value, what: str) -> list[str]:
    """`@` where it meets, and the same with the indices named."""
    left, right = first.span.text, other.span.text
    helps = []
    if what == "*":
        for a, b in ((first, other), (other, first)):
            if axis_name(a.axes[-1]) == axis_name(b.axes[0]):
                text = f"{a.span.text} @ {b.span.text}"
                helps.append(f"to sum over `{axis_name(b.axes[0])}`: {text}")
                break
    signs = ("+", "-", "*", "/", "^", "<", ">", "<=", ">=", "==", "!=")
    if not (left.isidentifier() and right.isidentifier()) or what not in signs:
        return helps
    names: dict[str, str] = {}
    letters = iter("ijklmn")
    texts = []
    for value, text in ((first, left), (other, right)):
        own = []
        for axis in value.axes:
            name = axis_name(axis)
            if name in own or isinstance(axis.range, Edges):
                return helps
            own.append(name)
            names.setdefault(name, next(letters))
        texts.append(f"{text}[{', '.join(names[name] for name in own)}]")
    body = f"{texts[0]} {what} {texts[1]}"
    body = body if what in "*/" else f"({body})"
    return [*helps, f"name the indices: sum({', '.join(names.values())}) {body}"]


def _declarations(left: Value, right: Value, context: Context) -> list[tuple[Span, str]]:
    """Where two arrays that stand by their names are declared, without a word."""
    found = (context.names.get(value.span.text) for value in (left, right))
    return [(symbol.span, "") for symbol in found if isinstance(symbol, Symbol)]


def contract(
    left: Value | None, right: Value | None, at: Span, span: Span, context: Context
) -> Value | None:
    """`left @ right`: the last dimension of the left with the first of the right."""
    if left is None or right is None:
        return None
    for value in (left, right):
        if value.category is not None:
            return arithmetic_on_category(value, context)
    if left.scalar or right.scalar:
        which = left if left.scalar else right
        return context.error(
            "E302",
            at,
            "`@` sums over a shared dimension, and a number has none",
            marks=[(which.span, "a number")],
            helps=[_times(left, right)],
        )
    last, first = left.axes[-1], right.axes[0]
    if axis_name(last) != axis_name(first):
        return context.error(
            "E302",
            at,
            "`@` sums over one shared dimension, but these two do not share one",
            marks=[
                *_declarations(left, right, context),
                (left.span, f"ends with `{axis_name(last)}`"),
                (right.span, f"begins with `{axis_name(first)}`"),
            ],
            helps=[_meeting(left, right, context)],
        )
    shared = Index(last.name, at, last.range)
    a = substitute(left.body, {last: Position(shared, at)})
    b = substitute(right.body, {first: Position(shared, at)})
    body = Reduce("sum", (shared,), (), Apply("*", (a, b), span), span, at)
    axes = (*left.axes[:-1], *right.axes[1:])
    if len(set(axes)) < len(axes):
        axes, body = _apart(left.axes[:-1], right, body)
    return Value(axes, body, span, left.integer and right.integer)


def _apart(kept: tuple[Index, ...], right: Value, body: Term) -> tuple[tuple[Index, ...], Term]:
    twins = tuple(Index(axis.name, axis.span, axis.range) for axis in right.axes[1:])
    pairs = zip(right.axes[1:], twins, strict=True)
    return (*kept, *twins), substitute(body, {a: Position(b, b.span) for a, b in pairs})


def _meeting(left: Value, right: Value, context: Context) -> str | None:
    """How two arrays meet that do not: through a third, or the other way round."""
    start, end = axis_name(left.axes[-1]), axis_name(right.axes[0])
    a, b = left.span.text, right.span.text
    for name, declared in context.names.items():
        if isinstance(declared, Symbol) and [d.name for d in declared.dims] == [start, end]:
            return f"`{name}` leads from `{start}` to `{end}`: {a} @ {name} @ {b}"
    if axis_name(right.axes[-1]) == axis_name(left.axes[0]):
        return f"they meet the other way round: {b} @ {a}"
    if len(left.axes) == 1 and len(right.axes) == 1:
        return f"for every pair, declare a table, param W : real[{start}, {end}], and {a} @ W @ {b}"
    return None


def _times(left: Value, right: Value) -> str:
    product = f"{left.span.text} * {right.span.text}"
    if left.scalar and right.scalar:
        return product
    return f"to multiply each element: {product}"


def summed(value: Value, reducer: str, span: Span) -> Value:
    """The total of an array by a reducer."""
    body = Reduce(reducer, value.axes, (), value.body, span, span)
    return Value((), body, span, value.integer and reducer in ("sum", "prod", "max", "min"))


def array_call(
    name: str, values: Sequence[Value | None], span: Span, context: Context
) -> Value | None:
    """`dot(a, b)`, `norm(a)` or `onehot(x)`."""
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    wanted = 2 if name == "dot" else 1
    if len(known) != wanted:
        return context.error("E303", span, counted(name, wanted, len(known)))
    if name == "onehot":
        return _onehot(known[0], span, context)
    first = known[0]
    for value in known:
        if value.scalar:
            says = f"`{name}` takes an array, and `{value.span.text}` is one number"
            helps = [f"abs({value.span.text})"] if name == "norm" else []
            return context.error("E303", value.span, says, "one number", helps=helps)
    pair = (first, known[-1] if name == "dot" else _twin(first))
    product = elementwise("*", pair, span, None, context)
    if product is None:
        return None
    total = summed(product, "sum", span)
    if name == "dot":
        return total
    return Value((), Apply("sqrt", (total.body,), span), span)


def _twin(value: Value) -> Value:
    return Value(value.axes, freshen(value.body), value.span, value.integer, value.category)


def _onehot(value: Value, span: Span, context: Context) -> Value | None:
    labels = value.category
    if labels is None:
        return context.error(
            "E401",
            value.span,
            f"`onehot` takes a category, and `{value.span.text}` is a number",
            "not an element of a dimension",
        )
    axis = Index(labels.name, span, Whole(labels))
    body = Apply("==", (value.body, Position(axis, span)), span)
    return Value((*value.axes, axis), body, span, integer=True)


def counted(name: str, wanted: int, given: int) -> str:
    """`f` takes 2 values, and here is 1."""
    here = "is 1" if given == 1 else f"are {given}" if given else "is none"
    return f"`{name}` takes {wanted or 'no'} value{'s' * (wanted != 1)}, and here {here}"


def network_value(
    network: Network, values: Sequence[Value | None], span: Span, context: Context
) -> Value | None:
    """A network applied to arrays: an array over its output's dimensions."""
    context.used.add(network.name)
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    if len(known) != len(network.inputs):
        return context.error(
            "E303",
            span,
            counted(network.name, len(network.inputs), len(known)),
            marks=[(network.span, "declared here")],
        )
    for value, (domain, dims) in zip(known, network.inputs, strict=True):
        has = [axis_name(axis) for axis in value.axes]
        wanted = [dim.name for dim in dims]
        if has != wanted:
            return _other_shape(network, value, has, wanted, context)
        if (value.category is None) != (domain.labels is None):
            wants = "a category" if domain.labels else "a number"
            labels = value.category.name if value.category else ""
            return context.error(
                "E401",
                value.span,
                f"`{network.name}` takes {wants} here",
                f"an element of `{labels}`" if labels else "a number",
                marks=[(network.span, "declared here")],
                helps=[
                    f"net {network.name} : real[{labels}] -> …, and onehot({value.span.text}) here"
                ] if labels else [],
            )  # fmt: skip
    inputs = tuple(Array(value.axes, value.body, value.span) for value in known)
    axes = tuple(Index(dim.name, span, Whole(dim)) for dim in network.output)
    body = NetworkRead(network, inputs, tuple(Position(axis, span) for axis in axes), span)
    return Value(axes, body, span)


def _other_shape(
    network: Network, value: Value, has: list[str], wanted: list[str], context: Context
) -> None:
    """E301: a network is given an array of other dimensions, or a number for an array."""
    text, labels = value.span.text, value.category
    takes = f"an array over [{', '.join(wanted)}]" if wanted else "one number"
    given = f"an array over {shape_text(value)}" if has else "one number"
    helps = []
    if labels is not None:
        given = "a category"
        helps = [f"onehot({text})"] if wanted == [*has, labels.name] else []
    elif not wanted and len(has) == 1 and text.isidentifier():
        helps = [f"one by one: sum(i) {network.name}({text}[i])"]
    return context.error(
        "E301",
        value.span,
        f"`{network.name}` takes {takes}, and `{text}` is {given}",
        f"over {shape_text(value)}" if has else given,
        marks=[(network.span, "declared here")],
        helps=helps,
    )


def dims_of(value: Value) -> tuple[Dimension, ...]:
    """The dimensions of the axes of a value over whole dimensions."""
    return tuple(a.range.dim for a in value.axes if isinstance(a.range, Whole))
