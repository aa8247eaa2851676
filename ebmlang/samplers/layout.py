"""Chains on the last axis: where a site's values in all chains lie side by side, gathers are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

Update = Callable[[Any, Any, Any, Any, Any], Any]


def chains_last(update: Update) -> Update:
    """An update of one chain whose mapped form runs all chains at once, chains on the last axis.

    `update(x, fields, seed, tables, beta)` is written for [site, chain], [entry, chain], [2, chain]
    and one table for all chains; beta is a scalar or [chain]. The result maps [site] to [site].
    """

    def alone(x: Any, fields: Any, seed: Any, tables: Any, beta: Any) -> Any:
        return update(x[:, None], fields[:, None], seed[:, None], tables, beta)[:, 0]

    @custom_vmap
    def one(x: Any, fields: Any, seed: Any, tables: Any, beta: Any) -> Any:
        return alone(x, fields, seed, tables, beta)

    @one.def_vmap
    def _many(
        size: int, batched: Any, x: Any, fields: Any, seed: Any, tables: Any, beta: Any
    ) -> Any:
        if any(jax.tree.leaves(batched[3])):
            axes = jax.tree.map(lambda mapped: 0 if mapped else None, list(batched))
            return jax.vmap(alone, in_axes=tuple(axes))(x, fields, seed, tables, beta), True
        rows = [
            jnp.moveaxis(value, 0, -1) if mapped else value[:, None]
            for value, mapped in zip((x, fields, seed), batched, strict=False)
        ]
        wide = jnp.broadcast_to(rows[0], (rows[0].shape[0], size))
        seeds = jnp.broadcast_to(rows[2], (2, size))
        return jnp.moveaxis(update(wide, rows[1], seeds, tables, beta), -1, 0), True

    return one
