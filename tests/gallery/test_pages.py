"""Every code has a page, and what the page shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ebmlang.semantics.checker import check
from ebmlang.semantics.notes import notes
from ebmlang.semantics.pages import codes, is_code, page, plain
from ebmlang.syntax.diagnostics import Diagnostic, EbmError, render_all
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

from .test_gallery import CODES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ebmlang"
BLOCK = re.compile(r"^```(?P<kind>[\w ]+)\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(code: str) -> list[tuple[str, str]]:
    return [(m["kind"], m["text"]) for m in BLOCK.finditer(page(code))]


def said_of(program: str, python: str | None) -> list[Diagnostic]:
    """Faults and warnings of a program, and notes if there are none; or the fault of a call."""
    if python is not None:
        return called(program, python)
    tree, faults = parse(Source(program, "example.ebm", {}))
    checked, found = check(tree, faults)
    return found or (notes(checked) if checked is not None else [])


def called(program: str, python: str) -> list[Diagnostic]:
    import ebmlang as ebm

    model = ebm.loads(program)
    try:
        eval(python, {"ebm": ebm, "np": np, "model": model})
    except EbmError as error:
        return list(error.diagnostics)
    return []


def test_every_code_that_the_source_raises_has_a_page() -> None:
    raised = {
        code
        for path in PACKAGE.rglob("*.py")
        for code in re.findall(r'"([EWN]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert raised == set(codes())
    assert set(CODES) <= set(codes())


@pytest.mark.parametrize("code", codes())
def test_a_page_has_its_parts(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: ")
    assert "Mended:" in text
    assert "```text\n" in text
    assert max(map(len, re.sub(BLOCK, "", text).splitlines())) <= 110


@pytest.mark.parametrize("code", codes())
def test_the_wrong_example_is_told_as_the_page_says(
    code: str, request: pytest.FixtureRequest
) -> None:
    found = dict(reversed(blocks(code)))
    python = found.get("python wrong")
    if "ebm wrong" not in found or "python not run" in found:
        assert f"error[{code}]" in found["text"]
        return
    said = said_of(found["ebm wrong"], python)
    assert {d.code for d in said} == {code}
    if request.config.getoption("--accept"):
        path = PACKAGE / "pages" / f"{code}.md"
        old, new = f"```text\n{found['text']}```", f"```text\n{render_all(said)}\n```"
        path.write_text(page(code).replace(old, new), encoding="utf-8")
        return
    assert found["text"] == render_all(said) + "\n"


@pytest.mark.parametrize("code", codes())
def test_the_mended_example_is_right(code: str) -> None:
    found = dict(blocks(code))
    if "python mended" in found:
        assert called(found["ebm wrong"], found["python mended"]) == []
    elif "ebm mended" in found:
        assert [d for d in said_of(found["ebm mended"], None) if d.code[0] != "N"] == []


@pytest.mark.parametrize("code", codes())
def test_a_page_reads_well_in_the_terminal(code: str) -> None:
    shown = plain(page(code))
    assert shown.startswith(f"{code}: ")
    assert "```" not in shown


@pytest.mark.parametrize(("word", "expected"), [("E302", True), ("w503", True), ("rbm.ebm", False)])
def test_codes_are_told_from_files(word: str, expected: bool) -> None:
    assert is_code(word) == expected


def test_an_unknown_code_is_told() -> None:
    with pytest.raises(EbmError, match="there is no page for `E399`"):
        page("E399")


def test_small_letters_do() -> None:
    assert page("e302") == page("E302")


def test_the_command_prints_a_page(monkeypatch, capsys) -> None:
    from ebmlang import cli

    monkeypatch.setattr("sys.argv", ["ebm", "explain", "E302"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert capsys.readouterr().out.startswith("E302: `@` does not meet")


def test_notes_are_shown_only_when_asked_for(monkeypatch, capsys) -> None:
    from ebmlang import cli

    spikes = str(ROOT / "examples" / "spikes.ebm")
    for words, shown in ((["check", spikes], False), (["check", "--notes", spikes], True)):
        monkeypatch.setattr("sys.argv", ["ebm", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert not left.value.code
        assert ("note[N508]" in capsys.readouterr().err) == shown
