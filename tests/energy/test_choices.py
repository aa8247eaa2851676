"""What an `if` does not take, and what a condition leaves out, changes neither energy nor slope."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm

X = jnp.asarray([0.5, -1.0, 2.0, 0.0, -3.0])
Y = jnp.asarray([0.2, 0.7, -0.4, 1.5, 0.0])
INSIDE = np.asarray(X) > 0


def _taken(of_x: Any, elsewhere: Any = lambda x: 0 * x) -> Any:
    """A function of the entries above 0 alone, so that JAX never sees the others."""
    return lambda x: jnp.sum(of_x(x[INSIDE])) + jnp.sum(elsewhere(x[~INSIDE]))


ENTRIES = {
    "sqrt": ("sum(i) (if x[i] > 0 then sqrt(x[i]) else 0)", _taken(jnp.sqrt)),
    "log": ("sum(i) (if x[i] > 0 then log(x[i]) else x[i])", _taken(jnp.log, lambda x: x)),
    "quotient": ("sum(i) (if x[i] > 0 then 1 / x[i] else 0)", _taken(lambda x: 1 / x)),
    "the other branch": (
        "sum(i) (if x[i] <= 0 then x[i]^2 else log(x[i]))",
        _taken(jnp.log, lambda x: x**2),
    ),
    "power": ("sum(i) (if x[i] > 0 then x[i] ^ 0.3 else 0)", _taken(lambda x: x**0.3)),
    "power of a power": (
        "sum(i) (if x[i] > 0 then x[i] ^ x[i] else 0)",
        _taken(lambda x: x**x),
    ),
    "lgamma": (
        "sum(i) (if x[i] > 0 then lgamma(x[i]) else 0)",
        _taken(jax.scipy.special.gammaln),
    ),
    "log of a log": (
        "sum(i) (if x[i] > 0 then log(log(1 + x[i])) else 0)",
        _taken(lambda x: jnp.log(jnp.log(1 + x))),
    ),
    "overflow": (
        "sum(i) (if x[i] > -5 then x[i] else exp(-900 * x[i] * x[i]) + expm1(300 * x[i] ^ 8))",
        jnp.sum,
    ),
    "nested": (
        "sum(i) (if x[i] > 0 then (if x[i] > 1 then sqrt(x[i] - 1) else log(x[i])) else 0)",
        lambda x: jnp.sqrt(x[2] - 1) + jnp.log(x[0]),
    ),
    "nested in the other": (
        "sum(i) (if x[i] < 0 then 1 / (x[i] + 2) else (if x[i] > 1 then sqrt(x[i]) else 0))",
        lambda x: 1 / (x[1] + 2) + 1 / (x[4] + 2) + jnp.sqrt(x[2]),
    ),
    "a definition": ("sum(i) (if x[i] > 0 then root[i] else 0)", _taken(jnp.sqrt)),
    "a whole array": ("sum(if x > 0 then sqrt(x) / x else 0)", _taken(lambda x: x**-0.5)),
    "a sum inside": (
        "sum(i) (if x[i] > 0 then sum(j) log(x[i] + y[j]^2) else 0)",
        _taken(lambda x: jnp.log(x[:, None] + Y**2)),
    ),
    "a norm": ("if norm(x) > 100 then norm(0 * x) else sum(x)", jnp.sum),
    "a factor": ("sum(i) y[i] * (if x[i] > 0 then sqrt(x[i]) else 0)",
                 lambda x: jnp.sum(Y[INSIDE] * jnp.sqrt(x[INSIDE]))),
    "a condition": ("sum(i, x[i] > 0) y[i] * sqrt(x[i])",
                    lambda x: jnp.sum(Y[INSIDE] * jnp.sqrt(x[INSIDE]))),
    "a condition away from 1": ("sum(i, x[i] > 1) sqrt(x[i] - 1)", lambda x: jnp.sqrt(x[2] - 1)),
    "a condition on both": (
        "sum(i, j, x[i] > y[j] + 1) log(x[i] - 1) * y[j]",
        lambda x: jnp.log(x[2] - 1) * (Y[0] + Y[1] + Y[2] + Y[4]),
    ),
    "a greatest": ("max(i, x[i] > 0) sqrt(x[i])", lambda x: jnp.sqrt(x[2])),
    "a product": ("prod(i, x[i] > 0) sqrt(x[i])", lambda x: jnp.sqrt(x[0] * x[2])),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_a_branch_not_taken_leaves_energy_and_slope_alone(name: str):
    text, wanted = ENTRIES[name]
    declared = "dim n = 5 visible x : real[n] visible y : real[n] let root[i] = sqrt(x[i])"
    model = ebm.loads(f"{declared} energy = {text}")

    def energy(x: Any) -> Any:
        return model.energy({}, {"x": x, "y": Y})

    value, slope = jax.value_and_grad(energy)(X)
    assert float(value) == pytest.approx(float(wanted(X)), rel=1e-5)
    np.testing.assert_allclose(slope, jax.grad(wanted)(X), rtol=1e-5, atol=1e-6)


def test_the_slope_along_a_parameter_and_the_curvature_are_finite_too():
    model = ebm.loads(
        "dim n = 5 visible x : real[n] param a : real "
        "energy = sum(i) (if x[i] > 0 then x[i] ^ a else 0)"
    )

    def energy(a: Any, x: Any) -> Any:
        return model.energy({"a": a}, {"x": x})

    x = np.asarray(X)[INSIDE]
    assert float(jax.grad(energy)(0.5, X)) == pytest.approx(np.sum(x**0.5 * np.log(x)), rel=1e-5)
    curvature = jnp.diag(jax.hessian(energy, argnums=1)(0.5, X))
    np.testing.assert_allclose(curvature[INSIDE], -0.25 * x**-1.5, rtol=1e-5)
    np.testing.assert_allclose(curvature[~INSIDE], 0)


def test_a_large_exponential_that_is_not_taken_is_not_computed():
    model = ebm.loads(
        "visible x : real energy soft = if x > 30 then x else log(1 + exp(x)) energy bowl = x^2"
    )
    for x in (1000.0, 3.0):
        slope = jax.grad(lambda x: model.energy({}, {"x": x}))(x)
        assert float(slope) == pytest.approx(2 * x + float(jax.nn.sigmoid(x)), rel=1e-5)


def test_a_branch_that_indices_decide_is_as_safe():
    model = ebm.loads(
        "dim n = 4 visible x : positive[n] "
        "energy = sum(i, j in n) (if i != j then x[i] / (i - j) ^ 2 else log(x[i]))"
    )
    x = np.asarray([1.0, 2, 3, 4])
    far = np.subtract.outer(np.arange(4.0), np.arange(4.0))
    far = np.where(np.eye(4) > 0, np.inf, far)
    assert float(model.energy({}, {"x": x})) == pytest.approx(
        float(np.sum(x[:, None] / far**2) + np.sum(np.log(x))), rel=1e-5
    )
