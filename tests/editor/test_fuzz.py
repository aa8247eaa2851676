"""Whatever the text and the place, every request of an editor has an answer."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lsprotocol import types as lsp
from pygls.protocol import default_converter

from ebmlang.editor import answers
from ebmlang.editor.answers import Document
from ebmlang.editor.fixes import fixes
from ebmlang.editor.reading import read
from ebmlang.editor.rename import Refused, apply, rename
from ebmlang.syntax.words import RESERVED

from .texts import LATTICE, PROGRAMS

TEXTS = [path.read_text("utf-8") for path in sorted(PROGRAMS.glob("*.ebm"))] + [LATTICE]
SIGNS = [*"()[]<>,:=~+-*/@^.;'\"#", "\n", "\r\n", " ", "\t", "..", "->", "##", "\ufeff", "\x00"]
PIECES = ["1", "i", "s", "é", "𝔹", "≤", "\u2028", "sum(i", "exp(", 'import f from "']
SNIPPETS = st.sampled_from([*sorted(RESERVED), *SIGNS, *PIECES])
CALM = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A program with stretches removed, repeated, or written into, and sometimes cut off."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        a = draw(st.integers(0, len(text)))
        b = min(draw(st.integers(a, a + 12)), len(text))
        put = draw(SNIPPETS | st.just("") | st.just(text[a:b] * 2))
        text = text[:a] + put + text[b:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


NAMES = ("other", "energy", "s", "", "é")


def ask_everything(
    text: str, place: lsp.Position, encoding: str = "utf-16", names: tuple[str, ...] = NAMES
) -> None:
    """Every request, each turned into JSON as it would be sent."""
    document = Document("file:///nowhere/m.ebm", "/nowhere/m.ebm", text, encoding)
    everywhere = lsp.Range(lsp.Position(0, 0), place)
    found = [
        answers.diagnostics(document),
        answers.code_actions(document, lsp.Range(place, place)),
        answers.hover_at(document, place),
        answers.definition_at(document, place),
        answers.references_at(document, place, True),
        answers.highlights_at(document, place),
        answers.completion_at(document, place),
        answers.inlay_hints(document, everywhere),
        answers.formatting(document),
        answers.document_symbols(document),
        answers.folding_ranges(document),
    ]
    for name in names:
        with suppress(Refused):
            found.append(answers.renamable_at(document, place))
            found.append(answers.rename_at(document, place, name))
    json.dumps(default_converter().unstructure(found))


@CALM
@given(mutated(), st.data())
def test_mutated_programs_are_answered(text: str, data: st.DataObject) -> None:
    line = data.draw(st.integers(0, text.count("\n") + 1))
    place = lsp.Position(line, data.draw(st.integers(0, 60)))
    ask_everything(text, place, data.draw(st.sampled_from(["utf-8", "utf-16", "utf-32"])))


@CALM
@given(mutated())
def test_whatever_is_offered_as_a_fix_removes_its_fault(text: str) -> None:
    reading = read(text)
    for fix in fixes(reading, 0, len(text)):
        said = (fix.diagnostic.code, fix.diagnostic.says)
        after = read(apply(reading.text, list(fix.edits)))
        before, now = ([(d.code, d.says) for d in r.diagnostics] for r in (reading, after))
        assert now.count(said) < before.count(said)


@CALM
@given(st.text(max_size=60), st.integers(0, 3), st.integers(0, 70))
@example("energy = x\n'", 1, 1)
@example("param\nparam\nparam : x", 2, 9)
@example("\ufeffmodel m", 0, 9)
@example("dim a = a\nenergy = sum(i", 1, 14)
@example("energy e = " + "(" * 300, 0, 200)
@example("energy e = 1" + " + 1" * 400, 0, 200)
@example("let a[i] = a[i]\nfn f(x) = f(x)\nenergy = f(a[0])", 1, 11)
def test_any_text_is_answered(text: str, line: int, character: int) -> None:
    ask_everything(text, lsp.Position(line, character))


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.ebm")), ids=lambda path: path.stem)
def test_programs_are_answered_at_every_word(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    for k, line in enumerate(text.split("\n")):
        for word in list(re.finditer(r"\w+", line))[::5]:
            ask_everything(text, lsp.Position(k, word.start()), names=("other",))


@CALM
@given(st.sampled_from(TEXTS), st.data())
def test_a_rename_can_be_undone(text: str, data: st.DataObject) -> None:
    reading = read(text)
    names = [o for o in reading.names.occurrences if o.declaration is not None]
    chosen = data.draw(st.sampled_from(names))
    old = chosen.span.text
    edits = rename(reading, chosen.span.start, "renamed_here")
    renamed = read(apply(text, edits))
    assert [d.code for d in renamed.diagnostics] == [d.code for d in reading.diagnostics]
    at = apply(text, edits).index("renamed_here")
    assert apply(renamed.text, rename(renamed, at, old)) == text


@CALM
@given(st.sampled_from(TEXTS), st.data())
def test_half_a_program_is_completed_with_its_next_word(text: str, data: st.DataObject) -> None:
    """At every use of a name, that name is among the proposals made before it is written."""
    reading = read(text)
    uses = [o for o in reading.names.occurrences if o.role in ("use", "type", "density")]
    chosen = data.draw(st.sampled_from(uses))
    document = Document("file:///m.ebm", "/m.ebm", text[: chosen.span.start])
    place = lsp.Position(*document.lines.place(chosen.span.start))
    labels = {item.label for item in answers.completion_at(document, place).items}
    declared = chosen.declaration
    if declared is None or declared.span.start < chosen.span.start:
        assert chosen.span.text in labels
