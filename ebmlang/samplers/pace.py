"""Long compiled runs in calls of a fraction of a second, so that Ctrl-C is heard between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from ..progress import Progress

Walk = TypeVar("Walk")
SECONDS = 0.3  # of a call
FASTER = 16  # how many times more steps than it a call may make after one that was short


class Pace:
    """How many steps the next call makes, from how long the last ones took.

    The first makes one, for nothing is known yet and it may have to be compiled, which nothing can
    interrupt. What a run gives does not depend on its calls.
    """

    def __init__(self) -> None:
        self.steps = 1

    def run(self, call: Callable[[int], Any], left: int, each: int = 1) -> tuple[int, Any]:
        """One call, of at most so many parts of `each` steps: how many it made, and its arrays, ready."""
        now = min(max(1, self.steps // each), left)
        begun = time.perf_counter()
        found = jax.block_until_ready(call(now))
        seconds = max(time.perf_counter() - begun, 1e-9)
        steps = max(1, min(int(now * each * SECONDS / seconds), now * each * FASTER))
        self.steps = max(steps, self.steps) if now == left and seconds < SECONDS else steps
        return now, found


def walked(
    advance: Callable[[Walk, int], Walk],
    begun: Walk,
    number: int,
    bar: Progress | None = None,
    pace: Pace | None = None,
) -> Walk:
    """What stands after so many steps of `advance`, which takes them a few at a time."""
    done, pace = 0, pace or Pace()
    while done < number:
        now, begun = pace.run(partial(advance, begun), number - done)
        done += now
        if bar is not None:
            bar.advance(now)
    return begun


def in_room(
    one: Callable[[Any, Any], tuple[Any, Any]], begun: Any, numbers: Any
) -> tuple[Any, Any]:
    """As `scan` over numbers. Those that are 0, at either end, cost nothing and give zeros."""
    real = numbers > 0
    first = jnp.argmax(real)
    return scan_part(one, begun, numbers, first, first + jnp.sum(real))


def scan_part(
    one: Callable[[Any, Any], tuple[Any, Any]], begun: Any, inputs: Any, first: Any, end: Any
) -> tuple[Any, Any]:
    """As `scan` over the inputs from `first` to before `end`. The others cost nothing and give zeros."""
    number = len(jax.tree.leaves(inputs)[0])
    one = jax.jit(one, inline=True)  # traced once, for its shapes and for the loop

    def at(k: Any) -> Any:
        return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, k, 0, False), inputs)

    def step(k: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        now, kept = carry
        now, told = one(now, at(k))
        return now, jax.tree.map(
            lambda a, x: jax.lax.dynamic_update_index_in_dim(a, x, k, 0), kept, told
        )

    shapes = jax.eval_shape(one, begun, at(0))[1]
    empty = jax.tree.map(lambda x: jnp.zeros((number, *x.shape), x.dtype), shapes)
    return jax.lax.fori_loop(first, end, step, (begun, empty))
