"""Exact conditionals from the energy: log-odds by one gradient, Gaussians by gradient and curvature.

For an energy of first degree in each site of a block whose sites do not interact,
log p(x_i = 1 | rest) - log p(x_i = 0 | rest) = -beta dE/dx_i, for all sites of the block at once
(Grathwohl et al. 2021, section 3). At second degree the gradient at the midpoint of the two
states is the exact difference.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..semantics.terms import Kind, Symbol
from ..semantics.walls import HEIGHT
from .energy import COMMON, State, Target
from .energy import in_float64 as in_float64

NO_BETA = 2.0**-60  # stands for a beta of 0 where there are walls


class Situation(NamedTuple):
    """What a conditional is given beside the configuration. `beta` scales every energy.

    `tables`: what blocks have worked out from parameters and given data alone, None if nothing is.
    """

    params: Any
    given: Any
    beta: Any
    tables: Any = None


def with_walls(target: Target, situation: Situation, nats: Any = None) -> Situation:
    """The situation with walls that cost so many nats at its beta, if the energy has any.

    If not said, far more than the numbers in the energies, in the parameters and in the given data.
    Walls hold at every temperature: a beta of 0 becomes one at which all else weighs nothing.
    """
    if not target.walled:
        return situation
    beta = jnp.where(
        situation.beta == 0, jnp.asarray(NO_BETA, situation.beta.dtype), situation.beta
    )
    if nats is None:
        scale = beta * _largest(situation.params) * _largest(situation.given)
        nats = target.wall * jnp.exp2(jnp.ceil(jnp.log2(jnp.maximum(scale / COMMON, 1.0))))
    height = jnp.asarray(nats, beta.dtype) / beta
    return situation._replace(beta=beta, given={**situation.given, HEIGHT: height})


def _largest(tree: Any) -> Any:
    """The largest absolute value among arrays, 1 at least."""
    found = [jnp.max(jnp.abs(x), initial=1) for x in map(jnp.asarray, jax.tree.leaves(tree))]
    return jnp.max(jnp.stack([jnp.ones(()), *(f.astype(jnp.result_type(float)) for f in found)]))


def constant_of(target: Target, situation: Situation) -> float:
    """What of the energy depends on no unknown, in nats: summed in float64."""
    return target.constant(situation.params, situation.given)


def slope(target: Target, name: str, situation: Situation, state: State) -> Any:
    """dE/dx of the extended energy for every site of one variable, in nats.

    Shapes: [dims], with the labels last for a category. A symmetric array counts both entries of
    a pair as the one unknown that they are.
    """
    energies = target.touching([name])
    opened = target.opened(state)

    def energy(value: Any) -> Any:
        return target.extended(situation.params, opened | {name: value}, situation.given, energies)

    return both(target.program.unknowns[name], jax.grad(energy)(opened[name]))


def both(symbol: Symbol, gradient: Any) -> Any:
    """The derivative by each unordered pair, at both of its entries."""
    if not symbol.symmetric:
        return gradient
    twice = gradient + jnp.swapaxes(gradient, 0, 1)
    once = jnp.eye(gradient.shape[0], dtype=bool).reshape(
        gradient.shape[:2] + (1,) * (gradient.ndim - 2)
    )
    return jnp.where(once, gradient, twice)


def middle(symbol: Symbol) -> float:
    """Half way between the two states of a binary or spin site."""
    return 0.5 if symbol.domain.kind is Kind.BINARY else 0.0


def logits(
    target: Target,
    name: str,
    situation: Situation,
    state: State,
    *,
    at_middle: Any = None,
) -> Any:
    """Log-odds of the upper state of each binary or spin site, or log weights of each label.

    `at_middle`: a mask of sites to put half way between their states first, for energies of
    second degree; allowed where they do not interact.
    """
    symbol = target.program.unknowns[name]
    if at_middle is not None:
        state = state | {name: jnp.where(at_middle, middle(symbol), state[name])}
    scale = 2.0 if symbol.domain.kind is Kind.SPIN else 1.0
    return -situation.beta * scale * slope(target, name, situation, state)


def gaussian(
    target: Target, name: str, situation: Situation, state: State, mask: Any
) -> tuple[Any, Any]:
    """Mean and precision of the sites in the mask, each given all others.

    For an energy quadratic in sites that do not interact: x - g / h and beta h, with the
    gradient g and the curvature h along the mask.
    """
    energies = target.touching([name])
    opened = target.opened(state)

    def gradient(value: Any) -> Any:
        def energy(inner: Any) -> Any:
            return target.extended(
                situation.params, opened | {name: inner}, situation.given, energies
            )

        return both(target.program.unknowns[name], jax.grad(energy)(value))

    value = opened[name]
    direction = jnp.asarray(mask, value.dtype)
    first, curved = jax.jvp(gradient, (value,), (direction,))
    curvature = jnp.where(mask, curved, 1.0)
    return value - first / curvature, situation.beta * curvature


def states_of(symbol: Symbol, target: Target) -> np.ndarray:
    """All values of one discrete site."""
    match symbol.domain.kind:
        case Kind.BINARY:
            return np.array([0.0, 1.0])
        case Kind.SPIN:
            return np.array([-1.0, 1.0])
        case Kind.CATEGORY if symbol.domain.labels is not None:
            return np.arange(target.world.sizes[symbol.domain.labels.name])
        case _:
            low, high = symbol.domain.lower, symbol.domain.upper
            assert low is not None
            assert high is not None
            return np.arange(int(target.world.value(low)), int(target.world.value(high)) + 1)


def by_trying(
    target: Target, name: str, situation: Situation, state: State, place: Any, mirror: Any
) -> Any:
    """-beta E for every value of one site: exact whatever the energy. Shapes: [value].

    `place` is the site's flat number, `mirror` that of its twin in a symmetric array.
    """
    symbol = target.program.unknowns[name]
    energies = {e.name for e in target.touching([name])}
    terms = [e for e in target.program.energies if e.name in energies]
    values = jnp.asarray(states_of(symbol, target), state[name].dtype)
    shape = state[name].shape

    def energy(value: Any) -> Any:
        flat = state[name].reshape(-1).at[place].set(value).at[mirror].set(value)
        lowering = target.lowering(
            situation.params, state | {name: flat.reshape(shape)}, situation.given
        )
        return sum(lowering.scalar(e.term) for e in terms)

    return -situation.beta * jax.vmap(energy)(values)
