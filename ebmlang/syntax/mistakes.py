"""Syntax mistakes told in words: the sentences of `grammar/mistakes.ebm`, or "expected …".

The grammar stops at the same place for the same kind of mistake. So each wrong program of
`mistakes.ebm` is parsed once, and its sentence is kept under the place where the parser stopped
and the kinds of the tokens around it; a mistake of a user is looked up there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from unicodedata import name as character_name

from .breakdown import Breakdown
from .diagnostics import Diagnostic, Mark
from .habits import LONGEST_HELP, habit
from .statements import Token
from .strays import spell_out
from .words import CONNECTIVES, LOOKALIKES, REDUCERS, SHAPES, TYPES

_PAIRS = {")": "(", "]": "["}
_WORDS = {"NAME": "a name", "NUMBER": "a number", "STRING": "a text in double quotes"}
_OPERAND = {"NAME", "NUMBER", "STRING", "(", "-", "if", "not", *REDUCERS}
_OPERATORS = {"+", "-", "*", "/", "@", "^", "<", ">", "<=", ">=", "==", "!=", "and", "or", "["}


@dataclass(frozen=True, slots=True)
class Lesson:
    """Wrong statements and what is said of them; `{…}` stands for what the user wrote.

    `pastes` are helps that can be pasted in place of the statement; `hints` are prose, given
    where none of them parses.
    """

    says: str
    pastes: tuple[str, ...]
    hints: tuple[str, ...]
    examples: tuple[str, ...]


def lessons(text: str) -> list[Lesson]:
    """The lessons of a text in the format of `grammar/mistakes.ebm`, which explains it."""
    return [lesson for block in text.split("\n\n") if (lesson := _lesson(block)) is not None]


def _lesson(block: str) -> Lesson | None:
    lines = [line for line in block.splitlines() if line.strip()]
    says, pastes, hints = (
        tuple(line.removeprefix(sign).strip() for line in lines if line.startswith(sign))
        for sign in ("#: ", "#= ", "#? ")
    )
    examples = tuple(line for line in lines if not line.startswith("#"))
    return Lesson(says[0], pastes, hints, examples) if says else None


def keys_of(breakdown: Breakdown) -> Iterator[tuple[object, ...]]:
    """Under what a mistake is kept and looked up, the most particular key first."""
    token, before = breakdown.token, breakdown.before
    behind, keyword = _kind(before), breakdown.stretch.tokens[0].text
    if token is not None and token.kind in ("foreign", "unclosed"):
        sign = token.text if token.kind == "foreign" and token.text[0] != "'" else token.kind
        yield (sign, behind, keyword)
        yield (sign, behind)
        yield (sign,)
        return
    glued = token is not None and token.text[0] == "_" and before and before.end == token.start
    found = "_" if glued else _kind(token)
    place = (breakdown.state, found)
    follower = breakdown.stretch.tokens[breakdown.at + 1 : breakdown.at + 2]
    yield (*place, behind, keyword, _kind(follower[0] if follower else None), "next")
    yield (*place, behind, keyword)
    yield (*place, behind)
    # A word of the language read as a name: what is said then holds for no other name.
    if before is None or before.text not in CONNECTIVES:
        yield place
        yield (breakdown.state, breakdown.found)


def _kind(token: Token | None) -> str:
    """What a token is, as far as sentences about it are alike."""
    if token is None:
        return "end"
    if token.kind != "word":
        return token.text if token.kind in ("sign", "foreign") else token.kind
    if token.text in TYPES:
        return "type"
    return token.text if token.text in CONNECTIVES or token.text in REDUCERS else "word"


def explain(
    breakdown: Breakdown,
    known: Mapping[tuple[object, ...], Lesson],
    parses: Callable[[str], bool],
) -> Diagnostic:
    """The sentence that a mistake deserves, and a help where there is one.

    A help that should be pasted is given only if it `parses`.
    """
    token = breakdown.token
    alien = token is not None and token.kind in ("foreign", "unclosed", "strange")
    unpaired = None if alien else _unpaired_bracket(breakdown)
    if unpaired is not None:
        return unpaired
    written = habit(breakdown, parses)
    if written is not None:
        return written
    for key in keys_of(breakdown):
        if key in known:
            return _taught(breakdown, known[key], parses)
    if token is not None and alien:
        return _strange(breakdown, token, parses)
    return _expected(breakdown)


def _taught(breakdown: Breakdown, lesson: Lesson, parses: Callable[[str], bool]) -> Diagnostic:
    tokens = breakdown.stretch.tokens
    at, token, before = breakdown.at, breakdown.token, breakdown.before
    fields = {
        "keyword": tokens[0].text,
        "name": tokens[1].text if len(tokens) > 1 else "",
        "before": before.text if before else "",
        "found": token.text if token else "",
        "bare": token.text.strip("'") if token else "",
        "digits": token.text.replace("_", "") if token else "",
        "until": spell_out(breakdown.stretch, 0, at),
        "until_before": spell_out(breakdown.stretch, 0, max(at - 1, 0)),
        "rest": spell_out(breakdown.stretch, at),
        "after": spell_out(breakdown.stretch, at + 1),
    }
    pastes = (paste.format_map(fields).strip() for paste in lesson.pastes)
    helps = tuple(text for text in pastes if len(text) <= LONGEST_HELP and parses(text))
    hints = tuple(hint.format_map(fields) for hint in lesson.hints)
    # A sentence that begins with the word before the place is about that word.
    own = lesson.says.startswith("`{before}`") and before is not None
    mark = Mark(breakdown.stretch.span(before) if own and before else breakdown.span)
    return Diagnostic("E101", lesson.says.format_map(fields), (mark,), helps=helps or hints)


def _unpaired_bracket(breakdown: Breakdown) -> Diagnostic | None:
    """What is wrong with the brackets of the statement, if that is what is wrong."""
    stretch = breakdown.stretch
    opened: list[Token] = []
    for token in stretch.tokens:
        if token.text in _PAIRS.values():
            opened.append(token)
        elif token.text in _PAIRS and not opened:
            says = f"this `{token.text}` closes nothing"
            return Diagnostic("E101", says, (Mark(stretch.span(token)),))
        elif token.text in _PAIRS:
            last = opened.pop()
            if last.text != _PAIRS[token.text]:
                says = f"`{last.text}` is closed by `{token.text}`"
                marks = (Mark(stretch.span(token)), Mark(stretch.span(last), "opened here"))
                return Diagnostic("E101", says, marks)
    if not opened:
        return None
    last = opened[-1]
    marks = [Mark(stretch.span(last), "opened here")]
    return Diagnostic("E101", f"this `{last.text}` is never closed", tuple(marks))


def _strange(breakdown: Breakdown, token: Token, parses: Callable[[str], bool]) -> Diagnostic:
    """About a character that the language does not have."""
    mark = (Mark(breakdown.span),)
    typed = LOOKALIKES.get(token.text)
    if typed is not None:
        # All of them at once: a quote of print has its fellow.
        help = re.sub(
            r" *({}) *".format("|".join(LOOKALIKES)), _typed, spell_out(breakdown.stretch, 0)
        )
        helps = (help,) if len(help) <= LONGEST_HELP and parses(help) else ()
        return Diagnostic("E101", f"`{token.text}` is typed `{typed}` here", mark, helps=helps)
    shown = f"`{token.text}`" if token.text.isprintable() else "this character"
    called = character_name(token.text[0], "").lower()
    code = f"U+{ord(token.text[0]):04X}"
    note = f"it is {code}, {called}" if called else f"it is {code}"
    return Diagnostic("E101", f"{shown} has no meaning in a model", mark, notes=(note,))


def _typed(match: re.Match[str]) -> str:
    """A sign of print as it is typed, with the spaces that the author left around it."""
    typed = LOOKALIKES[match[1]]
    wordy = typed in CONNECTIVES
    return f" {typed} " if wordy else match[0].replace(match[1], typed)


def _expected(breakdown: Breakdown) -> Diagnostic:
    """What could have stood here, and what does."""
    wanted = _in_words(breakdown.expects)
    before, token = breakdown.before, breakdown.token
    if breakdown.misread and before is not None:
        here = Mark(breakdown.stretch.span(before))
        return Diagnostic("E101", f"`{before.text}` has no place here", (here,))
    after = f" after `{before.text}`" if before else ""
    if token is None:
        says = f"expected {wanted}{after}, but the statement ends"
    else:
        says = f"expected {wanted}{after}, found `{token.text}`"
    return Diagnostic("E101", says, (Mark(breakdown.span),))


def _in_words(expects: frozenset[str]) -> str:
    left = set(expects)
    words = []
    if {"NAME", "NUMBER"} <= left:
        words.append("an expression")
        left -= _OPERAND
    if {"+", "*"} <= left:
        words.append("an operator")
        left -= _OPERATORS
    if "NAME" in left:
        left -= {*REDUCERS}
    if {"[", *SHAPES} <= left:
        left -= {"(", "<", "[", *SHAPES}
    ends = "$END" in left
    left.discard("$END")
    words += sorted(_WORDS.get(text, f"`{text}`") for text in left)
    words += ["the end of the statement"] * ends
    if not words:
        return "something else"
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
