"""The smallest and largest value of an integer term, in sizes of dimensions."""

from __future__ import annotations

from .context import Context
from .sizes import Size
from .terms import (
    Apply,
    Between,
    Constant,
    Dimension,
    EdgeEnd,
    Index,
    Kind,
    Neighbour,
    Position,
    Read,
    Reduce,
    SizeValue,
    Symbol,
    Term,
    Whole,
)

Limits = tuple[Size, Size]


def interval(term: Term, context: Context) -> Limits | None:
    """Smallest and largest value of an integer term, both included; None if not known."""
    match term:
        case Constant(value=value) if value == int(value):
            return Size.number(int(value)), Size.number(int(value))
        case SizeValue(size=size):
            names = context.names
            full = size.substitute(
                {n: context.size_of(d) for n in size.names if isinstance(d := names[n], Dimension)}
            )
            return full, full
        case Position(index=index):
            return _limits(index, context)
        case Read(symbol=symbol):
            return _values(symbol, context)
        case Apply(function=function, arguments=arguments):
            inner = [interval(a, context) for a in arguments]
            known = [limits for limits in inner if limits is not None]
            return _through(function, known) if len(known) == len(inner) else None
        case Reduce(reducer="sum", indices=indices, body=body, conditions=conditions):
            return _of_sum(indices, bool(conditions), interval(body, context), context)
        case Reduce(reducer="max" | "min", body=body, conditions=()):
            return interval(body, context)
        case _:
            return None


def _limits(index: Index, context: Context) -> Limits | None:
    match index.range:
        case Between(lower=lower, upper=upper):
            return lower, upper - 1
        case _:
            dim = dimension_of(index)
            return None if dim is None else (Size.number(0), context.size_of(dim) - 1)


def _values(symbol: Symbol, context: Context) -> Limits | None:
    domain = symbol.domain
    match domain.kind:
        case Kind.BINARY:
            return Size.number(0), Size.number(1)
        case Kind.SPIN:
            return Size.number(-1), Size.number(1)
        case Kind.CATEGORY if domain.labels is not None:
            return Size.number(0), context.size_of(domain.labels) - 1
        case Kind.INTEGER if isinstance(domain.lower, Size) and isinstance(domain.upper, Size):
            return domain.lower, domain.upper
        case Kind.INTEGER if symbol.body is not None:
            return interval(symbol.body, context)
        case _:
            return None


def _through(function: str, inner: list[Limits]) -> Limits | None:
    match function, inner:
        case "+", [(a, b), (c, d)]:
            return a + c, b + d
        case "-", [(a, b), (c, d)]:
            return a - d, b - c
        case "negate", [(a, b)]:
            return -b, -a
        case (("==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "not"), _):
            return Size.number(0), Size.number(1)
        case "*", [(a, b), (c, d)] if a == b or c == d:
            factor, low, high = (a, c, d) if a == b else (c, a, b)
            if factor.never_negative():
                return low * factor, high * factor
            return (high * factor, low * factor) if (-factor).never_negative() else None
        case "*", [(a, b), (c, d)] if a.never_negative() and c.never_negative():
            return a * c, b * d
        case "mod", [_, (n, m)] if n == m:
            return Size.number(0), n - 1
        case "abs", [(a, b)]:
            if a.never_negative():
                return a, b
            return (Size.number(0), b) if (a + b).never_negative() else (Size.number(0), -a)
        case "if", [_, (a, b), (c, d)]:
            low = a if (c - a).never_negative() else c if (a - c).never_negative() else None
            high = d if (d - b).never_negative() else b if (b - d).never_negative() else None
            return None if low is None or high is None else (low, high)
        case _:
            return None


def _of_sum(
    indices: tuple[Index, ...], partial: bool, body: Limits | None, context: Context
) -> Limits | None:
    if body is None:
        return None
    count = Size.number(1)
    for index in indices:
        match index.range:
            case Whole(dim=dim):
                count = count * context.size_of(dim)
            case Between(lower=lower, upper=upper):
                count = count * (upper - lower)
            case _:
                return None
    low, high = body[0] * count, body[1] * count
    zero = Size.number(0)
    if partial and body[0].never_negative():
        low = zero
    elif partial and (-body[1]).never_negative():
        high = zero
    return low, high


def dimension_of(index: Index) -> Dimension | None:
    """The dimension whose positions an index takes, if it is one."""
    match index.range:
        case Whole(dim=dim):
            return dim
        case EdgeEnd(graph=graph) | Neighbour(graph=graph):
            return graph.on
        case _:
            return None
