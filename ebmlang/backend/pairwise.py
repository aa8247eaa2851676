"""A variable's energy as a quadratic form: fields and couplings as arrays, from parameters.

With all else held, E = const + sum_i g_i x_i + sum_{i<j} J_ij x_i x_j over the free sites, a category
being its one-hot. The fields g are the slope where every free site is 0; J is the same whatever the
configuration is, and made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.couplings import Coupling, couplings_of
from ..semantics.terms import Kind, NamedEnergy
from .coefficients import coefficient
from .conditionals import Situation, both, states_of
from .energy import State, Target
from .sites import Sites


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    """The fields and couplings of the free sites of a binary, spin or category variable.

    `labels`: states of a category, else 1; `energies`: the extended ones it is made of. Entries are
    numbered site by site, labels last.
    """

    target: Target
    name: str
    sites: Sites
    labels: int
    couplings: tuple[Coupling, ...]
    energies: tuple[NamedEnergy, ...]

    @property
    def number(self) -> int:
        """How many entries: sites times labels."""
        return self.sites.number * self.labels

    @cached_property
    def _place(self) -> np.ndarray:
        return self.sites.places

    @cached_property
    def listed(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Entries of both sites of every instance of each coupling, flat.

        -1 where one is not free, or a condition fails.
        """
        found = []
        for coupling in self.couplings:
            lengths = [self.target.world.length(axis) for axis in coupling.axes]
            first, second = (
                np.where(coupling.holds, self._freed(entry), -1)
                for entry in (coupling.first, coupling.second)
            )
            found.append(
                tuple(np.broadcast_to(entry, lengths).reshape(-1) for entry in (first, second))
            )
        return tuple(found)

    def _freed(self, entry: np.ndarray) -> np.ndarray:
        site = self._place[np.maximum(entry, 0) // self.labels]
        return np.where((entry < 0) | (site < 0), -1, site * self.labels + entry % self.labels)

    def values(self, situation: Situation) -> list[Any]:
        """The size of every instance of each coupling, flat, in nats."""
        lowering = self.target.lowering(situation.params, {}, situation.given)
        return [coefficient(c.monomial, c.axes, lowering).reshape(-1) for c in self.couplings]

    def own(self, situation: Situation) -> Any:
        """What a site's product with itself adds to its field: x^2 is x where x is 0 or 1."""
        total = jnp.zeros(self.number, jnp.result_type(float))
        if self.sites.symbol.domain.kind is Kind.SPIN:
            return total
        for (first, second), value in zip(self.listed, self.values(situation), strict=True):
            same = np.flatnonzero((first == second) & (first >= 0))
            if len(same):
                total = total.at[first[same]].add(value[same])
        return total

    def dense(self, situation: Situation) -> Any:
        """J [entry, entry], symmetric, zero within a site; in nats."""
        total = jnp.zeros((self.number, self.number), jnp.result_type(float))
        for coupling, (first, second), value in zip(
            self.couplings, self.listed, self.values(situation), strict=True
        ):
            whole = self._whole(coupling, value)
            if whole is not None:
                total = total + whole
            else:
                keep = np.flatnonzero((first >= 0) & (second >= 0))
                total = total.at[first[keep], second[keep]].add(value[keep])
        blocks = (total + total.T).reshape((self.sites.number, self.labels) * 2)
        apart = 1 - np.eye(self.sites.number, dtype=bool)
        return (blocks * apart[:, None, :, None]).reshape(self.number, self.number)

    def _whole(self, coupling: Coupling, value: Any) -> Any | None:
        """The instances as a matrix where the axes lie as its rows and columns do: no scatter."""
        lengths = [self.target.world.length(axis) for axis in coupling.axes]
        first, second = self._freed(coupling.first), self._freed(coupling.second)
        rows = [k for k, n in enumerate(first.shape) if n > 1 or lengths[k] == 1 < second.shape[k]]
        columns = [k for k in range(len(lengths)) if k not in rows]
        if any(second.shape[k] > 1 for k in rows):
            return None
        straight = np.arange(self.number)
        for entry, axes in ((first, rows), (second, columns)):
            if [entry.shape[k] for k in axes] != [lengths[k] for k in axes]:
                return None
            if not np.array_equal(entry.reshape(-1), straight):
                return None
        return value.reshape(lengths).transpose(rows + columns).reshape(self.number, self.number)

    @cached_property
    def _pairs(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each coupling its instances between two sites, and the entries [instance, 2] there.

        The entry of the lower site comes first.
        """
        found = []
        for first, second in self.listed:
            apart = first // self.labels != second // self.labels
            keep = np.flatnonzero((first >= 0) & (second >= 0) & apart)
            pair = np.stack([first[keep], second[keep]], axis=1)
            found.append((keep, np.sort(pair, axis=1)))
        return tuple(found)

    @cached_property
    def edges(self) -> np.ndarray:
        """Pairs [edge, 2] of free sites with a coupling, the smaller first."""
        keys = [self._key(pair // self.labels) for _, pair in self._pairs]
        every = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]))
        return np.stack([every // self.sites.number, every % self.sites.number], axis=1)

    def _key(self, pair: np.ndarray) -> np.ndarray:
        return pair[:, 0] * self.sites.number + pair[:, 1]

    def weights(self, situation: Situation) -> Any:
        """J of every edge, [edge], or for a category [edge, label of the smaller, label]; in nats."""
        each = self.labels**2
        total = jnp.zeros(len(self.edges) * each, jnp.result_type(float))
        keys = self._key(self.edges)
        for (keep, pair), value in zip(self._pairs, self.values(situation), strict=True):
            slot = np.searchsorted(keys, self._key(pair // self.labels)) * each
            low, high = (pair % self.labels).T
            slot = slot + low * self.labels + high
            if len(keep) == len(total) and len(np.unique(slot)) == len(total):
                total = total + value[keep[np.argsort(slot)]]
            else:
                total = total.at[slot].add(value[keep])
        return total if self.labels == 1 else total.reshape(-1, self.labels, self.labels)

    def fields(self, situation: Situation, state: State) -> Any:
        """The slope of the energy at every free entry where all of them are 0, [entry], in nats."""
        opened = self.target.opened(state)
        shape = self.sites.shape + ((self.labels,) if self.labels > 1 else ())
        taken = self._free_rows(opened[self.name])
        at = opened | {self.name: taken.reshape(shape)}

        def energy(value: Any) -> Any:
            there = at | {self.name: value}
            return self.target.extended(situation.params, there, situation.given, self.energies)

        slope = both(self.sites.symbol, jax.grad(energy)(at[self.name]))
        rows = slope.reshape(-1, self.labels)
        return rows[self.sites.free].reshape(-1)

    def _free_rows(self, value: Any) -> Any:
        rows = value.reshape(-1, self.labels)
        kept = np.zeros(rows.shape[0], bool)
        kept[self.sites.free] = True
        if self.sites.mirror is not None:
            kept[self.sites.mirror] = True
        return jnp.where(kept[:, None], 0.0, rows)


def quadratic_form(
    target: Target, name: str, sites: Sites, energies: tuple[NamedEnergy, ...] | None = None
) -> QuadraticForm | None:
    """The quadratic form of a variable, or None where its energy is of another kind.

    `energies`: the extended ones that make it; all in which the variable stands if not said.
    """
    symbol = target.program.unknowns[name]
    labels = 1
    if symbol.domain.kind is Kind.CATEGORY:
        labels = len(states_of(symbol, target))
    elif symbol.domain.kind not in (Kind.BINARY, Kind.SPIN):
        return None
    chosen = target.touching([name]) if energies is None else energies
    setting = target.structure.setting
    found = couplings_of(name, chosen, target.program.unknowns, labels, setting)
    if found is None:
        return None
    return QuadraticForm(target, name, sites, labels, found, chosen)
