"""Missing entries: latents of their own example, against enumeration, integrals and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import optax
import pytest
from missing_entries import completions, posterior_means, z_scores
from scipy.optimize import minimize

import ebmlang as ebm
from ebmlang.partition.examples import prepare
from ebmlang.partition.incomplete import incomplete_log_weights
from ebmlang.partition.sources import in_memory
from ebmlang.training.centring import centring_of, fields_from_means
from ebmlang.training.purpose import purpose_of

nan = np.nan
MACHINE = """dim unit
visible x : binary[unit]
param J : real[unit, unit] symmetric hollow
param b : real[unit]
energy = -sum(i < j) J[i, j] * x[i] * x[j] - b @ x"""
PLANE = """dim n
visible x : real[n]
param A : real[n, n] symmetric
param c : real[n]
energy = x @ A @ x / 2 - c @ x"""
RBM = """dim pixel, unit = 2
visible v : binary[pixel]
latent h : binary[unit]
param W : real[pixel, unit] init normal(0, 0.5)
param b : real[pixel]
energy = -v @ W @ h - b @ v"""


def every_binary(number: int) -> np.ndarray:
    return np.array(list(itertools.product([0.0, 1.0], repeat=number)))


def with_holes(rows: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(rows.shape) < share, nan, rows)


def correlated(number: int, units: int = 5) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = (rng.random((number, units)) < 0.6).astype(float)
    for k in (1, 3):
        rows[:, k] = np.where(rng.random(number) < 0.8, rows[:, k - 1], 1 - rows[:, k - 1])
    return rows


def pairs_of(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix), 1)]


def best_of_known(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """The maximum of the marginal likelihood of a Boltzmann machine, by enumeration in NumPy."""
    states = every_binary(rows.shape[1])
    i, j = np.triu_indices(rows.shape[1], 1)
    features = np.concatenate([states[:, i] * states[:, j], states], axis=1)
    agree = np.array([[np.all(np.isnan(r) | (r == s)) for s in states] for r in rows])

    def loss(theta):
        logits = features @ theta
        log_z = np.logaddexp.reduce(logits)
        marginal = np.where(agree, logits, -np.inf)
        known = np.logaddexp.reduce(marginal, axis=1)
        seen = np.exp(marginal - known[:, None]).mean(axis=0) @ features
        return log_z - known.mean(), np.exp(logits - log_z) @ features - seen

    found = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B",
                     options={"ftol": 0.0, "gtol": 1e-9, "maxiter": 2000})  # fmt: skip
    return found.x, -float(found.fun)


def test_exact_gradients_find_the_maximum_of_the_marginal_likelihood():
    rows = with_holes(correlated(150, 4), 0.3)
    rows[0] = nan
    theta, best = best_of_known(rows)
    fit = ebm.fit(ebm.loads(MACHINE), {"x": rows}, sampler="exact", epochs=200, progress=False)
    assert fit.history["log_likelihood"][-1] == pytest.approx(best, abs=1e-9)
    found = np.concatenate([pairs_of(fit.params["J"]), fit.params["b"]])
    assert np.allclose(found, theta, atol=2e-3)
    told = fit.log_likelihood({"x": rows})
    assert float(told) == pytest.approx(best, abs=1e-6)
    assert told.each[0] == pytest.approx(0, abs=1e-6)


def test_chains_of_examples_have_the_law_given_what_is_known():
    """Five units that all interact: a known one that moved, for one of them only, would be seen."""
    rng = np.random.default_rng(1)
    couplings = np.triu(rng.normal(size=(5, 5)) * 1.5, 1)
    params = {"J": couplings + couplings.T, "b": rng.normal(size=5)}
    rows = np.array([[1, nan, 0, nan, 1], [nan, nan, nan, 1, 0], [nan] * 5, [1, 0, nan, 1, 1]])
    draws = completions(ebm.loads(MACHINE), params, {"x": rows}, 20)["x"]
    known = ~np.isnan(rows)
    assert np.all(draws[known[:, None] & np.ones(draws.shape, bool) & known[:, None]].size > 0)
    assert np.array_equal(
        np.where(known[:, None], draws, 0), np.where(known, rows, 0)[:, None].repeat(2000, 1)
    )

    def features(x):
        return np.append(pairs_of(np.outer(x, x)), x)

    wanted = posterior_means(
        every_binary(5),
        lambda x: float(-0.5 * x @ params["J"] @ x - params["b"] @ x),
        rows,
        features,
    )
    seen = np.apply_along_axis(features, 2, draws)
    assert np.abs(z_scores(seen, wanted)).max() < 4.5


def spd(number: int, seed: int = 0) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(number, number))
    return root @ root.T / number + np.eye(number)


def given_known(precision: np.ndarray, mean: np.ndarray, row: np.ndarray):
    """Mean and covariance of a Gaussian given what a row knows; zero covariance where it is known."""
    lack = np.isnan(row)
    inner = np.linalg.inv(precision[np.ix_(lack, lack)])
    middle = np.where(lack, 0.0, row)
    away = (row - mean)[~lack]
    middle[lack] = mean[lack] - inner @ precision[np.ix_(lack, ~lack)] @ away
    covariance = np.zeros_like(precision)
    covariance[np.ix_(lack, lack)] = inner
    return middle, covariance


HOLES = np.array([[1.0, nan, -2.0, nan], [nan, nan, 0.5, 3.0], [nan] * 4, [0.1, 0.2, 0.3, nan]])


@pytest.mark.parametrize(
    ("sampler", "sweeps"),
    [("auto", 2), *(pytest.param(*way, marks=pytest.mark.slow)
     for way in (("gibbs", 60), ("mala", 300), ("hmc", 300), ("nuts", 15), ("underdamped", 300)))],
)  # fmt: skip
def test_real_entries_have_the_gaussian_given_what_is_known(sampler: str, sweeps: int):
    precision, pull = spd(4), np.array([0.5, -1.0, 0.3, 0.0])
    params, mean = {"A": precision, "c": pull}, np.linalg.solve(precision, pull)
    draws = completions(ebm.loads(PLANE), params, {"x": HOLES}, sweeps, sampler)["x"].astype(float)
    for row, seen in zip(HOLES, draws, strict=True):
        middle, covariance = given_known(precision, mean, row)
        scale = np.sqrt(np.diag(covariance))
        assert np.all(np.abs(seen.mean(axis=0) - middle) <= 4.5 * scale / np.sqrt(2000) + 1e-6)
        error = np.sqrt((np.outer(scale, scale) ** 2 + covariance**2) / 2000)
        assert np.all(np.abs(np.cov(seen.T) - covariance) <= 4.5 * error + 1e-6)


def test_the_likelihood_of_what_is_known_of_a_gaussian_is_its_marginal():
    precision, pull = spd(4), np.array([0.5, -1.0, 0.3, 0.0])
    covariance, mean = np.linalg.inv(precision), np.linalg.solve(precision, pull)
    rows = np.concatenate([with_holes(np.random.default_rng(1).normal(size=(40, 4)), 0.4), HOLES])
    found = ebm.log_prob(ebm.loads(PLANE), {"A": precision, "c": pull}, {"x": rows})
    for row, value in zip(rows, found.values, strict=True):
        known = ~np.isnan(row)
        away, inner = (row - mean)[known], covariance[np.ix_(known, known)]
        quadratic = away @ np.linalg.solve(inner, away) if known.any() else 0.0
        wanted = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * inner)[1])
        assert value == pytest.approx(wanted, abs=2e-5)


FINITE = {
    "machine with latents": (
        RBM,
        {"W": np.random.default_rng(0).normal(size=(4, 2)) * 1.5, "b": np.array([0.3, -0.5, 0.1, 1])},
        {"v": np.array([[1, nan, nan, 0], [nan, 1, nan, 1], [nan] * 4])},
        [0.0, 1.0],
        lambda p, v: -p["b"] @ v - np.logaddexp(0, v @ p["W"]).sum(),
    ),
    "spins with products of three": (
        "dim n visible v : spin[n] param K : real energy = -K * sum(i in n, j in n, k in n, i < j "
        "and j < k) v[i] * v[j] * v[k] - 0.3 * sum(v)",
        {"K": np.array(0.4)},
        {"v": np.array([[1, nan, nan, -1.0], [nan, 1, nan, nan], [-1, -1, 1, nan]])},
        [-1.0, 1.0],
        lambda p, v: -p["K"] * sum(
            v[i] * v[j] * v[k] for i, j, k in itertools.combinations(range(4), 3)
        ) - 0.3 * v.sum(),
    ),
    "curved in their sum": (
        "dim n = 4 visible v : binary[n] param a : real energy = a * exp(sum(v) / 2) - 0.5 * v[0] * v[1]",
        {"a": np.array(0.5)},
        {"v": np.array([[1, nan, nan, 0], [nan, 1, nan, nan], [nan, nan, 1, 1]])},
        [0.0, 1.0],
        lambda p, v: p["a"] * np.exp(v.sum() / 2) - 0.5 * v[0] * v[1],
    ),
    "categories in a ring": (
        "dim n, a = 3 visible v : category(a)[n] param J : real[a, a] param h : real[n, a] "
        "energy = -sum(i in n, i > 0) J[v[i - 1], v[i]] - sum(i) h[i, v[i]]",
        {"J": np.random.default_rng(2).normal(size=(3, 3)),
         "h": np.random.default_rng(3).normal(size=(4, 3))},
        {"v": np.array([[2, nan, nan, 0], [nan, 1, nan, nan], [nan, nan, 2, 1]])},
        [0.0, 1.0, 2.0],
        lambda p, v: -sum(p["J"][int(a), int(b)] for a, b in itertools.pairwise(v))
        - sum(p["h"][i, int(a)] for i, a in enumerate(v)),
    ),
    "counts": (
        "dim n visible v : integer<0, 3>[n] param k : real "
        "energy = k * sum(i in n, i > 0) (v[i] - v[i - 1])^2 + 0.1 * sum(v)",
        {"k": np.array(0.4)},
        {"v": np.array([[3, nan, nan, 0], [nan, 1, nan, nan]])},
        [0.0, 1.0, 2.0, 3.0],
        lambda p, v: p["k"] * (np.diff(v) ** 2).sum() + 0.1 * v.sum(),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["auto", "informed"])
@pytest.mark.parametrize("name", FINITE)
def test_every_finite_kind_has_the_law_given_what_is_known(name: str, sampler: str):
    text, params, data, values, energy = FINITE[name]
    states = np.array(list(itertools.product(values, repeat=4)))
    rows = data["v"]
    draws = completions(ebm.loads(text), params, data, 60, sampler)["v"].astype(float)

    def features(v):
        return np.concatenate([v, pairs_of(np.outer(v, v)), v**2])

    wanted = posterior_means(states, lambda v: energy(params, v), rows, features)
    assert np.abs(z_scores(np.apply_along_axis(features, 2, draws), wanted)).max() < 4.7
    found = ebm.log_prob(ebm.loads(text), params, {"v": rows})
    logits = np.array([-energy(params, s) for s in states])
    agree = np.array([[np.all(np.isnan(r) | (r == s)) for s in states] for r in rows])
    marginal = np.logaddexp.reduce(np.where(agree, logits, -np.inf), axis=1)
    assert np.allclose(found.values, marginal - np.logaddexp.reduce(logits), atol=1e-5)
    model, examples = prepare(ebm.loads(text), {"v": rows}, None)
    together = incomplete_log_weights(model, params, in_memory(examples.data), None)
    assert np.allclose(together, marginal, atol=1e-5)


BOUNDED = {
    "positive": ("positive", "2 * x[0] + x[1] / 2 + x[0] * x[1]", (1e-4, 25.0),
                 lambda x, y: 2 * x + y / 2 + x * y),
    "interval": ("real<-1, 2>", "3 * (x[0] - x[1])^2 + x[0]", (-1.0, 2.0),
                 lambda x, y: 3 * (x - y) ** 2 + x),
    "angle": ("angle", "-cos(x[0] - x[1]) - 0.5 * cos(x[0])", (0.0, 2 * np.pi),
              lambda x, y: -np.cos(x - y) - 0.5 * np.cos(x)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["auto", "hmc"])
@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_entries_have_the_law_given_what_is_known(name: str, sampler: str):
    """Means of cos x and sin x on a fine grid, of one entry given the other and of both."""
    kind, energy, (low, high), exact = BOUNDED[name]
    model = ebm.loads(f"dim n = 2 visible x : {kind}[n] param k : real energy = k * ({energy})")
    known = 0.25 * low + 0.3
    rows = np.array([[known, nan], [nan, known], [nan, nan]])
    draws = completions(model, {"k": np.array(1.0)}, {"x": rows}, 150, sampler)["x"].astype(float)
    grid = low + (np.arange(2000) + 0.5) * (high - low) / 2000
    shown = np.stack([np.cos(draws), np.sin(draws)], axis=-1)
    laws = (
        np.exp(-exact(known, grid)),
        np.exp(-exact(grid, known)),
        np.exp(-exact(*np.meshgrid(grid, grid, indexing="ij"))).sum(axis=0),
    )
    for row, (weights, place) in enumerate(zip(laws, (1, 0, 1), strict=True)):
        wanted = np.array([(weights * f(grid)).sum() / weights.sum() for f in (np.cos, np.sin)])
        assert np.abs(z_scores(shown[row : row + 1, :, place], wanted)).max() < 4.5
    assert np.allclose(draws[0, :, 0], known, atol=1e-6)


@pytest.mark.slow
def test_examples_with_given_data_of_their_own_may_lack_entries():
    text = """dim n = 3 given f : real[n] given g : real visible s : spin[n] param k : real
    energy = -k * f @ s - g * s[0] * s[1] * s[2]"""
    fields, rows = (
        np.array([[1.0, 0, -1], [0.5, 0.5, 2]]),
        np.array([[1, nan, nan], [nan, -1, nan]]),
    )
    states = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    model, params = ebm.loads(text), {"k": np.array(0.7)}
    many = {"f": np.repeat(fields, 2000, axis=0), "g": 0.8}
    draws = completions(model, params, {"s": rows}, 30, given=many)["s"].astype(float)
    for k, field in enumerate(fields):
        wanted = posterior_means(
            states, lambda s, f=field: -0.7 * f @ s - 0.8 * s.prod(), rows[k : k + 1], lambda s: s
        )
        assert np.abs(z_scores(draws[k : k + 1], wanted)).max() < 4.5


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["mle", "cd"])
def test_chains_reach_what_exact_gradients_reach(objective: str):
    rows = with_holes(correlated(600, 5), 0.3)
    model = ebm.loads(RBM)
    fit = ebm.fit(
        model, {"v": rows}, objective=objective, epochs=400, chains=400, sweeps=3, progress=False,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.05, 2400)),
    )  # fmt: skip
    best = ebm.fit(model, {"v": rows}, sampler="exact", epochs=200, progress=False,
                   params=fit.params)  # fmt: skip
    reached = float(fit.log_likelihood({"v": rows}))
    assert reached == pytest.approx(best.history["log_likelihood"][-1], abs=0.01)


@pytest.mark.slow
def test_annealed_likelihoods_of_what_is_known_agree_with_exact_ones():
    rows = with_holes(correlated(12, 5), 0.4)[:6]
    model = ebm.loads(RBM).bind(pixel=5)
    params = {"W": np.random.default_rng(0).normal(size=(5, 2)), "b": np.linspace(-1, 1, 5)}
    exact = ebm.log_prob(model, params, {"v": rows}, method="exact")
    annealed = ebm.log_prob(model, params, {"v": rows}, method="ais", target_error=0.02)
    assert "missing entries annealed" in annealed.method
    assert np.all(np.abs(annealed.values - exact.values) < 5 * annealed.std_error + 1e-3)


def test_nan_masked_arrays_and_pairs_say_the_same():
    model = ebm.loads(MACHINE)
    values, lack = np.array([[1, 0, 1], [0, 1, 1]]), np.array([[0, 1, 0], [1, 0, 0]], bool)
    told = (
        np.where(lack, nan, values),
        np.ma.masked_array(values, lack),
        (values, ~lack),
        (np.where(lack, 7, values), ~lack),
    )
    for data in told:
        _, examples = prepare(model, {"x": data}, None)
        assert np.array_equal(in_memory(examples.data)["x"], told[0], equal_nan=True)
        assert np.array_equal(examples.missing["x"], [True, True, False])
    _, whole = prepare(model, {"x": (values, np.ones((2, 3), bool))}, None)
    assert not whole.missing


def test_one_entry_of_a_pair_tells_the_other():
    text = "dim n visible a : real[n, n] symmetric hollow param k : real energy = k * sum(a^2)"
    a = np.array([[nan, 1, nan], [nan, nan, 2], [nan, nan, nan]])
    _, examples = prepare(ebm.loads(text), {"a": a[None]}, None)
    wanted = np.array([[0, 1, nan], [1, 0, 2], [nan, 2, 0]])
    assert np.array_equal(examples.data["a"][0], wanted, equal_nan=True)


def test_starting_fields_are_of_what_is_known():
    model, rows = ebm.loads(MACHINE), np.array([[1, nan], [0, nan], [1, nan], [nan, 1.0]])
    model, examples = prepare(model, {"x": rows}, None)
    centring = centring_of(model)
    assert centring is not None
    start = fields_from_means(centring, model.init(0), examples)
    means = np.array([2.5 / 4, 1.5 / 2])
    assert np.allclose(start["b"], np.log(means / (1 - means)), atol=1e-6)


def test_a_checkpoint_is_of_the_entries_that_are_missing():
    rows = np.array([[1.0, 0], [0, 1]])
    holes = np.where([[True, False], [False, False]], nan, rows)
    found = [
        purpose_of(*prepare(ebm.loads(MACHINE), {"x": x}, None), {}).arrays["data x"]
        for x in (rows, holes)
    ]
    assert found[0] != found[1]


SIMPLEX = "dim k = 3 visible p : simplex[k] param a : real energy = a * sum(p^2)"
GIVEN = "dim n given f : real[n] visible s : spin[n] param k : real energy = -k * f @ s"
REFUSED = {
    "objective": (MACHINE, {"x": [[1, nan]]}, {"objective": "pseudo"},
                  "E707.*`pseudo` scores whole examples, and entries of `x` are missing"),
    "infinite": (PLANE, {"x": [[nan, np.inf]]}, {}, "E604"),
    "outside": (MACHINE, {"x": [[nan, 2.0]]}, {}, "E603.*2"),
    "mask": (MACHINE, {"x": ([[1, 0]], np.array([[True, False, True]]))}, {}, "E602.*mask"),
    "simplex": (SIMPLEX, {"p": [[0.5, nan, 0.5]]}, {}, "E604.*missing whole or not at all"),
    "given": (GIVEN, {"s": [[1, nan]]}, {"given": {"f": [nan, 1.0]}}, "E604.*`f`"),
    "masked given": (GIVEN, {"s": [[1, nan]]},
                     {"given": {"f": np.ma.masked_array([0.0, 1.0], [True, False])}}, "E604.*masked"),
    "many states": (MACHINE, {"x": np.full((2, 20), nan)}, {"sampler": "exact"}, "E705.*2\\^20"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_words(name: str):
    text, data, settings, says = REFUSED[name]
    data = {n: v if isinstance(v, tuple) else np.array(v) for n, v in data.items()}
    with pytest.raises(ebm.EbmError, match=f"(?s){says}"):
        ebm.fit(ebm.loads(text), data, progress=False, **settings)


def test_a_clamp_with_nan_says_how_entries_are_left_free():
    with pytest.raises(ebm.EbmError, match=r"(?s)E604.*holds nan at \[1\].*\(value, mask\)"):
        ebm.sample(ebm.loads(MACHINE, unit=2), {"J": np.zeros((2, 2)), "b": np.zeros(2)},
                   clamp={"x": [1, nan]})  # fmt: skip
