"""The outline of a file, where it folds, and where names lead."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..syntax import tree
from ..syntax.source import Span, Unreadable
from .names import LOCAL, Declaration
from .reading import Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the outline: `kind` as in `Declaration`, `detail` a few words beside the name."""

    name: str
    kind: str
    detail: str
    whole: Span
    span: Span


def outline(reading: Reading) -> list[Entry]:
    """Every declaration in order; energies without a name are called `energy`."""
    found = [
        Entry(d.name, d.kind, _detail(d), d.whole, d.span)
        for d in reading.names.everything
        if d.kind not in LOCAL
    ]
    for piece in reading.pieces:
        statement = piece.statement
        if isinstance(statement, tree.Energy) and statement.name is None:
            word = piece.stretch.span(piece.stretch.tokens[0])
            found.append(Entry("energy", "energy", "", statement.span, word))
    return sorted(found, key=lambda entry: entry.span.start)


def _detail(declaration: Declaration) -> str:
    match declaration.node:
        case tree.Given(type=type_) | tree.Variable(type=type_) | tree.Param(type=type_):
            return " ".join(type_.span.text.split())
        case tree.DimItem(size=size) if size is not None:
            return size.span.text
        case tree.Fn(parameters=parameters):
            return f"({', '.join(p.text for p in parameters)})"
        case tree.Graph(on=on):
            return f"on {on.text}"
        case tree.Import(path=path):
            return f"from {path.span.text}"
        case _:
            return ""


def folds(reading: Reading) -> list[tuple[int, int, bool]]:
    """First and last offset of what folds, and whether it is comments: several lines each."""
    found = []
    for piece in reading.pieces:
        stretch = piece.stretch
        if "\n" in stretch.source.text[stretch.start : stretch.end]:
            found.append((stretch.start, stretch.end, False))
    run: list[Span] = []
    for comment, after in pairwise([*(c.span for c in reading.comments), None]):
        if comment is None:
            continue
        run.append(comment)
        if after is None or after.line != comment.line + 1:
            if len(run) > 1:
                found.append((run[0].start, run[-1].end, True))
            run = []
    return sorted(found)


def definition(reading: Reading, offset: int) -> Span | None:
    """Where the name under the cursor is declared, in another file if it is imported."""
    found = reading.names.at(offset)
    if found is None or found.declaration is None:
        return None
    declaration = found.declaration
    if isinstance(declaration.node, tree.Import):
        return _elsewhere(declaration.node, declaration.name, reading) or declaration.span
    return declaration.span


def _elsewhere(statement: tree.Import, name: str, reading: Reading) -> Span | None:
    """The declaration of a name in the file that a statement imports."""
    from .reading import read

    try:
        source = reading.source.beside(statement.path.value)
    except Unreadable:
        return None
    if source is None:
        return None
    found = read(source.written, source.name).names.declared.get(name)
    return None if found is None else Span(source, found.span.start, found.span.end)


def references(reading: Reading, offset: int, declaration: bool = True) -> list[Span]:
    """Every place of the name under the cursor; with `declaration`, where it is declared too."""
    found = reading.names.at(offset)
    if found is None or found.declaration is None:
        return []
    uses = reading.names.uses(found.declaration)
    return [o.span for o in uses if declaration or o.role != "declaration"]
