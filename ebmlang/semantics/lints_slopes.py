"""W504: an energy that falls without limit, so that no Z exists whatever the parameters are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..syntax.diagnostics import Findings
from .context import type_text
from .terms import (
    Apply,
    Constant,
    Kind,
    NamedEnergy,
    Program,
    Read,
    Reduce,
    SizeValue,
    Symbol,
    Term,
)
from .traverse import fingerprint, symbols, unfold_all, unknowns


@dataclass(frozen=True, slots=True)
class Monomial:
    """sign * (something) * v[site] ^ degree; the sign is 0 where it is not known."""

    degree: int
    site: tuple[object, ...]
    sign: int
    energy: NamedEnergy | None = None


def falls_without_limit(program: Program, findings: Findings) -> None:
    """Say it of each unbounded unknown whose leading terms provably fall.

    Linear in a site that takes every real number: the integral over it diverges, whatever else
    there is. Of higher order: the leading terms are powers of single sites with a minus.
    """
    mentioned = _by_unknown(program)
    for symbol in program.unknowns.values():
        if not _upwards(symbol):
            continue
        found: list[Monomial] = []
        for energy, term in mentioned.get(symbol, ()):
            here = _monomials(term, symbol)
            if here is None:
                break
            found += [replace(m, energy=energy) for m in here]
        else:
            leading = _leading(found)
            if leading and _falls(leading, symbol.domain.whole_line):
                _tell(symbol, leading, program, findings)


Unfolded = tuple[NamedEnergy, Term]


def _by_unknown(program: Program) -> dict[Symbol, list[Unfolded]]:
    """For each unknown that no upper bound holds back, the energies that read it, unfolded."""
    found: dict[Symbol, list[Unfolded]] = {}
    if not any(_upwards(symbol) for symbol in program.unknowns.values()):
        return found
    for energy in program.energies:
        read = [s for s in unknowns(energy.term) if _upwards(s)]
        term = unfold_all(energy.term) if read and program.lets else energy.term
        for symbol in read:
            found.setdefault(symbol, []).append((energy, term))
    return found


def _upwards(symbol: Symbol) -> bool:
    domain = symbol.domain
    return domain.kind is Kind.POSITIVE or (domain.kind is Kind.REAL and domain.upper is None)


def _leading(found: list[Monomial]) -> list[Monomial]:
    top = max((m.degree for m in found), default=0)
    return [m for m in found if m.degree == top]


def _falls(leading: list[Monomial], whole_line: bool) -> bool:
    degree = leading[0].degree
    if whole_line and degree == 1:
        return True
    if whole_line and degree % 2:
        return len(leading) == 1 and leading[0].sign != 0
    return all(m.sign < 0 for m in leading)


def _monomials(term: Term, v: Symbol) -> list[Monomial] | None:
    """The leading powers of single sites of v in a term; None where that is not all there is."""
    if v not in symbols(term):
        return []
    match term:
        case Read(symbol=symbol, subscripts=subscripts) if symbol is v:
            if any(v in symbols(s) for s in subscripts):
                return None
            return [Monomial(1, tuple(fingerprint(s) for s in subscripts), 1)]
        case Apply(function="+" | "-" | "negate", arguments=arguments):
            return _sum(term.function, arguments, v)
        case Apply(function="*" | "/", arguments=(a, b)):
            return _product(a, b, term.function == "/", v)
        case Apply(function="^", arguments=(base, Constant(value=value))) if (
            value == int(value) and value >= 1
        ):
            return _power(base, int(value), v)
        case Apply(function="square", arguments=(base,)):
            return _power(base, 2, v)
        case Reduce(reducer="sum" | "mean", conditions=conditions, body=body):
            free = all(v not in symbols(c) for c in conditions)
            return _monomials(body, v) if free else None
        case _:
            return None


def _sum(function: str, arguments: tuple[Term, ...], v: Symbol) -> list[Monomial] | None:
    found: list[Monomial] = []
    for k, argument in enumerate(arguments):
        here = _monomials(argument, v)
        if here is None:
            return None
        minus = function == "negate" or (function == "-" and k == 1)
        found += [replace(m, sign=-m.sign) if minus else m for m in here]
    return found


def _product(a: Term, b: Term, divided: bool, v: Symbol) -> list[Monomial] | None:
    left, right = _monomials(a, v), _monomials(b, v)
    if left is None or right is None or (divided and right):
        return None
    if left and right:
        one, two = left[0], right[0]
        if len(left) > 1 or len(right) > 1 or one.site != two.site or not _bare(a) or not _bare(b):
            return None
        return [Monomial(one.degree + two.degree, one.site, one.sign * two.sign)]
    scale = sign(b if left else a)
    return [replace(m, sign=m.sign * scale) for m in left or right]


def _bare(term: Term) -> bool:
    """Whether a term is a product of powers, so that its leading power is all of it."""
    match term:
        case Read() | Constant():
            return True
        case Apply(function="*" | "^" | "negate" | "square", arguments=arguments):
            return all(_bare(a) for a in arguments)
        case _:
            return False


def _power(base: Term, exponent: int, v: Symbol) -> list[Monomial] | None:
    inner = _monomials(base, v)
    if inner is None or len(inner) != 1:
        return None
    (one,) = inner
    return [Monomial(one.degree * exponent, one.site, one.sign**exponent)]


def sign(term: Term) -> int:
    """1 or -1 where a term is provably above or below zero; 0 where that is not known."""
    match term:
        case Constant(value=value):
            return (value > 0) - (value < 0)
        case SizeValue():
            return 1
        case Read(symbol=symbol):
            return int(symbol.domain.kind in (Kind.POSITIVE, Kind.SIMPLEX))
        case Apply(function="negate", arguments=(a,)):
            return -sign(a)
        case Apply(function="*" | "/", arguments=(a, b)):
            return sign(a) * sign(b)
        case Apply(function="+", arguments=(a, b)):
            return sign(a) if sign(a) == sign(b) else 0
        case Apply(function="^", arguments=(a, Constant(value=value))) if value == int(value):
            return sign(a) ** int(value) if value >= 1 else 0
        case Apply(function="exp" | "softplus" | "sigmoid"):
            return 1
        case Reduce(reducer="sum" | "mean" | "prod", conditions=(), body=body):
            inner = sign(body)
            return inner if term.reducer != "prod" or inner >= 0 else 0
        case _:
            return 0


def _tell(symbol: Symbol, leading: list[Monomial], program: Program, findings: Findings) -> None:
    energy, degree = leading[0].energy, leading[0].degree
    assert energy is not None
    at = "[" + ", ".join("ijklmn"[: len(symbol.dims)]) + "]" if symbol.dims else ""
    power = f"-{symbol.name}^{degree}" if degree % 2 == 0 else f"{symbol.name}^{degree}"
    order = "linear" if degree == 1 else f"goes like {power}"
    bowl = f"{symbol.name}^{degree + 2 - degree % 2}" if degree > 1 else f"{symbol.name}^2"
    bowl = f"sum({bowl})" if symbol.dims else bowl
    taken = {e.name for e in program.energies}
    name = next(n for n in ("bowl", f"bowl_{symbol.name}", "bowl_2", "bowl_3") if n not in taken)
    bounded = replace(symbol.domain, kind=Kind.REAL, lower=0.0, upper=1.0)
    declared = type_text(replace(symbol, domain=bounded))
    findings.warn(
        "W504",
        energy.term.span,
        f"the energy falls without limit as `{symbol.name}{at}` grows",
        mark=f"{order}{f' in `{type_text(symbol)}`' * (degree == 1)}, and nothing holds "
        f"`{symbol.name}` back",
        marks=[(symbol.span, "takes any value")] if symbol.domain.whole_line else [],
        helps=[
            f"bound it: {symbol.role} {declared}",
            f"or add a bowl: energy {name} = 0.5 * {bowl}",
        ],
    )
