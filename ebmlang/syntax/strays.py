"""Statements that lack their keyword, or misspell it: `visble v : spin`, `W = 3`."""

from __future__ import annotations

from difflib import get_close_matches

from .diagnostics import Diagnostic, Mark
from .statements import Stretch, Token
from .words import KEYWORDS, NEAR_WORDS, RESERVED

_OPEN = frozenset("([")
_CLOSED = frozenset(")]")


def find_stray(stretch: Stretch, at: int) -> int | None:
    """Where a statement without its keyword begins, at or shortly before token number `at`.

    It must begin a line, and look like a statement.
    """
    tokens = stretch.tokens
    for k in range(min(at, len(tokens) - 1), 0, -1):
        if tokens[k].fresh:
            outside = _balance(tokens[:k]) == 0
            return k if _looks_like_statement(stretch, k, outside) else None
    return None


def strays_in(stretch: Stretch) -> list[Stretch]:
    """A stretch without a keyword, cut at each line that looks like a statement."""
    parts = []
    begin = depth = 0
    tokens = stretch.tokens
    for k, token in enumerate(tokens):
        if k > begin and token.fresh and _looks_like_statement(stretch, k, depth == 0):
            parts.append(Stretch(stretch.source, tokens[begin:k]))
            begin, depth = k, 0
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
    return [*parts, Stretch(stretch.source, tokens[begin:])]


def stray_fault(stretch: Stretch) -> Diagnostic:
    """What to say of a stretch that begins with no keyword."""
    first, *rest = stretch.tokens
    mark = Mark(stretch.span(first))
    meant = keyword_meant(first.text) if first.kind == "word" else None
    tail = spell_out(stretch, 1)
    if meant is not None:
        says = f"`{first.text}` begins no statement; did you mean `{meant}`?"
        return Diagnostic("E101", says, (mark,), helps=_pasted(meant, tail))
    if first.kind == "word" and first.text not in RESERVED:
        says = f"every statement begins with a keyword, and `{first.text}` is none"
        word = {"=": "let", ":": "param"}.get(rest[0].text if rest else "")
        helps = _pasted(f"{word} {first.text}", tail) if word else (f"{_list_of_keywords()}",)
        return Diagnostic("E101", says, (mark,), helps=helps)
    says = f"expected a keyword such as `model` or `param`, found `{first.text}`"
    return Diagnostic("E101", says, (mark,), helps=(_list_of_keywords(),))


def keyword_meant(word: str) -> str | None:
    """The keyword that a word stands for: another case, another language's word, a slip."""
    low = word.casefold()
    if low in KEYWORDS:
        return low if low != word else None
    if low in NEAR_WORDS:
        return NEAR_WORDS[low]
    close = get_close_matches(low, KEYWORDS, n=1, cutoff=0.7) if len(low) > 2 else []
    return close[0] if close else None


def spell_out(stretch: Stretch, begin: int, end: int | None = None) -> str:
    """Tokens of a stretch on one line, comments left out, spaced as the author spaced them."""
    text = ""
    last: Token | None = None
    for token in stretch.tokens[begin:end]:
        if last is not None and token.start > last.end:
            text += " "
        text += token.text
        last = token
    return text


def _pasted(begin: str, tail: str) -> tuple[str, ...]:
    text = f"{begin} {tail}".rstrip()
    return (text,) if len(text) <= 88 else ()


def _list_of_keywords() -> str:
    return f"the keywords are {', '.join(KEYWORDS)}"


def _looks_like_statement(stretch: Stretch, k: int, outside: bool) -> bool:
    """Whether a statement might begin at token k; `outside`: no bracket is open there."""
    tokens = stretch.tokens
    token = tokens[k]
    if token.kind != "word" or token.text in RESERVED:
        return False
    follower, second = (tokens[j].text if j < len(tokens) else "" for j in (k + 1, k + 2))
    named = k + 1 < len(tokens) and tokens[k + 1].kind == "word" and follower not in RESERVED
    if outside and (follower in ("=", ":") or (named and second in ("=", ":", "["))):
        return True
    if not named and follower != "=":
        return False
    meant = keyword_meant(token.text)
    return meant is not None and (named or meant == "energy")


def _balance(tokens: tuple[Token, ...]) -> int:
    return sum((token.text in _OPEN) - (token.text in _CLOSED) for token in tokens)
