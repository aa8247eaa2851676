"""An optimiser whose steps can be made smaller while it runs, without being compiled anew."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

LOWERED = 0.1


class Pace(NamedTuple):
    """The state of a paced optimiser: its own, and what its updates are multiplied by."""

    inner: Any
    rate: Any  # scalar, 1 until lowered


def paced(optimiser: optax.GradientTransformation) -> optax.GradientTransformation:
    """The optimiser with its updates times a rate that stands in its state, 1 at first."""

    def init(free: Any) -> Pace:
        return Pace(optimiser.init(free), jnp.ones(()))

    def update(slopes: Any, state: Pace, free: Any = None) -> tuple[Any, Pace]:
        updates, inner = optimiser.update(slopes, state.inner, free)
        updates = jax.tree.map(lambda x: x * state.rate.astype(x.dtype), updates)
        return updates, Pace(inner, state.rate)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def slower(state: Pace, than: Pace) -> Pace:
    """The state with its steps a tenth as long as those of another."""
    return state._replace(rate=than.rate * LOWERED)
