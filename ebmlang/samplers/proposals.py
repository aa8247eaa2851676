"""Proposals for discrete sites that weigh where to go by the estimated change of the energy.

With d[i, k] the estimate of -beta (E with site i in state k - E now), both weigh a change by
exp(d / 2): the square root of the ratio of probabilities, a locally balanced choice (Zanella 2020,
section 2). They are pure functions of estimates and distances, so that the probability of the way
back is had from those of the configuration reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from .block import Key
from .finite import Numbers, Table


class Proposal(Protocol):
    """How a configuration is proposed, and how probable each proposal was."""

    def draw(
        self, key: Key, differences: Table, distances: Table, now: Numbers, step: Any
    ) -> Numbers:
        """A configuration proposed from `now`."""
        ...

    def log_probability(
        self, differences: Table, distances: Table, now: Numbers, then: Numbers, step: Any
    ) -> Any:
        """Log of the probability that `then` is proposed from `now`; -inf where it never is."""
        ...


@dataclass(frozen=True, slots=True)
class OneSite:
    """Gibbs with gradients: one change of one site, drawn from softmax(d / 2) over all changes.

    A change takes a site to any other state, an integer to the next above or below.
    Source: Grathwohl et al. (2021), section 3 and algorithm 1.
    """

    def draw(
        self, key: Key, differences: Table, distances: Table, now: Numbers, step: Any
    ) -> Numbers:
        weights = _all_changes(differences, distances)
        flat = jnp.concatenate([w.reshape(-1) for w in weights.values()])
        pick = jax.random.categorical(key, flat)
        then, first = {}, 0
        for name, table in weights.items():
            states = table.shape[1]
            site, state = (pick - first) // states, (pick - first) % states
            here = jnp.arange(table.shape[0]) == site
            then[name] = jnp.where(here, state, now[name]).astype(now[name].dtype)
            first += table.size
        return then

    def log_probability(
        self, differences: Table, distances: Table, now: Numbers, then: Numbers, step: Any
    ) -> Any:
        weights = _all_changes(differences, distances)
        whole = jax.nn.logsumexp(jnp.concatenate([w.reshape(-1) for w in weights.values()]))
        moved = {n: then[n] != now[n] for n in weights}
        chosen = sum(jnp.sum(jnp.where(moved[n], _at(w, then[n]), 0.0)) for n, w in weights.items())
        number = sum(jnp.sum(m) for m in moved.values())
        return jnp.where(number == 1, chosen - whole, -jnp.inf)


@dataclass(frozen=True, slots=True)
class EverySite:
    """Discrete Langevin: every site at once, each from softmax(d / 2 - distance^2 / (2 alpha)).

    alpha is the step size. Source: Zhang, Liu & Liu (2022), section 4 and algorithm 1.
    """

    def draw(
        self, key: Key, differences: Table, distances: Table, now: Numbers, step: Any
    ) -> Numbers:
        keys = jax.random.split(key, len(differences))
        return {
            n: jax.random.categorical(k, _weights(differences[n], distances[n], step)).astype(
                now[n].dtype
            )
            for k, n in zip(keys, differences, strict=True)
        }

    def log_probability(
        self, differences: Table, distances: Table, now: Numbers, then: Numbers, step: Any
    ) -> Any:
        return sum(
            jnp.sum(_at(jax.nn.log_softmax(_weights(d, distances[n], step)), then[n]))
            for n, d in differences.items()
        )


def _all_changes(differences: Table, distances: Table) -> Table:
    """Log weights of the changes of one site to a state at distance 1."""
    return {n: jnp.where(distances[n] == 1, d / 2, -jnp.inf) for n, d in differences.items()}


def _weights(differences: Any, distances: Any, step: Any) -> Any:
    return differences / 2 - distances / (2 * step)


def _at(table: Any, numbers: Any) -> Any:
    """The entry of each site's own state. Shapes: [site]."""
    return jnp.take_along_axis(table, numbers[:, None], axis=1)[:, 0]


# Steps of a sweep go to the first of a kind, but one to each of the others at its end.
PROPOSALS: dict[str, tuple[Proposal, ...]] = {
    "both": (EverySite(), OneSite()),
    "langevin": (EverySite(),),
    "gwg": (OneSite(),),
}
