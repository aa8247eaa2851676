"""Where a density of one number is not zero, as far as its name alone tells."""

from __future__ import annotations

from dataclasses import dataclass

from .sizes import Size
from .terms import Bound, Domain, Kind


@dataclass(frozen=True, slots=True)
class Support:
    """The values from `low` to `high`, in words, and the type that has just these."""

    low: float
    high: float
    says: str
    type_text: str


POSITIVE = Support(0.0, float("inf"), "positive numbers", "positive")
UNIT = Support(0.0, 1.0, "numbers between 0 and 1", "real<0, 1>")

SUPPORTS: dict[str, Support] = {
    **dict.fromkeys(
        (
            "chi2", "dagum", "exponential", "gamma", "gompertz", "half_cauchy", "half_normal",
            "inverse_gamma", "log_normal", "weibull",
        ),
        POSITIVE,
    ),
    **dict.fromkeys(("beta", "beta_proportion", "kumaraswamy"), UNIT),
}  # fmt: skip


def lies_within(domain: Domain, support: Support) -> bool:
    """Whether every value of a type lies in a support; True where that is not known."""
    match domain.kind:
        case Kind.POSITIVE:
            low, high = 0.0, float("inf")
        case Kind.ANGLE:
            low, high = 0.0, 6.283185307179586
        case Kind.SIMPLEX:
            low, high = 0.0, 1.0
        case Kind.REAL:
            low, high = _end(domain.lower, float("-inf")), _end(domain.upper, float("inf"))
        case _:
            return True
    return low is None or high is None or (low >= support.low and high <= support.high)


def _end(bound: Bound | None, otherwise: float) -> float | None:
    if bound is None:
        return otherwise
    if isinstance(bound, Size):
        return None if bound.constant is None else float(bound.constant)
    return bound
