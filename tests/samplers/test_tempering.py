"""Replica exchange: the joint law of all replicas is left as it is, and what Gibbs misses is found."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.evaluation.exchange import Exchange
from ebmlang.samplers import tempering
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.tempering import Replicas, TemperingBlock, spaced, swap_chances, swaps
from samplers.test_kernels import RBM, conditional, within
from samplers.test_truth import PLANE, SK, agree, draws_of, truth

SLOW = pytest.mark.slow
FALSE_ALARM = 1e-6
BETA, LADDER = 1.3, (0.1, 0.5, 1.0)
PAIR = "dim n = 2 visible s : spin[n] energy = -0.9 * s[0] * s[1] - 0.4 * s[0] + 0.3 * s[1]"
STATES = np.array(list(itertools.product((-1.0, 1.0), repeat=2)))
ENERGIES = -0.9 * STATES[:, 0] * STATES[:, 1] - 0.4 * STATES[:, 0] + 0.3 * STATES[:, 1]
JOINT = np.array(list(itertools.product(range(4), repeat=3)))  # the states of three replicas


def joint_law() -> np.ndarray:
    """p(x, y, z) of the replicas, the hottest first."""
    weight = np.exp(-BETA * (ENERGIES[JOINT] @ np.array(LADDER)))
    return weight / weight.sum()


def swap_matrix(parity: int, chances_of: Any) -> np.ndarray:
    """The transition matrix of one turn of swaps, from the chances of each pair."""
    matrix = np.zeros((64, 64))
    number = {tuple(joint): k for k, joint in enumerate(JOINT)}
    for k, joint in enumerate(JOINT):
        chances = np.asarray(chances_of(BETA * jnp.array(LADDER), jnp.array(ENERGIES[joint])))
        moved = joint.copy()
        moved[parity : parity + 2] = moved[parity : parity + 2][::-1]
        matrix[k, number[tuple(moved)]] += chances[parity]
        matrix[k, k] += 1 - chances[parity]
    return matrix


def unscaled(betas: Any, energies: Any) -> Any:
    """A wrong rule: the target's own ratio, as if both replicas had its beta."""
    return jnp.exp(jnp.minimum(BETA * (energies[:-1] - energies[1:]), 0.0))


def greedy(betas: Any, energies: Any) -> Any:
    """A wrong rule: the lower energy always goes to the colder replica."""
    return (energies[:-1] < energies[1:]).astype(energies.dtype)


def test_swaps_leave_the_joint_law_unchanged():
    with jax.enable_x64(True):
        pi = joint_law()
        for parity in (0, 1):
            matrix = swap_matrix(parity, swap_chances)
            np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-12)
            np.testing.assert_allclose(pi @ matrix, pi, atol=1e-12)
            flow = pi[:, None] * matrix
            np.testing.assert_allclose(flow, flow.T, atol=1e-12)
            for wrong in (unscaled, greedy):
                assert np.abs(pi @ swap_matrix(parity, wrong) - pi).max() > 1e-3


def test_neighbours_swap_with_their_chances_and_in_turns():
    chances = jnp.array([0.3, 1.0, 0.0, 0.8])
    keys = jax.random.split(jax.random.key(0), 20_000)
    for count in (0, 1):
        orders = np.asarray(jax.vmap(lambda k, c=count: swaps(k, chances, c))(keys))
        assert np.all(np.sort(orders, axis=1) == np.arange(5))
        swapped = (orders[:, :-1] == np.arange(1, 5)).mean(0)
        wanted = np.where(np.arange(4) % 2 == count, chances, 0.0)
        assert np.all(
            np.abs(swapped - wanted) < 5.5 * np.sqrt(wanted * (1 - wanted) / 20_000) + 1e-9
        )


def test_an_energy_without_number_never_goes_colder():
    betas = jnp.array([0.0, 0.5, 1.0])
    chances = np.asarray(swap_chances(betas, jnp.array([jnp.inf, 1.0, 2.0])))
    assert chances[0] == 0
    assert np.asarray(swap_chances(betas, jnp.array([1.0, jnp.nan, 2.0]))).max() == 0


def moved_counts(number: int, count: int) -> np.ndarray:
    """How often each joint state is found after one whole move from the joint law."""
    model = ebm.loads(PAIR)
    sampler = ebm.Tempering("gibbs", ladder=LADDER)
    plan = make_plan(model.target, sampler, {})
    (block,) = plan.blocks
    assert isinstance(block, TemperingBlock)
    situation = Situation({}, {}, jnp.float32(BETA))
    start = np.random.default_rng(3).choice(64, number, p=joint_law())
    spins = jnp.asarray(STATES[JOINT[start]], jnp.float32)  # [number, replica, site]

    def move(key: Any, spins: Any) -> Any:
        state = {"s": spins[-1]}
        memory = block.start(key, situation, state, 0)
        memory = memory._replace(states={"s": spins[:-1]}, count=jnp.int32(count))
        ready = situation._replace(tables=block.tables(situation))
        moved = block.move(key, ready, state, memory)
        return jnp.concatenate([moved.inner.states["s"], moved.state["s"][None]])

    keys = jax.random.split(jax.random.key(count), number)
    bits = np.asarray(jax.jit(jax.vmap(move))(keys, spins)) > 0
    return np.bincount(bits.reshape(number, 6) @ 2 ** np.arange(5, -1, -1), minlength=64)


def departure(counts: np.ndarray) -> float:
    wanted = counts.sum() * joint_law()
    return float(np.sum((counts - wanted) ** 2 / wanted))


@pytest.mark.parametrize("count", [0, 1])
def test_a_whole_move_leaves_the_joint_law_unchanged(count: int):
    """Chi-square over the 64 states of three replicas, false alarms at a rate of 1e-6."""
    assert departure(moved_counts(40_000, count)) < chi2.isf(FALSE_ALARM, 63)


@pytest.mark.parametrize("wrong", [unscaled, greedy])
def test_a_move_with_a_wrong_swap_rule_is_caught(wrong: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempering, "swap_chances", wrong)
    assert departure(moved_counts(40_000, 0)) > chi2.isf(FALSE_ALARM, 63)


def test_a_ladder_is_spaced_by_its_barrier():
    betas = jnp.array([0.0, 0.2, 0.6, 1.0])
    np.testing.assert_allclose(spaced(betas, jnp.full(3, 0.4), 100), betas, atol=1e-6)
    new = np.asarray(spaced(betas, jnp.array([0.9, 0.9, 0.1]), 10_000))
    # Refusals 0.1, 0.1, 0.9: of the sum, 1.1, a third lies 0.167 / 0.9 of the way from 0.6 to 1.
    np.testing.assert_allclose(new, [0, 0.6 + 0.4 * 0.5 / 2.7, 0.6 + 0.4 * 1.6 / 2.7, 1], atol=1e-3)
    always = np.asarray(spaced(betas, jnp.ones(3), 8))
    assert np.all(np.diff(always) > 0)


def test_a_round_trip_is_from_hot_to_cold_and_back():
    ends, trips = jnp.zeros(2, jnp.int32), []
    for order in ([0, 1], [1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [1, 0]):
        ends, trip = tempering.travelled(ends[jnp.array(order)])
        trips.append(int(trip))
    assert trips == [0, 0, 1, 1, 1, 0, 1]


def glass(beta: str) -> tuple[ebm.Model, dict[str, Any], dict[str, Any]]:
    exact = truth("exact_discrete.json")[f"sk16_beta{beta}"]
    return ebm.loads(SK, n=16), {"J": exact["J_upper"], "h": exact["h"]}, exact


def test_a_cold_glass_is_found_by_tempering():
    model, params, exact = glass("4.0")
    draws = draws_of(model, params, beta=4.0, sampler="tempering", warmup=300)
    s = draws["s"].astype(float)
    agree(s, exact["mean"])
    agree(np.einsum("cdi,cdj->cdij", s, s), exact["second_moment"])
    agree(draws.energy, exact["U"])
    told = draws.tempering
    assert told.betas[0, 0] == 0
    np.testing.assert_allclose(told.betas[:, -1], 4.0)
    assert told.sweeps == 400
    assert np.ptp(told.acceptance.mean(0)) < 0.1, "the ladder was not made level"
    assert 0.4 * told.best_trips.sum() < told.round_trips.sum() < 1.2 * told.best_trips.sum()
    assert "round trips" in str(told)
    assert not told.problems


def test_plain_gibbs_says_that_it_does_not_mix_in_a_cold_glass():
    model, params, _ = glass("4.0")
    settings = {"beta": 4.0, "sampler": "gibbs", "progress": False}
    found = [ebm.sample(model, params, seed=s, **settings).diagnostics for s in range(5)]
    assert not any(d.trusted for d in found)
    assert all("`s`" in " ".join(d.problems) for d in found)


WELLS = {
    "double_well_asym_barrier6": "energy = 6 * (x ^ 2 - 1) ^ 2 + 0.4 * x + y ^ 2 / 2",
    "four_gaussians": "energy = -log(0.4 * exp(-((x + 3) ^ 2 + (y + 3) ^ 2) * 2) "
    "+ 0.3 * exp(-((x - 3) ^ 2 + (y - 3) ^ 2) * 2) + 0.2 * exp(-((x + 3) ^ 2 + (y - 3) ^ 2) * 2) "
    "+ 0.1 * exp(-((x - 3) ^ 2 + (y + 3) ^ 2) * 2))",
}


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("double_well_asym_barrier6", "mala"),
        pytest.param("double_well_asym_barrier6", "nuts", marks=SLOW),
        pytest.param("four_gaussians", "mala", marks=SLOW),
    ],
)
@pytest.mark.slow
def test_wells_that_slopes_do_not_leave(name: str, inner: str):
    exact = truth("exact_continuous.json")[name]
    sampler = ebm.Tempering(inner, replicas=6, hottest=0.05)
    model = ebm.loads(PLANE + WELLS[name])
    draws = draws_of(model, {}, sampler=sampler, draws=1000, warmup=1000)
    x, y = draws["z"][..., 0].astype(float), draws["z"][..., 1].astype(float)
    agree(x, exact["E_x"])
    agree(x > 0, exact["P_x_gt0"])
    agree(y, exact["E_y"])
    agree((x - exact["E_x"]) ** 2, exact["Var_x"])
    agree(draws.energy, exact["E_energy"])


@pytest.mark.slow
def test_what_is_held_is_held_in_every_replica():
    rbm = ebm.loads(
        "dim pixel = 3, unit = 2 visible v : binary[pixel] latent h : binary[unit] "
        "param W : real[pixel, unit] param b : real[pixel] param c : real[unit] "
        "energy = -v @ W @ h - b @ v - c @ h"
    )
    held = np.array([1.0, 0.0, 1.0])
    draws = ebm.sample(rbm, RBM, sampler=ebm.Tempering(replicas=3), draws=200, chains=64,
                       clamp={"v": held}, progress=False)  # fmt: skip
    assert np.all(draws["v"] == held)
    assert within(draws["h"], conditional(rbm, held))


@pytest.mark.slow
def test_replicas_run_in_float64():
    with jax.enable_x64(True):
        draws = ebm.sample(ebm.loads(PAIR), {}, sampler="tempering", draws=300, chains=32,
                           progress=False)  # fmt: skip
        weight = np.exp(-ENERGIES)
        assert within(draws["s"], weight @ STATES / weight.sum())


@pytest.mark.slow
def test_a_ladder_whose_swaps_are_refused_is_told():
    text = "dim n = 40 visible s : spin[n] energy = -sum(i in 0..n-1) s[i] * s[i+1]"
    sampler = ebm.Tempering(ladder=(0.0, 1.0))
    draws = ebm.sample(ebm.loads(text), {}, sampler=sampler, beta=3.0, draws=100, progress=False)
    assert draws.tempering is not None
    np.testing.assert_allclose(draws.tempering.betas, [[0.0, 3.0]] * 4)
    told = " ".join(draws.diagnostics.problems)
    assert "the replicas at beta 0 and 3 hardly swap" in told
    assert "no state went from the hottest replica to the coldest and back" in told
    assert "hardly swap" in repr(draws)
    assert ebm.sample(ebm.loads(text), {}, draws=5, progress=False).tempering is None


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"inner": "tempering"}, "E701"),
        ({"inner": "gibs"}, "E701"),
        ({"replicas": 1}, "E704"),
        ({"hottest": 1.0}, "E704"),
        ({"ladder": (0.0, 0.5)}, "E704"),
        ({"ladder": (0.0, 0.5, 0.5, 1.0)}, "E704"),
    ],
)
def test_settings_that_make_no_ladder_are_refused(settings: dict[str, Any], code: str):
    with pytest.raises(ebm.EbmError, match=code):
        ebm.Tempering(**settings)


def test_an_unbounded_variable_cannot_be_heated_without_end():
    model = ebm.loads("visible x : real energy = x ^ 2 + x ^ 4")
    with pytest.raises(ebm.EbmError, match=r"E702[\s\S]*unbounded"):
        ebm.sample(model, {}, sampler=ebm.Tempering(hottest=0.0), draws=2, progress=False)
    with pytest.raises(ebm.EbmError, match=r"E702[\s\S]*not quadratic"):
        ebm.sample(model, {}, sampler=ebm.Tempering("gibbs"), draws=2, progress=False)


def test_round_trips_at_their_best_follow_the_formula():
    """Two pairs swapped half the time: 1 / (2 + 2 (1 + 1)) round trips a sweep."""
    told = Exchange(np.array([[0.0, 0.5, 1.0]]), np.full((1, 2), 0.5), np.array([3]), 600)
    np.testing.assert_allclose(told.barrier, [1.0])
    np.testing.assert_allclose(told.best_trips, [100.0])


@pytest.mark.slow
def test_memory_is_of_replicas_first():
    """Held values are taken from the state that comes in, so that training can change them."""
    model = ebm.loads(PAIR)
    mask = {"s": np.array([True, False])}
    plan = make_plan(model.target, ebm.Tempering(replicas=4), mask)
    (block,) = plan.blocks
    situation = Situation({}, {}, jnp.float32(1))
    state = {"s": jnp.array([1.0, -1.0])}
    memory = block.start(jax.random.key(0), situation, state, 10)
    assert isinstance(memory, Replicas)
    assert memory.states["s"].shape == (3, 1)
    ready = situation._replace(tables=block.tables(situation))
    moved = block.move(jax.random.key(1), ready, {"s": jnp.array([-1.0, -1.0])}, memory)
    assert moved.state["s"][0] == -1
