"""An annealed log Z that is wrong says so: weights, ends of the way, and chains that stand still."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.partition.weights import apart, doubts_of, estimate

CARD = """
dim n
given c : real[n]
visible x : binary[n]
energy = c @ x
energy card = 1e4 * (sum(x) - 2)^2
"""
COLD = "dim n = 6 cyclic\nvisible s : spin[n]\nenergy = -9 * sum(i in n) s[i] * s[i + 1]"
PLANE = """
dim k = 2
visible x : real<-12, 12>[k]
energy = -log(exp(-((x[0] - 6)^2 + x[1]^2) / 2) + exp(-((x[0] + 6)^2 + x[1]^2) / 2)
  + exp(-(x[0]^2 + (x[1] - 7)^2) / 2) + 1e-30)
"""
WELLS = "visible x : real\nenergy = (x^2 - 9)^2 / 8"
SEEDS = range(3)


def wells() -> float:
    x = np.linspace(-8, 8, 200_001)
    return float(np.log(np.sum(np.exp(-((x**2 - 9) ** 2) / 8)) * (x[1] - x[0])))


def held_to(model: ebm.Model, truth: float, **settings: float) -> list[bool]:
    """Whether runs are trusted; each that is lies within five errors, and every value in its bracket."""
    found = [ebm.log_partition(model, {}, "ais", seed=seed, **settings) for seed in SEEDS]
    for z in found:
        assert not z.trusted or abs(z.value - truth) <= 5 * z.std_error, (z, truth)
        assert z.lower <= z.value <= z.upper or not z.trusted
        assert "not to be trusted" in str(z) or z.trusted
    return [z.trusted for z in found]


@pytest.mark.parametrize("target", [1.0, pytest.param(0.05, marks=pytest.mark.slow)])
def test_states_that_a_penalty_parts_are_not_trusted(target):
    c = 3 * np.random.default_rng(1).normal(size=8)
    states = np.array(list(itertools.product([0, 1], repeat=8)))
    truth = np.logaddexp.reduce(-(states @ c + 1e4 * (states.sum(1) - 2.0) ** 2))
    model = ebm.loads(CARD, c=c)
    assert not any(held_to(model, float(truth), target_error=target))


def test_cold_spins_and_wells_are_right_and_trusted():
    model = ebm.loads(COLD)
    truth = ebm.log_partition(model, {}, "exact").value
    assert truth == pytest.approx(54 + np.log(2), abs=1e-5)
    assert all(held_to(model, truth))
    assert sum(held_to(ebm.loads(WELLS), wells())) >= 2


@pytest.mark.slow
def test_three_separate_gaussians_are_right_where_they_are_trusted():
    held_to(ebm.loads(PLANE), float(np.log(3 * 2 * np.pi)))


def test_what_weights_say_against_themselves():
    logs = np.zeros(40)
    assert doubts_of(logs, estimate(logs, 0.0), 0.1) == []
    for wrong, says in (
        (np.nan, "1 of 40 weights are NaN"),
        (np.inf, "1 of 40 weights are infinite"),
    ):
        logs[3] = wrong
        assert any(says in p for p in doubts_of(logs, estimate(logs, 0.0), 0.1))
    none = np.full(40, -np.inf)
    assert estimate(none, 2.0).log_mean == -np.inf
    assert "all weights are 0" in doubts_of(none, estimate(none, 2.0), 0.1)[0]
    few = np.append(np.zeros(39), 30.0)
    problems = " ".join(doubts_of(few, estimate(few, 0.0), 0.1, np.arange(40) < 3))
    assert "only 1.0 of 40 weights count" in problems
    assert "3 of 40 chains never moved" in problems
    assert "above the target of 0.1" in problems


def test_laws_are_told_apart_by_place_and_by_spread_and_not_by_chance():
    rng = np.random.default_rng(0)
    logs, none = rng.normal(size=256), np.zeros(256)
    first = rng.normal(size=256)
    alike = [apart(rng.normal(size=256), rng.normal(size=256), (none, none)) for _ in range(200)]
    assert not any(alike)
    assert apart(first, first + 0.6, (none, none))
    assert apart(first, 3 * first, (none, none))
    tilted = rng.normal(1.0, 1.0, size=256)  # e^x times a normal law is a normal law about 1
    assert not apart(first, tilted, (first, none))
    assert apart(first, tilted, (none, none))
    assert not apart(first, first, (logs, logs))
