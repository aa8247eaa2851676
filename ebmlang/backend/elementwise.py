"""The array side of semantics/functions.py: one JAX and one NumPy meaning for each row.

Slopes at kinks are chosen by a position or by one comparison, never by looking for the value that
was found: compiled code may compute an operand twice with different rounding, and then no operand
equals the value. At a tie between two arguments each has half the slope; at a tie in a reduction
the first entry has all of it; at the tip of a norm the slope is 0, as that of `abs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Meaning = Callable[..., Any]


def _number(compare: Meaning) -> Meaning:
    """A comparison that gives 1 or 0."""
    return lambda *values: compare(*values) * 1


def _power(base: Any, exponent: Any) -> Any:
    """`^` with whole constant exponents as repeated products, which differentiate well at 0."""
    if isinstance(exponent, np.ndarray) and exponent.ndim == 0 and float(exponent).is_integer():
        return base ** int(exponent)
    return jnp.power(base, exponent)


@jax.custom_jvp
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), precise on both sides, with the sigmoid as its slope everywhere."""
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


softplus.defjvps(lambda tangent, _, x: tangent * jax.nn.sigmoid(x))


@jax.custom_jvp
def larger(a: Any, b: Any) -> Any:
    """The larger of two arrays, entry by entry; its slope is that of the larger one."""
    return jnp.maximum(a, b)


@larger.defjvp
def _larger_slope(values: tuple[Any, Any], slopes: tuple[Any, Any]) -> tuple[Any, Any]:
    (a, b), (da, db) = values, slopes
    slope = jnp.where(a > b, da, jnp.where(a < b, db, 0.5 * (da + db)))
    return larger(a, b), slope


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two arrays, entry by entry; its slope is that of the smaller one."""
    return -larger(-a, -b)


@jax.custom_jvp
def largest(values: Any) -> Any:
    """The largest entry along the last axis; its slope is that of the first that is largest."""
    return jnp.max(values, axis=-1, initial=-jnp.inf)


@largest.defjvp
def _largest_slope(values: tuple[Any], slopes: tuple[Any]) -> tuple[Any, Any]:
    (array,), (slope,) = values, slopes
    if not array.shape[-1]:
        return largest(array), jnp.zeros(array.shape[:-1], array.dtype)
    there = jnp.argmax(array, axis=-1)[..., None] == jnp.arange(array.shape[-1])
    return largest(array), jnp.sum(jnp.where(there, slope, 0), axis=-1)


@jax.custom_jvp
def log_sum_exp(values: Any) -> Any:
    """log(sum(exp)) along the last axis, with softmax as its slope; nothing but -inf has none."""
    return jax.nn.logsumexp(values, axis=-1)


@log_sum_exp.defjvp
def _log_sum_exp_slope(values: tuple[Any], slopes: tuple[Any]) -> tuple[Any, Any]:
    (array,), (slope,) = values, slopes
    total = log_sum_exp(array)
    share = jnp.where(jnp.isneginf(array), 0, jnp.exp(array - total[..., None]))
    return total, jnp.sum(share * slope, axis=-1)


def root(exponent: float) -> Meaning:
    """`x ^ exponent` below 1, of what is least at 0: a kink there as that of `abs`, of slope 0."""

    def slope(tangent: Any, _: Any, x: Any) -> Any:
        safe = jnp.where(x == 0, 1, x)
        return jnp.where(x == 0, 0, tangent * exponent * jnp.power(safe, exponent - 1))

    rooted = jax.custom_jvp(lambda x: jnp.sqrt(x) if exponent == 0.5 else jnp.power(x, exponent))
    rooted.defjvps(slope)
    return rooted


JAX: dict[str, Meaning] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "negate": lambda a: -a,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "mod": jnp.mod,
    "==": _number(lambda a, b: a == b),
    "!=": _number(lambda a, b: a != b),
    "<": _number(lambda a, b: a < b),
    "<=": _number(lambda a, b: a <= b),
    ">": _number(lambda a, b: a > b),
    ">=": _number(lambda a, b: a >= b),
    "and": _number(lambda a, b: (a != 0) & (b != 0)),
    "or": _number(lambda a, b: (a != 0) | (b != 0)),
    "not": _number(lambda a: a == 0),
    "if": lambda c, a, b: jnp.where(c != 0, a, b),
    "exp": jnp.exp,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "expm1": jnp.expm1,
    "sqrt": jnp.sqrt,
    "square": lambda a: a * a,
    "abs": jnp.abs,
    "sign": jnp.sign,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": softplus,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "gelu": jax.nn.gelu,
    "max": larger,
    "min": smaller,
    "floor": jnp.floor,
    "lgamma": jax.scipy.special.gammaln,
}

# What can stand in a condition on indices alone, evaluated once and never traced.
NUMPY: dict[str, Meaning] = {
    name: JAX[name]
    for name in ("+", "-", "negate", "*", "==", "!=", "<", "<=", ">", ">=", "and", "or", "not",
                 "square")
} | {
    "/": np.divide,
    "^": lambda a, b: np.power(np.asarray(a, float), b),
    "mod": np.mod,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "max": np.maximum,
    "min": np.minimum,
    "if": lambda c, a, b: np.where(c != 0, a, b),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "cos": np.cos,
    "sin": np.sin,
}  # fmt: skip
