"""Pseudo-likelihood and ratio matching: each visible site scored given all others, with no log Z."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from ..arguments import check_counts
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..partition.examples import Examples
from ..semantics.terms import Kind
from .conditioned import conditionals_of, obstacle_to_conditionals
from .objective import Key, Loss
from .visible import Visible, typed


@dataclass(frozen=True, slots=True)
class PseudoLikelihood:
    """-sum over visible sites of log p(site | all others), in nats (Besag 1975).

    Exact conditionals, as Gibbs draws from them. `sites`: in a model with latents, the number of
    random sites of each variable scored for an example in a step, scaled up; all if not said. A
    model without latents gives all at once.

    Source: Besag (1975), "Statistical analysis of non-lattice data"; for Potts models Ekeberg et
    al. (2013), "Improved contact prediction in proteins: using pseudolikelihoods to infer Potts
    models".
    """

    sites: int | None = None
    name = "pseudo"
    needs = "discrete, or real and quadratic, visible variables; latents that sum in closed form"

    def __post_init__(self) -> None:
        if self.sites is not None:
            check_counts(sites=self.sites)

    def obstacle(self, visible: Visible) -> str | None:
        return obstacle_to_conditionals(visible)

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        found = conditionals_of(visible, self.sites)

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            parts = found(situation, state, key)
            return -sum((s * jnp.sum(log_p) for log_p, s in parts), jnp.zeros(()))

        return Loss(each)


@dataclass(frozen=True, slots=True)
class RatioMatching:
    """The sum over visible binary or spin sites of (1 - p(site | all others))^2, a pure number.

    `sites` as in pseudo-likelihood: random ones make it stochastic ratio matching.

    Source: Hyvärinen (2007), "Some extensions of score matching", section 4; Dauphin & Bengio
    (2013), "Stochastic ratio matching of RBMs for sparse high-dimensional inputs".
    """

    sites: int | None = None
    name = "ratio"
    needs = "binary or spin visible variables; latents that sum in closed form"

    def __post_init__(self) -> None:
        if self.sites is not None:
            check_counts(sites=self.sites)

    def obstacle(self, visible: Visible) -> str | None:
        for name, symbol in visible.symbols.items():
            if symbol.domain.kind not in (Kind.BINARY, Kind.SPIN):
                return f"`{name}` is {typed(symbol)}, and ratio matching compares two states"
        return visible.unsummed

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        found = conditionals_of(visible, self.sites)

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            parts = found(situation, state, key)
            return sum((s * jnp.sum(jnp.expm1(log_p) ** 2) for log_p, s in parts), jnp.zeros(()))

        return Loss(each)
