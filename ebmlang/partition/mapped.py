"""A few real unknowns as numbers on a line each, and the log weight of the model at such points.

Free numbers of a type without end (NumPyro's `biject_to`) are u = sinh(t): the weight then falls
off at least exponentially in t, whether its tails are thin or heavy. Angles run round once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.sites import Sites
from ..samplers.undefined import undefined
from ..semantics.functions import Smoothness
from ..semantics.terms import Kind
from .summation import Summation
from .weighing import BLOCK_NUMBERS, operations_of

if TYPE_CHECKING:
    from ..model import Model


def numbers_of(sites: Sites) -> int:
    """How many free numbers a variable has: one less than its entries for each site of a simplex."""
    return sites.number * ((sites.event[0] - 1) if sites.event else 1)


@dataclass(frozen=True, eq=False)
class Mapped:
    """The unknowns `names` laid out along axes; all others are summed by `summation`.

    `periodic` [axis]: whether an axis is an angle, from 0 to 2 pi.
    """

    summation: Summation
    sites: Mapping[str, Sites]
    periodic: tuple[bool, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What is laid out."""
        return tuple(self.sites)

    @property
    def jumps(self) -> bool:
        """Whether the weight may jump along an axis, where the trapezoidal rule converges slowly."""
        facts = [self.summation.target.structure.variables[n] for n in self.names]
        return any(f.walls or f.smoothness is Smoothness.JUMPING for f in facts)

    @property
    def axes(self) -> int:
        """How many axes there are."""
        return len(self.periodic)

    def placed(self, state: State, point: Any) -> tuple[State, Any]:
        """The state at a point [axis], and the log volume of values for one of points there."""
        out, volume, start = dict(state), jnp.zeros(()), 0
        for name, own in self.sites.items():
            size = numbers_of(own)
            part = point[start : start + size]
            start += size
            if not self.periodic[start - 1]:
                volume = volume + jnp.sum(jnp.logaddexp(part, -part) - jnp.log(2.0))
                part = jnp.sinh(part)
            part = part.reshape((own.number, own.event[0] - 1) if own.event else (own.number,))
            out[name] = own.put(state[name], own.constrain(part).astype(state[name].dtype))
            volume = volume + own.log_volume(part)
        return out, volume

    def log_weight(self, situation: Situation, state: State, point: Any) -> Any:
        """log of the weight of a point, all others summed, in nats."""
        there, volume = self.placed(state, point)
        return self.summation.log_sum(situation, there, jnp.zeros(0)) + volume


def mapped(summation: Summation, sites: Mapping[str, Sites]) -> Mapped:
    """The layout of these unknowns, whose sites are free in `sites`."""
    periodic: list[bool] = []
    for own in sites.values():
        periodic += [own.domain.kind is Kind.ANGLE] * numbers_of(own)
    return Mapped(summation, sites, tuple(periodic))


@dataclass(frozen=True, eq=False)
class Field:
    """The log weight at many points at once, and derivatives of sums of it, in float64."""

    layout: Mapped
    situation: Situation
    state: State
    operations: float
    batch: Callable[..., Any]
    slopes: Callable[..., Any]

    @property
    def rows(self) -> int:
        """How many points one block holds."""
        fitting = int(BLOCK_NUMBERS / max(self.operations, 1))
        return 1 << max(min(fitting, 1 << 15).bit_length() - 1, 4)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Log weights of points [point, axis], in nats; -inf where they are no number."""
        weights = self.raw(points)
        return np.where(np.isnan(weights), -np.inf, weights)

    def raw(self, points: np.ndarray) -> np.ndarray:
        """Log weights of points [point, axis] as they are, in nats."""
        found = [np.zeros(0)]
        for start in range(0, len(points), self.rows):
            block = points[start : start + self.rows]
            short = self.rows - len(block)
            full = np.pad(block, ((0, short), (0, 0)), mode="edge") if short else block
            found.append(np.asarray(self.batch(self.situation, self.state, full))[: len(block)])
        return np.concatenate(found)

    def undefined(self, point: np.ndarray) -> Exception:
        """E703: an energy is no number at a point [axis]."""
        there, _ = self.layout.placed(self.state, jnp.asarray(point))
        shown = self.state | {n: there[n] for n in self.layout.names}
        target = self.layout.summation.target
        return undefined(target, self.situation, shown, self.layout.names)

    def slope(self, points: np.ndarray, share: np.ndarray) -> Any:
        """The derivative by the parameters' free numbers of the sum of share times log weight."""
        total: Any = None
        for start in range(0, len(points), self.rows):
            block, own = points[start : start + self.rows], share[start : start + self.rows]
            short = self.rows - len(block)
            if short:
                block = np.pad(block, ((0, short), (0, 0)), mode="edge")
                own = np.pad(own, (0, short))
            slope = self.slopes(self.situation, self.state, block, own)
            slope = jax.tree.map(lambda g: np.asarray(g, np.float64), slope)
            total = slope if total is None else jax.tree.map(np.add, total, slope)
        return total


def field_of(
    model: Model, key: object, layout: Mapped, situation: Situation, state: State
) -> Field:
    """A field at these parameters; its compiled functions are kept with the model."""
    found = model.made(("field", key), lambda: _compile(model, layout, situation, state))
    return Field(layout, situation, state, found[2], *found[:2])


def _compile(model: Model, layout: Mapped, situation: Situation, state: State) -> tuple[Any, ...]:
    space = model.parameter_space
    many = jax.vmap(layout.log_weight, in_axes=(None, None, 0))

    def total(numbers: Any, situation: Situation, state: State, points: Any, share: Any) -> Any:
        own = situation._replace(params=space.arrays(numbers))
        weights = many(own, state, points)
        return jnp.sum(jnp.where(share > 0, share * weights, 0.0))

    def slopes(situation: Situation, *rest: Any) -> Any:
        return jax.grad(total)(space.values(situation.params), situation, *rest)

    point = jnp.zeros(layout.axes)
    operations = operations_of(layout.log_weight, situation, state, point)
    return jax.jit(many), jax.jit(slopes), operations
