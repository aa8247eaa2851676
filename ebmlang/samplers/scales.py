"""Scales of free numbers and a step size, both learnt in warm-up, both fixed after it.

Warm-up has rounds of 16, 32, 64, … steps. At the end of each the variances of that round become the
scales, drawn towards a small number as Stan does, and the search for the step begins anew.

Sources: Welford (1962) for the variances; Carpenter et al. (2017), "Stan: a probabilistic
programming language", and Stan's reference manual, section "HMC algorithm parameters".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from .tuning import Tuning, tune, tuning_from

FIRST_ROUND = 32  # steps before the scales first change
SHRUNK_TO, SHRUNK_AS = 1e-3, 5.0  # as many draws of this variance are added: Stan's numbers


class Scales(NamedTuple):
    """The step size and the scales in force, and what the next ones are made of."""

    tuning: Tuning
    scale: Any  # [number], variances
    mean: Any  # [number], of this round
    squares: Any  # [number], sums of squares about the mean
    seen: Any  # scalar, steps of this round
    count: Any  # scalar, steps done
    warmup: Any  # scalar, steps of warm-up


def scales_from(step: float, number: int, warmup: int, dtype: Any) -> Scales:
    """The start of a warm-up of so many steps, every scale 1."""
    none, zero = jnp.zeros(number, dtype), jnp.zeros((), jnp.int32)
    tuning = tuning_from(step, warmup)
    return Scales(tuning, none + 1, none, none, zero, zero, jnp.asarray(warmup, jnp.int32))


def learn(scales: Scales, free: Any, probability: Any, wanted: float) -> Scales:
    """Step and scales after a step to `free` [number] that was accepted with this probability.

    The last quarter of warm-up changes no scale, so that the step has time to fit them.
    """
    tuning = tune(scales.tuning, probability, wanted)
    count = scales.count + 1
    learning = count <= scales.warmup - scales.warmup // 4
    seen = scales.seen + 1
    gap = free - scales.mean
    mean = scales.mean + gap / seen
    squares = scales.squares + gap * (free - mean)
    renewed = learning & (count & (count - 1) == 0) & (count >= FIRST_ROUND)
    scale = jnp.where(renewed, _shrunk(squares, seen), scales.scale)
    # The mean step stays what it was, in units of the new scales.
    shift = jnp.mean(jnp.log(scales.scale) - jnp.log(scale)).astype(tuning.log_step.dtype)
    begun = tuning.log_step + shift
    anew = Tuning(begun, begun, jnp.zeros_like(count), scales.warmup - count)
    tuning = Tuning(*(jnp.where(renewed, a, b) for a, b in zip(anew, tuning, strict=True)))
    forget = renewed | ~learning
    return Scales(
        tuning,
        scale,
        jnp.where(forget, 0.0, mean),
        jnp.where(forget, 0.0, squares),
        jnp.where(forget, 0, seen),
        count,
        scales.warmup,
    )


def _shrunk(squares: Any, seen: Any) -> Any:
    """Variances of so many draws, with a few of a small variance added."""
    variance = squares / jnp.maximum(seen - 1, 1)
    return (seen * variance + SHRUNK_AS * SHRUNK_TO) / (seen + SHRUNK_AS)
