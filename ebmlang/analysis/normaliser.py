"""Whether Z exists: proven on the text alone for every value of the parameters, or not proven and why.

Each energy is taken apart at its sums. Every piece must be bounded below, a bowl that holds a variable,
the density of a variable, or grow no faster than its variables. Integrating one variable after the
other, those that others lean on last, then gives a finite number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..semantics.densities import canonical, number_of, table
from ..semantics.functions import FUNCTIONS
from ..semantics.lints_slopes import sign
from ..semantics.supports import Support, ends_of, is_whole, support_of
from ..semantics.terms import (
    Apply,
    Constant,
    Index,
    Kind,
    LogDensity,
    NamedEnergy,
    Position,
    Program,
    Read,
    Reduce,
    Symbol,
    Term,
    Whole,
)
from ..semantics.traverse import unfold_all, unknowns, walk
from ..syntax.source import Span
from .growth import INF, bounded_below, compact, defined, growth, positive, within_unit

WALLS = "; walls forbid some states, and Z is 0 where they forbid all"


@dataclass(frozen=True, slots=True)
class Normaliser:
    """What is known of Z. `one`: it is 1; `place`: the piece that kept it from being proved."""

    proven: bool
    one: bool
    says: str
    place: Span | None = None


@dataclass(slots=True)
class _Found:
    """Bowls and densities: the variables that each variable's own leans on; what is only Lipschitz."""

    held: dict[Symbol, set[Symbol]] = field(default_factory=dict)
    bowls: set[Symbol] = field(default_factory=set)
    growing: set[Symbol] = field(default_factory=set)
    fault: tuple[str, Span] | None = None


def normaliser(program: Program) -> Normaliser:
    """Whether Z exists whatever the parameters are."""
    found, exact = _Found(), all(e.density for e in program.energies)
    wide: str | None = None
    for energy in program.energies:
        if energy.density:
            variable = program.unknowns[energy.name.removesuffix(" ~")]
            fault = _proper(energy)
            if fault is not None:
                found.fault = found.fault or fault
                continue
            found.held[variable] = unknowns(energy.term) - {variable}
            if not _whole(energy, variable):
                exact, wide = False, wide or energy.span.text.partition("(")[0]
                found.fault = found.fault or _empty(energy, variable)
        else:
            _pieces(unfold_all(energy.finite or energy.term), [], (), energy, found)
    if found.fault is not None:
        says, place = found.fault
        return Normaliser(False, False, f"that Z exists is not proven: {says}", place)
    loose = [s for s in program.unknowns.values() if not compact(s)]
    unheld = [s for s in loose if s not in found.held]
    if unheld:
        return _nothing_holds(unheld)
    for symbol in found.growing:
        if symbol not in found.bowls or any(not compact(s) for s in found.held[symbol]):
            says = f"no bowl of its own holds {symbol.name} against what pulls at it"
            return Normaliser(False, False, f"that Z exists is not proven: {says}", symbol.span)
    if not _ordered(found.held):
        says = "densities and bowls lean on one another in a circle"
        return Normaliser(False, False, f"that Z exists is not proven: {says}")
    if exact and set(found.held) == set(program.unknowns.values()):
        return Normaliser(True, True, "Z = 1: every variable has a density given earlier ones")
    walls = any(e.walls is not None for e in program.energies)
    return Normaliser(True, False, _why(loose, found, wide) + walls * WALLS)


def _nothing_holds(unheld: list[Symbol]) -> Normaliser:
    names = ", ".join(s.name for s in unheld)
    verb = "is" if len(unheld) == 1 else "are"
    says = f"that Z exists is not proven: {names} {verb} unbounded, and no bowl is known to hold it"
    return Normaliser(False, False, says, unheld[0].span)


def _why(loose: list[Symbol], found: _Found, wide: str | None) -> str:
    start = "Z exists whatever the parameters are: "
    bowls = [s.name for s in loose if s in found.bowls]
    densities = [s.name for s in found.held if s not in found.bowls]
    reasons = []
    if bowls:
        reasons.append(f"a bowl outgrows all else in {', '.join(bowls)}")
    if densities:
        reasons.append(
            f"{', '.join(densities)} {'has' if len(densities) == 1 else 'have'} a density"
        )
    if not reasons:
        return start + "every variable is bounded, and the energy is finite"
    text = start + ", and ".join(reasons)
    return text + (f"; it is not 1 where `{wide}` reaches beyond the type" if wide else "")


# -------------------------------------------------------------------- densities


def _proper(energy: NamedEnergy) -> tuple[str, Span] | None:
    """What keeps a density from being one for every value of its arguments."""
    term, name = unfold_all(energy.term), canonical(energy.span.text.partition("(")[0].strip())
    for node in walk(term):
        fault = None
        if isinstance(node, LogDensity):
            fault = _arguments(node, name)
        elif isinstance(node, Apply):
            fault = _formula(node, name, energy)
        if fault is not None:
            return fault
    return None


def _arguments(density: LogDensity, name: str) -> tuple[str, Span] | None:
    for label, argument in density.arguments:
        if not _valid(argument.body, density, label):
            return f"`{label}` of `{name}` is not known to be valid", argument.span
    return None


def _formula(node: Apply, name: str, energy: NamedEnergy) -> tuple[str, Span] | None:
    """What a density written out takes the logarithm of is what must be valid."""
    if not _inside(node, energy):
        if FUNCTIONS[node.function].partial and not defined(node):
            return f"`{node.span.text}` is not known to be a number", node.span
    elif node.function in ("log", "log1p"):
        (inner,) = node.arguments
        minus = node.function == "log1p" and isinstance(inner, Apply)
        unit = inner.arguments[0] if minus and isinstance(inner, Apply) else inner
        if not (within_unit(unit) if name == "bernoulli" else positive(inner)):
            return f"`{unit.span.text}` is not known to be valid for `{name}`", energy.span
    return None


def _inside(node: Apply, energy: NamedEnergy) -> bool:
    """Whether a function comes from the density's own formula and not from an argument."""
    return node.span.start == energy.span.start and node.span.end == energy.span.end


def _valid(term: Term, density: LogDensity, label: str) -> bool:
    kind, low, high = table()[density.distribution]["takes"][label]
    match kind, low, high:
        case (("real" | "real_vector" | "real_matrix" | "circular"), _, _):
            return defined(term)
        case "simplex", _, _:
            return isinstance(term, Read) and term.symbol.domain.kind is Kind.SIMPLEX
        case "integer_nonnegative", _, _:
            number = number_of(term)
            return number is not None and number >= 0 and number == int(number)
        case _, 0.0, None:
            return positive(term) and defined(term)
        case _, 0.0, 1.0:
            return within_unit(term)
        case "dependent", _, _ if label in ("low", "high"):
            ends = {k: number_of(a.body) for k, a in density.arguments}
            low, high = ends.get("low"), ends.get("high")
            return low is not None and high is not None and low < high
        case _:
            return False


def _whole(energy: NamedEnergy, variable: Symbol) -> bool:
    """Whether a density's support is just its variable's type."""
    return is_whole(variable.domain, _support(energy))


def _support(energy: NamedEnergy) -> Support:
    row = _row(energy)
    numbers: dict[str, float | None] = {}
    for node in walk(energy.term):
        if isinstance(node, LogDensity):
            numbers = {label: number_of(a.body) for label, a in node.arguments}
    return support_of(row, numbers)


def _row(energy: NamedEnergy) -> dict[str, Any]:
    return table()[canonical(energy.span.text.partition("(")[0].strip())]


def _empty(energy: NamedEnergy, variable: Symbol) -> tuple[str, Span] | None:
    """Why a density on a smaller type may leave no value with a probability."""
    row, support = _row(energy), _support(energy)
    low, high = ends_of(variable.domain)
    unit = any(takes[1:] == [0.0, 1.0] for takes in row["takes"].values())
    if support.kind == "multinomial":
        meets = low == 0 and high is not None and high >= _number(support.high)
    elif support.kind in ("circular", "simplex") or (support.discrete and unit):
        meets = False
    elif low is None or support.low is None:
        return _unknown(energy, variable)
    elif low <= support.low:
        last = support.low == low if high is None else support.low <= high
        meets = last and (support.discrete or high is None or support.low < high)
    else:
        meets = low < _number(support.high, -INF) and high is not None and support.low < high
    return None if meets else _unknown(energy, variable)


def _unknown(energy: NamedEnergy, variable: Symbol) -> tuple[str, Span]:
    name = energy.span.text.partition("(")[0]
    says = f"`{name}` is not known to give a value of {variable.name} a probability"
    return says, energy.span


def _number(end: float | None, otherwise: float = INF) -> float:
    return otherwise if end is None else end


# ----------------------------------------------------------------------- pieces


def _pieces(
    term: Term, scales: list[Term], bound: tuple[Index, ...], energy: NamedEnergy, found: _Found
) -> None:
    """Every summand of an energy, with its factors that are free of unknowns."""
    match term:
        case Apply(function="+", arguments=(a, b)):
            _pieces(a, scales, bound, energy, found)
            _pieces(b, scales, bound, energy, found)
        case Apply(function="-", arguments=(a, b)):
            _pieces(a, scales, bound, energy, found)
            _pieces(b, [*scales, Constant(-1.0, b.span)], bound, energy, found)
        case Apply(function="negate", arguments=(a,)):
            _pieces(a, [*scales, Constant(-1.0, a.span)], bound, energy, found)
        case Apply(function="*", arguments=(a, b)) if not unknowns(a):
            _pieces(b, [*scales, a], bound, energy, found)
        case Apply(function="*", arguments=(a, b)) if not unknowns(b):
            _pieces(a, [*scales, b], bound, energy, found)
        case Apply(function="/", arguments=(a, b)) if not unknowns(b) and sign(b):
            _pieces(a, [*scales, b], bound, energy, found)
        case Reduce(reducer="sum" | "mean", conditions=(), indices=indices, body=body):
            _pieces(body, scales, (*bound, *indices), energy, found)
        case _:
            _piece(term, scales, bound, energy, found)


def _piece(
    term: Term, scales: list[Term], bound: tuple[Index, ...], energy: NamedEnergy, found: _Found
) -> None:
    total = 1
    for scale in scales:
        total *= sign(scale)
    finite = all(growth(scale) is not None for scale in scales)
    bowl = _bowl(term, bound) if total == 1 and finite else None
    if bowl is not None:
        variable, leans = bowl
        if variable not in found.held:
            found.held[variable] = leans
            found.bowls.add(variable)
        return
    if finite and total == 1 and bounded_below(term):
        return
    grows = growth(term) if finite else None
    if grows is None:
        text = " ".join(term.span.text.split())
        says = f"`{text}` in `{energy.name}` may be infinite, or fall faster than a bowl rises"
        found.fault = found.fault or (says, term.span)
    else:
        found.growing |= grows


def _bowl(term: Term, bound: Iterable[Index]) -> tuple[Symbol, set[Symbol]] | None:
    """`(v[i] - g)^2` over every entry of an unbounded v: the variable, and what g reads."""
    match term:
        case Apply(function="square", arguments=(base,)):
            pass
        case Apply(function="^", arguments=(base, Constant(value=value))) if (
            value >= 2 and value % 2 == 0
        ):
            pass
        case _:
            return None
    while isinstance(base, Apply) and base.function in ("/", "negate"):
        if base.function == "/" and (unknowns(base.arguments[1]) or not sign(base.arguments[1])):
            return None
        base = base.arguments[0]
    centres: list[Term] = []
    if isinstance(base, Apply) and base.function in ("+", "-"):
        a, b = base.arguments
        for own, other in ((a, b), (b, a)):
            if _every_entry(own, bound):
                base, centres = own, [other]
                break
    if not _every_entry(base, bound) or any(growth(c) is None for c in centres):
        return None
    assert isinstance(base, Read)
    leans = {s for c in centres for s in unknowns(c)}
    return None if base.symbol in leans else (base.symbol, leans)


def _every_entry(term: Term, bound: Iterable[Index]) -> bool:
    """Whether a read of an unbounded variable takes each of its entries in turn."""
    if not isinstance(term, Read) or not term.symbol.unknown or compact(term.symbol):
        return False
    around, places = set(bound), set()
    for subscript, dim in zip(term.subscripts, term.symbol.dims, strict=True):
        if not isinstance(subscript, Position) or subscript.index not in around:
            return False
        match subscript.index.range:
            case Whole(dim=whole) if whole.name == dim.name and whole.part is None:
                places.add(subscript.index)
            case _:
                return False
    return len(places) == len(term.subscripts)


def _ordered(needs: dict[Symbol, set[Symbol]]) -> bool:
    """Whether the variables can be put in an order in which each leans on earlier ones."""
    done: set[Symbol] = set()
    own = set(needs)
    while ready := {v for v in own - done if (needs[v] & own) <= done}:
        done |= ready
    return done == own
