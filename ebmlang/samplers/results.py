"""What a run gives back: draws or moments with their settings, refused where an energy is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.conditionals import Situation, constant_of
from ..backend.energy import stored_type
from ..evaluation.draws import Draws
from ..evaluation.moments import Moments
from ..evaluation.tally import Tally
from .beginning import not_finite
from .block import Plan
from .gaussian import complaint_of
from .reach import held_apart
from .rounding import lost_to_rounding, resolved
from .sweep import Chain, Report, free_changes
from .tempering import exchange_of, untempered

if TYPE_CHECKING:
    from ..model import Model

Arrays = dict[str, np.ndarray]
Kept = tuple[Arrays, Arrays, np.ndarray, Report, Arrays]


def result_of(
    model: Model,
    plan: Plan,
    situation: Situation,
    chain: Chain,
    kept: Kept | Tally,
    settings: Mapping[str, Any],
) -> Draws | Moments:
    """The draws that were kept, or the moments. Raises EbmError E703 for energies that are not finite."""
    exchange = exchange_of(plan, chain, settings["beta"])
    if isinstance(kept, Tally):
        kept.changed = free_changes(plan, model.world, kept.changed)
        reached = kept.total.mean["energy"] - constant_of(model.target, situation)
        found = lost_to_rounding(model, plan, situation, chain.state, reached)
        found += held_apart(plan, kept.changed, chain.state) if model.target.walled else ()
        settings = {**settings, "doubts": (*settings.get("doubts", ()), *found)}
        return Moments(model.program, model.world, kept, settings, exchange)
    _check_finite(model, plan, situation, chain, kept)
    state, named, energy, report, changes = kept
    changed = free_changes(plan, model.world, changes)
    seen = {n: v.reshape(-1, *v.shape[2:]) for n, v in state.items()}
    seen = seen if len(seen) == len(chain.state) else chain.state
    found = lost_to_rounding(model, plan, situation, seen, np.asarray(energy))
    found = (*found, *resolved(state))
    found += held_apart(plan, changed, chain.state) if model.target.walled else ()
    settings = {**settings, "doubts": (*settings.get("doubts", ()), *found)}
    if constant := constant_of(model.target, situation):
        energy = np.asarray(energy, np.float64) + constant
    values = {**state, **named}
    return Draws(model.program, model.world, values, energy, report, settings, exchange, changed)


def _check_finite(model: Model, plan: Plan, situation: Situation, chain: Chain, kept: Kept) -> None:
    """Refuse draws whose energy is not finite, with the energy and the variables to look at."""
    state, _, energy, _, _ = kept
    if np.all(np.isfinite(energy)):
        return
    which, when = np.argwhere(~np.isfinite(energy))[0]
    # Where not every variable was kept, the state in which the chain ended stands for the draw.
    ended = {n: np.asarray(v)[which] for n, v in chain.state.items()}
    last, before = (
        ended
        | {n: v[which, k].astype(stored_type(model.program.unknowns[n])) for n, v in state.items()}
        for k in (when, max(when - 1, 0))
    )
    raise complaint_of(untempered(plan).blocks, situation, (last, before)) or not_finite(
        model.target, situation, last, f"chain {which} left the finite energies at draw {when}"
    )
