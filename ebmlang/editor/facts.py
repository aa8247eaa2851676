"""What the compiler knows of a declaration, in the words of `ebm explain`. Needs no JAX."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from .. import explain
from ..analysis.world import World
from ..explain import type_text
from ..model import Model
from ..semantics.terms import (
    Between,
    Dimension,
    EdgeEnd,
    Edges,
    Index,
    Neighbour,
    Reduce,
    Term,
    Whole,
)
from ..semantics.traverse import children
from ..syntax.diagnostics import EbmError
from .reading import KEPT, Reading, read

MOST_VISITS = 65_536
"""Interactions are counted where no sum has more steps than this; else they are told by proof alone."""

MOST_BENT_SITES = 512
"""The same for the sites of a variable in which the energy has a higher power than MOST_POWER."""

MOST_POWER = 3

_LATER = "which ones is found when sizes are known"


def inferred_type(name: str, reading: Reading) -> str | None:
    """The type of a `let`, as it would be written."""
    symbol = reading.symbols.get(name)
    return None if symbol is None else type_text(symbol)


def range_text(index: Index) -> str:
    """What an index ranges over: `site`, `0..row - 1`, `an end of an edge of bonds`."""
    match index.range:
        case Whole(dim=dim):
            return dim.name
        case Between(lower=lower, upper=upper):
            return f"{lower}..{upper}"
        case EdgeEnd(graph=graph) | Edges(graph=graph):
            return f"an end of an edge of {graph.name}"
        case Neighbour(graph=graph):
            return f"a neighbour in {graph.name}"
        case _:
            return ""


def ranges_at(offset: int, reading: Reading) -> list[str]:
    """What the index introduced at an offset ranges over; several for one of a `fn`."""
    return list(dict.fromkeys(range_text(index) for index in reading.ranges.get(offset, ())))


def dimension_text(dim: Dimension) -> str:
    """How many positions a dimension has, as far as the text says."""
    if dim.labels:
        return f'{len(dim.labels)} positions, labelled "{dim.labels}"'
    text = "as many positions as the data have" if dim.size is None else f"{dim.size} positions"
    return text + (", cyclic: subscripts wrap" if dim.cyclic else "")


def facts_of(name: str, reading: Reading) -> tuple[str, ...]:
    """What is proved of an unknown: its power, its interactions. None while there are errors."""
    if reading.program is None or name not in reading.program.unknowns:
        return ()
    return proved(reading.text, reading.source.name, name)


@lru_cache(maxsize=KEPT)
def proved(text: str, file: str, name: str) -> tuple[str, ...]:
    """What `ebm explain --why` says first, row by row."""
    model = _model(read(text, file))
    if model is None:
        return ()
    try:
        rows = explain.proved(model, name)
    except EbmError:
        return ()
    return tuple(row.strip().replace(_LATER, "`ebm explain` tells which") for row in rows)


def _model(reading: Reading) -> Model | None:
    """The program with the sizes that it states, unless it would take too long to count in it."""
    from ..backend.binding import Bindings

    program = reading.program
    if program is None:
        return None
    model = Model(reading.source, program, Bindings())
    try:
        bound = model.bind()
        world = bound.world
    except EbmError:
        return model
    bent = [f.symbol for f in model.structure.variables.values() if f.site_degree > MOST_POWER]
    sites = max((prod(world.shape(symbol)) for symbol in bent), default=0)
    visits = max((_visits(energy.term, world) for energy in program.energies), default=0)
    return bound if visits <= MOST_VISITS and sites <= MOST_BENT_SITES else model


def _visits(term: Term, world: World) -> int:
    """How often the innermost part of a term is visited, definitions of `let`s left out."""
    inner = max((_visits(child, world) for child in children(term)), default=1)
    if isinstance(term, Reduce):
        return inner * prod(world.length(index) for index in term.indices if index.has_axis)
    return inner
