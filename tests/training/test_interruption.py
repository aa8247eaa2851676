"""Ctrl-C and SIGTERM end a fit with what there is of it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from cut_off import assert_same, fit

import ebmlang as ebm
from conftest import PROGRAMS


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
