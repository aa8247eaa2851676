"""A program in which some unknowns are known: the law of the others given them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .terms import Program, Read, Role, Symbol, Term
from .traverse import rebuild


def conditioned(program: Program, names: Collection[str]) -> Program:
    """The program with these unknowns as given data. A density of theirs stays as an energy."""
    known = {n: replace(program.unknowns[n], role=Role.GIVEN) for n in names}
    new: dict[Symbol, Symbol] = {program.unknowns[n]: symbol for n, symbol in known.items()}

    def meant(symbol: Symbol) -> Symbol:
        if symbol not in new:
            body = None if symbol.body is None else changed(symbol.body)
            new[symbol] = symbol if body is symbol.body else replace(symbol, body=body)
        return new[symbol]

    def changed(term: Term) -> Term:
        term = rebuild(term, changed)
        if not isinstance(term, Read) or meant(term.symbol) is term.symbol:
            return term
        return replace(term, symbol=meant(term.symbol))

    return replace(
        program,
        unknowns={n: s for n, s in program.unknowns.items() if n not in known},
        givens=program.givens | known,
        lets={n: meant(s) for n, s in program.lets.items()},
        energies=tuple(
            replace(
                e,
                term=changed(e.term),
                density=e.density and e.name.removesuffix(" ~") not in known,
            )
            for e in program.energies
        ),
        quantities=tuple(
            replace(q, value=replace(q.value, body=changed(q.value.body)))
            for q in program.quantities
        ),
    )
