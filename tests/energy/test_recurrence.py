"""Sums over the past with geometric weights are linear recurrences: same numbers, no table of lags."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm

N = 37
HEAD = f"dim time = {N}\ndim cell = 3\n"

# What is written for `s[t]`, and the weight of x at place j in it, or None where it is left out.
FORMS = {
    "sum(k < t) r^k * x[t-k-1]": lambda t, j, r: r ** (t - 1 - j) if j < t else None,
    "sum(k in time, k <= t) r^k * x[t-k]": lambda t, j, r: r ** (t - j) if j <= t else None,
    "sum(k < t) r^(t-k) * x[k]": lambda t, j, r: r ** (t - j) if j < t else None,
    "sum(k < t) r^(t-k-1) * x[k]": lambda t, j, r: r ** (t - 1 - j) if j < t else None,
    "sum(k in time, k > 0, k <= t) r^k * x[t-k]": lambda t, j, r: r ** (t - j) if j < t else None,
    "sum(k in time, k > 1, k + 2 < t) r^(t-k) * x[k]": (
        lambda t, j, r: r ** (t - j) if 1 < j < t - 2 else None
    ),
    "sum(k < t) exp(-(t-k) / 2.5) * x[k]": (
        lambda t, j, r: np.exp(-(t - j) / 2.5) if j < t else None
    ),
    "sum(k < t) exp((k-t) / 2.5) * r^(t-k) * x[k]": (
        lambda t, j, r: (r * np.exp(-1 / 2.5)) ** (t - j) if j < t else None
    ),
    "sum(k < t) power[k] * x[t-k-1]": lambda t, j, r: r ** (t - 1 - j) if j < t else None,
    "sum(k < t) exp(3 - 2 * k) * x[t-k-1]": (
        lambda t, j, r: np.exp(3 - 2 * (t - 1 - j)) if j < t else None
    ),
}


def program(form: str) -> ebm.Model:
    """x and r unknown, and an energy that is the sum of squares of s."""
    text = f"""model past
{HEAD}
latent x : real[time]
latent r : real
let power[k in time] = r^k
let s[t in time] = {form}
energy square = sum(t) s[t]^2
"""
    return ebm.loads(text)


def by_hand(form: str, x: np.ndarray, r: float) -> float:
    """The same, term by term."""
    weight = FORMS[form]
    total = 0.0
    for t in range(N):
        kept = [(j, weight(t, j, r)) for j in range(N)]
        total += sum(w * x[j] for j, w in kept if w is not None) ** 2
    return total


def sizes(jaxpr: object) -> list[int]:
    """How many numbers each array of a program has, those inside it counted."""
    found = []
    for equation in jaxpr.eqns:  # type: ignore[attr-defined]
        found += [v.aval.size for v in (*equation.outvars, *equation.invars) if hasattr(v, "aval")]
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "jaxpr")):
            found += sizes(inner.jaxpr) if hasattr(inner, "jaxpr") else []
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_energy_is_the_sum_term_by_term(form: str) -> None:
    model = program(form)
    rng = np.random.default_rng(3)
    for r in (0.8, -0.6, 0.0, 1.05):
        x = rng.normal(size=N)
        found = float(model.energy({}, {"x": x, "r": r}))
        assert found == pytest.approx(by_hand(form, x, r), rel=2e-5, abs=1e-5)


@pytest.mark.parametrize("form", list(FORMS)[::3])
def test_slopes_follow_finite_differences(form: str) -> None:
    model = program(form)
    x, r = np.random.default_rng(4).normal(size=N), 0.7
    slope = jax.grad(lambda s: model.energy({}, s))({"x": jnp.asarray(x), "r": jnp.asarray(r)})
    step = 1e-5
    by_r = (by_hand(form, x, r + step) - by_hand(form, x, r - step)) / (2 * step)
    assert float(slope["r"]) == pytest.approx(by_r, rel=1e-3, abs=1e-3)
    for j in (0, 5, N - 2):
        moved = step * (np.arange(N) == j)
        by_x = (by_hand(form, x + moved, r) - by_hand(form, x - moved, r)) / (2 * step)
        assert float(slope["x"][j]) == pytest.approx(by_x, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_no_table_of_times_and_lags_is_made(form: str) -> None:
    model = program(form)
    state = {"x": jnp.ones(N), "r": jnp.asarray(0.5)}
    found = jax.make_jaxpr(lambda s: model.energy({}, s))(state)
    assert max(sizes(found.jaxpr)) < N * (N - 1)


def test_each_cell_has_its_own_decay() -> None:
    model = ebm.loads(f"""model traces
{HEAD}
latent x : real[cell, time]
param  a : real[cell]
energy square = sum(i, t) (sum(k < t) a[i]^(t-k) * (x[i, k] + 2)) * x[i, t]
""")
    rng = np.random.default_rng(5)
    x, a = rng.normal(size=(3, N)), np.array([0.9, -0.3, 0.5])
    lag = np.subtract.outer(np.arange(N), np.arange(N))
    table = np.where(lag > 0, a[:, None, None] ** np.maximum(lag, 0), 0)
    wanted = np.einsum("itk,ik,it->", table, x + 2, x)
    assert float(model.energy({"a": a}, {"x": x})) == pytest.approx(wanted, rel=1e-5)


def test_weights_that_are_no_power_stay_a_table() -> None:
    model = program("sum(k < t) r^(k*k) * x[t-k-1]")
    rng = np.random.default_rng(6)
    x, r = rng.normal(size=N), 0.9
    total = sum(sum(r ** (k * k) * x[t - k - 1] for k in range(t)) ** 2 for t in range(N))
    assert float(model.energy({}, {"x": x, "r": r})) == pytest.approx(total, rel=1e-5)


def test_a_window_that_ends_is_not_a_recurrence() -> None:
    model = program("sum(k < t, k < 4) r^k * x[t-k-1]")
    rng = np.random.default_rng(7)
    x, r = rng.normal(size=N), 0.9
    total = sum(sum(r**k * x[t - k - 1] for k in range(min(t, 4))) ** 2 for t in range(N))
    assert float(model.energy({}, {"x": x, "r": r})) == pytest.approx(total, rel=1e-5)


def test_the_second_slope_is_that_of_the_steps_one_by_one() -> None:
    model = program("sum(k < t) r^k * x[t-k-1]")
    x = jnp.asarray(np.random.default_rng(8).normal(size=N))

    def stepped(r: jax.Array) -> jax.Array:
        after = jax.lax.scan(lambda s, now: (r * s + now, s), jnp.zeros(()), x)[1]
        return jnp.sum(after**2)

    found = jax.hessian(lambda r: model.energy({}, {"x": x, "r": r}))(jnp.asarray(0.6))
    wanted = jax.hessian(stepped)(jnp.asarray(0.6))
    assert float(found) == pytest.approx(float(wanted), rel=1e-4)


def test_what_conditions_leave_out_is_never_divided_by() -> None:
    model = program("sum(k in time, k > 0, k < t) r^(t-k) * x[k] / k")
    x, r = np.random.default_rng(9).normal(size=N), 0.7
    total = sum(sum(r ** (t - k) * x[k] / k for k in range(1, t)) ** 2 for t in range(N))
    state = {"x": jnp.asarray(x), "r": jnp.asarray(r)}
    assert float(model.energy({}, state)) == pytest.approx(total, rel=1e-5)
    slope = jax.grad(lambda s: model.energy({}, s))(state)
    assert np.isfinite(np.asarray(slope["x"])).all()
    assert max(sizes(jax.make_jaxpr(lambda s: model.energy({}, s))(state).jaxpr)) < N * (N - 1)
