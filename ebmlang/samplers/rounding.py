"""Whether the differences of energies that a run went by were lost in rounding: seen where it went.

Energies of visited states are taken again in float64. What float32 made of them may be off by the
same for all; by how much it is off beyond that, acceptances are off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, in_float64, logits
from ..backend.energy import State, stored_type
from ..semantics.terms import Constant, Kind
from ..semantics.traverse import unfold_all, walk
from ..semantics.walls import HEIGHT
from .block import Block, Plan
from .gibbs import GradientGibbs, TryingGibbs
from .paired import PairedGibbs
from .tempering import untempered

if TYPE_CHECKING:
    from ..model import Model

MOST_STATES = 64
LOST = 0.1  # nats
SMALL = 1e4  # coefficients up to this, and energies of ten times as much, are not looked into
STEP = 0.1  # of a standard deviation between two neighbouring floats
WHOLE = ("hmc", "nuts", "mala", "informed")


def lost_to_rounding(
    model: Model, plan: Plan, situation: Situation, states: State, energy: np.ndarray
) -> tuple[str, ...]:
    """What rounding speaks against a run, in words. `states` [state, dims]; `energy`: any that it met."""
    if jnp.result_type(float) == jnp.float64 or not _large(model, situation, energy):
        return ()
    number = len(next(iter(states.values())))
    picks = np.linspace(0, number - 1, min(number, MOST_STATES)).astype(int)
    seen = {n: jnp.asarray(v)[picks] for n, v in states.items()}
    blocks = untempered(plan).blocks
    problems: list[str] = []
    if untempered(plan) is not plan or any(map(_by_energy, blocks)):
        lost = energy_lost(model, situation, seen)
        if lost > LOST:
            problems.append(_told(f"rounding moves energies by {lost:.2g} nats"))
    for block in blocks:
        if isinstance(block, GradientGibbs) and block.midpoint:
            continue
        if isinstance(block, GradientGibbs | PairedGibbs):
            lost = _odds_lost(model, block.name, situation, seen)
            if lost > LOST:
                problems.append(
                    _told(f"rounding moves the log-odds of `{block.name}` by {lost:.2g} nats")
                )
    return tuple(problems)


def energy_lost(model: Model, situation: Situation, states: State) -> float:
    """By how many nats rounding moves beta E of states [state, dims] against each other."""
    target = model.target.relative

    def energies(where: Situation, states: State) -> Any:
        def one(state: State) -> Any:
            return where.beta * target.energy(where.params, state, where.given)

        return jax.vmap(one)(states)

    return _apart(*_twice(model, "energies in both", energies, situation, states))


def resolved(values: Mapping[str, np.ndarray]) -> Iterator[str]:
    """What floats cannot tell apart among draws [chain, draw, dims] of real numbers, in words."""
    for name, drawn in values.items():
        array = np.asarray(drawn)
        if array.dtype != np.float32 or not array.size or not np.all(np.isfinite(array)):
            continue
        spread = array.std(axis=(0, 1), dtype=np.float64)
        gap = np.spacing(np.abs(array).max(axis=(0, 1)))
        if np.any((gap > STEP * spread) & (spread > 0)):
            worst = float(gap.flat[np.argmax(gap / np.where(spread > 0, spread, np.inf))])
            yield _told(f"float32 tells values of `{name}` apart by {worst:.2g} only")


def _told(what: str) -> str:
    return (
        f"{what}, which is more than its law allows: compute in 64 bits, by "
        'jax.config.update("jax_enable_x64", True), or take large values out of the energy'
    )


def _by_energy(block: Block) -> bool:
    return isinstance(block, TryingGibbs) or block.method in WHOLE


def _large(model: Model, situation: Situation, energy: np.ndarray) -> bool:
    """Whether a number is so large that rounding may matter: an energy, or one that makes it up."""
    finite = np.abs(energy[np.isfinite(energy)])
    if finite.size and float(jnp.max(situation.beta)) * finite.max() > 10 * SMALL:
        return True
    arrays = [
        *jax.tree.leaves(situation.params),
        *(v for n, v in situation.given.items() if n != HEIGHT),
    ]
    if any(x.size and float(jnp.max(jnp.abs(x))) > SMALL for x in map(jnp.asarray, arrays)):
        return True
    return model.made("large constants", lambda: _large_constants(model))


def _large_constants(model: Model) -> bool:
    terms = [unfold_all(e.term) for e in model.target.relative.program.energies]
    numbers = [n.value for t in terms for n in walk(t) if isinstance(n, Constant)]
    return any(SMALL < abs(n) < np.inf for n in numbers)


def _twice(
    model: Model, key: str, function: Any, situation: Situation, states: State
) -> tuple[np.ndarray, np.ndarray]:
    """What a function of states gives in float32 and in float64, of the same numbers."""
    program = model.program
    states = {n: v.astype(stored_type(program.unknowns[n])) for n, v in states.items()}
    situation = situation._replace(tables=None)
    compiled = model.made(key, lambda: jax.jit(function))
    narrow = np.asarray(compiled(situation, states), np.float64)
    with jax.enable_x64(True):
        wide = np.asarray(compiled(*in_float64((situation, states))), np.float64)
    return narrow, wide


def _apart(narrow: np.ndarray, wide: np.ndarray) -> float:
    """The largest error beyond what all have in common; of finite values."""
    fine = np.isfinite(narrow) & np.isfinite(wide)
    off = narrow[fine] - wide[fine]
    return float(np.abs(off - np.median(off)).max()) if off.size else 0.0


def _odds_lost(model: Model, name: str, situation: Situation, states: State) -> float:
    """The largest error of the log-odds of a site where they are not all but decided."""
    target = model.target.relative
    category = target.program.unknowns[name].domain.kind is Kind.CATEGORY

    def odds(where: Situation, states: State) -> Any:
        found = jax.vmap(lambda state: logits(target, name, where, state))(states)
        return found - jnp.max(found, axis=-1, keepdims=True) if category else found

    narrow, wide = _twice(model, f"odds of {name} in both", odds, situation, states)
    open_ = np.isfinite(wide) & (np.abs(wide) < 10)
    return float(np.abs(narrow - wide)[open_].max(initial=0.0))
