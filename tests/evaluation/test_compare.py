"""The comparison of samplers: what runs, what is refused, what is flagged."""

import json

import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS


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
    assert gibbs.trusted
    assert "not to be trusted" in str(table)
