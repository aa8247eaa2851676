"""Warnings, each only where it is proved."""

from __future__ import annotations

from ..syntax.diagnostics import Findings
from .terms import (
    Apply,
    Constant,
    Index,
    NamedEnergy,
    Position,
    Program,
    Read,
    Reduce,
    Symbol,
    Term,
    Whole,
)
from .traverse import is_free_of_unknowns, symbols, walk


def lint(program: Program, used: set[str], findings: Findings) -> None:
    """Everything that is provably odd in a program without errors."""
    for energy in program.energies:
        _cancels(energy, program, findings)
        _double_pairs(energy, findings)
    _unused(program, used, findings)
    _small_circles(program, findings)


def _cancels(energy: NamedEnergy, program: Program, findings: Findings) -> None:
    if energy.density or not is_free_of_unknowns(energy.term):
        return
    params = sorted(s.name for s in symbols(energy.term) if s.name in program.params)
    helps = [
        f"to hold `{params[0]}` near zero while fitting, give it a prior: ~ normal(0, 1)"
    ] if params else []  # fmt: skip
    findings.warn(
        "W501",
        energy.term.span,
        "this term depends on no variable, so it cancels from the distribution",
        mark="only parameters" if params else "a constant",
        helps=helps,
    )


def _unused(program: Program, used: set[str], findings: Findings) -> None:
    read = {s.name for e in program.energies for s in symbols(e.term)}
    for group, what in (
        (program.unknowns, "variable"),
        (program.params, "parameter"),
        (program.givens, "given"),
    ):
        for name, symbol in group.items():
            if name not in used or (what == "variable" and name not in read):
                findings.warn(
                    "W502",
                    symbol.span,
                    f"{what} `{name}` is never used" + (" in an energy" if name in used else ""),
                    mark="declared here",
                )


def _small_circles(program: Program, findings: Findings) -> None:
    for dim in program.dims.values():
        size = program.size_of(dim).constant if dim.size is None else dim.size.constant
        if dim.cyclic and size == 2:
            findings.warn(
                "W506",
                dim.span,
                f"`{dim.name}` is cyclic with two positions: both neighbours are the same one",
                mark="each pair is met twice",
                helps=["leave out `cyclic`, or take at least three positions"],
            )


def _double_pairs(energy: NamedEnergy, findings: Findings) -> None:
    """`sum(i, j) J[i, j] * s[i] * s[j]`: both orders and the diagonal are visited."""
    halved = {
        id(a)
        for node in walk(energy.term)
        if isinstance(node, Apply) and node.function in ("*", "/")
        for a in node.arguments
        if any(isinstance(b, Constant) for b in node.arguments)
    }
    for node in walk(energy.term):
        if not isinstance(node, Reduce) or node.reducer != "sum" or node.conditions:
            continue
        if id(node) in halved or any(isinstance(f, Constant) for f in _factors(node.body)):
            continue
        for i, j in _twins(node.indices):
            if _pairs_the_same(node.body, i, j):
                couplings = _couplings(node.body, i, j)
                text = f"{couplings}[i, j] + {couplings}[j, i]" if couplings else None
                findings.warn(
                    "W503",
                    node.head,
                    "each pair of sites is counted twice",
                    mark=f"visits ({i.name}, {j.name}), ({j.name}, {i.name}) and "
                    f"{i.name} = {j.name}",
                    notes=[
                        f"only {text} can be learned, so each coupling reads as half of the true one"
                    ]
                    if text
                    else [],
                    helps=[f"sum({i.name} < {j.name})"],
                )


def _twins(indices: tuple[Index, ...]) -> list[tuple[Index, Index]]:
    whole = [i for i in indices if isinstance(i.range, Whole)]
    return [
        (a, b)
        for k, a in enumerate(whole)
        for b in whole[k + 1 :]
        if isinstance(a.range, Whole) and isinstance(b.range, Whole) and a.range.dim is b.range.dim
    ]


def _factors(term: Term) -> list[Term]:
    if isinstance(term, Apply) and term.function == "*":
        return [f for a in term.arguments for f in _factors(a)]
    return [term]


def _pairs_the_same(body: Term, i: Index, j: Index) -> bool:
    """Whether the product holds v[i] and v[j] of one unknown, and else only symmetric arrays or couplings."""
    singles: dict[Symbol, set[Index]] = {}
    for factor in _factors(body):
        if not isinstance(factor, Read):
            return False
        at = [s.index if isinstance(s, Position) else None for s in factor.subscripts]
        if factor.symbol.unknown:
            if len(at) != 1 or at[0] is None:
                return False
            singles.setdefault(factor.symbol, set()).add(at[0])
        elif at and set(at) != {i, j}:
            return False
    return any(ends == {i, j} for ends in singles.values()) and len(singles) == 1


def _couplings(body: Term, i: Index, j: Index) -> str | None:
    for factor in _factors(body):
        if isinstance(factor, Read) and not factor.symbol.unknown and len(factor.subscripts) == 2:
            return factor.symbol.name
    return None
