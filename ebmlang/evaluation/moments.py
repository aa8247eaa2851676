"""Moments instead of draws: means, errors and diagnostics of a run of any length, at constant size."""

# pyright: strict, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from ..analysis.world import World
from ..semantics.terms import Kind, Program
from ..syntax.diagnostics import complain
from .diagnostics import FEWEST_DRAWS, Diagnostics, Judged, doubts, judge, not_finite
from .divergences import Divergences
from .exchange import Exchange
from .tally import Tally

Arrays = dict[str, np.ndarray]


class Moments(Judged):
    """Moments of every variable, of every quantity and of the energy, when no draws are kept.

    `mean`, `std`, `std_error`, `rhat`, `ess`: arrays [dims] by name. A category has one more axis,
    its labels: their frequencies. An angle has one more axis too: its cosine and its sine.
    `energy` is (mean, standard deviation, standard error) in nats. `settings` and `tempering` are
    as in draws.
    """

    def __init__(
        self,
        program: Program,
        world: World,
        tally: Tally,
        settings: Mapping[str, Any],
        tempering: Exchange | None = None,
    ) -> None:
        self.program = program
        self.world = world
        self.tally = tally
        self.settings: dict[str, Any] = dict(settings)
        self.tempering = tempering

    def __getitem__(self, name: str) -> NoReturn:
        raise complain(
            "E704",
            f'the draws of `{name}` were not kept: keep="moments" keeps means and errors alone',
            helps=[
                f'.mean["{name}"] is the mean; keep="all" or keep=["{name}"] keeps the draws',
            ],
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The variables and quantities."""
        return (*self.program.unknowns, *(q.name for q in self.program.quantities))

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return len(self.tally.total.mean["energy"])

    @property
    def draws(self) -> int:
        """How many draws of each chain the moments are of."""
        return self.tally.total.number

    @cached_property
    def mean(self) -> Arrays:
        """Means over draws and chains."""
        return {n: self.tally.mean(n) for n in self.names}

    @cached_property
    def std(self) -> Arrays:
        """Standard deviations over draws and chains."""
        return {n: np.sqrt(self.tally.variance(n)) for n in self.names}

    @cached_property
    def std_error(self) -> Arrays:
        """Monte Carlo errors of the means, from the means of batches; infinite where nothing moved."""
        held = self.settings["held"]
        return {
            n: np.zeros_like(self.mean[n]) if n in held else self.tally.std_error(n)
            for n in self.names
        }

    @cached_property
    def rhat(self) -> Arrays:
        """Split R-hat of every entry."""
        return {n: self.tally.rhat(n) for n in self.names}

    @cached_property
    def ess(self) -> Arrays:
        """Effective draws behind each mean: its variance over the square of its error."""
        return {n: self.tally.size(n) for n in self.names}

    @property
    def energy(self) -> tuple[float, float, float]:
        """Mean, standard deviation and standard error of the energy, in nats."""
        tally = self.tally
        spread = np.sqrt(tally.variance("energy"))
        return float(tally.mean("energy")), float(spread), float(tally.std_error("energy"))

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """Split R-hat, effective sample sizes and what is wrong, in words."""
        watched = [n for n in (*self.names, "energy") if n not in self.settings["held"]]
        tally = self.tally
        found = judge(
            {n: tally.rhat(n) for n in watched},
            {n: tally.size(n) for n in watched},
            tally.acceptance,
            Divergences(tally.diverged),
            tally.changed,
            self.tempering,
            draws=self.draws,
            wrong=not_finite(self._known()),
        )
        return found.told(self.settings)

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against the moments, in words."""
        return self.diagnostics.problems

    def _known(self) -> dict[str, Any]:
        """What must be finite, in words. Errors are not known of what never varied, nor of few draws."""
        found: dict[str, Any] = {"the mean energy": self.energy[0]}
        found |= {f"the mean of `{n}`": self.mean[n] for n in self.names}
        if self.draws >= FEWEST_DRAWS:
            found["the deviation of the energy"] = self.energy[1]
            found |= {f"the deviation of `{n}`": self.std[n] for n in self.names}
            varied = {n: self.std_error[n][self.std[n] != 0] for n in self.names}
            found |= {f"the error of `{n}`": error for n, error in varied.items()}
        return found

    def arrays(self) -> Arrays:
        """All moments in one flat mapping, as `mean.v` and `std.v`, for a file."""
        kinds = {"mean": self.mean, "std": self.std, "std_error": self.std_error}
        kinds |= {"rhat": self.rhat, "ess": self.ess}
        found = {f"{kind}.{n}": a for kind, arrays in kinds.items() for n, a in arrays.items()}
        return found | {"energy": np.array(self.energy)}

    def summary(self) -> Any:
        """A table of means, deviations, errors, effective sizes and R-hat, as a DataFrame.

        Printed, it ends with what speaks against the moments.
        """
        import pandas

        from .table import doubted

        columns = {"mean": self.mean, "sd": self.std, "mcse_mean": self.std_error}
        columns |= {"ess": self.ess, "r_hat": self.rhat}
        rows: list[str] = []
        values: list[list[Any]] = []
        for name in self.names:
            for place in np.ndindex(self.mean[name].shape):
                rows.append(name + self._place(name, place))
                values.append([arrays[name][place] for arrays in columns.values()])
        tally = self.tally
        rows.append("energy")
        values.append([*self.energy, float(tally.size("energy")), float(tally.rhat("energy"))])
        frame = pandas.DataFrame(values, index=rows, columns=list(columns))
        return doubted(frame, self.problems)

    def _place(self, name: str, place: tuple[int, ...]) -> str:
        """`[3, A]` for a label of a category, `[3, cos]` of an angle, `[3]` of others."""
        words = [str(k) for k in place]
        symbol = self.program.unknowns.get(name)
        if symbol is not None and symbol.domain.kind is Kind.ANGLE:
            words[-1] = ("cos", "sin")[place[-1]]
        if symbol is not None and symbol.domain.labels is not None and symbol.domain.labels.labels:
            words[-1] = list(symbol.domain.labels.labels)[place[-1]]
        return f"[{', '.join(words)}]" if words else ""

    def _repr_html_(self) -> str:
        from ..pictures.report import draws_fragment

        return draws_fragment(self, self._head())

    def _head(self) -> str:
        """What there is of which variables, in a line."""
        names = ", ".join(f"{n}{list(self.mean[n].shape)}" for n in self.names)
        mean, _, error = self.energy
        return (
            f"moments of {self.program.name}: {self.chains} chains x {self.draws} draws of "
            f"{names}; energy {mean:.6g} +- {error:.2g}"
        )

    def __repr__(self) -> str:
        lines = [f"<{self._head()}>"]
        lines += [self.settings["note"]] if "note" in self.settings else []
        lines += [self.diagnostics.bias] if self.diagnostics.bias else []
        return "\n".join([*lines, *doubts(self.problems)])
