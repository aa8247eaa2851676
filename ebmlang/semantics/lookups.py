"""What a bare name and a label stand for."""

from __future__ import annotations

from ..syntax import tree
from ..syntax.source import Span
from .context import Context, Value
from .terms import (
    Constant,
    Dimension,
    Edges,
    GraphDeclaration,
    Index,
    Position,
    Range,
    Read,
    Symbol,
    Whole,
)


def read_whole(symbol: Symbol, span: Span) -> Value:
    """The whole of a declared array: one axis a dimension."""
    axes = tuple(Index(dim.name, span, range_over(dim)) for dim in symbol.dims)
    body = Read(symbol, tuple(Position(axis, span) for axis in axes), span)
    domain = symbol.domain
    return Value(axes, body, span, domain.discrete and domain.labels is None, domain.labels)


def range_over(dim: Dimension | GraphDeclaration) -> Range:
    """All positions of a dimension, or of the part of one, or all edges of a graph."""
    if isinstance(dim, GraphDeclaration):
        return Edges(dim)
    return dim.part or Whole(dim)


def label(expression: tree.String, dim: Dimension, context: Context) -> Value | None:
    """The position of a label of a dimension."""
    where = (dim.labels or "").find(expression.value) if len(expression.value) == 1 else -1
    if where < 0:
        if dim.name in context.failed:
            return None
        if dim.labels is None:
            number = expression.value if expression.value.isdigit() else "0"
            says, mark, known = f"`{dim.name}` has no labels", "a label", "declared without labels"
            helps = [f"its positions are numbers: {number}"]
        else:
            says, mark = f"`{dim.name}` has no label {expression.span.text}", "not among its labels"
            known, helps = f'its labels are "{dim.labels}"', _nearby(expression.value, dim.labels)
        return context.error(
            "E205", expression.span, says, mark, marks=[(dim.span, known)], helps=helps
        )
    return Value((), Constant(float(where), expression.span), expression.span, True, dim)


def _nearby(written: str, labels: str) -> list[str]:
    other = written.swapcase()
    if len(written) == 1 and other in labels:
        return [f'"{other}"']
    return ["a label is one letter"] if len(written) != 1 else []
