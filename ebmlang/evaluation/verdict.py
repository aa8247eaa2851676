"""Which sampler to use, in one sentence with its reason; ties are called ties."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .diagnostics import ESS_LIMIT, RHAT_LIMIT
from .numbers import short
from .row import REACHED, Row

if TYPE_CHECKING:
    from .comparison import Comparison


def verdict_of(table: Comparison) -> str:
    """The sentence. A sampler that is not to be trusted is never recommended."""
    ran = [row for row in table.rows if not row.refused]
    if not ran:
        failed = any(row.failed for row in table.rows)
        what = "gave any figures on" if failed else "can move"
        return f"none of these samplers {what} this model: `auto` takes one that fits"
    rows = {row.sampler: row for row in ran if row.trusted}
    groups = [kept for group in table.ranking if (kept := [n for n in group if n in rows])]
    if not groups:
        return _none(ran)
    best = [rows[name] for name in groups[0]]
    text = _tie(table, best) if len(best) > 1 else _use(table, best[0])
    if len(groups) > 1:
        text += _compared(table, best[0], rows[groups[1][0]])
    return text + _biased(best) + _confined(best, list(rows.values())) + _left_out(table, ran)


def _use(table: Comparison, row: Row) -> str:
    if table.by_error:
        return f"use {row.sampler}: the error of the gradient after one second is {_error(row)}"
    return f"use {row.sampler}: {_rate(row)} effective draws a second"


def _tie(table: Comparison, rows: list[Row]) -> str:
    names = joined([row.sampler for row in rows])
    if table.by_error:
        errors = joined([_error(row) for row in rows])
        return f"{names} tie: the errors of the gradient after one second are {errors}"
    return f"{names} tie, at {joined([_rate(row) for row in rows])} effective draws a second"


def _compared(table: Comparison, best: Row, second: Row) -> str:
    """How many times better than the first that does not tie."""
    if table.by_error:
        ratio = second.error_at_one_second / best.error_at_one_second
        return f", {short(ratio)} times smaller than that of {second.sampler}"
    ratio = best.ess_per_second / second.ess_per_second
    return f", {short(ratio)} times as many as {second.sampler}"


def _error(row: Row) -> str:
    return _within(row.error_at_one_second, row.error_low, row.error_high)


def _rate(row: Row) -> str:
    return _within(row.ess_per_second, row.ess_low, row.ess_high)


def _within(value: float, low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return short(value)
    return f"{short(value)} ({short(low)} to {short(high)})"


def _biased(rows: list[Row]) -> str:
    """What a verdict says of unadjusted walks: how large their bias may be for all that is known."""
    walks = [row for row in rows if row.caveat]
    return "".join(
        f"; {row.sampler} is biased by its step, by at most {short(row.bias + 2 * row.bias_error)} "
        "in what is compared"
        for row in walks
    )


def _confined(best: list[Row], trusted: list[Row]) -> str:
    """Samplers that are best for the gradient and stay in one mode, and what to take for draws."""
    stuck = [row for row in best if row.coverage < REACHED]
    if not stuck:
        return ""
    wide = [row.sampler for row in trusted if row.coverage >= REACHED]
    instead = joined(wide) if wide else "tempering"
    names = joined([row.sampler for row in stuck])
    return f"; a chain of {names} does not reach all modes: for draws take {instead}"


def _left_out(table: Comparison, ran: list[Row]) -> str:
    """Samplers that are not among those compared: refused, or not to be trusted."""
    doubted = [row.sampler for row in ran if not row.trusted]
    refused = [row.sampler for row in table.rows if row.refused and not row.failed]
    failed = [row.sampler for row in table.rows if row.failed]
    text = f"; {joined(doubted)} {_is(doubted)} not to be trusted" if doubted else ""
    text += f"; {joined(failed)} failed" if failed else ""
    return text + (f"; {joined(refused)} {_does(refused)} not apply" if refused else "")


def _none(ran: list[Row]) -> str:
    """Why none can be trusted, and what to do about it."""
    text = "none of these is to be trusted here: "
    if all(not row.rhat <= RHAT_LIMIT for row in ran):
        tried = any(row.sampler.startswith("tempering") for row in ran)
        help = "let them run longer" if tried else "try tempering, or let them run longer"
        return f"{text}chains disagree; {help}"
    few = [row for row in ran if row.rhat <= RHAT_LIMIT and not row.ess >= ESS_LIMIT]
    if few:
        best = max(few, key=lambda row: row.ess)
        wanted = short(math.ceil(1.5 * best.draws * ESS_LIMIT / max(best.ess, 1.0)))
        longer = f"run longer: {best.sampler} needs about {wanted} draws"
        return f"{text}too few effective draws; {longer}"
    walks = [row.sampler for row in ran if row.caveat]
    if len(walks) == len(ran):
        return f"{text}all are walks with a bias; take an exact sampler beside them, as mala or hmc"
    return f"{text}run longer, or look at the chains"


def joined(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _is(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _does(names: list[str]) -> str:
    return "do" if len(names) > 1 else "does"
