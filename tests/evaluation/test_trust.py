"""What is not to be trusted is said wherever it is printed, and auto runs again where chains stay apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz
import numpy as np
import pytest
from scipy.signal import lfilter
from typer.testing import CliRunner

import ebmlang as ebm
from ebmlang.cli import app
from ebmlang.evaluation.diagnostics import (
    Diagnostics,
    bfmi,
    diagnose,
    rank_rhat,
    split_rhat,
    tail_size,
)
from ebmlang.samplers.rescue import APART, disagreement, rescued
from ebmlang.samplers.run import clamped, loop_of
from ebmlang.samplers.sweep import Report

SLOW = pytest.mark.slow
WELLS = "visible x : real param depth : positive init 30 energy = depth * (x ^ 2 - 1) ^ 2"
SETTINGS: dict[str, Any] = {"draws": 300, "warmup": 200, "chains": 4, "sampler": "mala", "seed": 1}
WORDS = "not to be trusted: the chains of `x` disagree: split R-hat"


@pytest.fixture(scope="module")
def wells() -> ebm.Model:
    return ebm.loads(WELLS)


@pytest.fixture(scope="module")
def stuck(wells: ebm.Model) -> ebm.Draws:
    return ebm.sample(wells, wells.init(), progress=False, **SETTINGS)


def series(length: int, seed: int = 0) -> np.ndarray:
    """Four chains of three numbers that remember their past a little, not all of one law."""
    noise = np.random.default_rng(seed).normal(size=(2, 4, length, 3))
    return 0.1 * np.cumsum(noise[0], axis=1) + noise[1]


@pytest.mark.parametrize("length", [100, 101])
def test_rank_rhat_and_bfmi_are_those_of_arviz(length: int):
    x = series(length)
    wanted = [arviz.rhat(x[..., k]) for k in range(3)]
    np.testing.assert_allclose(rank_rhat(x), wanted, rtol=1e-12)
    np.testing.assert_allclose(bfmi(x[..., 0]), arviz.bfmi(x[..., 0]), rtol=1e-12)
    tails = [arviz.ess(x[..., k], method="tail") for k in range(3)]
    np.testing.assert_allclose(tail_size(x), tails, rtol=0.1)
    labels = np.random.default_rng(1).integers(0, 4, (4, length))
    np.testing.assert_allclose(rank_rhat(labels), arviz.rhat(labels), rtol=1e-12)


@pytest.mark.parametrize("values", [(0, 1), (-1, 1)])
def test_ranks_of_two_values_change_nothing(values: tuple[int, int]):
    x = np.random.default_rng(0).choice(values, (4, 50))
    np.testing.assert_allclose(rank_rhat(x), arviz.rhat(x), rtol=1e-12)
    assert rank_rhat(x) == split_rhat(x)


def test_chains_of_unlike_spread_are_told_apart_by_folding():
    x = np.random.default_rng(0).normal(size=(4, 400)) * np.array([[1.0], [1.0], [1.0], [6.0]])
    assert split_rhat(x) < 1.05
    assert rank_rhat(x) > 1.1
    still = np.broadcast_to(np.arange(4.0)[:, None], (4, 50))
    assert np.isinf(rank_rhat(still))


def told_of(x: np.ndarray, energy: np.ndarray, hamiltonian: bool) -> Diagnostics:
    """The diagnostics of one name where no transition diverged."""
    report = Report(np.ones(x.shape), np.ones(x.shape), np.zeros(x.shape), np.zeros(x.shape))
    return diagnose({"x": x}, energy, report, (), hamiltonian=hamiltonian)


def test_an_energy_that_creeps_is_told_of_hamiltonian_paths():
    rng = np.random.default_rng(0)
    energy = np.cumsum(rng.normal(size=(4, 2000)), axis=1)
    told = told_of(rng.normal(size=(4, 2000)), energy, True)
    assert told.bfmi < 0.3
    assert "E-BFMI" in " ".join(told.problems)
    assert "E-BFMI" not in " ".join(told_of(rng.normal(size=(4, 2000)), energy, False).problems)


def test_tails_that_are_seldom_reached_are_told():
    """The sign is new in every draw, so that the mean is known well; the size is remembered long."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 2000))
    size = np.asarray(lfilter([np.sqrt(1 - 0.98**2)], [1, -0.98], noise, axis=1))
    told = told_of(np.exp(size) * rng.choice([-1.0, 1.0], size.shape), noise, True)
    assert told.tail["x"] < 400 < told.ess["x"]
    assert told.problems[0].startswith("the tails of `x` have only")
    assert "in the tails" in str(told)


def test_every_way_of_printing_draws_says_so(stuck: ebm.Draws):
    table = stuck.summary()
    for text in (str(stuck), repr(stuck), str(stuck.diagnostics), str(table), table.to_string(),
                 table.to_html(), table._repr_html_(), str(table[["mean"]])):  # fmt: skip
        assert WORDS in text
    assert table.loc["x", "r_hat"] > 1.05


def test_every_way_of_printing_moments_says_so(wells: ebm.Model, tmp_path: Path):
    moments = ebm.sample(wells, wells.init(), keep="moments", progress=False, **SETTINGS)
    moments.summary().to_string(tmp_path / "table.txt")
    for text in (str(moments), str(moments.summary()), (tmp_path / "table.txt").read_text()):
        assert WORDS in text


def test_a_gradient_from_chains_that_disagree_says_so(wells: ebm.Model):
    tilted = ebm.loads(WELLS.replace("energy =", "param h : real init 1 energy = h * x +"))
    found = ebm.gradient(tilted, tilted.init(), **SETTINGS)
    assert not found.trusted
    assert "not to be trusted: the chains of `dE/dtheta` disagree" in str(found)
    assert "not to be trusted: the chains of `energy` disagree" in repr(found)
    line = "dim n = 2 visible s : spin[n] param h : real init 0.3 energy = -h * sum(s)"
    fine = ebm.gradient(ebm.loads(line), {"h": 0.3}, seed=0)
    assert fine.trusted, fine


def test_the_command_says_so(tmp_path: Path):
    file = tmp_path / "wells.ebm"
    file.write_text(WELLS)
    order = ["sample", str(file), "--sampler", "mala", "--draws", "300", "--warmup", "200",
             "--seed", "1", "--quiet"]  # fmt: skip
    assert WORDS in CliRunner().invoke(app, order).output
    facts = json.loads(CliRunner().invoke(app, [*order, "--json"]).output)
    assert facts["trusted"] is False
    assert "disagree" in facts["problems"][0]


def test_chains_that_stay_apart_are_run_again(wells: ebm.Model, stuck: ebm.Draws):
    plan = loop_of(wells, ebm.MALA(), clamped(wells, None), 200).plan
    assert disagreement(stuck) > APART
    settings: dict[str, Any] = SETTINGS | {"progress": False}

    def tempered(**more: Any) -> Any:
        sampler: Any = ebm.Tempering("mala", **more)
        return ebm.sample(wells, wells.init(), **(settings | {"sampler": sampler}))

    second = rescued(stuck, plan, tempered)
    assert "MALA chains stayed apart (R-hat" in second.settings["note"]
    assert "replica exchange took over" in str(second)
    assert disagreement(second) < APART
    assert rescued(second, plan, lambda: pytest.fail("nothing was wrong")) is second

    kept = rescued(stuck, plan, lambda: tempered(hottest=0.0))
    assert kept is stuck
    assert "replica exchange cannot take over: tempering cannot heat `x`" in str(kept)
    assert rescued(stuck, plan, lambda: stuck) is stuck
    assert "so did those of replica exchange" in str(stuck)


@SLOW
@pytest.mark.parametrize("keep", ["all", "moments"])
def test_auto_takes_replica_exchange_where_nuts_stays_in_its_well(wells: ebm.Model, keep: Any):
    settings: dict[str, Any] = {"keep": keep, "seed": 1, "progress": False}
    found = ebm.sample(wells, wells.init(), **settings)
    assert "NUTS chains stayed apart" in str(found)
    assert "replica exchange took over" in str(found)
    assert disagreement(found) < APART
    again = ebm.sample(wells, wells.init(), **settings)
    if keep == "all":
        np.testing.assert_array_equal(found["x"], again["x"])
        assert abs((found["x"] > 0).mean() - 0.5) < 0.2
    named = ebm.sample(wells, wells.init(), sampler="nuts", **settings)
    assert "note" not in named.settings
    assert "not to be trusted" in str(named)
