"""Summing out: free energies against enumeration and quadrature, and what is sampled beside them."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest
from scipy import integrate

import ebmlang as ebm
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.settings import MALA, NUTS, Auto

RNG = np.random.default_rng(7)

DISCRETE = {
    "binary": ("latent h : binary[n]", [0, 1], "-sum(i) h[i] * (x + 0.3 * i)"),
    "spin": ("latent h : spin[n]", [-1, 1], "-sum(i) h[i] * sin(x + i)"),
    "second degree": ("latent h : spin[n]", [-1, 1], "sum(i) (h[i] - x)^2 * (1 + 0.5 * h[i])"),
    "category": ("latent h : category(k)[n]", [0, 1, 2], "-sum(i) a[h[i]] * (x + i)"),
    "category in a function": (
        "latent h : category(k)[n]",
        [0, 1, 2],
        "sum(i) log(1 + (x - a[h[i]] - 0.1 * i)^2)",
    ),
    "integer": ("latent h : integer<-1, 2>[n]", [-1, 0, 1, 2], "sum(i) abs(h[i] - x - 0.2 * i)"),
    "tried": ("latent h : binary[n]", [0, 1], "sum(i) exp(0.7 * h[i] * x) + sum(i) h[i] * x"),
}


@pytest.mark.parametrize("case", DISCRETE)
def test_a_free_energy_is_the_sum_over_all_states(case: str):
    declared, values, energy = DISCRETE[case]
    model = ebm.loads(f"dim n = 3 dim k = 3 given a : real[k] visible x : real {declared} "
                      f"energy = {energy} + 0.1 * x^4", a=[0.2, -1.0, 1.3])  # fmt: skip
    states = np.array(list(itertools.product(values, repeat=3)))
    for x in (-1.3, 0.4):
        every = model.energy({}, {"x": np.full(len(states), x), "h": states})
        wanted = -np.logaddexp.reduce(-np.asarray(every, np.float64))
        found = model.free_energy({}, {"x": x})
        assert found == pytest.approx(wanted, rel=2e-5)
    slope = jax.grad(lambda x: model.free_energy({}, {"x": x}))(0.4)
    step = 1e-2
    ends = [float(model.free_energy({}, {"x": 0.4 + s})) for s in (-step, step)]
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), abs=2e-2)


def test_an_rbm_needs_no_softplus_by_hand():
    text = """dim pixel = 5, unit = 4
    visible v : binary[pixel]
    latent h : binary[unit]
    param W : real[pixel, unit]
    param b : real[pixel]
    param c : real[unit]
    energy = -v @ W @ h - b @ v - c @ h"""
    model = ebm.loads(text)
    params = {n: RNG.normal(size=np.shape(p)) for n, p in model.init().items()}
    v = RNG.integers(0, 2, (7, 5))
    hand = -v @ params["b"] - np.logaddexp(0, v @ params["W"] + params["c"]).sum(axis=1)
    assert np.allclose(model.free_energy(params, {"v": v}), hand, rtol=1e-5)


GAUSSIAN = {
    "alone": "visible x : real energy = 0.7 * (x - s)^2 * exp(s) + 0.2 * x + 0.1 * s^4",
    "joint": "visible x : real visible y : real"
    " energy = (x - s)^2 + (1 + s^2) * (y - x)^2 + 0.3 * y + 0.1 * s^4",
}


@pytest.mark.parametrize("case", GAUSSIAN)
def test_quadratic_unknowns_integrate_to_quadrature(case: str):
    model = ebm.loads("visible s : real " + GAUSSIAN[case])
    for s in (-0.8, 0.5):
        grid = np.linspace(-12, 12, 481)
        names = [n for n in model.program.unknowns if n != "s"]
        mesh = np.meshgrid(*[grid] * len(names), indexing="ij")
        state = dict(zip(names, mesh, strict=True))
        every = np.asarray(model.energy({}, {"s": np.full(mesh[0].shape, s), **state}), np.float64)
        total = np.exp(-every)
        for _ in names:
            total = integrate.trapezoid(total, grid, axis=-1)
        assert model.free_energy({}, {"s": s}) == pytest.approx(-np.log(total), rel=1e-4)


def test_a_gaussian_model_has_an_exact_log_z():
    a = RNG.normal(size=(4, 4))
    matrix = a @ a.T + np.eye(4)
    text = """dim i = 4
    given A : real[i, i]
    given m : real[i]
    visible x : real[i]
    energy = 0.5 * x @ A @ x - m @ x"""
    m = RNG.normal(size=4)
    z = ebm.log_partition(ebm.loads(text, A=matrix, m=m), {}, beta=0.7)
    wanted = 2 * np.log(2 * np.pi / 0.7) - 0.5 * np.linalg.slogdet(matrix)[1]
    assert z.value == pytest.approx(wanted + 0.35 * m @ np.linalg.solve(matrix, m), abs=1e-6)


def test_a_quadratic_form_that_is_no_bowl_is_refused():
    model = ebm.loads("visible x : real param a : real init -1 energy = a * x^2")
    with pytest.raises(ebm.EbmError, match="not a bowl in `x`"):
        ebm.log_partition(model, model.init())


def test_a_sum_over_too_many_states_is_refused():
    text = "dim n = 40 visible s : spin[n] visible x : real energy = x^2 - sum(i < j) s[i] * s[j]"
    with pytest.raises(ebm.EbmError, match="would list"):
        ebm.loads(text).free_energy({}, {"x": 0.0})


def chosen(text: str, sampler: Any, wish: Any = "auto", **bindings: Any) -> list[Any]:
    """Sampler, variables and what is summed out for each block of a plan."""
    model = ebm.loads(text, **bindings)
    held = {n: np.ones(model.world.shape(model.program.unknowns[n]), bool)
            for n in model.bindings.held}  # fmt: skip
    plan = make_plan(model.target, sampler, held, wish=wish)
    return [(c.sampler, c.variables, c.closed) for c in plan.choices]


FUNNEL = "dim n = 9 latent v : real ~ normal(0, 3) latent x : real[n] ~ normal(0, exp(v / 2))"
SCHOOLS = """dim school = 3
latent mu : real ~ normal(0, 5)
latent tau : positive ~ half_cauchy(5)
latent theta : real[school] ~ normal(mu, tau)
visible y : real[school] ~ normal(theta, 10)"""
DRIVEN = "latent h : binary visible x : real energy = x^4 - 2 * h * x + 0.3 * h"


def test_what_is_summed_out():
    assert chosen(FUNNEL, Auto()) == [("nuts", ("v",), ("x",)), ("gibbs", ("x",), ())]
    schools = chosen(SCHOOLS, Auto(), y=[1.0, 2.0, 3.0])
    assert schools == [("nuts", ("tau", "mu"), ("theta",)), ("gibbs", ("theta",), ())]
    # A gradient sampler asked for by name moves every continuous variable.
    assert chosen(FUNNEL, NUTS()) == [("nuts", ("v", "x"), ())]
    assert chosen(DRIVEN, MALA()) == [("mala", ("x",), ("h",)), ("gibbs", ("h",), ())]
    assert chosen(DRIVEN, Auto(), wish=False) == [("gibbs", ("h",), ()), ("nuts", ("x",), ())]
    assert chosen(FUNNEL, NUTS(), wish=("x",)) == [("nuts", ("v",), ("x",)), ("gibbs", ("x",), ())]


def test_a_wish_that_cannot_be_is_refused():
    model = ebm.loads("dim n = 3 visible s : spin[n] visible x : real "
                      "energy = x^4 - sum(i < j) s[i] * s[j] * x")  # fmt: skip
    with pytest.raises(ebm.EbmError, match="sites of `s` interact"):
        ebm.sample(model, {}, marginalise=["s"], progress=False)
    with pytest.raises(ebm.EbmError, match="no variable `t`"):
        ebm.sample(model, {}, marginalise=["t"], progress=False)
    with pytest.raises(ebm.EbmError, match="list of names"):
        ebm.sample(model, {}, marginalise="s", progress=False)


def test_explain_says_what_is_summed_out():
    assert "x is summed out: it follows the slope of the free energy" in str(
        ebm.loads(FUNNEL).explain()
    )


@pytest.mark.parametrize("sampler", ["nuts", pytest.param("mala", marks=pytest.mark.slow),
                                     pytest.param("tempering", marks=pytest.mark.slow)])  # fmt: skip
def test_draws_beside_a_sum_follow_the_joint_law(sampler: str):
    model = ebm.loads(DRIVEN)
    grid = np.linspace(-4, 4, 4001)
    weights = [np.exp(-np.asarray(model.energy({}, {"h": np.full(grid.shape, h), "x": grid})))
               for h in (0.0, 1.0)]  # fmt: skip
    total = sum(w.sum() for w in weights)
    wanted = {"h": weights[1].sum() / total, "x": sum(w @ grid for w in weights) / total,
              "both": weights[1] @ grid / total}  # fmt: skip
    draws = ebm.sample(model, {}, draws=4000, chains=8, sampler=sampler, progress=False)
    both = draws["h"] * draws["x"]
    for name, found in (("h", draws["h"]), ("x", draws["x"]), ("both", both)):
        means = found.mean(axis=1)
        error = means.std(ddof=1) / np.sqrt(len(means))
        assert abs(means.mean() - wanted[name]) < 6 * error, name


def test_a_funnel_integrates_its_width_away():
    draws = ebm.sample(ebm.loads(FUNNEL), {}, draws=3000, chains=8, progress=False)
    v = draws["v"]
    means, squares = v.mean(axis=1), (v**2).mean(axis=1)
    assert abs(means.mean()) < 6 * means.std(ddof=1) / np.sqrt(8)
    assert abs(squares.mean() - 9) < 6 * squares.std(ddof=1) / np.sqrt(8)
    assert squares.std(ddof=1) < 1.5
    assert int(np.sum(draws.report.diverged)) == 0


GROUPED = """dim n = 6
latent scale : positive ~ half_cauchy(1)
latent m : real ~ normal(0, 1)
latent x : real[n] {}
visible y : real[n] ~ normal(x, 1)
energy near = 0.1 * sum(i in 0..n-1) (x[i+1] - x[i])^2"""


def test_a_joint_group_is_integrated_where_its_own_scale_is_sampled():
    y = np.zeros(6)
    group = chosen(GROUPED.format("~ normal(m, scale)"), Auto(), y=y)
    assert [c[1:] for c in group] == [(("scale",), ("m", "x")), (("m", "x"), ())]
    noise = GROUPED.format("").replace("normal(x, 1)", "normal(x, scale)") + " energy w = sum(x^2)"
    assert [c[0] for c in chosen(noise, Auto(), y=y)].count("nuts") == 1
    assert all("x" not in c[2] for c in chosen(noise, Auto(), y=y))
