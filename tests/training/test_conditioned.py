"""log p of each site given all others, against every value put in by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.backend.energy import stored_type
from ebmlang.partition.examples import Examples
from ebmlang.training.conditioned import conditionals_of
from ebmlang.training.visible import visible_of

MODELS = {
    "binary": "dim n = 5 visible x : binary[n] param W : real[n, n] param b : real[n] "
    "energy = -x @ W @ x - b @ x",
    "spins": "dim n = 5 graph g on n = ring() visible s : spin[n] param J : real[g] "
    "energy = -sum((i, j) in g) J[i, j] * s[i] * s[j]",
    "three at once": "dim n = 4 visible s : spin[n] param k : real init 0.7 "
    "energy = -k * sum(i, j, l) s[i] * s[j] * s[l]",
    "labels": "dim n = 4, aa = 3 visible x : category(aa)[n] param J : real[n, n, aa, aa] "
    "energy = -sum(i, j, i < j) J[i, j, x[i], x[j]]",
    "whole numbers": "dim n = 4 visible k : integer<0, 3>[n] param w : real[n] init 0.5 "
    "energy = w @ k + sum(i, i > 0) (k[i] - k[i - 1])^2 / 4",
    "of second degree": "dim n = 5 visible s : spin[n] param k : real init 0.3 "
    "energy = k * (sum(s) - 1)^2 + s[0]",
    "curved": "dim n = 5 visible x : binary[n] param w : real[n] "
    "energy = -log(1 + exp(w @ x)) - sum(x) / 3",
    "pairs of a symmetric array": "dim n = 4 visible a : binary[n, n] symmetric hollow "
    "param k : real init 0.4 "
    "energy = k * sum(i, j, l, i < j and j < l) a[i, j] * a[j, l] * a[i, l] - sum(a) / 5",
    "several": "dim n = 3, aa = 3 visible s : spin[n] visible c : category(aa)[n] "
    "visible k : integer<-1, 1> param w : real[n, aa] "
    "energy = -sum(i) w[i, c[i]] * s[i] * k + k^2 / 3",
    "latents": "dim n = 4, m = 2 visible v : binary[n] latent h : spin[m] param W : real[n, m] "
    "param b : real[n] energy = -v @ W @ h - b @ v",
    "latent labels": "dim n = 3, m = 3 visible v : integer<0, 2>[n] latent z : category(m) "
    "param mu : real[m, n] energy = sum(i) (v[i] - mu[z, i])^2",
    "latents that are real": "dim n = 4, m = 2 visible s : spin[n] latent x : real[m] "
    "param W : real[n, m] energy = sum(x^2) / 2 - s @ W @ x",
}


def random_of(model, seed=0):
    """Random parameters and one example of every visible variable."""
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda x: np.asarray(x) + rng.normal(size=np.shape(x)), model.init(0))
    row = {}
    for name, symbol in model.program.unknowns.items():
        if symbol.role == "visible":
            values = values_of(model, name)
            row[name] = np.asarray(rng.choice(values, model.world.shape(symbol)))
            if symbol.symmetric:
                upper = np.triu(row[name], 1)
                row[name] = upper + upper.T
    return params, row


def values_of(model, name):
    domain = model.program.unknowns[name].domain
    match str(domain.kind):
        case "binary":
            return np.array([0, 1])
        case "spin":
            return np.array([-1, 1])
        case "category":
            return np.arange(model.world.sizes[domain.labels.name])
        case _:
            low, high = (int(model.world.value(b)) for b in (domain.lower, domain.upper))
            return np.arange(low, high + 1)


def by_hand(model, params, row, name):
    """log p of each unordered entry of one variable given all else, from energies of whole states."""
    symmetric = model.program.unknowns[name].symmetric
    values = values_of(model, name)
    places = [at for at in np.ndindex(row[name].shape) if not symmetric or at[0] < at[1]]
    changed = np.repeat(row[name][None], len(places) * len(values), axis=0)
    for number, (place, value) in enumerate(itertools.product(places, values)):
        changed[(number, *place)] = value
        if symmetric:
            changed[(number, *place[::-1])] = value
    weights = -np.asarray(model.free_energy(params, row | {name: changed}), np.float64)
    weights = weights.reshape(len(places), len(values))
    now = [int(np.flatnonzero(values == row[name][at])[0]) for at in places]
    return weights[np.arange(len(places)), now] - logsumexp(weights, axis=1)


def by_rule(model, params, row, picked=None, draws=1):
    visible = visible_of(model, Examples({n: v[None] for n, v in row.items()}, {}, {}))
    kinds = model.program.unknowns
    state = visible.state({n: jnp.asarray(v, stored_type(kinds[n])) for n, v in row.items()})
    found = conditionals_of(visible, picked)
    situation = Situation(jax.tree.map(jnp.asarray, params), model.given(), jnp.ones(()))
    keys = jax.random.split(jax.random.key(0), draws)
    drawn = jax.jit(jax.vmap(found, in_axes=(None, None, 0)))(situation, state, keys)
    return [(log_p if draws > 1 else log_p[0], scale[0]) for log_p, scale in drawn]


@pytest.mark.parametrize("which", MODELS)
def test_conditionals_of_all_sites_are_those_of_every_value_tried(which):
    model = ebm.loads("model m " + MODELS[which])
    params, row = random_of(model)
    found = by_rule(model, params, row)
    assert len(found) == len(row)
    for (log_p, scale), name in zip(found, row, strict=True):
        assert scale == 1
        np.testing.assert_allclose(log_p, by_hand(model, params, row, name), rtol=2e-4, atol=2e-5)


def test_random_sites_stand_for_all():
    model = ebm.loads("model m " + MODELS["latents"])
    params, row = random_of(model)
    exact = by_hand(model, params, row, "v")
    [(log_p, scale)] = by_rule(model, params, row, 1, draws=20)
    assert log_p.shape == (20, 1)
    assert scale == 4
    which = np.argmin(np.abs(exact - log_p), axis=1)
    np.testing.assert_allclose(log_p[:, 0], exact[which], rtol=1e-4)
    assert set(which) == {0, 1, 2, 3}


def test_a_variable_that_the_model_holds_is_given_and_not_scored():
    text = "dim n = 4 visible s : spin[n] visible t : spin[n] param k : real init 0.8"
    model = ebm.loads(f"model m {text} energy = -k * s @ t", t=np.array([1, -1, 1, 1]))
    row = {"s": np.array([1, 1, -1, 1])}
    [(log_p, _)] = by_rule(model.conditioned, model.init(0), row)
    np.testing.assert_allclose(log_p, -np.log1p(np.exp(-1.6 * np.array([1, -1, -1, 1]))), rtol=1e-5)


def test_conditionals_of_real_sites_are_normal():
    text = (
        "model m dim n = 4 visible x : real[n] visible s : spin param k : real init 0.3 "
        "energy = sum(x^2) / 2 + k * sum(i, i > 0) x[i] * x[i - 1] - s * x[0]"
    )
    model = ebm.loads(text)
    rng = np.random.default_rng(0)
    row = {"x": rng.normal(size=4), "s": np.array(1)}
    k = 0.3
    precision = np.eye(4) + k * (np.eye(4, k=1) + np.eye(4, k=-1))
    pull = np.array([1.0, 0, 0, 0])
    x = row["x"]
    mean = x - (precision @ x - pull) / np.diag(precision)
    wanted = -0.5 * (x - mean) ** 2 - 0.5 * np.log(2 * np.pi)
    (found, _), (spin, _) = by_rule(model, model.init(0), row)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    np.testing.assert_allclose(spin, -np.log1p(np.exp(-2 * x[0])), rtol=1e-4)
