"""Frozen is a state that does not move, and no result with a NaN or infinite entry is trusted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.evaluation.comparison import Comparison
from ebmlang.evaluation.diagnostics import diagnose, judge, not_finite
from ebmlang.evaluation.divergences import Divergences
from ebmlang.evaluation.row import Row
from ebmlang.partition.gradient import Gradient
from ebmlang.partition.logz import LogPartition
from ebmlang.partition.probability import LogProb
from ebmlang.partition.thermodynamics import NAMES, Thermodynamics

KEPT = (["s"], ["m"], "moments")
TRIANGLES = ebm.loads("""
dim row = 3 cyclic, col = 6 cyclic
visible s : spin[row, col]
quantity m = mean(i, j) s[i, j]
energy = sum(i, j) s[i, j] * (s[i + 1, j] + s[i, j + 1] + s[i + 1, j - 1])
""")
PAIRED = ebm.loads("""
dim n = 8
param h : real
visible s : spin[n]
visible x : real
visible b : binary
energy pairs = -200 * (s[0] * s[1] + s[2] * s[3]) - 200 * b
energy rest = h * s[5] + x^2 / 2
""")


@pytest.mark.parametrize("keep", KEPT, ids=str)
def test_tied_ground_states_that_chains_walk_among_are_trusted(keep):
    drawn = ebm.sample(
        TRIANGLES, {}, beta=6.0, draws=2000, sampler="tempering", keep=keep, progress=False
    )
    assert drawn.trusted, drawn.problems
    assert (drawn.diagnostics.frozen, drawn.diagnostics.still) == (0, 0)
    if keep != ["s"]:
        mean = drawn.mean["m"] if keep == "moments" else np.mean(drawn["m"])
        assert abs(mean) < 0.02
    assert drawn.energy[0] == -18 if keep == "moments" else np.all(drawn.energy == -18)


@pytest.mark.parametrize("keep", KEPT, ids=str)
def test_chains_whose_state_never_moves_are_named(keep):
    drawn = ebm.sample(TRIANGLES, {}, beta=-50.0, draws=200, keep=keep, progress=False)
    assert not drawn.trusted
    assert drawn.diagnostics.frozen == drawn.chains
    assert drawn.diagnostics.still == 18
    assert f"{drawn.chains} chains never moved" in drawn.problems


@pytest.mark.parametrize("keep", ["all", "moments"])
def test_sites_that_never_move_are_counted_and_others_are_not(keep):
    drawn = ebm.sample(PAIRED, {"h": 0.0}, draws=400, keep=keep, progress=False)
    assert drawn.diagnostics.frozen == 0
    assert drawn.diagnostics.still == 5  # s[0] to s[3], and b
    held = ebm.sample(
        PAIRED, {"h": 0.0}, draws=400, keep=keep, progress=False,
        clamp={"b": 1, "s": (np.ones(8, int), np.arange(8) < 3)},
    )  # fmt: skip
    assert held.diagnostics.still == 1


def test_a_type_of_one_value_is_not_still():
    model = ebm.loads("visible k : integer<3, 3>\nvisible b : binary\nenergy = 0 * k * b")
    drawn = ebm.sample(model, {}, draws=600, progress=False)
    assert drawn.trusted, drawn.problems
    assert (drawn.diagnostics.frozen, drawn.diagnostics.still) == (0, 0)


def test_gradients_know_movement_by_the_state_and_constants_by_the_program():
    model = ebm.loads("""
dim n = 4
param c : real
visible s : spin[n]
energy = c - 0.3 * sum(i < j) s[i] * s[j]
""")
    found = ebm.gradient(model, {"c": 0.5}, sampler="gibbs", target_error=0.01, rao_blackwell=False)
    assert found.mean["c"] == 1
    assert found.std_error["c"] < 1e-4
    assert found.trusted, found.problems
    assert found.reached
    frozen = ebm.gradient(
        ebm.loads("param c : real\nvisible b : binary\nenergy = c + 90 * b"), {"c": 0.5}, sampler="gibbs",
        rao_blackwell=False,
    )  # fmt: skip
    assert "4 chains never moved" in frozen.problems


def test_an_entry_that_never_changed_in_the_draws_has_no_error_and_no_trust():
    model = ebm.loads(
        "param J : real\nvisible a : binary\nvisible b : binary\nenergy = J * a * b + 30 * b"
    )
    found = ebm.gradient(model, {"J": 0.0}, sampler="gibbs", rao_blackwell=False)
    assert found.std_error["J"] == np.inf
    assert "the error of E[dE/dJ] is infinite" in found.problems


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("keep", ["all", "moments"])
def test_so_few_draws_that_nothing_is_known_of_them_are_not_trusted(draws, keep):
    model = ebm.loads("visible b : binary\nenergy = 0 * b")
    drawn = ebm.sample(model, {}, draws=draws, keep=keep, progress=False)
    assert not drawn.trusted
    assert "R-hat and effective draws need 4 at least" in " ".join(drawn.problems)


def test_no_draws_at_all_are_not_trusted():
    report = SimpleNamespace(acceptance=np.ones((4, 0)), diverged=np.zeros((4, 0), int))
    assert not diagnose({"x": np.ones((4, 0))}, np.ones((4, 0)), report, ()).trusted


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_nan_or_an_infinity_in_draws_is_named(wrong):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 1000, 2))
    report = SimpleNamespace(acceptance=np.ones((4, 1000)), diverged=np.zeros((4, 1000), int))
    assert diagnose({"q": values}, values[..., 0], report, ()).trusted
    values[1, 5, 1] = wrong
    kind = "NaN" if np.isnan(wrong) else "infinite"
    found = diagnose({"q": values}, values[..., 0], report, ())
    assert found.problems[0] == f"`q`: 1 {kind} of 8000 entries"


def test_a_quantity_that_is_no_number_takes_trust_from_draws_and_moments():
    model = ebm.loads(
        "dim n = 3\nvisible b : binary[n]\nquantity q = log(sum(i) b[i] - 1)\n"
        "energy = 0 * sum(i) b[i]"
    )
    for keep, name in (("all", "`q`: "), ("moments", "the mean of `q` is NaN")):
        drawn = ebm.sample(model, {}, draws=500, keep=keep, progress=False)
        assert any(p.startswith(name) for p in drawn.problems), drawn.problems


def results(x: float):
    """Results of every kind with one number in them."""
    one = np.array([0.5, x])
    curves = dict.fromkeys(NAMES, one)
    z = LogPartition(1.0, 0.0, 1.0, 1.0, "exact")
    model = ebm.loads("dim n = 2\nparam w : real[n]\nvisible b : binary[n]\nenergy = w @ b")
    yield Gradient({"w": one}, {"w": np.zeros(2)}, {}, 1.0, 100, True, "gibbs")
    yield Gradient({"w": np.zeros(2)}, {"w": one}, {}, 1.0, 100, True, "gibbs")
    yield Gradient({"net": {"a": [one]}}, {}, {}, 1.0, 100, True, "exact")
    yield LogPartition(1.0, abs(x), 1.0, 1.0, "exact")
    yield LogPartition(x, 0.0, x, x, "exact")
    yield LogPartition(0.0, 0.0, 0.0, x, "exact")
    yield LogProb(one, np.zeros(2), (z,), 0.0, "exact")
    yield LogProb(np.zeros(2), one, (z,), 0.0, "exact")
    yield Thermodynamics(one, curves, dict.fromkeys(NAMES, np.zeros(2)), one, 2, 2)
    yield Thermodynamics(one, {}, curves, one, 2, 2)
    yield ebm.Fit(model, {"w": one}, {})
    yield ebm.Fit(model, {"w": np.zeros(2)}, {}, {"b": one})


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_no_result_with_a_number_that_is_none_is_trusted(wrong):
    for result in results(0.0):
        assert result.trusted, result
        assert result.problems == ()
    for result in results(wrong):
        assert not result.trusted, result
        assert any("NaN" in p or "infinite" in p for p in result.problems)
    model = ebm.loads("visible b : binary energy = b")
    with pytest.raises(ebm.EbmError, match=r"E704.*log_partition"):
        ebm.distribution(model, {}, log_partition=wrong)


def test_minus_infinity_is_the_log_of_nothing_and_no_problem():
    none = LogPartition(-np.inf, 0.0, -np.inf, -np.inf, "exact")
    assert none.trusted
    z = LogPartition(1.0, 0.0, 1.0, 1.0, "exact")
    rows = LogProb(np.array([-np.inf, -1.0]), np.zeros(2), (z,), 0.0, "exact")
    assert rows.trusted, rows.problems
    assert not LogProb(np.array([np.inf]), np.zeros(1), (none,), 0.0, "exact").trusted


def test_bounds_that_do_not_hold_the_value_are_named():
    assert "is not between its bounds" in LogPartition(5.4, 0.1, 5.2, 5.3, "ais").problems[0]
    assert "is above the upper one" in LogPartition(5.4, 0.1, 5.5, 5.3, "ais").problems[0]
    assert LogPartition(5.4, 0.1, 5.2, 5.6, "ais").trusted


def test_a_comparison_has_the_problems_of_its_rows():
    good = Row("gibbs", ess=2000.0, rhat=1.0)
    few, refused = Row("mala", ess=20.0, rhat=1.0), Row("hmc", refused="`s` is discrete")
    assert (good.trusted, few.trusted, refused.trusted) == (True, False, False)
    table = Comparison("m", (good, few, refused), "", 1000, 4, 100, 0, "")
    assert table.problems == ("mala: its worst statistic has 20 effective draws, below 400",)
    assert Comparison("m", (good, refused), "", 1000, 4, 100, 0, "").trusted


def test_what_is_counted_and_what_may_stand():
    assert not_finite({"x": np.array([1, 2]), "y": 3.0, "z": np.zeros(0)}) == ()
    found = not_finite({"x": np.array([np.nan, np.inf, -np.inf]), "z": -np.inf}, ("z",))
    assert found == ("x: 1 NaN and 2 infinite of 3 entries",)
    told = judge({}, {}, 1.0, Divergences(0), {"b": np.zeros((2, 3), bool)}, None, draws=10)
    assert (told.frozen, told.still) == (2, 3)
