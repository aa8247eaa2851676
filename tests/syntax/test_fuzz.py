"""Whatever the text, the parser answers with a tree and sentences, and the formatter keeps calm."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ebmlang.syntax.diagnostics import render
from ebmlang.syntax.formatter import format_text
from ebmlang.syntax.mistakes import lessons
from ebmlang.syntax.parser import parse
from ebmlang.syntax.resources import grammar_text
from ebmlang.syntax.source import Source
from ebmlang.syntax.statements import tokenize
from ebmlang.syntax.words import KEYWORDS, RESERVED

from .texts import PROGRAMS, RANDOM_PROGRAMS, read

SYNTAX = settings(settings.get_profile("syntax"))
TEXTS = [read(path) for path in PROGRAMS]
EXAMPLES = [text for lesson in lessons(grammar_text("mistakes.ebm")) for text in lesson.examples]
SNIPPETS = st.sampled_from(
    [*sorted(RESERVED), *"()[]<>,:=~+-*/@^.;'\"#", "\n", " ", "..", "->", "1", "x", "##", "\t", "é"]
)
JARGON = re.compile(r"\b(NAME|NUMBER|STRING|LPAR|RPAR|LSQB|RSQB|COMMA|EQUAL|__ANON|invalid|token)")


def check(text: str) -> None:
    """Parse a text, and look at all that comes back."""
    source = Source(text)
    found, faults = parse(source)
    for fault in faults:
        assert fault.code in ("E101", "E102")
        assert fault.span is not None
        assert 0 <= fault.span.start <= fault.span.end <= len(source.text)
        assert not JARGON.search(re.sub("`[^`]*`", "", fault.says))
        assert render(fault).startswith(f"error[{fault.code}]: ")
    words = [token for token in tokenize(source)[0] if token.text in KEYWORDS]
    assert len(found.statements) <= len(words)
    spans = [statement.span for statement in found.statements]
    assert all(a.end <= b.start for a, b in pairwise(spans))


def check_format(text: str) -> None:
    """Formatting loses no token and no comment, even where the text is broken."""
    printed = format_text(text)
    before, comments = tokenize(Source(text.replace("\r\n", "\n")))
    after, kept = tokenize(Source(printed))
    assert [token.text for token in after] == [token.text for token in before]
    assert [comment.text for comment in kept] == [comment.text for comment in comments]
    assert format_text(printed) == printed


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A program with stretches removed, repeated, swapped for others, or written into."""
    text = draw(st.sampled_from(TEXTS) | st.sampled_from(EXAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        b = min(b, a + 12)
        put = draw(SNIPPETS | st.just("") | st.just(text[a:b] * 2))
        text = text[:a] + put + text[b:]
    return text


@SYNTAX
@given(mutations())
@example("energy = x\n'")
@example("param\nparam\nparam : x")
def test_mutated_programs_never_raise(text: str) -> None:
    check(text)
    check_format(text)


@SYNTAX
@given(st.lists(SNIPPETS, max_size=25).map(" ".join) | st.lists(SNIPPETS, max_size=25).map("".join))
@example("energy energy = energy")
def test_soups_of_words_never_raise(text: str) -> None:
    check(text)
    check_format(text)


@SYNTAX
@given(st.text(max_size=200))
@example("\x00")
@example("\r")
def test_random_text_never_raises(text: str) -> None:
    check(text)
    check_format(text)


@SYNTAX
@given(st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_random_bytes_never_raise(text: str) -> None:
    check(text)
    check_format(text)


@SYNTAX
@given(RANDOM_PROGRAMS)
def test_programs_of_the_grammar_have_no_mistakes(text: str) -> None:
    check(text)
    assert parse(Source(text))[1] == []
