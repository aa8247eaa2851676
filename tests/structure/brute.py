"""All states of a small program, their energies, and what brute force says of its structure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.semantics.terms import Kind, Symbol

States = dict[str, np.ndarray]


@dataclass(frozen=True)
class Site:
    """One unknown number: its variable, its flat places in the array, the values it takes."""

    name: str
    places: tuple[int, ...]
    values: tuple[float, ...]


def sites_of(symbol: Symbol, shape: tuple[int, ...], labels: int) -> list[Site]:
    """The sites of a discrete array, found from its declaration alone."""
    match symbol.domain.kind:
        case Kind.BINARY:
            values: tuple[float, ...] = (0.0, 1.0)
        case Kind.SPIN:
            values = (-1.0, 1.0)
        case Kind.CATEGORY:
            values = tuple(range(labels))
        case _:
            low, high = symbol.domain.lower, symbol.domain.upper
            values = tuple(range(int(low.constant), int(high.constant) + 1))  # type: ignore[union-attr]
    found = []
    numbers = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    for place in np.ndindex(shape):
        if symbol.hollow and place[0] == place[1]:
            continue
        if symbol.symmetric and place[0] > place[1]:
            continue
        twin = (int(numbers[place[::-1]]),) if symbol.symmetric else ()
        found.append(Site(symbol.name, tuple(sorted({int(numbers[place]), *twin})), values))
    return found


@dataclass(frozen=True)
class Table:
    """Energies of all states, one axis a site."""

    model: ebm.Model
    params: dict[str, Any]
    sites: list[Site]
    states: States
    energies: np.ndarray

    def axis(self, name: str, place: int) -> int:
        """The axis of a site by a flat place of its variable."""
        return next(k for k, s in enumerate(self.sites) if s.name == name and place in s.places)

    def axes(self, name: str) -> list[int]:
        """The axes of a variable."""
        return [k for k, s in enumerate(self.sites) if s.name == name]

    def situation(self, beta: float = 1.0) -> Situation:
        """What conditionals take beside the state."""
        return Situation(self.params, self.model.given(), beta)

    def interact(self, a: int, b: int) -> float:
        """The largest mixed difference of the energy by two sites, over all states."""
        return mixed(self.energies, a, b)


def mixed(energies: np.ndarray, a: int, b: int) -> float:
    """max |E(a, b) - E(a', b) - E(a, b') + E(a', b')| over values and all other sites."""
    moved = np.moveaxis(energies, (a, b), (0, 1))
    difference = moved - moved[:1] - moved[:, :1] + moved[:1, :1]
    return float(np.max(np.abs(difference)))


def table(model: ebm.Model, params: dict[str, Any]) -> Table:
    """Every state of a model of discrete unknowns, and its energy in float64."""
    world = model.world
    sites: list[Site] = []
    for symbol in model.program.unknowns.values():
        labels = symbol.domain.labels
        size = world.sizes[labels.name] if labels else 0
        sites += sites_of(symbol, world.shape(symbol), size)
    every = np.array(list(itertools.product(*(s.values for s in sites))), float)
    states = {}
    for name, symbol in model.program.unknowns.items():
        shape = world.shape(symbol)
        flat = np.zeros((len(every), int(np.prod(shape, dtype=int))))
        for k, site in enumerate(sites):
            if site.name == name:
                for place in site.places:
                    flat[:, place] = every[:, k]
        whole = symbol.domain.kind in (Kind.CATEGORY, Kind.INTEGER)
        states[name] = flat.reshape(-1, *shape).astype(int if whole else float)
    with jax.enable_x64(True):
        energies = np.asarray(model.energy(params, states))
    shape = tuple(len(s.values) for s in sites)
    return Table(model, params, sites, states, energies.reshape(shape))
