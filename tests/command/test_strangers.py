"""Texts and data of strangers are answered in words, in bounded time and memory, and show no other file."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.partition.files import arrays_for, open_arrays
from ebmlang.semantics.checker import check
from ebmlang.syntax.diagnostics import EbmError, render_all
from ebmlang.syntax.formatter import format_text
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

# Runs every case of a list in one process of little memory, each with a limit on its seconds.
RUN = """
import resource, signal, sys, json, time
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from ebmlang.command.checking import check_files
from ebmlang.editor.reading import read
from ebmlang.syntax.diagnostics import EbmError, render_all
from pathlib import Path
import ebmlang as ebm
import ebmlang.backend.binding
for path in sys.argv[1:]:
    signal.alarm(10)
    found, _ = check_files([Path(path)], True)
    if "deep" not in path:
        edited = [d.code for d in read(Path(path).read_text(), path).diagnostics]
        assert edited == [d.code for d in found if d.code[0] in "EW"], (path, edited)
    try:
        ebm.load(path).explain()
        loaded = ""
    except EbmError as error:
        loaded = error.diagnostics[0].code
    print(json.dumps([Path(path).name, loaded, render_all(found)]))
signal.alarm(0)
"""

HOSTILE = {
    "lattice": ("E602", "dim a = 1000000000\nvisible s : spin[a]\nenergy = sum(s)"),
    "overflow": ("E602", "dim a = 9999999999^4\nvisible s : spin[a]\nenergy = sum(s)"),
    "complete": (
        "E602",
        "dim a = 100000\ngraph g on a = complete()\nvisible s : spin[a]\n"
        "energy = sum((i, j) in g) s[i] * s[j]",
    ),
    "integer": ("E602", "visible x : integer<0, 1000000000>\nenergy = abs(x - 3)"),
    "digits": ("E101", f"dim a = {'9' * 5000}\nvisible s : spin[a]\nenergy = sum(s)"),
    "glass": (
        "E602",
        "dim a = 100000\nvisible s : spin[a]\nparam W : real[a, a]\nenergy = -s @ W @ s",
    ),
    "nested": ("E101", f"visible s : spin\nenergy = {'(' * 20000}s{')' * 20000}"),
    "long": ("E201", f"visible s : spin\nenergy = {'z' * 200000}"),
    "zero": ("E103", 'import f from "/dev/zero"\nvisible s : spin\nenergy = f(s)'),
    "pipe": ("E103", 'import f from "fifo.ebm"\nvisible s : spin\nenergy = f(s)'),
    "secret": ("E103", 'import f from "secret.txt"\nvisible s : spin\nenergy = f(s)'),
    "linked": ("E103", 'import f from "linked_secret.ebm"\nvisible s : spin\nenergy = f(s)'),
    "above": ("E103", 'import f from "../above.ebm"\nvisible s : spin\nenergy = f(s)'),
    "deep": ("E103", 'import f from "chain0.ebm"\nvisible s : spin\nenergy = f(s)'),
}


def test_hostile_texts_are_refused_in_bounded_time_and_memory(tmp_path: Path) -> None:
    (tmp_path / "above.ebm").write_text("fn f(x) = TOKEN x")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "secret.txt").write_text("TOKEN=abc123\n")
    os.symlink(folder / "secret.txt", folder / "linked_secret.ebm")
    os.mkfifo(folder / "fifo.ebm")
    for k in range(1500):
        (folder / f"chain{k}.ebm").write_text(f'import f from "chain{k + 1}.ebm"\n')
    (folder / "chain1500.ebm").write_text("fn f(x) = x\n")
    paths = []
    for name, (_, text) in HOSTILE.items():
        paths.append(folder / f"{name}.ebm")
        paths[-1].write_text(f"model m\n{text}\n")
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, paths)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]

    for line in done.stdout.splitlines():
        name, code, text = json.loads(line)
        wanted = HOSTILE[name.removesuffix(".ebm")][0]
        assert code == wanted, (name, code, text)
        assert f"[{wanted}]" in text
        assert "TOKEN" not in text
        assert all(len(row) < 700 for row in text.splitlines())
    assert len(done.stdout.splitlines()) == len(HOSTILE)


def test_models_are_regular_files_with_their_ending(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("TOKEN=abc123\n")
    os.symlink(tmp_path / "secret.txt", tmp_path / "x.ebm")
    os.mkfifo(tmp_path / "pipe.ebm")
    for path in ("/dev/zero", tmp_path / "secret.txt", tmp_path / "x.ebm", tmp_path / "pipe.ebm"):
        with pytest.raises(EbmError, match="E608") as found:
            ebm.load(path)
        assert "TOKEN" not in str(found.value)


def test_a_search_path_is_stated_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "common.ebm").write_text("fn f(x) = 3 * x\n")
    text = 'model m import f from "common.ebm" visible s : spin energy = f(s)'
    with pytest.raises(EbmError, match="E103"):
        ebm.loads(text, name=str(tmp_path / "m.ebm"))
    monkeypatch.setenv("EBM_PATH", str(tmp_path / "library"))
    model = ebm.loads(text, name=str(tmp_path / "m.ebm"))
    assert float(model.energy({}, {"s": 1})) == 3.0


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_every_line_end_ends_a_comment_and_a_line(end: str) -> None:
    lines = ["model m", "## a doc", "visible s : spin", "energy = s  # a bond", "energy = 100*s"]
    model = ebm.loads(end.join(lines))
    assert float(model.energy({}, {"s": 1})) == 101.0
    assert model.program.doc == "a doc"
    assert ("W509" in [w.code for w in model.warnings]) == (end not in ("\n", "\r\n", "\r"))
    assert format_text(end.join(lines)) == format_text("\n".join(lines))
    tree, faults = parse(Source(end.join([*lines, "energy = zz"])))
    (error,) = [d for d in check(tree, faults)[1] if d.code == "E201"]
    assert error.span is not None
    assert (error.span.line, error.span.column) == (6, 10)


def test_control_characters_are_shown_escaped() -> None:
    text = 'model m\nvisible s : spin\nenergy = h["\x1b[31m\u202e\x9b"] + s'
    found = check(*parse(Source(text, "a\x1b[2J\n.ebm")))[1]
    for shown in (render_all(found), str([d.to_dict()["message"] for d in found])):
        assert not set("\x1b\u202e\x9b") & set(shown)
    assert "\\x1b[2J\\n.ebm" in render_all(found)


def test_archives_are_read_by_wanted_names_and_held_to_their_headers(tmp_path: Path) -> None:
    model = ebm.loads("model m dim n visible v : binary[n] param b : real[n] energy = -b @ v")
    header = io.BytesIO()
    facts = {"descr": "|i1", "fortran_order": False, "shape": (1 << 40, 3)}
    np.lib.format.write_array_header_1_0(header, facts)
    lie = header.getvalue() + bytes(60)
    good = io.BytesIO()
    np.save(good, np.ones((2, 3), np.int8))
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("v.npy", lie)
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("unnamed.npy", lie)
        archive.writestr("v.npy", good.getvalue())
    (tmp_path / "lie.npy").write_bytes(lie)
    for name in ("lie.npz", "lie.npy"):
        with pytest.raises(EbmError, match="E608"):
            open_arrays(tmp_path / name)
    rows = arrays_for(model.program, tmp_path / "other.npz")
    assert list(rows) == ["v"]
    assert np.array_equal(rows["v"][:2], np.ones((2, 3)))


def test_numbers_of_hdf5_files_lie_in_the_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["v"] = np.ones((4, 3), np.int8)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["v"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/v")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 3), np.int8)
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "v", (4, 3))
        file.create_virtual_dataset("v", layout)
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        outside = [(str(tmp_path / "secret.h5"), 0, 12)]
        file.create_dataset("v", (4, 3), np.int8, external=outside)
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["v"] = h5py.SoftLink("/w")
    for name in ("link", "virtual", "outside", "soft"):
        with pytest.raises(EbmError, match="E608"):
            open_arrays(tmp_path / f"{name}.h5")
