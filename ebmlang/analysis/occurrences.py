"""Where unknowns are read, in what company, and to which power: the facts of one term, bottom up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from ..semantics.functions import FUNCTIONS, Smoothness
from ..semantics.terms import (
    Apply,
    Constant,
    EdgeNumber,
    Index,
    LogDensity,
    NetworkRead,
    Position,
    Read,
    Reduce,
    SizeValue,
    Symbol,
    Term,
)
from ..semantics.traverse import arrays_of, children, fingerprint, substitute, unfold, unknowns

INFINITE = math.inf


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A read of an unknown: the indices bound between here and it, the conditions in force there."""

    read: Read
    bound: tuple[Index, ...] = ()
    conditions: tuple[Term, ...] = ()

    def inside(self, indices: Iterable[Index], conditions: Iterable[Term]) -> Occurrence:
        """The same read seen from outside a reduction."""
        return Occurrence(self.read, (*indices, *self.bound), (*conditions, *self.conditions))

    def renamed(self) -> Occurrence:
        """The same read for other values of the indices bound on the way."""
        if not self.bound:
            return self
        carrier = Reduce(
            "sum", self.bound, self.conditions, self.read, self.read.span, self.read.span
        )
        twin = substitute(carrier, {Index("", self.read.span): self.read})
        assert isinstance(twin, Reduce)
        assert isinstance(twin.body, Read)
        return Occurrence(twin.body, twin.indices, twin.conditions)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two reads that stand in one product or one curved function: their sites interact."""

    first: Occurrence
    second: Occurrence
    where: Term
    scope: tuple[Term, ...] = ()

    @property
    def conditions(self) -> tuple[Term, ...]:
        """Every condition that holds where the two meet."""
        return (*self.scope, *self.first.conditions, *self.second.conditions)


@dataclass(slots=True)
class Facts:
    """What is known of a term: reads, highest powers, how smooth, and what stood in the way."""

    occurrences: list[Occurrence] = field(default_factory=list)
    site_degree: dict[Symbol, float] = field(default_factory=dict)
    joint_degree: dict[Symbol, float] = field(default_factory=dict)
    smoothness: dict[Symbol, Smoothness] = field(default_factory=dict)
    blame: dict[Symbol, Term] = field(default_factory=dict)


class Visitor:
    """Collects the meetings of one energy. `may_coincide` decides whether two reads can be one site."""

    def __init__(self, may_coincide: Callable[[Meeting], bool]) -> None:
        self.may_coincide = may_coincide
        self.meetings: list[Meeting] = []
        self.scope: tuple[Term, ...] = ()

    def visit(self, term: Term) -> Facts:
        """The facts of a term; the meetings inside it are kept."""
        match term:
            case Constant() | SizeValue() | Position() | EdgeNumber():
                return Facts()
            case Read(symbol=symbol) if symbol.body is not None:
                return self.visit(unfold(term))
            case Read(symbol=symbol, subscripts=subscripts):
                return self._read(term, symbol, subscripts)
            case Apply():
                return self._apply(term)
            case Reduce(reducer="sum" | "mean"):
                return self._sum(term)
            case Reduce():
                return self._curved(term, [term.body, *term.conditions], term.indices,
                                    Smoothness.KINKED if term.reducer in ("max", "min")
                                    else Smoothness.SMOOTH)  # fmt: skip
            case NetworkRead(network=network):
                kinked = dict(network.options).get("act") == "relu"
                axes = tuple(axis for array in term.inputs for axis in array.axes)
                smooth = Smoothness.KINKED if kinked else Smoothness.SMOOTH
                return self._curved(term, list(children(term)), axes, smooth)
            case LogDensity():
                axes = tuple(axis for array in arrays_of(term) for axis in array.axes)
                return self._curved(term, list(children(term)), axes, Smoothness.SMOOTH)
            case _:
                assert_never(term)

    def _read(self, term: Read, symbol: Symbol, subscripts: tuple[Term, ...]) -> Facts:
        inner = [s for s in subscripts if unknowns(s)]
        if inner:
            facts = self._curved(term, inner, (), Smoothness.JUMPING)
            if symbol.unknown:
                self._meet(facts.occurrences, [Occurrence(term)], term)
                facts.occurrences.append(Occurrence(term))
                for table in (facts.site_degree, facts.joint_degree):
                    table[symbol] = INFINITE
                facts.smoothness.setdefault(symbol, Smoothness.SMOOTH)
                facts.blame.setdefault(symbol, term)
            return facts
        if not symbol.unknown:
            return Facts()
        one = {symbol: 1.0}
        smooth = {symbol: Smoothness.SMOOTH}
        return Facts([Occurrence(term)], dict(one), dict(one), smooth)

    def _apply(self, term: Apply) -> Facts:
        function, arguments = term.function, term.arguments
        match function:
            case "+" | "-" | "negate":
                return self._added([self.visit(a) for a in arguments])
            case "*":
                return self._product(term, self.visit(arguments[0]), self.visit(arguments[1]))
            case "/":
                below = [arguments[1]] if unknowns(arguments[1]) else []
                above = self.visit(arguments[0])
                under = self._curved(term, below, (), Smoothness.SMOOTH)
                return self._product(term, above, under) if below else above
            case "^" | "square":
                power = exponent(term)
                if power is not None:
                    return self._power(term, power)
            case "if":
                return self._chosen(term)
            case _:
                pass
        return self._curved(term, list(arguments), (), FUNCTIONS[function].smoothness)

    def _chosen(self, term: Apply) -> Facts:
        """`if`: the condition jumps and meets both branches, which do not meet each other."""
        condition, *branches = term.arguments
        parts = self._added([self.visit(branch) for branch in branches])
        if not unknowns(condition):
            return parts
        return self._product(term, parts, self._curved(term, [condition], (), Smoothness.JUMPING))

    def _added(self, parts: list[Facts]) -> Facts:
        total = Facts()
        for part in parts:
            total.occurrences += part.occurrences
            _most(total.site_degree, part.site_degree)
            _most(total.joint_degree, part.joint_degree)
            _most(total.smoothness, part.smoothness)
            total.blame |= part.blame
        return total

    def _product(self, term: Term, a: Facts, b: Facts) -> Facts:
        self._meet(a.occurrences, b.occurrences, term)
        total = self._added([a, b])
        for symbol in a.joint_degree.keys() & b.joint_degree.keys():
            total.joint_degree[symbol] = a.joint_degree[symbol] + b.joint_degree[symbol]
            if self._coincide(symbol, a, b):
                total.site_degree[symbol] = a.site_degree[symbol] + b.site_degree[symbol]
                total.blame.setdefault(symbol, term)
        return total

    def _coincide(self, symbol: Symbol, a: Facts, b: Facts) -> bool:
        return any(
            self.may_coincide(Meeting(x, y.renamed(), x.read, self.scope))
            for x in a.occurrences
            if x.read.symbol is symbol
            for y in b.occurrences
            if y.read.symbol is symbol
        )

    def _power(self, term: Apply, power: int) -> Facts:
        inner = self.visit(term.arguments[0])
        if power > 1:
            self._meet_itself(inner.occurrences, term)
            for table in (inner.site_degree, inner.joint_degree):
                for symbol in table:
                    table[symbol] *= power
                    inner.blame.setdefault(symbol, term)
        return inner

    def _sum(self, term: Reduce) -> Facts:
        facts = self._within(term.conditions, [term.body])
        facts.occurrences = [o.inside(term.indices, term.conditions) for o in facts.occurrences]
        moving = [c for c in term.conditions if unknowns(c)]
        if moving:
            other = self._curved(term, moving, term.indices, Smoothness.JUMPING)
            facts = self._product(term, facts, other)
        return facts

    def _curved(
        self, term: Term, parts: list[Term], bound: tuple[Index, ...], smoothness: Smoothness
    ) -> Facts:
        """A function that is no polynomial: everything inside meets everything."""
        conditions = term.conditions if isinstance(term, Reduce) else ()
        inner = self._within(conditions, parts)
        inner.occurrences = [o.inside(bound, conditions) for o in inner.occurrences]
        self._meet_itself(inner.occurrences, term)
        for symbol in inner.joint_degree:
            inner.site_degree[symbol] = inner.joint_degree[symbol] = INFINITE
            inner.smoothness[symbol] = max(inner.smoothness[symbol], smoothness)
            inner.blame.setdefault(symbol, term)
        return inner

    def _within(self, conditions: tuple[Term, ...], parts: list[Term]) -> Facts:
        outer = self.scope
        self.scope = (*outer, *conditions)
        facts = self._added([self.visit(part) for part in parts])
        self.scope = outer
        return facts

    def _meet(self, first: list[Occurrence], second: list[Occurrence], term: Term) -> None:
        self.meetings += [Meeting(a, b.renamed(), term, self.scope) for a in first for b in second]

    def _meet_itself(self, occurrences: list[Occurrence], term: Term) -> None:
        seen: set[object] = set()
        kept = []
        for occurrence in occurrences:
            key = (fingerprint(occurrence.read), occurrence.bound)
            if key not in seen:
                seen.add(key)
                kept.append(occurrence)
        for k, a in enumerate(kept):
            for b in kept[k:]:
                if a is not b or a.bound:
                    self.meetings.append(Meeting(a, b.renamed(), term, self.scope))


def exponent(term: Apply) -> int | None:
    """The whole number from 0 to which a term is raised; None if it is no such number."""
    if term.function == "square":
        return 2
    power = term.arguments[1]
    if isinstance(power, Constant) and power.value >= 0 and power.value.is_integer():
        return int(power.value)
    return None


def _most(total: dict, part: dict) -> None:
    for key, value in part.items():
        total[key] = max(total.get(key, value), value)
