"""Chains on the last axis: where a site's values in all chains lie side by side, gathers are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from .block import Walk

Update = Callable[[Any, Any, Walk, Any, Any], Any]


def chains_last(update: Update) -> Callable[..., tuple[Any, Any]]:
    """Sweeps of one chain whose mapped form runs all chains at once, chains on the last axis.

    `update(x, fields, walk, tables, beta)` is written for [site, chain], [entry, chain], seeds
    [2, chain] and one table for all chains; beta is a scalar or [chain]. Sweeps are numbered for
    all chains alike, from the highest number that any has reached: a number for each would be
    another operand of every random word. Gives the values [site], and the number of the next sweep.
    """

    def alone(x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> tuple[Any, Any]:
        wide = walk._replace(seed=walk.seed[:, None])
        moved = update(x[:, None], fields[:, None], wide, tables, beta)[:, 0]
        return moved, walk.first + jnp.asarray(walk.number, jnp.uint32)

    @custom_vmap
    def one(x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> tuple[Any, Any]:
        return alone(x, fields, walk, tables, beta)

    @one.def_vmap
    def _many(
        size: int, batched: Any, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any
    ) -> Any:
        if any(jax.tree.leaves(batched[3])) or batched[2].number:
            axes = jax.tree.map(lambda mapped: 0 if mapped else None, list(batched))
            moved = jax.vmap(alone, in_axes=tuple(axes))(x, fields, walk, tables, beta)
            return moved, (True, True)
        rows = [
            jnp.moveaxis(value, 0, -1) if mapped else value[:, None]
            for value, mapped in (
                (x, batched[0]),
                (fields, batched[1]),
                (walk.seed, batched[2].seed),
            )
        ]
        wide = jnp.broadcast_to(rows[0], (rows[0].shape[0], size))
        first = jnp.max(walk.first)
        shared = Walk(jnp.broadcast_to(rows[2], (2, size)), first, walk.number)
        moved = jnp.moveaxis(update(wide, rows[1], shared, tables, beta), -1, 0)
        done = first + jnp.asarray(walk.number, jnp.uint32)
        return (moved, jnp.broadcast_to(done, (size,))), (True, True)

    return one
