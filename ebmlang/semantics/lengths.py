"""Arithmetic of whole numbers and dimensions: sizes, ends of ranges, bounds."""

from __future__ import annotations

from ..syntax import tree
from .context import Context
from .sizes import Size
from .terms import Dimension


def range_end(expression: tree.Expression, context: Context) -> Size | None:
    """An end of `a..b`: arithmetic of whole numbers and sizes."""
    size = constant_size(expression, context)
    if size is None:
        context.error(
            "E402",
            expression.span,
            f"`{expression.span.text}` is not made of whole numbers and dimensions",
            "an end of a range",
        )
    return size


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
