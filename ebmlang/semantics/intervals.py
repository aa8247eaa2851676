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
    Edges,
    Index,
    Kind,
    Neighbour,
    Position,
    Read,
    Reduce,
    SizeValue,
    Slots,
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
            return index_limits(index, context)
        case Read(symbol=symbol):
            return _values(symbol, context)
        case Apply(function="^", arguments=(base, Constant(value=power))) if power >= 0:
            limits = interval(base, context)
            return None if limits is None else _power(limits, power)
        case Apply(function=function, arguments=arguments):
            inner = [interval(a, context) for a in arguments]
            known = [limits for limits in inner if limits is not None]
            return _through(function, known) if len(known) == len(inner) else None
        case Reduce(reducer="sum", body=body):
            return _of_sum(term, interval(body, context), context)
        case Reduce(reducer="max" | "min", body=body, conditions=()):
            return interval(body, context)
        case _:
            return None


def index_limits(index: Index, context: Context) -> Limits | None:
    """The first and the last position of an index; None if not known."""
    match index.range:
        case Between(lower=lower, upper=upper):
            return lower, upper - 1
        case _:
            dim = dimension_of(index)
            return None if dim is None else (Size.number(0), context.size_of(dim) - 1)


def _values(symbol: Symbol, context: Context) -> Limits | None:
    limits = _declared(symbol, context)
    if limits is None or not symbol.hollow:
        return limits
    zero = Size.number(0)
    low, high = _larger(-limits[0], zero), _larger(limits[1], zero)
    return None if low is None or high is None else (-low, high)


def _declared(symbol: Symbol, context: Context) -> Limits | None:
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
        case "square", [limits]:
            return _power(limits, 2)
        case "floor", [limits]:
            return limits
        case _:
            return _bent(function, inner)


def _bent(function: str, inner: list[Limits]) -> Limits | None:
    """The limits of a function that chooses between its arguments."""
    match function, inner:
        case "max", [(a, b), (c, d)]:
            low, high = _larger(a, c) or a, _larger(b, d)
            return None if high is None else (low, high)
        case "min", [(a, b), (c, d)]:
            least, high = _larger(-a, -c), _larger(-b, -d)
            return None if least is None else (-least, b if high is None else -high)
        case "relu", [limits]:
            return _bent("max", [limits, (Size.number(0), Size.number(0))])
        case "sign", [(a, b)]:
            low = 1 if (a - 1).never_negative() else 0 if a.never_negative() else -1
            high = -1 if (-b - 1).never_negative() else 0 if (-b).never_negative() else 1
            return Size.number(low), Size.number(high)
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


def _larger(a: Size, b: Size) -> Size | None:
    """The larger of two sizes; None if that depends on the dimensions."""
    if (a - b).never_negative():
        return a
    return b if (b - a).never_negative() else None


def _power(limits: Limits, power: float) -> Limits | None:
    """The limits of a whole power: it grows with its base if odd, with the absolute value if even."""
    if power != int(power):
        return None
    wide = limits if power % 2 else _through("abs", [limits])
    if wide is None:
        return None
    return _repeated(wide[0], int(power)), _repeated(wide[1], int(power))


def _repeated(size: Size, times: int) -> Size:
    total = Size.number(1)
    for _ in range(times):
        total = total * size
    return total


def _of_sum(term: Reduce, body: Limits | None, context: Context) -> Limits | None:
    if body is None:
        return None
    count, exact = _instances(term, context)
    if count is None:
        return None
    low, high = body[0] * count, body[1] * count
    if exact:
        return low, high
    zero = Size.number(0)
    above, below = body[0].never_negative(), (-body[1]).never_negative()
    if not (above or (-body[0]).never_negative()) or not (below or body[1].never_negative()):
        return None
    return (zero if above else low), (zero if below else high)


def _instances(term: Reduce, context: Context) -> tuple[Size | None, bool]:
    """At most how many instances a sum has, and whether it always has that many."""
    count, exact = Size.number(1), not term.conditions
    for index in term.indices:
        match index.range:
            case Whole(dim=dim):
                count = count * context.size_of(dim)
            case Between(lower=lower, upper=upper):
                count = count * (upper - lower)
            case Slots(graph=graph):
                count, exact = count * (context.size_of(graph.on) - 1), False
            case Edges(graph=graph):
                sites = context.size_of(graph.on)
                count, exact = count * sites * (sites - 1) / 2, False
            case Neighbour() | EdgeEnd():
                continue
            case _:
                return None, False
    return _fewer(term, count, exact, context)


def _fewer(term: Reduce, count: Size, exact: bool, context: Context) -> tuple[Size, bool]:
    """Instances left by one `i < j` or `i != j`, or by a hollow array's row or diagonal."""
    dims = {i: i.range.dim for i in term.indices if isinstance(i.range, Whole)}
    match term.conditions, term.body:
        case (
            (
                Apply(
                    function="<" | ">" | "!=" as sign,
                    arguments=(Position(index=i), Position(index=j)),
                ),
            ),
            _,
        ) if len(term.indices) == len(dims) == 2 and i is not j and dims.get(i) is dims.get(j):
            side = context.size_of(dims[i])
            pairs = side * (side - 1)
            return (pairs if sign == "!=" else pairs / 2), True
        case (), Read(symbol=symbol, subscripts=(Position(index=i), Position(index=j))) if (
            symbol.hollow and i is not j and set(dims) == set(term.indices) <= {i, j}
        ):
            both = len(term.indices) == 2
            return count - (context.size_of(dims[i]) if both else 1), exact
        case _:
            return count, exact


def dimension_of(index: Index) -> Dimension | None:
    """The dimension whose positions an index takes, if it is one."""
    match index.range:
        case Whole(dim=dim):
            return dim
        case EdgeEnd(graph=graph) | Neighbour(graph=graph):
            return graph.on
        case _:
            return None
