"""Log weights of many configurations at once, and derivatives of their sums, in float64.

Exact sums by elimination or in halves ask only for these: whatever the energies are, a table of
an interaction is a difference of whole energies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from ..backend.conditionals import Situation
from ..backend.energy import State

if TYPE_CHECKING:
    from ..model import Model

BLOCK_NUMBERS = 1 << 22  # numbers in flight at once
SECONDS = 3e-10  # of one operation in a batch, on one processor core


class Listing(Protocol):
    """Unknowns of which each configuration can be weighed, the others summed in closed form."""

    @property
    def listed(self) -> tuple[str, ...]:
        """What is listed."""
        ...

    @property
    def closed(self) -> tuple[str, ...]:
        """What is summed in closed form."""
        ...

    @property
    def options(self) -> list[np.ndarray]:
        """The values of every listed site."""
        ...

    def weight(self, situation: Situation, state: State, values: Any) -> Any:
        """log of the weight of one configuration [site], in nats."""
        ...


@dataclass(frozen=True, eq=False)
class Weigher:
    """Weighs configurations of the listed sites of a sum, given as changes of a base one.

    `places`, `values` [row, change]: which listed sites are changed, and to what. A place equal to
    the number of sites changes nothing.
    """

    summation: Listing
    situation: Situation
    state: State
    base: np.ndarray
    operations: float
    batch: Callable[..., Any]
    slopes: Callable[..., Any]

    @property
    def rows(self) -> int:
        """How many configurations one block holds."""
        fitting = int(BLOCK_NUMBERS / max(self.operations, len(self.base), 1))
        return 1 << max(min(fitting, 1 << 16).bit_length() - 1, 0)

    def weigh(self, places: np.ndarray, values: np.ndarray) -> np.ndarray:
        """-beta E of each row, closed sums taken, in nats. Shapes: [row]."""
        found = [np.zeros(0)]
        for start, (where, what) in self._blocks(places, values):
            block = self.batch(self.situation, self.state, self.base, where, what)
            found.append(np.asarray(block)[: len(places) - start])
        return np.concatenate(found)

    def slope(self, places: np.ndarray, values: np.ndarray, share: np.ndarray) -> Any:
        """The derivative by the parameters' free numbers of the sum of share times log weight."""
        total: Any = None
        for start, (where, what) in self._blocks(places, values):
            own = np.zeros(len(where))
            part = share[start : start + len(where)]
            own[: len(part)] = part
            slope = self.slopes(self.situation, self.state, self.base, where, what, own)
            slope = jax.tree.map(lambda g: np.asarray(g, np.float64), slope)
            total = slope if total is None else jax.tree.map(np.add, total, slope)
        return total

    def _blocks(self, places: np.ndarray, values: np.ndarray) -> Any:
        size = min(self.rows, 1 << max(len(places) - 1, 0).bit_length())
        for start in range(0, len(places), size):
            where, what = places[start : start + size], values[start : start + size]
            short = size - len(where)
            if short:
                where = np.pad(where, ((0, short), (0, 0)), constant_values=len(self.base))
                what = np.pad(what, ((0, short), (0, 0)))
            yield start, (where, what)


def weigher(
    model: Model, key: object, summation: Listing, situation: Situation, state: State
) -> Weigher:
    """A weigher of a sum at these parameters; its compiled functions are kept with the model."""
    base = np.array([options[0] for options in summation.options], np.float64)
    batch, slopes, operations = model.made(
        ("weigher", key), lambda: _compile(model, summation, situation, state, base)
    )
    return Weigher(summation, situation, state, base, operations, batch, slopes)


def _compile(
    model: Model, summation: Listing, situation: Situation, state: State, base: np.ndarray
) -> tuple[Callable[..., Any], Callable[..., Any], float]:
    space = model.parameter_space

    def one(situation: Situation, state: State, base: Any, places: Any, values: Any) -> Any:
        changed = jnp.append(base, 0.0).at[places].set(values)[:-1]
        return summation.weight(situation, state, changed)

    many = jax.vmap(one, in_axes=(None, None, None, 0, 0))

    def total(numbers: Any, situation: Situation, *rest: Any) -> Any:
        *where, share = rest
        own = situation._replace(params=space.arrays(numbers))
        return jnp.sum(share * many(own, *where))

    def slopes(situation: Situation, *rest: Any) -> Any:
        return jax.grad(total)(space.values(situation.params), situation, *rest)

    none = jnp.zeros(0, jnp.int64), jnp.zeros(0)
    operations = operations_of(one, situation, state, base, *none)
    return jax.jit(many), jax.jit(slopes), operations


def operations_of(function: Callable[..., Any], *arguments: Any) -> float:
    """About how many numbers a function works out, by what it is traced to."""
    return _counted(jax.make_jaxpr(function)(*arguments).jaxpr)


def _counted(jaxpr: Jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        inner = [v for v in equation.params.values() if isinstance(v, Jaxpr | ClosedJaxpr)]
        inner += [
            v
            for group in equation.params.values()
            if isinstance(group, tuple)
            for v in group
            if isinstance(v, ClosedJaxpr)
        ]
        times = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for each in inner:
            total += times * _counted(each.jaxpr if isinstance(each, ClosedJaxpr) else each)
        sizes = [_size(v) for v in equation.outvars]
        if equation.primitive.name == "dot_general":
            sizes += [_size(v) for v in equation.invars]
        total += 0 if inner else max(sizes, default=0)
    return total


def _size(variable: Any) -> float:
    return float(getattr(variable.aval, "size", 0))
