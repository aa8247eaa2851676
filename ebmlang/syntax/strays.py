"""Statements that lack their keyword, or misspell it: `visble v : spin`, `W = 3`."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache

from .diagnostics import Diagnostic, Mark
from .statements import Stretch, Token, may_end_statement
from .words import KEYWORDS, NEAR_WORDS, RESERVED, ROLES, TYPES

_OPEN = frozenset("([")
_CLOSED = frozenset(")]")


def find_stray(stretch: Stretch, at: int) -> int | None:
    """Where a statement without its keyword begins, at or shortly before token number `at`.

    It must begin a line, and look like a statement, or stand where the statement before it is
    complete and no further in than its keyword.
    """
    tokens = stretch.tokens
    for k in range(min(at, len(tokens) - 1), 0, -1):
        if tokens[k].fresh:
            outside = _balance(tokens[:k]) == 0
            found = _looks_like_statement(stretch, k, outside) or (
                outside and may_end_statement(tokens[k - 1]) and _stands_alone(stretch, k)
            )
            return k if found else None
    return None


def _stands_alone(stretch: Stretch, k: int) -> bool:
    """Whether token k is a word at the left margin of its statement, or nearer to the edge."""
    token = stretch.tokens[k]
    text = stretch.source.text

    def column(start: int) -> int:
        return start - (text.rfind("\n", 0, start) + 1)

    word = token.kind == "word" and (token.text not in RESERVED or token.text in _NO_BEGINNING)
    return word and column(token.start) <= column(stretch.start)


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


def stray_fault(stretch: Stretch, parses: Callable[[str], bool]) -> Diagnostic:
    """What to say of a stretch that begins with no keyword; pasted helps must `parse`."""
    first, *rest = stretch.tokens
    mark = Mark(stretch.span(first))
    meant = keyword_meant(first.text) if first.kind == "word" else None
    tail = spell_out(stretch, 1)
    if meant is not None:
        says = f"`{first.text}` begins no statement; did you mean `{meant}`?"
        helps = tuple(text for text in _pasted(meant, tail) if parses(text) or "{" not in text)
        return Diagnostic("E101", says, (mark,), helps=helps)
    says, pastes = _said_of(stretch, rest[0].text if rest else "")
    said = (*_PROSE, f"its values come from Python: model.bind({first.text}=…)")
    helps = tuple(p for p in pastes if len(p) <= 88 and (parses(p) or p in said))
    return Diagnostic("E101", says, (mark,), helps=helps[:1] or (_list_of_keywords(),))


_PROSE = ("sum(i in site) x[i]", "dim row = 64 cyclic", 'import f, g from "common.ebm"')
_NO_BEGINNING = {"cyclic": _PROSE[1], "from": _PROSE[2]}
_ENERGIES = frozenset(("E", "H", "U", "V", "F", "log_prob", "target", "lp__"))


def _said_of(stretch: Stretch, follower: str) -> tuple[str, tuple[str, ...]]:
    """The sentence for a line of another language, and statements that may have been meant."""
    word, text = stretch.tokens[0].text, spell_out(stretch, 0)
    tail, after = spell_out(stretch, 1), spell_out(stretch, 2)
    if word in ("for", "while"):
        return "there are no loops: what a sum runs over stands in its brackets", _PROSE[:1]
    if word in TYPES:
        says = "a declaration begins with its role: visible, latent, given or param"
        return says, _declared(stretch, text)
    if follower == "~":
        says = "a density stands in the declaration of its variable, behind the type"
        known = re.search(rf"\b(?:visible|latent|param)\s+{word}\s*:[^\n~#]*", stretch.source.text)
        return says, (f"{known[0].rstrip() if known else f'visible {word} : real'} ~ {after}",)
    if follower == "+=" and word in _ENERGIES:
        says = f"`{word}` is minus an energy: several energies are added up"
        body = after.removeprefix("-").strip()
        whole = after.startswith("-") and not re.search(r" [-+] ", body)
        return says, (f"energy = {body}" if whole else f"energy = -({after})",)
    if follower in ("<", ":=") and (follower == ":=" or after.startswith("-")):
        return "a definition is written with `let` and `=`", (f"let {word} = {after.lstrip('- ')}",)
    if follower == "=" and word in _names_declared(stretch.source.text):
        says = f"`{word}` is declared already, and a model assigns nothing"
        return says, (f"its values come from Python: model.bind({word}=…)",)
    if stretch.tokens[0].kind != "word" or word in RESERVED:
        known = (_NO_BEGINNING[word],) if word in _NO_BEGINNING else ()
        return f"expected a keyword such as `model` or `param`, found `{word}`", known
    says = f"every statement begins with a keyword, and `{word}` is none"
    called = re.match(r"\w+ ?\([\w, ]*\) ?= ?(.+)", text, re.S)
    if word in _ENERGIES and (follower == "=" or called):
        return says, (f"energy = {called[1] if called else after}",)
    if called:
        return says, (f"fn {text}",)
    meant = {"=": "let", ":": "param"}.get(follower)
    return says, (f"{meant} {word} {tail}",) if meant else ()


def _declared(stretch: Stretch, text: str) -> tuple[str, ...]:
    """`real x`, `real W[pixel, unit]` and `real<lower=0> s` as declarations."""
    match = re.match(r"(\w+) ?(<[^>]*>)? ?(\[[^]]*\])? (\w+) ?(\[[^]]*\])?(.*)", text, re.S)
    if match is None:
        return (f"param {text.partition(' ')[2]} : {text.partition(' ')[0]}",)
    kind, bounds, before, name, dims, more = (part or "" for part in match.groups())
    bounds = re.sub(r"lower ?= ?", "", bounds)
    bounds = re.sub(r", ?upper ?= ?", ", ", bounds)
    bounds = re.sub(r"<upper ?= ?", "<-inf, ", bounds)
    bounds = bounds if not bounds or "," in bounds else f"{bounds[:-1]}, inf>"
    return (f"visible {name} : {kind}{bounds}{dims or before}{more}",)


@lru_cache(maxsize=4)
def _names_declared(text: str) -> frozenset[str]:
    """Names behind a keyword; kept, since each stray line of a long file asks for them."""
    roles = "|".join((*ROLES, "let", "dim"))
    return frozenset(re.findall(rf"\b(?:{roles})\s+(\w+)", text))


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
