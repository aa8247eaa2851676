"""A model as a NumPyro distribution: densities, slopes, batches, draws, and inference around it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.distributions import constraints
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import log_density

import ebmlang as ebm

SLOW = pytest.mark.slow
BOWL = "dim n = 3 visible x : real[n] param a : positive energy = a * sum(x ^ 2) / 2"
ISING = (
    "dim n = 3 visible s : spin[n] param J : real param h : real "
    "energy = -J * sum(i in 0..n-1) s[i] * s[i+1] - h * sum(s)"
)
RBM = (
    "dim n = 3, m = 2 visible v : binary[n] latent h : binary[m] param W : real[n, m] "
    "energy = -v @ W @ h"
)


@pytest.fixture(scope="module")
def bowl() -> ebm.Model:
    return ebm.loads(BOWL)


@pytest.fixture(scope="module")
def ising() -> ebm.Model:
    return ebm.loads(ISING)


def spins(n: int) -> np.ndarray:
    return np.array(list(np.ndindex(*(2,) * n))) * 2.0 - 1


def bowl_of(model: ebm.Model, a: Any, **more: Any) -> Any:
    """The Gaussian, normalised: Z = (2 pi / a)^(3/2)."""
    log_z = 1.5 * jnp.log(2 * jnp.pi / a)
    return ebm.distribution(model, {"a": a}, log_partition=log_z, **more)


def test_the_density_is_that_of_the_energy(bowl: ebm.Model):
    x = np.random.default_rng(0).normal(size=(5, 3))
    law = bowl_of(bowl, 2.0, sweeps=40)
    assert (law.batch_shape, law.event_shape, law.event_dim) == ((), (3,), 1)
    wanted = dist.Normal(0, 2**-0.5).log_prob(x).sum(-1)
    np.testing.assert_allclose(law.log_prob(x), wanted, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(law.log_prob)(x), wanted, rtol=1e-5)
    cold = ebm.distribution(bowl, {"a": 2.0}, beta=3.0)
    np.testing.assert_allclose(cold.log_prob(x), -3 * bowl.energy({"a": 2.0}, {"x": x}), rtol=1e-5)


def test_slopes_by_values_and_by_parameters(bowl: ebm.Model):
    x = np.array([0.5, -1.0, 2.0])
    slope = jax.grad(lambda x: bowl_of(bowl, 2.0).log_prob(x))(x)
    np.testing.assert_allclose(slope, -2 * x, rtol=1e-5)
    slope = jax.grad(lambda a: bowl_of(bowl, a).log_prob(x))(2.0)
    np.testing.assert_allclose(slope, 1.5 / 2 - np.sum(x**2) / 2, rtol=1e-5)
    many = jax.vmap(lambda a: bowl_of(bowl, a).log_prob(x))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(many, [bowl_of(bowl, a).log_prob(x) for a in (1.0, 2.0)], rtol=1e-5)


def test_leading_axes_of_parameters_are_a_batch(bowl: ebm.Model):
    a = jnp.array([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]])
    law = bowl_of(bowl, a)
    assert law.batch_shape == (2, 3)
    x = np.random.default_rng(0).normal(size=(4, 2, 3, 3))
    wanted = dist.Normal(0, a**-0.5).log_prob(x.transpose(3, 0, 1, 2)).sum(0)
    np.testing.assert_allclose(law.log_prob(x), wanted, rtol=1e-4)
    one = law.log_prob(x[0, 0, 0])
    assert one.shape == (2, 3)
    np.testing.assert_allclose(
        one, bowl_of(bowl, a).log_prob(np.broadcast_to(x[0, 0, 0], (2, 3, 3)))
    )


@SLOW
def test_given_data_of_each_example_are_a_batch():
    model = ebm.loads("given c : real visible x : real energy = (x - c) ^ 2 / 2")
    c = np.array([0.0, 1.0, 5.0])
    law = ebm.distribution(model, {}, given={"c": c}, sweeps=20)
    assert law.batch_shape == (3,)
    np.testing.assert_allclose(law.log_prob(2.0), -((2 - c) ** 2) / 2)
    found = np.asarray(law.sample(jax.random.key(0), (400,)))
    np.testing.assert_allclose(found.mean(0), c, atol=5 / 400**0.5)


@pytest.mark.slow
def test_draws_follow_the_exact_law(ising: ebm.Model):
    params = {"J": 0.7, "h": 0.3}
    law = ebm.distribution(ising, params, sweeps=60)
    states = spins(3)
    weight = np.exp(np.asarray(law.log_prob(states), float))
    found = np.asarray(law.sample(jax.random.key(0), (50, 60)))
    assert found.shape == (50, 60, 3)
    number = 3000
    counts = np.array([np.all(found == s, -1).sum() for s in states])
    chance = weight / weight.sum()
    off = np.abs(counts - number * chance) / np.sqrt(number * chance * (1 - chance))
    assert off.max() < 5.5
    np.testing.assert_array_equal(found, law.sample(jax.random.key(0), (50, 60)))
    traced = jax.jit(
        lambda key, J: ebm.distribution(ising, params | {"J": J}, sweeps=60).sample(key, (50, 60))
    )
    np.testing.assert_array_equal(found, traced(jax.random.key(0), 0.7))
    batch = ebm.distribution(ising, {"J": jnp.array([0.7, -0.7]), "h": 0.0}, sweeps=60)
    pairs = np.asarray(batch.sample(jax.random.key(1), (2000,)))
    assert pairs.shape == (2000, 2, 3)
    together = (pairs[..., 0] * pairs[..., 1]).mean(0)
    np.testing.assert_allclose(together, [np.tanh(0.7), -np.tanh(0.7)], atol=5 / 2000**0.5)


def test_a_second_call_compiles_nothing(ising: ebm.Model):
    def once(J: float) -> None:
        law = ebm.distribution(ising, {"J": J, "h": 0.3}, sweeps=60)
        law.sample(jax.random.key(0), (7,))
        law.log_prob(np.ones(3))

    once(0.1)
    whole, traced = type(ising.target).parts, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(ising.target), "parts", lambda *a: (traced.append(a), whole(*a))[1])
        once(0.2)
    assert not traced


def test_latents_are_summed_out():
    model = ebm.loads(RBM)
    W = np.random.default_rng(0).normal(size=(3, 2))
    v = (spins(3) + 1) / 2
    law = ebm.distribution(model, {"W": W})
    wanted = np.log1p(np.exp(v @ W)).sum(-1)
    np.testing.assert_allclose(law.log_prob(v), wanted, rtol=1e-5)
    held = ebm.distribution(model, {"W": W}, "h", clamp={"v": v[5]})
    h = (spins(2) + 1) / 2
    np.testing.assert_allclose(held.log_prob(h), v[5] @ W @ h.T, rtol=1e-5)
    hot = ebm.distribution(model, {"W": W}, beta=0.5)
    np.testing.assert_allclose(hot.log_prob(v), np.log1p(np.exp(v @ W / 2)).sum(-1), rtol=1e-5)


SUPPORTS = (
    ("real[n]", constraints.real_vector, [0.5, -7.0], [np.nan, 0]),
    (
        "real<-1, 2>[n]",
        constraints.independent(constraints.interval(-1.0, 2.0), 1),
        [0.5, 2.0],
        [0.5, 2.1],
    ),
    ("positive", constraints.positive, 0.5, -0.5),
    ("angle", constraints.circular, 1.0, np.inf),
    ("simplex[n]", constraints.simplex, [0.25, 0.75], [0.5, 0.75]),
    ("binary[n]", constraints.independent(constraints.boolean, 1), [0, 1], [0, 2]),
    (
        "category(q)[n]",
        constraints.independent(constraints.integer_interval(0, 3), 1),
        [0, 3],
        [0, 4],
    ),
    ("integer<2, 5>", constraints.integer_interval(2, 5), 4, 1),
)


@pytest.mark.parametrize(("kind", "wanted", "inside", "outside"), SUPPORTS)
def test_supports(kind: str, wanted: Any, inside: Any, outside: Any):
    text = f"dim n = 2, q = 4 visible x : {kind} energy = 0 * " + (
        "sum(i) (x[i] == 0)" if "category" in kind else "sum(x)" if "[n]" in kind else "x"
    )
    law = ebm.distribution(ebm.loads(text), {}, validate_args=True)
    assert law.support == wanted
    assert law.log_prob(np.asarray(inside)) == 0
    assert law.support.is_discrete == wanted.is_discrete
    if kind != "angle":
        with pytest.warns(UserWarning, match="Out-of-support"):
            law.log_prob(np.asarray(outside))


def test_spins_and_tied_arrays_have_supports_of_their_own(ising: ebm.Model):
    support = ebm.distribution(ising, {"J": 1.0, "h": 0.0}).support
    assert support(np.array([1.0, -1.0, 1.0]))
    assert not support(np.array([1.0, 0.0, 1.0]))
    graph = ebm.loads(
        "dim n = 3 visible a : binary[n, n] symmetric hollow energy = sum(i < j) a[i, j]"
    )
    support = ebm.distribution(graph, {}).support
    full = np.ones((3, 3)) - np.eye(3)
    assert support(full)
    assert not support(np.ones((3, 3)))
    assert not support(np.triu(full))
    assert support(np.asarray(support.feasible_like(full)))


def test_angles_are_those_of_numpyro():
    model = ebm.loads("visible t : angle energy = -3 * cos(t - 3)")
    law = ebm.distribution(model, {}, sweeps=100, sampler="mala")
    found = np.asarray(law.sample(jax.random.key(0), (200,)))
    assert law.support(found).all()
    assert found.min() < -2.5
    assert found.max() > 2.5
    np.testing.assert_allclose(law.log_prob(-3.0), law.log_prob(2 * np.pi - 3.0), rtol=1e-5)


def posterior(data: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of a ~ gamma(2, 1) given three-dimensional normals of precision a."""
    shape, rate = 2 + data.size / 2, 1 + np.sum(data**2) / 2
    return shape / rate, shape**0.5 / rate


@SLOW
def test_nuts_finds_a_parameter_whose_log_partition_is_known(bowl: ebm.Model):
    data = np.random.default_rng(0).normal(size=(20, 3)) * 0.7

    def program(x: Any) -> None:
        a = numpyro.sample("a", dist.Gamma(2.0, 1.0))
        with numpyro.plate("examples", len(x)):
            numpyro.sample("x", bowl_of(bowl, a), obs=x)

    def by_factor(x: Any) -> None:
        a = numpyro.sample("a", dist.Gamma(2.0, 1.0))
        log_z = 1.5 * jnp.log(2 * jnp.pi / a)
        numpyro.factor("energy", -bowl.energy({"a": a}, {"x": x}).sum() - len(x) * log_z)

    for a in (0.5, 3.0):
        both = [log_density(p, (data,), {}, {"a": jnp.array(a)})[0] for p in (program, by_factor)]
        np.testing.assert_allclose(both[0], both[1], rtol=1e-5)
    chain = MCMC(NUTS(program), num_warmup=200, num_samples=600, progress_bar=False)
    chain.run(jax.random.key(0), data)
    mean, deviation = posterior(data)
    found = chain.get_samples()["a"]
    assert abs(found.mean() - mean) < 0.3 * deviation
    assert abs(found.std() / deviation - 1) < 0.2


def test_a_distribution_under_handlers(ising: ebm.Model):
    def program() -> Any:
        J = numpyro.sample("J", dist.Normal(0.0, 1.0))
        with numpyro.plate("many", 4):
            return numpyro.sample("s", ebm.distribution(ising, {"J": J, "h": 0.0}, sweeps=60))

    trace = handlers.trace(handlers.seed(program, 0)).get_trace()
    assert trace["s"]["value"].shape == (4, 3)
    assert np.all(np.abs(trace["s"]["value"]) == 1)
    held = handlers.trace(
        handlers.substitute(handlers.seed(program, 0), {"J": jnp.array(0.5)})
    ).get_trace()
    s = held["s"]["value"]
    want = -ising.energy({"J": 0.5, "h": 0.0}, {"s": s})
    np.testing.assert_allclose(held["s"]["fn"].log_prob(s), want, rtol=1e-5)


@SLOW
def test_nuts_moves_a_value_by_its_support():
    """An exponential law on the positive numbers, as a site that nothing observes."""
    model = ebm.loads("visible x : positive param rate : positive energy = rate * x")

    def program() -> None:
        numpyro.sample("x", ebm.distribution(model, {"rate": 2.0}))

    chain = MCMC(NUTS(program), num_warmup=300, num_samples=1500, progress_bar=False)
    chain.run(jax.random.key(1))
    assert abs(chain.get_samples()["x"].mean() - 0.5) < 0.08


def test_a_distribution_goes_through_jit_as_an_argument(bowl: ebm.Model):
    x = np.ones(3, np.float32)
    traced = []
    score = jax.jit(lambda law: (traced.append(law), law.log_prob(x))[1])
    for a in (1.0, 2.0):
        law = bowl_of(bowl, a)
        np.testing.assert_allclose(score(law), law.log_prob(x), rtol=1e-6)
    assert len(traced) == 1


REFUSED = (
    ("visible x : real visible y : real energy = x ^ 4 + y ^ 4 + x * y", {}, "E704", "factor"),
    ("visible x : real latent y : real energy = x ^ 4 + y ^ 4 + x * y", {}, "E705", "y"),
    ("visible x : real energy = x ^ 2", {"variable": "z"}, "E606", "z"),
    ("visible x : real energy = x ^ 2", {"clamp": {"x": 1.0}}, "E704", "held"),
    ("dim n = 2 visible x : real[n] energy = sum(x ^ 2)",
     {"clamp": {"x": (np.zeros(2), np.array([True, False]))}}, "E704", "in part"),
    ("visible x : real energy = x ^ 2", {"sweeps": 0}, "E704", "sweeps"),
    ("visible x : real energy = x ^ 2", {"sampler": "nutz"}, "E701", "nuts"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "settings", "code", "says"), REFUSED)
def test_what_is_no_distribution_is_refused(text: str, settings: Any, code: str, says: str):
    with pytest.raises(ebm.EbmError, match=rf"{code}[\s\S]*{says}"):
        ebm.distribution(ebm.loads(text), {}, **settings)


def test_parameters_that_do_not_fit_are_refused(bowl: ebm.Model):
    for params, code in (({}, "E601"), ({"a": -1.0}, "E603"), ({"a": 1.0, "b": 1.0}, "E606")):
        with pytest.raises(ebm.EbmError, match=code):
            ebm.distribution(bowl, params)
    with pytest.raises(ebm.EbmError, match="E602"):
        jax.jit(lambda W: ebm.distribution(ebm.loads(RBM), {"W": W}).log_prob(np.ones(3)))(
            jnp.ones((2, 2))
        )


@SLOW
def test_starts_without_a_finite_energy_are_told():
    model = ebm.loads("visible x : real energy = sqrt(-1 - x ^ 2)")
    law = ebm.distribution(model, {}, sweeps=4, sampler="mala")
    with pytest.raises(ebm.EbmError, match="E703"):
        law.sample(jax.random.key(0))
