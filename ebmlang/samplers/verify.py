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
        states = jax.jit(jax.vmap(lambda key: random_state(target, key)))(
            jax.random.split(jax.random.key(seed), STATES)
        )
        energies = jax.jit(jax.vmap(lambda s: target.energy(wide.params, s, wide.given)))(states)
        fine = [k for k in range(STATES) if np.isfinite(energies[k])]
        for block in plan.blocks:
            if not isinstance(block, GradientGibbs | GaussianGibbs):
                continue
            probe = _Probe(target, block, wide)
            for k in fine:
                state = jax.tree.map(lambda x, k=k: x[k], states)
                rng = np.random.default_rng(seed + k)
                if isinstance(block, GradientGibbs):
                    _verify_discrete(probe, block, state, rng)
                else:
                    _verify_gaussian(probe, block, state, rng)


def _wide(value: Any) -> Any:
    array = jnp.asarray(value)
    return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


class _Probe:
    """The functions compared, compiled once for a block."""

    def __init__(
        self, target: Target, block: GradientGibbs | GaussianGibbs, situation: Situation
    ) -> None:
        name = block.name
        self.target = target
        self.odds = jax.jit(
            lambda state, mask: logits(
                target, name, situation, state,
                at_middle=mask if getattr(block, "midpoint", False) else None,
            )
        )  # fmt: skip
        self.tried = jax.jit(
            jax.vmap(
                lambda state, place, mirror: by_trying(
                    target, name, situation, state, place, mirror
                ),
                in_axes=(None, 0, 0),
            )
        )
        self.normal = jax.jit(lambda state, mask: gaussian(target, name, situation, state, mask))
        self.energy = jax.jit(
            lambda state: situation.beta * target.energy(situation.params, state, situation.given)
        )


def _verify_discrete(
    probe: _Probe, block: GradientGibbs, state: State, rng: np.random.Generator
) -> None:
    sites, name = block.sites, block.name
    picks = rng.choice(sites.number, min(SITES, sites.number), replace=False)
    places = sites.free[picks]
    mirrors = places if sites.mirror is None else sites.mirror[picks]
    tried = np.asarray(probe.tried(state, places, mirrors))
    flat = block.colours.reshape(-1)
    derived = {
        c: np.asarray(probe.odds(state, block.colours == c)) for c in np.unique(flat[places])
    }
    for place, weights in zip(places, tried, strict=True):
        found = derived[flat[place]]
        if sites.symbol.domain.kind is Kind.CATEGORY:
            row = found.reshape(-1, found.shape[-1])[place]
            gap = np.max(np.abs((row - row[0]) - (weights - weights[0])))
        else:
            gap = abs(found.reshape(-1)[place] - (weights[1] - weights[0]))
        if not gap <= TOLERANCE * (1 + np.max(np.abs(weights))):
            raise InternalError(
                f"the conditional of `{name}` at site {place} differs from the difference of "
                f"energies by {gap:.3g} nats"
            )
    _verify_colours(probe, block, state, rng)


def _verify_colours(
    probe: _Probe, block: GradientGibbs, state: State, rng: np.random.Generator
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
        place, mirror = np.array([a]), np.array([_twin(block, a)])
        before = np.asarray(probe.tried(state, place, mirror))[0]
        moved = _moved(probe.target, block, state, b)
        after = np.asarray(probe.tried(moved, place, mirror))[0]
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
    probe: _Probe, block: GaussianGibbs, state: State, rng: np.random.Generator
) -> None:
    """For a quadratic, E(mean + d) - E(mean) = precision d^2 / 2 along each single site."""
    sites, name = block.sites, block.name
    for pick in rng.choice(sites.number, min(4, sites.number), replace=False):
        place = int(sites.free[pick])
        mirror = place if sites.mirror is None else int(sites.mirror[pick])
        mask = block.colours == block.colours.reshape(-1)[place]
        mean, precision = probe.normal(state, mask)
        centre = float(np.asarray(mean).reshape(-1)[place])
        bend = float(np.asarray(precision).reshape(-1)[place])
        flat = np.asarray(state[name]).reshape(-1)
        energies = []
        for shift in (0.0, -1.5, 0.7):
            moved = flat.copy()
            moved[[place, mirror]] = centre + shift
            energies.append(float(probe.energy(state | {name: moved.reshape(sites.shape)})))
        for shift, energy in zip((-1.5, 0.7), energies[1:], strict=True):
            gap = abs(energy - energies[0] - 0.5 * bend * shift**2)
            if not gap <= TOLERANCE * (1 + abs(energies[0]) + abs(bend)):
                raise InternalError(
                    f"the Gaussian conditional of `{name}` at site {place} is off by {gap:.3g} nats"
                )
