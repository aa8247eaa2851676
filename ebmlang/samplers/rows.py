"""Gibbs on sparse couplings of categories: a neighbour's label picks a row of the coupling's table.

The one-hot slope would multiply every table with every label; a gather reads one row of it.
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
from .neighbours import Neighbours, neighbours_of
from .noise import pick, uniform_rows
from .paired import free_colours


@dataclass(frozen=True, eq=False)
class RowWay:
    """Categories whose neighbours stand in tables, colour by colour.

    `colours` [dims] numbers the colour of each free site, -1 where a value is held.
    """

    form: QuadraticForm
    colours: np.ndarray
    name = "neighbours"

    @cached_property
    def layout(self) -> Neighbours:
        """The neighbours of each colour. Raises InternalError if two of them share one."""
        own, edges = free_colours(self.form, self.colours), self.form.edges
        return neighbours_of(edges, own)

    @cached_property
    def _directed(self) -> tuple[np.ndarray, ...]:
        """For each segment the number [site, slot] of the table of a coupling, seen from the site.

        Tables are numbered from the smaller site, then those from the larger, then one of zeros.
        """
        number, found = len(self.form.edges), []
        smaller = np.append(self.form.edges[:, 0], -1)
        for rows, segment in zip(self.layout.rows, self.layout.segments, strict=True):
            mine = smaller[segment.edges] == self.layout.order[rows][:, None]
            found.append(np.where(mine, segment.edges, segment.edges + number))
        return tuple(np.minimum(each, 2 * number).astype(np.int32) for each in found)

    def tables(self, situation: Situation) -> Any:
        """Rows [table * label of the neighbour, own label] of all couplings."""
        weights, labels = self.form.weights(situation), self.form.labels
        none = jnp.zeros((1, labels, labels), weights.dtype)
        rows = jnp.concatenate([jnp.swapaxes(weights, 1, 2), weights, none])
        return rows.reshape(-1, labels)

    def pulls(self, x: Any, tables: Any) -> Any:
        order = self.layout.order
        wide = x[order][:, None]
        found = [
            jnp.broadcast_to(
                self._pull(k, wide, tables)[:, 0], (s.last - s.first, self.form.labels)
            )
            for k, s in enumerate(self.layout.segments)
        ]
        return jnp.concatenate(found)[np.argsort(order)].reshape(-1)

    def _pull(self, number: int, x: Any, rows: Any) -> Any:
        """The sum of the rows that the neighbours of one segment pick, [site, chain, label]."""
        neighbours, tables = self.layout.segments[number].neighbours, self._directed[number]
        labels = self.form.labels
        total = jnp.zeros((neighbours.shape[0], x.shape[1], labels), rows.dtype)
        if not neighbours.shape[1]:
            return total

        def slot(k: Any, total: Any) -> Any:
            label = x[jnp.asarray(neighbours)[:, k]]
            return total + rows[jnp.asarray(tables)[:, k, None] * labels + label]

        return jax.lax.fori_loop(0, neighbours.shape[1], slot, total)

    def sweeps(self, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        """Every colour in turn. Shapes: x [site, chain], fields [entry, chain or 1]."""
        layout, labels = self.layout, self.form.labels
        slopes = jnp.moveaxis(fields.reshape(-1, labels, fields.shape[1]), 1, 2)[layout.order]
        scale = jnp.asarray(beta)[..., None]

        def sweep(number: Any, x: Any) -> Any:
            at = uniform_rows(walk.seed, x.shape[0], tables.dtype, walk.first + jnp.uint32(number))
            for k, here in enumerate(layout.rows):
                energy = slopes[here] + self._pull(k, x, tables)
                x = layout.put(k, x, pick(-scale * energy, at[here]).astype(x.dtype))
            return x

        moved = jax.lax.fori_loop(0, walk.number, sweep, x[layout.order])
        return moved[np.argsort(layout.order)]
