"""log Z of chains and trees of real unknowns: each site on a line of nodes, eliminated one by one.

Where a few real sites depend on one another at a time, the integral over each is a sum over nodes
by the trapezoidal rule, and the transfer operator a matrix. The box of each site follows from the
marginals on the nodes.
Source: Scalapino, Sears & Ferrell (1972), "Statistical mechanics of one-dimensional
Ginzburg-Landau fields", who sum a transfer operator; the rule as in Trefethen & Weideman (2014).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from ..analysis.adjacency import SiteGraph, site_graph
from ..analysis.fronts import followed, fronts_of
from ..backend.conditionals import Situation, states_of
from ..backend.energy import State
from ..backend.sites import Sites, sites_of
from ..samplers.plan import entries_of
from ..semantics.terms import Kind
from ..syntax.diagnostics import EbmError, complain
from .duration import duration
from .elimination import Elimination
from .quadrature import EQUAL, USELESS
from .summation import Summation, candidates_of, plan_sum
from .weighing import Weigher, weigher

if TYPE_CHECKING:
    from ..model import Model

FIRST, SCAN, FINEST = 32, 48, 512
BEGINNING, WIDEST = 5.0, 300.0
KEPT = 1e-14  # of the probability of a site: nodes with less at both ends are cut off
ROUNDS = 40


@dataclass(frozen=True, eq=False)
class Nodes:
    """Listed discrete sites and real ones `real` at `count` nodes; the others summed by `inner`.

    `low`, `high` [site]: the ends of each listed site's line, without meaning for discrete ones.
    """

    inner: Summation
    listed: tuple[str, ...]
    real: frozenset[str]
    sites: Mapping[str, Sites]
    count: int
    low: np.ndarray
    high: np.ndarray

    @property
    def closed(self) -> tuple[str, ...]:
        """What is summed in closed form."""
        return self.inner.closed

    @cached_property
    def kinds(self) -> list[tuple[bool, bool]]:
        """For each listed site whether it is real, and whether its line runs round a circle."""
        return [
            (name in self.real, self.sites[name].domain.kind is Kind.ANGLE)
            for name in self.listed
            for _ in range(self.sites[name].number)
        ]

    @property
    def options(self) -> list[np.ndarray]:
        """The values or nodes of every listed site."""
        return self._options

    @cached_property
    def _options(self) -> list[np.ndarray]:
        found = []
        for name in self.listed:
            own = self.sites[name]
            values = None if name in self.real else states_of(own.symbol, self.inner.target)
            found += [values] * own.number
        return [
            np.linspace(self.low[k], self.high[k], self.count, endpoint=not self.kinds[k][1])
            if values is None
            else values
            for k, values in enumerate(found)
        ]

    @property
    def log_cell(self) -> float:
        """log of the volume of one node of every real site together."""
        options = self.options
        steps = [options[k][1] - options[k][0] for k, (real, _) in enumerate(self.kinds) if real]
        return float(np.log(steps).sum())

    def weight(self, situation: Situation, state: State, values: Any) -> Any:
        """log of the weight of one listed configuration, by nodes, in nats."""
        out, volume, start = dict(state), jnp.zeros(()), 0
        for name in self.listed:
            own = self.sites[name]
            part = values[start : start + own.number]
            start += own.number
            if name in self.real:
                if own.domain.kind is not Kind.ANGLE:
                    volume = volume + jnp.sum(jnp.logaddexp(part, -part) - math.log(2.0))
                    part = jnp.sinh(part)
                volume = volume + own.log_volume(part)
                part = own.constrain(part)
            out[name] = own.put(state[name], part.astype(state[name].dtype))
        return self.inner.summed.log_sum(situation, out) + volume


@dataclass(frozen=True, eq=False)
class Gridded:
    """An elimination with real sites on nodes, in one order for every number of nodes."""

    nodes: Nodes
    graph: SiteGraph
    order: np.ndarray

    def at(self, count: int, low: np.ndarray, high: np.ndarray) -> Elimination:
        """The elimination on `count` nodes between these ends."""
        nodes = replace(self.nodes, count=count, low=low, high=high)
        values = np.array([len(options) for options in nodes.options])
        front = followed(self.graph.neighbours, values, self.order.tolist())
        assert front is not None
        return Elimination(nodes, front)

    @cached_property
    def usual(self) -> Elimination:
        """On as many nodes as a smooth energy takes, to predict costs with."""
        return self.at(2 * FIRST, self.nodes.low, self.nodes.high)

    def seconds(self, weighing: float, gradient: bool) -> float:
        """Predicted time, if one configuration is weighed in `weighing` seconds."""
        if self.usual.refusal(True) is not None:
            return math.inf
        return 1.0 + 15 * self.usual.seconds(weighing, gradient)

    def describe(self, count: int = 2 * FIRST) -> str:
        """`phi on 64 nodes a site, eliminated along a front of 2 sites`."""
        nodes = self.nodes
        closed = f"{', '.join(nodes.closed)} integrated in closed form; " if nodes.closed else ""
        real = ", ".join(n for n in nodes.listed if n in nodes.real)
        others = ", ".join(n for n in nodes.listed if n not in nodes.real)
        beside = f", {others} by its values" if others else ""
        return (
            f"{closed}{real} on {count} nodes a site{beside}, eliminated along a front of "
            f"{self.usual.front.width} sites"
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """log Z, its derivative, how far the last two numbers of nodes were apart, and the last one."""

    log_sum: float
    slope: Any
    error: float
    count: int


def settled(
    model: Model,
    key: object,
    plan: Gridded,
    situation: Situation,
    state: State,
    gradient: bool,
    most_seconds: float,
) -> Settled:
    """The sum on more and more nodes until two agree.

    Raises EbmError E705 where they do not agree in the time or memory there is.
    """

    def own(elimination: Elimination) -> Weigher:
        return weigher(model, (key, "nodes"), elimination.summation, situation, state)

    low, high = _ends(plan, own)
    count, before = FIRST, -np.inf
    while True:
        here = plan.at(count, low, high)
        assert isinstance(here.summation, Nodes)
        value = here.log_sum(own(here)) + here.summation.log_cell
        error = abs(value - before)
        agreed = error <= EQUAL * max(1.0, abs(value))
        finer = plan.at(2 * count, low, high)
        last = 2 * count > FINEST or finer.refusal(gradient) is not None
        if agreed or last or finer.steps.seconds > most_seconds:
            break
        before, count = value, 2 * count
    if not agreed and error > USELESS:
        raise complain(
            "E705",
            f"the integral over `{'`, `'.join(sorted(plan.nodes.real))}` does not settle: on {count} "
            f"nodes for each site log Z still moves by {error:.2g}",
            notes=[
                f"twice as many would take about {duration(finer.steps.seconds)}, or do not fit"
            ],
            helps=['method="ais" estimates log Z with an error'],
        )
    slope = here.slope(own(here))[1] if gradient else None
    return Settled(value, slope, 0.0 if agreed else error, count)


def _ends(plan: Gridded, own: Any) -> tuple[np.ndarray, np.ndarray]:
    """The ends of each site's line, from the marginals on nodes: widened, and cut, until they fit."""
    low, high = plan.nodes.low.copy(), plan.nodes.high.copy()
    moving = [k for k, (real, round_) in enumerate(plan.nodes.kinds) if real and not round_]
    for _ in range(ROUNDS if moving else 0):
        here = plan.at(SCAN, low, high)
        chances = here.chances(own(here))
        fits = True
        for k in moving:
            seen = np.flatnonzero(chances[k] > KEPT)
            first, last = int(seen[0]), int(seen[-1])
            cell, start, width = (high[k] - low[k]) / (SCAN - 1), low[k], high[k] - low[k]
            fits &= first > 0 and last < SCAN - 1 and last - first > SCAN // 2
            low[k] = start - width / 2 if first == 0 else start + cell * (first - 1)
            high[k] = high[k] + width / 2 if last == SCAN - 1 else start + cell * (last + 1)
        if max(np.abs(low[moving]).max(), np.abs(high[moving]).max()) > WIDEST:
            raise complain(
                "E705",
                f"the weight does not fall off in `{'`, `'.join(sorted(plan.nodes.real))}`: Z is "
                "infinite, or falls off too slowly to be integrated",
            )
        if fits:
            break
    return low, high


def _inner(
    model: Model, held: Mapping[str, np.ndarray], free: list[str]
) -> tuple[Summation, list[str]] | None:
    """The sum with real sites held that have no closed form, and which these are."""
    target, unknowns = model.target, model.program.unknowns
    smooth = [n for n in free if not unknowns[n].domain.discrete]
    able = {n for choice in candidates_of(target, free, held) for n in choice.variables}
    for real in ([n for n in smooth if n not in able], smooth):
        whole = {n: np.ones(target.world.shape(unknowns[n]), bool) for n in real}
        try:
            return plan_sum(target, {**held, **whole}, discrete=False), real
        except EbmError:
            continue
    return None


def plan_gridded(model: Model, held: Mapping[str, np.ndarray]) -> Gridded | str:
    """An elimination with the real sites that have no closed form on nodes, or why there is none."""
    target, unknowns = model.target, model.program.unknowns
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in unknowns.items()}
    free = [n for n in unknowns if sites[n].number]
    found = _inner(model, held, free)
    if found is None:
        return "what is left beside them has no closed form"
    inner, real = found
    if any(sites[n].event for n in real):
        return "a simplex is not laid out site by site"
    listed = tuple(n for n in free if n not in inner.closed)
    entries = {n: own for n, own in entries_of(target, held).items() if n in free}
    graph = site_graph(target.structure, target.program, entries)
    if graph is None:
        return "too many pairs of sites interact"
    nodes = _begun(
        Nodes(inner, listed, frozenset(real), sites, 2 * FIRST, np.empty(0), np.empty(0))
    )
    graph = graph.without(inner.closed)
    if graph is None:
        return f"integrating {', '.join(inner.closed)} leaves too many pairs of sites that interact"
    fronts = fronts_of(graph, np.array([len(options) for options in nodes.options]))
    if not fronts:
        return f"with its real sites on {2 * FIRST} nodes each too many depend on one another"
    best = min(fronts, key=lambda front: front.operations)
    return Gridded(nodes, graph, best.order)


def _begun(nodes: Nodes) -> Nodes:
    """Nodes between the ends that are tried first."""
    round_ = np.array([circle for _, circle in nodes.kinds])
    low, high = np.where(round_, 0.0, -BEGINNING), np.where(round_, 2 * np.pi, BEGINNING)
    return replace(nodes, low=low, high=high)
