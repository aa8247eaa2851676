"""Where chains begin: values, draws of densities, NumPyro's strategies, and what is refused."""

from typing import Any

import jax
import numpy as np
import numpyro.infer
import pytest

import ebmlang as ebm

SCHOOLS = (
    "dim school = 3 latent mu : real ~ normal(10, 0.5) latent tau : positive ~ half_cauchy(5) "
    "latent theta : real[school] ~ normal(mu, tau) visible y : real[school] ~ normal(theta, 1)"
)
EVERY = (
    "dim n = 3, k = 2 latent p : real<0, 1> ~ beta(2, 2) latent b : binary[n] ~ bernoulli(p) "
    "latent r : positive ~ exponential(4) latent l : real ~ laplace(2, 0.1) "
    "latent w : simplex[k] ~ dirichlet(3) latent c : category(k) ~ categorical(w) "
    "latent S : real[n, n] symmetric hollow ~ normal(l, 0.1) latent a : angle ~ von_mises(0, 9) "
    "latent x : positive ~ normal(-1, 1) latent m : integer<0, 3> ~ binomial(3, p)"
)
STILL = ebm.MALA(step_size=1e-10)
HELD = {"y": np.array([1.0, 2.0, 3.0])}


@pytest.fixture(scope="module")
def schools() -> ebm.Model:
    return ebm.loads(SCHOOLS)


def begun(model: ebm.Model, init: Any, chains: int = 3, clamp: Any = HELD) -> Any:
    """The first draw of chains that hardly move."""
    found = ebm.sample(model, {}, draws=1, warmup=0, chains=chains, clamp=clamp, sampler=STILL,
                       init=init, progress=False)  # fmt: skip
    return {n: v[:, 0] for n, v in found.items()}


def test_values_are_where_chains_begin_and_the_rest_is_made_up(schools: ebm.Model):
    one = begun(schools, {"tau": 7.0})
    np.testing.assert_allclose(one["tau"], 7.0, rtol=1e-3)
    assert np.ptp(one["mu"]) > 0
    each = begun(schools, {"tau": np.array([1.0, 2.0, 3.0]), "theta": np.zeros(3)})
    np.testing.assert_allclose(each["tau"], [1, 2, 3], rtol=1e-3)
    np.testing.assert_allclose(each["theta"], 0, atol=1e-3)
    same = begun(schools, numpyro.infer.init_to_value(values={"tau": 7.0}))
    np.testing.assert_array_equal(same["mu"], one["mu"])


@pytest.mark.slow
def test_strategies_of_numpyro_mean_what_they_mean_there(schools: ebm.Model):
    near = begun(schools, numpyro.infer.init_to_uniform(radius=0.01))
    assert np.all(np.abs(near["mu"]) < 0.02)
    assert np.all(np.abs(near["tau"] - 1) < 0.02)
    np.testing.assert_allclose(begun(schools, "feasible")["mu"], 0, atol=1e-3)
    middle = begun(schools, numpyro.infer.init_to_median(num_samples=99), chains=40)
    single = begun(schools, numpyro.infer.init_to_sample, chains=40)
    assert np.std(middle["mu"]) < np.std(single["mu"]) / 3
    assert abs(np.mean(middle["mu"]) - 10) < 0.1


@pytest.mark.slow
def test_draws_of_the_densities_follow_their_order():
    """Of 2000 starts, standard errors of five as a limit; moments by hand."""
    model = ebm.loads(EVERY)
    x = begun(model, "prior", chains=2000, clamp=None)
    beside = 5 / 2000**0.5
    assert abs(x["p"].mean() - 0.5) < 0.23 * beside
    assert abs(np.mean(x["b"].mean(1) - x["p"])) < 0.5 * beside
    assert abs(x["r"].mean() - 0.25) < 0.25 * beside
    assert abs(x["l"].mean() - 2) < 0.15 * beside
    assert abs(np.mean(x["c"] - x["w"][:, 1])) < 0.5 * beside
    np.testing.assert_array_equal(x["S"], np.swapaxes(x["S"], 1, 2))
    assert np.all(x["S"][:, range(3), range(3)] == 0)
    assert abs(np.mean(x["S"][:, 0, 1] - x["l"])) < 0.1 * beside
    assert np.cos(x["a"]).mean() > 0.9
    assert np.all((x["a"] >= 0) & (x["a"] < 2 * np.pi))
    assert np.all(x["x"] > 0)
    assert abs(x["x"].mean() - 0.5251) < 0.5 * beside
    assert abs(np.mean(x["m"] - 3 * x["p"])) < 1.0 * beside


REFUSED = (
    ("pior", "E704", 'init="prior"'),
    (numpyro.infer.init_to_mean, "E704", "init_to_median"),
    ({"ta": 1.0}, "E606", "did you mean `tau`"),
    ({"tau": -1.0}, "E603", "`tau` is positive"),
    ({"tau": [1.0, 2.0]}, "E602", "one for each|each chain"),
)


@pytest.mark.parametrize(("init", "code", "reason"), REFUSED, ids=lambda x: str(x)[:20])
def test_what_is_no_start_is_refused(schools: ebm.Model, init: Any, code: str, reason: str):
    with pytest.raises(ebm.EbmError, match=rf"{code}[\s\S]*({reason})"):
        begun(schools, init)


@pytest.mark.parametrize(
    ("text", "init", "reason"),
    [
        ("visible x : real energy = x ^ 2", "prior", r"E704[\s\S]*`x` has none"),
        ("visible x : real ~ normal(y, 1) visible y : real ~ normal(x, 1)", "prior",
         r"E704[\s\S]*read one another"),
        ("visible x : real<0, 2> ~ uniform(0, a) param a : positive init 1", {"x": 1.5},
         r"E703[\s\S]*values in `init`[\s\S]*density `x ~ uniform\(0, a\)` is inf"),
        ("visible x : real visible z : real energy cup = z ^ 2 + log(x - 5)", {"z": 1.0},
         r"E703[\s\S]*beside the `init` of `z`[\s\S]*energy `cup` is nan"),
    ],
)  # fmt: skip
def test_a_start_without_a_finite_energy_names_what_is_not(text: str, init: Any, reason: str):
    model = ebm.loads(text)
    with pytest.raises(ebm.EbmError, match=reason):
        ebm.sample(model, model.init(), draws=1, chains=3, sampler=STILL, init=init, progress=False)


@pytest.mark.slow
def test_kernels_begin_where_they_are_told(schools: ebm.Model):
    made = ebm.kernel(schools, {}, STILL, clamp=HELD, init={"tau": 7.0})
    state = made.init(jax.random.split(jax.random.key(0), 2), 0, None, (), {})
    np.testing.assert_allclose(state.z["tau"], 7.0, rtol=1e-5)
