"""Draws from a model: a mapping over variables and quantities, with the file's names for axes."""

# pyright: strict

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.world import World
from ..arguments import checked
from ..semantics.terms import Between, Dimension, Index, Program, Whole
from .diagnostics import Diagnostics, Judged, diagnose, doubts
from .exchange import Exchange
from .transitions import sample_stats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Draws(Mapping[str, np.ndarray], Judged):
    """Draws [chain, draw, dims] of every variable and quantity.

    `energy` [chain, draw] in nats; `report` per draw: acceptance, gradients, divergences;
    `settings`: the sampler, beta, seed, seconds spent, and a `note` if a second run was needed;
    `tempering`: the ladder, swaps and round trips of replica exchange, None for other samplers.
    `changed` [chain, site]: whether each free site of a variable changed from draw to draw; that of
    the values if it is None.
    """

    def __init__(
        self,
        program: Program,
        world: World,
        values: Mapping[str, np.ndarray],
        energy: np.ndarray,
        report: Any,
        settings: Mapping[str, Any],
        tempering: Exchange | None = None,
        changed: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.program = program
        self.world = world
        self.energy = energy
        self.report = report
        self.settings: dict[str, Any] = dict(settings)
        self.tempering = tempering
        self.changed = changed
        self._values = dict(values)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values and name in self.dims()[0]:
            raise KeyError(f"the draws of `{name}` were not kept: name it in `keep`")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return self.energy.shape[0]

    @property
    def diverging(self) -> np.ndarray:
        """Whether a transition before a draw diverged. Shapes: [chain, draw]."""
        return np.asarray(self.report.diverged) > 0

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The variables without the quantities, those that were kept."""
        return {n: self._values[n] for n in self.program.unknowns if n in self._values}

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """R-hat, effective sample sizes and what is wrong, in words."""
        found = diagnose(
            self._values,
            self.energy,
            self.report,
            self.settings["held"],
            self.tempering,
            hamiltonian=not {"hmc", "nuts"}.isdisjoint(self.settings.get("methods", ())),
            changed=self.changed,
        )
        return found.told(self.settings)

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against the draws, in words."""
        return self.diagnostics.problems

    def dims(self) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
        """ArviZ's dims and coords: the file's dimensions, and labels where it has them."""
        dims: dict[str, list[str]] = {}
        coords: dict[str, list[Any]] = {}
        named: dict[str, tuple[Any, ...]] = {n: s.dims for n, s in self.program.unknowns.items()}
        for quantity in self.program.quantities:
            named[quantity.name] = tuple(
                a.range.dim if isinstance(a.range, Whole) else a for a in quantity.value.axes
            )
        for name, axes in named.items():
            labels: list[str] = []
            for axis in axes:
                positions = self._positions(axis)
                label = self._label(axis.name, positions, labels, coords)
                labels.append(label)
                if positions is not None:
                    coords[label] = positions
            dims[name] = labels
        return dims, coords

    def _positions(self, axis: Any) -> list[Any] | None:
        """Labels or numbers of the positions of an axis; None for the edges of a graph."""
        match axis:
            case Dimension(labels=str(letters)):
                return list(letters)
            case Dimension():
                return list(range(self.world.size(axis)))
            case Index(range=Between()):
                return list(range(*self.world.limits(axis)))
            case _:
                return None

    def _label(
        self,
        name: str,
        positions: list[Any] | None,
        before: list[str],
        coords: Mapping[str, list[Any]],
    ) -> str:
        """A name that is free in ArviZ: an axis of other positions, or a second one, is numbered."""
        taken = {"chain", "draw", *before, *self._values}
        for number in count(1):
            label = name if number == 1 else f"{name}_{number}"
            if label not in taken and coords.get(label, positions) == positions:
                return label
        raise AssertionError(name)

    def to_arviz(self) -> Any:
        """The draws as ArviZ InferenceData, with energies, steps and divergences as sample stats."""
        arviz = _arviz()
        dims, coords = self.dims()
        dims = {n: axes for n, axes in dims.items() if n in self._values}
        stats = sample_stats(self.energy, self.report, self.settings)
        return arviz.from_dict(
            posterior=dict(self._values), sample_stats=stats, dims=dims, coords=coords
        )

    def summary(self) -> Any:
        """ArviZ's table of means, intervals, effective sizes and R-hat, as a DataFrame.

        Printed, it ends with what speaks against the draws. R-hat is NaN where a value is held.
        """
        from .table import doubted

        with np.errstate(invalid="ignore", divide="ignore"):
            table = _arviz().summary(self.to_arviz())
        return doubted(table, self.problems)

    @checked()
    def plot(self, path: str | Path | None = None, names: Sequence[str] | None = None) -> Figure:
        """Traces of variables, quantities and the energy; saved if there is a path (png, svg or pdf).

        Raises EbmError E606 for names the draws lack.
        """
        from ..pictures.chains import traces

        return traces(self, names, path)

    @checked()
    def to_html(self, path: str | Path) -> None:
        """Write a report in one HTML file: diagnostics, traces, autocorrelations, energies, settings.

        Raises EbmError E608 where that cannot be.
        """
        from ..pictures.page import keep
        from ..pictures.report import draws_report

        keep(draws_report(self), path)

    def _repr_html_(self) -> str:
        from ..pictures.report import draws_fragment

        return draws_fragment(self, self._head())

    def _head(self) -> str:
        """What there is of which variables, in a line."""
        shape = f"{self.chains} chains x {self.energy.shape[1]} draws"
        names = ", ".join(f"{n}{list(v.shape[2:])}" for n, v in self._values.items())
        return f"draws of {self.program.name}: {shape} of {names}"

    def __repr__(self) -> str:
        lines = [f"<{self._head()}>"]
        lines += [self.settings["note"]] if "note" in self.settings else []
        lines += [self.diagnostics.bias] if self.diagnostics.bias else []
        return "\n".join([*lines, *doubts(self.problems)])


def _arviz() -> Any:
    """ArviZ, without what it says to those who build on it: it speaks of a later version once a day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    return arviz
