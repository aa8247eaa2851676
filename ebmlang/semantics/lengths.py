"""Arithmetic of whole numbers and dimensions: sizes, ends of ranges, bounds."""

from __future__ import annotations

from ..syntax import tree
from ..syntax.parts import nodes
from .context import Context, kind_of
from .sizes import Size
from .terms import Dimension


def range_end(expression: tree.Expression, context: Context) -> Size | None:
    """An end of `a..b`: arithmetic of whole numbers and sizes."""
    size = constant_size(expression, context)
    if size is None:
        not_a_size(expression, "an end of a range", context)
    return size


def range_of(interval: tree.Interval, context: Context) -> tuple[Size, Size] | None:
    """Both ends of `a..b`. E402 if nothing can lie between them."""
    low, high = range_end(interval.lower, context), range_end(interval.upper, context)
    if low is None or high is None:
        return None
    if not (low - high).never_negative():
        return low, high
    a, b = interval.lower.span.text, interval.upper.span.text
    reversed_ends = (low - high - 1).never_negative()
    return context.error(
        "E402",
        interval.span,
        f"nothing lies in {a}..{b}: it begins with {a} and ends before {b}",
        "reversed" if reversed_ends else "empty",
        helps=[f"{b}..{a}"] if reversed_ends else [],
    )


def not_a_size(expression: tree.Expression, what: str, context: Context) -> None:
    """E402 for an expression that is no arithmetic of whole numbers and dimensions."""
    for name in _names(expression):
        if name.text in context.failed:
            return None
        declared = context.names.get(name.text)
        if declared is not None and not isinstance(declared, Dimension):
            says = f"{what} is made of whole numbers and dimensions, and `{name.text}` is "
            return context.error("E402", name.span, says + kind_of(declared), "not a dimension")
    return context.error(
        "E402",
        expression.span,
        f"{what} is made of whole numbers and dimensions, and `{expression.span.text}` is not",
        "neither",
    )


def _names(expression: tree.Expression) -> list[tree.Name]:
    return [n for n in nodes(expression) if isinstance(n, tree.Name)]


def constant_size(expression: tree.Expression, context: Context) -> Size | None:
    """Arithmetic of whole numbers and dimensions as a size, written through independent dimensions."""
    match expression:
        case tree.Number(is_integer=True, value=value):
            return Size.number(int(value))
        case tree.Name(text=name):
            declared = context.names.get(name)
            if not isinstance(declared, Dimension):
                return None
            context.used.add(name)
            return context.size_of(declared)
        case tree.Paren(inner=inner):
            return constant_size(inner, context)
        case tree.Negate(operand=operand):
            inner = constant_size(operand, context)
            return None if inner is None else -inner
        case tree.Binary(operator=operator, left=left, right=right):
            a, b = constant_size(left, context), constant_size(right, context)
            if a is None or b is None:
                return None
            return _arithmetic(operator, a, b)
        case _:
            return None


def _arithmetic(operator: str, a: Size, b: Size) -> Size | None:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/" if b.constant:
            return a / b.constant
        case "^" if b.constant is not None and b.constant in range(5):
            power = Size.number(1)
            for _ in range(int(b.constant)):
                power = power * a
            return power
        case _:
            return None
