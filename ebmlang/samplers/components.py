"""Connected components of graphs whose edges come and go: one graph a chain, static shapes.

Every site bears the least number that it knows of in its component. A round takes the least of the
neighbours', hands it to the site that one's own number names, and follows numbers twice: about
log(sites) rounds, as in Shiloach & Vishkin (1982), "An O(log n) parallel connectivity algorithm".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .neighbours import MOST_WRITTEN_OUT, Segment, neighbours_of


@dataclass(frozen=True, eq=False)
class Network:
    """Sites and all edges [edge, 2] that there may be."""

    sites: int
    edges: np.ndarray

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, tuple[Segment, ...]]:
        found = neighbours_of(self.edges, np.zeros(self.sites, np.int64))
        return found.order, found.segments

    def roots(self, present: Any) -> Any:
        """A site of its component for every site, the same for all of one component.

        Shapes: present [edge, chain], bool -> [site, chain], int.
        """
        order, segments = self._sorted
        chains = present.shape[1]
        columns = jnp.arange(chains)
        never = jnp.zeros((1, chains), bool)
        here = jnp.concatenate([present, never])
        tables = [(s, here[s.edges]) for s in segments]

        def one(carry: tuple[Any, Any]) -> tuple[Any, Any]:
            number, _ = carry
            least = jnp.concatenate([_least(number, *table) for table in tables])
            handed = number.at[number, columns].min(least, mode="promise_in_bounds")
            new = jnp.minimum(least, handed)
            for _ in range(2):
                new = new.at[new, columns].get(mode="promise_in_bounds")
            return new, jnp.any(new != number)

        first = jnp.arange(self.sites, dtype=jnp.int32)[:, None]
        begun = (jnp.broadcast_to(first, (self.sites, chains)), jnp.ones((), bool))
        found, _ = jax.lax.while_loop(lambda carry: carry[1], one, begun)
        return jnp.asarray(order, jnp.int32)[found[np.argsort(order)]]


def _least(number: Any, segment: Segment, present: Any) -> Any:
    """The least number among a site's own and those of the neighbours it has now, [site, chain]."""
    least = number[segment.first : segment.last]
    width = segment.neighbours.shape[1]
    if width > MOST_WRITTEN_OUT:
        theirs = jnp.where(present, number[segment.neighbours], least[:, None])
        return jnp.minimum(least, jnp.min(theirs, axis=1))
    for slot in range(width):
        theirs = number[segment.neighbours[:, slot]]
        least = jnp.minimum(least, jnp.where(present[:, slot], theirs, least))
    return least
