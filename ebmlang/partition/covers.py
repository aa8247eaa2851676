"""Unknowns that can be averaged out of a draw, given the rest of it: E[dE/dtheta | rest].

Sites that do not interact given the rest have a free energy F(theta, rest), minus log of the sum of
exp(-beta E) over them, by beta. Its slope dF/dtheta is E[dE/dtheta | rest]: of the same mean as
dE/dtheta of a draw, and never of a larger variance (Rao 1945, Blackwell 1947).

Source: Gelfand & Smith (1990), "Sampling-based approaches to calculating marginal densities",
section 2.6, for the use of it with Gibbs draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from ..analysis.choice import MOST_TRIES, Choice
from ..analysis.colouring import number_of
from ..backend.conditionals import Situation
from ..backend.energy import Target
from ..backend.sites import Sites, sites_of
from ..samplers.closed import Closed, Summable, closed_over
from ..samplers.gibbs import TryingGibbs
from ..samplers.plan import colours_of, exact_of, free_variables, tries_of
from ..samplers.settings import Gibbs
from .summation import candidates_of

if TYPE_CHECKING:
    from ..model import Model

Held = Mapping[str, np.ndarray]
Slope = Callable[[Situation, Any], Any]

MOST_COLOURS = 4
MOST_COVERS = 4
MOST_OPERATIONS = 1e5  # of a factor that is made anew, and differentiated, for every draw


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Sites that are averaged out together, given all others. `whole`: no other site is free."""

    closed: Closed
    whole: bool

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that have sites in it."""
        return self.closed.variables

    def slope(self, model: Model) -> Slope:
        """E[dE/dtheta | rest] as a flat vector over the free numbers."""
        space = model.parameter_space

        def slope(situation: Situation, state: Any) -> Any:
            def free(values: Any) -> Any:
                there = situation._replace(params=space.arrays(values), tables=None)
                return -self.closed.log_sum(there, state)

            found = jax.grad(free)(space.values(situation.params))
            return ravel_pytree(found)[0] / situation.beta

        return slope


def covers_of(target: Target, held: Held) -> tuple[Cover, ...]:
    """The covers of a model with some entries held, the largest first; none where none is cheap.

    Variables that stand alone given the rest, joint Gaussian groups, and the colours of discrete
    variables that have few; those that do not meet are averaged out together.
    """
    facts = target.structure.variables
    free = free_variables(target, held)
    groups: list[list[Summable]] = []
    for block in _blocks(target, free, held):
        meets = {m for n in block.variables for m in facts[n].meets} | {*block.variables}
        for group in groups:
            if not meets & {n for other in group for n in other.variables}:
                group.append(block)
                break
        else:
            groups.append([block])
    every = sum(
        sites_of(target.program.unknowns[n], target.world, held.get(n)).number for n in free
    )
    numbers = [sum(map(_number, group)) for group in groups]
    order = sorted(range(len(groups)), key=lambda k: -numbers[k])[:MOST_COVERS]
    return tuple(Cover(closed_over(target, groups[k]), numbers[k] == every) for k in order)


def described(covers: tuple[Cover, ...]) -> str:
    """`v and h`, or `2 colours of s`."""
    sets = [cover.variables for cover in covers]
    names = dict.fromkeys(n for s in sets for n in s)
    counts = {n: sum(n in s for s in sets) for n in names}
    told = [n if counts[n] == 1 else f"{counts[n]} colours of {n}" for n in names]
    return " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)


def _blocks(target: Target, free: list[str], held: Held) -> list[Summable]:
    choices = candidates_of(target, free, held)
    dear = [n for c in choices if _dear(c) for n in c.variables]
    choices += [c for n in dear for c in candidates_of(target, [n], held)]
    found = [b for c in choices if (b := _block(target, c, held))]
    done = {n for block in found for n in block.variables}
    for name in free:
        if name not in done and target.program.unknowns[name].domain.discrete:
            found += _coloured(target, name, held)
    return found


def _coloured(target: Target, name: str, held: Held) -> list[Summable]:
    """A discrete variable colour by colour, the others held; nothing if it has too many."""
    facts = target.structure.variables[name]
    if facts.complete or facts.edges is None:
        return []
    colours = colours_of(facts, sites_of(facts.symbol, target.world, held.get(name)))
    if number_of(colours) > MOST_COLOURS:
        return []
    found = []
    for colour in range(number_of(colours)):
        others = {**held, name: colours != colour}
        found += [_block(target, c, others) for c in candidates_of(target, [name], others)]
    return [block for block in found if block is not None]


def _dear(choice: Choice) -> bool:
    """Whether a joint Gaussian takes too much to factor."""
    if choice.way != "joint":
        return False
    assert choice.joint is not None
    assert choice.joint.offers is not None
    costs = [c.each(False) for c in choice.joint.offers.costs if c.way != "coloured"]
    return min(costs) > MOST_OPERATIONS


def _block(target: Target, choice: Choice, held: Held) -> Summable | None:
    """The block of a choice, or None where its sum costs too much for every draw."""
    if _dear(choice):
        return None
    unknowns = target.program.unknowns
    sites = {n: sites_of(unknowns[n], target.world, held.get(n)) for n in choice.variables}
    block = exact_of(choice, target, Gibbs(), sites)
    dear = isinstance(block, TryingGibbs) and tries_of(target, held)[block.name] > MOST_TRIES
    return block if isinstance(block, Summable) and not dear else None


def _number(block: Summable) -> int:
    sites: Sites | Mapping[str, Sites] = block.sites
    return sites.number if isinstance(sites, Sites) else sum(s.number for s in sites.values())
