"""The values of a variable as NumPyro's constraints say it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from numpyro.distributions import constraints

from ..analysis.world import World
from ..backend.checks import limits
from ..backend.sites import constraint_of
from ..semantics.terms import Kind, Symbol


class Spin(constraints.ParameterFreeConstraint):
    """Minus one and one."""

    is_discrete = True
    event_dim = 0

    def __call__(self, x: Any) -> Any:
        """Whether a value is one of the two."""
        return jnp.abs(x) == 1

    def feasible_like(self, prototype: Any) -> Any:
        """A value of this shape that fits."""
        return jnp.ones_like(prototype)


class Tied(constraints.ParameterFreeConstraint):
    """Square arrays whose entries mirror each other or whose diagonal is zero.

    They have fewer free numbers than entries, so that no bijection with real arrays is offered.
    """

    event_dim = 2

    def __init__(self, base: Any, symmetric: bool, hollow: bool) -> None:
        self.base = base
        self.symmetric = symmetric
        self.hollow = hollow
        self.is_discrete = base.is_discrete

    def __call__(self, x: Any) -> Any:
        """Whether an array mirrors itself as declared, and its free entries fit."""
        x = jnp.asarray(x)
        diagonal = jnp.eye(x.shape[-1], dtype=bool)
        fine = (diagonal & (x == 0)) | self.base(x) if self.hollow else self.base(x)
        if self.hollow:
            fine = fine & (~diagonal | (x == 0))
        if self.symmetric:
            fine = fine & jnp.isclose(x, jnp.swapaxes(x, -1, -2))
        return jnp.all(fine, axis=(-1, -2))

    def feasible_like(self, prototype: Any) -> Any:
        """A value of this shape that fits."""
        value = self.base.feasible_like(prototype)
        return jnp.where(jnp.eye(value.shape[-1], dtype=bool) & self.hollow, 0, value)

    def eq(self, other: object, static: bool = False) -> Any:
        """Whether two are the same constraint."""
        if not isinstance(other, Tied):
            return False
        ties = (self.symmetric, self.hollow) == (other.symmetric, other.hollow)
        return ties and self.base.eq(other.base, static=static)


def support_of(symbol: Symbol, world: World) -> Any:
    """The constraint that an array of this type meets, all its axes one event."""
    base = _scalar(symbol, world)
    if symbol.symmetric or symbol.hollow:
        return Tied(base, symbol.symmetric, symbol.hollow)
    axes = len(world.shape(symbol)) - base.event_dim
    return constraints.independent(base, axes) if axes else base


def _scalar(symbol: Symbol, world: World) -> Any:
    domain = symbol.domain
    match domain.kind:
        case Kind.BINARY:
            return constraints.boolean
        case Kind.SPIN:
            return Spin()
        case Kind.CATEGORY:
            assert domain.labels is not None
            return constraints.integer_interval(0, world.size(domain.labels) - 1)
        case Kind.INTEGER:
            low, high = limits(domain, world)
            return constraints.integer_interval(int(low), int(high))
        case Kind.ANGLE:
            return constraints.circular
        case _:
            return constraint_of(domain, world)
