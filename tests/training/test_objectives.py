"""Objectives without chains: on exact samples the truth is where their gradient vanishes."""

from dataclasses import dataclass, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ebmlang as ebm
from ebmlang.partition.examples import prepare
from ebmlang.training.contrast import LOG_Z
from ebmlang.training.descent import DescentTask
from ebmlang.training.feed import batches_of
from ebmlang.training.objectives import TABLE, WALKED, objective_of

Z_MOST = 4.7  # two-sided, 1e-3 of false alarm over all parameters of all cases here
SEEN = 10.0


@dataclass(frozen=True)
class Truth:
    """A model whose parameters are known, and exact samples of it."""

    text: str
    params: dict
    data: dict

    @property
    def model(self):
        return ebm.loads("model m " + self.text)


def enumerated(text, params, rows, seed=0):
    """Exact samples of a model over binary or spin variables, latents dropped."""
    model = ebm.loads("model m " + text)
    shapes = {n: (model.world.shape(s), s) for n, s in model.program.unknowns.items()}
    sizes = [int(np.prod(shape, dtype=int)) for shape, _ in shapes.values()]
    bits = (np.arange(2 ** sum(sizes))[:, None] >> np.arange(sum(sizes))) & 1
    parts = np.split(bits, np.cumsum(sizes)[:-1], axis=1)
    states = {}
    for (name, (shape, symbol)), part in zip(shapes.items(), parts, strict=True):
        part = 2 * part - 1 if str(symbol.domain.kind) == "spin" else part
        states[name] = part.reshape(-1, *shape)
    weights = -np.asarray(model.energy(params, states), np.float64)
    p = np.exp(weights - weights.max())
    picks = np.random.default_rng(seed).choice(len(p), rows, p=p / p.sum())
    data = {n: v[picks] for n, v in states.items() if model.program.unknowns[n].role == "visible"}
    return Truth(text, params, data)


R = np.random.default_rng(5)
ROWS = 20_000


@cache
def truths():
    """Models by name, each with its parameters and its samples."""
    found = {}
    W = np.triu(R.normal(size=(4, 4)), 1)
    found["machine"] = enumerated(
        "dim n = 4 visible x : binary[n] param W : real[n, n] param b : real[n] "
        "energy = -sum(i, j, i < j) W[i, j] * x[i] * x[j] - b @ x",
        {"W": W, "b": 0.5 * R.normal(size=4)}, ROWS,
    )  # fmt: skip
    found["rbm"] = enumerated(
        "dim n = 5, m = 2 visible v : spin[n] latent h : binary[m] param W : real[n, m] "
        "param b : real[n] energy = -v @ W @ h - b @ v",
        {"W": R.normal(size=(5, 2)), "b": 0.3 * R.normal(size=5)}, ROWS,
    )  # fmt: skip
    P = np.array([[2.0, 0.6, 0], [0.6, 1.5, -0.5], [0, -0.5, 1.0]])
    found["gaussian"] = Truth(
        "dim n = 3 visible x : real[n] param P : real[n, n] symmetric param b : real[n] "
        "energy = x @ P @ x / 2 - b @ x",
        {"P": P, "b": np.array([0.5, 0, -1.0])},
        {"x": R.multivariate_normal(np.linalg.solve(P, [0.5, 0, -1]), np.linalg.inv(P), ROWS)},
    )
    z = R.random(ROWS) < 1 / (1 + np.exp(-0.6))
    found["mixture"] = Truth(
        "visible x : real latent h : binary param m : real param c : real param s : positive "
        "energy = (x - m * h)^2 * s / 2 - c * h",
        {"m": np.array(2.0), "c": np.array(0.6), "s": np.array(1.5)},
        {"x": 2.0 * z + R.normal(size=ROWS) / np.sqrt(1.5)},
    )
    found["gamma"] = Truth(
        "visible x : positive param a : real param r : real energy = r * x - a * log(x)",
        {"a": np.array(2.0), "r": np.array(1.5)},
        {"x": R.gamma(3.0, 1 / 1.5, ROWS)},
    )
    u = R.random(ROWS)
    found["cut"] = Truth(
        "visible x : real<-1, 2> param r : real energy = r * x",
        {"r": np.array(0.8)},
        {"x": -1 - np.log1p(-u * -np.expm1(-0.8 * 3)) / 0.8},
    )
    found["circle"] = Truth(
        "visible t : angle param a : real param b : real energy = -a * cos(t) - b * sin(t)",
        {"a": np.array(0.8), "b": np.array(0.6)},
        {"t": np.mod(R.vonmises(np.arctan2(0.6, 0.8), 1.0, ROWS), 2 * np.pi)},
    )
    return found


def gradients(objective, truth, params, at=None, more=None):
    """The slopes of every example's loss by the free numbers, [example, number]."""
    model, examples = prepare(truth.model, truth.data, None)
    descent = DescentTask(objective, model, examples, None, examples.number, params, 0)
    start = descent.begin().free | (more or {})
    batches = batches_of(model, examples, np.arange(examples.number)[None])
    batch = jax.tree.map(lambda x: x[0], batches)

    def slope(number):
        one = jax.tree.map(lambda x: x[number][None], batch)
        found = jax.grad(lambda free: descent.mean(free, one, jax.random.key(3)))(start)
        return jnp.concatenate([x.reshape(-1) for x in jax.tree.leaves(found)])

    return np.asarray(jax.lax.map(slope, jnp.arange(examples.number), batch_size=1000), np.float64)


def z_of(slopes):
    error = slopes.std(axis=0) / np.sqrt(len(slopes))
    return np.abs(slopes.mean(axis=0)) / np.maximum(error, 1e-12)


CASES = [
    ("pseudo", "machine"),
    ("pseudo", "rbm"),
    ("pseudo", "gaussian"),
    (ebm.PseudoLikelihood(sites=2), "rbm"),
    ("ratio", "machine"),
    ("ratio", "rbm"),
    ("score", "gaussian"),
    ("score", "mixture"),
    ("score", "gamma"),
    ("score", "cut"),
    ("score", "circle"),
    ("sliced_score", "gaussian"),
    ("sliced_score", "mixture"),
    (ebm.SlicedScore(projections=2), "gamma"),
    ("denoising_score", "gaussian"),
    (ebm.DenoisingScore(noise=0.5), "gaussian"),
    ("nce", "machine"),
    ("nce", "rbm"),
    ("nce", "mixture"),
    ("nce", "gamma"),
    ("nce", "circle"),
]
QUICK = [c for c in CASES if c in {("pseudo", "machine"), ("score", "gamma")}]


def expected(objective, truth):
    """The parameters at which the objective's expectation is least: of denoising, of noisy data."""
    if objective.name != "denoising_score" or "x" not in truth.data:
        return truth
    P, b = truth.params["P"], truth.params["b"]
    noisy = np.linalg.inv(np.linalg.inv(P) + objective.noise**2 * np.eye(3))
    return replace(truth, params={"P": noisy, "b": noisy @ np.linalg.solve(P, b)})


@pytest.mark.parametrize(
    ("named", "which"),
    [pytest.param(*c, marks=() if c in QUICK else pytest.mark.slow) for c in CASES],
)
def test_the_gradient_of_exact_samples_vanishes_at_the_truth_and_nowhere_near(named, which):
    objective = objective_of(named)
    truth = expected(objective, truths()[which])
    log_z = ebm.log_partition(truth.model, truth.params).value
    more = {LOG_Z: jnp.asarray(log_z)} if objective.name == "nce" else {}
    assert z_of(gradients(objective, truth, truth.params, more=more)).max() < Z_MOST
    away = {n: 1.3 * np.asarray(v) + 0.1 for n, v in truth.params.items()}
    assert z_of(gradients(objective, truth, away, more=more)).max() > SEEN


LEARNT = [
    ("pseudo", "machine"),
    ("ratio", "rbm"),
    ("score", "mixture"),
    ("sliced_score", "gamma"),
    ("denoising_score", "gaussian"),
    ("nce", "machine"),
]


@pytest.mark.parametrize(
    ("named", "which"),
    [pytest.param(*c, marks=pytest.mark.slow if c[0] == "nce" else ()) for c in LEARNT],
)
def test_slopes_are_those_of_finite_differences(named, which):
    objective, truth = objective_of(named), truths()[which]
    few = {n: v[:7] for n, v in truth.data.items()}
    with jax.enable_x64(True):
        model, examples = prepare(truth.model, few, None)
        descent = DescentTask(objective, model, examples, None, 7, truth.params, 0)
        free = descent.begin().free
        batches = batches_of(model, examples, np.arange(7)[None])
        batch = jax.tree.map(lambda x: x[0], batches)
        flat, back = jax.flatten_util.ravel_pytree(free)
        loss = jax.jit(lambda x: descent.mean(back(x), batch, jax.random.key(0)))
        slope = np.asarray(jax.jit(jax.grad(loss))(flat))
        steps = 1e-5 * np.eye(len(flat))
        wanted = [float(loss(flat + s) - loss(flat - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(slope, wanted, rtol=1e-5, atol=1e-7)
    assert np.abs(slope).max() > 1e-3


def test_every_objective_is_held_to_finite_differences_and_to_a_truth():
    names = set(TABLE) - {row.name for row in WALKED}
    assert {n for n, _ in LEARNT} == names
    assert {objective_of(n).name for n, _ in CASES} == names


def test_score_matching_of_a_gaussian_is_maximum_likelihood():
    """J = tr(P S P) / 2 - tr P is least at the inverse of the data's covariance, whatever the data."""
    points = np.random.default_rng(1).normal(size=(50, 3)) @ np.array(
        [[1, 0.5, 0], [0, 1, 0.3], [0.2, 0, 1]]
    )
    model = ebm.loads(
        "model m dim n = 3 visible x : real[n] param P : real[n, n] symmetric init 0 "
        "param b : real[n] energy = x @ P @ x / 2 - b @ x"
    )
    best = np.linalg.inv(np.cov(points.T, bias=True))
    fit = ebm.fit(
        model, {"x": points}, objective="score", epochs=900, batch_size=50, progress=False,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.1, 900)),
    )  # fmt: skip
    np.testing.assert_allclose(fit.params["P"], best, atol=2e-4)
    np.testing.assert_allclose(fit.params["b"], best @ points.mean(0), atol=2e-4)
