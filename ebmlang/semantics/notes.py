"""Notes: what is no fault and worth knowing. Shown only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ..syntax.diagnostics import Diagnostic, Findings, Severity
from ..syntax.source import Span
from .context import type_text
from .terms import (
    Apply,
    Constant,
    Index,
    Kind,
    Position,
    Program,
    Read,
    Reduce,
    Symbol,
    Term,
    Whole,
)
from .traverse import children, free_indices, symbols, unfold_all, walk

KINKS = {
    "abs": "softplus or sqrt(x^2 + 0.01) has none",
    "relu": "softplus has none",
    "max": "logsumexp has none",
    "min": "logsumexp has none",
}


def notes(program: Program) -> list[Diagnostic]:
    """W507 and N508, by place in the file; none of them is a warning."""
    findings = Findings()
    for energy in program.energies:
        for node in walk(unfold_all(energy.term)):
            _kink(node, energy.span if energy.density else None, findings)
    _gauges(program, findings)
    return findings.in_order()


def _note(code: str, at: Span, says: str, mark: str, findings: Findings, helps: list[str]) -> None:
    findings.error(code, at, says, mark, helps=helps, severity=Severity.NOTE)


def _kink(node: Term, density: Span | None, findings: Findings) -> None:
    """W507: a function with a kink, of a variable that gradients move."""
    match node:
        case Apply(function=function) if function in KINKS:
            inner: tuple[Term, ...] = node.arguments
        case Reduce(reducer=function) if function in KINKS:
            inner = (node.body,)
        case _:
            return
    moved = {s for term in inner for s in symbols(term) if s.unknown and not s.domain.discrete}
    if not moved:
        return
    name = min(moved, key=lambda s: s.span.start).name
    what = density.text.partition("(")[0] if density is not None else function
    _note(
        "W507",
        density or node.span,
        f"`{what}` has a kink, and `{name}` is moved by gradients",
        "the slope jumps here",
        findings,
        [f"the draws stay exact; where they come slowly, {KINKS[function]}"],
    )


# ----------------------------------------------------------------------- gauges


def _gauges(program: Program, findings: Findings) -> None:
    """N508: parameters that a change of others makes up for, so that no data tell them apart."""
    for symbol in program.params.values():
        reads = list(_reads(symbol, program))
        if not reads or program.parameter_facts[symbol.name].prior is not None:
            continue
        found = _table_of_a_category(symbol, reads) or _table_of_a_number(symbol, reads)
        if found is not None:
            at, mark, help = found
            prior = f"or let a prior choose: param {type_text(symbol)} ~ normal(0, 1)"
            says = f"`{symbol.name}` is determined only up to a constant{at}"
            _note("N508", symbol.span, says, mark, findings, [help, prior])


def _reads(symbol: Symbol, program: Program) -> Iterator[tuple[Read, bool]]:
    """Every read of a parameter, and whether it is added to the energy as it is, once each."""
    for energy in program.energies:
        yield from _reads_in(unfold_all(energy.term), symbol, True)


def _reads_in(term: Term, symbol: Symbol, added: bool) -> Iterator[tuple[Read, bool]]:
    """`added`: the term is a summand with a constant factor, under sums without conditions on
    unknowns."""
    match term:
        case Read() if term.symbol is symbol:
            yield term, added
            inner = False
        case Apply(function="+" | "-" | "negate"):
            inner = added
        case Apply(function="*" | "/", arguments=(a, b)):
            fixed = [isinstance(x, Constant) for x in (a, b)]
            inner = added and any(fixed)
        case Reduce(reducer="sum", conditions=conditions):
            inner = added and not any(symbols(c) for c in conditions)
        case _:
            inner = False
    for child in children(term):
        yield from _reads_in(child, symbol, inner)


Said = tuple[str, str, str]


def _table_of_a_category(symbol: Symbol, reads: list[tuple[Read, bool]]) -> Said | None:
    """`h[i, x[i]]`: a constant added to h[i, :] adds the same to every configuration."""
    if len(reads) != 1:
        return None
    ((read, added),) = reads
    front = [s for s in read.subscripts if _plain(s)]
    behind = read.subscripts[len(front) :]
    if not added or not behind or not all(_names_category(s) for s in behind):
        return None
    if list(read.subscripts[: len(front)]) != front:
        return None
    row = f"{symbol.name}[{', '.join([s.span.text for s in front] + [':'] * len(behind))}]"
    return (
        f" for each row `{row}`" if front else "",
        f"adding a number to all of `{row}` changes nothing but Z",
        "compare its entries with their mean",
    )


def _table_of_a_number(symbol: Symbol, reads: list[tuple[Read, bool]]) -> Said | None:
    """`V[sum(s)]`: a constant added to the whole table adds it to every configuration."""
    if len(reads) != 1 or len(symbol.dims) != 1:
        return None
    ((read, added),) = reads
    (place,) = read.subscripts
    looked_up = any(s.unknown for s in symbols(place)) and not _names_category(place)
    if not added or not looked_up or free_indices(place):
        return None
    return (
        "",
        f"adding a number to all of `{symbol.name}` changes nothing but Z",
        f"compare its entries with one of them, such as `{symbol.name}[0]`",
    )


def _names_category(term: Term) -> bool:
    return (
        isinstance(term, Read) and term.symbol.unknown and term.symbol.domain.kind is Kind.CATEGORY
    )


def _plain(term: Term) -> bool:
    return isinstance(term, Position) and _whole(term.index)


def _whole(index: Index) -> bool:
    return isinstance(index.range, Whole)
