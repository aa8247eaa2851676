"""The comparison of samplers: what runs, what is refused, what is flagged."""

import json
from dataclasses import replace

import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.evaluation.comparison import Comparison, Row


@pytest.fixture(scope="module")
def table():
    model = ebm.load(PROGRAMS / "gaussian_rbm.ebm", pixel=5, unit=3)
    params = model.init(0)
    params["W"] = params["W"] * 40
    samplers = ["gibbs", ebm.Langevin(step_size=0.05), "hmc"]
    return ebm.compare(model, params, samplers, draws=1500, warmup=500, seed=0)


def test_every_sampler_that_applies_has_all_figures(table):
    for row in table.rows:
        assert not row.refused
        figures = (row.ess_per_second, row.ess_per_gradient, row.rhat, row.acceptance,
                   row.compile_seconds, row.seconds, row.error, row.bias)  # fmt: skip
        assert all(np.isfinite(f) and f > 0 for f in figures)
        assert row.rhat < 1.2


def test_exact_samplers_are_as_far_off_as_their_errors_say(table):
    for row in table.rows:
        if row.sampler != "langevin":
            assert row.bias < 3 * row.error
            assert row.off < 0.05


def test_the_table_prints_and_reads_as_json(table):
    text = str(table)
    assert "gibbs" in text
    assert "exact gradient" in text
    assert "use " in text or "tie" in text
    back = json.loads(json.dumps(table.to_dict()))
    assert [row["sampler"] for row in back["rows"]] == ["gibbs", "langevin", "hmc"]


def test_a_sampler_that_does_not_apply_says_why():
    model = ebm.load(PROGRAMS / "rbm.ebm", pixel=4, unit=3)
    table = ebm.compare(model, model.init(0), draws=200, warmup=100)
    refused = {row.sampler: row.refused for row in table.rows}
    assert not refused["gibbs"]
    assert "`v` is discrete" in refused["hmc"]
    assert "`v` is discrete" in refused["langevin"]
    assert "not run, since `v` is discrete" in str(table)


def test_gibbs_without_conditionals_names_what_stood_in_the_way():
    model = ebm.load(PROGRAMS / "rings.ebm")
    table = ebm.compare(model, model.init(0), ["gibbs"], draws=50, warmup=50)
    assert "f(x)" in table.rows[0].refused


def test_the_bias_of_large_langevin_steps_is_not_hidden():
    model = ebm.loads("model m dim k = 3 visible x : real[k] param a : positive[k] init 1 "
                      "energy = sum(i) a[i] * x[i]^2 / 2")  # fmt: skip
    table = ebm.compare(
        model, model.init(), [ebm.Langevin(step_size=1.0), "gibbs"], draws=4000, warmup=200
    )
    langevin, gibbs = table.rows
    # The walk x - x/2 + N(0, 1) has variance 1 / (1 - 1/4), so E[x^2 / 2] is off by 1/6.
    assert langevin.bias == pytest.approx(1 / 6, abs=0.03)
    assert not langevin.trusted
    assert langevin.bias > 4 * langevin.bias_error
    assert gibbs.trusted
    text = str(table)
    assert "not to be trusted" in text
    assert "the walk of `x` is biased by its step, of order step_size = 1" in text
    assert "use gibbs" in text


def test_without_an_exact_answer_a_walk_is_held_to_a_long_tempered_run():
    model = ebm.loads(
        "dim n = 6 visible x : real[n] energy = sum(i) x[i]^2 / 2 + sum(i < j) x[i]^2 * x[j]^2 / 10"
    )
    table = ebm.compare(
        model, {}, [ebm.Langevin(0.4), ebm.MALA()], draws=2000, warmup=300, chains=8
    )
    walk, exact = table.rows
    assert table.reference_kind == "tempered"
    assert "draws of replica exchange around mala, an exact sampler" in table.reference
    # x has the mean 0 whatever the step: it is the energy that is off.
    assert walk.bias < 4 * walk.bias_error
    assert walk.energy_errors > 4
    assert not walk.trusted
    assert "mean energy" in walk.doubt
    assert exact.trusted, exact.doubt
    assert "use mala" in table.verdict


def test_a_walk_of_an_unknown_bias_is_not_recommended():
    bare = Row("langevin", ess=1e4, ess_per_second=1e6, rhat=1.0, caveat="biased by its step")
    exact = Row("hmc", ess=1e4, ess_per_second=1e2, rhat=1.0)
    assert bare.doubt == "its bias is not known"
    table = Comparison("m", (bare, exact), "no reference", 1000, 4, 100, 0, "")
    assert table.verdict.startswith("use hmc")
    small = replace(bare, bias=0.01, bias_error=0.01, off=0.0)
    assert small.trusted
    told = replace(table, rows=(small, exact)).verdict
    assert told.startswith("use langevin")
    assert "biased by its step, by at most 0.03" in told
    assert not replace(small, bias=0.05).trusted
    assert not replace(exact, ess=399.0).trusted
    assert not replace(exact, energy_errors=-4.5).trusted
