"""The exact ways to log Z that a model has, each with its predicted time, and the cheapest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.adjacency import site_graph
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.sites import Sites, sites_of
from ..samplers.plan import entries_of
from ..samplers.run import Clamped
from ..syntax.diagnostics import EbmError, complain
from .duration import duration
from .elimination import Elimination, Unsuited, plan_elimination
from .gridded import plan_gridded, settled
from .halves import Halves, plan_halves
from .mapped import field_of, mapped, numbers_of
from .quadrature import COARSE, integral, slope
from .streaming import listed
from .summation import Summation, plan_sum
from .weighing import weigher

if TYPE_CHECKING:
    from ..model import Model

OPERATIONS, SECONDS = 3.0, 1e-10  # for a site or a pair in an energy, and the time of one
AUTO_SECONDS = 30.0  # what `auto` lets an exact sum take before it anneals instead
START = 0.5  # to compile a way with little to do
MOST_AXES = 3
MOST_STATES = 1e290  # beyond which costs are no longer numbers
SLACK = 3.0  # how far predictions may be off


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What a way works on: a model, parameters and held values in float64, and a limit."""

    model: Model
    key: object
    situation: Situation
    state: State
    gradient: bool
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """log Z in nats, its derivative by the parameters' free numbers, an error, and how it was had."""

    log_z: float
    slope: Any
    error: float
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to log Z. `seconds` with and without the gradient, infinite where it cannot be done.

    `says`: what it would do, or why it cannot be done. `measured`: whether it times itself and
    refuses on the way.
    """

    name: str
    says: str
    seconds: Callable[[bool], float]
    run: Callable[[Call], Found] | None
    measured: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """All ways with some entries held. `complaint`: what keeps sums and lists from being all there is."""

    ways: tuple[Way, ...]
    complaint: str | None

    def cheapest(self, gradient: bool) -> list[Way]:
        """The ways that can be gone, the cheapest first."""
        able = [way for way in self.ways if math.isfinite(way.seconds(gradient))]
        return sorted(able, key=lambda way: way.seconds(gradient))

    def refusal(self, gradient: bool, most_seconds: float, unsuited: Sequence[str]) -> EbmError:
        """Why there is no exact answer: E705 with every way and its cost."""
        able = self.cheapest(gradient)[len(unsuited) :]
        if able:
            seconds = able[0].seconds(gradient)
            text = (
                f"the exact sum would take about {duration(seconds)}, and at most "
                f"{duration(most_seconds)} were allowed"
            )
        else:
            text = self.complaint or "there is no exact way to this log Z"
        notes = []
        for way in self.ways:
            cost = way.seconds(gradient)
            ending = f", about {duration(cost)}" if math.isfinite(cost) else ""
            if way.says != text:
                notes.append(f"{way.name}: {way.says}{ending}")
        return complain(
            "E705",
            text,
            notes=[*unsuited, *notes],
            helps=['ebm.log_partition(model, params, method="ais") estimates log Z with an error'],
        )


def ways_of(model: Model, held: Clamped) -> Ways:
    """The exact ways of a model with these entries held; kept with the model."""
    return model.made(("ways", held.signature), lambda: _ways(model, held.masks))


def exactly(ways: Ways, call: Call) -> Found:
    """log Z by the cheapest way. Raises EbmError E705 where none ends in time."""
    unsuited: list[str] = []
    for way in ways.cheapest(call.gradient):
        allowed = call.most_seconds * (20 if way.measured else SLACK)
        if way.seconds(call.gradient) > allowed:
            break
        assert way.run is not None
        try:
            return way.run(call)
        except Unsuited as reason:
            unsuited.append(f"not by {way.name}: {reason}")
    raise ways.refusal(call.gradient, call.most_seconds, unsuited)


def _ways(model: Model, held: Mapping[str, np.ndarray]) -> Ways:
    weighing = SECONDS * _operations(model, held)
    try:
        listing = plan_sum(model.target, held)
    except EbmError as error:
        complaint = error.diagnostics[0].says
        found = [_quadrature(model, held, weighing)]
        if found[0].run is None:
            found.append(_gridded(model, held, weighing))
        return Ways((_none("listing", complaint), *found), complaint)
    found = [_listing(listing, weighing)]
    if listing.states > 1:
        apart = plan_elimination(model, held)
        if isinstance(apart, Elimination):
            halves = plan_halves(model, held, apart.summation)
            found += [_halved(halves, weighing)] if halves is not None else []
            found.append(_eliminated(apart, weighing))
        else:
            found.append(_none("elimination", apart))
    return Ways(tuple(found), None)


def _operations(model: Model, held: Mapping[str, np.ndarray]) -> float:
    """About how many operations one energy takes, by the sites and pairs in it."""
    target = model.target
    entries = {n: own for n, own in entries_of(target, held).items() if len(own.free)}
    graph = site_graph(target.structure, target.program, entries)
    sites = sum(len(own.free) for own in entries.values())
    return OPERATIONS * (1 + sites + (sites**2 / 2 if graph is None else len(graph.pairs)))


def _none(name: str, says: str) -> Way:
    return Way(name, says, lambda _: math.inf, None)


def _listing(plan: Summation, weighing: float) -> Way:
    states = math.prod((float(len(v)) for v in plan.high_values), start=float(len(plan.low)))
    states = min(states, MOST_STATES)

    def run(call: Call) -> Found:
        total, slopes = listed(
            call.model,
            call.key,
            plan,
            call.situation,
            call.state,
            call.gradient,
            call.most_seconds,
        )
        return Found(total, slopes, 0.0, plan.describe())

    def seconds(gradient: bool) -> float:
        return START + states * weighing * (4 if gradient else 1)

    return Way("listing", plan.describe() or "nothing is unknown", seconds, run, measured=True)


def _halved(plan: Halves, weighing: float) -> Way:
    refused = plan.refusal()
    if refused is not None:
        return _none("listing in two halves", refused)

    def run(call: Call) -> Found:
        own = weigher(call.model, call.key, plan.summation, call.situation, call.state)
        if call.gradient:
            total, slopes = plan.slope(own, call.most_seconds)
        else:
            total, slopes = plan.log_sum(own, call.most_seconds), None
        return Found(total, slopes, 0.0, plan.describe())

    return Way(
        "listing in two halves",
        plan.describe(),
        lambda gradient: plan.seconds(weighing, gradient),
        run,
        measured=True,
    )


def _eliminated(plan: Elimination, weighing: float) -> Way:
    def run(call: Call) -> Found:
        own = weigher(call.model, call.key, plan.summation, call.situation, call.state)
        total, slopes = plan.slope(own) if call.gradient else (plan.log_sum(own), None)
        return Found(total, slopes, 0.0, plan.describe())

    def seconds(gradient: bool) -> float:
        if plan.refusal(gradient) is not None:
            return math.inf
        return START + plan.seconds(weighing, gradient)

    says = plan.describe()
    refused = plan.refusal(False)
    return Way("elimination", f"{says}; {refused}" if refused else says, seconds, run)


def _quadrature(model: Model, held: Mapping[str, np.ndarray], weighing: float) -> Way:
    plan = _laid(model, held)
    if plan is None:
        return _none(
            "quadrature",
            f"more than {MOST_AXES} real numbers would have to be laid out on a grid",
        )
    layout = mapped(*plan)
    names = ", ".join(layout.names)
    rest = layout.summation.describe()
    ending = f", {rest}" if rest else ""

    def run(call: Call) -> Found:
        field = field_of(call.model, call.key, layout, call.situation, call.state)
        found = integral(field, call.most_seconds)
        slopes = slope(field, found) if call.gradient else None
        how = f"quadrature over {names} on a grid of {found.grid}{ending}"
        if found.error:
            how += f", two grids apart by {found.error:.1g}"
        return Found(found.log_sum, slopes, found.error, how)

    def seconds(gradient: bool) -> float:
        points = 10.0 * COARSE[layout.axes] ** layout.axes * layout.summation.states
        return 2 * START + points * weighing * (3 if gradient else 1)

    return Way("quadrature", f"quadrature over {names}{ending}", seconds, run)


def _gridded(model: Model, held: Mapping[str, np.ndarray], weighing: float) -> Way:
    plan = plan_gridded(model, held)
    if isinstance(plan, str):
        return _none("elimination", plan)

    def run(call: Call) -> Found:
        found = settled(
            call.model,
            call.key,
            plan,
            call.situation,
            call.state,
            call.gradient,
            call.most_seconds,
        )
        how = plan.describe(found.count)
        if found.error:
            how += f", on half as many apart by {found.error:.1g}"
        return Found(found.log_sum, found.slope, found.error, how)

    refused = plan.usual.refusal(True)
    says = f"{plan.describe()}; {refused}" if refused else plan.describe()
    return Way("elimination", says, lambda gradient: plan.seconds(weighing, gradient), run)


def _laid(
    model: Model, held: Mapping[str, np.ndarray]
) -> tuple[Summation, Mapping[str, Sites]] | None:
    """The fewest real numbers to lay out such that all else can be summed, with that sum."""
    target, unknowns = model.target, model.program.unknowns
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in unknowns.items()}
    axes = {n: numbers_of(s) for n, s in sites.items() if not unknowns[n].domain.discrete}
    able = [n for n, count in axes.items() if 0 < count <= MOST_AXES]
    groups = [g for size in range(1, MOST_AXES + 1) for g in itertools.combinations(able, size)]
    for group in sorted(groups, key=lambda g: sum(axes[n] for n in g)):
        if sum(axes[n] for n in group) > MOST_AXES:
            break
        whole = {n: np.ones(target.world.shape(unknowns[n]), bool) for n in group}
        try:
            plan = plan_sum(target, {**held, **whole})
        except EbmError:
            continue
        if plan.chunks == 1:
            return plan, {n: sites[n] for n in group}
    return None
