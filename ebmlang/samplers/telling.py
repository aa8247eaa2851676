"""What is kept of a draw: values in small types, quantities, the energy."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from ..backend.conditionals import Situation
from ..backend.energy import State, Target, stored_type
from .sweep import Chain, Report

AT_ONCE = 1 << 14  # numbers of a state times draws whose energies are taken side by side
Told = tuple[State, State, Any, Report]


def compact(target: Target, state: State) -> State:
    """Values in the smallest type that holds them, for keeping."""
    out = {}
    for name, value in state.items():
        symbol = target.program.unknowns[name]
        small = symbol.domain.discrete and (
            symbol.domain.labels is None or target.world.size(symbol.domain.labels) <= 127
        )
        wide = symbol.domain.kind == "integer"
        out[name] = value.astype(jnp.int32 if wide else jnp.int8) if small else value
    return out


class Telling:
    """Keeps draws of a chain. Where every variable is kept, energies wait until the loop is over.

    The energies are those without what depends on no unknown.

    Side by side they cost a fraction of what they cost one by one within the loop.
    """

    def __init__(self, target: Target, situation: Situation, names: tuple[str, ...]) -> None:
        self.target = target
        self.situation = situation
        self.names = names
        self.late: bool = all(n in names for n in target.program.unknowns)

    def now(self, chain: Chain, report: Report) -> Any:
        """What the loop keeps of a draw: its values and the report, or all that is told of it."""
        if self.late:
            return compact(self.target, chain.state), report
        return self._told(chain.state, report)

    def after(self, kept: Any, numbers: Any) -> Told:
        """What is told of the draws [draw, …] that the loop kept; of none if its last was none."""
        if not self.late:
            return kept

        def one(entry: tuple[State, Report]) -> Told:
            state, report = entry
            wide = {n: v.astype(stored_type(self.target.program.unknowns[n]))
                    for n, v in state.items()}  # fmt: skip
            return self._told(wide, report)

        size = sum(prod(v.shape[1:]) for v in kept[0].values())
        batch = max(1, min(len(numbers), AT_ONCE // max(size, 1)))

        chunks = -(-len(numbers) // batch)
        batch = -(-len(numbers) // chunks)

        def cut(x: Any) -> Any:
            """In chunks; what the first lacks stands in front, where a call leaves its room."""
            return jnp.pad(x, [(chunks * batch - len(x), 0)] + [(0, 0)] * (x.ndim - 1)).reshape(
                chunks, batch, *x.shape[1:]
            )

        def chunk(part: tuple[Any, Any]) -> Told:
            number, kept = part
            return skipped(jax.vmap(one), number[-1] > 0, kept)

        def every(kept: Any) -> Told:
            told = jax.lax.map(chunk, jax.tree.map(cut, (numbers, kept)))
            return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[-len(numbers) :], told)

        return skipped(every, numbers[-1] > 0, kept)

    def _told(self, state: State, report: Report) -> Told:
        where = self.situation.params, state, self.situation.given
        energy = self.target.relative.whole(*where)
        named = self.target.quantities(*where)
        kept = {n: v for n, v in compact(self.target, state).items() if n in self.names}
        return kept, {n: v for n, v in named.items() if n in self.names}, energy, report


def skipped(tell: Callable[..., Any], wanted: Any, *arguments: Any) -> Any:
    """What is told of these if it is wanted, else zeros of the same shapes."""
    empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(tell, *arguments))
    return jax.lax.cond(wanted, tell, lambda *_: empty, *arguments)
