"""What is proved of each unknown: powers, smoothness, interactions, and what stood in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..semantics.functions import Smoothness
from ..semantics.terms import Kind, NamedEnergy, Program, Symbol, Term
from ..semantics.traverse import unknowns
from .extension import extend, one_hot_symbols
from .interactions import Setting, always_same, edges_between, may_coincide
from .occurrences import INFINITE, Facts, Meeting, Visitor
from .world import World


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The piece of an energy that kept a fact from being proved."""

    energy: str
    term: Term


@dataclass(frozen=True, slots=True, eq=False)
class VariableFacts:
    """The facts of one unknown.

    `site_degree`: the highest power of any one site; `joint_degree`: of all sites together.
    `edges`: interacting pairs [edges, 2] of site numbers, None while sizes are not known;
    `complete`: every pair interacts, or could not be shown not to.
    `walls`: whether it stands in what can make the energy infinite; smoothness is that of the rest.
    `couples`: False if provably no two sites interact; `meets`: the other unknowns it meets.
    """

    symbol: Symbol
    site_degree: float
    joint_degree: float
    smoothness: Smoothness
    couples: bool
    complete: bool
    edges: np.ndarray | None
    meets: frozenset[str]
    energies: tuple[str, ...]
    obstacle: Obstacle | None
    walls: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Facts of all unknowns, with the extended energies whose gradients are the conditionals.

    `leans_on`: given data whose values decided which sites interact; `setting`: what proofs used.
    """

    variables: Mapping[str, VariableFacts]
    extended: tuple[NamedEnergy, ...]
    one_hot: Mapping[str, Symbol]
    by_energy: Mapping[str, Facts] = field(default_factory=dict)
    leans_on: frozenset[str] = frozenset()
    setting: Setting = field(default_factory=lambda: Setting(None, {}))


def analyse(
    program: Program, world: World | None = None, data: Mapping[str, np.ndarray] | None = None
) -> Structure:
    """The structure of a program: by proof on its text, and to the entry once sizes are known."""
    setting = Setting(world, data or {})
    hot = one_hot_symbols(program.unknowns)
    extended = tuple(replace(e, term=extend(e.term, hot)) for e in program.energies)
    sites = program.unknowns

    def coincide(meeting: Meeting) -> bool:
        return may_coincide(meeting, sites, setting)

    by_energy: dict[str, Facts] = {}
    finite: dict[str, Facts] = {}
    meetings: dict[str, list[Meeting]] = {}
    for energy in extended:
        visitor = Visitor(coincide)
        by_energy[energy.name] = visitor.visit(energy.term)
        meetings[energy.name] = visitor.meetings
        if energy.finite is not None:
            finite[energy.name] = Visitor(coincide).visit(extend(energy.finite, hot))
    everything = [m for found in meetings.values() for m in found]
    variables = {
        name: _facts(symbol, program, by_energy, by_energy | finite, everything, setting)
        for name, symbol in program.unknowns.items()
    }
    names = {symbol.name: one for symbol, one in hot.items()}
    return Structure(variables, extended, names, by_energy, frozenset(setting.used), setting)


def _facts(
    symbol: Symbol,
    program: Program,
    by_energy: Mapping[str, Facts],
    finite: Mapping[str, Facts],
    meetings: list[Meeting],
    setting: Setting,
) -> VariableFacts:
    name = symbol.name
    site, joint, smooth = 0.0, 0.0, Smoothness.SMOOTH
    obstacle = None
    for energy, facts in by_energy.items():
        for read in facts.site_degree:
            if read.name != name:
                continue
            if facts.site_degree[read] > site and read in facts.blame:
                obstacle = Obstacle(energy, facts.blame[read])
            site = max(site, facts.site_degree[read])
            joint = max(joint, facts.joint_degree[read])
            smooth = max(smooth, finite[energy].smoothness.get(read, Smoothness.SMOOTH))
    own, meets = [], set()
    for meeting in meetings:
        a, b = meeting.first.read.symbol.name, meeting.second.read.symbol.name
        if a == b == name:
            own.append(meeting)
        elif name in (a, b):
            meets.add(b if a == name else a)
    own = [m for m in own if not always_same(m)]
    walls = any(e.walls is not None and symbol in unknowns(e.walls) for e in program.energies)
    if symbol.domain.kind is Kind.SIMPLEX:
        site = joint = INFINITE
    edges = None if setting.world is None else edges_between(own, program.unknowns, setting)
    complete = setting.world is not None and edges is None
    couples = bool(own) if edges is None else len(edges) > 0
    return VariableFacts(
        symbol, site, joint, smooth, couples, complete, edges, frozenset(meets),
        _energies_of(symbol, program), obstacle, walls,
    )  # fmt: skip


def _energies_of(symbol: Symbol, program: Program) -> tuple[str, ...]:
    return tuple(e.name for e in program.energies if symbol in unknowns(e.term))
