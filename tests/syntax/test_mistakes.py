"""Every wrong program of the grammar folder gets the sentence that it deserves."""

from __future__ import annotations

import re

import pytest

from ebmlang.syntax.diagnostics import Diagnostic, Findings, render
from ebmlang.syntax.mistakes import Lesson, lessons
from ebmlang.syntax.parser import parse
from ebmlang.syntax.resources import grammar_text
from ebmlang.syntax.source import Source, Span

LESSONS = lessons(grammar_text("mistakes.ebm"))
CASES = [(lesson, example) for lesson in LESSONS for example in lesson.examples]
JARGON = re.compile(r"invalid|token|terminal|unexpected|parse|NAME|NUMBER|STRING|\$END|RPAR|__")


def first_fault(text: str) -> Diagnostic:
    """The first thing wrong with a text."""
    return parse(Source(text, "wrong.ebm"))[1][0]


@pytest.mark.parametrize(("lesson", "example"), CASES, ids=[example for _, example in CASES])
def test_a_wrong_program_gets_its_sentence(lesson: Lesson, example: str) -> None:
    fault = first_fault(example)
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(lesson.says))
    assert re.fullmatch(pattern, fault.says), fault.says
    if lesson.pastes:
        assert parse(Source(fault.helps[0]))[1] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.says for lesson in LESSONS])
def test_sentences_keep_to_the_rules_of_wording(lesson: Lesson) -> None:
    assert not lesson.says.endswith(".")
    assert lesson.says[0].islower() or lesson.says[0] in "`{"
    assert not JARGON.search(lesson.says)
    assert lesson.examples


@pytest.mark.parametrize(
    ("text", "says", "help"),
    [
        (
            "visble v : spin",
            "`visble` begins no statement; did you mean `visible`?",
            "visible v : spin",
        ),
        (
            "model m\nParam W : real",
            "`Param` begins no statement; did you mean `param`?",
            "param W : real",
        ),
        (
            "model m\nhidden h : spin",
            "`hidden` begins no statement; did you mean `latent`?",
            "latent h : spin",
        ),
        (
            "model m\nengery = 3",
            "`engery` begins no statement; did you mean `energy`?",
            "energy = 3",
        ),
        ("W = 3", "every statement begins with a keyword, and `W` is none", "let W = 3"),
        ("x : real", "every statement begins with a keyword, and `x` is none", "param x : real"),
        ("energy = x − y", "`−` is typed `-` here", "energy = x - y"),
        ("energy = x ≤ y", "`≤` is typed `<=` here", "energy = x <= y"),
        ("energy = x $ y", "`$` has no meaning in a model", None),
        ("energy = a)", "this `)` closes nothing", None),
        ("energy = (a]", "`(` is closed by `]`", None),
        ("energy = sum(i a[i]", "this `(` is never closed", None),
        ("energy = f(x = )", "expected an expression or `[` after `=`, found `)`", None),
        ("energy = 5 ^ * 3", "an operand is missing between `^` and `*`", None),
        ("param : real", "expected a name after `param`, found `:`", None),
        (")", "expected a keyword such as `model` or `param`, found `)`", None),
        (
            "energy = sum(i < j; k) x",
            "a statement needs no `;`: it ends where the next keyword begins",
            None,
        ),
    ],
)
def test_mistakes_are_told_in_words(text: str, says: str, help: str | None) -> None:
    fault = first_fault(text)
    assert (fault.code, fault.says) == ("E101", says)
    if help is not None:
        assert fault.helps[0] == help


def test_a_misspelt_keyword_costs_one_statement_only() -> None:
    text = "model m\nenergy = a\nvisble v : spin\nparm W : real\nlet x = 3"
    found, faults = parse(Source(text))
    assert len(found.statements) == 3
    assert [fault.span.line for fault in faults if fault.span] == [3, 4]


def test_an_invisible_character_is_named() -> None:
    fault = first_fault("energy = x \u200b y")
    assert fault.says == "this character has no meaning in a model"
    assert fault.notes == ("it is U+200B, zero width space",)


def test_a_conflict_is_shown_at_both_ends_as_in_the_specimen() -> None:
    text = "visible v : binary[pixel]\nlatent  h : binary[unit]\n" + "\n" * 5
    source = Source(
        "\n" * 7 + text.rstrip() + "\n" * 5 + "energy interactions = -v @ h\n", "rbm.ebm"
    )

    def place(of: str, last: bool = False) -> Span:
        at = source.text.rindex(of) if last else source.text.index(of)
        return Span(source, at, at + len(of))

    found = Findings()
    found.error(
        "E302",
        place("@"),
        "`@` sums over one shared dimension, but these two do not share one",
        marks=(
            (place("visible v"), ""),
            (place("latent"), ""),
            (place("v", last=True), "ends with `pixel`"),
            (place("h", last=True), "begins with `unit`"),
        ),
        helps=("`W` leads from `pixel` to `unit`: v @ W @ h",),
    )
    assert render(found.items[0]) == (
        "error[E302]: `@` sums over one shared dimension, but these two do not share one\n"
        "  --> rbm.ebm:14:26\n"
        "   |\n"
        " 8 | visible v : binary[pixel]\n"
        " 9 | latent  h : binary[unit]\n"
        "   |\n"
        "14 | energy interactions = -v @ h\n"
        "   |                        - ^ - begins with `unit`\n"
        "   |                        ends with `pixel`\n"
        "   = help: `W` leads from `pixel` to `unit`: v @ W @ h"
    )
