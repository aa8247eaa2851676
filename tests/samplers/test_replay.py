"""Short runs from a buffer: which slots walk, which begin anew, and that the same seed gives the same."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ebmlang as ebm

BOWL = "dim n = 2 visible x : real[n] param c : real[n] energy = sum(i) (x[i] - c[i]) ^ 2 / 2"
CENTRE = {"c": np.array([1.0, -1.0])}
SLOTS, CHAINS, SWEEPS = 400, 50, 3


@pytest.fixture(scope="module")
def short() -> Any:
    walk = ebm.Langevin(1e-4)
    return ebm.replay(ebm.loads(BOWL), walk, slots=SLOTS, chains=CHAINS, sweeps=SWEEPS, restart=0.2)


def test_chains_return_to_the_slots_they_came_from_and_others_stay(short: Any):
    before = short.start(jax.random.key(0), CENTRE)
    after, states = short.draw(jax.random.key(1), before, CENTRE)
    walked = np.flatnonzero(np.any(after.state["x"] != before.state["x"], axis=1))
    assert len(walked) == CHAINS  # no slot was drawn twice
    assert states["x"].shape == (CHAINS, 2)
    found = {tuple(row) for row in np.asarray(states["x"])}
    assert found == {tuple(row) for row in np.asarray(after.state["x"][walked])}
    gone = np.linalg.norm(after.state["x"] - before.state["x"], axis=1)
    # Three steps of 0.01 lead nowhere: what moved further began anew, a fifth of the chains.
    near = walked[gone[walked] < 0.1]
    assert 0.6 * CHAINS <= len(near) < CHAINS
    np.testing.assert_array_equal(np.asarray(after.age)[walked], SWEEPS)
    assert np.sum(after.age) == CHAINS * SWEEPS


def test_slots_begin_anew_at_the_stated_rate(short: Any):
    buffer = short.start(jax.random.key(0), CENTRE)
    buffer = buffer._replace(age=jnp.full(SLOTS, 1000))
    begun = 0
    for step in range(60):
        aged = buffer.age
        buffer, _ = short.draw(jax.random.key(step), buffer, CENTRE)
        begun += int(np.sum(np.asarray(buffer.age) < np.asarray(aged)))
        buffer = buffer._replace(age=jnp.full(SLOTS, 1000))
    number = 60 * CHAINS
    assert abs(begun - 0.2 * number) < 5 * (0.2 * 0.8 * number) ** 0.5


def test_the_same_key_gives_the_same_numbers(short: Any):
    def run(seed: int) -> np.ndarray:
        buffer, states = short.start(jax.random.key(seed), CENTRE), {}
        for step in range(4):
            buffer, states = short.draw(
                jax.random.fold_in(jax.random.key(seed), step), buffer, CENTRE
            )
        return np.asarray(states["x"])

    np.testing.assert_array_equal(run(5), run(5))
    assert not np.array_equal(run(5), run(6))


def test_runs_without_restart_come_to_the_law_of_the_model_and_short_ones_do_not():
    model = ebm.loads(BOWL)
    for restart, centre in ((0.0, 1.0), (1.0, 1 - np.exp(-0.25))):
        short = ebm.replay(
            model, ebm.Langevin(0.05), slots=300, chains=300, sweeps=10, restart=restart
        )
        buffer = short.start(jax.random.key(0), CENTRE)
        total = np.zeros(2)
        for step in range(40):
            buffer, states = short.draw(jax.random.key(step), buffer, CENTRE)
            total += np.asarray(states["x"]).mean(axis=0) * (step >= 20) / 20
        # Ten steps of 0.05 / 2 come a quarter of a unit of time from where all begin, around 0.
        np.testing.assert_allclose(total, [centre, -centre], atol=0.08)


def test_a_fit_with_a_buffer_finds_the_optimum_and_keeps_its_slots():
    model = ebm.loads(BOWL)
    data = np.random.default_rng(0).normal(size=(500, 2)) + np.array([2.0, -1.0])

    fit = ebm.fit(
        model, {"x": data}, sampler=ebm.Langevin(0.2), sweeps=5, epochs=40, chains=100,
        buffer=400, restart=0.01, optimizer=optax.adam(0.05), progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(fit.params["c"], data.mean(axis=0), atol=0.25)
    assert fit.chains["x"].shape == (400, 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"restart": 1.5}, "`restart` must be from 0 to 1"),
        ({"slots": 10, "chains": 20}, "a buffer of 10 slots is too small for 20 chains"),
        ({"sweeps": 0}, "`sweeps` must be a whole number from 1"),
        ({"sampler": ebm.Annealed()}, "runs from a buffer have none"),
    ],
)
def test_buffers_that_cannot_be_are_refused(settings: dict[str, Any], words: str):
    with pytest.raises(ebm.EbmError, match=f"E704[^`]*.*{words}"):
        ebm.replay(ebm.loads(BOWL), **settings)


def test_a_fit_refuses_a_buffer_or_a_schedule_that_has_no_place():
    text = "dim n = 2 given f : real[n] visible s : spin[n] param k : real energy = -k * f @ s"
    rows = np.ones((4, 2))
    with pytest.raises(ebm.EbmError, match="a `buffer` has no place"):
        ebm.fit(ebm.loads(text), {"s": rows, "f": rows}, buffer=10, chains=2, progress=False)
    with pytest.raises(ebm.EbmError, match="the chains of a fit have none"):
        ebm.fit(ebm.loads(BOWL), {"x": rows}, sampler="annealed", progress=False)
