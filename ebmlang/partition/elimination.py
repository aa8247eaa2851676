"""log Z by summing discrete sites one after another, whatever the interactions are.

With sites in an order and a reference state r, E(x) - E(r) is the sum over sites of
E(r before i, x_i, x after i) - E(r before i, r_i, x after i). Each of these differences depends on
x_i and on its later neighbours alone, so that a table of it comes from whole energies of few
configurations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.adjacency import site_graph
from ..analysis.elimination import spoken
from ..analysis.fronts import MOST_OPERATIONS, Front, fronts_of
from ..samplers.plan import entries_of
from ..syntax.diagnostics import EbmError, InternalError
from .eliminating import MOST_BYTES, Steps, steps_of
from .summation import plan_sum
from .weighing import Listing, Weigher

if TYPE_CHECKING:
    from ..model import Model

TRIALS = 64
CLOSE = 1e-6


class Unsuited(Exception):
    """A way that turns out not to fit at these parameters: the next one is taken."""


@dataclass(frozen=True, eq=False)
class Elimination:
    """How the listed sites of a sum are summed one after another, along `front`."""

    summation: Listing
    front: Front

    @cached_property
    def steps(self) -> Steps:
        """The steps, with the shapes of their tables."""
        return steps_of(self.front)

    def describe(self) -> str:
        """`eliminated along 16 sites wide, about 30 million operations`."""
        closed = self.summation.closed
        first = f"{', '.join(closed)} integrated in closed form; " if closed else ""
        names = ", ".join(self.summation.listed)
        width = self.front.width
        sites = "1 site" if width == 1 else f"{width} sites"
        return (
            f"{first}{names} eliminated along a front of {sites}, "
            f"about {_counted(self.front.operations)} operations"
        )

    def refusal(self, gradient: bool) -> str | None:
        """Why it cannot be done at all: memory. None if it can."""
        widest = max((len(later) for later in self.front.later), default=0) + 1
        needed = 8 * self.front.rows * (2 * widest + 2)
        if needed > MOST_BYTES or self.steps.largest > MOST_BYTES:
            return f"its tables of {self._most()} numbers do not fit in memory"
        if gradient and self.steps.stretch() is None:
            return (
                f"its tables of {self._most()} numbers, kept for the gradient, do not fit in memory"
            )
        return None

    def _most(self) -> str:
        front = self.front
        return f"{max(front.states(k, o) for k, o in enumerate(front.opened)):.3g}"

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Changes of the base state for all tables, [row, change], and where each table starts."""
        front, options = self.front, self.summation.options
        number = len(front.order)
        widest = max((len(later) for later in front.later), default=0) + 1
        places, values, cuts = [], [], [0]
        for k, later in enumerate(front.later):
            scope = [int(front.order[j]) for j in (k, *later)]
            grid = np.meshgrid(*(options[site] for site in scope), indexing="ij")
            table = np.stack([axis.reshape(-1) for axis in grid], axis=-1).astype(float)
            spare = ((0, 0), (0, widest - len(scope)))
            where = np.broadcast_to(np.array(scope), table.shape)
            places.append(np.pad(where, spare, constant_values=number))
            values.append(np.pad(table, spare))
            cuts.append(cuts[-1] + len(table))
        return np.concatenate(places), np.concatenate(values), np.array(cuts)

    def seconds(self, weighing: float, gradient: bool) -> float:
        """Predicted time, if one configuration is weighed in `weighing` seconds."""
        once = self.steps.seconds + self.front.rows * weighing
        return once * (4 if gradient else 1)

    def tables(self, weigher: Weigher) -> tuple[float, list[np.ndarray]]:
        """The log weight of the base state, and the tables of differences of log weights.

        Raises Unsuited where an energy is infinite.
        """
        places, values, cuts = self.rows
        none = np.full((1, 1), len(weigher.base)), np.zeros((1, 1))
        start = float(weigher.weigh(*none)[0])
        weights = weigher.weigh(places, values)
        if not (np.isfinite(weights).all() and np.isfinite(start)):
            raise Unsuited("the energy is not finite at some states")
        tables = []
        for k, (a, b) in enumerate(itertools.pairwise(cuts)):
            table = weights[a:b].reshape(int(self.front.values[k]), -1)
            tables.append((table - table[:1]).reshape(-1))
        self._check(weigher, start, tables)
        return start, tables

    def _check(self, weigher: Weigher, start: float, tables: list[np.ndarray]) -> None:
        """Compare whole energies of random states with the sums of their tables."""
        front, options = self.front, self.summation.options
        random = np.random.default_rng(0)
        number = len(options)
        digits = np.stack([random.integers(0, len(o), TRIALS) for o in options], axis=-1)
        states = np.stack([o[digits[:, k]] for k, o in enumerate(options)], axis=-1)
        places = np.broadcast_to(np.arange(number), states.shape)
        whole = weigher.weigh(places, states.astype(float))
        for trial, wanted in enumerate(whole):
            at = digits[trial][front.order]
            total = start
            for k, later in enumerate(front.later):
                scope = [k, *later]
                total += tables[k][np.ravel_multi_index(at[scope], front.values[scope])]
            if np.isfinite(wanted) and abs(total - wanted) > CLOSE * (1 + abs(wanted) + abs(start)):
                raise InternalError(
                    f"the energy of a state is {-wanted:.10g} and its tables sum to {-total:.10g}: "
                    "an interaction was overlooked"
                )

    def chances(self, weigher: Weigher) -> list[np.ndarray]:
        """For each listed site the probabilities of its values."""
        _, tables = self.tables(weigher)
        _, shares = self.steps.marginals(tables, self.steps.stretch() or 1)
        found = [np.zeros(0)] * len(shares)
        for k, share in enumerate(shares):
            found[int(self.front.order[k])] = share.reshape(int(self.front.values[k]), -1).sum(1)
        return found

    def log_sum(self, weigher: Weigher) -> float:
        """log Z in nats."""
        start, tables = self.tables(weigher)
        return start + self.steps.log_sum(tables)

    def slope(self, weigher: Weigher) -> tuple[float, Any]:
        """log Z and its derivative by the parameters' free numbers."""
        start, tables = self.tables(weigher)
        total, shares = self.steps.marginals(tables, self.steps.stretch() or 1)
        places, values, _ = self.rows
        own = []
        for k, share in enumerate(shares):
            table = share.reshape(int(self.front.values[k]), -1).copy()
            table[0] -= table.sum(axis=0)
            own.append(table.reshape(-1))
        base = np.full((1, places.shape[1]), len(weigher.base)), np.zeros((1, places.shape[1]))
        slope = weigher.slope(
            np.concatenate([base[0], places]),
            np.concatenate([base[1], values]),
            np.concatenate([np.ones(1), *own]),
        )
        return start + total, slope


def _counted(number: float) -> str:
    return spoken(number) if number < 1e12 else f"{number:.2g}"


def plan_elimination(model: Model, held: Mapping[str, np.ndarray]) -> Elimination | str:
    """The cheapest elimination of all discrete sites, or why there is none.

    Real sites of one quadratic form are integrated first.
    """
    target = model.target
    try:
        summation = plan_sum(target, held, discrete=False)
    except EbmError as error:
        return error.diagnostics[0].says
    if not summation.listed:
        return "no discrete sites are left to eliminate"
    entries = entries_of(target, held)
    free = {n: own for n, own in entries.items() if len(own.free)}
    graph = site_graph(target.structure, target.program, free)
    if graph is None:
        return "too many pairs of sites interact"
    graph = graph.without(summation.closed)
    if graph is None:
        return f"summing {', '.join(summation.closed)} leaves too many pairs of sites that interact"
    values = np.array([len(options) for options in summation.options])
    plans = [Elimination(summation, front) for front in fronts_of(graph, values)]
    if not plans:
        return f"more than 10^{math.log10(MOST_OPERATIONS):.0f} operations in every order that was tried"
    return min(plans, key=lambda plan: plan.steps.seconds)
