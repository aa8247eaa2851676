"""The array side of semantics/functions.py: one JAX and one NumPy meaning for each row."""

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
    "max": jnp.maximum,
    "min": jnp.minimum,
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
