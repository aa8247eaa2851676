"""What the conditions in force prove of a subscript: under `i < j`, `j - i` is at least 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .context import Context
from .intervals import index_limits, interval
from .sizes import Size
from .terms import Apply, Constant, Index, Position, SizeValue, Term

MOST_FACTS = 3
ZERO = Size.number(0)


@dataclass(frozen=True, slots=True)
class Linear:
    """A whole number as a sum of indices with whole factors, and a size."""

    factors: tuple[tuple[Index, int], ...]
    rest: Size

    def plus(self, other: Linear, times: int = 1) -> Linear:
        """This and a multiple of another."""
        total = dict(self.factors)
        for index, factor in other.factors:
            total[index] = total.get(index, 0) + times * factor
        kept = tuple((index, factor) for index, factor in total.items() if factor)
        return Linear(kept, self.rest + other.rest * times)

    def least(self, context: Context) -> Size | None:
        """The smallest value over the ranges of the indices; None if a range is not known."""
        total = self.rest
        for index, factor in self.factors:
            limits = index_limits(index, context)
            if limits is None:
                return None
            total = total + limits[0 if factor > 0 else 1] * factor
        return total


def linear(term: Term, context: Context) -> Linear | None:
    """A term as a sum of indices; None if it is anything else."""
    match term:
        case Constant() | SizeValue():
            known = interval(term, context)
            return None if known is None else Linear((), known[0])
        case Position(index=index):
            return Linear(((index, 1),), ZERO)
        case Apply(function="negate", arguments=(a,)):
            inner = linear(a, context)
            return None if inner is None else Linear((), ZERO).plus(inner, -1)
        case Apply(function="+" | "-" as sign, arguments=(a, b)):
            left, right = linear(a, context), linear(b, context)
            if left is None or right is None:
                return None
            return left.plus(right, 1 if sign == "+" else -1)
        case Apply(function="*", arguments=(Constant(value=v), a) | (a, Constant(value=v))):
            inner = linear(a, context)
            if inner is None or v != int(v):
                return None
            return Linear((), ZERO).plus(inner, int(v))
        case _:
            return None


def facts(condition: Term, context: Context, holds: bool = True) -> Iterator[Linear]:
    """Sums that are at least 0 where a condition holds, or where it fails."""
    match condition:
        case Apply(function="not", arguments=(inner,)):
            yield from facts(inner, context, not holds)
        case Apply(function="and" | "or" as word, arguments=arguments):
            if (word == "and") == holds:
                for argument in arguments:
                    yield from facts(argument, context, holds)
        case Apply(function="<" | "<=" | ">" | ">=" | "==" | "!=" as sign, arguments=(a, b)):
            yield from _compared(sign if holds else OPPOSITE[sign], a, b, context)
        case _:
            return


OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def _compared(sign: str, a: Term, b: Term, context: Context) -> Iterator[Linear]:
    match sign:
        case ">" | ">=":
            yield from _compared("<" if sign == ">" else "<=", b, a, context)
        case "==":
            yield from _compared("<=", a, b, context)
            yield from _compared("<=", b, a, context)
        case "<" | "<=":
            above = linear(b, context)
            if above is None:
                return
            strict = above.plus(Linear((), Size.number(int(sign == "<"))), -1)
            for below in _sides(a, context):
                yield strict.plus(below, -1)
        case _:
            return


def _sides(term: Term, context: Context) -> list[Linear]:
    """Sums that are all below a bound if the term is: `abs(i - j)` is i - j and j - i."""
    match term:
        case Apply(function="abs", arguments=(inner,)):
            side = linear(inner, context)
            return [] if side is None else [side, Linear((), ZERO).plus(side, -1)]
        case _:
            side = linear(term, context)
            return [] if side is None else [side]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known where a subscript stands: sums that are at least 0, and which sizes are.

    `holds` may rest on numbers in the text; what needs none of them is tried first.
    """

    known: Sequence[Linear]
    context: Context
    holds: Callable[[Size], bool]

    def at_most(self, term: Term, last: Size) -> bool:
        """Whether a term never exceeds `last`."""
        match term:
            case Apply(function="min", arguments=parts):
                return any(self.at_most(part, last) for part in self._plainest(parts))
            case Apply(function="max", arguments=parts):
                return all(self.at_most(part, last) for part in parts)
        limits = interval(term, self.context)
        goals = [Linear((), last).plus(side, -1) for side in _sides(term, self.context)]
        return self._all(goals, [] if limits is None else [last - limits[1]])

    def at_least(self, term: Term, first: Size) -> bool:
        """Whether a term never falls below `first`."""
        match term:
            case Apply(function="max", arguments=parts):
                return any(self.at_least(part, first) for part in self._plainest(parts))
            case Apply(function="min", arguments=parts):
                return all(self.at_least(part, first) for part in parts)
        limits, side = interval(term, self.context), linear(term, self.context)
        goals = [] if side is None else [side.plus(Linear((), first), -1)]
        return self._all(goals, [] if limits is None else [limits[0] - first])

    def _plainest(self, parts: Sequence[Term]) -> list[Term]:
        """Terms whose limits rest on few sizes first: they hold for more sizes to come."""
        limits = {part: interval(part, self.context) for part in parts}
        return sorted(parts, key=lambda p: sum(len(s.names) for s in limits[p] or ()))

    def _all(self, goals: Sequence[Linear], enough: Sequence[Size]) -> bool:
        """Whether one of the sizes is never negative, or all the goals follow."""
        if any(size.never_negative() for size in enough):
            return True
        left = [self._left(goal) for goal in goals]
        if left and all(any(size.never_negative() for size in sizes) for sizes in left):
            return True
        if any(self.holds(size) for size in enough):
            return True
        return bool(left) and all(any(self.holds(size) for size in sizes) for sizes in left)

    def _left(self, goal: Linear) -> list[Size]:
        """The least of what is left of a goal after taking away some of the known sums."""
        left: list[Size] = []
        for count in range(min(MOST_FACTS, len(self.known)) + 1):
            for chosen in combinations(self.known, count):
                rest = goal
                for fact in chosen:
                    rest = rest.plus(fact, -1)
                least = rest.least(self.context)
                if least is not None:
                    left.append(least)
        return left
