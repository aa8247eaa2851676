"""Chains on the cores of one processor: groups of them run the same program at the same time.

XLA spreads only large operations over cores, and those of a few chains are small: a core would wait.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ..backend.process import shared

LANES = 16  # numbers in 32 bits that the widest vectors hold
# A program on one core spreads nothing over others.
ALONE: dict[str, str | bool] = {"xla_cpu_multi_thread_eigen": False}


def groups_of(chains: int) -> int:
    """How many groups chains make: one for each core where they divide evenly, one on an accelerator.

    Enough chains to fill a vector stay enough: half a vector costs as much as a whole one.
    """
    if jax.default_backend() != "cpu":
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    least = LANES if chains >= LANES else 1
    return max(n for n in range(1, min(cores, chains // least) + 1) if chains % n == 0)


class Abreast:
    """A compiled function of chains [chain, …], independent of each other, run by groups.

    `compiled`: by `jax.jit`; `along`: which arguments have the axis of chains in front, as all
    results have; `static`: which are no arrays. A chain's random numbers are its own, so that
    groups change none of them.
    """

    def __init__(self, compiled: Any, along: Sequence[int], static: Sequence[int] = ()) -> None:
        self.whole = compiled
        self.along: tuple[int, ...] = tuple(along)
        self.static: tuple[int, ...] = tuple(static)
        self.programs: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """The results of all chains."""
        chained = tuple(arguments[k] for k in self.along)
        groups = groups_of(len(jax.tree.leaves(chained)[0]))
        if groups == 1 or any(map(_traced, jax.tree.leaves(chained))):
            return self.whole(*arguments)
        calls = [self._with(arguments, part) for part in _parted(chained, groups)]
        # Compiled in this thread, whose settings (64 bits, say) other threads do not share.
        run = self._program(calls[0])
        arrays = [[x for k, x in enumerate(call) if k not in self.static] for call in calls]
        with ThreadPoolExecutor(groups) as pool:
            found = list(pool.map(lambda call: jax.block_until_ready(run(*call)), arrays))
        return _joined(found)

    def _with(self, arguments: tuple[Any, ...], part: tuple[Any, ...]) -> tuple[Any, ...]:
        own = dict(zip(self.along, part, strict=True))
        return tuple(own.get(k, argument) for k, argument in enumerate(arguments))

    def _program(self, call: tuple[Any, ...]) -> Callable[..., Any]:
        static = tuple(call[k] for k in self.static)
        leaves, shape = jax.tree.flatten([x for k, x in enumerate(call) if k not in self.static])
        key = (static, shape, tuple(map(jax.typeof, leaves)))
        if key not in self.programs:
            self.programs[key] = self.whole.lower(*call).compile(ALONE)
        return self.programs[key]


def _traced(value: Any) -> bool:
    return isinstance(value, Tracer)


@shared
@partial(jax.jit, static_argnums=1)
def _parted(chains: Any, groups: int) -> list[Any]:
    size = len(jax.tree.leaves(chains)[0]) // groups
    return [
        jax.tree.map(
            partial(jax.lax.slice_in_dim, start_index=k * size, limit_index=(k + 1) * size), chains
        )
        for k in range(groups)
    ]


@shared
@jax.jit
def _joined(parts: list[Any]) -> Any:
    return jax.tree.map(lambda *xs: jnp.concatenate(xs), *parts)
