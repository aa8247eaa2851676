"""Trust, but check, for Gibbs from tables: its log-odds against the whole energy at every value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..syntax.diagnostics import InternalError
from .clusters import ClusterBlock
from .local import LocalGibbs
from .paired import PairedGibbs

SITES = 16
TOLERANCE = 1e-6


class OddsProbe:
    """The log-odds of a block, from tables as in a sweep, compiled once."""

    def __init__(self, block: PairedGibbs | LocalGibbs | ClusterBlock) -> None:
        self.block = block
        self.odds = jax.jit(
            lambda where, state: block.odds(where._replace(tables=block.tables(where)), state)
        )

    def check(
        self,
        tried: Callable[..., Any],
        where: Situation,
        state: State,
        rng: np.random.Generator,
    ) -> None:
        """Compare some sites. `tried` gives -beta E [place, value]. Raises InternalError."""
        sites, name = self.block.sites, self.block.name
        picks = rng.choice(sites.number, min(SITES, sites.number), replace=False)
        places = sites.free[picks]
        mirrors = places if sites.mirror is None else sites.mirror[picks]
        weights = np.asarray(tried(where, state, places, mirrors))
        found = np.asarray(self.odds(where, state))[picks]
        if found.ndim == 1:
            found = np.stack([0 * found, found], axis=-1)
        gaps = np.abs((found - found[:, :1]) - (weights - weights[:, :1])).max(axis=1)
        far = ~(gaps <= TOLERANCE * (1 + np.abs(weights).max(axis=1)))
        # A site whose energies are not finite has nothing to compare with.
        if np.any(far & np.isfinite(weights).all(axis=1)):
            worst = int(np.argmax(np.where(np.isfinite(gaps), gaps, np.inf) * far))
            raise InternalError(
                f"the conditional of `{name}` at site {places[worst]} differs from the difference "
                f"of energies by {gaps[worst]:.3g} nats"
            )
