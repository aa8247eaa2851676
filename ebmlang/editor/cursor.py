"""Where the cursor stands in a statement that is being typed, and what could stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..semantics.context import BUILT_IN
from ..syntax.source import Source
from ..syntax.statements import Token, split, tokenize
from ..syntax.table import grammar_table
from ..syntax.words import REDUCERS, RESERVED, ROLES

_OPEN, _CLOSED = frozenset("(["), frozenset(")]")


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is typed of a word, and the statement before it.

    `wanted`: statement, nothing, type, dimension, density, generator, network, setting, range,
    subscript or expression. `expects`: what the grammar could go on with, None where it cannot say.
    `function`: what was called with the innermost open bracket, or the array that it subscripts;
    `position`: how many commas stand in that bracket.
    """

    word: str
    start: int
    before: tuple[Token, ...]
    fresh: bool
    wanted: str
    expects: frozenset[str] | None
    function: str
    position: int


def cursor_at(text: str, offset: int) -> Cursor | None:
    """The cursor's surroundings; None in a comment, a text between quotes, or a number."""
    left = text[:offset]
    word = _last_word(left)
    start = offset - len(word)
    if word[:1].isdigit():
        return None
    source = Source(left[:start])
    tokens, comments = tokenize(source)
    if (comments and "\n" not in left[comments[-1].span.start :]) or (
        tokens and tokens[-1].kind == "unclosed" and "\n" not in left[tokens[-1].start :]
    ):
        return None
    stretches = split(source, tokens)
    before = stretches[-1].tokens if stretches else ()
    fresh = not left[:start].rpartition("\n")[2].strip()
    opened = _opened(before)
    at = opened[-1] if opened else None
    function = before[at - 1].text if at else ""
    position = _commas(before[at + 1 :]) if at is not None else 0
    wanted = _wanted(before, opened)
    return Cursor(word, start, before, fresh, wanted, _expects(before), function, position)


def _last_word(text: str) -> str:
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return text[start:]


def _opened(tokens: Sequence[Token]) -> list[int]:
    """The brackets that are open behind the tokens."""
    opened: list[int] = []
    for k, token in enumerate(tokens):
        if token.text in _OPEN:
            opened.append(k)
        elif token.text in _CLOSED and opened:
            opened.pop()
    return opened


def _commas(tokens: Sequence[Token]) -> int:
    depth = found = 0
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        found += token.text == "," and depth == 0
    return found


# ------------------------------------------------------------------ what is wanted


def _wanted(before: Sequence[Token], opened: Sequence[int]) -> str:
    if not before:
        return "statement"
    outside = _outside(before)
    keyword, last = before[0].text, before[-1].text
    if opened:
        return _inside(before, opened[-1], outside)
    if last == keyword and len(before) == 1:
        return "nothing"
    for sign in reversed(outside):
        match keyword, sign:
            case _, "~" | "init":
                return "density" if last == sign else "expression"
            case "dim", "=":
                return "dimension"
            case "dim", _:
                return "nothing"
            case "graph", "=":
                return "generator"
            case "graph", "on":
                return "dimension"
            case "net", "=":
                return "network"
            case _, "=":
                return "expression"
            case "net", ":" | "->" | ",":
                return "type"
            case _, ":" if keyword in ROLES:
                return "type" if last == ":" else "dimension"
            case _:
                continue
    return "nothing"


def _outside(tokens: Sequence[Token]) -> list[str]:
    """The signs and words of a statement that divide it, those in brackets left out."""
    depth = 0
    found = []
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if depth == 0 and token.text in ("=", ":", "->", "~", "init", "on", ",", "from"):
            found.append(token.text)
    return found


def _inside(before: Sequence[Token], at: int, outside: Sequence[str]) -> str:
    """What stands in the bracket that token `at` opens."""
    keyword, sign, last = before[0].text, before[at].text, before[-1].text
    defined = "=" in outside
    if keyword in (*ROLES, "net") and ":" in outside and not {"=", "~", "init"} & set(outside):
        return "dimension"
    if _in_range(before[at + 1 :]):
        return "range"
    if not defined and keyword in ("let", "quantity", "fn"):
        return "nothing"
    if keyword == "graph" or (keyword == "dim" and defined):
        return "dimension"
    if keyword == "net":
        return "setting"
    if sign == "[" and last != "=":
        return "subscript"
    return "expression"


def _in_range(tokens: Sequence[Token]) -> bool:
    """Whether an `in` was the last word to divide the bracket."""
    depth = 0
    inside = False
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if depth == 0 and token.text in ("in", ","):
            inside = token.text == "in"
    return inside


# -------------------------------------------------------------------- the grammar


def _expects(before: Sequence[Token]) -> frozenset[str] | None:
    """Words and signs with which the statement could go on; NAME, NUMBER, STRING and $END too."""
    return grammar_table().after(before) if before else None


# ------------------------------------------------------------------------ indices


def indices_in_force(tokens: Sequence[Token], declared: Sequence[str]) -> list[str]:
    """The indices and parameters that an expression at the end of the tokens may use."""
    frames: list[tuple[int, list[str]]] = []
    opened: list[int] = []
    for k, token in enumerate(tokens):
        if token.text in _OPEN:
            opened.append(k)
        elif token.text in _CLOSED and opened:
            at = opened.pop()
            frames = [frame for frame in frames if frame[0] <= len(opened)]
            if tokens[at - 1].text in REDUCERS:
                frames.append((len(opened), _new(tokens[at + 1 : k], declared)))
            elif at == 2 and tokens[0].text in ("let", "quantity", "fn"):
                frames.append((-1, _new(tokens[at + 1 : k], declared)))
        elif token.text in ("+", "-", ",", "then", "else", "and", "or") and k:
            signed = tokens[k - 1].kind == "sign" and tokens[k - 1].text not in _CLOSED
            if token.text not in "+-" or not signed:
                frames = [frame for frame in frames if frame[0] < len(opened)]
    for at in opened:
        if at and tokens[at - 1].text in REDUCERS:
            frames.append((0, _new(tokens[at + 1 :], declared)))
    return list(dict.fromkeys(name for _, names in frames for name in names))


def _new(tokens: Sequence[Token], declared: Sequence[str]) -> list[str]:
    known = {*declared, *RESERVED, *BUILT_IN}
    return [t.text for t in tokens if t.kind == "word" and t.text not in known]
