"""Independent exact draws: of what is listed by its exact weights, of the rest from its conditionals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, in_float64
from ..backend.energy import State
from ..partition.exact import base_state, summation_of
from ..partition.summation import Summation
from ..samplers.block import Plan
from ..samplers.run import Clamped
from ..samplers.sweep import begin, sweep
from ..syntax.diagnostics import EbmError

if TYPE_CHECKING:
    from ..model import Model

MOST_STATES = 1 << 17


def exact_draws(
    model: Model, situation: Situation, held: Clamped, number: int, seed: int
) -> tuple[State, str] | None:
    """Independent draws [draw, dims] of the law, and how they are had; None where it is too large.

    Groups of variables that have a closed form given the listed do not meet one another, so that
    one sweep over them draws all from their joint law.
    """
    try:
        plan = summation_of(model, held)
    except EbmError:
        return None
    if plan.states > MOST_STATES:
        return None
    odds = _log_weights(model, held, plan, situation)
    if not np.all(np.isfinite(odds) | (odds == -np.inf)):
        return None
    weights = np.exp(odds - odds.max())
    random = np.random.default_rng(seed)
    chosen = random.choice(len(weights), number, p=weights / weights.sum())
    chunk, row = np.divmod(chosen, len(plan.low))
    high = np.stack([plan.high(int(k)) for k in range(plan.chunks)])
    values = np.concatenate([high[chunk], plan.low[row]], axis=1)
    run = model.made(("exact draws", held.signature), lambda: _drawing(plan))
    keys = jax.random.split(jax.random.key(seed), number)
    listed = jnp.asarray(values, jnp.result_type(float))
    return run(keys, situation, base_state(model, held), listed), plan.describe()


def _drawing(plan: Summation) -> Any:
    """Compiled: a state for each row of listed values, what is summed in closed form drawn given them."""
    blocks = Plan(plan.summed.blocks, (), plan.sites)

    def one(key: Any, situation: Situation, base: State, listed: Any) -> State:
        state = plan.placed(base, listed)
        if not blocks.blocks:
            return state
        first, second = jax.random.split(key)
        chain = begin(blocks, first, situation, state, 0)
        moved, _ = sweep(blocks, situation, chain._replace(key=second))
        return moved.state

    return jax.jit(jax.vmap(one, in_axes=(0, None, None, 0)))


def _log_weights(model: Model, held: Clamped, plan: Summation, situation: Situation) -> np.ndarray:
    """-beta E of every listed state, closed sums taken, in nats. Shapes: [state]."""

    def weights(situation: Situation, state: State, high: Any) -> Any:
        low = jnp.asarray(plan.low)
        rows = jnp.concatenate([jnp.broadcast_to(high, (len(low), high.shape[0])), low], axis=1)
        return jax.vmap(lambda values: plan.weight(situation, state, values))(rows)

    with jax.enable_x64(True):
        wide, state = in_float64(situation), base_state(model, held)
        run = model.made(("listed weights", held.signature), lambda: jax.jit(weights))
        highs = [jnp.asarray(plan.high(k)) for k in range(plan.chunks)]
        return np.concatenate([np.asarray(run(wide, state, high)) for high in highs])
