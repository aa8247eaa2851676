"""One sampler of a comparison: its figures, and what speaks against them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .diagnostics import ESS_LIMIT, RHAT_LIMIT, Judged

BIAS_ERRORS = 4.0
MOST_OFF = 0.01  # of the entries: with very many, some lie far off by chance
REACHED = 0.9  # of the reference: with less, chains do not cross between its modes
SIZES = ("ess", "ess_median", "tail", "tail_median", "energy_ess", "energy_tail")


@dataclass(frozen=True, slots=True)
class Row(Judged):
    """One sampler. NaN where there is nothing to say; `refused` says why there is nothing, and
    `failed` whether it ran all the same.

    Effective draws of all chains: `ess` and `tail` in the bulk and in the tails of the worst
    statistic, with their medians, `energy_ess` and `energy_tail` of the energy, and of every quantity
    in `quantities`. `tau`, `energy_tau`: draws in one effective draw, of the worst statistic and of
    the energy.

    `error`: root mean square Monte Carlo error of the gradient of log Z over its entries, `bias` the
    same of its distance from the reference, with `bias_error`, the error of both; `off`: the share of
    entries more than four errors from it; `energy_bias` in nats, and `energy_errors`: how many errors
    the mean energy is from it. `coverage`: the share of the reference that a chain reaches.

    `seconds`: of sampling, by the median piece of the run, so that what interrupts a piece counts for
    no sampler; `elapsed`: all of them by the clock, which a budget of seconds is held to.
    `error_at_one_second`: the error after one second of sampling, the bias of a walk included, with
    `error_low` and `error_high`, its 95 % interval; `ess_low` and `ess_high` those of
    `ess_per_second`. `seconds_to_target`: of sampling to the comparison's target, infinite where a
    bias is in the way; `reached`: whether a target that was asked for was reached by chains that can
    be believed. `gradients`: slopes or energies that all chains cost after warm-up. `memory`: bytes
    of the compiled program. `caveat`: how an unadjusted walk is biased, in words; empty for samplers
    that are exact. `curve`: pairs of seconds of sampling and the error of the running mean by then,
    against the reference if there is one.
    """

    sampler: str
    refused: str = ""
    ess: float = math.nan
    ess_per_second: float = math.nan
    ess_per_gradient: float = math.nan
    rhat: float = math.nan
    acceptance: float = math.nan
    compile_seconds: float = math.nan
    warmup_seconds: float = math.nan
    seconds: float = math.nan
    gradients: float = math.nan
    error: float = math.nan
    bias: float = math.nan
    bias_error: float = math.nan
    off: float = math.nan
    energy_errors: float = math.nan
    diverged: int = 0
    caveat: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    draws: int = 0
    ess_median: float = math.nan
    tail: float = math.nan
    tail_median: float = math.nan
    energy_ess: float = math.nan
    energy_tail: float = math.nan
    energy_bias: float = math.nan
    tau: float = math.nan
    energy_tau: float = math.nan
    error_at_one_second: float = math.nan
    error_low: float = math.nan
    error_high: float = math.nan
    ess_low: float = math.nan
    ess_high: float = math.nan
    seconds_to_target: float = math.nan
    reached: bool | None = None
    coverage: float = math.nan
    memory: float = math.nan
    elapsed: float = math.nan
    quantities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    failed: bool = False

    @property
    def problems(self) -> tuple[str, ...]:
        """Why there are no figures, or what speaks against them: chains, length, distance, NaN."""
        return tuple(p for p in (self.refused or self.doubt,) if p)

    @property
    def doubt(self) -> str:
        """What speaks against it, the worst first; empty if nothing does."""
        if not self.rhat <= RHAT_LIMIT:
            return f"its chains disagree (split R-hat {self.rhat:.2f})"
        if math.isnan(self.ess):
            return "nothing that is compared ever changed"
        if not self.ess >= ESS_LIMIT:
            return f"its worst statistic has {self.ess:.0f} effective draws, below {ESS_LIMIT}"
        return self.bias_doubt

    @property
    def bias_doubt(self) -> str:
        """What its distance from the reference says against it; empty if nothing."""
        if self.off > MOST_OFF:
            return f"{100 * self.off:.0f} % of the entries are more than four errors from the reference"
        if self.bias > BIAS_ERRORS * self.bias_error:
            return "its entries are together more than four errors from the reference"
        if abs(self.energy_errors) > BIAS_ERRORS:
            return f"its mean energy is {abs(self.energy_errors):.0f} errors from the reference"
        for name, found in self.quantities.items():
            if abs(found.get("errors", 0.0)) > BIAS_ERRORS:
                return f"`{name}` is {abs(found['errors']):.0f} errors from the reference"
        if self.caveat and math.isnan(self.bias):
            return "its bias is not known"
        if self.coverage < REACHED and math.isnan(self.bias):
            return f"a chain reaches {100 * self.coverage:.0f} % of the reference"
        return ""

    @property
    def sampled(self) -> bool:
        """Whether chains agree and are long enough, so that its error means what it says."""
        return not self.refused and self.rhat <= RHAT_LIMIT and self.ess >= ESS_LIMIT

    @property
    def rates(self) -> dict[str, dict[str, float]]:
        """Every effective size per second of sampling and per gradient."""
        sizes = {name: getattr(self, name) for name in SIZES}
        for name, found in self.quantities.items():
            sizes |= {f"{name}.ess": found["ess"], f"{name}.tail": found["tail"]}
        return {
            "per_second": {name: size / self.seconds for name, size in sizes.items()},
            "per_gradient": {name: size / self.gradients for name, size in sizes.items()},
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines."""
        return {**asdict(self), **self.rates, "trusted": self.trusted, "doubt": self.doubt}
