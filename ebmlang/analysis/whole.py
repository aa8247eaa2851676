"""Which terms are whole numbers, between which bounds, and how far floating point may miss them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..semantics.functions import FUNCTIONS
from ..semantics.terms import (
    Apply,
    Constant,
    Domain,
    EdgeEnd,
    Index,
    Kind,
    Listed,
    Neighbour,
    Position,
    Read,
    Reduce,
    SizeValue,
    Term,
)
from ..semantics.traverse import children, is_free_of_unknowns, unfold, walk
from .world import World

LARGEST = 2**200  # beyond it nothing is kept exactly
TRUTHS = ("==", "!=", "<", "<=", ">", ">=", "and", "or", "not")


class Whole(NamedTuple):
    """Bounds of a whole number, and by how much floating point may miss it: 0 where it is exact."""

    low: int
    high: int
    error: int

    @property
    def size(self) -> int:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))


class Bounds:
    """Bounds of the terms of one world; `digits`: the bits that a float keeps, 24 or 53."""

    def __init__(self, world: World, digits: int) -> None:
        self.world = world
        self.digits = digits
        self._known: dict[int, tuple[Term, Whole | None]] = {}

    def of(self, term: Term) -> Whole | None:
        """The bounds of a whole number; None for what is none, or is not known to be bounded."""
        found = self._known.get(id(term))
        if found is None:
            found = (term, self._of(term))
            self._known[id(term)] = found
        return found[1]

    def _of(self, term: Term) -> Whole | None:
        match term:
            case Constant(value=value):
                return self._kept(int(value), int(value)) if _is_whole(value) else None
            case SizeValue(size=size):
                value = self.world.value(size)
                return self._kept(int(value), int(value)) if _is_whole(value) else None
            case Position(index=index):
                return self._kept(*self._position(index))
            case Read(symbol=symbol) if symbol.body is not None:
                return self.of(symbol.body)
            case Read(symbol=symbol):
                return self._domain(symbol.domain)
            case Apply():
                return self._apply(term)
            case Reduce():
                return self._reduce(term)
            case _:
                return None

    def _kept(self, low: int, high: int, error: int = 0) -> Whole | None:
        """Bounds with the error of rounding their size added."""
        size = max(abs(low), abs(high))
        if size > LARGEST:
            return None
        return Whole(low, high, error + (size >> self.digits if size > 1 << self.digits else 0))

    def _position(self, index: Index) -> tuple[int, int]:
        match index.found:
            case Listed(values=values):
                return min(values, default=0), max(values, default=0)
            case EdgeEnd(graph=graph) | Neighbour(graph=graph):
                return 0, max(self.world.size(graph.on) - 1, 0)
            case _:
                low, high = self.world.limits(index)
                return low, max(high - 1, low)

    def _domain(self, domain: Domain) -> Whole | None:
        match domain.kind:
            case Kind.BINARY:
                return Whole(0, 1, 0)
            case Kind.SPIN:
                return Whole(-1, 1, 0)
            case Kind.CATEGORY if domain.labels is not None:
                return self._kept(0, max(self.world.size(domain.labels) - 1, 0))
            case Kind.INTEGER if domain.lower is not None and domain.upper is not None:
                ends = self.world.value(domain.lower), self.world.value(domain.upper)
                return self._kept(*map(int, ends)) if all(map(math.isfinite, ends)) else None
            case _:
                return None

    def _apply(self, term: Apply) -> Whole | None:
        if term.function in TRUTHS:
            return Whole(0, 1, 0)
        if term.function == "if":
            return self._either(*map(self.of, term.arguments[1:]))
        if not FUNCTIONS[term.function].integer:
            return None
        parts = [self.of(argument) for argument in term.arguments]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if term.function == "^":
            return self._power(known[0], term.arguments[1])
        rule = _RULES.get(term.function)
        return None if rule is None else self._kept(*rule(*known))

    def _either(self, a: Whole | None, b: Whole | None) -> Whole | None:
        if a is None or b is None:
            return None
        return Whole(min(a.low, b.low), max(a.high, b.high), max(a.error, b.error))

    def _power(self, base: Whole, exponent: Term) -> Whole | None:
        if not isinstance(exponent, Constant) or not 0 <= exponent.value <= 64:
            return None
        found: Whole | None = Whole(1, 1, 0)
        for _ in range(int(exponent.value)):
            if found is not None:
                found = self._kept(*_times(found, base))
        if found is None or exponent.value % 2:
            return found
        return found._replace(low=max(found.low, 0))

    def _reduce(self, term: Reduce) -> Whole | None:
        body = self.of(term.body)
        if body is None:
            return None
        number = math.prod(self.world.length(i) for i in term.indices if i.has_axis)
        match term.reducer:
            case "sum":
                # Conditions may leave any of it out.
                low, high = min(body.low, 0) * number, max(body.high, 0) * number
                found = self._kept(low, high, body.error * number)
                if found is None or not found.error:
                    return found
                return found._replace(error=found.error * max(number, 1))
            case "max" | "min":
                return body if number and not term.conditions else None
            case "prod" if number <= 64:
                found = Whole(1, 1, 0)
                for _ in range(number):
                    more = self._kept(*_times(found, body))
                    if more is None:
                        return None
                    found = Whole(min(more.low, 1), max(more.high, 1), more.error)
                return found
            case _:
                return None


def cancels(term: Term, bounds: Bounds) -> bool:
    """Whether large whole numbers cancel inside a curved part, so that floats lose what is left.

    What the energy is of first degree in, as a sum of integer couplings, does not count.
    """
    match term:
        case Read() if term.symbol.body is not None:
            return cancels(unfold(term), bounds)
        case Apply(function="+" | "-" | "negate") | Reduce(reducer="sum" | "mean"):
            return any(cancels(child, bounds) for child in children(term))
        case Apply(function="*" | "/", arguments=arguments):
            moving = [a for a in arguments if not is_free_of_unknowns(a)]
            if len(moving) == 1:
                return cancels(moving[0], bounds)
        case _:
            pass
    return any(_missed(node, bounds) for child in children(term) for node in _entered(child))


def _entered(term: Term) -> Iterator[Term]:
    """The term and everything inside it, also through definitions."""
    for node in walk(term):
        yield node
        if isinstance(node, Read) and node.symbol.body is not None:
            yield from _entered(unfold(node))


def _missed(node: Term, bounds: Bounds) -> bool:
    sums = isinstance(node, Apply) and node.function in ("+", "-", *TRUTHS)
    if not (sums or (isinstance(node, Reduce) and node.reducer == "sum")):
        return False
    if isinstance(node, Apply) and node.function in TRUTHS and len(node.arguments) == 2:
        node = Apply("-", node.arguments, node.span)
    found = bounds.of(node)
    straddles = found is not None and found.error > 0 and found.low < 0 < found.high
    return straddles and not is_free_of_unknowns(node)


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and float(value).is_integer()


Rule = Callable[..., tuple[int, int, int]]


def _times(a: Whole, b: Whole) -> tuple[int, int, int]:
    ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return min(ends), max(ends), a.size * b.error + b.size * a.error + a.error * b.error


def _square(a: Whole) -> tuple[int, int, int]:
    low, high, error = _times(a, a)
    return max(low, 0), high, error


def _folded(a: Whole) -> tuple[int, int, int]:
    return max(a.low, -a.high, 0), a.size, a.error


_RULES: dict[str, Rule] = {
    "+": lambda a, b: (a.low + b.low, a.high + b.high, a.error + b.error),
    "-": lambda a, b: (a.low - b.high, a.high - b.low, a.error + b.error),
    "negate": lambda a: (-a.high, -a.low, a.error),
    "*": _times,
    "square": _square,
    "abs": _folded,
    "sign": lambda a: (-1, 1, 2 * (a.error > 0)),
    "floor": lambda a: a,
    "relu": lambda a: (max(a.low, 0), max(a.high, 0), a.error),
    "max": lambda a, b: (max(a.low, b.low), max(a.high, b.high), max(a.error, b.error)),
    "min": lambda a, b: (min(a.low, b.low), min(a.high, b.high), max(a.error, b.error)),
}
