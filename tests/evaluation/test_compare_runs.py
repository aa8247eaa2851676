"""Comparisons that run: references that are exact, modes, budgets, ties, seeds, what machines get."""

import itertools
import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.cli import _plain
from ebmlang.evaluation.enumerated import exact_draws
from ebmlang.evaluation.reference import Asked, reference_of
from ebmlang.evaluation.running import Setting, loop_for, ready
from ebmlang.evaluation.watched import Watched
from ebmlang.samplers.run import clamped, situation_of
from ebmlang.samplers.settings import Gibbs
from ebmlang.syntax.diagnostics import EbmError

WARM = {"J": np.float64(0.2), "B": np.float64(0.1)}
COLD = {"J": np.float64(0.8), "B": np.float64(0.0)}


@pytest.fixture(scope="module")
def ising():
    return ebm.load(PROGRAMS / "ising.ebm", row=3, col=3)


@pytest.fixture(scope="module")
def table(ising):
    """Below the critical temperature, where single spins do not cross between the two magnetisations."""
    samplers = ["gibbs", "clusters", "gibbs", "hmc"]
    return ebm.compare(ising, COLD, samplers, draws=1500, warmup=100, seed=3)


def setting_of(model, params, draws=1500, seed=0):
    held, situation = clamped(model, None), situation_of(model, params, None, 1.0)
    watched = Watched(model, situation, 4 * draws)
    return Setting(model, situation, held, watched, 4, 50, seed, 100)


def enumerated(model, params):
    """Energies and magnetisations of all states of the lattice, and their probabilities."""
    states = np.array(list(itertools.product([-1, 1], repeat=9))).reshape(-1, 3, 3)
    energies = np.asarray(model.energy(params, {"s": jnp.asarray(states)}), np.float64)
    weights = np.exp(energies.min() - energies)
    return states, energies, weights / weights.sum()


def test_a_stuck_sampler_reaches_half_of_the_modes_and_one_that_mixes_all(table):
    gibbs, clusters, _, _ = table.rows
    assert gibbs.coverage == pytest.approx(0.5, abs=0.1)
    assert clusters.coverage > 0.95
    assert not gibbs.trusted
    assert clusters.trusted, clusters.doubt
    assert table.verdict.startswith("use clusters")


def test_the_reference_is_the_enumerated_one(ising):
    setting = setting_of(ising, COLD)
    found = reference_of(setting, Asked(COLD, 1.0, None, None), 1500, wanted=True)
    states, energies, odds = enumerated(ising, COLD)
    bonds = -(states * (np.roll(states, -1, 1) + np.roll(states, -1, 2))).sum(axis=(1, 2))
    assert found.kind == "exact"
    assert found.means[setting.watched.energy] == pytest.approx(odds @ energies, abs=1e-5)
    np.testing.assert_allclose(
        np.sort(found.means[setting.watched.entries]), np.sort([odds @ bonds, 0.0]), atol=1e-6
    )
    assert found.errors[setting.watched.entries].max() == 0
    column = setting.watched.columns["magnetisation"]
    exact = odds @ np.abs(states.mean(axis=(1, 2)))
    assert abs(found.means[column][0] - exact) < 5 * found.errors[column][0]
    assert 0 < found.errors[column][0] < 0.01


def test_samplers_are_as_far_from_exact_answers_as_their_errors_say(table):
    clusters = table.rows[1]
    assert table.reference_kind == "exact"
    assert clusters.bias < 4 * clusters.bias_error
    assert abs(clusters.energy_errors) < 4
    assert clusters.quantities["magnetisation"]["errors"] < 4
    assert clusters.quantities["magnetisation"]["ess"] > 400


def test_every_figure_of_a_row_is_there_and_they_agree_with_each_other(table):
    row = table.rows[1]
    assert row.ess_per_second == pytest.approx(row.ess / row.seconds)
    assert row.tau == pytest.approx(4 * row.draws / row.ess)
    assert row.error_at_one_second == pytest.approx(row.error * np.sqrt(row.seconds))
    assert row.error_low < row.error_at_one_second < row.error_high
    assert row.ess <= row.ess_median
    assert row.draws == 1500
    assert row.gradients >= 4 * 1500
    assert row.memory > 8 * 4 * 94  # the results of one piece of four chains and more
    assert min(row.compile_seconds, row.warmup_seconds, row.seconds, row.elapsed) > 0
    seconds, errors = np.array(row.curve).T
    assert np.all(np.diff(seconds) > 0)
    assert seconds[-1] == pytest.approx(row.seconds)
    assert errors[-1] == pytest.approx(row.bias, rel=1e-6)
    size = row.quantities["magnetisation"]["ess"]
    assert row.rates["per_second"]["magnetisation.ess"] == pytest.approx(size / row.seconds)


def test_the_same_sampler_twice_has_the_same_chains(table):
    first, _, second, _ = table.rows
    assert second.sampler == "gibbs #2"
    for name in ("ess", "error", "bias", "rhat", "gradients", "coverage"):
        assert getattr(first, name) == getattr(second, name)


def test_what_does_not_apply_says_why_and_has_no_figures(table):
    assert "`s` is discrete" in table.rows[3].refused
    assert not table.rows[3].failed
    assert table.verdict.endswith("hmc does not apply")


def test_machines_get_everything_as_json(table):
    text = json.dumps(_plain(table.to_dict()), allow_nan=False)
    back = json.loads(text)
    assert back["ranking"] == [["clusters"]]
    assert back["reference_kind"] == "exact"
    assert back["rows"][1]["per_gradient"]["energy_tail"] > 0
    assert back["rows"][3]["error"] is None
    assert len(back["rows"][1]["curve"]) > 10


def test_a_data_frame_has_a_row_for_each_sampler(table):
    frame = table.to_dataframe()
    assert list(frame.index) == ["gibbs", "clusters", "gibbs #2", "hmc"]
    assert frame.loc["clusters", "rank"] == 1
    assert frame.loc["clusters", "quantities.magnetisation.ess"] > 400
    assert frame.loc["clusters", "per_second.tail"] > 0
    assert "curve" not in frame


def test_exact_draws_of_listed_and_closed_variables_have_the_joint_law():
    model = ebm.loads(
        "dim n = 2 visible b : binary[n] latent x : real[n] param a : real init 0.7 "
        "energy = sum(i) x[i]^2 / 2 - a * x[0] * b[0] - b[0] * b[1]"
    )
    situation = situation_of(model, model.init(), None, 1.0)
    states, how = exact_draws(model, situation, clamped(model, None), 20_000, 5)
    assert "listed" in how
    b, x = np.asarray(states["b"]), np.asarray(states["x"], np.float64)
    # Summed over x, b[0] = 1 weighs exp(a^2 / 2) times as much; b[0] b[1] adds 1.
    weights = np.array([[1, 1], [np.exp(0.245), np.exp(1.245)]])
    shares = np.array([[np.mean((b == [i, j]).all(axis=1)) for j in (0, 1)] for i in (0, 1)])
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=5 * 0.5 / np.sqrt(20_000))
    for value in (0, 1):
        drawn = x[b[:, 0] == value, 0]
        assert abs(drawn.mean() - 0.7 * value) < 5 / np.sqrt(len(drawn))
        assert abs(drawn.var() - 1) < 5 * np.sqrt(2 / len(drawn))
    assert abs(np.corrcoef(x[:-1, 1], x[1:, 1])[0, 1]) < 5 / np.sqrt(20_000)


def test_chains_are_the_same_in_whatever_pieces_they_are_run(ising):
    setting = setting_of(ising, COLD)
    loop = loop_for(setting, Gibbs())
    runs = []
    for pieces in ((30,), (7, 1, 22)):
        runner = ready(replace(setting, piece=max(pieces)), loop, None)
        for number in pieces:
            runner.run(number)
        runs.append(runner.record.series.draws)
    np.testing.assert_array_equal(*runs)


def test_the_same_seed_gives_the_same_figures_and_another_gives_others(ising):
    def figures(seed):
        table = ebm.compare(
            ising, WARM, ["gibbs"], gradients=12_000, warmup=50, seed=seed, reference=False
        )
        assert table.reference_kind == "none"
        row = table.rows[0]
        assert 12_000 - 4 * 4 < row.gradients <= 12_000
        return row.error, row.ess, row.draws, row.acceptance

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)


def test_a_target_error_ends_the_run_where_chains_agree_and_is_given_up_where_not(
    ising, monkeypatch
):
    monkeypatch.setattr("ebmlang.evaluation.budget.MOST_FACTOR", 1)
    table = ebm.compare(
        ising, COLD, ["clusters", "gibbs"], target_error=0.15, warmup=50, reference=False, seed=1
    )
    clusters, gibbs = table.rows
    assert clusters.reached is True
    assert clusters.error <= 0.15
    assert clusters.draws < 2000
    assert clusters.seconds_to_target <= clusters.seconds * 1.001
    assert gibbs.reached is False
    assert gibbs.draws == 2000
    assert "gibbs: the error that was asked for is not reached in 2000 draws" in str(table)


def test_two_budgets_are_refused_before_anything_runs(ising):
    with pytest.raises(EbmError, match="`draws` and `seconds` are two budgets"):
        ebm.compare(ising, COLD, ["gibbs"], draws=10, seconds=1.0)


def test_a_budget_too_small_to_tell_anything_says_so(ising):
    table = ebm.compare(ising, COLD, ["gibbs"], draws=2, warmup=0, reference=False)
    assert table.rows[0].failed
    assert "its budget was spent after 2 draws" in str(table)
    assert "none of these samplers gave any figures" in table.verdict


def test_a_model_that_was_sampled_can_be_compared_and_sampled_another_way():
    """Conditionals are verified again, in 64 bits, by functions that have run in 32."""
    model = ebm.loads(
        "dim n = 6 visible x : binary[n] param J : real[n, n] symmetric hollow init 0.1 "
        "energy = -sum(i < j) J[i, j] * x[i] * x[j]"
    )
    params = model.init(0)
    few = {"draws": 20, "chains": 2, "warmup": 5}
    ebm.sample(model, params, sampler="gibbs", progress=False, **few)
    ebm.sample(model, params, sampler="gibbs", marginalise=False, progress=False, **few)
    assert not ebm.compare(model, params, ["gibbs"], reference=False, **few).rows[0].refused
