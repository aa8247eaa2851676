"""Ctrl-C is heard within a second, without a terminal, and what was drawn is not thrown away."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.samplers.pace import Pace

TEXT = """model m dim n visible s : spin[n] param J : real[n, n] symmetric hollow
param h : real[n] energy = -sum(i < j) J[i, j] * s[i] * s[j] - h @ s"""
SITES = 24
LATE = 2.0  # seconds: a call of a third of a second on a machine that does other things


@pytest.fixture(scope="module")
def model() -> ebm.Model:
    return ebm.loads(TEXT, n=SITES)


def params() -> dict[str, np.ndarray]:
    made = np.random.default_rng(0).normal(size=(SITES, SITES)) * 0.05
    made = (made + made.T) / 2
    np.fill_diagonal(made, 0)
    return {"J": made, "h": np.full(SITES, 0.1)}


@contextmanager
def interrupted(seconds: float) -> Iterator[list[float]]:
    """SIGINT after so many seconds; when it was sent."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        yield sent
    finally:
        timer.cancel()


def test_a_run_gives_the_draws_so_far_and_doubts_them(model: ebm.Model) -> None:
    wanted = 10**7
    short = ebm.sample(model, params(), draws=200, thin=50, warmup=10, progress=False)
    with interrupted(3.0) as sent:
        found = ebm.sample(model, params(), draws=wanted, thin=50, warmup=10, progress=False)
    assert time.perf_counter() - sent[0] < LATE
    done = found.energy.shape[1]
    assert 0 < done < wanted
    assert found.settings["stopped"] == f"interrupted after {done} of {wanted} draws of each chain"
    assert found.settings["stopped"] in found.diagnostics.problems
    assert not found.diagnostics.trusted
    same = min(done, 200)
    assert np.array_equal(found["s"][:, :same], short["s"][:, :same])


@pytest.mark.parametrize(
    "verb",
    [
        lambda m: ebm.sample(m, params(), warmup=10**9, draws=1, progress=False),
        lambda m: ebm.sample(m, params(), draws=10**8, keep="moments", progress=False),
        lambda m: ebm.gradient(m, params(), draws=10**8, sampler="gibbs", rao_blackwell=False),
        lambda m: ebm.log_partition(m, params(), method="ais", target_error=1e-6),
    ],
    ids=["warm-up", "moments", "gradient", "ais"],
)
def test_a_verb_ends_within_a_second(model: ebm.Model, verb: Callable[..., object]) -> None:
    with interrupted(5.0) as sent, pytest.raises(KeyboardInterrupt):
        verb(model)
    assert time.perf_counter() - sent[0] < LATE


def test_the_length_of_calls_changes_no_draw(
    model: ebm.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn() -> list[np.ndarray]:
        kept = ebm.sample(model, params(), draws=100, warmup=30, thin=3, progress=False)
        moments = ebm.sample(model, params(), draws=100, keep="moments", progress=False)
        slope = ebm.gradient(model, params(), draws=64, sampler="gibbs", rao_blackwell=False)
        return [kept["s"], moments.mean["s"], moments.std_error["s"], slope.mean["h"]]

    first = drawn()
    run = Pace.run

    def by_threes(self: Pace, call: Callable, left: int, each: int = 1) -> tuple[int, object]:
        self.steps = 3
        return run(self, call, left, each)

    monkeypatch.setattr(Pace, "run", by_threes)
    for a, b in zip(first, drawn(), strict=True):
        assert np.array_equal(a, b)
