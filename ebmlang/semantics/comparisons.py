"""Comparisons: of numbers, of categories, of labels."""

from __future__ import annotations

from ..syntax import tree
from ..syntax.source import Span
from .arrays import elementwise
from .context import Context, Value
from .lookups import label
from .terms import Constant, Dimension, Index, Position, Whole


def compare_two(
    left: tree.Expression, step: tree.Comparison, span: Span, context: Context
) -> Value | None:
    """One step of a chain of comparisons: 1 or 0 for each element."""
    a = _side(left, step.right, context)
    b = _side(step.right, left, context)
    if a is None or b is None:
        return None
    if a.category is None and b.category is None:
        return elementwise(step.operator, (a, b), span, step.operator_span, context)
    if step.operator not in ("==", "!="):
        which = a if a.category else b
        return context.error(
            "E401",
            which.span,
            f"`{which.span.text}` is a category: it has a name, not a size",
            f"an element of `{which.category.name if which.category else ''}`",
            helps=[f"only equal or not: {a.span.text} == {b.span.text}"],
        )
    for value, other in ((a, b), (b, a)):
        if value.category is not None and not _may_equal(value.category, other, context):
            return None
    plain = (_without_category(a), _without_category(b))
    return elementwise(step.operator, plain, span, step.operator_span, context)


def _without_category(value: Value) -> Value:
    return Value(value.axes, value.body, value.span, integer=True)


def _may_equal(labels: Dimension, other: Value, context: Context) -> bool:
    """Whether something can be an element of `labels`; an index without a range takes it."""
    if other.category is labels:
        return True
    if other.category is not None:
        context.error(
            "E304",
            other.span,
            f"an element of `{other.category.name}` is never one of `{labels.name}`",
            f"an element of `{other.category.name}`",
        )
        return False
    if isinstance(other.body, Position):
        return _takes(other.body.index, labels, other, context)
    if not other.integer:
        context.error(
            "E401",
            other.span,
            f"a category is compared with an element of `{labels.name}`, and this is a real number",
            f"not an element of `{labels.name}`",
        )
        return False
    return _on_the_list(labels, other, context)


def _takes(index: Index, labels: Dimension, other: Value, context: Context) -> bool:
    """An index compared with a category ranges over its dimension; E304 if it has another."""
    if index.range is None:
        index.range = Whole(labels)
        context.found_at[index] = other.span
    elif isinstance(index.range, Whole) and index.range.dim is not labels:
        mark = f"a position of `{index.range.dim.name}` here"
        context.error(
            "E304",
            other.span,
            f"`{index.name}` cannot range over `{index.range.dim.name}` and `{labels.name}` at once",
            f"an element of `{labels.name}` here",
            marks=[(context.found_at.get(index, index.span), mark)],
        )
        return False
    return True


def _on_the_list(labels: Dimension, other: Value, context: Context) -> bool:
    """E205 if a number as written is past the last label."""
    body, letters = other.body, labels.labels
    if not letters or not isinstance(body, Constant) or body.value < len(letters):
        return True
    context.error(
        "E205",
        other.span,
        f"`{labels.name}` has no element {other.span.text}: they count from 0",
        f"the last is {len(letters) - 1}",
        marks=[(labels.span, f'its labels are "{letters}"')],
    )
    return False


def _side(expression: tree.Expression, other: tree.Expression, context: Context) -> Value | None:
    """One side of a comparison; a label finds its number from the category on the other side."""
    if not isinstance(expression, tree.String):
        return context.elaborate(expression, context)
    value = context.elaborate(other, context)
    if value is None:
        return None
    if value.category is None:
        return context.error(
            "E205",
            expression.span,
            f"a label is compared with `{other.span.text}`, which has no labels",
            "a label",
        )
    return label(expression, value.category, context)
