"""A text read into its located tree, statement by statement, with every mistake told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from .breakdown import Breakdown
from .builder import TooDeep, Work, building, too_deep
from .diagnostics import Diagnostic, Findings, Mark, complain
from .documentation import docs_of
from .mistakes import Lesson, explain, keys_of, lessons
from .resources import grammar_text
from .source import Source, Span, Unreadable, read_bytes
from .statements import Stretch, Token, split, tokenize
from .strays import find_stray, stray_fault, strays_in
from .table import Stop, Table, grammar_table
from .tree import Comment, ModelHeader, Statement, Tree
from .words import KEYWORDS, RESERVED


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file, and its statement, or the faults for which it has none."""

    stretch: Stretch
    statement: Statement | None
    faults: tuple[Diagnostic, ...] = ()


def parse(source: Source) -> tuple[Tree, list[Diagnostic]]:
    """The tree of a text, and what is wrong with it, in the order of the text.

    Statements with a mistake are left out of the tree; all others are in it. The `model` line
    may be absent, since a file that is only imported has none; it may not come late or twice.
    Never raises.
    """
    pieces, comments = read_pieces(source)
    faults = [fault for piece in pieces for fault in piece.faults]
    statements = tuple(piece.statement for piece in pieces if piece.statement is not None)
    return Tree(source, statements, comments, _left_out(pieces)), faults


def read_pieces(source: Source) -> tuple[list[Piece], tuple[Comment, ...]]:
    """Every stretch of a text, read or refused, and all comments, both in order."""
    tokens, comments = tokenize(source)
    stretches = split(source, tokens)
    docs = docs_of(source, stretches, comments)
    pieces = [
        piece for stretch, doc in zip(stretches, docs, strict=True) for piece in _read(stretch, doc)
    ]
    return _check_headers(pieces), tuple(comments)


def names_left_out(source: Source) -> frozenset[str]:
    """Names that statements with a mistake would have declared, had they been read."""
    return parse(source)[0].left_out


def _left_out(pieces: Sequence[Piece]) -> frozenset[str]:
    broken = (piece.stretch.tokens for piece in pieces if piece.statement is None)
    words = {token.text for tokens in broken for token in tokens if token.kind == "word"}
    return frozenset(words.difference(KEYWORDS))


def _check_headers(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces, with a `model` line refused where it is not the first statement."""
    seen: Span | None = None
    checked = []
    for k, piece in enumerate(pieces):
        header = piece.statement
        if not isinstance(header, ModelHeader):
            checked.append(piece)
            continue
        here = header.name.span.to(header.span)
        if seen is not None:
            says = "a file holds one model, and this is its second `model` line"
            marks = (Mark(here), Mark(seen, "the first one"))
            piece = Piece(piece.stretch, None, (Diagnostic("E101", says, marks),))
        elif k > 0:
            says = f"`model {header.name.text}` must be the first statement of the file"
            piece = replace(piece, faults=(Diagnostic("E101", says, (Mark(here),)),))
        seen = seen or here
        checked.append(piece)
    return checked


def _read(stretch: Stretch, doc: str) -> list[Piece]:
    """The pieces of one stretch: one, or more where a misspelt keyword hides a statement."""
    if not stretch.has_keyword:
        return [Piece(part, None, (stray_fault(part, _parses),)) for part in strays_in(stretch)]
    outcome = _attempt(stretch, doc)
    if not isinstance(outcome, Breakdown):
        return [outcome] if not outcome.faults else _read_up_to_stray(stretch, doc, outcome)
    stray = find_stray(stretch, outcome.at)
    if stray is not None:
        first, second = stretch.cut(stray)
        return _read(first, doc) + _read(second, "")
    return [Piece(stretch, None, (explain(outcome, _known_mistakes(), _parses),))]


def _read_up_to_stray(stretch: Stretch, doc: str, whole: Piece) -> list[Piece]:
    """Two pieces where a line without its keyword was taken for more of the statement."""
    stray = find_stray(stretch, len(stretch.tokens) - 1)
    if stray is None:
        return [whole]
    first, second = stretch.cut(stray)
    return _read(first, doc) + _read(second, "")


def _attempt(stretch: Stretch, doc: str) -> Piece | Breakdown:
    """What the grammar makes of a stretch."""
    work = Work(stretch.source, doc, Findings())
    table = grammar_table()
    try:
        with building(work):
            outcome = table.read(stretch.tokens)
    except TooDeep as fault:
        return Piece(stretch, None, (too_deep(fault.span),))
    if isinstance(outcome, Stop):
        return _breakdown(table, stretch, outcome)
    faults = tuple(work.findings.items)
    return Piece(stretch, None if faults else outcome.value, faults)


def _breakdown(table: Table, stretch: Stretch, stop: Stop) -> Breakdown:
    unread = isinstance(stop.values[-1], Token) if stop.values else False
    misread = unread and stop.last == "NAME" and stop.values[-1].text in RESERVED
    expects = table.expected(stop.states)
    return Breakdown(stretch, stop.at, stop.states[-1], stop.found, expects, misread)


def _parses(text: str) -> bool:
    """Whether a text is one statement without a mistake."""
    source = Source(text)
    stretches = split(source, tokenize(source)[0])
    if len(stretches) != 1:
        return False
    outcome = _attempt(stretches[0], "")
    return isinstance(outcome, Piece) and not outcome.faults


@cache
def _known_mistakes() -> dict[tuple[object, ...], Lesson]:
    """Every mistake of `grammar/mistakes.ebm`, by the place in the grammar where it shows."""
    known: dict[tuple[object, ...], Lesson] = {}
    for lesson in lessons(grammar_text("mistakes.ebm")):
        for example in lesson.examples:
            source = Source(example)
            for stretch in split(source, tokenize(source)[0]):
                outcome = _attempt(stretch, "")
                if isinstance(outcome, Breakdown):
                    for key in keys_of(outcome):
                        known.setdefault(key, lesson)
    return known


def read_text(path: str | Path) -> str:
    """The text of an .ebm file. Raises EbmError E608 if there is none, or it is no UTF-8 in a regular file."""
    place = Path(path)
    try:
        return read_bytes(place).decode("utf-8-sig")
    except FileNotFoundError:
        near = [p.name for p in place.parent.glob("*.ebm")] if place.parent.is_dir() else []
        helps = [f"in that folder: {', '.join(sorted(near)[:8])}"] if near else []
        raise complain("E608", f"there is no file {place}", helps=helps) from None
    except Unreadable as reason:
        raise complain("E608", f"cannot read {place}: {reason}") from None
    except UnicodeDecodeError as error:
        raise complain(
            "E608",
            f"{place} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}",
            helps=["save it as UTF-8"],
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise complain("E608", f"cannot read {place}: {reason}") from None
