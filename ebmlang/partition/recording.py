"""Means of dE/dtheta along chains, segment by segment, until the errors are as small as wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import Target
from ..evaluation.diagnostics import (
    ESS_LIMIT,
    RHAT_LIMIT,
    Diagnostics,
    effective_size,
    judge,
    rank_rhat,
)
from ..evaluation.divergences import Divergences
from ..samplers.block import Plan
from ..samplers.pace import Pace, in_room
from ..samplers.sweep import Chain, no_changes, prepared, sweeps, with_changes
from ..syntax.diagnostics import complain

MOST_KEPT = 40_000_000
MOST_AT_ONCE = 4_000_000  # numbers whose autocorrelations are found together
MOST_FACTOR = 4096  # how many times as many draws a target may take
ROUNDED = 100  # units of the last digit: a spread below so many is that of rounding
SPARE = 1.1  # draws beyond those that the errors so far promise to be enough

Walk = Callable[..., tuple[Chain, Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Errors to be reached, None where none is asked for.

    `error`: of the worst free number. `norm`: of all in the l2 norm. `relative`: that norm as a
    part of the norm of the mean.
    """

    error: float | None = None
    norm: float | None = None
    relative: float | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("error", self.error),
            ("norm", self.norm),
            ("relative", self.relative),
        ):
            if value is not None and not value > 0:
                raise complain("E704", f"`target_{name}` must be a number above 0, not {value!r}")

    @property
    def some(self) -> bool:
        """Whether anything is asked for."""
        return self != Wanted()

    def gap(self, mean: np.ndarray, errors: np.ndarray) -> float:
        """How many times too large the errors are, the worst target; at most 1 if all are met."""
        norm, size = float(np.linalg.norm(errors)), float(np.linalg.norm(mean))
        gaps = [0.0]
        gaps += [float(np.max(errors, initial=0.0)) / self.error] if self.error else []
        gaps += [norm / self.norm] if self.norm else []
        if self.relative:
            gaps.append(norm / (self.relative * size) if size else np.inf if norm else 0.0)
        return max(gaps)


def recorder(plan: Plan, target: Target, slopes: tuple[Any, ...], *, apart: bool = False) -> Walk:
    """Compiled: so many block means [chain, block, number] of dE/dtheta, the energy last.

    Only the `wanted` first of the blocks are made. Of several estimates the mean with the weights
    [chain, estimate, number] that are handed over; `apart`: each by itself,
    [chain, block, estimate, number]. The sweeps of a block are an argument: blocks of any length
    are one program. Beside the means the report of each block, and which entries of each variable
    changed [chain, dims].
    """

    def told(situation: Situation, state: Any, weights: Any) -> Any:
        energy = target.relative.whole(situation.params, state, situation.given)
        found = jnp.stack([slope(situation, state) for slope in slopes])
        if not apart:
            found = found[0] if len(slopes) == 1 else jnp.sum(weights * found, axis=0)
        return jnp.concatenate([found, jnp.broadcast_to(energy, (*found.shape[:-1], 1))], axis=-1)

    def walk(
        situation: Situation, chain: Chain, weights: Any, thin: Any, block: Any, wanted: Any,
        blocks: int,
    ) -> Any:  # fmt: skip
        ready, first = prepared(plan, situation), chain.state

        def one(_: Any, carry: Any) -> Any:
            chain, changes, total, counts = carry
            chain, report = sweeps(plan, ready, chain, thin)
            tally = (report.acceptance, report.diverged, report.gradients)
            counts = tuple(a + b for a, b in zip(counts, tally, strict=True))
            changes = with_changes(changes, first, chain.state)
            return chain, changes, total + told(situation, chain.state, weights), counts

        def many(carry: Any, _: Any) -> Any:
            shape = jax.eval_shape(lambda: told(situation, carry[0].state, weights))
            none = jnp.zeros((), jnp.int32)
            zero = jnp.zeros(shape.shape, shape.dtype), (jnp.zeros(()), none, none)
            *carry, total, counts = jax.lax.fori_loop(0, block, one, (*carry, *zero))
            return tuple(carry), (total / block, counts[0] / block, *counts[1:])

        begun = chain, no_changes(plan)
        (chain, changes), found = in_room(many, begun, jnp.arange(blocks) < wanted)
        return chain, (*found, changes)

    axes = (None, 0, 0, None, None, None, None)
    return jax.jit(jax.vmap(walk, in_axes=axes), static_argnums=6)


def paced(
    walk: Walk, situation: Situation, weights: Any, thin: int
) -> Callable[[Chain, int, int], tuple[Chain, Any]]:
    """The walk of a recorder in short calls: from a chain, sweeps of a block and blocks."""
    pace = Pace()

    def run(chain: Chain, block: int, blocks: int) -> tuple[Chain, Any]:
        def call(number: int) -> Any:
            return walk(situation, chain, weights, thin, block, number, blocks)

        parts: list[Any] = []
        changed: Any = None
        done = 0
        while done < blocks:
            now, (chain, (*told, changes)) = pace.run(call, blocks - done)
            parts.append(jax.tree.map(lambda x, n=now: np.asarray(x)[:, :n], tuple(told)))
            changed = changes if changed is None else jax.tree.map(np.logical_or, changed, changes)
            done += now
        joined = jax.tree.map(lambda *xs: np.concatenate(xs, axis=1), *parts)
        return chain, (*joined, changed)

    return run


class Run(NamedTuple):
    """Means [chain, block, number] of blocks of draws, the energy last, and what sweeps told.

    `changed`: which free sites changed from draw to draw [chain, site].
    """

    series: np.ndarray
    draws: int  # of each chain
    acceptance: float
    diverged: int
    changed: dict[str, np.ndarray]


def recorded(
    walk: Callable[[Chain, int, int], tuple[Chain, Any]],
    chain: Chain,
    numbers: int,
    counts: tuple[int, int],
    wanted: Wanted,
    moved: np.ndarray,
) -> Run:
    """Draws until the errors are as small as wanted and the chains agree, or just so many.

    `counts`: draws of each chain if nothing is wanted, and at most.

    A round at most doubles what there is; blocks are joined in pairs before they fill the memory.
    """
    chains, (draws, most) = chain.key.shape[0], counts
    block = max(1, -(-draws * chains * (numbers + 1) // MOST_KEPT))
    blocks = max(1, draws // block)
    chain, (means, accepted, diverged, _, changes) = walk(chain, block, blocks)
    series, wrong = np.asarray(means, np.float64), int(np.sum(diverged))
    done = block * blocks
    while wanted.some and done < most:
        run = Run(series, done, float(np.mean(accepted)), wrong, changes)
        gap = wanted.gap(series[:, :, :-1].mean(axis=(0, 1)), errors_of(series[:, :, :-1], moved))
        if gap <= 1 and agreed(judged(run, moved)):
            break
        goal = min(done * min(max(SPARE * gap, 1.0) ** 2 if gap > 1 else 2.0, 2.0), most)
        while done < goal:
            if 2 * series.size > 3 * MOST_KEPT:
                block, series = 2 * block, _paired(series)
            chain, (means, accepted, diverged, _, more) = walk(chain, block, blocks)
            changes = jax.tree.map(np.logical_or, changes, more)
            series = np.concatenate([series, np.asarray(means, np.float64)], axis=1)
            wrong += int(np.sum(diverged))
            done = series.shape[1] * block
    return Run(series, done, float(np.mean(accepted)), wrong, changes)


def _paired(series: np.ndarray) -> np.ndarray:
    """The means of pairs of blocks; an odd first one is left out."""
    even = series[:, series.shape[1] % 2 :]
    return even.reshape(len(even), -1, 2, even.shape[2]).mean(axis=2)


def sizes_of(series: np.ndarray) -> np.ndarray:
    """Effective blocks of [chain, block, number]; NaN where a number never moved."""
    width = max(1, MOST_AT_ONCE // (series.shape[0] * series.shape[1]))
    parts = range(0, series.shape[2], width)
    return np.concatenate([effective_size(series[:, :, k : k + width]) for k in parts] or [[]])


def errors_of(series: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Standard error of the mean of each number; infinite where nothing ever moved.

    Where the mean given the rest is constant, though the draws behind it moved (`moved` [number]),
    what rounding may do to it.
    """
    ess = sizes_of(series)
    spread = series.reshape(-1, series.shape[2]).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.where(np.isfinite(ess), np.sqrt(spread / ess), np.inf)
    return np.where(moved & constant(series), _rounding(series), errors)


def constant(series: np.ndarray) -> np.ndarray:
    """Which numbers of [chain, block, number] vary by no more than rounding."""
    return np.ptp(series, axis=(0, 1)) <= _rounding(series)


def _rounding(series: np.ndarray) -> np.ndarray:
    digit = float(jnp.finfo(jnp.result_type(float)).eps)
    return ROUNDED * digit * np.abs(series).max(axis=(0, 1), initial=0.0)


def judged(run: Run, moved: np.ndarray) -> Diagnostics:
    """What speaks against the chains: of the slopes and of the energy; rounding says nothing."""
    slopes = run.series[:, :, :-1]
    parts: Mapping[str, np.ndarray] = {
        "dE/dtheta": slopes[:, :, ~(moved & constant(slopes))],
        "energy": run.series[:, :, -1],
    }
    each = run.draws / run.series.shape[1]
    return judge(
        {n: rank_rhat(v) for n, v in parts.items()},
        {"dE/dtheta": sizes_of(parts["dE/dtheta"]) * each}
        | {"energy": effective_size(parts["energy"]) * each},
        run.acceptance,
        Divergences(run.diverged),
        run.changed,
        None,
        draws=run.draws,
    )


def agreed(found: Diagnostics) -> bool:
    """Whether R-hat and effective sizes are such that errors can be believed."""
    apart = any(value > RHAT_LIMIT for value in found.rhat.values())
    return not apart and not any(value < ESS_LIMIT for value in found.ess.values())
