"""What is said of Z before anything is worked out: whether it exists, how it is had, what sums out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ..analysis.choice import summable
from ..analysis.normaliser import normaliser
from ..samplers.run import clamped
from ..syntax.diagnostics import EbmError
from .choosing import AUTO_SECONDS, ways_of
from .duration import duration

if TYPE_CHECKING:
    from ..model import Model


def told(model: Model, free: Sequence[str], closed: Collection[str]) -> list[str]:
    """Sentences on Z of a model whose unknowns `free` are not held. `closed` are summed beside a sampler."""
    variables = model.structure.variables
    names = [n for n in free if summable(variables[n])]
    lines = [_normalisable(model), *_partition(model)]
    if names:
        lines.append(f"can be summed out exactly, each given all else: {', '.join(names)}")
        if any(variables[n].symbol.domain.discrete for n in names) and not closed:
            lines.append("  not needed to sample: no slope to follow, and exact draws cost less")
    return lines


def _normalisable(model: Model) -> str:
    """Whether Z exists: proven, or not proven, why, and at which line."""
    found = normaliser(model.walled)
    if found.place is None:
        return found.says
    line, _ = found.place.source.position(found.place.start)
    return f"{found.says} (line {line})"


def _partition(model: Model) -> list[str]:
    """The exact way that `auto` takes, or that log Z is annealed; nothing while sizes are missing."""
    try:
        found = ways_of(model, clamped(model, None)).cheapest(gradient=False)
    except EbmError:
        return []
    if not found:
        return ["log Z: by annealed importance sampling; no exact way fits"]
    seconds, says = found[0].seconds(False), found[0].says
    if seconds <= AUTO_SECONDS:
        return [f"log Z: exact, {says}"]
    return [
        f"log Z: by annealed importance sampling; exact ({says}) would take {duration(seconds)}"
    ]
