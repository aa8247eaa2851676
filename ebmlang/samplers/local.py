"""Gibbs by differences: each value of a site tried on the pieces of energy that it touches.

What is of first degree in each site comes from a slope or from couplings; what is curved, from its
own instances. All sites of a colour at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import number_of
from ..analysis.differences import split
from ..analysis.instances import Undecided
from ..backend.conditionals import Situation, both, states_of
from ..backend.differences import Piece, opened_lowering
from ..backend.energy import State, Target, stored_type
from ..backend.known import mask_of
from ..backend.pairwise import QuadraticForm, quadratic_form
from ..backend.sites import Sites
from ..semantics.terms import Kind, NamedEnergy
from .block import Key, Moved
from .gibbs import exactly
from .noise import pick, uniform
from .paired import Fields, stays

MOST_TOUCHED = 4_000_000
MOST_ENTRIES = 4096
FEW_COLOURS = 8


@dataclass(frozen=True, eq=False)
class LocalGibbs:
    """A discrete variable whose energy is curved in some sites, colour by colour, exactly.

    `colours` [dims] as in GradientGibbs; `flat`: the energies of first degree in each site, read
    from `fields` where that is cheaper than a slope a colour.
    """

    target: Target
    name: str
    sites: Sites
    colours: np.ndarray
    flat: tuple[NamedEnergy, ...]
    pieces: tuple[Piece, ...]
    fields: Fields | None
    method: str = "gibbs"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def number(self) -> int:
        """How many colours there are."""
        return number_of(self.colours)

    @cached_property
    def _turns(self) -> np.ndarray:
        """The free sites of each colour, [colour, site], filled up with the number past the last."""
        own = self.colours.reshape(-1)[self.sites.free]
        turns = [np.flatnonzero(own == colour) for colour in range(self.number)]
        width = max(map(len, turns))
        fill = self.sites.number
        return np.array([np.pad(t, (0, width - len(t)), constant_values=fill) for t in turns])

    @property
    def _category(self) -> bool:
        return self.sites.symbol.domain.kind is Kind.CATEGORY

    def tables(self, situation: Situation) -> Any:
        """The weights of the pieces' sums, and fields and couplings of the flat part."""
        weights = tuple(piece.weights(situation) for piece in self.pieces)
        if self.fields is None:
            return weights, ()
        return weights, (self.fields.tables(situation), self.fields.form.dense(situation))

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        values = jnp.asarray(states_of(self.sites.symbol, self.target))
        noise = uniform(key, (self.sites.number,))
        table = self._flat_fields(situation, state)

        def turn(state: State, picks: Any) -> tuple[State, None]:
            found = pick(self._log_weights(situation, state, table, picks), noise[picks])
            now = self.sites.take(state[self.name])
            new = values[found].astype(stored_type(self.sites.symbol))
            moved = now.at[picks].set(new, mode="drop")
            return state | {self.name: self.sites.put(state[self.name], moved)}, None

        moved, _ = jax.lax.scan(turn, state, jnp.asarray(self._turns))
        return exactly(moved, inner, self.number)

    def odds(self, situation: Situation, state: State) -> Any:
        """Log weights of every value of every free site given all others, [site, value]."""
        every = jnp.arange(self.sites.number)
        return self._log_weights(situation, state, self._flat_fields(situation, state), every)

    def _flat_fields(self, situation: Situation, state: State) -> Any:
        if self.fields is None:
            return ()
        return self.fields.of(situation.tables[1][0], situation, state)

    def _log_weights(self, situation: Situation, state: State, fields: Any, picks: Any) -> Any:
        """-beta E [site, value] of some free sites, each given all others."""
        values = jnp.asarray(states_of(self.sites.symbol, self.target), jnp.result_type(float))
        now = self.sites.take(state[self.name])[picks].astype(values.dtype)
        energy = self._flat(situation, state, fields, picks, values)
        if self.pieces:
            lowering = opened_lowering(self.target, situation, state)
            for piece, weights in zip(self.pieces, situation.tables[0], strict=True):
                energy = energy + piece.tried(lowering, weights, picks, now, values)
        if mask_of(self.name) in situation.given:
            known = self.sites.take(situation.given[mask_of(self.name)])[picks]
            energy = jnp.where(known[:, None], 0.0, energy)
        return -situation.beta * energy

    def _flat(
        self, situation: Situation, state: State, fields: Any, picks: Any, values: Any
    ) -> Any:
        if not self.flat:
            return jnp.zeros((picks.shape[0], len(values)))
        if self.fields is None:
            slope = self._slope(situation, state)[picks]
        else:
            labels = self.fields.form.labels
            x = self._entries(state)
            rows = situation.tables[1][1].reshape(-1, labels, len(x))[picks]
            slope = fields.reshape(-1, labels)[picks] + rows @ x
            slope = slope if self._category else slope[:, 0]
        return slope if self._category else slope[:, None] * values

    def _slope(self, situation: Situation, state: State) -> Any:
        """dE/dx of the flat energies by every free site, [site] or [site, label]."""
        opened = self.target.opened(state)

        def energy(value: Any) -> Any:
            there = opened | {self.name: value}
            return self.target.extended(situation.params, there, situation.given, self.flat)

        slope = both(self.sites.symbol, jax.grad(energy)(opened[self.name]))
        return self.sites.take_opened(slope)

    def _entries(self, state: State) -> Any:
        """The free entries of the variable as real numbers, one-hot for categories."""
        return self.sites.take_opened(self.target.opened(state)[self.name]).reshape(-1)


def local_block(target: Target, name: str, sites: Sites, colours: np.ndarray) -> LocalGibbs | None:
    """Gibbs by differences for a discrete variable, or None where its pieces cannot be listed."""
    symbol, structure = target.program.unknowns[name], target.structure
    labels = len(states_of(symbol, target)) if symbol.domain.kind is Kind.CATEGORY else 1
    try:
        found = split(name, target.touching([name]), target.program.unknowns, structure.setting)
        pieces = tuple(Piece(target, name, sites, labels, curved) for curved in found.curved)
        touched = sum(piece.touched.instances.size for piece in pieces)
    except Undecided:
        return None
    if touched * len(states_of(symbol, target)) > MOST_TOUCHED:
        return None
    block = LocalGibbs(target, name, sites, colours, found.flat, pieces, None)
    many = block.number > FEW_COLOURS and name not in target.partly
    form = _form(target, name, sites, found.flat) if many else None
    if form is None:
        return block
    fields = Fields(form, stays(form, structure.variables[name].meets))
    return LocalGibbs(target, name, sites, colours, found.flat, pieces, fields)


def _form(
    target: Target, name: str, sites: Sites, flat: tuple[NamedEnergy, ...]
) -> QuadraticForm | None:
    form = quadratic_form(target, name, sites, flat)
    return form if form is not None and form.number <= MOST_ENTRIES else None
