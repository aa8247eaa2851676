"""Where a density is not zero, and whether the values of a type lie there or are just these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, tau
from typing import Any

from .sizes import Size
from .terms import Bound, Domain, Kind


@dataclass(frozen=True, slots=True)
class Support:
    """The values from `low` to `high`; an end is None where it is not known.

    `kind` is NumPyro's word: `circular`, `simplex`, `real` …; `discrete`: whole numbers.
    """

    kind: str
    discrete: bool
    low: float | None
    high: float | None

    @property
    def says(self) -> str:
        """The values in words."""
        match self.kind, self.low, self.high:
            case "circular", _, _:
                return "the points of a circle"
            case "simplex", _, _:
                return "positive numbers that sum to one"
            case _, 0.0, high if high == inf:
                return "positive numbers"
            case _, low, high if high in (None, inf):
                return f"numbers above {low:g}"
            case _, low, high if low in (None, -inf):
                return f"numbers below {high:g}"
            case _, low, high:
                return f"numbers between {low:g} and {high:g}"

    @property
    def type_text(self) -> str:
        """The type that has just these values."""
        match self.kind, self.low, self.high:
            case "circular", _, _:
                return "angle"
            case "simplex", _, _:
                return "simplex"
            case _, 0.0, high if high in (None, inf):
                return "positive"
            case _, low, high:
                ends = (-inf if low is None else low, inf if high is None else high)
                return f"real<{ends[0]:g}, {ends[1]:g}>"


def support_of(row: Mapping[str, Any], numbers: Mapping[str, float | None]) -> Support:
    """The support of a row of the table; `numbers`: the arguments given, None where not a number."""
    found: list[float | None] = []
    for end, otherwise in (("low", -inf), ("high", inf)):
        written = row["support"][end]
        if isinstance(written, str) and written in numbers:
            found.append(numbers[written])
        elif isinstance(written, str):
            default = row["defaults"].get(written, "?")
            found.append(otherwise if default is None else None if default == "?" else default)
        else:
            found.append(otherwise if written is None else float(written))
    return Support(row["support"]["kind"], row["discrete"], found[0], found[1])


def ends_of(domain: Domain) -> tuple[float | None, float | None]:
    """The least and the greatest value of a type, None where a size must be known first."""
    match domain.kind:
        case Kind.BINARY:
            return 0.0, 1.0
        case Kind.SPIN:
            return -1.0, 1.0
        case Kind.POSITIVE:
            return 0.0, inf
        case Kind.ANGLE:
            return 0.0, tau
        case Kind.SIMPLEX:
            return 0.0, 1.0
        case Kind.CATEGORY:
            size = domain.labels.size if domain.labels is not None else None
            known = size.constant if size is not None else None
            return 0.0, None if known is None else known - 1.0
        case _:
            return _end(domain.lower, -inf), _end(domain.upper, inf)


def lies_within(domain: Domain, support: Support) -> bool:
    """Whether every value of a type lies in a support; True where that is not known.

    Whole numbers outside have no probability, which is no mistake: only reals are held to it.
    """
    if support.kind == "simplex":
        return domain.kind is Kind.SIMPLEX
    if domain.discrete:
        return True
    low, high = ends_of(domain)
    if support.kind == "circular":
        return None in (low, high) or -inf not in (low, -(high or 0.0))
    return not (
        (low is not None and support.low is not None and low < support.low)
        or (high is not None and support.high is not None and high > support.high)
    )


def is_whole(domain: Domain, support: Support) -> bool:
    """Whether a type has provably just the values of a support, so that its density sums to 1."""
    match support.kind:
        case "circular":
            return domain.kind is Kind.ANGLE
        case "simplex":
            return domain.kind is Kind.SIMPLEX
        case "multinomial":
            return False
        case _:
            pass
    if domain.kind in (Kind.SPIN, Kind.SIMPLEX) or domain.discrete != support.discrete:
        return False
    ends = ends_of(domain)
    return None not in ends and ends == (support.low, support.high)


def _end(bound: Bound | None, otherwise: float) -> float | None:
    if bound is None:
        return otherwise
    if isinstance(bound, Size):
        return None if bound.constant is None else float(bound.constant)
    return bound
