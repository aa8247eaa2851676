"""A table of samplers on one model: what each gained a second, and how far off it was."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from .diagnostics import ESS_LIMIT, RHAT_LIMIT

BIAS_ERRORS = 4.0
MOST_OFF = 0.01  # of the entries: with very many, some lie far off by chance


@dataclass(frozen=True, slots=True)
class Row:
    """One sampler. NaN where there is nothing to say; `refused` says why it did not run.

    `ess`: effective draws of the worst statistic; `error`: root mean square Monte Carlo error of
    the gradient of log Z over its entries, `bias` the same of its distance from the reference, with
    `bias_error`, the error of both; `off`: the share of entries more than four errors from it, and
    `energy_errors`: how many errors the mean energy is from it. `caveat`: how an unadjusted walk is
    biased, in words; empty for samplers that are exact.
    """

    sampler: str
    refused: str = ""
    ess: float = math.nan
    ess_per_second: float = math.nan
    ess_per_gradient: float = math.nan
    rhat: float = math.nan
    acceptance: float = math.nan
    compile_seconds: float = math.nan
    seconds: float = math.nan
    gradients: float = math.nan
    error: float = math.nan
    bias: float = math.nan
    bias_error: float = math.nan
    off: float = math.nan
    energy_errors: float = math.nan
    diverged: int = 0
    caveat: str = ""

    @property
    def trusted(self) -> bool:
        """Whether its chains agree, are long enough, and nothing that is compared is off."""
        return not self.refused and not self.doubt

    @property
    def doubt(self) -> str:
        """What speaks against it, the worst first; empty if nothing does."""
        if not self.rhat <= RHAT_LIMIT:
            return f"its chains disagree (split R-hat {self.rhat:.2f})"
        if self.ess < ESS_LIMIT:
            return f"its worst statistic has {self.ess:.0f} effective draws, below {ESS_LIMIT}"
        if self.off > MOST_OFF:
            return f"{100 * self.off:.0f} % of the entries are more than four errors from the reference"
        if self.bias > BIAS_ERRORS * self.bias_error:
            return "its entries are together more than four errors from the reference"
        if abs(self.energy_errors) > BIAS_ERRORS:
            return f"its mean energy is {abs(self.energy_errors):.0f} errors from the reference"
        if self.caveat and math.isnan(self.bias):
            return "its bias is not known"
        return ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Samplers on one model at one set of parameters, with the same chains, warm-up and draws."""

    model: str
    rows: tuple[Row, ...]
    reference: str
    draws: int
    chains: int
    warmup: int
    seed: int
    statistic: str

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines."""
        rows = [{**asdict(row), "trusted": row.trusted} for row in self.rows]
        return {**asdict(self), "rows": rows, "verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """One sentence: which sampler to use here, and why."""
        ran = [row for row in self.rows if not row.refused]
        fit = sorted((r for r in ran if r.trusted), key=lambda r: -r.ess_per_second)
        if not ran:
            return "none of these samplers can move this model"
        if not fit:
            return "none of these is to be trusted here: run longer, or look at the chains"
        best = fit[0]
        text = f"use {best.sampler}: {_short(best.ess_per_second)} effective draws a second"
        if len(fit) > 1:
            ratio = best.ess_per_second / fit[1].ess_per_second
            if ratio < 1.2:
                text = f"{best.sampler} and {fit[1].sampler} tie, at about " + text.split(": ")[1]
                return text + _biased(fit[:2])
            text += f", {_short(ratio)} times as many as {fit[1].sampler}"
        return text + _biased(fit[:1])

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=118, color_system=None)
        console.print(self._table())
        for row in self.rows:
            if row.refused:
                console.print(f"{row.sampler}: not run, since {row.refused}", soft_wrap=True)
                continue
            if row.caveat:
                console.print(f"{row.sampler}: {row.caveat}", soft_wrap=True)
            if row.doubt:
                console.print(f"{row.sampler}: not to be trusted, {row.doubt}", soft_wrap=True)
        console.print(f"{self.statistic}; {self.reference}", soft_wrap=True)
        console.print(self.verdict, soft_wrap=True)
        file = console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue().rstrip()

    def _table(self) -> Table:
        title = f"{self.model}: {self.chains} chains, {self.warmup} sweeps of warm-up, {self.draws} draws"
        table = Table(title=title, title_justify="left")
        heads = ("sampler", "ESS/s", "ESS/gradient", "R-hat", "accepted", "compile s", "run s",
                 "error", "bias")  # fmt: skip
        for head in heads:
            table.add_column(head, justify="left" if head == "sampler" else "right")
        for row in self.rows:
            if row.refused:
                table.add_row(row.sampler, *["–"] * (len(heads) - 1))
                continue
            table.add_row(
                row.sampler,
                _short(row.ess_per_second),
                _short(row.ess_per_gradient),
                f"{row.rhat:.3f}",
                f"{row.acceptance:.2f}",
                _short(row.compile_seconds),
                _short(row.seconds),
                _short(row.error),
                _told_bias(row),
            )
        return table


def _told_bias(row: Row) -> str:
    """The bias with its error; an unadjusted walk whose bias is unknown has one all the same."""
    if math.isfinite(row.bias):
        return f"{_short(row.bias)} ± {_short(row.bias_error)}"
    return "unknown" if row.caveat else "–"


def _biased(rows: list[Row]) -> str:
    """What a verdict says of unadjusted walks: how large their bias may be for all that is known."""
    walks = [row for row in rows if row.caveat]
    return "".join(
        f"; {row.sampler} is biased by its step, by at most {_short(row.bias + 2 * row.bias_error)} "
        "in what is compared"
        for row in walks
    )


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"
