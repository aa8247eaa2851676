"""Energies that can be infinite, taken apart: E = F + inf * W, with F finite and W counting walls.

`if c then inf else e`, `log` of what can be 0 and quotients by what can be 0 forbid states. A
conditional, a sum in closed form or a table of an elimination is made of products with indicators,
and 0 * inf is no number there. So W becomes a term of its own, and stands in the program as
`height * W` with a finite height: whatever is proved and compiled of a finite energy holds of walls
too. A state with W > 0 has the energy inf; one with W < 0 would have -inf, and no law.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .lints_slopes import sign
from .terms import (
    Apply,
    Constant,
    Domain,
    Kind,
    LogDensity,
    NamedEnergy,
    NetworkRead,
    Program,
    Read,
    Reduce,
    Role,
    Symbol,
    Term,
)
from .traverse import freshen, symbols, unfold, unfold_all, walk
from .values import reach

HEIGHT = " height"  # no name of a program begins with a space
POLES = {"log": 0.0, "log1p": -1.0}
Split = tuple[Term, Term | None]


def walled(program: Program) -> Program:
    """The program with the walls of its energies as terms; the very same one if it has none."""
    energies = tuple(_walled(energy) for energy in program.energies)
    if all(new is old for new, old in zip(energies, program.energies, strict=True)):
        return program
    return replace(program, energies=energies)


def largest(program: Program) -> float:
    """The largest finite number written in an energy, 1 at least."""
    nodes = (n for e in program.energies for n in walk(unfold_all(e.finite or e.term)))
    found = [abs(n.value) for n in nodes if isinstance(n, Constant) and math.isfinite(n.value)]
    return max([1.0, *found])


def _walled(energy: NamedEnergy) -> NamedEnergy:
    if energy.walls is not None or not _concerned(energy.term):
        return energy
    finite, walls = split(energy.term)
    if walls is None:
        return energy
    return with_finite(replace(energy, walls=freshen(walls)), finite)


def with_finite(energy: NamedEnergy, finite: Term) -> NamedEnergy:
    """The energy with its walls, and another finite part."""
    assert energy.walls is not None
    span = energy.term.span
    height = Symbol(HEIGHT, Role.GIVEN, Domain(Kind.REAL), (), energy.span)
    term = _plus(finite, Apply("*", (Read(height, (), span), energy.walls), span))
    return replace(energy, term=term, finite=finite)


def _concerned(term: Term) -> bool:
    """Whether an energy forbids states, and not only values of real numbers that have no weight."""
    if any(s.unknown and s.domain.discrete for s in symbols(term)):
        return True
    return any(isinstance(n, Constant) and math.isinf(n.value) for n in walk(unfold_all(term)))


def split(term: Term) -> Split:
    """F and W of a term, F + inf * W; W is None where nothing in it is known to be infinite."""
    if not may_be_infinite(term):
        return term, None
    match term:
        case Constant(value=value):
            return _number(0.0, term), _number(math.copysign(1.0, value), term)
        case Read() if term.symbol.body is not None:
            return split(unfold(term))
        case Apply(function="+" | "-" | "negate"):
            return _linear(term)
        case Apply(function="*", arguments=(a, b)):
            return _product(term, split(a), split(b))
        case Apply(function="/", arguments=(a, b)):
            one = _number(1.0, term)
            if isinstance(a, Constant) and a.value == 1:
                return _inverse(term, b)
            return _product(term, split(a), split(Apply("/", (one, b), term.span)))
        case Apply(function="if", arguments=(condition, a, b)):
            first, second = split(a), split(b)
            return (
                _if(term, condition, first[0], second[0]),
                _chosen(term, condition, first[1], second[1]),
            )
        case Apply(function="log" | "log1p" as function, arguments=(a,)) if _vanishes(term):
            pole = Apply("==", (a, _number(POLES[function], term)), term.span)
            finite = Apply("if", (pole, _number(0.0, term), term), term.span)
            return finite, Apply("negate", (pole,), term.span)
        case Apply(function="^", arguments=(a, power)) if _vanishes(term):
            zero = _number(0.0, term)
            pole = Apply("==", (a, zero), term.span)
            if sign(power) != -1:
                pole = Apply("and", (pole, Apply("<", (power, zero), term.span)), term.span)
            return Apply("if", (pole, _number(0.0, term), term), term.span), pole
        case Reduce(reducer="sum" | "mean", body=body):
            finite, walls = split(body)
            if walls is None:
                return term, None
            total = finite if _is_zero(finite) else replace(term, body=finite)
            return total, replace(term, reducer="sum", body=walls)
        case _:
            return _by_value(term)


# ---------------------------------------------------------------- what can be infinite


def may_be_infinite(term: Term) -> bool:
    """Whether a term can be infinite at some values of its types."""
    return any(_own(node) for node in walk(unfold_all(term)))


def _own(node: Term) -> bool:
    """Whether a node can be infinite where everything in it is finite."""
    match node:
        case Constant(value=value):
            return math.isinf(value)
        case Apply():
            return _vanishes(node)
        case LogDensity():
            # Of real unknowns in its arguments, an infinite density has no weight.
            read = {s for s in symbols(node) if s.unknown}
            return bool(read) and all(s.domain.discrete for s in read)
        case _:
            return False


def _vanishes(node: Apply) -> bool:
    """Whether a function of discrete unknowns or data can meet its pole."""
    match node.function, node.arguments:
        case "log", (a,):
            pole = a
        case "log1p", (a,):
            pole = Apply("+", (a, _number(1.0, a)), a.span)
        case "/", (_, a):
            pole = a
        case "^", (a, power) if not isinstance(power, Constant) or power.value < 0:
            if sign(power) == 1:
                return False
            pole = a
        case "lgamma", (a,):
            return _meets_poles(a)
        case _:
            return False
    return _can_be_zero(unfold_all(pole))


def _meets_poles(term: Term) -> bool:
    """Whether discrete values can add up to 0 or less, where the gamma function has its poles."""
    read = symbols(term)
    if not any(s.unknown and s.domain.discrete for s in read) or sign(term) == 1:
        return False
    found = reach(unfold_all(term))
    return found is None or found.low <= 0


def _can_be_zero(term: Term) -> bool:
    """Whether values of types can add up to 0: not for real unknowns, where that has no weight."""
    if any(isinstance(node, NetworkRead | LogDensity) for node in walk(term)):
        return False
    read = symbols(term)
    if not read or any(s.unknown and not s.domain.discrete for s in read) or sign(term):
        return False
    found = reach(term)
    if not any(s.unknown for s in read):
        # Data and parameters are where they are: what is bounded by 0 may well be 0.
        return found is not None and 0.0 in (found.low, found.high)
    return found is None or found.takes_zero or 0.0 in (found.low, found.high)


# ---------------------------------------------------------------- how walls go through


def _linear(term: Apply) -> Split:
    parts = [split(a) for a in term.arguments]
    finite = _sum(term, [f for f, _ in parts])
    walls = [w for _, w in parts]
    if len(walls) == 1:
        return finite, None if walls[0] is None else Apply("negate", (walls[0],), term.span)
    first, second = walls
    if second is None:
        return finite, first
    if first is None:
        return finite, second if term.function == "+" else Apply("negate", (second,), term.span)
    return finite, replace(term, arguments=(first, second))


def _product(term: Apply, a: Split, b: Split) -> Split:
    """What multiplies inf counts by its sign, unknowns by their value: nothing times inf is nothing."""
    zero = next((part for part in (a[0], b[0]) if _is_zero(part)), None)
    finite = zero or Apply("*", (a[0], b[0]), term.span)
    found = [
        _times(walls, other) for walls, other in ((a[1], b[0]), (b[1], a[0])) if walls is not None
    ]
    if a[1] is not None and b[1] is not None:
        found.append(Apply("*", (a[1], b[1]), term.span))
    walls = None
    for one in found:
        walls = one if walls is None else _plus(walls, one)
    return finite, walls


def _times(walls: Term, factor: Term) -> Term:
    if sign(factor) == 1:
        return walls
    if not any(s.unknown and s.domain.discrete for s in symbols(factor)):
        factor = Apply("sign", (factor,), factor.span)
    return Apply("*", (factor, walls), walls.span)


def _inverse(term: Apply, lower: Term) -> Split:
    """1 / b: infinite where b is 0, nothing where b is infinite."""
    inner, walls = split(lower)
    zero, one = _number(0.0, term), _number(1.0, term)
    pole = Apply("==", (inner, zero), term.span)
    if walls is not None:
        off = Apply("!=", (walls, zero), term.span)
        pole = Apply("and", (pole, Apply("not", (off,), term.span)), term.span)
        none = Apply("or", (pole, off), term.span)
    else:
        none = pole
    inverse = Apply("/", (one, inner), term.span)
    if not _vanishes(inverse):
        return inverse, None
    return Apply("if", (none, zero, inverse), term.span), pole


def _chosen(term: Apply, condition: Term, first: Term | None, second: Term | None) -> Term | None:
    if first is None and second is None:
        return None
    zero = _number(0.0, term)
    return replace(term, arguments=(condition, first or zero, second or zero))


def _by_value(term: Term) -> Split:
    """A function of what can be infinite: whatever it comes to, looked at as a number."""
    span, inf = term.span, Constant(math.inf, term.span)
    below = Apply("==", (term, Constant(-math.inf, span)), span)
    above = Apply("==", (term, inf), span)
    far = Apply("or", (above, below), span)
    finite = Apply("if", (far, _number(0.0, term), term), span)
    return finite, Apply("-", (above, below), span)


def _if(term: Apply, condition: Term, a: Term, b: Term) -> Term:
    """A choice; where both are one number, that number."""
    if isinstance(a, Constant) and isinstance(b, Constant) and a.value == b.value:
        return a
    return replace(term, arguments=(condition, a, b))


def _sum(term: Apply, parts: list[Term]) -> Term:
    """A sum, a difference or a negative, without what is 0 in it."""
    if len(parts) == 1 or _is_zero(parts[1]):
        first = parts[0]
        negative = len(parts) == 1 and not _is_zero(first)
        return replace(term, arguments=(first,)) if negative else first
    if not _is_zero(parts[0]):
        return replace(term, arguments=tuple(parts))
    return parts[1] if term.function == "+" else Apply("negate", (parts[1],), term.span)


def _is_zero(term: Term) -> bool:
    return isinstance(term, Constant) and term.value == 0


def _plus(a: Term, b: Term) -> Term:
    if _is_zero(a):
        return b
    return Apply("+", (a, b), a.span)


def _number(value: float, term: Term) -> Constant:
    return Constant(value, term.span)
