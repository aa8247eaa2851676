"""A fit in its folder: whole, or told to be damaged; and disks on which nothing can be kept."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from cut_off import assert_same, fit

import ebmlang as ebm
from ebmlang.training import checkpoint, stored


@pytest.fixture(scope="module")
def fitted():
    return fit(epochs=2)


@pytest.fixture(scope="module")
def small():
    """A fit of few bytes."""
    model = ebm.loads("dim n = 2 visible s : spin[n] param h : real[n] energy = -h @ s", name="m")
    return ebm.Fit(model, {"h": np.ones(2)}, {"gap": np.zeros(1)}, problems=("one",), stopped=None)


@pytest.fixture
def full(monkeypatch):
    def fsync(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.os, "fsync", fsync)


def cut_short(content):
    return content[:-20]


def empty(content):
    return b""


def lengthen(content):
    return content + b"\0"


@pytest.mark.parametrize("name", ["arrays.safetensors", "fit.json"])
@pytest.mark.parametrize("damage", [cut_short, empty, lengthen])
def test_a_damaged_file_is_named(tmp_path, fitted, name, damage):
    fitted.save(tmp_path)
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ebm.EbmError, match=rf"(?s)E608.*damaged: {name}.*a whole copy"):
        ebm.load_fit(tmp_path)


@pytest.mark.parametrize("name", ["arrays.safetensors", "fit.json"])
def test_whatever_bit_turns_it_is_told(tmp_path, small, name):
    small.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    blank = b" \n" if name == "fit.json" else b""
    for place in range(len(content)):
        turned = bytearray(content)
        turned[place] ^= 1 << place * 5 % 8
        if content[place] in blank and turned[place] in b" \n\t\r":
            continue
        path.write_bytes(turned)
        with pytest.raises(ebm.EbmError, match="E608"):
            ebm.load_fit(tmp_path)
    path.write_bytes(content)
    assert ebm.load_fit(tmp_path).params["h"].tolist() == [1, 1]


def test_the_arrays_of_another_fit_are_refused(tmp_path, fitted, small):
    fitted.save(tmp_path / "a")
    small.save(tmp_path / "b")
    shutil.copy(tmp_path / "a" / "arrays.safetensors", tmp_path / "b")
    with pytest.raises(ebm.EbmError, match=r"E608.*arrays\.safetensors is not as it was written"):
        ebm.load_fit(tmp_path / "b")


@pytest.mark.parametrize("text", ["[]", "3", "{}", json.dumps({"format": 1})])
def test_json_of_something_else_is_refused(tmp_path, fitted, text):
    fitted.save(tmp_path)
    (tmp_path / "fit.json").write_text(text)
    with pytest.raises(ebm.EbmError, match=r"E608.*has format (None|1), not 2"):
        ebm.load_fit(tmp_path)


def test_lines_of_another_system_are_the_same_facts(tmp_path, fitted):
    fitted.save(tmp_path)
    path = tmp_path / "fit.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert_same(ebm.load_fit(tmp_path), fitted)


def test_a_full_disk_leaves_no_fit(tmp_path, fitted, full):
    with pytest.raises(ebm.EbmError, match=r"E608.*cannot be kept in .*No space left"):
        fitted.save(tmp_path / "deep" / "fit")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_fit_that_was_there(tmp_path, fitted, small, request):
    fitted.save(tmp_path)
    request.getfixturevalue("full")
    with pytest.raises(ebm.EbmError, match="E608"):
        small.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays.safetensors", "fit.json"]
    assert_same(ebm.load_fit(tmp_path), fitted)


def test_a_fit_saved_again_takes_the_place_of_the_one_before(tmp_path, fitted, small):
    small.save(tmp_path)
    fitted.save(tmp_path)
    assert_same(ebm.load_fit(tmp_path), fitted)


def test_a_folder_that_is_a_file_is_told(tmp_path, small):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "fit"):
        with pytest.raises(ebm.EbmError, match=r"E608.*cannot be kept"):
            small.save(path)
    with pytest.raises(ebm.EbmError, match=r"E608.*cannot be read"):
        ebm.load_fit(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_table_that_cannot_be_written_leaves_nothing_new(tmp_path, fitted, monkeypatch):
    (tmp_path / "old.csv").write_text("mine")

    def half(history, path):
        path.write_text("epoch")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stored, "write_csv", half)
    for name in ("new.csv", "old.csv"):
        with pytest.raises(ebm.EbmError, match=rf"E608.*{name}: No space left"):
            fitted.to_csv(tmp_path / name)
    monkeypatch.undo()
    for place in (tmp_path / "none" / "h.csv", tmp_path, "/"):
        with pytest.raises(ebm.EbmError, match=r"E608.*history cannot be written"):
            fitted.to_csv(place)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "mine"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_a_device_stays_a_device(tmp_path, fitted):
    with pytest.raises(ebm.EbmError, match=r"E608.*No space left"):
        fitted.to_csv("/dev/full")
    assert not os.path.isfile("/dev/full")
    fitted.to_csv(os.devnull)
    assert not os.path.isfile(os.devnull)
    (tmp_path / "link").symlink_to(tmp_path / "h.csv")
    fitted.to_csv(tmp_path / "link")
    assert (tmp_path / "h.csv").read_text().startswith("epoch,")
