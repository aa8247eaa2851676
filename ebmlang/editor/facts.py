"""What the compiler knows of a declaration, in the words of `ebm explain`. Needs no JAX."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from ..explain import explain, type_text
from ..model import Model
from ..semantics.terms import Between, Dimension, EdgeEnd, Edges, Index, Neighbour, Whole
from ..syntax.diagnostics import EbmError
from .reading import KEPT, Reading, read

MOST_SITES = 4096
"""Interactions are counted for variables up to this size; above it they are told by proof alone."""


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
        _, *rows = explain(model, why=name).text.split("\n\n")[0].splitlines()
    except EbmError:
        return ()
    return tuple(row.strip() for row in rows)


def _model(reading: Reading) -> Model | None:
    from ..backend.binding import Bindings

    program = reading.program
    if program is None:
        return None
    model = Model(reading.source, program, Bindings())
    try:
        bound = model.bind()
        sites = [prod(bound.world.shape(s)) for s in program.unknowns.values()]
    except EbmError:
        return model
    return bound if max(sites, default=0) <= MOST_SITES else model
