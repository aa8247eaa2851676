"""Files that break no rule and yet describe no model: empty, without a variable, without an energy."""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax import tree
from ..syntax.diagnostics import Findings
from ..syntax.source import Span
from .terms import Program, Symbol

# What others may import: a file of these alone is no model, and need not be one.
SHARED = (tree.Dim, tree.Fn, tree.Net, tree.Import, tree.ModelHeader)


def without_variable(program: Program, parsed: tree.Tree, findings: Findings) -> bool:
    """E101 for a file that is no model, and holds more or less than others may import."""
    own = [s for s in parsed.statements if not isinstance(s, tree.ModelHeader)]
    if program.unknowns or (own and all(isinstance(s, SHARED) for s in own)):
        return False
    header = next((s for s in parsed.statements if isinstance(s, tree.ModelHeader)), None)
    start = Span(parsed.source, 0, 0)
    if not own and header is None:
        says = "this file is empty: a model declares variables and their energy"
        findings.error("E101", start, says, helps=["model m visible x : real energy = x^2 / 2"])
        return True
    called = f"`{program.name}`" if header else "this file"
    says = f"{called} has no variable: nothing in it is `visible` or `latent`"
    at = header.name.span if header else start
    findings.error("E101", at, says, helps=[_example(own)])
    return True


def without_energy(program: Program, findings: Findings) -> bool:
    """W502, once, for a model whose variables have neither an energy nor a density."""
    if program.energies or not program.unknowns:
        return False
    first = next(iter(program.unknowns.values()))
    findings.warn(
        "W502",
        first.span,
        "there is no `energy`, so all configurations are equally likely",
        mark="in no energy",
        helps=[f"energy = {_bowl(first)}"],
    )
    return True


def _example(own: Sequence[tree.Statement]) -> str:
    """A declaration over the first dimension of the file, if it has one."""
    dims = (item.name.text for s in own if isinstance(s, tree.Dim) for item in s.items)
    dim = next(dims, None)
    return f"visible x : real[{dim}]" if dim else "visible x : real"


def _bowl(symbol: Symbol) -> str:
    power = "" if symbol.domain.discrete else "^2"
    sign = "-" if symbol.domain.discrete else ""
    if symbol.domain.labels is not None:
        return f"-sum({symbol.name} == 0)" if symbol.dims else f"-({symbol.name} == 0)"
    return f"{sign}sum({symbol.name}{power})" if symbol.dims else f"{sign}{symbol.name}{power}"
