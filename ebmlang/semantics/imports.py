"""Dimensions, functions and nets of other files: found, read, and put before the file's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import PurePosixPath
from posixpath import normpath
from typing import NamedTuple

from ..syntax import tree
from ..syntax.diagnostics import Findings
from ..syntax.parser import parse
from ..syntax.source import SEARCH_PATH, Source, Span, Unreadable
from .context import nearest
from .meant import asked

DEEPEST = 100  # files that import each other in a row

Shared = tree.DimItem | tree.Fn | tree.Net


class Entry(NamedTuple):
    """A name that can be imported, and all that the file which declares it knows."""

    item: Shared
    home: dict[str, Entry]


@dataclass(slots=True)
class Imports:
    """What has been read so far: texts by path from the first file, and the names brought along."""

    findings: Findings
    texts: dict[str, str] = field(default_factory=dict)
    brought: dict[str, Shared] = field(default_factory=dict)
    read: dict[str, dict[str, Entry]] = field(default_factory=dict)


def gather(parsed: tree.Tree, findings: Findings) -> tuple[list[tree.Statement], dict[str, str]]:
    """The statements that the imports of a file stand for, and the texts they came from by path.

    A function or net brings along what it needs of its own file; a dimension that the importing
    file declares by the same name is that one.
    """
    state = Imports(findings)
    own = {name.text: name.span for name in _declared_names(parsed)}
    for statement in parsed.statements:
        if isinstance(statement, tree.Import):
            _take(statement, parsed.source, "", (parsed.source.name,), own, state)
    return [_statement(shared) for shared in state.brought.values()], state.texts


def _statement(shared: Shared) -> tree.Statement:
    if isinstance(shared, tree.DimItem):
        return tree.Dim((shared,), "", shared.span)
    return shared


def _declared_names(parsed: tree.Tree) -> Iterator[tree.Identifier]:
    for statement in parsed.statements:
        if isinstance(statement, tree.Dim):
            yield from (item.name for item in statement.items)
        elif not isinstance(statement, tree.Import | tree.Energy | tree.ModelHeader):
            yield statement.name


def _take(
    statement: tree.Import,
    source: Source,
    folder: str,
    stack: tuple[str, ...],
    own: dict[str, Span],
    state: Imports,
) -> None:
    """Bring in the names of one import statement."""
    path = _joined(folder, statement)
    shared = _open(statement, source, path, stack, state)
    if shared is None:
        return
    for name in statement.names:
        if name.text not in shared:
            _not_there(name, statement, shared, state.findings)
        elif name.text in own:
            state.findings.error(
                "E202",
                name.span,
                f"`{name.text}` is imported and declared here too",
                "imported here",
                marks=[(own[name.text], "declared here")],
                helps=["leave one of them out"],
            )
        else:
            _bring(name, shared, own, state)


def _bring(
    name: tree.Identifier, shared: dict[str, Entry], own: dict[str, Span], state: Imports
) -> None:
    """A name with all that it needs of its own file, which must not mean something else here."""
    waiting = [(name.text, shared)]
    while waiting:
        needed, known = waiting.pop()
        item, home = known[needed]
        there, before = own.get(needed), state.brought.get(needed)
        if there is None and before is not None and before.span.text != item.span.text:
            there = before.span
        if there is not None and not (needed in own and isinstance(item, tree.DimItem)):
            state.findings.error(
                "E202",
                name.span,
                f"`{name.text}` needs `{needed}` of its own file, and `{needed}` is something else here",
                "imported here",
                marks=[(item.span, "needed"), (there, "something else")],
                helps=[f"give one of them another name than `{needed}`"],
            )
        elif there is None and before is None:
            state.brought[needed] = item
            waiting += [(n, home) for n in sorted(_names_in(item)) if n in home]


def _open(
    statement: tree.Import, source: Source, path: str, stack: tuple[str, ...], state: Imports
) -> dict[str, Entry] | None:
    """The dimensions, functions and nets of a file, those that it imports itself included."""
    if path in state.read:
        return state.read[path]
    found = _found(statement, source, path, stack, state.findings)
    if found is None:
        return None
    state.texts[path] = found.text
    parsed, faults = parse(found)
    for fault in faults:
        state.findings.keep(fault)
    shared: dict[str, Entry] = {}
    for inner in parsed.statements:
        match inner:
            case tree.Dim(items=items):
                shared |= {item.name.text: Entry(item, shared) for item in items}
            case tree.Fn() | tree.Net():
                shared[inner.name.text] = Entry(inner, shared)
            case tree.Import():
                below = _joined(str(PurePosixPath(path).parent), inner)
                deeper = _open(inner, source, below, (*stack, found.name), state) or {}
                shared |= {n.text: deeper[n.text] for n in inner.names if n.text in deeper}
            case _:
                pass
    state.read[path] = shared
    return shared


def _joined(folder: str, statement: tree.Import) -> str:
    """The path of an imported file from the folder of the first one, without detours."""
    return normpath(PurePosixPath(folder) / statement.path.value)


def _found(
    statement: tree.Import, source: Source, path: str, stack: tuple[str, ...], findings: Findings
) -> Source | None:
    """The file that a statement imports; E103 if there is none, or it may not be read."""
    at = statement.path.span
    asked_for = f'"{statement.path.value}"'
    if len(stack) > DEEPEST:
        says = f"more than {DEEPEST} files import each other in a row"
        findings.error("E103", at, says, "goes deeper", helps=["import from fewer files"])
        return None
    try:
        found = source.beside(path)
    except Unreadable as reason:
        findings.error(
            "E103",
            at,
            f"{asked_for} cannot be imported: {reason}",
            "not read",
            helps=[
                "files are imported from the folder of the model, those below it, and "
                f"those named by the environment variable {SEARCH_PATH}"
            ],
        )
        return None
    if found is None:
        findings.error(
            "E103",
            at,
            f"cannot find {asked_for}",
            f"looked in {source.folder}",
            helps=["the path is taken from the file that imports"],
        )
    elif found.name in stack:
        circle = " → ".join([*stack[stack.index(found.name) :], found.name])
        findings.error("E103", at, f"imports form a circle: {circle}", "closes the circle")
        return None
    return found


def _not_there(
    name: tree.Identifier, statement: tree.Import, shared: dict[str, Entry], findings: Findings
) -> None:
    near = nearest(name.text, list(shared))
    listed = ", ".join(shared) or "none"
    findings.error(
        "E201",
        name.span,
        asked(f"{statement.path.span.text} has no dimension, function or net `{name.text}`", near),
        "not there",
        notes=[f"it has {listed}"],
    )


def _names_in(item: Shared) -> set[str]:
    """Every name that stands in a declaration."""
    found: set[str] = set()
    stack: list[object] = [item]
    while stack:
        node = stack.pop()
        match node:
            case tree.Name(text=text):
                found.add(text)
            case tree.Call(function=function):
                found.add(function.text)
            case _:
                pass
        if isinstance(node, tuple):
            stack.extend(node)
        elif is_dataclass(node) and type(node).__module__ == tree.__name__:
            stack.extend(getattr(node, part.name) for part in fields(node))
    return found - {p.text for p in item.parameters} if isinstance(item, tree.Fn) else found
