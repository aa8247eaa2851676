"""Sums over latents and what each example lacks, exact, by one program for all examples.

All entries that some example lacks are summed, on an energy that sees the known ones of the example
instead. These then do nothing, and what they add to the sum is a constant that is taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, in_float64, states_of, with_walls
from ..backend.energy import State, stored_type
from ..backend.known import as_given, mask_of, tethered_log_integral
from ..samplers.run import situation_of
from ..syntax.diagnostics import complain
from .exact import between_walls
from .gaps import ever_missing
from .sources import filled_up
from .summation import Summation, plan_sum, spoken_states

if TYPE_CHECKING:
    from ..model import Model

MOST_STATES = 1 << 14  # listed for every example
TOGETHER = 1 << 18  # states listed in one compiled call, over its examples
MOST_TOGETHER = 4096  # examples in one compiled call


@dataclass(frozen=True, slots=True, eq=False)
class Incomplete:
    """The exact sum over latents and missing entries; `partly`: variables that have some."""

    model: Model
    plan: Summation
    observed: tuple[str, ...]
    partly: tuple[str, ...]

    @property
    def together(self) -> int:
        """How many examples fit into one compiled call."""
        return max(1, min(MOST_TOGETHER, TOGETHER // self.plan.states))

    def log_sum(self, situation: Situation, row: State) -> Any:
        """log of the sum of exp(-beta E) over what a row [dims] lacks, NaN, and latents; in nats."""
        known = as_given({n: row[n] for n in self.partly}, self.partly)
        there = situation._replace(given={**situation.given, **known})
        state = {}
        for name, symbol in self.model.program.unknowns.items():
            kind = stored_type(symbol)
            zero = jnp.zeros(self.model.world.shape(symbol), kind)
            state[name] = jnp.nan_to_num(row[name]).astype(kind) if name in row else zero
        return self.plan.log_sum(there, state, jnp.zeros(0)) - self._idle(there)

    def _idle(self, situation: Situation) -> Any:
        """What known entries of the free sites add to the sum."""
        total = jnp.zeros(())
        for name in self.partly:
            sites = self.plan.sites[name]
            known = sites.take(situation.given[mask_of(name)]).reshape(sites.number, -1)[:, :1]
            symbol = sites.symbol
            if symbol.domain.discrete:
                each = float(np.log(len(states_of(symbol, self.plan.target))))
            else:
                each = tethered_log_integral(situation.beta)
            total = total + jnp.sum(known) * each
        return total


def incomplete_of(model: Model, data: Mapping[str, np.ndarray]) -> Incomplete:
    """The exact sum for examples that lack entries, kept with the model.

    Raises EbmError E705 where it has no closed form or too many states to list for each example.
    """
    missing = ever_missing(data)
    shapes = {n: model.world.shape(model.program.unknowns[n]) for n in data}
    known = {n: ~missing[n] if n in missing else np.ones(s, bool) for n, s in shapes.items()}
    packed = tuple((n, np.packbits(m).tobytes()) for n, m in sorted(known.items()))

    def made() -> Summation:
        return plan_sum(replace(model.target, partly=tuple(missing)), known)

    plan = model.made(("incomplete", packed), made)
    if plan.states > MOST_STATES:
        raise complain(
            "E705",
            f"{spoken_states(plan.states)} states of `{'`, `'.join(plan.listed)}` stand for what some "
            f"example lacks, and at most {spoken_states(MOST_STATES)} are listed for each",
        )
    return Incomplete(model, plan, tuple(data), tuple(missing))


def incomplete_log_weights(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any] | None,
) -> np.ndarray:
    """log of the sum over latents and missing entries of exp(-E) for each example, in nats: [example].

    Raises EbmError E705 as `incomplete_of` does.
    """
    sums = incomplete_of(model, data)
    with jax.enable_x64(True):
        wide = in_float64(situation_of(model, params, given, 1.0))
        key = ("incomplete weights", sums.plan)
        compiled = model.made(key, lambda: jax.jit(jax.vmap(sums.log_sum, in_axes=(None, 0))))
        found = []
        for rows in in_parts(data, sums.together):

            def at(nats: float, rows: State = rows) -> np.ndarray:
                return np.asarray(compiled(with_walls(model.target, wide, nats), rows))

            found.append(between_walls(at) if model.target.walled else at(0.0))
    return np.concatenate(found)[: len(next(iter(data.values())))]


def in_parts(data: Mapping[str, np.ndarray], size: int) -> Iterable[State]:
    """Rows of the data, so many at a time, the last ones filled up with the last example."""
    number = len(next(iter(data.values())))
    for picks in filled_up(number, min(size, number)):
        yield {n: jnp.asarray(v[picks], jnp.result_type(float)) for n, v in data.items()}
