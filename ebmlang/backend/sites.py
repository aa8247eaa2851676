"""The free sites of an array: which entries are unknown by themselves, and which only mirror others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to, constraints

from ..analysis.world import World
from ..semantics.terms import Domain, Kind, Symbol
from .checks import limits


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Free entries of an array as flat numbers; `mirror` are their twins in a symmetric array.

    For a `simplex` a site is a whole last axis. Held entries are not free.
    """

    symbol: Symbol
    shape: tuple[int, ...]
    event: tuple[int, ...]
    free: np.ndarray
    mirror: np.ndarray | None
    domain: Domain
    constraint: constraints.Constraint

    @property
    def number(self) -> int:
        """How many free sites there are."""
        return len(self.free)

    @property
    def places(self) -> np.ndarray:
        """The number of the free site at each flat place of the array, -1 where none is free."""
        place = np.full(int(np.prod(self.shape, dtype=int)), -1, np.int64)
        for entries in (self.free, self.mirror):
            if entries is not None:
                place[entries] = np.arange(self.number)
        return place

    @property
    def whole(self) -> bool:
        """Whether every entry is free."""
        return self.mirror is None and self.number == int(np.prod(self.shape, dtype=int))

    def take(self, array: Any) -> Any:
        """The free sites [site, …] of an array."""
        flat = array.reshape(-1, *self.event)
        return flat if self.whole else flat[self.free]

    def put(self, array: Any, values: Any) -> Any:
        """The array with its free sites (and their mirrors) set."""
        if self.whole:
            return values.reshape(self.shape + self.event)
        flat = array.reshape(-1, *self.event).at[self.free].set(values)
        if self.mirror is not None:
            flat = flat.at[self.mirror].set(values)
        return flat.reshape(self.shape + self.event)

    def take_opened(self, array: Any) -> Any:
        """The free sites of an opened array, [site], or [site, label] of one-hot categories."""
        flat = array.reshape(-1, *self._labels(array))
        return flat if self.whole else flat[self.free]

    def put_opened(self, array: Any, values: Any) -> Any:
        """An opened array with its free sites (and their mirrors) set, by one number or by each."""
        flat = array.reshape(-1, *self._labels(array))
        if self.whole:
            return jnp.broadcast_to(values, flat.shape).astype(array.dtype).reshape(array.shape)
        flat = flat.at[self.free].set(values)
        if self.mirror is not None:
            flat = flat.at[self.mirror].set(values)
        return flat.reshape(array.shape)

    def _labels(self, array: Any) -> tuple[int, ...]:
        return array.shape[-1:] if self.domain.kind is Kind.CATEGORY else ()

    def full(self, values: Any) -> Any:
        """An array of the free values, zero elsewhere."""
        return self.put(jnp.zeros(self.shape + self.event, values.dtype), values)

    def constrain(self, free: Any) -> Any:
        """Free real numbers to values of the type. Angles run on without end and are wrapped."""
        values = biject_to(self.constraint)(free)
        return jnp.mod(values, 2 * np.pi) if self.domain.kind is Kind.ANGLE else values

    def unconstrain(self, values: Any) -> Any:
        """Values of the type to free real numbers; the inverse of `constrain`."""
        return biject_to(self.constraint).inv(values)

    def log_volume(self, free: Any) -> Any:
        """log |d value / d free|, summed: makes a density of values one of free numbers, in nats."""
        transform = biject_to(self.constraint)
        return jnp.sum(transform.log_abs_det_jacobian(free, transform(free)))


def sites_of(symbol: Symbol, world: World, held: np.ndarray | None = None) -> Sites:
    """The free sites of a declared array, less the entries where `held` is true."""
    shape = world.site_shape(symbol)
    event = world.shape(symbol)[len(shape) :]
    numbers = np.arange(int(np.prod(shape, dtype=int)), dtype=np.int32).reshape(shape)
    keep = np.ones(shape, bool)
    mirror = None
    if symbol.symmetric:
        keep = np.triu(keep, 1 if symbol.hollow else 0)
    elif symbol.hollow:
        keep &= ~np.eye(shape[0], dtype=bool)
    if held is not None:
        known = np.broadcast_to(held, shape + event)
        keep &= ~(known.any(-1) if event else known)
    free = numbers[keep]
    if symbol.symmetric:
        mirror = numbers.T[keep]
    domain = symbol.domain
    return Sites(symbol, shape, event, free, mirror, domain, constraint_of(domain, world))


def constraint_of(domain: Domain, world: World) -> constraints.Constraint:
    """NumPyro's constraint for a continuous type."""
    low, high = limits(domain, world)
    match domain.kind:
        case Kind.POSITIVE:
            return constraints.positive
        case Kind.SIMPLEX:
            return constraints.simplex
        case Kind.REAL if np.isfinite(low) and np.isfinite(high):
            return constraints.interval(low, high)
        case Kind.REAL if np.isfinite(low):
            return constraints.greater_than(low)
        case Kind.REAL if np.isfinite(high):
            return constraints.less_than(high)
        case _:
            return constraints.real
