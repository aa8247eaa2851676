"""W505: `log`, `sqrt` or `/` of what provably takes values for which it has none."""

from __future__ import annotations

from collections.abc import Iterator

from ..syntax.diagnostics import Findings
from ..syntax.source import Span
from .context import type_text
from .terms import Apply, Kind, Program, Read, Reduce, Role, Symbol, Term
from .traverse import children, symbols, unfold_all, walk
from .values import Reach, reach

TELLS = {
    "log": "`{}` can be 0 or less, and this takes its logarithm",
    "log1p": "`{}` can be -1 or less, and this takes the logarithm of 1 plus it",
    "sqrt": "`{}` can be below 0, and this takes its square root",
    "/": "`{}` can be 0, and this divides by it",
}


def out_of_reach(program: Program, findings: Findings) -> None:
    """Say it once for each argument; what stands under an `if` is guarded and left alone."""
    for energy in program.energies:
        said: set[object] = set()
        term = unfold_all(energy.term) if program.lets else energy.term
        for node in _unguarded(term):
            argument = node.arguments[-1]
            found = reach(argument)
            if found is None or not _hits(node.function, found):
                continue
            key = frozenset(symbols(argument)) if energy.density else argument.span.start
            if key not in said:
                said.add(key)
                _tell(node, argument, found, energy.span if energy.density else None, findings)


def _unguarded(term: Term) -> Iterator[Apply]:
    match term:
        case Apply(function="if"):
            return
        case Reduce(conditions=conditions) if any(symbols(c) for c in conditions):
            return
        case Apply(function=function) if function in TELLS:
            yield term
        case _:
            pass
    for child in children(term):
        yield from _unguarded(child)


def _hits(function: str, found: Reach) -> bool:
    match function:
        case "log":
            return found.low < 0 or (found.low == 0 and not found.low_open)
        case "log1p":
            return found.low < -1 or (found.low == -1 and not found.low_open)
        case "sqrt":
            return found.low < 0
        case _:
            return found.takes_zero


def _tell(
    node: Apply, argument: Term, found: Reach, density: Span | None, findings: Findings
) -> None:
    text = argument.span.text
    says = TELLS[node.function].format(text)
    if density is not None:
        name = density.text.partition("(")[0]
        says = f"`{text}` can be 0 or less, and `{name}` needs it positive"
    read = argument if isinstance(argument, Read) else None
    marks = [(s.span, f"declared as {_type(s)}") for s in sorted(symbols(argument), key=_place)]
    findings.warn(
        "W505",
        argument.span,
        says,
        mark=_takes(node.function, argument, found),
        marks=marks,
        helps=[_positive(read.symbol)] if read is not None else [],
    )


def _takes(function: str, argument: Term, found: Reach) -> str:
    """The interval in words; of a sum of few values only the end that matters is known."""
    summed = any(isinstance(n, Reduce) and n.reducer == "sum" for n in walk(argument))
    if function == "/" and not found.solid:
        return "0 is among its values"
    if summed and not found.solid:
        return f"takes {found.low:g}, and less where it sums over more"
    return f"takes {found}"


def _type(symbol: Symbol) -> str:
    return type_text(symbol).partition(" : ")[2]


def _place(symbol: Symbol) -> int:
    return symbol.span.start


def _positive(symbol: Symbol) -> str | None:
    """The declaration that leaves out 0 and all below it."""
    if symbol.domain.kind is not Kind.REAL or symbol.role is Role.LET:
        return None
    dims = f"[{', '.join(d.name for d in symbol.dims)}]" if symbol.dims else ""
    shapes = " symmetric" * symbol.symmetric
    return f"if it never is: {symbol.role} {symbol.name} : positive{dims}{shapes}"
