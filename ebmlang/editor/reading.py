"""A text as the editor knows it: pieces, names, faults, and what is sound of a broken program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, lru_cache

from ..semantics.checker import check
from ..semantics.terms import Array, Draw, Index, Program, Reduce, Symbol, Term
from ..semantics.traverse import walk
from ..syntax import tree
from ..syntax.diagnostics import Diagnostic, Severity
from ..syntax.parser import parse, read_pieces
from ..syntax.source import Source
from .names import Names, names_of

KEPT = 64


class Reading:
    """One text, read; whatever it costs to know more is spent when it is first asked for."""

    def __init__(self, text: str, name: str) -> None:
        self.source = Source(text, name)
        self.pieces, self.comments = read_pieces(self.source)

    @property
    def text(self) -> str:
        """The text, without a byte-order mark."""
        return self.source.text

    @cached_property
    def names(self) -> Names:
        """Every name and what it means."""
        return names_of(self.pieces)

    @cached_property
    def _checked(self) -> tuple[Program | None, list[Diagnostic], tree.Tree]:
        parsed, faults = parse(self.source)
        program, found = check(parsed, faults)
        return program, found, parsed

    @property
    def program(self) -> Program | None:
        """The checked program; None if there is any error."""
        return self._checked[0]

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything that `ebm check` says of the text."""
        return self._checked[1]

    @cached_property
    def sound(self) -> Program | None:
        """The program without the statements that have errors, and those that need them."""
        program, found, parsed = self._checked
        left = parsed
        while program is None:
            errors = [d for d in found if d.severity is Severity.ERROR]
            kept = tuple(s for s in left.statements if not _is_blamed(s, errors))
            if len(kept) == len(left.statements) and left is not parsed:
                return None
            left = replace(left, statements=kept)
            program, found = check(left)
        return program

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """The arrays of the sound program by name, `let`s included."""
        program = self.sound
        if program is None:
            return {}
        return {**program.unknowns, **program.params, **program.givens, **program.lets}

    @cached_property
    def ranges(self) -> dict[int, list[Index]]:
        """The indices of the sound program, by the offset at which each is introduced."""
        found: dict[int, list[Index]] = {}
        for index in self._indices():
            if index.span.source is self.source and index.span.text == index.name:
                found.setdefault(index.span.start, []).append(index)
        return found

    def _indices(self) -> Iterator[Index]:
        program = self.sound
        for symbol in program.lets.values() if program else ():
            yield from symbol.axes
        for array in _arrays(program) if program else ():
            yield from array.axes
        for term in _terms(program) if program else ():
            for node in walk(term):
                if isinstance(node, Reduce):
                    yield from node.indices


def _is_blamed(statement: tree.Statement, errors: list[Diagnostic]) -> bool:
    """Whether an error stands in a statement."""
    span = statement.span
    return any(
        d.span is not None
        and d.span.source is span.source
        and span.start <= d.span.start <= span.end
        for d in errors
    )


def _arrays(program: Program) -> Iterator[Array]:
    for quantity in program.quantities:
        yield quantity.value
    yield from program.defaults.values()


def _terms(program: Program) -> Iterator[Term]:
    for energy in program.energies:
        yield energy.term
    for symbol in program.lets.values():
        if symbol.body is not None:
            yield symbol.body
    for array in _arrays(program):
        yield array.body
    for facts in program.parameter_facts.values():
        if facts.init is not None and not isinstance(facts.init, Draw):
            yield facts.init
        if facts.prior is not None:
            yield facts.prior


@lru_cache(maxsize=KEPT)
def read(text: str, name: str = "<text>") -> Reading:
    """The reading of a text; the last ones are kept."""
    return Reading(text, name)
