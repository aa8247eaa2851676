"""Trust, but check: derived conditionals against differences of the energy, at random states."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.extension import one_hot_symbols
from ..backend.conditionals import Situation, by_trying, gaussian, logits
from ..backend.energy import State, Target
from ..semantics.terms import Kind
from ..syntax.diagnostics import InternalError
from .beginning import random_state
from .block import Block
from .gibbs import GaussianGibbs, GradientGibbs
from .plan import Plan

STATES, SITES, PAIRS = 3, 16, 32
TOLERANCE = 1e-6


def verify(target: Target, plan: Plan, situation: Situation, seed: int = 0) -> None:
    """Compare every Gibbs block's conditionals with brute force, in float64.

    Raises InternalError naming the variable if they differ, or if two sites of one colour
    interact: a silently wrong sampler is worse than none.
    """
    with jax.enable_x64(True):
        wide = jax.tree.map(_wide, situation)
        for k in range(STATES):
            key = jax.random.key(seed + k)
            state = random_state(target, key)
            if not np.isfinite(float(target.energy(wide.params, state, wide.given))):
                continue
            for block in plan.blocks:
                _verify_block(target, block, wide, state, np.random.default_rng(seed + k))


def _wide(value: Any) -> Any:
    array = jnp.asarray(value)
    return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _verify_block(
    target: Target, block: Block, situation: Situation, state: State, rng: np.random.Generator
) -> None:
    if isinstance(block, GradientGibbs):
        _verify_discrete(target, block, situation, state, rng)
    elif isinstance(block, GaussianGibbs):
        _verify_gaussian(target, block, situation, state, rng)


def _verify_discrete(
    target: Target, block: GradientGibbs, situation: Situation, state: State, rng: Any
) -> None:
    sites, name = block.sites, block.name
    picks = rng.choice(sites.number, min(SITES, sites.number), replace=False)
    derived = {}
    for colour in np.unique(block.colours.reshape(-1)[sites.free[picks]]):
        mask = block.colours == colour
        at = mask if block.midpoint else None
        derived[colour] = np.asarray(logits(target, name, situation, state, at_middle=at))
    for pick in picks:
        place = int(sites.free[pick])
        mirror = place if sites.mirror is None else int(sites.mirror[pick])
        tried = np.asarray(by_trying(target, name, situation, state, place, mirror))
        found = derived[block.colours.reshape(-1)[place]]
        if sites.symbol.domain.kind is Kind.CATEGORY:
            row = found.reshape(-1, found.shape[-1])[place]
            gap = np.max(np.abs((row - row[0]) - (tried - tried[0])))
        else:
            gap = abs(found.reshape(-1)[place] - (tried[1] - tried[0]))
        if not gap <= TOLERANCE * (1 + np.max(np.abs(tried))):
            raise InternalError(
                f"the conditional of `{name}` at site {place} differs from the difference of "
                f"energies by {gap:.3g} nats"
            )
    _verify_colours(target, block, situation, state, rng)


def _verify_colours(
    target: Target, block: GradientGibbs, situation: Situation, state: State, rng: Any
) -> None:
    """Moving one site must leave the conditional of another of its colour as it is."""
    free, name = block.sites.free, block.name
    flat = block.colours.reshape(-1)
    for _ in range(PAIRS // STATES):
        a = int(rng.choice(free))
        others = free[(flat[free] == flat[a]) & (free != a)]
        if not len(others):
            continue
        b = int(rng.choice(others))
        before = np.asarray(by_trying(target, name, situation, state, a, _twin(block, a)))
        moved = _moved(target, block, state, b)
        after = np.asarray(by_trying(target, name, situation, moved, a, _twin(block, a)))
        gap = np.max(np.abs((before - before[0]) - (after - after[0])))
        if not gap <= TOLERANCE * (1 + np.max(np.abs(before))):
            raise InternalError(
                f"sites {a} and {b} of `{name}` share a colour, and they interact by {gap:.3g} nats"
            )


def _twin(block: GradientGibbs, place: int) -> int:
    if block.sites.mirror is None:
        return place
    return int(block.sites.mirror[np.flatnonzero(block.sites.free == place)[0]])


def _moved(target: Target, block: GradientGibbs, state: State, place: int) -> State:
    value = state[block.name]
    flat = value.reshape(-1)
    match block.sites.symbol.domain.kind:
        case Kind.BINARY:
            new = 1 - flat[place]
        case Kind.SPIN:
            new = -flat[place]
        case _:
            hot = one_hot_symbols(target.program.unknowns)
            size = target.world.shape(hot[block.sites.symbol])[-1]
            new = (flat[place] + 1) % size
    moved = flat.at[place].set(new).at[_twin(block, place)].set(new)
    return state | {block.name: moved.reshape(value.shape)}


def _verify_gaussian(
    target: Target, block: GaussianGibbs, situation: Situation, state: State, rng: Any
) -> None:
    """For a quadratic, E(mean + d) - E(mean) = precision d^2 / 2 along each single site."""
    sites, name = block.sites, block.name
    for pick in rng.choice(sites.number, min(4, sites.number), replace=False):
        place = int(sites.free[pick])
        mirror = place if sites.mirror is None else int(sites.mirror[pick])
        mask = block.colours == block.colours.reshape(-1)[place]
        mean, precision = gaussian(target, name, situation, state, mask)
        centre, bend = np.asarray(mean).reshape(-1)[place], np.asarray(precision).reshape(-1)[place]

        def energy(shift: float, place=place, mirror=mirror, centre=centre) -> float:  # noqa: ANN001
            value = state[name]
            flat = value.reshape(-1).at[place].set(centre + shift).at[mirror].set(centre + shift)
            moved = state | {name: flat.reshape(value.shape)}
            total = target.energy(situation.params, moved, situation.given)
            return float(situation.beta * total)

        middle = energy(0.0)
        for shift in (-1.5, 0.7):
            gap = abs(energy(shift) - middle - 0.5 * bend * shift**2)
            if not gap <= TOLERANCE * (1 + abs(middle) + abs(bend)):
                raise InternalError(
                    f"the Gaussian conditional of `{name}` at site {place} is off by {gap:.3g} nats"
                )
