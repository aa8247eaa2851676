"""Models that have no log Z, where the text alone shows it: nothing confines a real variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..analysis.growth import compact
from ..syntax.diagnostics import Diagnostic, EbmError, Mark

if TYPE_CHECKING:
    from ..model import Model


def refuse_unconfined(model: Model, held: Mapping[str, Any]) -> None:
    """E709 if a free variable takes any value and stands in no energy, or an energy falls without limit.

    What is not seen here is seen in the weights of annealing: they do not settle.
    """
    for name, symbol in model.program.unknowns.items():
        if name in held or compact(symbol):
            continue
        if not model.structure.variables[name].energies:
            says = f"`{model.name}` has no log Z: `{name}` stands in no energy, and takes any value"
            helps = (f"give it a density, {name} : … ~ normal(0, 1), or a bowl in an energy",)
            raise EbmError(Diagnostic("E709", says, (Mark(symbol.span),), (), helps))
    for warning in model.warnings:
        marked = [name for name in model.program.unknowns if f"`{name}" in warning.says]
        if warning.code == "W504" and not any(name in held for name in marked):
            says = f"`{model.name}` has no log Z: {warning.says}"
            raise EbmError(Diagnostic("E709", says, warning.marks, warning.notes, warning.helps))
