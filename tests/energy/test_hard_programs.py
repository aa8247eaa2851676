"""Random programs with walls, zeros and large numbers: every verb against enumeration in float64.

A result that is not within its error is a failure unless it says why.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import ebmlang as ebm

from .hard_programs import Hard, hard_program


def law(program: Hard) -> tuple[np.ndarray, float]:
    """Probabilities of all states, and log Z without the constant."""
    energy = program.energies()
    log_z = float(np.logaddexp.reduce(-energy)) if np.isfinite(energy).any() else -math.inf
    return np.exp(-energy - log_z) if math.isfinite(log_z) else np.zeros(len(energy)), log_z


def loaded(program: Hard) -> ebm.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ebm.loads(program.text, **program.data)


def within(found: float, wanted: float, error: float, slack: float) -> bool:
    return abs(found - wanted) <= 5.5 * error + slack


def exact_answers(seed: int) -> None:
    program = hard_program(seed)
    model, (p, log_z) = loaded(program), law(program)
    energies, constant = program.energies(), program.constant
    slack = 1e-9 * (1 + abs(constant) + 1e6)
    found = np.asarray(model.energy(program.params, program.states()), float)
    assert np.array_equal(np.isinf(found), np.isinf(energies)), program.text
    z = ebm.log_partition(model, program.params, "exact")
    if log_z == -math.inf:
        assert z.value == -math.inf, program.text
        assert "no state is allowed" in str(z)
        for verb in (ebm.gradient, ebm.sample):
            settings = {"sampler": "exact"} if verb is ebm.gradient else {"progress": False}
            with pytest.raises(ebm.EbmError, match="no state is allowed"):
                verb(model, program.params, **settings)
        return
    assert abs(z.value - (log_z - constant)) <= slack, (program.text, z.value, log_z - constant)
    with np.errstate(divide="ignore"):
        wanted = np.log(p)
    rows = ebm.log_prob(model, program.params, program.states()).values
    assert np.array_equal(np.isinf(rows), np.isinf(wanted) | (wanted < -1e4)) or np.array_equal(
        np.isinf(rows), np.isinf(energies)
    ), program.text
    seen = wanted > -600
    np.testing.assert_allclose(rows[seen], wanted[seen], atol=slack + 1e-9, err_msg=program.text)
    if "field" in program.pieces:
        exact = ebm.gradient(model, program.params, sampler="exact")
        assert exact.trusted
        mean = p @ program.states()["x"]
        np.testing.assert_allclose(
            -np.asarray(exact.mean["h"]), mean, atol=1e-6, err_msg=program.text
        )


def sampled_answers(seed: int, sampler: str, draws: int) -> None:
    program = hard_program(seed)
    model, (p, log_z) = loaded(program), law(program)
    if log_z == -math.inf:
        return
    try:
        drawn = ebm.sample(
            model, program.params, draws=draws, sampler=sampler, seed=seed, progress=False
        )
    except ebm.EbmError as error:  # a refusal says why
        if error.diagnostics[0].code not in ("E702", "E703"):
            raise
        return
    if not drawn.diagnostics.trusted:
        return
    for name in program.names:
        values = drawn[name].astype(float)
        means = p @ program.states()[name]
        size = drawn.diagnostics.ess[name]
        size = size if np.isfinite(size) else 400.0
        spread = np.sqrt(p @ (program.states()[name] - means) ** 2)
        off = np.abs(values.mean((0, 1)) - means)
        assert (off <= 5.5 * spread / np.sqrt(size) + 3.0 / draws / 4).all(), (
            program.text,
            off,
            sampler,
        )


def annealed_answers(seed: int) -> None:
    program = hard_program(seed)
    model, (_, log_z) = loaded(program), law(program)
    if log_z == -math.inf:
        return
    try:
        found = ebm.log_partition(model, program.params, "ais", seed=seed, target_error=0.2)
    except ebm.EbmError as error:
        if error.diagnostics[0].code not in ("E702", "E703"):
            raise
        return
    if found.trusted:
        wanted = log_z - program.constant
        assert within(found.value, wanted, found.std_error, 1e-6 + 1e-9 * abs(wanted)), program.text


@pytest.mark.parametrize("seed", range(8))
def test_exact_answers_are_those_of_enumeration(seed: int):
    exact_answers(seed)


@pytest.mark.parametrize(("seed", "sampler"), [(1, "auto"), (4, "informed"), (7, "tempering")])
def test_trusted_draws_have_the_law_of_enumeration(seed: int, sampler: str):
    sampled_answers(seed, sampler, 1500)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_exact_answers_of_many_programs(seed: int):
    exact_answers(seed)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["auto", "informed", "tempering"])
@pytest.mark.parametrize("seed", range(100, 125))
def test_trusted_draws_of_many_programs(seed: int, sampler: str):
    sampled_answers(seed, sampler, 4000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 125))
def test_trusted_annealed_answers_of_many_programs(seed: int):
    annealed_answers(seed)


def test_overflow_is_infinite_and_never_a_wrong_number():
    """exp(60 x) is above what float32 holds from two sites on: those states weigh nothing."""
    model = ebm.loads(
        "dim n = 3 visible x : binary[n] param h : real energy = exp(60 * sum(x)) - h * sum(x)"
    )
    drawn = ebm.sample(model, {"h": 1.0}, draws=100, progress=False)
    assert not drawn["x"].any()
    assert ebm.log_partition(model, {"h": 1.0}).value == pytest.approx(-1.0, abs=1e-9)
    wild = ebm.loads(
        "dim n = 3 visible x : binary[n] energy = exp(900 * sum(x)) / (1 + exp(900 * sum(x))) - sum(x)"
    )
    for verb in (
        lambda: ebm.log_partition(wild, {}),
        lambda: ebm.sample(wild, {}, draws=50, progress=False),
        lambda: ebm.log_prob(wild, {}, {"x": np.eye(3)}),
    ):
        with pytest.raises(ebm.EbmError, match=r"E703.*not a number"):
            verb()
