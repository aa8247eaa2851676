"""Samplers and budgets as a command line names them."""

import json

import pytest
from typer.testing import CliRunner

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.cli import app
from ebmlang.command.comparing import samplers_of
from ebmlang.syntax.diagnostics import EbmError

RBM = [str(PROGRAMS / "rbm.ebm"), "--set", "pixel=3", "--set", "unit=2"]


def test_samplers_are_named_with_settings_in_brackets():
    text = "gibbs, langevin(step_size=0.1, steps=3),tempering(inner=mala,replicas=4),mala(step_size=none)"
    assert samplers_of(text) == [
        ebm.Gibbs(),
        ebm.Langevin(step_size=0.1, steps=3),
        ebm.Tempering("mala", replicas=4),
        ebm.MALA(),
    ]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("langevin(step_size=0.1", "E708", "lacks a closing bracket"),
        ("langevin(0.1)", "E708", "not of the form name=value"),
        ("langevin(stepsize=0.1)", "E701", "langevin has no setting `stepsize`"),
        ("gibs", "E701", "no sampler `gibs`"),
        ("langevin(step_size=-1)", "E704", "`step_size` must be above 0"),
    ],
)
def test_settings_that_are_none_are_refused_in_words(text, code, says):
    with pytest.raises(EbmError, match=says) as raised:
        samplers_of(text)
    assert raised.value.diagnostics[0].code == code


def test_two_budgets_on_a_command_line_are_refused():
    found = CliRunner().invoke(app, ["compare", *RBM, "--draws", "9", "--seconds", "1"])
    assert isinstance(found.exception, EbmError)
    assert "`draws` and `seconds` are two budgets" in str(found.exception)


def test_a_budget_of_gradients_is_kept_and_told_as_json():
    options = ["--samplers", "gibbs,hmc", "--gradients", "8000", "--warmup", "50", "--json"]
    found = CliRunner().invoke(app, ["compare", *RBM, *options, "--no-reference"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.output)
    assert told["budget"] == "8000 gradients"
    assert told["reference_kind"] == "none"
    assert 8000 - 16 < told["rows"][0]["gradients"] <= 8000
    assert "discrete" in told["rows"][1]["refused"]
