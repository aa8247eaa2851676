"""Exact gradients: the maximum of the likelihood, where its conditions hold to many digits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from samplers.test_truth import DATA

import ebmlang as ebm
from ebmlang.training.exactly import check_exact
from ebmlang.training.lbfgs import Point, minimum

VISIBLE = """dim unit
visible x : binary[unit]
param J : real[unit, unit] symmetric hollow {}
param b : real[unit]
energy = -sum(i < j) J[i, j] * x[i] * x[j] - b @ x"""


def rows_of(number: int, units: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    hidden = rng.integers(0, 2, (number, 1))
    return (rng.uniform(size=(number, units)) < 0.3 + 0.4 * hidden).astype(float)


def test_pairs_and_means_of_the_model_are_those_of_the_data():
    rows = rows_of(400, 5)
    fit = ebm.fit(
        ebm.loads(VISIBLE.format("")), {"x": rows}, sampler="exact", epochs=300, progress=False
    )
    found = ebm.gradient(fit.model, fit.params, sampler="exact").mean
    pairs = rows.T @ rows / len(rows)
    off = ~np.eye(5, dtype=bool)
    assert np.allclose(-found["J"][off], pairs[off], atol=1e-6)
    assert np.allclose(-found["b"], rows.mean(axis=0), atol=1e-6)
    assert fit.history["gradient_norm"][-1] < 1e-6
    likelihood = float(fit.log_likelihood({"x": rows}))
    assert fit.history["log_likelihood"][-1] == pytest.approx(likelihood, abs=1e-7)


def test_a_prior_makes_it_the_mode():
    rows = rows_of(400, 4)
    fit = ebm.fit(ebm.loads(VISIBLE.format("~ normal(0, 0.1)")), {"x": rows}, sampler="exact",
                  epochs=300, progress=False)  # fmt: skip
    found = ebm.gradient(fit.model, fit.params, sampler="exact").mean
    pairs = rows.T @ rows / len(rows)
    upper = np.triu_indices(4, 1)
    pull = fit.params["J"][upper] / 0.1**2 / len(rows)
    assert np.allclose(pairs[upper] + found["J"][upper], pull, atol=1e-6)


def test_an_entry_without_an_optimum_is_named():
    """Units 0 and 1 are never on together: no finite coupling is the best."""
    rows = rows_of(400, 3)
    rows[:, 1] *= 1 - rows[:, 0]
    with pytest.warns(UserWarning, match=r"`J\[0, 1\]` runs away: -.*give `J` a prior"):
        fit = ebm.fit(ebm.loads(VISIBLE.format("")), {"x": rows}, sampler="exact", epochs=40,
                      progress=False)  # fmt: skip
    assert len(fit.problems) == 1


@pytest.mark.slow
def test_a_prior_ends_it():
    rows = rows_of(400, 3)
    rows[:, 1] *= 1 - rows[:, 0]
    fit = ebm.fit(ebm.loads(VISIBLE.format("~ normal(0, 1)")), {"x": rows}, sampler="exact",
                  epochs=40, progress=False)  # fmt: skip
    assert fit.params["J"][0, 1] < -1
    assert fit.problems == ()


def test_latents_with_a_closed_form_are_summed():
    text = """dim pixel, unit = 2
    visible v : binary[pixel]
    latent h : binary[unit]
    param W : real[pixel, unit] init normal(0, 0.1)
    param b : real[pixel]
    energy = -v @ W @ h - b @ v"""
    rows = rows_of(300, 4)
    fit = ebm.fit(ebm.loads(text), {"v": rows}, sampler="exact", epochs=60, progress=False)
    assert fit.history["log_likelihood"][-1] > fit.history["log_likelihood"][0] + 0.05
    assert np.all(np.isfinite(fit.history["objective"]))


GAUSSIAN = """dim d
visible x : real[d]
param K : real[d, d] symmetric
energy = sum(i, j) K[i, j] * x[i] * x[j] / 2"""


def test_a_step_out_of_the_parameters_that_have_a_log_z_is_too_long():
    model = ebm.loads(GAUSSIAN)
    for seed, scale in ((2, 3.0), (5, 3.0), (0, 1.0)):
        rows = np.random.default_rng(seed).normal(size=(200, 3)) * scale
        rows = rows @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]])
        fit = ebm.fit(model, {"x": rows}, params={"K": np.eye(3)}, sampler="exact", epochs=200,
                      progress=False)  # fmt: skip
        assert np.allclose(fit.params["K"], np.linalg.inv(rows.T @ rows / 200), atol=1e-6)
        assert np.isfinite(fit.history["objective"]).all()
        assert fit.problems == ()


def searched(function, start, most=200):
    """Where the search ends, whether at an edge, and how many evaluations it took."""
    seen = []

    def counted(place):
        seen.append(place)
        return function(place)

    start = np.array(start, float)
    least = minimum(counted, Point(start, *function(start)), most)
    return least, len(seen)


def test_a_search_comes_back_from_where_there_is_no_value():
    def steep(x):
        return None if x[0] <= 0 else (float(100 * x[0] - np.log(x[0])), 100 - 1 / x)

    for start in (30.0, 4.7, 1.0, 1e-5):
        least, seen = searched(steep, [start])
        assert least.place[0] == pytest.approx(0.01, rel=1e-6)
        assert not least.edge
        assert seen < 50


def test_a_search_that_ends_at_an_edge_tells():
    def cut(x):
        return None if x[0] <= 0 else (float(x[0] + (x[1] - 3) ** 2), np.array([1, 2 * x[1] - 6]))

    least, seen = searched(cut, [2.0, 0.0])
    assert least.edge
    assert 0 < least.place[0] < 1
    assert seen <= 200


def test_a_start_without_a_log_z_is_refused():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ebm.EbmError, match=r"E703.*not a bowl in `x`"):
        ebm.fit(ebm.loads(GAUSSIAN), {"x": rows}, params={"K": -np.eye(2)}, sampler="exact",
                progress=False)  # fmt: skip


def test_latents_that_are_coupled_are_listed():
    text = """visible x : binary
    latent h : binary
    latent g : binary
    param a : real
    param c : real
    energy = -a * x - c * x * h - h * g"""
    rows = np.repeat([1.0, 0.0], [30, 10])
    fit = ebm.fit(ebm.loads(text), {"x": rows}, sampler="exact", epochs=50, progress=False)
    best = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    assert fit.history["log_likelihood"][-1] == pytest.approx(best, abs=1e-9)
    assert float(fit.log_likelihood({"x": rows})) == pytest.approx(best, abs=1e-6)


def test_what_is_not_exact_is_refused():
    deep = """dim pixel
    visible v : binary[pixel]
    latent h : spin[pixel]
    latent k : spin[pixel]
    param w : real init 0.1
    energy = -w * sum(i, j) v[i] * h[j] - w * sum(i < j) h[i] * h[j] * k[i]"""
    with pytest.raises(ebm.EbmError, match="no closed form given the data and are too many"):
        ebm.fit(ebm.loads(deep), {"v": rows_of(9, 17)}, sampler="exact", progress=False)


FIELDS = """dim n = 3
given f : real[n]
visible s : spin[n]
param k : real
param J : real
energy = -k * f @ s - J * (s[0] * s[1] + s[1] * s[2])"""


def test_given_data_of_each_example_have_a_log_z_each():
    """At the optimum the mean slopes of the data are those of the model, worked out state by state."""
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(5, 3))[rng.integers(0, 5, 80)]
    spins = np.where(rng.normal(size=(80, 3)) + 0.5 * fields > 0, 1.0, -1.0)
    data = {"s": spins, "f": fields}
    fit = ebm.fit(ebm.loads(FIELDS), data, sampler="exact", epochs=60, progress=False)
    states = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    pairs = states[:, 0] * states[:, 1] + states[:, 1] * states[:, 2]
    logs = float(fit.params["k"]) * fields @ states.T + float(fit.params["J"]) * pairs
    weights = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    shown = spins[:, 0] * spins[:, 1] + spins[:, 1] * spins[:, 2]
    assert np.mean(shown) == pytest.approx(np.mean(weights @ pairs), abs=1e-6)
    along = np.mean(np.sum(weights * (fields @ states.T), axis=1))
    assert np.mean(np.sum(fields * spins, axis=1)) == pytest.approx(along, abs=1e-6)
    likelihood = float(fit.log_likelihood(data))
    assert fit.history["log_likelihood"][-1] == pytest.approx(likelihood, abs=1e-6)


def test_given_data_of_too_many_kinds_are_refused():
    data = {"s": np.ones((600, 3)), "f": np.random.default_rng(0).normal(size=(600, 3))}
    with pytest.raises(ebm.EbmError, match=r"(?s)E705.*600 different values of `f`.*a chain"):
        ebm.fit(ebm.loads(FIELDS), data, sampler="exact", progress=False)


@pytest.mark.parametrize("said", ["optimizer", "sweeps", "buffer"])
def test_what_says_nothing_to_exact_gradients_is_refused(said):
    with pytest.raises(ebm.EbmError, match=rf"(?s)E704.*`{said}` has nothing.*auto"):
        check_exact(**{"optimizer": None, "sweeps": None, "buffer": None, said: 3})
    check_exact(optimizer=None, sweeps=None, buffer=None)


@pytest.mark.slow
def test_the_pairwise_machine_of_nltcs():
    path, answers = DATA / "debd" / "nltcs.npz", DATA / "truth" / "exact_maximum_likelihood.json"
    if not path.exists() or not answers.exists():
        pytest.skip(f"no data at {DATA}: set EBMLANG_DATA")
    stored, wanted = np.load(path), json.loads(answers.read_text())["nltcs"]
    train, test = (
        np.unpackbits(stored[k], axis=1)[:, :16].astype(float) for k in ("train", "test")
    )
    fit = ebm.fit(ebm.loads(VISIBLE.format("")), {"x": train}, sampler="exact", epochs=500,
                  progress=False)  # fmt: skip
    assert float(fit.log_likelihood({"x": test})) == pytest.approx(wanted["test_ll"], abs=1e-5)
    assert fit.history["log_likelihood"][-1] == pytest.approx(wanted["train_ll"], abs=1e-7)
