"""Where the grammar could not go on in a statement, and what stands around the place."""

from __future__ import annotations

from dataclasses import dataclass

from .source import Span
from .statements import Stretch, Token


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where the grammar could not go on: before token number `at`, or behind the last one.

    `state` is the parser's own name for the place; `found` the kind of the token; `expects` the
    texts (or NAME, NUMBER, STRING, $END) with which it could have gone on. `misread`: the token
    before is a word of the language, which the grammar could only take for a name.
    """

    stretch: Stretch
    at: int
    state: int
    found: str
    expects: frozenset[str]
    misread: bool

    @property
    def token(self) -> Token | None:
        """The token that did not fit; None if the statement ended too early."""
        return self.stretch.tokens[self.at] if self.at < len(self.stretch.tokens) else None

    @property
    def before(self) -> Token | None:
        """The token before it."""
        return self.stretch.tokens[self.at - 1] if self.at else None

    @property
    def opener(self) -> int | None:
        """The number of the bracket in which the place lies; None outside all brackets."""
        opened: list[int] = []
        for k, token in enumerate(self.stretch.tokens[: self.at]):
            if token.text in ("(", "["):
                opened.append(k)
            elif token.text in (")", "]") and opened:
                opened.pop()
        return opened[-1] if opened else None

    @property
    def span(self) -> Span:
        """The place of the token, or of the end of the statement."""
        end = self.stretch.end
        source = self.stretch.source
        return Span(source, end, end) if self.token is None else self.stretch.span(self.token)
