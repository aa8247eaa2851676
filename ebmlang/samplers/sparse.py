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

from ..backend.conditionals import Situation
from ..backend.pairwise import QuadraticForm
from .block import Walk
from .diagonals import Diagonals, diagonals_of
from .neighbours import Neighbours, neighbours_of
from .noise import coins_rows, rises
from .paired import free_colours, upper_odds, values_where


@dataclass(frozen=True, eq=False)
class SparseWay:
    """Binary or spin sites whose neighbours stand in tables, or at fixed shifts on a lattice.

    `colours` [dims] numbers the colour of each free site, -1 where a value is held.
    """

    form: QuadraticForm
    colours: np.ndarray
    name = "neighbours"

    @cached_property
    def layout(self) -> Diagonals | Neighbours:
        """Where the neighbours of each colour are found. Raises InternalError if two share one."""
        own, edges = free_colours(self.form, self.colours), self.form.edges
        return diagonals_of(edges, own) or neighbours_of(edges, own)

    def tables(self, situation: Situation) -> Any:
        return self.layout.tables(jnp.append(self.form.weights(situation), 0.0))

    def pulls(self, x: Any, tables: Any) -> Any:
        order = self.layout.order
        carried = self.layout.opened(x[order][:, None])
        found = [
            jnp.broadcast_to(self.layout.pull(k, carried, table), (rows.stop - rows.start, 1))
            for k, (rows, table) in enumerate(zip(self.layout.rows, tables, strict=True))
        ]
        return jnp.concatenate(found)[:, 0][np.argsort(order)]

    def sweeps(self, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        """Every colour in turn. Shapes: x [site, chain], fields [site, chain or 1]."""
        kind, layout = self.form.sites.symbol.domain.kind, self.layout
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
