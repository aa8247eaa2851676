"""Gibbs on dense couplings: sites one after another, their local fields carried along in blocks.

The fields of a block of sites are one matrix product over all chains; inside the block each move
updates the fields of the sites that follow. Only a sliver of the couplings is touched a site, where
the slope of the whole energy would touch all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.pairwise import QuadraticForm
from ..semantics.terms import Kind
from .block import Walk
from .noise import coins_rows, pick_first, rises, uniform_rows
from .paired import upper_odds, values_where

BLOCK = 8


@dataclass(frozen=True, eq=False)
class DenseWay:
    """Binary, spin or category sites that may all interact, in order, one at a time."""

    form: QuadraticForm
    name = "fields"
    colours = None

    @property
    def blocks(self) -> int:
        """How many blocks of sites a sweep has; the last is filled up with sites of no effect."""
        return -(-self.form.sites.number // BLOCK)

    @property
    def _entries(self) -> int:
        return BLOCK * self.form.labels

    def tables(self, situation: Situation) -> Any:
        """Couplings [block, entry of the block, entry]; and those within each block."""
        extra = self.blocks * self._entries - self.form.number
        couplings = jnp.pad(self.form.dense(situation), ((0, extra), (0, extra)))
        rows = couplings.reshape(self.blocks, self._entries, -1)
        columns = jnp.arange(self.blocks)[:, None] * self._entries + jnp.arange(self._entries)
        within = jax.vmap(lambda row, column: row[:, column])(rows, columns)
        return rows, within

    def pulls(self, x: Any, tables: Any) -> Any:
        number = self.form.number
        opened = self._opened(x[:, None])[:number, 0]
        return tables[0].reshape(-1, tables[0].shape[-1])[:number, :number] @ opened

    def _opened(self, x: Any) -> Any:
        """Values [site, chain] as entries [entry, chain] of whole blocks: one-hot for categories."""
        if self.form.labels > 1:
            labels = np.arange(self.form.labels)[:, None]
            real = jnp.result_type(float)
            x = (x[:, None].astype(jnp.int32) == labels).astype(real).reshape(-1, x.shape[-1])
        return jnp.pad(x, ((0, self.blocks * self._entries - x.shape[0]), (0, 0)))

    def _closed(self, x: Any) -> Any:
        """Entries of whole blocks as values [site, chain]."""
        x = x[: self.form.number]
        if self.form.labels == 1:
            return x
        return jnp.argmax(x.reshape(self.form.sites.number, self.form.labels, -1), axis=1)

    def sweeps(self, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        """Every site in turn. Shapes: x [site, chain], fields [entry, chain or 1]."""
        rows, within = tables
        opened = self._opened(x)
        wide = jnp.broadcast_to(fields, (fields.shape[0], opened.shape[1]))
        wide = jnp.pad(wide, ((0, opened.shape[0] - fields.shape[0]), (0, 0)))
        wide = wide.reshape(self.blocks, self._entries, -1)

        def sweep(number: Any, x: Any) -> Any:
            noise = self._noise(walk, walk.first + jnp.uint32(number), opened.dtype)

            def block(number: Any, x: Any) -> Any:
                first = number * self._entries
                local = wide[number] + rows[number] @ x
                here = jax.lax.dynamic_slice(x, (first, 0), local.shape)
                own = jax.tree.map(lambda words: words[number], noise)
                here = self._block(here, local, within[number], own, beta)
                return jax.lax.dynamic_update_slice(x, here, (first, 0))

            return jax.lax.fori_loop(0, self.blocks, block, x)

        return self._closed(jax.lax.fori_loop(0, walk.number, sweep, opened))

    def _noise(self, walk: Walk, sweep: Any, dtype: Any) -> Any:
        """What a sweep draws from, [block, site, chain]: coins, or uniform numbers for categories."""
        draw = uniform_rows if self.form.labels > 1 else coins_rows
        drawn = draw(walk.seed, self.blocks * BLOCK, dtype, sweep)
        return jax.tree.map(lambda words: words.reshape(self.blocks, BLOCK, -1), drawn)

    def _block(self, x: Any, local: Any, within: Any, noise: Any, beta: Any) -> Any:
        """The sites of one block in turn. Shapes: x, local [entry, chain], within [entry, entry]."""
        labels = self.form.labels

        def site(number: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            x, local = carry
            own = (number * labels, 0)
            old = jax.lax.dynamic_slice(x, own, (labels, x.shape[1]))
            mine = jax.lax.dynamic_slice(local, own, (labels, x.shape[1]))
            own_noise = jax.tree.map(lambda words: words[number], noise)
            new = self._drawn(mine, own_noise, beta)
            pulls = jax.lax.dynamic_slice(within, own, (labels, within.shape[1]))
            local = local + jnp.einsum("le,lc->ec", pulls, new - old)
            return jax.lax.dynamic_update_slice(x, new, own), local

        return jax.lax.fori_loop(0, BLOCK, site, (x, local))[0]

    def _drawn(self, fields: Any, noise: Any, beta: Any) -> Any:
        """New entries [label, chain] of one site."""
        kind = self.form.sites.symbol.domain.kind
        if kind is Kind.CATEGORY:
            label = pick_first(-beta * fields, noise)
            return (np.arange(self.form.labels)[:, None] == label).astype(fields.dtype)
        up = rises(noise, upper_odds(kind, fields[0], beta))
        return values_where(kind, up, fields.dtype)[None]
