"""Exact gradients: the maximum of the likelihood, where its conditions hold to many digits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from samplers.test_truth import DATA

import ebmlang as ebm

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


def test_what_is_not_exact_is_refused():
    deep = """dim pixel
    visible v : binary[pixel]
    latent h : spin[pixel]
    latent k : spin[pixel]
    param w : real init 0.1
    energy = -w * sum(i, j) v[i] * h[j] - w * sum(i < j) h[i] * h[j] * k[i]"""
    with pytest.raises(ebm.EbmError, match="no closed form given the data"):
        ebm.fit(ebm.loads(deep), {"v": rows_of(9, 3)}, sampler="exact", progress=False)


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
