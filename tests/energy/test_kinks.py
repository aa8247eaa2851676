"""Slopes at kinks: the same compiled and not compiled, and those of differences beside the kink."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm

HEAD = (
    "model m dim n = 3, k = 4 visible s : binary[n] "
    "param a : real[n] param B : real[n, k] param c : real[k] "
)
KINKS = (
    "min(i, j in k) (B[i, j] - a[i] + c[j] * s[i])",
    "max(i, j in k, i != 1) (a[i] + B[i, j] + B[i, j] - c[j])",
    "sum(i) min(j in k) (sum(l in n) B[l, j] * s[l] + a[i])",
    "sum(i) max(a[i] + c[0] - B[i, 1], B[i, 1] - c[0] + a[i])",
    "sum(i) min(a[i] * s[i] + B[i, 2], max(c[1], abs(a[i] - c[2])))",
    "sum(i) relu(a[i] - sum(j in k) B[i, j]) + sum(j in k) abs(c[j] - B[0, j])",
    "sum(i) (if a[i] > B[i, 0] then a[i] * B[i, 0] else B[i, 0]) + sum(i) floor(3 * a[i]) * a[i]",
    "logsumexp(i, j in k) (a[i] * s[i] - B[i, j] - max(l in k) c[l])",
    "max(i) (a[i] - min(j in k) (c[j] + B[i, j]))",
    "sqrt(sum(i) (a[i] * s[i])^2) + sum(i) sign(a[i]) * a[i]",
    "norm(a) + (sum(i) s[i] * a[i]^2)^0.5",
)


def _random(rng: np.random.Generator, depth: int) -> str:
    """A random expression over i in n and j in k, with kinks but no jumps."""
    if depth == 0:
        return str(rng.choice(["a[i]", "B[i, j]", "c[j]", "s[i] * c[j]", "2 * B[i, 0]", "0.3"]))
    at = f"l{depth}"
    one, other = (_random(rng, depth - 1) for _ in range(2))
    forms = (
        f"max({one}, {other})", f"min({one} - {other}, {other})", f"abs({one} - {other})",
        f"relu({one} + {other})", f"({one} * {other} - {one})", f"(if {one} > 0 then {one} else 0)",
        f"(min({at} in k, m{at} in n) (B[m{at}, {at}] + {one}))",
        f"(max({at} in k) (c[{at}] * {one} - B[i, {at}]))",
        f"(logsumexp({at} in k, {at} != j) (c[{at}] - {one}))", f"sqrt(1 + ({one})^2)",
    )  # fmt: skip
    return forms[rng.integers(len(forms))]


RANDOM = [
    f"{outer}(i in n, j in k) {_random(np.random.default_rng(seed), 2)}"
    for seed, outer in enumerate(["sum", "max", "min", "logsumexp", "sum", "max"])
]


def _drawn(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    params = {"a": rng.normal(size=3), "B": rng.normal(size=(3, 4)), "c": rng.normal(size=4)}
    return params, {"s": rng.integers(0, 2, 3)}


@pytest.mark.parametrize("energy", [*KINKS, *RANDOM])
def test_slopes_agree_compiled_interpreted_and_with_differences(energy: str) -> None:
    model = ebm.loads(HEAD + "energy = " + energy)
    params, state = _drawn(0)
    slope = jax.grad(lambda p: model.target.energy(p, state, {}))
    small = {n: jnp.asarray(v, jnp.float32) for n, v in params.items()}
    compiled = jax.jit(slope)(small)
    with jax.disable_jit():
        plain = slope(small)
    with jax.enable_x64(True):
        wide = jax.jit(slope)({n: jnp.asarray(v) for n, v in params.items()})
        energy_of = jax.jit(lambda p: model.target.energy(p, state, {}))
        for name, value in params.items():
            measured = np.zeros_like(value)
            for at in np.ndindex(value.shape):
                step = np.zeros_like(value)
                step[at] = 1e-6
                up, down = ({**params, name: value + sign * step} for sign in (1, -1))
                measured[at] = (energy_of(up) - energy_of(down)) / 2e-6
            np.testing.assert_allclose(wide[name], measured, atol=1e-5)
            np.testing.assert_allclose(compiled[name], wide[name], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(plain[name], wide[name], rtol=1e-4, atol=1e-4)


def test_the_slope_of_a_minimum_of_equal_entries_computed_apart() -> None:
    model = ebm.loads(
        "dim site = 2, cnt = 2, aa = 3 visible s : binary[site] param J : real[cnt] "
        "param M : real[site, site] "
        "energy = min(k in site, l in site, k < l) (sum(p in aa) (J[s[l]] + M[l, k]))"
    )
    params = {"M": np.array([[-0.066, -0.051], [0.175, -0.005]]), "J": np.array([-0.273, 0.494])}
    found = ebm.gradient(model, params, sampler="exact")
    np.testing.assert_allclose(found.mean["M"], [[0, 0], [3, 0]], atol=1e-5)


def test_ties_are_decided_by_position_alone() -> None:
    model = ebm.loads(
        "dim n = 3 visible s : binary[n] param a : real[n] param b : real param c : real "
        "energy = max(i) a[i] - min(i) a[i] + (max(b, c)) + logsumexp(i) a[i] + norm(a)"
    )
    zero = {"a": np.zeros(3), "b": np.zeros(()), "c": np.zeros(())}
    slope = jax.grad(lambda p: model.energy(p, {"s": np.zeros(3)}))(
        {n: jnp.asarray(v, jnp.float32) for n, v in zero.items()}
    )
    # First largest +1, first smallest -1, softmax 1/3 each, the tip of the norm 0.
    np.testing.assert_allclose(slope["a"], [1 / 3] * 3, atol=1e-6)
    assert (float(slope["b"]), float(slope["c"])) == (0.5, 0.5)


def test_curvature_and_many_at_once() -> None:
    model = ebm.loads(
        "dim n = 3 visible x : real[n] energy = max(i) (x[i]^2 / 2) + max(x[0]^3, x[1]) + logsumexp(i) x[i]"
    )
    x = np.array([[0.5, 0.1, -2.0], [1.5, 0.2, 0.3]], np.float32)
    share = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    right = np.stack([np.diag(p) - np.outer(p, p) for p in share])
    right[0, 2, 2] += 1
    right[1, 0, 0] += 1
    right[:, 0, 0] += 6 * x[:, 0]
    energy = lambda v: model.target.energy({}, {"x": v}, {})  # noqa: E731
    found = jax.jit(jax.vmap(jax.hessian(energy)))(x)
    np.testing.assert_allclose(found, right, atol=1e-5)


def test_a_norm_of_nothing_has_a_slope_in_exact_gradients() -> None:
    model = ebm.loads(
        "dim n = 2 visible s : binary[n] param w : real[n] energy = sqrt(sum(i) (w[i] * s[i])^2)"
    )
    found = ebm.gradient(model, {"w": np.array([3.0, 4.0])}, sampler="exact")
    states = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    energies = np.array([0.0, 4.0, 3.0, 5.0])
    slopes = np.array([[0, 0], [0, 1], [1, 0], [0.6, 0.8]])
    p = np.exp(-energies) / np.exp(-energies).sum()
    assert states.shape == slopes.shape
    np.testing.assert_allclose(found.mean["w"], p @ slopes, rtol=1e-5)
