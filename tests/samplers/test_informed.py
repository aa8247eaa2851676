"""Informed proposals: proposal, acceptance, balance and moves, against the published formulas."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.informed import InformedBlock, Look
from ebmlang.samplers.plan import make_plan
from samplers.proposals import BETA, SMALL, every_state, published

STEP = 0.7
FALSE_ALARM = 1e-6
MOVES = 20_000
KINDS = ("gwg", "langevin")
CASES = [(name, kind) for name in SMALL for kind in KINDS]
OFTEN = {
    ("network", "langevin"),
    ("together", "gwg"),
    ("symmetric", "langevin"),
    ("integer", "gwg"),
}


def block_of(model: ebm.Model, kind: str, steps: int = 1, held: Any = None) -> InformedBlock:
    sampler = ebm.Informed(kind, steps=steps, step_size=STEP)
    (block,) = make_plan(model.target, sampler, held or {}).blocks
    assert isinstance(block, InformedBlock)
    return block


def looks(name: str, block: InformedBlock) -> Look:
    """Every state as the block sees it."""
    found = every_state(name)
    situation = found.situation(BETA)

    def look(state: Any) -> Look:
        return block.look(situation, state, block.ground.numbers(state))

    return jax.jit(jax.vmap(look))(jax.tree.map(jnp.asarray, found.states))


def matrices(name: str, block: InformedBlock) -> tuple[np.ndarray, np.ndarray]:
    """Log proposals and log ratios of acceptance [from, to], as the block computes them."""
    with jax.enable_x64(True):
        every = looks(name, block)

        def pair(a: Look, b: Look) -> tuple[Any, Any]:
            return block.log_proposal(a, b.numbers, STEP), block.log_ratio(a, b, STEP)

        rows = jax.vmap(jax.vmap(pair, in_axes=(None, 0)), in_axes=(0, None))
        proposal, ratio = jax.jit(rows)(every, every)
        return np.asarray(proposal), np.asarray(ratio)


def transition(proposal: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    moves = np.exp(proposal + np.minimum(ratio, 0.0))
    np.fill_diagonal(moves, 0.0)
    return moves + np.diag(1 - moves.sum(1))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_proposal_acceptance_and_balance_are_those_of_the_formulas(name: str, kind: str):
    found, wanted = every_state(name), published(name, kind, STEP)
    np.testing.assert_allclose(found.energies.reshape(-1), wanted.energies, atol=1e-9)
    proposal, ratio = matrices(name, block_of(found.model, kind))
    np.testing.assert_allclose(np.exp(proposal), wanted.proposals, atol=1e-7)
    np.testing.assert_allclose(np.exp(proposal).sum(1), 1, atol=1e-12)
    possible = wanted.proposals > 1e-12
    accepted = np.exp(np.minimum(ratio, 0.0))
    np.testing.assert_allclose(accepted[possible], wanted.acceptance[possible], atol=1e-6)
    matrix, pi = transition(proposal, ratio), wanted.law
    np.testing.assert_allclose(pi @ matrix, pi, atol=1e-6)
    flow = pi[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=1e-12)
    assert np.all(np.linalg.matrix_power(matrix, 16) > 0), "some state is never reached"


def moved(name: str, block: InformedBlock, start: int) -> np.ndarray:
    """Which state is reached from one state, in float32, by many moves of the block."""
    found = every_state(name)
    situation = found.situation(BETA)
    state = {n: jnp.asarray(v[start]) for n, v in found.states.items()}
    state = {
        n: v.astype(jnp.int32 if v.dtype.kind == "i" else jnp.float32) for n, v in state.items()
    }
    inner = block.start(jax.random.key(0), situation, state, 0)
    move = jax.jit(jax.vmap(lambda key: block.move(key, situation, state, inner).state))
    reached = move(jax.random.split(jax.random.key(17), MOVES))
    number = np.zeros(MOVES, int)
    for site, length in zip(found.sites, found.energies.shape, strict=True):
        value = np.asarray(reached[site.name]).reshape(MOVES, -1)
        for place in site.places:
            assert np.array_equal(value[:, place], value[:, site.places[0]])
        number = number * length + np.searchsorted(site.values, value[:, site.places[0]])
    return np.bincount(number, minlength=found.energies.size).astype(float)


def surprise(counts: np.ndarray, row: np.ndarray) -> float:
    """Chi-square over its limit at the stated rate of false alarms: above 1 is one."""
    expected = MOVES * row
    assert np.all(counts[row < 1e-15] == 0)
    likely = expected >= 5
    seen = np.append(counts[likely], counts[~likely].sum())
    wanted = np.append(expected[likely], expected[~likely].sum())
    if wanted[-1] < 5:
        seen, wanted = seen[:-1], wanted[:-1]
    statistic = float(np.sum((seen - wanted) ** 2 / wanted))
    return statistic / float(chi2.isf(FALSE_ALARM, max(len(wanted) - 1, 1)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [c if c in OFTEN else pytest.param(*c, marks=pytest.mark.slow) for c in CASES],
)
def test_three_steps_draw_from_the_row_of_the_formulas(name: str, kind: str):
    """Chi-square of 20 000 moves from one state, false alarms at a rate of 1e-6."""
    found = every_state(name)
    start = found.energies.size // 3
    row = np.linalg.matrix_power(published(name, kind, STEP).matrix, 3)[start]
    assert surprise(moved(name, block_of(found.model, kind, 3), start), row) < 1


def test_both_kinds_follow_each_other():
    """Two steps for every site, then one for one site; the order of a sweep."""
    found = every_state("network")
    every, single = (published("network", kind, STEP).matrix for kind in ("langevin", "gwg"))
    start = found.energies.size // 3
    counts = moved("network", block_of(found.model, "both", 3), start)
    assert surprise(counts, (every @ every @ single)[start]) < 1


class Careless(InformedBlock):
    """A wrong block: it forgets the way back."""

    def log_ratio(self, look: Look, new: Look, step: Any, which: Any = 0) -> Any:
        return look.potential - new.potential


class Stale(InformedBlock):
    """A wrong block: the way back is weighed by the estimates of where it came from."""

    def log_ratio(self, look: Look, new: Look, step: Any, which: Any = 0) -> Any:
        stale = new._replace(differences=look.differences)
        return super().log_ratio(look, stale, step, which)


def wrong(kind: str, name: str, block: type[InformedBlock], steps: int = 1) -> InformedBlock:
    right = block_of(every_state(name).model, kind, steps)
    return block(**{f.name: getattr(right, f.name) for f in dataclasses.fields(right)})


@pytest.mark.parametrize("block", [Careless, Stale])
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_acceptance_is_caught(kind: str, block: type[InformedBlock]):
    spoilt = wrong(kind, "network", block)
    pi = published("network", kind, STEP).law
    matrix = transition(*matrices("network", spoilt))
    assert np.abs(pi @ matrix - pi).max() > 1e-3


def test_a_wrong_acceptance_is_caught_by_the_moves():
    start = every_state("network").energies.size // 3
    row = np.linalg.matrix_power(published("network", "langevin", STEP).matrix, 3)[start]
    assert surprise(moved("network", wrong("langevin", "network", Careless, 3), start), row) > 1


def walked(model: ebm.Model, params: Any, block: InformedBlock, moves: int, **values: Any) -> Any:
    """States [chain, move, dims], acceptance and lost energies of 32 chains from random states."""
    situation = Situation(params, model.given(), BETA)

    def chain(key: Any) -> Any:
        key, sub = jax.random.split(key)
        state = random_state(model.target, sub) | values
        inner = block.start(key, situation, state, moves // 2)

        def one(carry: Any, key: Any) -> Any:
            done = block.move(key, situation, *carry)
            return (done.state, done.inner), (done.state, done.acceptance, done.diverged)

        return jax.lax.scan(one, (state, inner), jax.random.split(key, moves))[1]

    return jax.tree.map(
        np.asarray, jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(5), 32))
    )


def within(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Chains' means within six of their standard errors."""
    means = found.astype(float).mean(1)
    return bool(
        np.all(np.abs(means.mean(0) - wanted) < 6 * means.std(0, ddof=1) / len(means) ** 0.5)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_held_entries_stay_and_the_rest_follows_its_conditional(kind: str):
    found = every_state("symmetric")
    mask = np.zeros((3, 3), bool)
    mask[0, 1] = mask[1, 0] = True
    block = block_of(found.model, kind, 5, {"a": mask})
    start = jnp.asarray([[0, 1, 0], [1, 0, 0], [0, 0, 0]], jnp.float32)
    a = walked(found.model, found.params, block, 400, a=start)[0]["a"][:, 100:]
    assert np.all(a[..., 0, 1] == 1)
    assert np.array_equal(a, np.swapaxes(a, -1, -2))
    held = np.exp(-BETA * found.energies)[1]
    wanted = np.array([held[1].sum(), held[:, 1].sum()]) / held.sum()
    assert within(np.stack([a[..., 0, 2], a[..., 1, 2]], -1), wanted)


EXTREME = {
    "steep": "dim n = 3 visible s : spin[n] energy = 1e6 * sum(s) + 3e5 * s[0] * s[1]",
    "forbidden": "dim n = 3 visible t : binary[n] energy = -log(sum(t)) / 0.8",
    "a root at its end": "dim n = 3 visible t : binary[n] energy = sqrt(sum(t)) / 0.8",
    "labels": "dim n = 3, q = 3 visible z : category(q)[n] energy = 1e8 * sum(i < j) (z[i] == z[j])",
    "one state": "dim n = 2 visible k : integer<3, 3>[n] visible t : binary energy = t * sum(k) / 4.8",
}


@pytest.mark.parametrize("kind", ["both", "gwg", pytest.param("langevin", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", EXTREME)
def test_extreme_energies_give_finite_chains(name: str, kind: str):
    """Slopes of 1e6 and more, energies and slopes that are infinite somewhere, sites of one state."""
    model = ebm.loads(EXTREME[name])
    states, acceptance, lost = walked(model, {}, block_of(model, kind, 5), 400)
    assert np.all(np.isfinite(acceptance))
    assert not np.any(lost)
    kept = {n: v[:, 100:] for n, v in states.items()}
    match name:
        case "steep":
            assert np.all(kept["s"] == -1)
        case "forbidden":
            assert np.all(kept["t"].sum(-1) > 0)
            assert within(kept["t"].sum(-1), np.array((3 * 1 + 3 * 4 + 9) / 12))
        case "a root at its end":
            weight = np.array([1, 3, 3, 1]) * np.exp(-np.sqrt(np.arange(4)))
            assert within(kept["t"].sum(-1), weight @ np.arange(4) / weight.sum())
        case "labels" if kind == "langevin":
            pass  # two sites that should part can change at once for ever: what `both` is for
        case "labels":
            assert np.all(np.sort(kept["z"], axis=-1) == np.arange(3))
        case _:
            assert np.all(kept["k"] == 3)
            assert within(kept["t"], 1 / (1 + np.exp(1.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_double_precision_moves_too(kind: str):
    found = every_state("together")
    block = block_of(found.model, kind, 2)
    with jax.enable_x64(True):
        situation = found.situation(BETA)
        state = {n: jnp.asarray(v[0], jnp.int32 if v.dtype.kind == "i" else jnp.float64)
                 for n, v in found.states.items()}  # fmt: skip
        inner = block.start(jax.random.key(0), situation, state, 5)
        done = jax.jit(block.move)(jax.random.key(1), situation, state, inner)
        assert {n: v.dtype for n, v in done.state.items()} == {n: v.dtype for n, v in state.items()}
        assert jax.tree.map(jnp.result_type, done.inner) == jax.tree.map(jnp.result_type, inner)


@pytest.mark.parametrize("wanted", [0.574, pytest.param(0.8, marks=pytest.mark.slow)])
def test_the_step_size_finds_its_acceptance(wanted: float):
    model = ebm.loads(
        "dim n = 40 visible s : spin[n] net f : real[n] -> real = mlp(16, act=tanh) energy = 6 * f(s)"
    )
    sampler = ebm.Informed(kind="langevin", target_acceptance=wanted, steps=4)
    (block,) = make_plan(model.target, sampler, {}).blocks
    _, acceptance, _ = walked(model, model.init(0), block, 600)  # type: ignore[arg-type]
    assert abs(acceptance[:, 300:].mean() - wanted) < 0.06


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"kind": "gibbs"}, "E701"), ({"steps": 0}, "E704"), ({"step_size": 0.0}, "E704"),
     ({"target_acceptance": 1.0}, "E704")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], code: str):
    with pytest.raises(ebm.EbmError, match=code):
        ebm.Informed(**settings)
