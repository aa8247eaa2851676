"""Which unknowns are summed or integrated out of the way of those that follow slopes.

What is drawn exactly given all else, all sites at once, has a sum in closed form: with h binary
and linear, log sum exp(-beta E) over h is a free energy of the rest. A slope of that free energy
moves the rest as if h were not there, and h is drawn afterwards: both together leave p unchanged
(Liu 1994, "The collapsed Gibbs sampler").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..semantics.context import nearest
from ..semantics.terms import Program, Symbol
from ..semantics.traverse import unknowns
from ..syntax.diagnostics import complain
from .elimination import among
from .joint import Entries, Joint
from .structure import Structure, VariableFacts

Wish = str | bool | tuple[str, ...]  # "auto", True: all that can be, False: nothing, or names
FEW_SITES = 3
MOST_OPERATIONS = 2e6  # of a factor that is made anew for every slope


@dataclass(frozen=True, slots=True)
class Closing:
    """Unknowns `closed` out of the way of those that follow slopes, `sloped`; `exact` are drawn."""

    sloped: list[str]
    exact: list[Joint]
    closed: tuple[str, ...]


def wish_of(program: Program, marginalise: str | bool | Sequence[str]) -> Wish:
    """What a user asked to sum out. Raises EbmError E606 for an unknown name, E704 for what is none."""
    if isinstance(marginalise, bool):
        return marginalise
    if isinstance(marginalise, str):
        if marginalise == "auto":
            return marginalise
        known = marginalise in program.unknowns
        raise complain(
            "E704",
            f'`marginalise` is "auto", True, False or a list of names, not {marginalise!r}',
            helps=[f'marginalise=["{marginalise}"]'] if known else [],
        )
    for name in marginalise:
        if name not in program.unknowns:
            near = nearest(str(name), list(program.unknowns))
            raise complain(
                "E606",
                f"the model has no variable `{name}` to sum out",
                helps=[f"did you mean `{near}`?"] if near else [],
            )
    return tuple(marginalise)


def lone(facts: VariableFacts, entries: Entries | None = None) -> bool:
    """Whether provably no two free sites of a variable interact."""
    if facts.complete:
        return False
    if not facts.couples:
        return True
    if entries is None or facts.edges is None:
        return False
    edges = among(facts.edges, entries.free, entries.total)
    return edges is not None and len(edges) == 0


def closing(
    structure: Structure,
    sampler: str,
    wish: Wish,
    discrete: Sequence[str],
    sloped: Sequence[str],
    exact: Sequence[Joint],
    spare: Sequence[Joint],
    entries: Mapping[str, Entries],
) -> Closing:
    """What to sum out beside variables that follow slopes.

    `exact`: continuous groups that are drawn exactly anyway, `spare`: those that could be, and
    follow slopes if they are not integrated. A sampler asked for by name moves every continuous
    variable: with "auto" only discrete ones are summed beside it.
    """
    if wish is False:
        return Closing([*sloped, *_names(spare)], list(exact), ())
    lying = [n for n in discrete if lone(structure.variables[n], entries.get(n))]
    if wish != "auto":
        return _wished(structure, wish, lying, sloped, [*exact, *spare], entries)
    if not sloped and not spare:
        return Closing([], list(exact), ())
    groups = [(n,) for n in lying]
    if sampler == "auto":
        pays = [j for j in _by_size([*exact, *spare], entries) if _pays(structure, j, entries)]
        groups += [j.variables for j in pays]
    closed = _apart(structure, groups, {*sloped, *_names(spare)})
    kept = [j for j in spare if j.variables in closed]
    moving = [*sloped, *(n for j in spare if j not in kept for n in j.variables)]
    if not moving:
        return Closing([], [*exact, *spare], ())
    met = [g for g in closed if meets(structure, g, moving)]
    left = [n for j in kept if j.variables not in met for n in j.variables]
    return Closing([*moving, *left], [*exact, *(j for j in kept if j.variables in met)], _flat(met))


def _wished(
    structure: Structure,
    wish: Wish,
    lying: Sequence[str],
    sloped: Sequence[str],
    groups: Sequence[Joint],
    entries: Mapping[str, Entries],
) -> Closing:
    """Sum out what was asked for; every other continuous variable follows slopes."""
    ordered = [(n,) for n in lying] + [j.variables for j in _by_size(groups, entries)]
    if isinstance(wish, tuple):
        ordered = [g for g in ordered if set(g) <= set(wish)]
    closed = _apart(structure, ordered)
    exact = [j for j in groups if j.variables in closed]
    moving = [*sloped, *(n for j in groups if j not in exact for n in j.variables)]
    return Closing(moving, exact, _flat(closed) if moving else ())


def _apart(
    structure: Structure,
    groups: Sequence[tuple[str, ...]],
    moving: Iterable[str] | None = None,
) -> list[tuple[str, ...]]:
    """Groups in turn that meet none before them, and something that moves where that is said."""
    found: list[tuple[str, ...]] = []
    for group in groups:
        free = moving is None or meets(structure, group, {*moving} - {*group})
        if free and not any(meets(structure, group, other) for other in found):
            found.append(group)
    return found


def meets(structure: Structure, group: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a variable of the group meets one of the others."""
    there = set(others)
    return any(structure.variables[n].meets & there for n in group)


def _pays(structure: Structure, joint: Joint, entries: Mapping[str, Entries]) -> bool:
    """Whether a free energy costs less than what it saves.

    Sites that stand alone cost a slope or two. A factor costs a product with the Hessian for each
    site: that pays for a few sites, and where their own density has a scale that is sampled, as in
    hierarchies and Gaussian processes, since such a funnel is hard for every path along slopes.
    """
    if not joint.couples:
        return True
    if joint.offers is None or joint.offers.factor is None:
        return False
    cost = min(c.each(False) for c in joint.offers.costs if c.way != "coloured")
    sites = sum(len(entries[n].free) for n in joint.variables)
    return cost < MOST_OPERATIONS and (sites <= FEW_SITES or _scaled(structure, joint))


def _scaled(structure: Structure, joint: Joint) -> bool:
    """Whether the density of a variable in the group leans on an unknown outside of it."""
    return any(
        energy.density
        and energy.name.removesuffix(" ~") in joint.variables
        and any(s.name not in joint.variables for s in unknowns(energy.term))
        for energy in structure.extended
    )


def _by_size(groups: Iterable[Joint], entries: Mapping[str, Entries]) -> list[Joint]:
    return sorted(groups, key=lambda j: -sum(len(entries[n].free) for n in j.variables))


def _names(groups: Iterable[Joint]) -> list[str]:
    return [n for j in groups for n in j.variables]


def _flat(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(n for g in groups for n in g)


def not_closed(symbol: Symbol, facts: VariableFacts) -> str:
    """Why a variable that was to be summed out cannot be."""
    if facts.couples or facts.complete:
        return f"sites of `{symbol.name}` interact: its sum has no closed form"
    if symbol.domain.discrete:
        return f"`{symbol.name}` meets another that is summed out"
    return f"`{symbol.name}` is continuous, and the energy is not a bowl of second degree in it"
