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
        known = f'"{dim.labels}"' if dim.labels else "none"
        return context.error(
            "E205",
            expression.span,
            f"`{dim.name}` has no label {expression.span.text}",
            "not among its labels",
            marks=[(dim.span, f"its labels are {known}")],
        )
    return Value((), Constant(float(where), expression.span), expression.span, True, dim)
