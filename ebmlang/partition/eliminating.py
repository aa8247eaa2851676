"""Sums over sites one after another, in the logarithm, with the marginals of all tables backwards.

Each step adds up the tables that hold the site and sums the site out; what is left is a table of
the sites still open, a message to the first of them to follow. In statistical physics this is the
transfer matrix, one site at a time.
Source: Dechter (1999), "Bucket elimination: a unifying framework for reasoning".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.fronts import Front
from ..backend.process import shared

SMALL = 1 << 13  # numbers in a step, up to which NumPy is faster than a compiled one
WORTH = 1 << 22  # numbers in all steps of a kind, from which compiling one pays
MOST_BYTES = 4e9
STEP_SECONDS, SECONDS, COMPILATION = 5e-5, 1.2e-8, 0.15
PLAIN = 4.0  # times as long in NumPy


@dataclass(frozen=True, slots=True)
class Step:
    """One site summed out: `inputs` are steps whose messages it takes, `shapes` those of its tables.

    The first shape is that of the site's own table, the others those of the messages. All have
    the same number of axes: neighbouring sites that stand in the same tables share one.
    `heir`: the step that takes its message, None where nothing is left open. `compiled`: whether
    there is so much to do in steps of these shapes that JAX is used.
    """

    inputs: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    whole: tuple[int, ...]
    heir: int | None
    compiled: bool = False

    @property
    def size(self) -> int:
        """Joint states of the site and its open neighbours."""
        return math.prod(self.whole)

    @property
    def left(self) -> int:
        """Numbers in its message."""
        return self.size // self.whole[0]


@dataclass(frozen=True, eq=False)
class Steps:
    """All steps of an elimination, in order."""

    steps: tuple[Step, ...]

    @cached_property
    def seconds(self) -> float:
        """Predicted time of one pass forward, with what has to be compiled."""
        kinds = {s.shapes for s in self.steps if s.compiled}
        numbers = [s.size * len(s.shapes) / 2 * (1 if s.compiled else PLAIN) for s in self.steps]
        return STEP_SECONDS * len(self.steps) + SECONDS * sum(numbers) + COMPILATION * len(kinds)

    @cached_property
    def largest(self) -> float:
        """The most bytes that a step works with."""
        return 8.0 * max((3 * s.size + s.left for s in self.steps), default=0)

    def log_sum(self, tables: Sequence[np.ndarray]) -> float:
        """log of the sum over all sites of exp of the sum of tables, in nats.

        `tables` [step] are flat, the site itself slowest, then its later neighbours in order.
        """
        return self._run({}, tables, 0, len(self.steps))[1]

    def marginals(
        self, tables: Sequence[np.ndarray], length: int
    ) -> tuple[float, list[np.ndarray]]:
        """The log sum, and the joint probabilities of the sites of each table.

        Messages of `length` steps at a time are kept; they are worked out anew for each stretch.
        """
        cuts = list(range(0, len(self.steps), length))
        saved: list[dict[int, Any]] = []
        live: dict[int, Any] = {}
        total = 0.0
        for cut in cuts:
            saved.append(live)
            live, more = self._run(live, tables, cut, min(cut + length, len(self.steps)))
            total += more
        found: list[np.ndarray] = [np.zeros(0)] * len(self.steps)
        shares: dict[int, Any] = {}
        for cut in reversed(cuts):
            self._back(saved.pop(), tables, cut, min(cut + length, len(self.steps)), shares, found)
        return total, found

    def stretch(self) -> int | None:
        """How many steps' messages are kept at a time, to fit in memory; None if nothing fits."""
        number = len(self.steps)
        length = number
        while length >= 1:
            if self._bytes(length) <= MOST_BYTES:
                return length
            length //= 2
        return None

    def _bytes(self, length: int) -> float:
        """What a pass backwards keeps: open messages at every cut, and all of one stretch."""
        kept = 0.0
        for cut in range(length, len(self.steps), length):
            kept += sum(
                s.left
                for k, s in enumerate(self.steps[:cut])
                if s.heir is not None and s.heir >= cut
            )
        stretch = max(
            sum(s.left for s in self.steps[cut : cut + length])
            for cut in range(0, len(self.steps), length)
        )
        return 8.0 * (kept + 2 * stretch) + self.largest

    def _run(
        self,
        live: Mapping[int, Any],
        tables: Sequence[np.ndarray],
        start: int,
        stop: int,
        kept: dict[int, Any] | None = None,
    ) -> tuple[dict[int, Any], float]:
        """Open messages after the steps from `start` to `stop`, and what they left as numbers."""
        live = dict(live)
        total = 0.0
        for k in range(start, stop):
            step = self.steps[k]
            parts = [tables[k], *(live.pop(j) for j in step.inputs)]
            message = _summed(_shaped(parts, step))
            if kept is not None:
                kept[k] = message
            if step.heir is None:
                total += float(np.asarray(message).reshape(()))
            else:
                live[k] = message
        return live, total

    def _back(
        self,
        live: Mapping[int, Any],
        tables: Sequence[np.ndarray],
        start: int,
        stop: int,
        shares: dict[int, Any],
        found: list[np.ndarray],
    ) -> None:
        """Joint probabilities of the tables of a stretch, from those of the messages it leaves."""
        messages = dict(live)
        self._run(live, tables, start, stop, messages)
        for k in reversed(range(start, stop)):
            step = self.steps[k]
            parts = _shaped([tables[k], *(messages[j] for j in step.inputs)], step)
            share = np.ones(1) if step.heir is None else shares.pop(k)
            own, *others = _shared(parts, messages.pop(k), share)
            found[k] = np.asarray(own)
            shares.update(zip(step.inputs, others, strict=True))


def steps_of(front: Front) -> Steps:
    """The steps of an elimination order."""
    inputs: list[list[int]] = [[] for _ in front.order]
    for k, opened in enumerate(front.opened):
        if opened:
            inputs[opened[0]].append(k)
    steps = []
    for k, opened in enumerate(front.opened):
        scopes = [[k, *front.later[k]], *(front.opened[j] for j in inputs[k])]
        shapes, whole = _aligned([k, *opened], scopes, front.values)
        heir = opened[0] if opened else None
        steps.append(Step(tuple(inputs[k]), shapes, whole, heir))
    work: Counter[tuple[tuple[int, ...], ...]] = Counter()
    for step in steps:
        work[step.shapes] += step.size
    return Steps(
        tuple(replace(s, compiled=s.size > SMALL and work[s.shapes] > WORTH) for s in steps)
    )


def _aligned(
    sites: Sequence[int], scopes: Sequence[Sequence[int]], values: np.ndarray
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Shapes that line the tables up: sites in a row that stand in the same tables are one axis."""
    members = [frozenset(scope) for scope in scopes]
    runs: list[tuple[tuple[bool, ...], int]] = []
    for site in sites:
        own = tuple(site in scope for scope in members)
        count = int(values[site])
        if len(runs) > 1 and runs[-1][0] == own:
            runs[-1] = own, runs[-1][1] * count
        else:
            runs.append((own, count))
    shapes = tuple(tuple(size if own[k] else 1 for own, size in runs) for k in range(len(scopes)))
    return shapes, tuple(size for _, size in runs)


def _shaped(parts: Sequence[Any], step: Step) -> tuple[Any, ...]:
    """Tables with their axes lined up: JAX's arrays where there is much to do."""
    make = jnp.asarray if step.compiled else np.asarray
    return tuple(make(p).reshape(s) for p, s in zip(parts, step.shapes, strict=True))


def _summed(parts: tuple[Any, ...]) -> Any:
    """log sum exp over the first axis of the sum of the parts, flat."""
    if isinstance(parts[0], np.ndarray):
        return _log_sum(np, parts).reshape(-1)
    return _summed_large(parts)


def _log_sum(xp: Any, parts: tuple[Any, ...]) -> Any:
    total = reduce(add, parts)
    if total.shape[0] == 2:
        return xp.maximum(total[0], total[1]) + xp.log1p(xp.exp(-xp.abs(total[0] - total[1])))
    top = total.max(axis=0)
    return top + xp.log(xp.exp(total - top).sum(axis=0))


@shared
@jax.jit
def _summed_large(parts: tuple[Any, ...]) -> Any:
    return _log_sum(jnp, parts).reshape(-1)


def _shared(parts: tuple[Any, ...], message: Any, share: Any) -> list[Any]:
    """The joint probabilities of each part's sites, given those of the sites left open."""
    if isinstance(parts[0], np.ndarray):
        return _split(np, parts, np.asarray(message), np.asarray(share))
    return _shared_large(parts, message, share)


def _split(xp: Any, parts: tuple[Any, ...], message: Any, share: Any) -> list[Any]:
    total = reduce(add, parts)
    joint = xp.exp(total - message.reshape(total.shape[1:])) * share.reshape(total.shape[1:])
    found = []
    for part in parts:
        axes = tuple(k for k, n in enumerate(part.shape) if n == 1 and total.shape[k] > 1)
        found.append(joint.sum(axis=axes).reshape(-1))
    return found


@shared
@jax.jit
def _shared_large(parts: tuple[Any, ...], message: Any, share: Any) -> list[Any]:
    return _split(jnp, parts, message, share)
