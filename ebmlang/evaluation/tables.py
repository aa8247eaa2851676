"""A comparison as text: a table of speed, a table of trust, what is to be said, the verdict."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from .numbers import mebibytes, short
from .row import REACHED, Row

if TYPE_CHECKING:
    from .comparison import Comparison

WIDTH = 118
NAMES = 9  # columns that names have at least, however wide the figures are
Column = tuple[str, Callable[["Row"], str]]


def printed(table: Comparison) -> str:
    """Two tables, notes, and the verdict last."""
    file = io.StringIO()
    console = Console(file=file, width=WIDTH, color_system=None)
    console.print(_table(table, title(table), _speed(table)))
    console.print(_table(table, "", _trust(table)))
    for line in (*remarks(table), table.verdict):
        console.print(line, soft_wrap=True)
    return file.getvalue().rstrip()


def title(table: Comparison) -> str:
    """What was compared: the model, the chains, the budget."""
    budget = table.budget or f"{table.draws} draws"
    return f"{table.model}: {table.chains} chains, {table.warmup} sweeps of warm-up, {budget}"


def words(table: Comparison) -> list[tuple[list[str], list[list[str]]]]:
    """The table of speed and the table of trust as words: heads, and a row for each sampler."""
    found = []
    for columns in (_speed(table), _trust(table)):
        rows = [[row.sampler, *_cells(row, columns)] for row in table.rows]
        found.append((["sampler", *(head for head, _ in columns)], rows))
    return found


def _cells(row: Row, columns: list[Column]) -> list[str]:
    return ["–"] * len(columns) if row.refused else [told(row) for _, told in columns]


def _table(table: Comparison, above: str, columns: list[Column]) -> Table:
    made = Table(
        title=above or None, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    made.add_column("sampler", overflow="fold", min_width=NAMES)
    for head, _ in columns:
        made.add_column(head, justify="right", no_wrap=True)
    for row in table.rows:
        made.add_row(row.sampler, *_cells(row, columns))
    return made


def _speed(table: Comparison) -> list[Column]:
    """What was gained, and what it cost."""
    first: list[Column] = []
    if table.by_error:
        first = [
            ("error at 1 s", lambda r: short(r.error_at_one_second)),
            ("95 %", lambda r: f"{short(r.error_low, 2)} – {short(r.error_high, 2)}"),
            (f"s to {table.target_words}", lambda r: short(r.seconds_to_target)),
        ]
    return [
        *first,
        ("ESS/s", lambda r: short(r.ess_per_second)),
        ("ESS/gradient", lambda r: short(r.ess_per_gradient)),
        ("compile s", lambda r: short(r.compile_seconds)),
        ("warm-up s", lambda r: short(r.warmup_seconds)),
        ("run s", lambda r: short(r.seconds)),
        ("MiB", lambda r: mebibytes(r.memory)),
    ]


def _trust(table: Comparison) -> list[Column]:
    """What speaks for the figures."""
    return [
        ("draws", lambda r: short(r.draws)),
        ("error", lambda r: short(r.error)),
        ("bias", _told_bias),
        ("R-hat", lambda r: f"{r.rhat:.3f}"),
        ("ESS", lambda r: short(r.ess)),
        ("median", lambda r: short(r.ess_median)),
        ("energy", lambda r: short(r.energy_ess)),
        ("tail", lambda r: short(r.tail)),
        ("tau", lambda r: short(r.tau)),
        ("accepted", lambda r: f"{r.acceptance:.2f}"),
        ("modes", lambda r: _percent(r.coverage)),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "–"


def _told_bias(row: Row) -> str:
    """The bias with its error; an unadjusted walk whose bias is unknown has one all the same."""
    if math.isfinite(row.bias):
        return f"{short(row.bias, 2)} ± {short(row.bias_error, 2)}"
    return "unknown" if row.caveat else "–"


def remarks(table: Comparison) -> list[str]:
    """What is to be said of each sampler and of the figures."""
    lines = [line for row in table.rows for line in _of_row(row)]
    lines += [f"{table.statistic}; {table.reference}"]
    ranking = " < ".join(" = ".join(group) for group in table.ranking)
    if len(table.ranking) > 1:
        what = "error after one second" if table.by_error else "seconds of an effective draw"
        lines.append(f"by {what}: {ranking}")
    return lines


def _of_row(row: Row) -> list[str]:
    if row.refused:
        return [f"{row.sampler}: {'no figures' if row.failed else 'not run'}, since {row.refused}"]
    lines = [f"{row.sampler}: {row.caveat}"] if row.caveat else []
    if row.doubt:
        lines.append(f"{row.sampler}: not to be trusted, {row.doubt}")
    elif row.coverage < REACHED:
        lines.append(
            f"{row.sampler}: a chain reaches {_percent(row.coverage)} of the reference; that does not "
            "show in what is compared, but its draws are not to be trusted beyond that"
        )
    if row.diverged:
        lines.append(f"{row.sampler}: {row.diverged} divergent transitions")
    if row.reached is False:
        lines.append(
            f"{row.sampler}: the error that was asked for is not reached in {row.draws} draws"
        )
    return lines
