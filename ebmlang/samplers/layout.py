"""Chains on the last axis: where a site's values in all chains lie side by side, gathers are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from .block import Walk

Update = Callable[[Any, Any, Walk, Any, Any], Any]


def chains_last(update: Update) -> Update:
    """Sweeps of one chain whose mapped form runs all chains at once, chains on the last axis.

    `update(x, fields, walk, tables, beta)` is written for [site, chain], [entry, chain], seeds
    [2, chain] and one table for all chains; what else is one number for each chain is a scalar or
    [chain]. The result maps [site] to [site].
    """

    def alone(x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        wide = walk._replace(seed=walk.seed[:, None])
        return update(x[:, None], fields[:, None], wide, tables, beta)[:, 0]

    @custom_vmap
    def one(x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        return alone(x, fields, walk, tables, beta)

    @one.def_vmap
    def _many(
        size: int, batched: Any, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any
    ) -> Any:
        if any(jax.tree.leaves(batched[3])) or batched[2].number:
            axes = jax.tree.map(lambda mapped: 0 if mapped else None, list(batched))
            return jax.vmap(alone, in_axes=tuple(axes))(x, fields, walk, tables, beta), True
        rows = [
            jnp.moveaxis(value, 0, -1) if mapped else value[:, None]
            for value, mapped in (
                (x, batched[0]),
                (fields, batched[1]),
                (walk.seed, batched[2].seed),
            )
        ]
        wide = jnp.broadcast_to(rows[0], (rows[0].shape[0], size))
        seeds = jnp.broadcast_to(rows[2], (2, size))
        moved = update(wide, rows[1], walk._replace(seed=seeds), tables, beta)
        return jnp.moveaxis(moved, -1, 0), True

    return one
