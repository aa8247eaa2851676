"""Warnings, each only where it is proved."""

from __future__ import annotations

from collections.abc import Iterator

from ..syntax import tree
from ..syntax.diagnostics import Findings
from .completeness import without_energy, without_variable
from .context import type_text
from .extents import refuse_too_large
from .lints_pairs import counted_twice
from .lints_slopes import falls_without_limit
from .lints_text import misleading
from .lints_values import out_of_reach
from .terms import (
    Apply,
    Constant,
    Index,
    NamedEnergy,
    Program,
    Read,
    Reduce,
    Role,
    Symbol,
    Term,
    Whole,
)
from .traverse import free_indices, symbols, walk

SMALL = 10.0  # numbers up to it are added without harm


def lint(program: Program, parsed: tree.Tree, used: set[str], findings: Findings) -> None:
    """Everything that is provably odd in a program without errors, or too large to be run."""
    refuse_too_large(program, findings)
    misleading(parsed.source, findings)
    if without_variable(program, parsed, findings):
        return
    read = [symbols(energy.term) for energy in program.energies]
    for energy, there in zip(program.energies, read, strict=True):
        _cancels(energy, there, program, findings)
        counted_twice(energy, findings)
    falls_without_limit(program, findings)
    out_of_reach(program, findings)
    _unused(program, used, set().union(*read), findings)
    _unused_helpers(parsed, used, findings)
    _unused_indices(program, findings)
    _small_circles(program, findings)


def _cancels(energy: NamedEnergy, read: set[Symbol], program: Program, findings: Findings) -> None:
    if energy.density:
        return
    if any(symbol.unknown for symbol in read):
        for part in _constants_beside(energy.term):
            _tell_constant(part, symbols(part), program, findings)
        return
    _tell_constant(energy.term, read, program, findings)


def _constants_beside(term: Term) -> Iterator[Term]:
    """The parts of a sum that are a number above `SMALL`, or one parameter, and cancel.

    Small numbers, sizes and functions of parameters are often meant: `1 - …`, or a normaliser.
    """
    match term:
        case Apply(function="+" | "-" | "negate", arguments=arguments):
            for argument in arguments:
                yield from _constants_beside(argument)
        case Read(symbol=symbol, subscripts=()) if symbol.role is Role.PARAM:
            yield term
        case Constant() | Apply(function="*" | "/" | "^"):
            parts = list(walk(term))
            numbers = [abs(part.value) for part in parts if isinstance(part, Constant)]
            plain = all(isinstance(part, Constant | Apply) for part in parts)
            if plain and SMALL < max(numbers) < float("inf"):
                yield term
        case _:
            return


def _tell_constant(term: Term, read: set[Symbol], program: Program, findings: Findings) -> None:
    params = sorted((s for s in read if s.name in program.params), key=_place)
    helps = []
    if params and program.parameter_facts[params[0].name].prior is None:
        first = params[0]
        helps = [
            f"to hold `{first.name}` near zero while fitting, give it a prior: "
            f"param {type_text(first)} ~ normal(0, 1)"
        ]
    findings.warn(
        "W501",
        term.span,
        "this term depends on no variable, so it cancels from the distribution",
        mark="only parameters" if params else "a constant",
        helps=helps,
    )


def _place(symbol: Symbol) -> int:
    return symbol.span.start


def _unused(program: Program, used: set[str], read: set[Symbol], findings: Findings) -> None:
    for group, what in (
        ({} if without_energy(program, findings) else program.unknowns, "variable"),
        (program.params, "parameter"),
        (program.givens, "given"),
    ):
        for name, symbol in group.items():
            if name not in used:
                findings.warn(
                    "W502", symbol.span, f"{what} `{name}` is never used", mark="declared here"
                )
            elif what == "variable" and symbol not in read:
                findings.warn(
                    "W502",
                    symbol.span,
                    f"variable `{name}` is in no energy, so all its values are equally likely",
                    mark="declared here",
                )


def _unused_helpers(parsed: tree.Tree, used: set[str], findings: Findings) -> None:
    """Dimensions, graphs, definitions, functions and networks of this file that nothing uses."""
    for statement in parsed.statements:
        match statement:
            case tree.Dim(items=items):
                named = [(item.name, "dimension") for item in items]
            case tree.Graph(name=name):
                named = [(name, "graph")]
            case tree.Let(name=name):
                named = [(name, "`let`")]
            case tree.Fn(name=name):
                named = [(name, "function")]
            case tree.Net(name=name):
                named = [(name, "network")]
            case _:
                continue
        for name, what in named:
            if name.text not in used and name.span.source is parsed.source:
                says = f"{what} `{name.text}` is never used"
                findings.warn("W502", name.span, says, mark="declared here")


def _unused_indices(program: Program, findings: Findings) -> None:
    """`sum(i in site) c`: an index with a range that stands nowhere in the body."""
    said: set[int] = set()
    for reduce in _reductions(program):
        inside = [reduce.body, *reduce.conditions]
        used = set().union(*(free_indices(part) for part in inside))
        for index in reduce.indices:
            plain = isinstance(index.range, Whole) and not _leaned_on(index, reduce)
            if plain and index not in used and index.span.start not in said:
                said.add(index.span.start)
                dim = index.range.dim.name if isinstance(index.range, Whole) else ""
                counts = f": the sum is `{dim}` times it" if reduce.reducer == "sum" else ""
                alone = counts and len(reduce.indices) == 1
                findings.warn(
                    "W502",
                    index.span,
                    f"index `{index.name}` stands nowhere in the body{counts}",
                    mark="only repeats the body",
                    helps=[f"{dim} * {reduce.body.span.text}"] if alone else [],
                )


def _leaned_on(index: Index, reduce: Reduce) -> bool:
    sites = (getattr(other.range, "site", None) for other in reduce.indices)
    return any(site is not None and index in free_indices(site) for site in sites)


def _reductions(program: Program) -> Iterator[Reduce]:
    terms: list[Term] = [energy.term for energy in program.energies]
    terms += [quantity.value.body for quantity in program.quantities]
    terms += [symbol.body for symbol in program.lets.values() if symbol.body is not None]
    for term in terms:
        yield from (node for node in walk(term) if isinstance(node, Reduce))


def _small_circles(program: Program, findings: Findings) -> None:
    for dim in program.dims.values():
        size = program.size_of(dim).constant if dim.size is None else dim.size.constant
        if dim.cyclic and size == 2:
            findings.warn(
                "W506",
                dim.span,
                f"`{dim.name}` is cyclic with two positions: both neighbours are the same one",
                mark="each pair is met twice",
                helps=[
                    f"take at least three positions: dim {dim.name} = 3 cyclic",
                    "or leave out `cyclic`, and let the sum stop one short",
                ],
            )
