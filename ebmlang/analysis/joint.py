"""Which quadratic real variables are drawn together, and how: jointly, or colour by colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .elimination import Elimination, Offers, among
from .quadratics import bend_of
from .structure import Structure, VariableFacts


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The free entries of an array as flat numbers, and its shape."""

    free: np.ndarray
    shape: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many entries there are, free or not."""
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Real variables with one Gaussian conditional. `offers`: None while sizes are not known."""

    variables: tuple[str, ...]
    couples: bool
    offers: Offers | None

    @property
    def matrix(self) -> Elimination | None:
        """How the precision matrix is factored; None where sites move colour by colour."""
        return None if self.offers is None or not self.couples else self.offers.best

    @property
    def way(self) -> str:
        """`joint`, or `gaussian` for single sites colour by colour."""
        if not self.couples or (self.offers is not None and self.offers.best is None):
            return "gaussian"
        return "joint"

    @property
    def fixed(self) -> bool:
        """Whether the precision matrix rests on parameters and given data alone."""
        return self.offers is not None and self.offers.fixed

    @property
    def reason(self) -> str:
        """The choice in words, with the costs that decided it."""
        if not self.couples:
            return "quadratic: every conditional is an exact Gaussian"
        if self.offers is None:
            return "quadratic: an exact Gaussian; how it is factored follows when sizes are known"
        return f"quadratic: an exact Gaussian {self.offers.reason()}"


def joints(
    structure: Structure,
    names: Sequence[str],
    entries: Mapping[str, Entries] | None,
    *,
    always: bool = False,
) -> list[Joint]:
    """Every quadratic variable in one group: those that meet and are quadratic together in one.

    `entries`: the free entries of each variable, None while sizes are not known. `always`: together
    even where drawing them in turn is cheaper.
    """
    groups: list[tuple[str, ...]] = []
    for name in names:
        meets = structure.variables[name].meets
        for k, group in enumerate(groups):
            wider = (*group, name)
            if meets & set(group) and _one(structure, wider, entries, always):
                groups[k] = wider
                break
        else:
            groups.append((name,))
    return [_joint(structure, group, entries) for group in groups]


def _one(
    structure: Structure,
    group: tuple[str, ...],
    entries: Mapping[str, Entries] | None,
    always: bool,
) -> bool:
    """Whether variables that meet are quadratic together, and cheaper to draw so."""
    if bend_of(structure.extended, group) is None:
        return False
    return always or _joint(structure, group, entries).way == "joint"


def _joint(
    structure: Structure, group: tuple[str, ...], entries: Mapping[str, Entries] | None
) -> Joint:
    facts = [structure.variables[name] for name in group]
    couples = len(group) > 1 or any(fact.couples or fact.complete for fact in facts)
    if entries is None:
        return Joint(group, couples, None)
    fixed = bend_of(structure.extended, group) == frozenset()
    if len(group) > 1:
        number = sum(len(entries[name].free) for name in group)
        colours = sum(_most(fact, entries[fact.symbol.name]) for fact in facts)
        return Joint(group, couples, Offers(number, None, (), fixed, colours))
    fact = facts[0]
    own = entries[fact.symbol.name]
    whole = len(own.free) == own.total
    known = None if fact.complete else fact.edges
    edges = among(known, own.free, own.total)
    if edges is not None and len(edges) == 0:
        couples = False
    shape = own.shape if whole else ()
    return Joint(group, couples, Offers(len(own.free), edges, shape, fixed))


def _most(facts: VariableFacts, entries: Entries) -> int:
    """At least as many colours as a variable by itself needs."""
    if facts.complete or facts.edges is None:
        return len(entries.free)
    edges = among(facts.edges, entries.free, entries.total)
    assert edges is not None
    return 1 + int(np.bincount(edges.reshape(-1), minlength=1).max())
