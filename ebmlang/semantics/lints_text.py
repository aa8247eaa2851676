"""W509: characters that make a text read otherwise than it looks."""

from __future__ import annotations

import re
import unicodedata

from ..syntax.diagnostics import Findings, escaped
from ..syntax.source import Source, Span
from ..syntax.statements import tokenize
from ..syntax.words import RESERVED, TYPES
from .functions import CONSTANTS, FUNCTIONS

_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINE_END = re.compile("[\v\f\x85\u2028\u2029]")

# Letters that are drawn as Latin ones are, after the confusables of Unicode (UTS #39).
_LOOKS_LIKE = str.maketrans(
    "аеорсухѕіјԁһԛԝӏьАВЕКМНОРСТУХЅІЈԌ" + "οΑΒΕΖΗΙΚΜΝΟΡΤΥΧνρικυ" + "օոսցհ",
    "aeopcyxsijdhqwlbABEKMHOPCTYXSIJG" + "oABEZHIKMNOPTYXvpiku" + "onugh",
)
# Greek letters are at home in formulas: beside Latin ones only these, drawn alike, deceive.
_GREEK_TWINS = frozenset("οΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
_SCRIPTS = frozenset(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"))


def misleading(source: Source, findings: Findings) -> None:
    """Warn of controls that turn text round, of odd line ends, and of names that look like others."""
    if source.written.isascii() and not _LINE_END.search(source.written):
        return
    for pattern, says, mark in (
        (_TURNS, "turns the direction of the text, which is then shown in another order",
         "invisible"),
        (_LINE_END, "ends a line here, which many editors do not show", "a line end"),
    ):  # fmt: skip
        found = pattern.search(source.written)
        if found:
            span = Span(source, found.start(), found.end())
            what = f"the character U+{ord(found.group()):04X} {says}"
            findings.warn("W509", span, what, mark=mark, helps=["take it out"])
    _names(source, findings)


def _names(source: Source, findings: Findings) -> None:
    known = {_skeleton(w): w for w in (*RESERVED, *TYPES, *FUNCTIONS, *CONSTANTS)}
    told: set[str] = set()
    for token in tokenize(source)[0]:
        name = token.text
        if token.kind != "word" or name in told:
            continue
        other = known.setdefault(_skeleton(name), name)
        odd = _mixed(name)
        if other == name and not odd:
            continue
        told.add(name)
        letters = ", ".join(dict.fromkeys(_code(c) for c in odd or name if not c.isascii()))
        says = (
            f"`{name}` looks like `{other}` and is another name"
            if other != name
            else f"`{name}` mixes letters of several scripts that look alike"
        )
        span = Span(source, token.start, token.end)
        findings.warn(
            "W509",
            span,
            says,
            mark=letters,
            helps=["choose another name, with letters of one script"],
        )


def _skeleton(name: str) -> str:
    """The name as it looks."""
    return unicodedata.normalize("NFKC", name).translate(_LOOKS_LIKE)


def _mixed(name: str) -> str:
    """The letters of a name that are of another script than Latin ones beside them."""
    if name.isascii():
        return ""
    scripts = {c: unicodedata.name(c, "").partition(" ")[0] for c in name if c.isalpha()}
    kinds = {s for s in scripts.values() if s in _SCRIPTS}
    if len(kinds) < 2:
        return ""
    return "".join(
        c
        for c, script in scripts.items()
        if script in _SCRIPTS - {"LATIN", "GREEK"} or c in _GREEK_TWINS
    )


def _code(char: str) -> str:
    """`U+0430` and its name."""
    name = unicodedata.name(char, "") or escaped(char)
    return f"U+{ord(char):04X} ({name.lower() if char.isprintable() else name})"
