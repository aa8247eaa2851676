"""A name changed everywhere it stands, or a sentence that says why it cannot be."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ..semantics.context import BUILT_IN
from ..syntax.diagnostics import Severity
from ..syntax.source import Span
from ..syntax.words import RESERVED
from .names import APART, LOCAL, Declaration
from .reading import Reading, read

_NAME = re.compile(r"[^\W\d]\w*")


class Refused(Exception):
    """Why a name cannot be changed, in words for the user."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of the text, and what is put in its place."""

    start: int
    end: int
    text: str


def apply(text: str, edits: list[Edit]) -> str:
    """The text with every edit made; they may not overlap."""
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def renamable(reading: Reading, offset: int) -> Span:
    """The word under the cursor that a new name would replace. Raises Refused."""
    return _declaration(reading, offset)[1]


def _declaration(reading: Reading, offset: int) -> tuple[Declaration, Span]:
    found = reading.names.at(offset)
    if found is None:
        raise Refused("there is no name here")
    if found.declaration is None:
        raise Refused(f"`{found.span.text}` is not declared in this file")
    if found.declaration.kind == "import":
        raise Refused(f"`{found.span.text}` is imported: rename it in its own file")
    return found.declaration, found.span


def rename(reading: Reading, offset: int, new: str) -> list[Edit]:
    """The edits that give a declaration another name. Raises Refused.

    A name that is taken, or that would change what the program means, is refused.
    """
    declaration, _ = _declaration(reading, offset)
    if not _NAME.fullmatch(new):
        raise Refused(f"`{new}` is not a name: a name is a letter, then letters, digits and _")
    if new in RESERVED:
        raise Refused(f"`{new}` is a word of the language and cannot be a name")
    if new == declaration.name:
        return []
    _refuse_taken(reading, declaration, new)
    uses = reading.names.uses(declaration)
    edits = [Edit(o.span.start, o.span.end, new) for o in uses]
    if _faults(read(apply(reading.text, edits), reading.source.name)) != _faults(reading):
        raise Refused(f"`{new}` would change what the program means")
    return edits


def _refuse_taken(reading: Reading, declaration: Declaration, new: str) -> None:
    if declaration.kind in APART:
        taken = [d for d in reading.names.everything if d.kind == declaration.kind]
    else:
        taken = [d for d in reading.names.everything if d.kind not in APART]
    for other in taken:
        meets = declaration.kind not in LOCAL or other.kind not in LOCAL
        near = (
            other.whole.start < declaration.whole.end and declaration.whole.start < other.whole.end
        )
        if other.name == new and (meets or near):
            raise Refused(f"`{new}` is taken: line {other.span.line} declares it")
    named = (o for o in reading.names.occurrences if o.role in ("function", "constant", "unknown"))
    read_as = {o.span.text for o in named}
    if declaration.kind not in APART and (new in BUILT_IN or new in read_as):
        raise Refused(f"`{new}` is taken: it has a meaning already")


def _faults(reading: Reading) -> Counter[str]:
    return Counter(d.code for d in reading.diagnostics if d.severity is Severity.ERROR)
