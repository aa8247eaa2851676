"""A text read into its located tree, statement by statement, with every mistake told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from lark import Lark, Token, UnexpectedToken
from lark.lexer import Lexer, PatternStr

from .builder import DEEPEST, Builder, TooDeep, Work, building
from .diagnostics import Diagnostic, Findings, Mark
from .documentation import docs_of
from .mistakes import Breakdown, Lesson, explain, keys_of, lessons
from .resources import grammar_text
from .source import Source, Span
from .statements import Stretch, split, tokenize
from .strays import find_stray, stray_fault, strays_in
from .tree import Comment, ModelHeader, Statement, Tree
from .words import RESERVED


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
    return Tree(source, statements, comments), faults


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
    """Names that statements with a mistake would have declared, had they been read.

    A later pass need not complain that these are unknown.
    """
    pieces, _ = read_pieces(source)
    broken = (piece.stretch.tokens for piece in pieces if piece.statement is None)
    return frozenset(
        token.text for tokens in broken for token in tokens[1:] if token.kind == "word"
    )


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
        return [Piece(part, None, (stray_fault(part),)) for part in strays_in(stretch)]
    outcome = _attempt(stretch, doc)
    if not isinstance(outcome, Breakdown):
        return [outcome]
    stray = find_stray(stretch, outcome.at)
    if stray is not None:
        first, second = stretch.cut(stray)
        return _read(first, doc) + _read(second, "")
    return [Piece(stretch, None, (explain(outcome, _known_mistakes(), _parses),))]


def _attempt(stretch: Stretch, doc: str) -> Piece | Breakdown:
    """What the grammar makes of a stretch."""
    work = Work(stretch.source, doc, Findings())
    lark = _lark()
    try:
        with building(work):
            statement: Any = lark.parse(stretch)  # type: ignore[arg-type]
    except UnexpectedToken as fault:
        return _breakdown(lark, stretch, fault)
    except TooDeep as fault:
        return Piece(stretch, None, (_too_deep(fault.span),))
    faults = tuple(work.findings.items)
    return Piece(stretch, None if faults else statement, faults)


def _too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "E101",
        f"this expression has more than {DEEPEST} levels",
        (Mark(Span(span.source, span.start, span.start + 1)),),
        notes=("each bracket and each operator adds one; a sum of n terms has n levels",),
        helps=("give parts of it names with `let`, or write several energies: they are added",),
    )


def _breakdown(lark: Lark, stretch: Stretch, fault: UnexpectedToken) -> Breakdown:
    found = fault.token
    ended = found.type == "$END"
    at = len(stretch.tokens)
    if not ended:
        at = next(k for k, token in enumerate(stretch.tokens) if token.start == found.start_pos)
    parser: Any = fault.interactive_parser
    position = parser.parser_state.position
    texts = {
        terminal.name: terminal.pattern.value
        for terminal in lark.terminals
        if isinstance(terminal.pattern, PatternStr)
    }
    # Lark copies the whole stack once for each candidate: dear where the nesting is absurd.
    shallow = len(parser.parser_state.state_stack) < 10 * DEEPEST
    accepts = parser.accepts() if shallow else ()
    expects = frozenset(texts.get(name) or name for name in accepts)
    last = parser.parser_state.value_stack[-1:]
    misread = [token.type for token in last if isinstance(token, Token) and token in RESERVED]
    return Breakdown(stretch, at, position, found.type, expects, "NAME" in misread)


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


@cache
def _lark() -> Lark:
    return Lark(
        grammar_text("ebm.lark"),
        parser="lalr",
        start="statement",
        lexer=_Feed,
        keep_all_tokens=True,
        maybe_placeholders=True,
        transformer=Builder(),  # type: ignore[arg-type]
    )


class _Feed(Lexer):
    """Gives Lark the tokens of a stretch, which are cut already.

    As with Lark's own contextual lexer, a word of the language is a plain name where the
    grammar has no place for the word: the builder then says so with E102.
    """

    __future_interface__ = 2

    def __init__(self, conf: Any) -> None:
        self.types = {
            terminal.pattern.value: terminal.name
            for terminal in conf.terminals
            if isinstance(terminal.pattern, PatternStr)
        }

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        """The tokens of the stretch, each with its name in the grammar."""
        choices = parser_state.parse_conf.states
        fixed = {"number": "NUMBER", "string": "STRING"}
        for kind, text, start, _ in lexer_state.text.tokens:
            if kind == "word":
                name = self.types.get(text, "NAME")
                here = choices[parser_state.position]
                if name not in here and "NAME" in here:
                    name = "NAME"
            else:
                name = fixed.get(kind) or self.types.get(text, "FOREIGN")
            yield Token(name, text, start, end_pos=start + len(text))
