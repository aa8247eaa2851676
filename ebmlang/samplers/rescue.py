"""A second run by replica exchange, where chains that follow slopes stayed apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..evaluation.diagnostics import split_rhat
from ..evaluation.draws import Draws
from ..evaluation.moments import Moments
from ..syntax.diagnostics import EbmError
from .block import Plan

# Chains of one well that are merely slow stay below; those of wells that none leaves are far above.
APART = 1.2
LEAST_DRAWS = 100  # of a chain: with fewer, R-hat is large for reasons of its own
SLOPED = {"nuts": "NUTS", "hmc": "HMC", "mala": "MALA"}

Drawn = Draws | Moments


def rescued(first: Drawn, plan: Plan, again: Callable[[], Drawn]) -> Drawn:
    """The first run, or one by replica exchange if chains stayed apart and that run is the better.

    What was done stands under `note` of the settings, in words.
    """
    followed = [SLOPED[b.method] for b in plan.blocks if b.method in SLOPED]
    worst = disagreement(first) if followed and _length(first) >= LEAST_DRAWS else 1.0
    if worst <= APART:
        return first
    apart = f"{followed[0]} chains stayed apart (R-hat {worst:.2f})"
    try:
        second = again()
    except EbmError as error:
        reason = error.diagnostics[0].says
        first.settings["note"] = f"{apart}, and replica exchange cannot take over: {reason}"
        return first
    found = disagreement(second)
    if found <= APART:
        second.settings["note"] = f"{apart}: replica exchange took over"
        return second
    still = f"{apart}, and so did those of replica exchange (R-hat {found:.2f})"
    kept = second if found < worst else first
    kept.settings["note"] = f"{still}; the better run is kept"
    return kept


def disagreement(drawn: Drawn) -> float:
    """The worst split R-hat of what moved and of the energy; 1 for a single draw."""
    held = drawn.settings["held"]
    match drawn:
        case Draws():
            values = {n: v for n, v in drawn.items() if n not in held} | {"energy": drawn.energy}
            found = {n: split_rhat(v) for n, v in values.items()}
        case Moments():
            found = {n: drawn.tally.rhat(n) for n in (*drawn.names, "energy") if n not in held}
    return max(float(np.nanmax(f, initial=1.0)) for f in found.values())


def _length(drawn: Drawn) -> int:
    """How many draws each chain has."""
    return drawn.draws if isinstance(drawn, Moments) else drawn.energy.shape[1]
