"""The model phase of a fit: walks from the data, ladders that stay, and as many sweeps as it takes."""

import itertools

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cut_off import assert_same

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.training.adaptive import LAGS, TAKEN, factors

RBM = (PROGRAMS / "rbm.ebm").read_text()


def bits(number):
    """All rows of so many bits [row, bit]."""
    return np.array(list(itertools.product((0, 1), repeat=number)), float)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slopes(params, data, again):
    """Slopes of the mean free energy of an RBM by W, b and c: at rows, less at weighted rows again."""
    w, c = params["W"], params["c"]
    on, off = sigmoid(c + data @ w), sigmoid(c + again[0] @ w)
    weights = again[1]
    return {
        "W": -(data.T @ on / len(data)) + again[0].T @ (weights[:, None] * off),
        "b": -data.mean(0) + weights @ again[0],
        "c": -on.mean(0) + weights @ off,
    }


def after_sweeps(params, data, number):
    """The exact law over all rows after block Gibbs sweeps that start at the data."""
    rows, hidden = bits(params["W"].shape[0]), bits(params["W"].shape[1])
    up, down = (
        sigmoid(params["c"] + rows @ params["W"]),
        sigmoid(params["b"] + hidden @ params["W"].T),
    )
    to_hidden = np.prod(np.where(hidden[None] == 1, up[:, None], 1 - up[:, None]), -1)
    to_rows = np.prod(np.where(rows[None] == 1, down[:, None], 1 - down[:, None]), -1)
    law = np.array([np.mean(np.all(data == row, axis=1)) for row in rows])
    return rows, law @ np.linalg.matrix_power(to_hidden @ to_rows, number)


@pytest.mark.parametrize("sweeps", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_contrastive_divergence_is_the_walk_from_the_data(sweeps):
    """One step with very many rows against the transition matrix; chains kept or settled fail."""
    rng = np.random.default_rng(3)
    # Two modes of the same weight, all off and all on, and data from one of them.
    w = rng.normal(2, 0.3, (4, 3))
    params = {"W": w, "b": -w.sum(1) / 2, "c": -w.sum(0) / 2}
    data = (rng.random((20_000, 4)) < [0.9, 0.8, 0.9, 0.7]).astype(float)
    fit = ebm.fit(
        ebm.loads(RBM, unit=3, check=False), {"v": data}, params=params, centred=False, epochs=1,
        objective=ebm.ContrastiveDivergence(sweeps), batch_size=len(data), progress=False,
        optimizer=optax.sgd(1.0),
    )  # fmt: skip
    rows, law = after_sweeps(params, data, sweeps)
    wanted = slopes(params, data, (rows, law))
    settled = slopes(params, data, (rows, after_sweeps(params, data, 10_000)[1]))
    far = max(np.abs(wanted[n] - settled[n]).max() for n in wanted)
    for name, slope in wanted.items():
        error = np.abs(params[name] - fit.params[name] - slope).max()
        assert error < 5 / np.sqrt(len(data)) < far / 4, name


def test_contrastive_walks_of_real_numbers_follow_the_slope_from_the_data():
    """x to (1 - alpha a / 2) x + sqrt(alpha) noise, three times, from the data's own variance."""
    points = np.random.default_rng(0).normal(0, 3, 40_000)
    model = ebm.loads("visible x : real param a : real energy = a * x^2 / 2", check=False)
    pace, start = 0.3, 0.8
    fit = ebm.fit(
        model, {"x": points}, objective="cd", sweeps=3, sampler=ebm.Langevin(pace), epochs=1,
        batch_size=len(points), params={"a": start}, optimizer=optax.sgd(1e-2), progress=False,
    )  # fmt: skip
    spread = np.mean(points**2)
    after = spread
    for _ in range(3):
        after = (1 - pace * start / 2) ** 2 * after + pace
    assert (start - float(fit.params["a"])) / 1e-2 == pytest.approx((spread - after) / 2, rel=0.03)


OWN = """dim n = 3
given f : real[n]
visible s : spin[n]
latent x : real[n]
param k : real init 1
energy = -k * (f @ s) - sum(i) s[i] * tanh(x[i]) + sum(x^4)"""


def test_walks_with_latents_and_given_data_of_each_example_go_on_to_the_last_bit(tmp_path):
    model, rng = ebm.loads(OWN, check=False), np.random.default_rng(1)
    data = {"s": rng.choice([-1, 1], (20, 3)), "f": rng.normal(size=(20, 3))}
    settings = {"batch_size": 5, "progress": False, "objective": "cd", "sweeps": 2}
    whole = ebm.fit(model, data, epochs=4, **settings)
    ebm.fit(model, data, epochs=2, checkpoint=tmp_path, **settings)
    assert_same(ebm.fit(model, data, epochs=4, checkpoint=tmp_path, **settings), whole)
    with pytest.raises(ebm.EbmError, match="`objective`: cd then, mle now"):
        ebm.fit(model, data, checkpoint=tmp_path, **settings | {"objective": "mle"})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"buffer": 50}, "`buffer` would start them elsewhere"),
        ({"sampler": "tempering"}, "keeps a ladder"),
        ({"sampler": "exact"}, "sums over all"),
        ({"sweeps": 3, "objective": ebm.ContrastiveDivergence(2)}, "sweeps=2 and the fit sweeps=3"),
    ],
)
def test_what_contradicts_walks_from_the_data_is_refused(settings, says):
    model = ebm.loads(RBM, unit=2, check=False)
    with pytest.raises(ebm.EbmError, match=f"(?s)E704.*{says}"):
        ebm.fit(model, {"v": bits(3)}, **{"objective": "cd", "progress": False, **settings})


MAGNET = """dim site = 8
visible s : spin[site]
param h : real init 0.1
energy = -0.4 * sum(i < j) s[i] * s[j] - h * sum(s)"""
RATE = 5e-7
TRACED = []


def traced(count):
    """A rate that tells how often a step is compiled."""
    TRACED.append(None)
    return jnp.asarray(RATE)


def mean_slope(folder, model, data, sampler):
    """The mean slope by h over the last 3 of 4 epochs, parameters all but fixed; and the fit."""
    TRACED.clear()
    settings = {
        "sampler": sampler, "chains": 24, "batch_size": 2, "progress": False,
        "optimizer": optax.sgd(traced), "centred": False, "params": {"h": 0.1},
    }  # fmt: skip
    early = ebm.fit(model, data, epochs=1, checkpoint=folder, **settings)
    late = ebm.fit(model, data, epochs=4, checkpoint=folder, **settings)
    assert_same(late, ebm.fit(model, data, epochs=4, **settings))
    assert len(TRACED) == 1
    steps = late.steps - early.steps
    return float(early.params["h"] - late.params["h"]) / RATE / steps


@pytest.mark.parametrize(
    "sampler", [pytest.param("gibbs", marks=pytest.mark.slow), ebm.Tempering("gibbs", replicas=4)]
)
def test_ladders_that_stay_through_the_steps_weigh_two_far_modes(tmp_path, sampler):
    """A turn of all eight spins costs 13 nats: chains that begin on a side stay there."""
    model = ebm.loads(MAGNET, check=False)
    every = 2 * bits(8) - 1
    total = every.sum(1)
    weights = np.exp(0.4 * (total**2 - 8) / 2 + 0.1 * total)
    rows = np.where(np.arange(200)[:, None] % 2 == 0, 1, -1) * np.ones((200, 8))
    slope = mean_slope(tmp_path, model, {"s": rows}, sampler)
    wanted = -rows.sum(1).mean() + weights @ total / weights.sum()
    assert wanted > 5
    if sampler == "gibbs":
        assert abs(slope - wanted) > 3
    else:
        assert slope == pytest.approx(wanted, abs=1)


def test_a_ladder_around_a_walk_that_cools_is_refused():
    model = ebm.loads("visible x : real param a : real init 1 energy = a * x^2 / 2", check=False)
    with pytest.raises(ebm.EbmError, match=r"E704.*schedule"):
        ebm.fit(model, {"x": np.ones(9)}, sampler=ebm.Tempering(inner="annealed"), progress=False)


FIELD = """dim site = 12
visible s : spin[site]
param J : real init 0.12
energy = -J * sum(i < j) s[i] * s[j]"""
APART = """dim site = 6
visible s : spin[site]
param h : real[site]
energy = -h @ s"""


def pairs(rows):
    """The sum over pairs of each row of spins."""
    return (rows.sum(1) ** 2 - rows.shape[1]) / 2


def near_order(number):
    """Rows of spins whose pairs sum to about 20 on average, and the exact mean under the model."""
    every = 2 * bits(12) - 1
    weights = np.exp(0.12 * pairs(every))
    turned = np.where(np.arange(12) % 2, 1, -1) * np.ones((number, 12))
    rows = np.where(np.arange(number)[:, None] % 2 == 0, turned, 1)
    return rows, weights @ pairs(every) / weights.sum()


def test_sites_apart_take_one_sweep_and_slow_ones_more_and_all_resumes(tmp_path):
    rng = np.random.default_rng(0)
    spins = np.where(rng.random((600, 6)) < [0.2, 0.3, 0.4, 0.6, 0.7, 0.8], 1, -1)
    settings = {"sweeps": "auto", "progress": False, "batch_size": 20, "chains": 20}
    # With chains as many as rows one sweep is enough by 12 % only, less than the rule's own noise.
    enough = {**settings, "chains": 40}
    fit = ebm.fit(ebm.loads(APART, check=False), {"s": spins}, epochs=8, **enough)
    assert np.all(fit.history["sweeps"] == 1)
    model, rows = ebm.loads(FIELD, check=False), near_order(600)[0]
    rows = np.concatenate([rows, -rows])[rng.permutation(1200)]
    slow = ebm.fit(model, {"s": rows}, epochs=4, **settings)
    assert slow.history["sweeps"][-1] > 1
    ebm.fit(model, {"s": rows}, epochs=2, checkpoint=tmp_path, every=25, **settings)
    assert_same(
        ebm.fit(model, {"s": rows}, epochs=4, checkpoint=tmp_path, **settings, every=25), slow
    )


def test_that_the_most_sweeps_are_too_few_is_said():
    model, rows = ebm.loads(FIELD, check=False), near_order(200)[0]
    with pytest.warns(UserWarning, match=r"2 sweeps a step, the most .* above 0.05 of the step"):
        fit = ebm.fit(
            model, {"s": rows}, epochs=8, batch_size=20, chains=4, progress=False,
            sweeps=ebm.Adaptive(0.05, most=2), optimizer=optax.sgd(1e-3),
        )  # fmt: skip
    assert any("the most that `sweeps` allows" in problem for problem in fit.problems)


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.4])
def test_the_error_of_a_step_is_the_fraction_asked_for(fraction):
    """Parameters stand still, every step sees all data: what varies is the error of the chains."""
    rows, mean = near_order(100)
    fit = ebm.fit(
        ebm.loads(FIELD, check=False), {"s": rows}, chains=20, epochs=900, progress=False,
        optimizer=optax.sgd(0.0), sweeps=ebm.Adaptive(fraction, 256), params={"J": 0.12},
    )  # fmt: skip
    late = slice(300, None)
    errors = -fit.history["model_energy"][late] / 0.12 - mean
    steps = fit.history["gradient_norm"][late]
    found = np.sqrt(np.mean(errors**2) / np.mean(steps**2))
    together = errors.reshape(-1, 20).mean(1) * np.sqrt(20)
    lasting = np.sqrt(np.mean(together**2) / np.mean(steps**2))
    assert found < 1.1 * fraction
    assert 0.5 * fraction < lasting < 1.3 * fraction


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"buffer": 50}, "`buffer` are short"),
        ({"objective": "cd"}, "start at the data"),
        ({"chains": 1}, "the error of one chain"),
        ({"sweeps": "many"}, 'must be a number, "auto"'),
        ({"sweeps": 0}, "whole number from 1"),
    ],
)
def test_where_sweeps_cannot_be_chosen_that_is_said(settings, says):
    model = ebm.loads(RBM, unit=2, check=False)
    with pytest.raises(ebm.EbmError, match=f"(?s)E704.*{says}"):
        ebm.fit(model, {"v": bits(3)}, **{"sweeps": "auto", "progress": False, **settings})


def test_the_factors_of_the_error_are_those_of_a_chain_that_forgets_at_a_rate():
    """Against sums by hand for rho(k) = r^k, from states so far apart as they are taken."""
    rate, options = 0.7, 2 ** np.arange(6)
    inside, around = factors(options, 1, jnp.asarray(rate ** np.arange(LAGS + 1)))
    for n, near, far in zip(options, inside, around, strict=True):
        taken = min(n, TAKEN)
        q = rate ** (n // taken)
        own = 1 + 2 * sum((1 - k / taken) * q**k for k in range(1, taken))
        assert near == pytest.approx(own / taken, rel=0.02)
        assert far == pytest.approx(max((1 + q) / (1 - q), own) / taken, rel=0.02)
