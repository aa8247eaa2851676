"""A table of samplers on one model: what each gained a second, how far off it was, which to use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import checked
from .diagnostics import Judged
from .merit import Merit, ranked
from .row import Row as Row
from .tables import printed, remarks, title, words
from .verdict import verdict_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Comparison(Judged):
    """Samplers on one model at one set of parameters, with the same chains, warm-up and budget.

    `reference`: what means and modes are held to, in words; `reference_kind`: exact, tempered, long
    or none. `budget`: what each sampler could spend. `target`: the error that `seconds_to_target`
    speaks of, a hundredth of the size of the gradient if none was asked for; `target_words` says it.
    `gradient`: whether the model has parameters, so that samplers are ranked by the error of the
    gradient after one second; else by effective draws a second. `device`: what ran them, and
    `device_memory`: bytes that it has had in use at most, NaN on a processor. `text`: the program;
    `explained`: what the compiler knows of it.
    """

    model: str
    rows: tuple[Row, ...]
    reference: str
    draws: int
    chains: int
    warmup: int
    seed: int
    statistic: str
    text: str = ""
    explained: str = ""
    reference_kind: str = "none"
    budget: str = ""
    target: float = math.nan
    target_words: str = ""
    gradient: bool = True
    device: str = ""
    device_memory: float = math.nan

    @property
    def merits(self) -> dict[str, Merit]:
        """What samplers are ranked by, the smaller the better, of those whose chains can be believed.

        The error after one second; without parameters the seconds of one effective draw.
        """
        ran = [row for row in self.rows if row.sampled]
        if self.by_error:
            return {r.sampler: Merit(r.error_at_one_second, r.error_low, r.error_high) for r in ran}
        return {r.sampler: Merit(1 / r.ess_per_second, 1 / r.ess_high, 1 / r.ess_low) for r in ran}

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against each sampler that ran, in words; those that do not apply say nothing."""
        ran = [row for row in self.rows if row.failed or not row.refused]
        return tuple(f"{row.sampler}: {problem}" for row in ran for problem in row.problems)

    @property
    def by_error(self) -> bool:
        """Whether samplers are ranked by the error of the gradient, or by effective draws a second."""
        ran = [row for row in self.rows if row.sampled]
        return self.gradient and all(math.isfinite(row.error_at_one_second) for row in ran)

    @property
    def ranking(self) -> tuple[tuple[str, ...], ...]:
        """Samplers whose chains can be believed, the best first; those that tie stand together.

        A walk is ranked with its bias, and is here even where the verdict recommends it not.
        """
        return ranked(list(self.merits.items()))

    @property
    def verdict(self) -> str:
        """One sentence: which sampler to use here, and why."""
        return verdict_of(self)

    @checked()
    def plot(self, path: str | Path | None = None) -> Figure:
        """The error of the gradient against seconds, as a figure; saved if there is a path (png, svg or pdf).

        Raises EbmError E704 if no sampler ran.
        """
        from ..pictures.races import race

        return race(self, path)

    @checked()
    def to_html(self, path: str | Path) -> None:
        """Write a report in one HTML file: the verdict, the table, the race, the model, the settings.

        Raises EbmError E608 where that cannot be.
        """
        from ..pictures.page import keep
        from ..pictures.report import comparison_report

        keep(comparison_report(self, title(self), words(self), remarks(self)), path)

    def _repr_html_(self) -> str:
        from ..pictures.report import comparison_fragment

        return comparison_fragment(self.verdict, words(self), remarks(self))

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "rows"}
        return {
            **found,
            "rows": [row.to_dict() for row in self.rows],
            "ranking": [list(group) for group in self.ranking],
            "verdict": self.verdict,
        }

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each sampler; of curves there is nothing in it.

        Nested names are joined by dots, as `per_second.tail` and `quantities.m.ess`.
        """
        import pandas

        places = {name: k + 1 for k, group in enumerate(self.ranking) for name in group}
        rows = []
        for row in self.rows:
            facts = {k: v for k, v in row.to_dict().items() if k != "curve"}
            rows.append({"sampler": facts.pop("sampler"), "rank": places.get(row.sampler), **facts})
        return pandas.json_normalize(rows).set_index("sampler")

    def __str__(self) -> str:
        return printed(self)
