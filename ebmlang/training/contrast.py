"""Noise contrast: tell the data from noise of a known law, with log Z as one more parameter."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import check_counts
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..partition.examples import Examples
from .noise import NoiseLaw, noise_of
from .objective import Facts, Key, Loss
from .visible import Visible

LOG_Z = " log Z"  # a name that no parameter can have
STARTS = 4096  # noise samples from which log Z is first estimated


@dataclass(frozen=True, slots=True)
class NoiseContrast:
    """-log of the chance to tell an example from `samples` of noise, in nats; log Z is learnt beside.

    The noise is fitted to the data: discrete sites by their frequencies, angles uniform, all other
    continuous numbers one Gaussian (of their logarithm or logit where bounded). Good where noise and
    data overlap. The fit tells its log Z as `log_z_estimate`.

    Source: Gutmann & Hyvärinen (2012), "Noise-contrastive estimation of unnormalized statistical
    models", equation 8.
    """

    samples: int = 10
    name = "nce"
    needs = (
        "any visible variables, with the same given data for all; latents that sum in closed form"
    )

    def __post_init__(self) -> None:
        check_counts(samples=self.samples)

    def obstacle(self, visible: Visible) -> str | None:
        if visible.own:
            return f"every example has its own `{visible.own[0]}`, and so a log Z of its own"
        return visible.unsummed

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        known = noise_of(visible, examples)
        share = float(np.log(self.samples))

        def rise(noise: NoiseLaw, situation: Situation, state: State) -> Any:
            return -visible.energy(situation, state) - noise.log_density(state)

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            noise = known.with_numbers(more)

            def one(own: Key) -> Any:
                return rise(noise, situation, noise.draw(own))

            level = more[LOG_Z] + share
            drawn = jax.vmap(one)(jax.random.split(key, self.samples))
            here = rise(noise, situation, state)
            return jax.nn.softplus(level - here) + jnp.sum(jax.nn.softplus(drawn - level))

        def start(situation: Situation, facts: Facts) -> Mapping[str, Any]:
            noise = known.with_numbers(facts)
            keys = jax.random.split(jax.random.key(0), STARTS)
            rises = jax.vmap(lambda key: rise(noise, situation, noise.draw(key)))(keys)
            return {LOG_Z: jax.nn.logsumexp(rises) - jnp.log(STARTS)}

        return Loss(each, start, known.numbers)
