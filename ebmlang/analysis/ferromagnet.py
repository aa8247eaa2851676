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
    """That equal neighbours lower the energy: for all parameters, or only for those at the start.

    `factors`: what is never below 0, or starts so, as written.
    """

    always: bool
    factors: str


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
    factors: list[Term] = []
    for coupling in found[0]:
        first, second = _entries(coupling)
        if np.array_equal(first // found[1], second // found[1]):
            continue  # a site beside itself
        size = coupling.monomial.coefficient
        for factor in coupling.monomial.factors:
            if isinstance(factor, Constant):
                size *= factor.value
            else:
                factors.append(factor)
        if size > 0:
            return None
    loose = [f for f in factors if not nonnegative(f)]
    if not all(_starts_nonnegative(f, starts) for f in loose):
        return None
    return Alignment(not loose, _listed(loose or factors))


def _listed(factors: list[Term]) -> str:
    texts = dict.fromkeys(" ".join(f.span.text.split()) for f in factors)
    return ", ".join(f"`{text}`" for text in texts)


def advice(
    structure: Structure, name: str, starts: Mapping[str, ParameterFacts]
) -> tuple[str, str] | None:
    """Whether clusters are worth a try, or possible, and why in words; None if they cannot be had."""
    if obstacle_to_clusters(structure, name) is not None:
        return None
    found = alignment(structure, name, starts)
    match found:
        case None if structure.variables[name].symbol.domain.kind is Kind.CATEGORY:
            return "possible", "where equal labels lower E"
        case None:
            return "possible", "exact, but of little use where couplings compete"
        case Alignment(always=True, factors=""):
            why = "equal neighbours lower E"
        case Alignment(always=True, factors=text):
            why = f"equal neighbours lower E, {text} being never below 0"
        case Alignment(factors=text):
            why = f"equal neighbours lower E while {text} stays at 0 or above, as at the start"
    return "worth a try", f"{why}: single sites are slow where they begin to order"


def _starts_nonnegative(factor: Term, starts: Mapping[str, ParameterFacts]) -> bool:
    match factor:
        case Read(symbol=symbol) if symbol.role is Role.PARAM and symbol.name in starts:
            init = starts[symbol.name].init
            return isinstance(init, Constant) and init.value >= 0
        case _:
            return False
