"""A fit that cannot go on: what went wrong, where, and the last good state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..syntax.diagnostics import Diagnostic, EbmError
from .stored import Fit
from .watch import Sign

if TYPE_CHECKING:
    from ..model import Model

HELPS = (
    "a smaller learning rate: optimizer=optax.adam(1e-4)",
    'on_divergence="lower" goes back to the last good state and makes steps a tenth as long',
    "the last good state is in the exception's `fit`",
)


class Diverged(EbmError):
    """A fit that left the finite numbers, or was about to; `fit` holds the last good state."""

    def __init__(self, diagnostic: Diagnostic, fit: Fit) -> None:
        super().__init__(diagnostic)
        self.fit = fit


def not_finite(step: int, notes: Sequence[str]) -> Diagnostic:
    """E710: a step whose energy or gradient is not finite."""
    says = f"the fit left the finite numbers at step {step}"
    return Diagnostic("E710", says, (), tuple(notes), HELPS)


def parted(signs: Sequence[Sign]) -> Diagnostic:
    """E712: a fit whose energies part or whose gradient explodes."""
    return Diagnostic("E712", signs[0].says, (), tuple(s.note for s in signs), HELPS)


def unwell(
    model: Model, params: Any, states: Mapping[str, Any], shared: Mapping[str, Any] | None,
    what: str,
) -> list[str]:  # fmt: skip
    """Which values and energies are not finite on these states; `shared` None where each has its own."""
    notes = [f"`{n}` of the {what} is not finite" for n, v in states.items()
             if not np.all(np.isfinite(v))]  # fmt: skip
    if set(states) != set(model.program.unknowns) or shared is None:
        return notes
    for name, values in model.energies(params, states, shared).items():
        wrong = int(np.sum(~np.isfinite(np.asarray(values))))
        if wrong:
            notes.append(f"energy `{name}` is not finite on {wrong} of the {what}")
    return notes
