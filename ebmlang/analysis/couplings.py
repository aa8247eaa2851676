"""The quadratic form of a variable, entry by entry: where each coupling stands, found without running.

The numbers of both sites are listed over the axes of their subscripts; the size of each coupling
follows later from parameters, as an array over the same axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..semantics.terms import Index, NamedEnergy, Read, Symbol
from .instances import BUDGET, Undecided, axes_of, count
from .interactions import Setting, site_numbers, site_subscripts
from .monomials import Monomial, pairs_of


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """A product of two sites at every instance of `axes`.

    `first`, `second`: flat numbers of the entries, or for a category of (entry, label) with the
    label last; broadcastable to the lengths of the axes. -1 where there is no site. `holds`: where
    the conditions do, likewise broadcastable.
    """

    monomial: Monomial
    axes: tuple[Index, ...]
    first: np.ndarray
    second: np.ndarray
    holds: np.ndarray


def couplings_of(
    name: str,
    energies: Iterable[NamedEnergy],
    sites: Mapping[str, Symbol],
    labels: int,
    setting: Setting,
) -> tuple[Coupling, ...] | None:
    """The couplings of a variable, or None where they cannot be listed.

    `energies`: the extended ones; `labels`: states of a category, 1 for other types.
    """
    pairs = pairs_of(energies, name)
    if pairs is None or setting.world is None:
        return None
    try:
        return tuple(_listed(pair, sites, labels, setting) for pair in pairs)
    except Undecided:
        return None


def _listed(pair: Monomial, sites: Mapping[str, Symbol], labels: int, setting: Setting) -> Coupling:
    first, second = pair.reads
    axes = axes_of((*first.subscripts, *second.subscripts))
    assert setting.world is not None
    if count(axes, setting.world) > BUDGET:
        raise Undecided
    one, other = (_entries(read, axes, sites, labels, setting) for read in (first, second))
    return Coupling(pair, tuple(axes), one, other, _holds(pair, axes, setting))


def _holds(pair: Monomial, axes: list[Index], setting: Setting) -> np.ndarray:
    """Where the conditions on the axes hold; one on other indices is left to the coefficient."""
    holds = np.ones((1,) * len(axes), bool)
    for condition in pair.conditions:
        if set(axes_of([condition])) <= set(axes):
            try:
                holds = holds & (setting.evaluate(condition, axes) != 0)
            except Undecided:
                continue
    return holds


def _entries(
    read: Read,
    axes: list[Index],
    sites: Mapping[str, Symbol],
    labels: int,
    setting: Setting,
) -> np.ndarray:
    places = site_subscripts(read, sites)
    number, inside = site_numbers(read, places, axes, sites, setting)
    label = np.asarray(0)
    for subscript in read.subscripts[len(places) :]:
        label = setting.evaluate(subscript, axes).astype(np.int64)
        inside = inside & (label >= 0) & (label < labels)
    entry = np.where(inside, number * labels + label, -1)
    return entry.reshape((1,) * (len(axes) - entry.ndim) + entry.shape)
