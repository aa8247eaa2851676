"""Values that a term provably takes: the real intervals behind W505."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

from .sizes import Size
from .terms import Apply, Bound, Constant, Domain, Kind, Read, Reduce, Symbol, Term
from .traverse import walk

INF = math.inf


@dataclass(frozen=True, slots=True)
class Reach:
    """Values that are taken, or come arbitrarily near where an end is open.

    `solid`: all between the ends; otherwise the ends alone are known to be taken.
    """

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False
    solid: bool = True

    @property
    def takes_zero(self) -> bool:
        """Whether 0 is among the values."""
        if self.low < 0 < self.high:
            return self.solid
        return (self.low == 0 and not self.low_open) or (self.high == 0 and not self.high_open)

    def __str__(self) -> str:
        if self.low == -INF and self.high == INF:
            return "any real number"
        left, right = f"{self.low:g}", f"{self.high:g}"
        if self.low == -INF:
            return f"any number {'below' if self.high_open else 'up to'} {right}"
        if self.high == INF:
            return f"any number {'above' if self.low_open else 'from'} {left}"
        return f"{'anywhere ' * self.solid}from {left} to {right}"


def reach(term: Term) -> Reach | None:
    """What values a term takes as its variables, parameters and given data range over their types.

    None where that is not known: where one of them stands twice, since they then hang together,
    and for networks, sizes and the values of indices. `let`s must have been unfolded.
    """
    reads = Counter(node.symbol for node in walk(term) if isinstance(node, Read))
    if not reads or max(reads.values()) > 1:
        return None
    return _reach(term)


def _reach(term: Term) -> Reach | None:
    match term:
        case Constant(value=value):
            return Reach(value, value)
        case Read(symbol=symbol):
            return _of_symbol(symbol)
        case Apply(function=function, arguments=arguments):
            inner = [_reach(a) for a in arguments]
            known = [r for r in inner if r is not None]
            return _through(function, known) if len(known) == len(inner) else None
        case Reduce(reducer="mean" | "max" | "min", body=body):
            return _reach(body)
        case Reduce(reducer="sum", body=body):
            return _of_sum(_reach(body))
        case _:
            return None


def _of_symbol(symbol: Symbol) -> Reach | None:
    if symbol.hollow or symbol.domain.kind is Kind.SIMPLEX:
        return None
    return of_domain(symbol.domain)


def of_domain(domain: Domain) -> Reach | None:
    """The values of a type. Bounds of reals count as open: no density sits on them."""
    match domain.kind:
        case Kind.BINARY:
            return Reach(0, 1, solid=False)
        case Kind.SPIN:
            return Reach(-1, 1, solid=False)
        case Kind.POSITIVE:
            return Reach(0, INF, True, True)
        case Kind.ANGLE:
            return Reach(0, 2 * math.pi, True, True)
        case Kind.REAL:
            low, high = _end(domain.lower, -INF), _end(domain.upper, INF)
            return None if low is None or high is None else Reach(low, high, True, True)
        case Kind.INTEGER:
            low, high = _end(domain.lower, -INF), _end(domain.upper, INF)
            if low is None or high is None or -INF in (low, -high):
                return None
            return Reach(low, high, solid=False)
        case _:
            return None


def _end(bound: Bound | None, otherwise: float) -> float | None:
    if bound is None:
        return otherwise
    if isinstance(bound, Size):
        return None if bound.constant is None else float(bound.constant)
    return bound


def _of_sum(body: Reach | None) -> Reach | None:
    """A sum of at least one: on the side where it grows, it reaches as far out as one of its terms."""
    if body is None or 0 < body.low < INF or -INF < body.high < 0:
        return None
    return body


def _through(function: str, inner: list[Reach]) -> Reach | None:
    match function, inner:
        case "+", [a, b]:
            return _plus(a, b)
        case "-", [a, b]:
            return _plus(a, _minus(b))
        case "negate", [a]:
            return _minus(a)
        case "*", [a, b]:
            return _times(a, b)
        case "^", [a, b] if b.low == b.high == int(b.low) and b.low >= 1:
            return _power(a, int(b.low))
        case "square", [a]:
            return _power(a, 2)
        case "abs", [a]:
            return _folded(a, a.low, a.high)
        case (("exp" | "sigmoid" | "softplus" | "tanh"), [a]):
            return _growing(function, a)
        case (("sin" | "cos"), [a]) if a.solid and a.high - a.low >= 2 * math.pi:
            return Reach(-1, 1)
        case "sqrt", [a] if a.low >= 0:
            return replace(a, low=math.sqrt(a.low), high=math.sqrt(a.high))
        case "relu", [a] if a.solid:
            low_open = a.low_open and a.low >= 0
            return Reach(max(a.low, 0), max(a.high, 0), low_open, a.high_open)
        case _:
            return None


def _plus(a: Reach, b: Reach) -> Reach | None:
    low, high = a.low + b.low, a.high + b.high
    if math.isnan(low) or math.isnan(high):
        return None
    solid = all(r.solid for r in (a, b))
    return Reach(low, high, a.low_open or b.low_open, a.high_open or b.high_open, solid)


def _minus(a: Reach) -> Reach:
    return Reach(-a.high, -a.low, a.high_open, a.low_open, a.solid)


def _times(a: Reach, b: Reach) -> Reach | None:
    corners = [
        (
            x * y if x and y else 0.0,
            (x_open and y != 0) or (y_open and x != 0) or (x_open and y_open),
        )
        for x, x_open in ((a.low, a.low_open), (a.high, a.high_open))
        for y, y_open in ((b.low, b.low_open), (b.high, b.high_open))
    ]
    low, high = min(v for v, _ in corners), max(v for v, _ in corners)
    if math.isnan(low) or math.isnan(high):
        return None
    low_open = all(is_open for v, is_open in corners if v == low)
    high_open = all(is_open for v, is_open in corners if v == high)
    return Reach(low, high, low_open, high_open, a.solid and b.solid)


def _power(a: Reach, exponent: int) -> Reach | None:
    try:
        low, high = a.low**exponent, a.high**exponent
    except OverflowError:
        return None
    if exponent % 2:
        return replace(a, low=low, high=high)
    return _folded(a, low, high)


def _folded(a: Reach, low: float, high: float) -> Reach | None:
    """An even function: of the values at both ends, and 0 where the inside holds it."""
    low, high = abs(low), abs(high)
    if a.low >= 0:
        return replace(a, low=low, high=high)
    if a.high <= 0:
        return Reach(high, low, a.high_open, a.low_open, a.solid)
    if a.solid:
        return Reach(0, max(low, high), False, a.high_open if high >= low else a.low_open)
    return Reach(low, high, solid=False) if low == high else None


def _growing(function: str, a: Reach) -> Reach:
    apply = {"exp": _exp, "sigmoid": lambda x: 1 / (1 + _exp(-x)), "tanh": math.tanh,
             "softplus": lambda x: x if x > 30 else math.log1p(_exp(x))}[function]  # fmt: skip
    low_open, high_open = a.low_open or a.low == -INF, a.high_open or a.high == INF
    return Reach(apply(a.low), apply(a.high), low_open, high_open, a.solid)


def _exp(x: float) -> float:
    return INF if x > 700 else math.exp(x)
