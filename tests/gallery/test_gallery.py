"""Every broken program of the gallery is told in exactly the words beside it.

A program that begins with `#! ` lines is bound by them (`model`, `np` and `ebm` are there); the
others are only checked. Those with no fault are there because they look as if they had one.
After a change of wording: pytest --accept, and read the difference.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ebmlang.semantics.checker import check
from ebmlang.semantics.notes import notes
from ebmlang.syntax.diagnostics import SHOWN_AT_MOST, Diagnostic, EbmError, Severity, render_all
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(Path(__file__).parent.glob("*.ebm"))
BROKEN = [p for p in PROGRAMS if re.match(r"[EWN]\d{3}_|many_", p.name)]
FINE = [p for p in PROGRAMS if p.name.startswith("fine_")]
# Those that only a run can raise are in tests of the samplers and of fitting.
CODES = [
    *(f"E{n}" for n in (101, 102, 103, 201, 202, 203, 204, 205, *range(301, 308))),
    *(f"E{n}" for n in (*range(401, 406), *range(601, 610))),
    *(f"W{n}" for n in range(501, 508)),
    "N508",
]
JARGON = re.compile(r"\b[Ii]nvalid\b|\b[Uu]nexpected\b|\bNone\b|Traceback|<[a-z_]+ object")


def found_in(path: Path) -> list[Diagnostic]:
    """Everything said of a program: faults and warnings, else notes; or the fault of a binding."""
    text = path.read_text(encoding="utf-8")
    source = Source(text, path.name, files_beside(path))
    tree, faults = parse(source)
    program, found = check(tree, faults)
    acts = [line[3:] for line in text.splitlines() if line.startswith("#! ")]
    if program is None or (found and not acts):
        return found
    return bound(text, acts) if acts else notes(program)


def files_beside(path: Path) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in (path.parent / "shared").glob("*.ebm")}


def bound(text: str, acts: list[str]) -> list[Diagnostic]:
    import ebmlang as ebm

    try:
        for act in acts:
            eval(act, {"model": ebm.loads(text), "np": np, "ebm": ebm})
    except EbmError as error:
        return list(error.diagnostics)
    return []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_is_told_in_the_words_beside_it(path: Path, golden) -> None:
    found = found_in(path)
    golden(path.with_suffix(".txt"), render_all(found) + "\n" if found else "nothing to say\n")


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_a_program_raises_the_code_of_its_name_and_no_other(path: Path) -> None:
    codes = {d.code for d in found_in(path)}
    assert codes == {path.name[:4]} if not path.name.startswith("many_") else len(codes) > 1


@pytest.mark.parametrize("path", FINE, ids=lambda p: p.stem)
def test_what_only_looks_wrong_is_let_pass(path: Path) -> None:
    assert not [d for d in found_in(path) if d.severity is not Severity.NOTE]


def test_every_code_has_a_program() -> None:
    assert len(BROKEN) >= 80
    assert not set(CODES) - {p.name[:4] for p in BROKEN}


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_sentences_keep_to_the_rules_of_wording(path: Path) -> None:
    for diagnostic in found_in(path):
        first = diagnostic.says[0]
        assert first.islower() or first in '`@:{<"', diagnostic.says
        assert not diagnostic.says.endswith(".")
        assert not JARGON.search(diagnostic.says)
        assert diagnostic.says.count("`") % 2 == 0
        assert len(diagnostic.says) <= 110


def test_ten_faults_are_shown_and_the_others_counted() -> None:
    lines = "\n".join(f"energy e{k} = unknown{k}" for k in range(14))
    tree, faults = parse(Source(f"model m\nvisible x : real\n{lines}\n"))
    _, found = check(tree, faults)
    shown = render_all(found)
    assert shown.count("error[E201]") == SHOWN_AT_MOST
    assert shown.endswith("… and 4 more")


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "examples").glob("*.ebm"), *(ROOT / "tests" / "programs").glob("*.ebm")]),
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_programs_without_a_fault_raise_no_warning(path: Path) -> None:
    tree, faults = parse(Source(path.read_text(encoding="utf-8"), path.name))
    program, found = check(tree, faults)
    assert found == []
    assert program is not None
    assert all(note.severity is Severity.NOTE for note in notes(program))
