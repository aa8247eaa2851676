"""Whole-array notation written out: elementwise operators, `@`, `dot`, `norm`, `onehot`, networks."""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax.source import Span
from .context import Context, Value, axis_name, shape_text
from .functions import FUNCTIONS
from .terms import (
    Apply,
    Array,
    Dimension,
    Index,
    Network,
    NetworkRead,
    Position,
    Reduce,
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
            return _arithmetic_on_category(value, context)
    joined = aligned(known, span, at, context)
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


def _arithmetic_on_category(value: Value, context: Context) -> None:
    name = value.category.name if value.category else ""
    text = value.span.text
    return context.error(
        "E401",
        value.span,
        f"`{text}` is a category: it has a name, not a size",
        f"an element of `{name}`",
        helps=[f"use it as a subscript, h[i, {text}], or compare it, {text} == k"],
    )


def aligned(
    values: Sequence[Value], span: Span, at: Span | None, context: Context
) -> tuple[tuple[Index, ...], list[Value]] | None:
    """Common axes, and every value as a scalar in them."""
    arrays = [value for value in values if not value.scalar]
    if not arrays:
        return (), list(values)
    first = arrays[0]
    for other in arrays[1:]:
        if [axis_name(a) for a in first.axes] != [axis_name(a) for a in other.axes]:
            return context.error(
                "E301",
                at or span,
                "these two do not have the same dimensions",
                "applied to each element of both",
                marks=[
                    (first.span, f"over {shape_text(first)}"),
                    (other.span, f"over {shape_text(other)}"),
                ],
                helps=[_elementwise_help(first, other)],
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


def _elementwise_help(first: Value, other: Value) -> str | None:
    if axis_name(first.axes[-1]) == axis_name(other.axes[0]):
        return f"to sum over `{axis_name(first.axes[-1])}`: {first.span.text} @ {other.span.text}"
    return "name the indices: sum(i, j) …"


def contract(
    left: Value | None, right: Value | None, at: Span, span: Span, context: Context
) -> Value | None:
    """`left @ right`: the last dimension of the left with the first of the right."""
    if left is None or right is None:
        return None
    for value in (left, right):
        if value.category is not None:
            return _arithmetic_on_category(value, context)
    if left.scalar or right.scalar:
        which = left if left.scalar else right
        return context.error(
            "E302",
            at,
            "`@` sums over a shared dimension, and a number has none",
            marks=[(which.span, "a number")],
            helps=[f"{left.span.text} * {right.span.text}"],
        )
    last, first = left.axes[-1], right.axes[0]
    if axis_name(last) != axis_name(first):
        bridge = _bridge(axis_name(last), axis_name(first), context)
        return context.error(
            "E302",
            at,
            "`@` sums over one shared dimension, but these two do not share one",
            marks=[
                (left.span, f"ends with `{axis_name(last)}`"),
                (right.span, f"begins with `{axis_name(first)}`"),
            ],
            helps=[
                f"`{bridge}` leads from `{axis_name(last)}` to `{axis_name(first)}`: "
                f"{left.span.text} @ {bridge} @ {right.span.text}"
                if bridge
                else None
            ],
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


def _bridge(start: str, end: str, context: Context) -> str | None:
    for name, declared in context.names.items():
        if isinstance(declared, Symbol) and [d.name for d in declared.dims] == [start, end]:
            return name
    return None


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
        says = f"`{name}` takes {wanted} value{'s' * (wanted > 1)}, and here are {len(known)}"
        return context.error("E303", span, says, "here")
    if name == "onehot":
        return _onehot(known[0], span, context)
    first = known[0]
    if first.scalar:
        return context.error("E303", span, f"`{name}` needs an array", "a number")
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
            "E401", value.span, "`onehot` takes a category", "has no labels to tell apart"
        )
    axis = Index(labels.name, span, Whole(labels))
    body = Apply("==", (value.body, Position(axis, span)), span)
    return Value((*value.axes, axis), body, span, integer=True)


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
            f"`{network.name}` takes {len(network.inputs)} values, and here are {len(known)}",
            "here",
            marks=[(network.span, "declared here")],
        )
    for value, (domain, dims) in zip(known, network.inputs, strict=True):
        has = [axis_name(axis) for axis in value.axes]
        wanted = [dim.name for dim in dims]
        if has != wanted:
            text = "[" + ", ".join(wanted) + "]" if wanted else "a number"
            return context.error(
                "E301",
                value.span,
                f"`{network.name}` takes {text}, and this is {shape_text(value)}",
                f"over {shape_text(value)}",
                marks=[(network.span, "declared here")],
            )
        if (value.category is None) != (domain.labels is None):
            return context.error(
                "E401",
                value.span,
                f"`{network.name}` takes {'a category' if domain.labels else 'numbers'} here",
                "not of that kind",
                marks=[(network.span, "declared here")],
            )
    inputs = tuple(Array(value.axes, value.body, value.span) for value in known)
    axes = tuple(Index(dim.name, span, Whole(dim)) for dim in network.output)
    body = NetworkRead(network, inputs, tuple(Position(axis, span) for axis in axes), span)
    return Value(axes, body, span)


def dims_of(value: Value) -> tuple[Dimension, ...]:
    """The dimensions of the axes of a value over whole dimensions."""
    return tuple(a.range.dim for a in value.axes if isinstance(a.range, Whole))
