"""Ctrl-C and SIGTERM end a fit with what there is of it."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cut_off import BITS, MODEL, assert_same, fit

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.samplers.pace import Pace


def at_epoch(number, act):
    def callback(row):
        if row["epoch"] == number:
            act()

    return callback


def interrupt():
    raise KeyboardInterrupt


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (interrupt, "interrupted after epoch 2"),
        (lambda: send(signal.SIGINT), "interrupted after epoch 2"),
        (lambda: send(signal.SIGTERM), "ended by SIGTERM after epoch 2"),
    ],
)
def test_an_interrupted_fit_is_usable_and_can_go_on(tmp_path, act, says):
    before = signal.getsignal(signal.SIGINT)
    half = fit(tmp_path, callback=at_epoch(2, act))
    assert half.stopped == says
    assert says in repr(half)
    assert half.history["epoch"].tolist() == [1, 2]
    assert half.steps == 14
    assert signal.getsignal(signal.SIGINT) is before
    assert_same(half, fit(epochs=2))
    again = fit(tmp_path)
    assert again.stopped is None
    assert_same(again, fit())


@pytest.mark.parametrize("every", [None, 4])
def test_a_fit_stops_inside_an_epoch_and_goes_on_to_the_last_bit(tmp_path, monkeypatch, every):
    whole, run, made = fit(), Pace.run, [0]

    def by_twos(self, call, left, each=1):
        self.steps = 2
        now, found = run(self, call, left, each)
        made[0] += now
        if made[0] == 16:
            send(signal.SIGINT)
        return now, found

    with monkeypatch.context() as patched:
        patched.setattr(Pace, "run", by_twos)
        half = fit(tmp_path, every=every)
    # Calls end with an epoch of 7 steps and at checkpoints, so that 16 steps end one of them.
    assert half.stopped == "interrupted after epoch 2 and 2 batches of epoch 3"
    assert half.steps == 16
    assert_same(fit(tmp_path, every=every), whole)


def test_an_epoch_that_takes_long_is_left_within_a_second():
    sent = []

    def stop():
        sent.append(time.perf_counter())
        send(signal.SIGINT)

    timer = threading.Timer(6.0, stop)
    timer.start()
    found = ebm.fit(MODEL, {"v": np.tile(BITS, (10_000, 1))}, batch_size=10, chains=8, sweeps=500,
                    epochs=1, progress=False)  # fmt: skip
    assert time.perf_counter() - sent[0] < 3.0  # a third of a second on a machine that is free
    assert found.stopped == f"interrupted after {found.steps} batches of epoch 1"
    assert found.steps > 0


def test_a_second_interruption_raises():
    def twice():
        send(signal.SIGINT)
        send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(callback=at_epoch(1, twice))
    assert fit(epochs=1).stopped is None


def test_a_fit_that_was_stopped_says_so_from_its_folder(tmp_path):
    fit(callback=at_epoch(1, interrupt)).save(tmp_path / "kept")
    assert ebm.load_fit(tmp_path / "kept").stopped == "interrupted after epoch 1"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_ends_with_a_fit_and_goes_on_from_it(tmp_path, number, code):
    bits = np.random.default_rng(0).integers(0, 2, (2000, 6))
    np.save(tmp_path / "v.npy", bits.astype(np.int8))
    words = [sys.executable, "-m", "ebmlang.cli", "fit", str(PROGRAMS / "rbm.ebm"),
             str(tmp_path / "v.npy"), "--set", "unit=3", "--quiet", "--out", str(tmp_path / "m.fit"),
             "--checkpoint", str(tmp_path / "run")]  # fmt: skip
    pipe = subprocess.PIPE
    running = subprocess.Popen([*words, "--epochs", "1000000"], stdout=pipe, stderr=pipe, text=True)
    limit = time.monotonic() + 120
    while not list((tmp_path / "run").glob("*.safetensors")):
        assert running.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.05)
    running.send_signal(number)
    out, err = running.communicate(timeout=120)
    assert running.returncode == code
    assert "the same command goes on from" in out
    assert "after epoch" in out
    assert "Traceback" not in out + err
    assert (tmp_path / "m.fit" / "fit.json").exists()
    reached = int(out.partition("after epoch ")[2].split(";")[0])
    more = subprocess.run([*words, "--epochs", str(reached + 5), "--json"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert f'"epoch": {reached + 5}' in more.stdout
