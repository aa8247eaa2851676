"""Whether an energy of angles comes back to itself after a turn: slopes know nothing of a seam."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..samplers.beginning import random_state
from ..semantics.terms import Kind
from .checkpoint import digest
from .visible import Visible

TRIES = 8
ROUNDING = 1e-3  # of the energy's size, far above that of single precision


def obstacle_of_seams(visible: Visible) -> str | None:
    """Which angle the energy jumps in after a turn, in words; None if it does so in none.

    Found by turning random sites of random configurations under random parameters.
    """
    given = digest({n: np.asarray(v) for n, v in visible.given.items()})
    key = ("seams", tuple(visible.sites), visible.hidden, given)
    return visible.model.made(key, lambda: _obstacle(visible))


def _obstacle(visible: Visible) -> str | None:
    circles = [n for n, s in visible.sites.items() if s.domain.kind is Kind.ANGLE]
    keys = jax.random.split(jax.random.key(0), TRIES)
    params = jax.tree.map(jnp.asarray, visible.model.init(0)) if circles else {}
    for name in circles:
        turned = jax.vmap(partial(_turned, visible, name, params))
        apart, size = jax.jit(turned)(keys)
        if bool(jnp.any(apart > ROUNDING * (1 + size))):
            return f"`{name}` is an angle, and the energy is another one after a full turn"
    return None


def _turned(visible: Visible, name: str, params: Any, key: Any) -> tuple[Any, Any]:
    """How far the energy moves where about half of a variable's sites turn once, and its size."""
    first, second, third = jax.random.split(key, 3)
    space = visible.model.parameter_space
    leaves, form = jax.tree.flatten(space.unconstrain(params))
    keys = jax.random.split(first, len(leaves))
    moved = [
        x + 0.5 * jax.random.normal(own, x.shape, x.dtype)
        for x, own in zip(leaves, keys, strict=True)
    ]
    situation = Situation(space.constrain(form.unflatten(moved)), visible.given, jnp.ones(()))
    state = random_state(visible.model.target, second)
    sites = visible.sites[name]
    turns = jax.random.bernoulli(third, shape=(sites.number,)).at[0].set(True)
    angles = sites.take(state[name])
    before = visible.energy(situation, state)
    there = sites.put(state[name], angles + 2 * np.pi * turns)
    return jnp.abs(visible.energy(situation, state | {name: there}) - before), jnp.abs(before)
