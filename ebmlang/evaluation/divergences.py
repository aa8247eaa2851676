"""Where transitions diverged: for which numbers the states there differ from all others, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# Of a state where a transition diverged and one where none did, the first has the smaller value
# (say) with this probability at least, where 1/2 is no difference.
APART = 0.7
LEAST = 4  # divergences from which a place is told: fewer may be anywhere by chance
TOLD = 3
MOST_RANKED = 2_000_000  # numbers of one name: sorting more would be waited for


@dataclass(frozen=True, slots=True)
class Place:
    """A number that divergent transitions have in common: small or large, or far from its middle or near.

    `there` and `elsewhere` are medians of the number, or of its distance from its median. `odds`: the
    probability that a divergent state lies on that side of another one.
    """

    name: str
    side: str
    there: float
    elsewhere: float
    odds: float

    def __str__(self) -> str:
        what = "median" if self.side in ("small", "large") else "median distance from its middle"
        side = self.side if what == "median" else f"{self.side} its middle"
        return f"`{self.name}` is {side}: {what} {self.there:.3g} there, {self.elsewhere:.3g} elsewhere"


@dataclass(frozen=True, slots=True)
class Divergences:
    """How many transitions diverged, before how many of the draws, and where, the clearest first.

    `draws` is 0 where no draw was kept.
    """

    number: int
    flagged: int = 0
    draws: int = 0
    places: tuple[Place, ...] = ()
    spreads: tuple[str, ...] = ()

    def __str__(self) -> str:
        counted = f"{self.number} of {self.draws} transitions diverged"
        if not self.draws:
            counted = f"{self.number} transitions diverged"
        elif self.number != self.flagged:
            counted = (
                f"{self.number} transitions diverged, before {self.flagged} of {self.draws} draws"
            )
        where = f", where {'; '.join(map(str, self.places))}" if self.places else ""
        return f"{counted}{where}; {self.remedy}"

    @property
    def remedy(self) -> str:
        """What to do about them."""
        steps = "smaller steps may help: ebm.NUTS(target_accept_prob=0.95)"
        if not self.spreads:
            return steps
        spread = self.spreads[0]
        return (
            f"{steps}, and so may variables in units of `{spread}`, "
            f"not centred: `x` written as `mu + {spread} * z`, where `z ~ normal(0, 1)`"
        )


def divergences_of(values: Mapping[str, np.ndarray], diverged: Any) -> Divergences:
    """What divergences [chain, draw] have in common, by the values [chain, draw, …] of each name.

    Every number is compared by ranks (Mann & Whitney 1947), its value and its distance from its
    median; of each name the clearest number counts.
    """
    counts = np.asarray(diverged)
    flags = counts.reshape(-1) > 0
    found = Divergences(int(counts.sum()), int(flags.sum()), flags.size)
    if not LEAST <= found.flagged <= flags.size - LEAST:
        return found
    places = []
    for name, value in values.items():
        value = np.asarray(value)
        if value.dtype.kind == "f" and 0 < value.size <= MOST_RANKED:
            places += _places(name, value.reshape(flags.size, -1), value.shape[2:], flags)
    places.sort(key=lambda place: -place.odds)
    spreads = [p.name for p in places if p.side == "small" and np.min(values[_stem(p.name)]) > 0]
    return replace(found, places=tuple(places[:TOLD]), spreads=tuple(spreads))


def _stem(name: str) -> str:
    return name.partition("[")[0]


def _places(name: str, flat: np.ndarray, shape: tuple[int, ...], flags: np.ndarray) -> list[Place]:
    """The clearest of the numbers [draw, number] of a name, if it is clear enough."""
    best: list[Place] = []
    distance = np.abs(flat - np.median(flat, axis=0))
    for numbers, below, above in ((flat, "small", "large"), (distance, "near", "far from")):
        odds = _odds(numbers, flags)
        k = int(np.argmax(np.abs(odds - 0.5)))
        likely = max(odds[k], 1 - odds[k])
        if likely < APART or (best and likely <= best[0].odds):
            continue
        index = [str(int(i)) for i in np.unravel_index(k, shape)] if shape else []
        label = f"{name}[{', '.join(index)}]" if index else name
        there, elsewhere = (float(np.median(numbers[f, k])) for f in (flags, ~flags))
        best = [Place(label, below if odds[k] > 0.5 else above, there, elsewhere, float(likely))]
    return best


def _odds(numbers: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """The probability that a flagged draw has the smaller number than another; ties count half."""
    from scipy.stats import rankdata

    marked, others = int(flags.sum()), int((~flags).sum())
    ranks = rankdata(numbers, axis=0)[flags].sum(axis=0)
    return 1 - (ranks - marked * (marked + 1) / 2) / (marked * others)
