"""Signs that a fit goes wrong: energies that part, gradients that explode, chains that stand still.

Every rule compares with the fit's own history, so that none needs a scale of energies to be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluation.diagnostics import split_rhat
from .standing import Row

GROWING = 3  # epochs in a row
ALLOWED = {"gap": 10.0, "gradient_norm": 100.0}  # times the largest value before
LEAST = {"gap": 10.0, "gradient_norm": 1.0}  # no alarm below: nats, and slopes of them
STILL_EPOCHS = 2
STILL_MOVES = 200  # chances to move in an epoch, below which standing still tells nothing
WINDOW = 20  # epochs over which R-hat is taken
WORDS = {"gap": "the energies of data and samples part", "gradient_norm": "the gradient explodes"}


@dataclass(frozen=True, slots=True)
class Sign:
    """What was seen. `grave`: the fit cannot go on from here as it is."""

    says: str
    note: str
    grave: bool


def exploding(history: Sequence[Row]) -> list[Sign]:
    """Gap or gradient, growing for epochs in a row to many times whatever it was before."""
    found = []
    if len(history) < 2 * GROWING:
        return []
    for name in [n for n in ALLOWED if n in history[-1]]:
        allowed = ALLOWED[name]
        values = np.abs([row[name] for row in history])
        last, most = values[-GROWING - 1 :], values[:-GROWING].max()
        if np.all(np.diff(last) > 0) and last[-1] > max(allowed * most, LEAST[name]):
            says = f"{WORDS[name]}, since epoch {int(history[-GROWING]['epoch'])}"
            note = f"{name.replace('_', ' ')}: {last[-1]:.3g}, at most {most:.3g} before"
            found.append(Sign(says, note, True))
    return found


def steady(history: Sequence[Row]) -> bool:
    """Whether the last epoch is like those before it, so that a fit may go back to it."""
    if len(history) < GROWING:
        return True
    for name in ALLOWED.keys() & history[-1].keys():
        values = np.abs([row[name] for row in history])
        if values[-1] > ALLOWED["gap"] * max(float(np.median(values)), LEAST[name]):
            return False
    return True


def standing_still(
    before: Mapping[str, Any], after: Mapping[str, Any], moves: int, still: Mapping[str, int]
) -> dict[str, int]:
    """For how many epochs each variable has had its values in all chains. Shapes: [chain, dims]."""
    counted = {}
    for name, value in after.items():
        old, new = np.asarray(before[name]), np.asarray(value)
        if moves * new.size >= STILL_MOVES and np.array_equal(old, new):
            counted[name] = still.get(name, 0) + 1
    return counted


def frozen(still: Mapping[str, int]) -> list[Sign]:
    """Variables that no chain has moved for epochs."""
    return [
        Sign(
            f"the chains are frozen: `{name}` moved in none of them",
            f"in {count} epochs no move of `{name}` changed it in any chain",
            False,
        )
        for name, count in still.items()
        if count >= STILL_EPOCHS
    ]


def chains_rhat(energies: np.ndarray) -> float:
    """Split R-hat of the chains' energies [epoch, chain], with what all share taken out.

    Parameters change from epoch to epoch and move all energies together; chains that live apart
    differ from each other throughout. NaN before there are four epochs.
    """
    if energies.ndim != 2 or energies.shape[0] < 4 or energies.shape[1] < 2:
        return float("nan")
    centred = energies - energies.mean(axis=1, keepdims=True)
    return float(split_rhat(centred.T))
