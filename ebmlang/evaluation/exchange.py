"""What replica exchange tells of itself: the ladder, how often neighbours swap, and round trips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_ACCEPTED = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Replica exchange after its warm-up, the hottest replica first.

    `betas` [chain, replica]: the ladder of each chain; its last is the beta asked for.
    `acceptance` [chain, pair]: the mean chance that two neighbours swap.
    `round_trips` [chain]: how often a state went from the hottest replica to the coldest and back.
    `sweeps`: how many sweeps these speak of.
    """

    betas: np.ndarray
    acceptance: np.ndarray
    round_trips: np.ndarray
    sweeps: int

    @property
    def barrier(self) -> np.ndarray:
        """The total communication barrier of each chain: the sum of the pairs' rejection rates.

        Source: Syed, Bouchard-Côté, Deligiannidis & Doucet (2022), section 4.2.
        """
        return np.sum(1.0 - self.acceptance, axis=1)

    @property
    def best_trips(self) -> np.ndarray:
        """Round trips of each chain if every sweep forgot its past; the Source above, section 3.5."""
        rejected = 1.0 - self.acceptance
        with np.errstate(divide="ignore"):
            odds = np.sum(rejected / self.acceptance, axis=1)
        return self.sweeps / (2.0 + 2.0 * odds)

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against the ladder, in words."""
        found = []
        chance = self.acceptance.mean(axis=0)
        worst = int(np.argmin(chance))
        if chance[worst] < LEAST_ACCEPTED:
            low, high = self.betas.mean(axis=0)[worst : worst + 2]
            found.append(
                f"the replicas at beta {low:.3g} and {high:.3g} hardly swap: {chance[worst]:.1%} of "
                f"the tries are accepted; take more replicas, about {self._replicas()}"
            )
        if not self.round_trips.sum():
            found.append(
                f"no state went from the hottest replica to the coldest and back in {self.sweeps} "
                "sweeps: draw longer, or take another ladder"
            )
        return tuple(found)

    def _replicas(self) -> int:
        """Twice the barrier is near the number that gives the most round trips for the work."""
        barrier = float(self.barrier.mean())
        return max(self.betas.shape[1] + 1, round(2 * barrier) + 1)

    def __str__(self) -> str:
        rungs = ", ".join(f"{b:.3g}" for b in self.betas.mean(axis=0))
        chances = ", ".join(f"{a:.2f}" for a in self.acceptance.mean(axis=0))
        return "\n".join(
            [
                f"{self.betas.shape[1]} replicas at beta {rungs}",
                f"neighbours swap with chance {chances}; barrier {self.barrier.mean():.2f}",
                f"{int(self.round_trips.sum())} round trips in {self.sweeps} sweeps of "
                f"{len(self.round_trips)} chains, at most about {self.best_trips.sum():.0f}",
            ]
        )
