"""Moments of a pilot run, site by site, and draws from the independent sites that have them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.checks import limits
from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..backend.sites import Sites
from ..samplers.beginning import random_state
from ..samplers.run import Clamped
from ..semantics.terms import Kind
from .annealed import Base, tables_of
from .way import Point, Walk, Way

SWEEPS, ROUNDS = 5, 20
WIDENED = 1.5  # of variances: a base too wide costs little, one too narrow much
DOUBT = 3.0  # standard errors that a mean must be away from the uniform law's to count
PRIOR = 8.0  # draws from the uniform law that are added to those counted


def seen(sites: Sites, target: Any, values: Any) -> Any:
    """What is averaged of the free sites: labels one-hot, distances from a bound in logs."""
    low, high = limits(sites.domain, target.world)
    match sites.domain.kind:
        case Kind.CATEGORY:
            return jax.nn.one_hot(values, int(high) + 1)
        case Kind.REAL | Kind.POSITIVE if np.isfinite(low) and not np.isfinite(high):
            return jnp.log(values - low)
        case Kind.REAL if np.isfinite(high) and not np.isfinite(low):
            return jnp.log(high - values)
        case _:
            return values


def moments_of(way: Way, situation: Situation, walk: Walk) -> dict[str, Any]:
    """Means and variances of the free sites over all pilot chains and some sweeps more."""
    rows: dict[str, list[np.ndarray]] = {n: [] for n in way.sites}
    point = Point(situation.given[" own"], situation.given[" base"])
    for _ in range(ROUNDS):
        walk = way.settle(situation, walk, point, None, SWEEPS)
        for name, sites in way.sites.items():
            taken = jax.vmap(sites.take)(walk.chains.state[name])
            rows[name].append(np.asarray(seen(sites, way.target, taken), np.float64))
    return {n: _fitted(way.sites[n], np.stack(r)) for n, r in rows.items()}


def _fitted(sites: Sites, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance [site] of values [round, chain, site, …].

    Discrete sites are drawn towards the uniform law: a little always, and all the way where their
    mean is no larger than its error, as where chains stand in wells that mirror each other.
    """
    kind, number = sites.domain.kind, values.shape[0] * values.shape[1]
    mean = values.mean(axis=(0, 1))
    if sites.domain.discrete:
        even = {Kind.BINARY: 0.5, Kind.SPIN: 0.0}.get(kind, 1 / mean.shape[-1])
        error = values.mean(axis=0).std(axis=0, ddof=1) / np.sqrt(values.shape[1])
        off = mean - even
        sure = np.maximum(0.0, 1.0 - (DOUBT * error) ** 2 / np.maximum(off**2, 1e-300))
        sure = sure.max(axis=-1, keepdims=True) if kind is Kind.CATEGORY else sure
        mean = even + off * sure * number / (number + PRIOR)
    variance = WIDENED * values.var(axis=(0, 1))
    return mean, np.maximum(variance, 1e-12 * (1 + mean**2))


def states_from(way: Way, base: Base, held: Clamped, key: Any, number: int) -> State:
    """Draws from the base [chain, dims]; held entries at their values."""

    def one(key: Any) -> State:
        state = random_state(way.target, key)
        for k, (name, sites) in enumerate(way.sites.items()):
            own = jax.random.fold_in(key, k)
            values = _drawn(way, base, sites, own)
            state[name] = sites.put(state[name], values.astype(state[name].dtype))
        for name, mask in held.masks.items():
            symbol = way.target.program.unknowns[name]
            value = jnp.asarray(held.values[name], stored_type(symbol))
            state[name] = jnp.where(mask, value, state[name])
        return state

    return jax.vmap(one)(jax.random.split(key, number))


def _drawn(way: Way, base: Base, sites: Sites, key: Any) -> Any:
    """Independent draws of the free sites of one variable."""
    names = tables_of(sites.symbol.name)
    low, high = limits(sites.domain, way.target.world)
    shape = (sites.number, *sites.event)

    def table(name: str) -> Any:
        return sites.take(base.arrays[name])

    match sites.domain.kind:
        case Kind.BINARY | Kind.SPIN as kind:
            odds = table(names.field) * (1.0 if kind is Kind.BINARY else 2.0)
            up = jax.random.bernoulli(key, jax.nn.sigmoid(odds))
            return jnp.where(up, 1.0, low)
        case Kind.CATEGORY:
            wide = base.arrays[names.field]
            odds = wide.reshape(-1, wide.shape[-1])[sites.free]
            return jax.random.categorical(key, odds)
        case Kind.INTEGER:
            return jax.random.randint(key, shape, int(low), int(high) + 1)
        case Kind.SIMPLEX:
            return jax.random.dirichlet(key, jnp.ones(sites.event), (sites.number,))
        case _ if np.isfinite(low) and np.isfinite(high):
            return jax.random.uniform(key, shape, minval=low, maxval=high)
        case _:
            spread = jax.random.normal(key, shape) / jnp.sqrt(table(names.stiffness))
            value = table(names.centre) + spread
            if np.isfinite(low):
                return low + jnp.exp(value)
            return high - jnp.exp(value) if np.isfinite(high) else value
