"""Gibbs on sparse couplings: each site from the fields of its own neighbours, colour by colour.

A sweep reads each coupling twice, whatever the number of colours; the slope of the whole energy
would read all of them once a colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import proper
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.pairwise import QuadraticForm
from ..backend.sites import Sites
from ..syntax.diagnostics import InternalError
from .block import Key, Moved, Walk
from .diagonals import Diagonals, diagonals_of
from .gibbs import exactly
from .layout import Update, chains_last
from .neighbours import Neighbours, neighbours_of
from .noise import coins_rows, rises, seed_of
from .paired import Fields, put, taken, upper_odds, values_where


@dataclass(frozen=True, eq=False)
class SparseGibbs:
    """Binary or spin sites whose neighbours stand in tables, or at fixed shifts on a lattice.

    `colours` [dims] numbers the colour of each free site, -1 where a value is held.
    """

    form: QuadraticForm
    fields: Fields
    colours: np.ndarray
    method: str = "gibbs"

    @property
    def name(self) -> str:
        """The variable."""
        return self.form.name

    @property
    def sites(self) -> Sites:
        """Its free sites."""
        return self.form.sites

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.form.name,)

    @property
    def number(self) -> int:
        """How many colours there are."""
        return int(self.colours.max(initial=-1)) + 1

    @cached_property
    def layout(self) -> Diagonals | Neighbours:
        """Where the neighbours of each colour are found. Raises InternalError if two share one."""
        own, edges = self.colours.reshape(-1)[self.sites.free], self.form.edges
        if not proper(own, edges):
            raise InternalError(f"two sites of `{self.name}` that interact share a colour")
        return diagonals_of(edges, own) or neighbours_of(edges, own)

    @cached_property
    def _update(self) -> Update:
        return chains_last(self._sweeps)

    def tables(self, situation: Situation) -> Any:
        weights = jnp.append(self.form.weights(situation), 0.0)
        return self.fields.tables(situation), self.layout.tables(weights)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return jnp.zeros((), jnp.uint32)

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        return self.walk(Walk(seed_of(key), jnp.uint32(0), 1), situation, state, inner)

    def walk(self, walk: Walk, situation: Situation, state: State, inner: Any) -> Moved:
        """Several sweeps in a row, without leaving the sorted layout."""
        fields, tables = situation.tables
        slopes = self.fields.of(fields, situation, state)
        x = taken(self.form, state)
        moved = self._update(x, slopes, walk, tables, situation.beta)
        return exactly(put(self.form, state, moved), inner, walk.number)

    def odds(self, situation: Situation, state: State) -> Any:
        """Log-odds of the upper state of every free site given all others, [site]."""
        fields, tables = situation.tables
        order = self.layout.order
        carried = self.layout.opened(taken(self.form, state)[order][:, None])
        pulls = [
            jnp.broadcast_to(self.layout.pull(k, carried, table), (rows.stop - rows.start, 1))
            for k, (rows, table) in enumerate(zip(self.layout.rows, tables, strict=True))
        ]
        found = jnp.concatenate(pulls)[:, 0][np.argsort(order)]
        slopes = self.fields.of(fields, situation, state)
        return upper_odds(self.sites.symbol.domain.kind, slopes + found, situation.beta)

    def _sweeps(self, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        """Every colour in turn. Shapes: x [site, chain], fields [site, chain or 1]."""
        kind, layout = self.sites.symbol.domain.kind, self.layout
        fields = fields[layout.order]

        def sweep(number: Any, carried: Any) -> Any:
            coins = coins_rows(walk.seed, x.shape[0], x.dtype, walk.first + jnp.uint32(number))
            for colour, (rows, table) in enumerate(zip(layout.rows, tables, strict=True)):
                slope = fields[rows] + layout.pull(colour, carried, table)
                up = rises(coins.at(rows), upper_odds(kind, slope, beta))
                carried = layout.put(colour, carried, values_where(kind, up, x.dtype))
            return carried

        carried = jax.lax.fori_loop(0, walk.number, sweep, layout.opened(x[layout.order]))
        return layout.closed(carried)[np.argsort(layout.order)]
