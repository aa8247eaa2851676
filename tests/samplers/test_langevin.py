"""Walks down slopes: exact laws on Gaussians, steps, schedules, and what they say of themselves."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.samplers.caveats import caveat_of
from ebmlang.samplers.langevin import Cooling, scheduled
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.run import situation_of
from ebmlang.samplers.settings import MALA, Annealed, Langevin, Sampler, Underdamped
from ebmlang.samplers.sweep import begin, sweeps

from .test_truth import agree, draws_of, truth

SLOW = pytest.mark.slow
GAUSS = "dim n = 3 visible x : real[n] energy = sum(i) x[i] ^ 2 / 2"
# The walk x - alpha/2 x + N(0, alpha) has the variance 1 / (1 - alpha/4); BAOAB has that of the model.
LAWS: tuple[tuple[Sampler, float], ...] = (
    (Langevin(1.0), 4 / 3),
    (Langevin(0.5, noise=0.5, steps=3), 0.5 * 8 / 7),
    (Underdamped(1.5), 1.0),
    (Annealed(1.0, final_step_size=0.5, hottest=5.0), 8 / 7),
)


@cache
def gaussian() -> ebm.Model:
    return ebm.loads(GAUSS)


@cache
def gaussian_draws(sampler: Sampler) -> Any:
    return draws_of(gaussian(), {}, sampler=sampler, chains=64, draws=600)


@pytest.mark.parametrize(("sampler", "variance"), LAWS, ids=[repr(s) for s, _ in LAWS])
def test_every_walk_has_its_known_law_on_a_gaussian(sampler: Sampler, variance: float):
    x = gaussian_draws(sampler)["x"].astype(float)
    agree(x, 0.0)
    agree(x**2, variance)
    agree(x[..., 0] * x[..., 1], 0.0)


def test_a_walk_of_a_wrong_variance_is_noticed():
    """A test of the test: the bias of large steps, and of a step a quarter too long, is seen."""
    found = gaussian_draws(Langevin(1.0))["x"]
    for wrong in (1.0, 1 / (1 - 1.25 / 4)):
        with pytest.raises(AssertionError, match="standard errors"):
            agree(found.astype(float) ** 2, wrong)


def moved(model: ebm.Model, sampler: Sampler, x: Any, number: int = 1, **settings: Any) -> Any:
    """The chain after some sweeps from one state."""
    plan = make_plan(model.target, sampler, {}, **settings)
    situation = situation_of(model, {}, None, 1.0)
    chain = begin(plan, jax.random.key(3), situation, {"x": jnp.asarray(x)}, number)
    return jax.jit(lambda c: sweeps(plan, situation, c, number))(chain)


def test_a_step_goes_half_its_size_down_the_slope_and_no_further_than_it_is_clipped():
    model = ebm.loads("dim n = 2 visible x : real[n] energy = 3 * x[0] - x[1] ^ 2 / 2 + x[1] ^ 4")
    start, slope = np.array([2.0, 1.5]), np.array([3.0, -1.5 + 4 * 1.5**3])
    for clip, followed in ((None, slope), (2.0, np.minimum(slope, 2.0))):
        chain, _ = moved(model, Langevin(0.1, noise=1e-5, clip=clip), start)
        np.testing.assert_allclose(chain.state["x"], start - 0.05 * followed, atol=1e-4)


@pytest.mark.parametrize("sampler", [MALA(), Underdamped(0.3)])
def test_a_slope_that_is_carried_on_is_the_one_that_would_be_found(sampler: Sampler):
    model = ebm.loads("dim n = 3 visible x : real[n] energy = sum(i) x[i] ^ 4 + x[0] * x[1]")
    start = np.array([0.3, -0.2, 0.5])
    kept, cost = moved(model, sampler, start, 60)
    found, more = moved(model, sampler, start, 60, carried=False)
    np.testing.assert_allclose(kept.state["x"], found.state["x"], atol=1e-4)
    assert int(cost.gradients) < int(more.gradients)


def test_momentum_goes_on_from_sweep_to_sweep():
    """With little friction a Gaussian swings: half a period later it is on the other side."""
    sampler = Underdamped(0.1, friction=0.02, steps=1)
    x = draws_of(gaussian(), {}, sampler=sampler, chains=32, draws=300)["x"]
    half = 31  # steps of 0.1 in half a period, pi
    assert np.corrcoef(x[:, :-half].ravel(), x[:, half:].ravel())[0, 1] < -0.9


@pytest.mark.parametrize("preconditioned", [True, pytest.param(False, marks=SLOW)])
def test_mala_has_the_exact_moments_of_a_quartic(preconditioned: bool):
    exact = truth("exact_continuous.json")["quartic_1d"]
    model = ebm.loads("visible x : real energy = x ^ 4 / 4 - x ^ 2")
    sampler = MALA(preconditioned=preconditioned)
    draws = draws_of(model, {}, sampler=sampler, draws=1000, thin=2)
    x = draws["x"].astype(float)
    for found, name in ((x, "E_x"), (x**2, "E_x2"), (x**4, "E_x4"), (draws.energy, "E_energy")):
        agree(found, exact[name])


def test_scales_are_learnt_in_warm_up_and_stay_after_it():
    scale = np.geomspace(0.1, 10.0, 6)
    model = ebm.loads(
        "dim n = 6 visible x : real[n] given sd : real[n] energy = sum(i) (x[i] / sd[i]) ^ 2 / 2",
        sd=scale,
    )
    plan = make_plan(model.target, MALA(), {})
    situation = situation_of(model, {}, None, 1.0)
    start = begin(plan, jax.random.key(0), situation, {"x": jnp.zeros(6)}, 2000)
    run = jax.jit(lambda chain, number: sweeps(plan, situation, chain, number)[0])
    warm = run(start, 2000)
    (learnt,), (after,) = warm.inner, run(warm, 500).inner
    np.testing.assert_array_equal(learnt.scales.scale, after.scales.scale)
    assert learnt.scales.tuning.step == after.scales.tuning.step
    assert np.all(np.abs(np.log(np.sqrt(learnt.scales.scale) / scale)) < np.log(2))


@pytest.mark.slow
def test_learnt_scales_are_what_a_gaussian_of_unlike_widths_needs():
    scale = np.geomspace(0.1, 10.0, 6)
    model = ebm.loads(
        "dim n = 6 visible x : real[n] given sd : real[n] energy = sum(i) (x[i] / sd[i]) ^ 2 / 2",
        sd=scale,
    )
    draws = draws_of(model, {}, sampler=MALA(), chains=32, draws=1500, warmup=1500)
    agree((draws["x"] / scale) ** 2, 1.0)
    plain = draws_of(model, {}, sampler=MALA(preconditioned=False), chains=8, draws=500)
    assert plain.diagnostics.rhat["x"] > 1.2 > 1.1 * draws.diagnostics.rhat["x"]


TYPES = """
visible a : angle
visible t : positive
visible u : real<0, 1>
energy = -2 * cos(a) + t - 2 * log(t) - u
"""


@pytest.mark.parametrize(
    ("sampler", "beta"),
    [
        pytest.param(Langevin(0.02, steps=10), 1.0, marks=SLOW),
        (Langevin(0.02, steps=10, noise=0.1), 2.0),  # at temperature 0.01 / 0.02
        pytest.param(Annealed(0.05, 0.02, steps=10, hottest=4.0), 1.0, marks=SLOW),
        (Underdamped(0.15), 1.0),
        pytest.param(MALA(), 1.0, marks=SLOW),
    ],
)
def test_angles_positive_and_bounded_numbers_walk_through_their_transforms(
    sampler: Sampler, beta: float
):
    draws = draws_of(ebm.loads(TYPES), {}, sampler=sampler, chains=64, draws=400, thin=2)
    grid = np.linspace(0, 2 * np.pi, 4001)
    weight = np.exp(2 * beta * np.cos(grid))
    unit = np.linspace(0, 1, 4001)
    up = np.exp(beta * unit)
    wanted = {
        "a": float(np.sum(np.cos(grid) * weight) / np.sum(weight)),
        "t": (2 * beta + 1) / beta,  # Gamma(2 beta + 1, beta)
        "u": float(np.sum(unit * up) / np.sum(up)),
    }
    found = {"a": np.cos(draws["a"]), "t": draws["t"], "u": draws["u"]}
    for name, value in wanted.items():
        means = found[name].astype(float).mean(axis=1)
        error = means.std(ddof=1) / len(means) ** 0.5
        assert abs(means.mean() - value) < 5 * error + 0.01 * value, name


def test_the_schedule_is_that_of_the_papers_and_ends_at_the_target():
    schedule = Annealed(0.5, final_step_size=0.01, hottest=16.0, levels=5, power=0.7)
    times = jnp.arange(1001)
    heat, step = jax.vmap(lambda t: scheduled(schedule, Cooling(t, jnp.int32(1000))))(times)
    np.testing.assert_allclose(heat[jnp.array([0, 199, 200, 400, 600, 800, 1000])], [16, 16, 8, 4, 2, 1, 1],
                               rtol=1e-5)  # fmt: skip
    b = 1000 / ((0.5 / 0.01) ** (1 / 0.7) - 1)
    a = 0.5 * b**0.7
    np.testing.assert_allclose(step, a * (b + np.asarray(times)) ** -0.7, rtol=1e-4)
    assert float(step[-1]) == pytest.approx(0.01, rel=1e-4)
    cold = scheduled(schedule, Cooling(jnp.int32(0), jnp.int32(0)))
    assert [float(x) for x in cold] == pytest.approx([1.0, 0.01], rel=1e-4)


@pytest.mark.slow
def test_the_bias_of_baoab_is_of_second_order_and_that_of_the_walk_of_first():
    exact = truth("exact_continuous.json")["quartic_1d"]["E_x2"]
    model = ebm.loads("visible x : real energy = x ^ 4 / 4 - x ^ 2")

    def bias(sampler: Sampler) -> tuple[float, float]:
        draws = draws_of(model, {}, sampler=sampler, chains=1000, draws=4000, thin=2)
        means = (draws["x"].astype(float) ** 2).mean(axis=1)
        return float(means.mean() - exact), float(means.std(ddof=1) / len(means) ** 0.5)

    for pairs, low, high in (
        ((Underdamped(0.4, steps=10), Underdamped(0.2, steps=20)), 2.7, 6.5),
        ((Langevin(0.2, steps=10), Langevin(0.1, steps=20)), 1.5, 2.7),
    ):
        (large, error), (small, other) = map(bias, pairs)
        assert abs(large) > 8 * error
        assert abs(small) > 4 * other
        assert low < large / small < high


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        (Langevin(0.25), "the walk of `x` is biased by its step, of order step_size = 0.25"),
        (Langevin(0.5, noise=0.1), "at temperature 0.02 instead of 1"),
        (Langevin(0.1, clip=0.5), "by its slopes clipped at 0.5"),
        (Annealed(0.1, final_step_size=0.05), "of order final_step_size = 0.05"),
        (Underdamped(0.2), "biased by its step, of order step_size^2 = 0.04"),
        (ebm.Tempering(Langevin(0.25), replicas=2), "biased by its step"),
        (MALA(), ""),
    ],
)
def test_the_caveat_of_a_walk_names_its_bias(sampler: Sampler, words: str):
    told = caveat_of(make_plan(gaussian().target, sampler, {}))
    assert words in told
    assert bool(words) == bool(told)


def test_draws_of_an_unadjusted_walk_say_that_they_are_biased():
    settings: dict[str, Any] = {"chains": 2, "warmup": 4, "draws": 10, "sampler": Langevin(1.0)}
    moments = ebm.sample(gaussian(), {}, keep="moments", progress=False, **settings)
    for found in (gaussian_draws(Langevin(1.0)), moments):
        for text in (str(found.diagnostics), repr(found)):
            assert "the walk of `x` is biased by its step" in text


REFUSED = (
    (Langevin, {"step_size": 0.0}, "`step_size` must be above 0"),
    (Langevin, {"steps": 0}, "`steps` must be a whole number from 1"),
    (Langevin, {"noise": 0.0}, "`noise` must be above 0"),
    (Langevin, {"clip": -1.0}, "`clip` must be above 0"),
    (Annealed, {"hottest": 0.5}, "`hottest` must be 1 or above"),
    (Annealed, {"levels": 1}, "`levels` must be 2 or more"),
    (Annealed, {"power": 0.5}, "`power` must be above 0.5"),
    (Annealed, {"step_size": 0.1, "final_step_size": 0.2}, "at most `step_size`"),
    (Underdamped, {"friction": 0.0}, "`friction` must be above 0"),
    (Underdamped, {"step_size": float("nan")}, "`step_size` must be above 0"),
    (MALA, {"step_size": -1.0}, "`step_size` must be above 0"),
    (MALA, {"target_acceptance": 1.0}, "`target_acceptance` must be between 0 and 1"),
)


@pytest.mark.parametrize(("row", "settings", "words"), REFUSED)
def test_settings_that_cannot_be_are_refused(row: Any, settings: dict[str, Any], words: str):
    with pytest.raises(ebm.EbmError, match=rf"E704[\s\S]*{words}"):
        row(**settings)
