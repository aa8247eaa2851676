"""Fits that are cut off and go on as if they had not been, to the last bit."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from cut_off import BITS, MODEL, RATE, RBM, SETTINGS, assert_same, fit

import ebmlang as ebm
from ebmlang.training import checkpoint as stored
from ebmlang.training.checkpoint import Keeper, Kept, flat, read, shaped
from ebmlang.training.purpose import Purpose


def checkpoints(folder):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture(scope="module")
def whole():
    return fit()


@pytest.mark.parametrize("every", [None, 3, pytest.param(20, marks=pytest.mark.slow)])
def test_three_epochs_and_three_more_are_six_to_the_last_bit(tmp_path, whole, every):
    half = fit(tmp_path, epochs=3, every=every)
    assert not np.array_equal(half.params["W"], whole.params["W"])
    assert_same(fit(tmp_path, every=every), whole)


def test_a_fit_cut_off_within_an_epoch_goes_on_within_it(tmp_path, whole, monkeypatch):
    put = Keeper.put

    def cut_off(keeper, kept):
        path = put(keeper, kept)
        if kept.facts["epochs"] == 2 and kept.facts["place"]:
            raise RuntimeError(path)
        return path

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "put", cut_off)
        with pytest.raises(RuntimeError, match="checkpoint-"):
            fit(tmp_path, every=3)
    assert_same(fit(tmp_path, every=3), whole)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": optax.chain(optax.clip(0.1), optax.sgd(RATE, momentum=0.9))},
        pytest.param(
            {"optimizer": optax.adamw(optax.cosine_decay_schedule(RATE, 30))},
            marks=pytest.mark.slow,
        ),
        pytest.param({"buffer": 20}, marks=pytest.mark.slow),
        pytest.param({"sampler": "informed"}, marks=pytest.mark.slow),
    ],
    ids=["chain", "schedule", "buffer", "informed"],
)
def test_whatever_changes_is_kept(tmp_path, settings):
    whole = fit(epochs=4, **settings)
    fit(tmp_path, epochs=2, **settings)
    assert_same(fit(tmp_path, epochs=4, **settings), whole)


def test_a_schedule_that_was_called_is_the_same_schedule(tmp_path):
    """optax makes its whole numbers floats when a schedule is first called."""
    model = ebm.loads("dim n = 3 visible s : spin[n] param h : real[n] energy = -h @ s")
    rows = np.where(np.random.default_rng(0).random((60, 3)) < 0.7, 1, -1)
    rule = optax.adam(optax.cosine_decay_schedule(0.01, 7))
    for epochs in (1, 2):
        fit = ebm.fit(
            model, {"s": rows}, epochs=epochs, checkpoint=tmp_path, optimizer=rule, progress=False
        )
    assert list(fit.history["epoch"]) == [1, 2]


def test_latents_that_are_sampled_and_given_data_of_each_example_are_kept(tmp_path):
    text = """dim n = 3
    given f : real[n]
    visible s : spin[n]
    latent x : real[n]
    param k : real init 1
    energy = -k * (f @ s) - sum(i) s[i] * tanh(x[i]) + sum(x^4)"""
    model, rng = ebm.loads(text, check=False), np.random.default_rng(1)
    data = {"s": rng.choice([-1, 1], (20, 3)), "f": rng.normal(size=(20, 3))}
    settings = {"batch_size": 5, "progress": False, "sweeps": 2}
    whole = ebm.fit(model, data, epochs=4, **settings)
    ebm.fit(model, data, epochs=2, checkpoint=tmp_path, **settings)
    assert_same(ebm.fit(model, data, epochs=4, checkpoint=tmp_path, **settings), whole)


def test_the_last_few_are_kept_and_a_finished_fit_is_only_read(tmp_path):
    done = fit(tmp_path, keep=2)
    assert checkpoints(tmp_path) == [f"checkpoint-{k:06d}.safetensors" for k in (5, 6)]
    assert_same(fit(tmp_path, keep=2), done)
    assert checkpoints(tmp_path)[-1] == "checkpoint-000006.safetensors"


def test_a_fit_that_begins_anew_leaves_its_own_checkpoints_as_the_newest(tmp_path, whole):
    fit(tmp_path, epochs=5)
    fit(tmp_path, epochs=1, resume=False)
    assert checkpoints(tmp_path)[-1] == "checkpoint-000006.safetensors"
    assert_same(fit(tmp_path), whole)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"optimizer": optax.adam(2 * RATE)}, "optimizer.*0.01.*0.02"),
        ({"seed": 1}, "`seed`: 0 then, 1 now"),
        ({"chains": 9}, "`chains`: 8 then, 9 now"),
        ({"sweeps": 2}, "`sweeps`"),
        ({"buffer": 20}, "`buffer`"),
        ({"sampler": "gibbs"}, "`sampler`"),
        ({"centred": False}, "`centred`"),
    ],
)
def test_other_settings_are_named(tmp_path, changed, says):
    fit(tmp_path, epochs=1)
    with pytest.raises(ebm.EbmError, match=rf"(?s)E711.*checkpoint-000001.*{says}"):
        fit(tmp_path, **changed)


def test_another_model_and_other_data_are_named(tmp_path):
    fit(tmp_path, epochs=1)
    settings = {**SETTINGS, "optimizer": optax.adam(RATE), "checkpoint": tmp_path}
    other = ebm.loads(RBM.replace("-v @ W @ h", "-2 * v @ W @ h"), unit=3, check=False)
    with pytest.raises(ebm.EbmError, match=r"line \d+ of the model was `energy interactions.*2 \*"):
        ebm.fit(other, {"v": BITS}, **settings)
    with pytest.raises(ebm.EbmError, match="`data v`"):
        ebm.fit(MODEL, {"v": 1 - BITS}, **settings)
    with pytest.raises(ebm.EbmError, match="`unit`: 3 then, 4 now"):
        ebm.fit(ebm.loads(RBM, unit=4, check=False), {"v": BITS}, **settings)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


def turn_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 16
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def spoil_header(path):
    content = bytearray(path.read_bytes())
    content[8:40] = b"\xff" * 32
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, turn_a_bit, empty, spoil_header])
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(tmp_path, whole, damage):
    fit(tmp_path, epochs=3)
    damage(tmp_path / "checkpoint-000003.safetensors")
    with pytest.warns(UserWarning, match=r"checkpoint-000003\.safetensors is damaged"):
        again = fit(tmp_path)
    assert_same(again, whole)


def test_where_all_are_damaged_nothing_begins_silently_anew(tmp_path):
    fit(tmp_path, epochs=1)
    empty(tmp_path / "checkpoint-000001.safetensors")
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ebm.EbmError, match=r"E711.*none of the 1 checkpoints"),
    ):
        fit(tmp_path)


def test_a_full_disk_is_told_and_the_fit_goes_on(tmp_path, whole, monkeypatch):
    fit(tmp_path, epochs=2)
    before = checkpoints(tmp_path)

    def fsync(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stored.os, "fsync", fsync)
    with pytest.warns(UserWarning, match="No space left on device.*checkpoint-000002") as told:
        full = fit(tmp_path)
    assert len(told) == 1
    assert_same(full, whole)
    assert "No space left" in full.problems[0]
    assert checkpoints(tmp_path) == before
    monkeypatch.undo()
    assert_same(fit(tmp_path), whole)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="files have no limits here")
def test_a_limit_on_files_leaves_no_half_of_one(tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.warns(UserWarning, match="File too large.*none yet"):
            fit(tmp_path, epochs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ebm.EbmError, match=r"E711.*no checkpoints can be kept"):
        fit(tmp_path / "file" / "run")


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    keeper = Keeper(tmp_path, Purpose("text", {}, {}, {}, {}))
    tree = {"key": jax.random.key(3), "half": jax.numpy.ones(2, jax.numpy.bfloat16), "n": np.int8(3),
            "none": np.zeros((0, 2)), "flag": np.array([True])}  # fmt: skip
    path = keeper.put(Kept(flat(tree, "x"), {"large": 1 << 120}))
    header, arrays = read(path)
    assert header["facts"] == {"large": 1 << 120}
    back = shaped(tree, arrays, "x")
    assert jax.random.key_data(back["key"]).tolist() == jax.random.key_data(tree["key"]).tolist()
    assert back["half"].dtype == tree["half"].dtype
    np.testing.assert_array_equal(back["half"], tree["half"])
    assert back["none"].shape == (0, 2)
    with pytest.raises(ebm.EbmError, match=r"E711.*`x\['n'\]`.*shape \(\).*needs \(2,\)"):
        shaped({"n": np.zeros(2)}, arrays, "x")


TESTS = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
CHILD = """
import sys, time
sys.path[:0] = {tests!r}
import cut_off as here
here.fit({folder!r}, epochs={epochs}, every={every}, callback=lambda row: time.sleep({rest}))
print("done")
"""


def child(folder, epochs, every, rest):
    text = CHILD.format(tests=TESTS, folder=str(folder), epochs=epochs,
                        every=every, rest=rest)  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", text])


@pytest.mark.slow
def test_a_fit_that_was_killed_goes_on(tmp_path):
    running = child(tmp_path, 40, None, 0.2)
    limit = time.monotonic() + 120
    while len(list(tmp_path.glob("*.safetensors"))) < 2:
        assert running.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.02)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert_same(fit(tmp_path, epochs=40), fit(epochs=40))


@pytest.mark.slow
def test_a_fit_killed_again_and_again_is_the_fit_that_was_not(tmp_path):
    """Killed at random moments of a fit that writes after every step, so often within a write."""
    moments = random.Random(0)
    for _ in range(4):
        before = checkpoints(tmp_path)
        running = child(tmp_path, 400, 1, 0.0)
        while checkpoints(tmp_path) == before and running.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        running.kill()
        assert running.wait() == -signal.SIGKILL
    assert_same(fit(tmp_path, epochs=400, every=1), fit(epochs=400))
