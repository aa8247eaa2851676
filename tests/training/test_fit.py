"""Fits against exact optima, and what happens when they go wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.training.loop import Diverged


def bits(rows, columns, seed=0):
    """Correlated binary data: two patterns with noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 2, (2, columns))
    flips = rng.random((rows, columns)) < 0.15
    return (patterns[rng.integers(0, 2, rows)] ^ flips).astype(np.int8)


def best_pairwise(data):
    """The maximum of the exact log-likelihood of a fully visible Boltzmann machine, by Newton steps."""
    columns = data.shape[1]
    states = (np.arange(2**columns)[:, None] >> np.arange(columns)) & 1
    i, j = np.triu_indices(columns, 1)

    def features(x):
        return np.concatenate([x, x[:, i] * x[:, j]], axis=1).astype(float)

    every, wanted = features(states), features(data).mean(0)
    theta = np.zeros(len(wanted))
    for _ in range(60):
        logits = every @ theta
        p = np.exp(logits - logits.max())
        p /= p.sum()
        mean = p @ every
        hessian = (every * p[:, None]).T @ every - np.outer(mean, mean)
        theta += np.linalg.solve(hessian + 1e-9 * np.eye(len(theta)), wanted - mean)
    logits = every @ theta
    top = logits.max()
    return float(wanted @ theta - top - np.log(np.exp(logits - top).sum()))


@pytest.fixture(scope="module")
def data():
    return bits(600, 5)


@pytest.mark.slow
def test_maximum_likelihood_of_a_visible_machine_is_found(data):
    model = ebm.load(PROGRAMS / "boltzmann_machine.ebm")
    steps = 150 * 6
    fit = ebm.fit(
        model, {"x": data}, epochs=150, chains=500, sweeps=3, progress=False,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.1, steps)),
    )  # fmt: skip
    assert fit.log_likelihood({"x": data}) == pytest.approx(best_pairwise(data), abs=0.003)


def test_an_rbm_learns_and_its_history_is_told(data):
    model = ebm.load(PROGRAMS / "rbm.ebm", unit=4)
    fit = ebm.fit(model, {"v": data}, epochs=40, optimizer=optax.adam(0.02), seed=1, progress=False)
    start = ebm.Fit(fit.model, model.bind(pixel=5).init(0), {}).log_likelihood({"v": data})
    end = fit.log_likelihood({"v": data})
    assert end > start + 0.5
    assert end.each.shape == (600,)
    assert float(end) == pytest.approx(end.each.mean())
    assert set(fit.history) >= {
        "epoch",
        "data_energy",
        "model_energy",
        "gap",
        "gradient_norm",
        "seconds",
    }
    assert len(fit.history["gap"]) == 40


def test_the_same_seed_gives_the_same_fit(data):
    model = ebm.load(PROGRAMS / "rbm.ebm", unit=3)
    one, two, other = (
        ebm.fit(model, {"v": data}, epochs=2, seed=s, progress=False).params["W"] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_fit_survives_its_folder(tmp_path, data):
    edges = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]]
    model = ebm.load(PROGRAMS / "spin_glass.ebm", bonds=edges)
    fit = ebm.fit(model, {"s": 2 * data - 1}, epochs=3, progress=False)
    fit.save(tmp_path / "glass.fit")
    back = ebm.load_fit(tmp_path / "glass.fit")
    np.testing.assert_array_equal(back.params["J"], fit.params["J"])
    assert back.log_likelihood({"s": 2 * data - 1}) == fit.log_likelihood({"s": 2 * data - 1})
    np.testing.assert_array_equal(back.history["gap"], fit.history["gap"])


def test_a_network_survives_its_folder(tmp_path):
    model = ebm.load(PROGRAMS / "rings.ebm")
    points = np.random.default_rng(0).normal(size=(200, 2))
    fit = ebm.fit(model, {"x": points}, epochs=2, chains=20, progress=False)
    fit.save(tmp_path / "f")
    back = ebm.load_fit(tmp_path / "f")
    same = jax.tree.map(np.array_equal, back.params, fit.params)
    assert jax.tree.all(same)


@pytest.mark.slow
def test_latents_without_a_closed_form_are_sampled_given_the_data(data):
    model = ebm.load(PROGRAMS / "dbm.ebm", low=4, high=3)
    fit = ebm.fit(
        model, {"v": data}, epochs=60, sweeps=3, optimizer=optax.adam(0.02), progress=False
    )
    start = ebm.Fit(fit.model, fit.model.init(0), {}).log_likelihood({"v": data})
    assert fit.log_likelihood({"v": data}) > start + 0.5


def test_given_data_of_each_example_steer_a_conditional_model():
    rng = np.random.default_rng(0)
    label = np.where(rng.random((300, 4, 4)) < 0.5, -1, 1)
    image = 0.5 + 0.25 * label + rng.normal(0, 0.2, label.shape)
    model = ebm.load(PROGRAMS / "segment.ebm")
    fit = ebm.fit(
        model, {"label": label}, given={"image": image}, epochs=60, progress=False,
        optimizer=optax.adam(0.05),
    )  # fmt: skip
    # Labels are independent: smoothness falls, and Bayes' rule for two Gaussians gives
    # contrast = 2 * 0.25 / (2 * 0.2^2) = 6.25 for spins.
    assert fit.params["smooth"] < 0.15
    assert fit.params["contrast"] == pytest.approx(6.25, rel=0.2)
    assert fit.params["level"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
def test_a_prior_draws_parameters_towards_itself(data):
    text = (PROGRAMS / "boltzmann_machine.ebm").read_text()
    loose = ebm.loads(text)
    tight = ebm.loads(
        text.replace("param b : real[unit]", "param b : real[unit] ~ normal(0, 0.01)")
    )
    settings = {"epochs": 60, "optimizer": optax.adam(0.05), "progress": False}
    free = ebm.fit(loose, {"x": data}, **settings).params["b"]
    held = ebm.fit(tight, {"x": data}, **settings).params["b"]
    assert np.abs(held).max() < 0.5 * np.abs(free).max()


def test_a_fit_that_diverges_names_step_and_energy_and_keeps_the_last_good_state():
    model = ebm.loads(
        "model m dim k = 2 visible x : real[k] param w : real init 1 "
        "energy bowl = w * sum(x^2) / 2 energy odd = 0.1 * sum(i) log(w + 2) * x[i]^2"
    )
    points = 30 * np.random.default_rng(0).normal(size=(200, 2))
    with pytest.raises(Diverged, match="E710") as caught:
        ebm.fit(model, {"x": points}, epochs=50, optimizer=optax.sgd(0.1), progress=False)
    text = str(caught.value)
    assert "step" in text
    kept = caught.value.fit
    assert all(np.all(np.isfinite(v)) for v in kept.params.values())
    assert kept.steps < 100
    assert "bowl" in text or "gradient" in text or "energy" in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda x: {"v": np.where(np.arange(x.size).reshape(x.shape) == 17, 2, x)}, "E603"),
        (lambda x: {"v": np.where(np.arange(x.size).reshape(x.shape) == 17, np.inf, x)}, "E604"),
        (lambda x: {"v": x[:, None]}, "E607"),
        (lambda x: {"h": x}, "E606"),
        (lambda x: {"w": x}, "E606"),
        (lambda x: {}, "E601"),
        (lambda x: {"v": x[:0]}, "E601"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_runs(data, change, code):
    model = ebm.load(PROGRAMS / "rbm.ebm", unit=3)
    with pytest.raises(ebm.EbmError, match=code):
        ebm.fit(model, change(data), epochs=1, progress=False)


def test_a_wrong_value_is_named_by_row_and_column(data):
    wrong = data.copy()
    wrong[41, 2] = 2
    with pytest.raises(ebm.EbmError, match=r"hold 2 at \[41, 2\]"):
        ebm.fit(ebm.load(PROGRAMS / "rbm.ebm", unit=3), {"v": wrong}, epochs=1, progress=False)


def test_an_epoch_is_compiled_once(data):
    model = ebm.load(PROGRAMS / "rbm.ebm", unit=3)
    traces = []

    def schedule(count):
        if isinstance(count, jax.core.Tracer):
            traces.append(count)
        return jnp.asarray(1e-3)

    ebm.fit(model, {"v": data}, epochs=5, optimizer=optax.sgd(schedule), progress=False)
    assert len(traces) == 1


@pytest.mark.slow
def test_a_neural_energy_learns_a_ring():
    rng = np.random.default_rng(0)
    turn = rng.random(2000) * 2 * np.pi
    points = np.stack([2 * np.cos(turn), 2 * np.sin(turn)], 1) + rng.normal(0, 0.15, (2000, 2))
    model = ebm.load(PROGRAMS / "rings.ebm")
    fit = ebm.fit(
        model, {"x": points}, epochs=60, chains=256, optimizer=optax.adam(2e-3), progress=False
    )
    drawn = fit.sample(draws=500, chains=8, progress=False)["x"].reshape(-1, 2)
    radius = np.linalg.norm(drawn, axis=1)
    assert np.mean(np.abs(radius - 2) < 0.6) > 0.8
