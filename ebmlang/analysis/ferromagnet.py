"""Whether the sites of a variable are coupled in pairs that clusters can follow, and whether they align."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..semantics.terms import Constant, Kind, ParameterFacts, Read, Role, Term
from .couplings import Coupling, couplings_of
from .growth import nonnegative
from .structure import Structure

KINDS = (Kind.BINARY, Kind.SPIN, Kind.CATEGORY)


@dataclass(frozen=True, slots=True)
class Alignment:
    """That equal neighbours lower the energy: for all parameters, or only for those at the start."""

    always: bool
    reason: str


def _couplings(structure: Structure, name: str) -> tuple[tuple[Coupling, ...], int] | None:
    facts, world = structure.variables[name], structure.setting.world
    domain = facts.symbol.domain
    if domain.kind not in KINDS or not facts.couples or world is None:
        return None
    labels = world.size(domain.labels) if domain.labels is not None else 1
    energies = [e for e in structure.extended if e.name in facts.energies]
    symbols = {n: f.symbol for n, f in structure.variables.items()}
    found = couplings_of(name, energies, symbols, labels, structure.setting)
    return None if not found else (found, labels)


def _entries(coupling: Coupling) -> tuple[np.ndarray, np.ndarray]:
    """Entries of both sites where both are there."""
    first, second = np.broadcast_arrays(coupling.first, coupling.second)
    there = (first >= 0) & (second >= 0)
    return first[there], second[there]


def obstacle_to_clusters(structure: Structure, name: str) -> str | None:
    """Why clusters cannot move a variable, None if they can."""
    kind = structure.variables[name].symbol.domain.kind
    if kind not in KINDS:
        return f"`{name}` is of type `{kind}`, and clusters are of binary, spin or category sites"
    if not structure.variables[name].couples:
        return f"no two sites of `{name}` interact: there are no clusters"
    found = _couplings(structure, name)
    if found is None:
        return (
            f"the energy is no sum of products of two sites of `{name}` with sizes known beforehand"
        )
    for first, second in (_entries(c) for c in found[0]):
        apart = first // found[1] != second // found[1]
        if np.any(apart & (first % found[1] != second % found[1])):
            return f"the energy couples different labels of `{name}`, and clusters need equal ones"
    return None


def alignment(
    structure: Structure, name: str, starts: Mapping[str, ParameterFacts]
) -> Alignment | None:
    """The proof that every coupling lowers the energy of equal neighbours; None if there is none."""
    found = _couplings(structure, name)
    if found is None or obstacle_to_clusters(structure, name) is not None:
        return None
    always, factors = True, []
    for coupling in found[0]:
        first, second = _entries(coupling)
        if np.array_equal(first // found[1], second // found[1]):
            continue  # a site beside itself
        pair = coupling.monomial
        if pair.coefficient > 0:
            return None
        for factor in pair.factors:
            if not nonnegative(factor):
                always = False
                if not _starts_nonnegative(factor, starts):
                    return None
            factors.append(" ".join(factor.span.text.split()))
    names = ", ".join(f"`{text}`" for text in dict.fromkeys(factors))
    reason = f"{names} {'are' if len(set(factors)) > 1 else 'is'} never below 0" if names else ""
    if not always:
        reason = f"{names} start{'s' * (len(set(factors)) == 1)} at 0 or above"
    return Alignment(always, reason)


def _starts_nonnegative(factor: Term, starts: Mapping[str, ParameterFacts]) -> bool:
    match factor:
        case Read(symbol=symbol) if symbol.role is Role.PARAM and symbol.name in starts:
            init = starts[symbol.name].init
            return isinstance(init, Constant) and init.value >= 0
        case _:
            return False
