"""A step size that finds itself in warm-up: the walk of Robbins & Monro (1951) on its logarithm."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp


class Tuning(NamedTuple):
    """A step size and how far warm-up has come."""

    log_step: Any  # scalar
    mean_log_step: Any  # scalar, averaged over the second half of warm-up
    count: Any  # scalar, steps done
    warmup: Any  # scalar, steps of warm-up

    @property
    def warming(self) -> Any:
        """Whether warm-up still lasts."""
        return self.count < self.warmup

    @property
    def step(self) -> Any:
        """The step size in force: the walk itself in warm-up, its mean afterwards."""
        return jnp.exp(jnp.where(self.warming, self.log_step, self.mean_log_step))


def tuning_from(step: float, warmup: int) -> Tuning:
    """The start of a warm-up of so many steps."""
    log_step = jnp.log(jnp.asarray(step, jnp.result_type(float)))
    zero = jnp.zeros((), jnp.int32)
    return Tuning(log_step, log_step, zero, jnp.asarray(warmup, jnp.int32))


def tune(
    tuning: Tuning,
    probability: Any,
    wanted: float,
    least: float = 0.0,
    most: float = math.inf,
) -> Tuning:
    """The step size after a step accepted with this probability: longer if above `wanted`, else shorter.

    `least` and `most` bound the step size.
    """
    count = tuning.count + 1
    gain = 2.0 / jnp.sqrt(count.astype(jnp.result_type(float)) + 1.0)
    change = jnp.where(tuning.warming, gain * (probability - wanted), 0.0)
    low = math.log(least) if least else -math.inf
    log_step = jnp.clip(tuning.log_step + change, low, math.log(most))
    half = jnp.maximum(tuning.warmup // 2, 1)
    seen = jnp.maximum(count - half, 1)
    averaging = tuning.warming & (count > half)
    mean = tuning.mean_log_step + (log_step - tuning.mean_log_step) / seen
    return Tuning(log_step, jnp.where(averaging, mean, tuning.mean_log_step), count, tuning.warmup)
