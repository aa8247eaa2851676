"""What could be written at the cursor: words of the language, names in scope, functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..explain import type_text
from ..semantics.context import CALLABLES
from ..semantics.declarations import GENERATORS
from ..semantics.functions import CONSTANTS
from ..semantics.networks import ACTIVATIONS, ARCHITECTURES
from ..semantics.terms import Dimension
from ..syntax.words import CONNECTIVES, KEYWORDS, TYPES
from . import lexicon
from .cursor import Cursor, cursor_at, indices_in_force
from .facts import dimension_text
from .names import APART, LOCAL, Declaration
from .reading import Reading
from .symbols import outline

MOST_LABELS = 40

_SCOPE = ("given", "visible", "latent", "param", "let", "function", "network", "import")
_OPERAND_WORDS = ("if", "not")


@dataclass(frozen=True, slots=True)
class Item:
    """One proposal. `kind`: keyword, type, function, density, network, generator, setting, label,
    constant, or a declaration's kind; `detail` stands beside it, `says` is shown on request.
    """

    label: str
    kind: str
    detail: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """The proposals, best first, and the offset at which the word that they replace begins."""

    start: int
    items: tuple[Item, ...]


def complete(reading: Reading, offset: int) -> Completion:
    """What could be written at an offset; a word half typed counts as not yet there."""
    cursor = cursor_at(reading.text, offset)
    if cursor is None:
        return Completion(offset, ())
    found: dict[str, Item] = {}
    for item in _items(cursor, reading):
        found.setdefault(item.label, item)
    return Completion(cursor.start, tuple(found.values()))


def _items(cursor: Cursor, reading: Reading) -> Iterator[Item]:
    expects = cursor.expects
    if not cursor.before or (cursor.fresh and (expects is None or "$END" in expects)):
        yield from (_word(word) for word in KEYWORDS)
    if expects is None or {"NAME", "STRING", "NUMBER"} & expects:
        yield from _names(cursor, reading)
    if expects is None and cursor.wanted == "expression":
        yield from (_word(word) for word in _OPERAND_WORDS)
    elif expects is not None and cursor.wanted != "setting":
        yield from (_word(word) for word in CONNECTIVES if word in expects)


def _word(word: str) -> Item:
    said = lexicon.told(word)
    return Item(word, "keyword", "", said[1] if said else "")


def _names(cursor: Cursor, reading: Reading) -> Iterator[Item]:
    match cursor.wanted:
        case "type":
            yield from (Item(name, "type", lexicon.TYPES[name]) for name in TYPES)
        case "dimension":
            yield from _places(cursor, reading, graphs=_in_type(cursor))
        case "range":
            yield from _places(cursor, reading, graphs=True)
        case "density":
            for name in lexicon.densities():
                yield Item(name, "density", lexicon.density(name) or "")
        case "generator":
            yield from _table(GENERATORS, "generator")
        case "network":
            yield from _table(ARCHITECTURES, "network")
        case "setting":
            yield from _settings(cursor)
        case "subscript":
            yield from _subscripts(cursor, reading)
        case "expression":
            yield from _expression(cursor, reading)
        case _:
            return


def _table(names: Iterable[str], kind: str) -> Iterator[Item]:
    for name in names:
        written, says = lexicon.network(name) or lexicon.generator(name) or (name, "")
        yield Item(name, kind, written, says)


def _in_type(cursor: Cursor) -> bool:
    return cursor.before[0].text in ("given", "visible", "latent", "param")


def _places(cursor: Cursor, reading: Reading, graphs: bool) -> Iterator[Item]:
    program = reading.sound
    for declaration in _declared(cursor, reading):
        if declaration.kind in ("dimension", "import"):
            dim = program.dims.get(declaration.name) if program else None
            detail = dimension_text(dim) if dim else ""
            yield Item(declaration.name, declaration.kind, detail)
        elif declaration.kind == "graph" and graphs:
            yield Item(declaration.name, "graph")


def _declared(cursor: Cursor, reading: Reading) -> list[Declaration]:
    """What an expression may read, but for what the statement itself declares."""
    start = cursor.before[0].start if cursor.before else cursor.start
    return [
        d
        for d in reading.names.everything
        if d.kind not in (*APART, *LOCAL)
        and not start <= d.span.start < max(cursor.start, start + 1)
    ]


def _settings(cursor: Cursor) -> Iterator[Item]:
    row = ARCHITECTURES.get(cursor.function)
    if cursor.before[-1].text == "=":
        yield from (Item(name, "function", *(lexicon.told(name) or ())) for name in ACTIVATIONS)
    elif row is not None:
        for name, value in row.options.items():
            yield Item(f"{name}=", "setting", f"{value} if left out")


def _indices(cursor: Cursor, reading: Reading) -> Iterator[Item]:
    for name in indices_in_force(cursor.before, list(reading.names.declared)):
        yield Item(name, "index", "an index")


def _subscripts(cursor: Cursor, reading: Reading) -> Iterator[Item]:
    """Indices in force, categories of the dimension, its labels; then everything else."""
    yield from _indices(cursor, reading)
    symbol = reading.symbols.get(cursor.function)
    places = symbol.dims if symbol else ()
    dim = places[cursor.position] if cursor.position < len(places) else None
    if isinstance(dim, Dimension):
        for other in reading.symbols.values():
            if other.domain.labels is dim:
                yield Item(other.name, other.role, type_text(other))
        for label in (dim.labels or "")[:MOST_LABELS]:
            yield Item(f'"{label}"', "label", f"a label of {dim.name}")
    yield from _places(cursor, reading, graphs=False)
    yield from _expression(cursor, reading)


def _expression(cursor: Cursor, reading: Reading) -> Iterator[Item]:
    yield from _indices(cursor, reading)
    if {"~", "init"} & {token.text for token in cursor.before}:
        yield from (Item(f"{n}=", "setting") for n in lexicon.arguments(cursor.function))
    details = {entry.name: entry.detail for entry in outline(reading)}
    for declaration in _declared(cursor, reading):
        if declaration.kind in _SCOPE:
            symbol = reading.symbols.get(declaration.name)
            detail = type_text(symbol) if symbol else details.get(declaration.name, "")
            yield Item(declaration.name, declaration.kind, detail)
    yield from _places(cursor, reading, graphs=False)
    for name in CALLABLES:
        said = lexicon.REDUCERS.get(name) or lexicon.told(name) or (name, "")
        yield Item(name, "function", *said)
    yield from (Item(name, "constant", lexicon.CONSTANTS[name]) for name in CONSTANTS)
