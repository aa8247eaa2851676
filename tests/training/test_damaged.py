"""Checkpoints of which a bit has turned, and folders in which other things lie too."""

import os
import shutil

import pytest
from cut_off import assert_same, fit

import ebmlang as ebm
from ebmlang.training.checkpoint import NAME, PARTIAL, Keeper, Kept, flat
from ebmlang.training.purpose import Purpose

PURPOSE = Purpose("model text", {"a.ebm": "let a = 1"}, {"n": 3}, {"data v": "12ab"}, {"seed": "0"})
FACTS = {"epochs": 3, "order": {"state": 1 << 120}}


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fit(folder, epochs=2)
    return folder


@pytest.fixture
def run(two_epochs, tmp_path):
    return shutil.copytree(two_epochs, tmp_path / "run")


def numbers(folder):
    return sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob("checkpoint-*"))


@pytest.fixture(scope="module")
def whole():
    return fit(epochs=3)


@pytest.mark.parametrize(
    ("written", "turned"),
    [
        (rb"\"epochs\": 2", rb"\"epochs\": 0"),
        (rb"\"epochs\": 2", rb"\"epochs\": :"),
        (rb"\"purpose\"", rb"\"purqose\""),
        (rb"\"facts\"", rb"\"fa#ts\""),
        (rb"\"seed\": \"0", rb"\"seed\": \"1"),
        (rb"\"format\": 2", rb"\"format\": 3"),
        (b'"ebmlang"', b'"ebmmang"'),
        (b'"digest"', b'"dIgest"'),
        (b'"F32"', b'"I32"'),
        (b'"learner.step"', b'"lmarner.step"'),
    ],
)
def test_a_header_that_was_not_written_so_is_not_believed(run, whole, written, turned):
    path = run / NAME.format(2)
    content = path.read_bytes()
    assert written in content
    path.write_bytes(content.replace(written, turned, 1))
    with pytest.warns(UserWarning, match=r"checkpoint-000002\.safetensors is damaged"):
        again = fit(run, epochs=3)
    assert_same(again, whole)


def test_whatever_bit_turns_the_one_before_is_taken(tmp_path):
    keeper = Keeper(tmp_path, PURPOSE)
    arrays = flat({"w": range(5), "b": [1.5, 2.5]}, "learner")
    keeper.put(Kept(arrays, {"epochs": 2}))
    path = keeper.put(Kept(arrays, FACTS))
    content = path.read_bytes()
    assert keeper.newest().facts == FACTS
    for place in range(len(content)):
        turned = bytearray(content)
        turned[place] ^= 1 << place * 5 % 8
        path.write_bytes(turned)
        with pytest.warns(UserWarning, match="checkpoint-000002.*damaged"):
            assert keeper.newest().facts == {"epochs": 2}


def test_a_text_with_a_digest_in_it_does_not_stand_for_the_digest(tmp_path):
    text = '"digest":"' + "0" * 32 + '"'
    keeper = Keeper(tmp_path, Purpose(text, {}, {}, {}, {}))
    for _ in range(9):  # the order of names in a header of safetensors changes from file to file
        keeper.put(Kept({}, {"text": text}))
        assert keeper.newest().facts == {"text": text}


def test_files_of_other_names_are_left_alone(run, whole):
    strange = ["checkpoint-best.safetensors", "checkpoint-best.safetensors.partial", "checkpoint-.safetensors",
               "checkpoint-0000002.safetensors", "checkpoint-9.safetensors", "checkpoint--00009.safetensors",
               "checkpoint-٠٠٠٠٠٩.safetensors", "checkpoint-000002.safetensors.old"]  # fmt: skip
    for name in strange:
        (run / name).write_bytes(b"mine")
    left = run / (NAME.format(7) + PARTIAL)
    left.write_bytes(b"half")
    assert_same(fit(run, epochs=3, keep=2), whole)
    assert all((run / name).read_bytes() == b"mine" for name in strange)
    assert {path.name for path in run.iterdir()} == {*strange, NAME.format(2), NAME.format(3)}


def test_more_than_a_million_are_in_the_order_of_their_numbers(run, whole):
    for number in (1, 2):
        (run / NAME.format(number)).rename(run / NAME.format(999_997 + number))
    assert_same(fit(run, epochs=3, keep=2), whole)
    assert numbers(run) == [999_999, 1_000_000]
    fit(run, epochs=5, keep=2)
    assert numbers(run) == [1_000_001, 1_000_002]
    assert_same(fit(run, epochs=6), fit(epochs=6))


def test_a_checkpoint_of_another_format_is_left_out(run, monkeypatch):
    monkeypatch.setattr("ebmlang.training.checkpoint.FORMAT", 3)
    with (
        pytest.warns(UserWarning, match="it has format 2, not 3"),
        pytest.raises(ebm.EbmError, match=r"E711.*none of the 2"),
    ):
        fit(run, epochs=3)


@pytest.mark.parametrize("name", ["fit.json", "arrays.safetensors"])
def test_a_saved_fit_of_a_stranger_is_refused_in_words(tmp_path, name):
    model = ebm.loads("dim n = 3 visible x : binary[n] param h : real[n] energy = -h @ x")
    rows = {"x": [[0, 0, 1], [1, 0, 1]]}
    kept = ebm.fit(model, rows, epochs=1, progress=False)
    kept.save(tmp_path / "kept")
    path = tmp_path / "kept" / name
    deep = b"[" * 200_000
    lies = (2**40).to_bytes(8, "little") + b"{}"
    for content in (deep, b'{"a":' * 50_000, lies, b"\xff" * 1000, b""):
        path.write_bytes(content)
        with pytest.raises(ebm.EbmError, match=r"E608.*damaged"):
            ebm.load_fit(tmp_path / "kept")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ebm.EbmError, match="E608"):
        ebm.load_fit(tmp_path / "kept")
