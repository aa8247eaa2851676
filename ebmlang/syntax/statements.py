"""A text cut into tokens, comments and statements, without knowing the grammar.

Statements begin with keywords, so they can be told apart even where they are wrong: that is
what lets one file report all its mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .source import Source, Span
from .tree import Comment
from .words import CONNECTIVES, KEYWORDS, RESERVED, SHAPES

# Signs of other languages are tokens too, so that one sentence can be said about each.
_FOREIGN = (
    r"\*\*|&&|\|\||//|:=|\+=|-=|\*=|/=|<>|=<|=>|===|!==|\.\.\.|::|~=|'[^'\"\n#]*'"
    r"|[;{}'\"`.?!%&|$\\]"
)
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<string>\"[^\"\n]*\")"
    r"|(?P<unclosed>\"[^\"\n]*)"
    rf"|(?P<foreign>(?!\.\.(?!\.)|!=(?!=))(?:{_FOREIGN}))"
    r"|(?P<sign><=|>=|==|!=|\.\.|->|[-+*/^@()\[\],:=~<>])"
    r"|(?P<strange>.)",
    re.DOTALL,
)
_CLOSERS = frozenset(")]>")


class Token(NamedTuple):
    """A word, number, string or sign, and where it stands.

    `kind` is word, number, string, sign, or, for what the language does not have: unclosed,
    foreign, strange. `fresh`: it is the first on its line.
    """

    kind: str
    text: str
    start: int
    fresh: bool

    @property
    def end(self) -> int:
        """The offset just behind the token."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The tokens from one keyword up to the next: a statement, if it parses."""

    source: Source
    tokens: tuple[Token, ...]

    @property
    def start(self) -> int:
        """The offset of the first token."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """The offset just behind the last token."""
        return self.tokens[-1].end

    @property
    def has_keyword(self) -> bool:
        """Whether it begins as every statement must."""
        return self.tokens[0].text in KEYWORDS

    def span(self, token: Token) -> Span:
        """The place of one of its tokens."""
        return Span(self.source, token.start, token.end)

    def cut(self, at: int) -> tuple[Stretch, Stretch]:
        """The stretch in two, the second beginning with token number `at`."""
        return Stretch(self.source, self.tokens[:at]), Stretch(self.source, self.tokens[at:])


def tokenize(source: Source) -> tuple[list[Token], list[Comment]]:
    """All tokens and all comments of a text, each in order. Nothing is refused here."""
    tokens: list[Token] = []
    comments: list[Comment] = []
    fresh = True
    for match in _TOKEN.finditer(source.text):
        kind, text = match.lastgroup, match.group()
        if kind == "space":
            fresh = fresh or "\n" in text
        elif kind == "comment":
            text = text.rstrip()
            start = match.start()
            comments.append(Comment(text, Span(source, start, start + len(text))))
        else:
            tokens.append(Token(kind or "", text, match.start(), fresh))
            fresh = False
    return tokens, comments


def split(source: Source, tokens: Sequence[Token]) -> list[Stretch]:
    """The statements of a text; the first may lack a keyword, if the text begins without one."""
    begins = [
        k
        for k, token in enumerate(tokens)
        if k == 0 or (token.text in _KEYWORDS and _begins_statement(tokens, k))
    ]
    ends = [*begins[1:], len(tokens)]
    return [Stretch(source, tuple(tokens[a:b])) for a, b in zip(begins, ends, strict=False)]


_KEYWORDS = frozenset(KEYWORDS)
_CLOSING_WORDS = frozenset(("cyclic", *SHAPES))


def _begins_statement(tokens: Sequence[Token], k: int) -> bool:
    """Whether the keyword at k begins a statement, or stands where a name should (E102).

    The grammar alone cannot tell `param energy : real` from a `param` left unfinished before
    an `energy`; the lines on which they stand can.
    """
    token, before = tokens[k], tokens[k - 1]
    follower = tokens[k + 1] if k + 1 < len(tokens) else None
    if before.text in _KEYWORDS:
        if token.fresh:
            return follower is None or follower.text != ":"
        return follower is not None and _is_name(follower) and not follower.fresh
    if token.fresh or may_end_statement(before):
        return True
    return follower is not None and _is_name(follower)


def _is_name(token: Token) -> bool:
    return token.kind == "word" and token.text not in RESERVED


def may_end_statement(token: Token) -> bool:
    """Whether the statement may be over behind a token: not behind an operator, say."""
    match token.kind:
        case "word":
            return token.text not in CONNECTIVES or token.text in _CLOSING_WORDS
        case "sign":
            return token.text in _CLOSERS
        case _:
            return True
