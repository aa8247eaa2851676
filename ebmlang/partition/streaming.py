"""Sums over listed states, block after block, in float64."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from .duration import refuse_long
from .summation import Summation

if TYPE_CHECKING:
    from ..model import Model

SURE_CHUNKS = 64


def listed(
    model: Model,
    key: object,
    plan: Summation,
    situation: Situation,
    state: State,
    gradient: bool,
    most_seconds: float,
) -> tuple[float, Any]:
    """log Z in nats by listing, and its derivative by the parameters' free numbers if asked for."""
    compiled = model.made(("listed", key, gradient), lambda: _compile(model, plan, gradient))
    total, slope = streamed(plan, lambda high: compiled(situation, state, high), most_seconds)
    return float(total), slope if gradient else None


def _compile(model: Model, plan: Summation, gradient: bool) -> Callable[..., Any]:
    space = model.parameter_space

    def block(situation: Situation, state: State, high: Any) -> Any:
        def of_values(values: Any) -> Any:
            params = space.arrays(values)
            return plan.log_sum(situation._replace(params=params), state, high)

        values = space.values(situation.params)
        if gradient:
            return jax.value_and_grad(of_values)(values)
        return of_values(values), ()

    return jax.jit(block)


def streamed(
    plan: Summation, block: Callable[[Any], tuple[Any, Any]], most_seconds: float
) -> tuple[Any, Any]:
    """All blocks together: log sums by logsumexp, derivatives weighted by their share.

    Raises EbmError E705 if the first blocks show that it would take too long.
    """
    logs: list[np.ndarray] = []
    slopes: Any = None
    top = -np.inf
    begun = 0.0
    for chunk in range(plan.chunks):
        log_sum, slope = block(jnp.asarray(plan.high(chunk)))
        log_sum = np.asarray(log_sum)
        logs.append(log_sum)
        above = np.maximum(top, log_sum)
        shift, share = np.exp(top - above), np.exp(log_sum - above)
        weighted = jax.tree.map(lambda g, s=share: np.asarray(g) * s, slope)
        slopes = (
            weighted
            if slopes is None
            else jax.tree.map(lambda a, b, s=shift: a * s + b, slopes, weighted)
        )
        top = above
        if chunk == 0:
            begun = time.perf_counter()
        elif chunk == 4 and plan.chunks > SURE_CHUNKS:
            seconds = (time.perf_counter() - begun) / 4 * plan.chunks
            refuse_long(seconds, plan.describe(), most_seconds)
    stacked = np.stack(logs)
    highest = stacked.max(axis=0)
    total = highest + np.log(np.exp(stacked - highest).sum(axis=0))
    mass = np.exp(total - top)
    return total, jax.tree.map(lambda g: g / mass, slopes)
