"""Helps that can be applied by a key: every one is tried first, and offered only if it works.

Candidates come from what a diagnostic says (`did you mean …`, code behind a colon) and from the
places that it marks. A candidate is kept if the diagnostic is gone once it is applied and nothing
new is wrong, so a change of wording can lose a fix and never make a wrong one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..syntax import tree
from ..syntax.diagnostics import Diagnostic, Severity
from ..syntax.parser import Piece
from ..syntax.parts import Node, parts
from ..syntax.source import Source, Span
from ..syntax.statements import tokenize
from ..syntax.words import KEYWORDS, LOOKALIKES
from .reading import KEPT, Reading, read
from .rename import Edit, apply

MOST_TRIED = 24

_MEANT = re.compile(r"did you mean `([^`]+)`")
_BEHIND_COLON = re.compile(r"^.*?[^\s:]: (.+)$")
_QUOTED = re.compile(r"`([^`]+)`")
_REVEALING = ("E101", "E102")
_CLOSERS = {"(": ")", "[": "]"}
_PROSE = frozenset(
    ["the", "a", "an", "or", "of", "to", "is", "are", "it", "its", "by", "with", "which", "for"]
)


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that makes a diagnostic go away. `sure`: nothing else is wrong after it."""

    title: str
    edits: tuple[Edit, ...]
    diagnostic: Diagnostic
    sure: bool


def fixes(reading: Reading, start: int, end: int) -> list[Fix]:
    """What can be done about the diagnostics that touch a stretch."""
    found: list[Fix] = []
    for number, diagnostic in enumerate(reading.diagnostics):
        span = diagnostic.span
        if span is None or span.source is not reading.source:
            continue
        if span.start <= end and start <= span.end:
            found += working(reading.text, reading.source.name, number)
    return found


@lru_cache(maxsize=KEPT)
def working(text: str, name: str, number: int) -> tuple[Fix, ...]:
    """The candidates for one diagnostic that work, the first that works of each title."""
    reading = read(text, name)
    if number >= len(reading.diagnostics):
        return ()
    diagnostic = reading.diagnostics[number]
    kept: dict[str, Fix] = {}
    tried: set[str] = set()
    for title, edits in _candidates(diagnostic, reading):
        after = apply(text, list(edits))
        if title in kept or after in tried or len(tried) >= MOST_TRIED:
            continue
        tried.add(after)
        sure = _helps(diagnostic, Reading(after, name), reading)
        if sure is not None:
            kept[title] = Fix(title, edits, diagnostic, sure)
    return tuple(sorted(kept.values(), key=lambda fix: not fix.sure))


Candidate = tuple[str, tuple[Edit, ...]]


def _helps(diagnostic: Diagnostic, after: Reading, reading: Reading) -> bool | None:
    """Whether a candidate leaves nothing new; None if it does not help, or breaks the syntax."""
    before = Counter(_key(d) for d in reading.diagnostics)
    now = Counter(_key(d) for d in after.diagnostics)
    if now[_key(diagnostic)] >= before[_key(diagnostic)]:
        return None
    errors = {_key(d) for d in after.diagnostics if d.severity is Severity.ERROR}
    new = [key for key in now - before if key in errors]
    may_reveal = diagnostic.code in _REVEALING or _MEANT.search(_said(diagnostic))
    if any(code.startswith("E1") for code, _ in new) or (new and not may_reveal):
        return None
    return not new


def _said(diagnostic: Diagnostic) -> str:
    marks = (mark.says for mark in diagnostic.marks)
    return "\n".join([diagnostic.says, *diagnostic.helps, *marks])


def _key(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.says


# ------------------------------------------------------------------- candidates


def _candidates(diagnostic: Diagnostic, reading: Reading) -> Iterator[Candidate]:
    """Changes worth trying, the most likely first."""
    own = [m.span for m in diagnostic.marks if m.span.source is reading.source]
    if not own or diagnostic.marks[0].span.source is not reading.source:
        return
    at = own[0]
    yield from _meant(diagnostic, at)
    if at.text in LOOKALIKES:
        typed = LOOKALIKES[at.text]
        yield f"write `{typed}` for `{at.text}`", (Edit(at.start, at.end, typed),)
    piece = _piece_at(at, reading)
    for text in diagnostic.helps:
        title = text.removeprefix("or ")
        for code in _codes(text):
            yield from _stated(title, code, reading)
            yield from _pasted(title, code, at, own, piece, reading)
    yield from _structural(diagnostic, at, own, reading)


def _meant(diagnostic: Diagnostic, at: Span) -> Iterator[Candidate]:
    """A name that looks like the one written."""
    for word in _MEANT.findall(_said(diagnostic)):
        if at.text.isidentifier():
            yield f"write `{word}` for `{at.text}`", (Edit(at.start, at.end, word),)


def _structural(
    diagnostic: Diagnostic, at: Span, own: list[Span], reading: Reading
) -> Iterator[Candidate]:
    """Changes that follow from the places alone."""
    match diagnostic.code:
        case "E203" if len(own) > 1:
            yield from _in_parentheses(at, own[1], reading)
        case "E305" | "W506":
            yield from _cyclic(diagnostic, reading)
        case "E101" if at.text in (*_CLOSERS, *_CLOSERS.values(), ";"):
            yield from _bracket(at, own, reading)
        case "E102":
            yield from _another_name(at, reading)
        case "E201":
            yield from _declare(diagnostic, at, reading)


def _in_parentheses(use: Span, whole: Span, reading: Reading) -> Iterator[Candidate]:
    """The body of a sum reaches further with parentheses around it."""
    nodes = _nodes(_piece_at(use, reading))
    sums = [n for n in nodes if isinstance(n, tree.Reduction) and n.span == whole]
    for node in nodes:
        match node:
            case tree.Binary(left=left, right=right) if sums:
                holds = left.span.start <= whole.start and whole.end <= left.span.end
                if holds and right.span.start <= use.start and use.end <= right.span.end:
                    start, end = sums[0].body.span.start, right.span.end
                    edits = (Edit(start, start, "("), Edit(end, end, ")"))
                    text = apply(reading.text, list(edits))[sums[0].span.start : end + 2]
                    yield f"put the body in parentheses: {' '.join(text.split())}", edits


def _cyclic(diagnostic: Diagnostic, reading: Reading) -> Iterator[Candidate]:
    """`cyclic` written behind a dimension, or left out."""
    for declaration in reading.names.everything:
        item = declaration.node
        if not isinstance(item, tree.DimItem):
            continue
        name = item.name.text
        if any(f"dim {name} cyclic" in help for help in diagnostic.helps) and item.cyclic is None:
            end = item.span.end
            yield f"let it close on itself: dim {name} cyclic", (Edit(end, end, " cyclic"),)
        if diagnostic.span == item.name.span and item.cyclic is not None:
            start = item.cyclic.start - (reading.text[item.cyclic.start - 1] == " ")
            yield "leave out `cyclic`", (Edit(start, item.cyclic.end, ""),)


def _bracket(at: Span, own: list[Span], reading: Reading) -> Iterator[Candidate]:
    """A bracket closed, taken away, or made to fit the one that was opened."""
    piece = _piece_at(at, reading)
    if at.text in _CLOSERS and piece is not None:
        end = piece.stretch.end
        yield f"close it with `{_CLOSERS[at.text]}`", (Edit(end, end, _CLOSERS[at.text]),)
    elif len(own) > 1 and own[1].text in _CLOSERS:
        closer = _CLOSERS[own[1].text]
        yield f"write `{closer}` for `{at.text}`", (Edit(at.start, at.end, closer),)
    else:
        yield f"leave out `{at.text}`", (Edit(at.start, at.end, ""),)


def _another_name(at: Span, reading: Reading) -> Iterator[Candidate]:
    """A word of the language, used as a name throughout its statement, made a name."""
    piece = _piece_at(at, reading)
    if piece is not None:
        word = at.text
        same = [t for t in piece.stretch.tokens[1:] if t.text == word]
        edits = tuple(Edit(t.start, t.end, f"{word}_") for t in same)
        yield f"call it `{word}_`", edits or (Edit(at.start, at.end, f"{word}_"),)


def _declare(diagnostic: Diagnostic, at: Span, reading: Reading) -> Iterator[Candidate]:
    """A dimension that is not there yet, behind the last one, or at the end."""
    name, text = at.text, reading.text
    if f"dim {name}" not in diagnostic.helps:
        return
    dims = [p.stretch.end for p in reading.pieces if p.stretch.tokens[0].text == "dim"]
    end = text.find("\n", dims[-1]) if dims else -1
    place = end if end >= 0 else len(text)
    put = f"dim {name}\n" if text[:place].endswith("\n") else f"\ndim {name}"
    yield f"declare it: dim {name}", (Edit(place, place, put),)


# ----------------------------------------------------------------- pasted helps


def _codes(text: str) -> list[str]:
    """What of a help could be code: the whole, what is behind a colon, what is in backquotes."""
    behind = _BEHIND_COLON.findall(text)
    found = [*behind, *_QUOTED.findall(text)]
    if not _PROSE & set(text.split()) and "…" not in text:
        found.append(text)
    return [code for code in dict.fromkeys(found) if "…" not in code]


def _stated(title: str, code: str, reading: Reading) -> Iterator[Candidate]:
    """A whole statement: put in place of the one that declares the same name, or behind the last."""
    keyword, *rest = [token.text for token in tokenize(Source(code))[0]]
    if keyword not in KEYWORDS or not rest:
        return
    text = reading.text
    for piece in reading.pieces:
        stretch = piece.stretch
        if [token.text for token in stretch.tokens[:2]] == [keyword, rest[0]]:
            start, end = stretch.start, stretch.end
            inside = any(start <= c.span.start < end for c in reading.comments)
            if not inside and _holds(_words(code), _words(text[start:end])):
                yield title, (Edit(start, end, code),)
            return
    put = f"{code}\n" if text.endswith("\n") else f"\n{code}\n"
    yield title, (Edit(len(text), len(text), put),)


def _pasted(
    title: str, code: str, at: Span, own: list[Span], piece: Piece | None, reading: Reading
) -> Iterator[Candidate]:
    """A code put in place of the stretch that it rewrites."""
    new = _words(code)
    places = [(s.start, s.end) for s in _places(at, own, piece)]
    fitting = [p for p in dict.fromkeys(places) if _holds(new, _words(reading.text[slice(*p)]))]
    exact = [p for p in fitting if _words(reading.text[slice(*p)]) == new]
    for start, end in [*exact, *fitting]:
        inside = any(start <= c.span.start < end for c in reading.comments)
        if not inside and reading.text[start:end] != code:
            yield title, (Edit(start, end, code),)


def _places(at: Span, own: list[Span], piece: Piece | None) -> Iterator[Span]:
    """Stretches that a code could stand for, small ones first; the whole statement comes last."""
    yield at
    if piece is None:
        return
    stretch = piece.stretch
    yield Span(at.source, max(at.start - 1, stretch.start), min(at.end + 1, stretch.end))
    inside = [s for s in own if stretch.start <= s.start and s.end <= stretch.end]
    for span in inside[1:]:
        yield at.to(span)
    nodes = _nodes(piece)
    around = [t.span for t in _types(piece.statement) if t.span.start <= at.start < t.span.end]
    around += [n.span for n in nodes if n.span.start <= at.start and at.end <= n.span.end]
    heads = [n.head for n in nodes if isinstance(n, tree.Reduction)]
    around += [h for h in heads for s in inside if h.start <= s.start and s.end <= h.end]
    if len(inside) > 1:
        outer = inside[0]
        for span in inside[1:]:
            outer = outer.to(span)
        yield outer
        yield inside[1].to(inside[-1])
    yield from sorted(around, key=lambda s: s.end - s.start)
    yield Span(stretch.source, stretch.start, stretch.end)


def _words(text: str) -> Counter[str]:
    tokens, _ = tokenize(Source(text))
    return Counter(t.text for t in tokens if t.kind in ("word", "number", "string"))


def _holds(new: Counter[str], old: Counter[str]) -> bool:
    """Whether nothing that was written is lost."""
    return bool(old) and all(new[word] >= count for word, count in old.items())


def _piece_at(at: Span, reading: Reading) -> Piece | None:
    return next((p for p in reading.pieces if p.stretch.start <= at.start <= p.stretch.end), None)


def _types(statement: tree.Statement | None) -> tuple[tree.Type, ...]:
    match statement:
        case tree.Given(type=type_) | tree.Variable(type=type_) | tree.Param(type=type_):
            return (type_,)
        case tree.Net(inputs=inputs, output=output):
            return (*inputs, output)
        case _:
            return ()


def _nodes(piece: Piece | None) -> list[Node]:
    """Every expression of a statement."""
    statement = piece.statement if piece is not None else None
    found: list[Node] = []
    stack = list(_roots(statement))
    while stack:
        node = stack.pop()
        found.append(node)
        stack += parts(node)
    return found


def _roots(statement: tree.Statement | None) -> Iterable[Node]:
    match statement:
        case tree.Let(body=body) | tree.Quantity(body=body) | tree.Fn(body=body):
            roots = [body]
        case tree.Energy(body=body):
            roots = [body]
        case tree.Variable(density=density):
            roots = [density]
        case tree.Param(init=init, prior=prior):
            roots = [init, prior]
        case tree.Given(default=default):
            roots = [default]
        case tree.Dim(items=items):
            roots = [item.size for item in items]
        case _:
            roots = []
    return [root for root in roots if root is not None]
