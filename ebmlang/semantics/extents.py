"""How large arrays, graphs and ranges of values may be: bounded before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..syntax.diagnostics import Findings
from ..syntax.source import Span
from .sizes import Size
from .terms import Bound, Dimension, GraphDeclaration, Kind, Program, Symbol

MOST_ENTRIES = 1 << 28  # of one array
MOST_SITES = 1 << 22  # entries of one unknown, or edges of a generated graph
MOST_VALUES = 1 << 24  # of an integer: whole numbers above are not exact in float32


def too_large(program: Program, sizes: Mapping[str, int]) -> Iterator[tuple[Span, str, str]]:
    """What is larger than can be worked with, as far as sizes are known: the place, what it is, the most."""
    for dim in program.dims.values():
        size = _size(dim, program, sizes)
        if size is not None and size > MOST_ENTRIES:
            yield dim.span, f"`{dim.name}` has {_count(size)} positions", f"{MOST_ENTRIES:,}"
    for symbol in (*program.unknowns.values(), *program.params.values(), *program.givens.values()):
        most = MOST_SITES if symbol.unknown else MOST_ENTRIES
        total = _entries(symbol, program, sizes)
        if total is not None and total > most:
            yield symbol.span, f"`{symbol.name}` has {_count(total)} entries", f"{most:,}"
        values = _values(symbol, sizes)
        if symbol.unknown and values is not None and values > MOST_VALUES:
            says = f"each entry of `{symbol.name}` has {_count(values)} values"
            yield symbol.span, says, f"{MOST_VALUES:,}"
    for graph in program.graphs.values():
        sites = _size(graph.on, program, sizes)
        if sites is not None and graph.generator and graph.generator[0] == "complete":
            edges = sites * (sites - 1) // 2
            if edges > MOST_SITES:
                says = f"`{graph.name}` has {_count(edges)} edges"
                yield graph.span, says, f"{MOST_SITES:,}"


def refuse_too_large(program: Program, findings: Findings) -> None:
    """E602 for what the sizes written in a text already make too large."""
    sizes = {
        name: int(dim.size.constant)
        for name, dim in program.dims.items()
        if dim.size is not None and dim.size.constant is not None
    }
    for span, says, most in too_large(program, sizes):
        findings.error("E602", span, says, f"at most {most}", helps=["make its dimensions smaller"])


def _size(
    dim: Dimension | GraphDeclaration, program: Program, sizes: Mapping[str, int]
) -> int | None:
    """Positions of a dimension; None if they are not known yet, and for a graph."""
    if isinstance(dim, GraphDeclaration):
        return None
    if dim.name in sizes:
        return sizes[dim.name]
    if dim.labels is not None:
        return len(dim.labels)
    size = program.size_of(dim)
    return int(size.value(sizes)) if size.names <= sizes.keys() else None


def _entries(symbol: Symbol, program: Program, sizes: Mapping[str, int]) -> int | None:
    total = 1
    for dim in symbol.dims:
        size = _size(dim, program, sizes)
        if size is None:
            return None
        total *= size
    return total


def _values(symbol: Symbol, sizes: Mapping[str, int]) -> int | None:
    if symbol.domain.kind is not Kind.INTEGER:
        return None
    low, high = (_bound(b, sizes) for b in (symbol.domain.lower, symbol.domain.upper))
    return None if low is None or high is None else int(high - low) + 1


def _bound(bound: Bound | None, sizes: Mapping[str, int]) -> float | None:
    """A bound as a number; None if it is not known yet, or there is none."""
    if isinstance(bound, Size):
        return int(bound.value(sizes)) if bound.names <= sizes.keys() else None
    return bound if bound is not None and abs(bound) < float("inf") else None


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**18 else "more than 10^18"
