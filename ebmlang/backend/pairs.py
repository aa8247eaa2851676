"""Gathers over pairs that a condition picks: `sum(i < j) J[i, j, x[i], x[j]]` reads each pair once.

A contraction of arrays over (i, j) is best done whole, the condition a mask. Where each pair must be
looked up by itself, listing the pairs that hold does half the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..semantics.sizes import Size
from ..semantics.terms import Between, Index, Listed, Position, Read, Term
from ..semantics.traverse import free_indices, is_free_of_unknowns, substitute
from .conditions import static_condition
from .labelled import spread

if TYPE_CHECKING:
    from .lower import Lowering

MOST_PAIRS = 1_000_000

Listing = tuple[list[Term], list[Term], list[Index]]


def listed(
    factors: list[Term], conditions: list[Term], axes: list[Index], lowering: Lowering
) -> Listing | None:
    """Factors, conditions and axes with a pair of indices run through a list, where that pays."""
    for condition in conditions:
        pair = [index for index in free_indices(condition) if index in axes]
        plain = static_condition(condition) and len(free_indices(condition)) == len(pair) == 2
        if plain and any(_looks_up(factor, pair) for factor in factors):
            return _list(condition, pair, factors, conditions, axes, lowering)
    return None


def _looks_up(factor: Term, pair: list[Index]) -> bool:
    """Whether a read picks elements by values of unknowns at both indices."""
    if not isinstance(factor, Read) or not set(pair) <= free_indices(factor):
        return False
    moving = [s for s in factor.subscripts if not is_free_of_unknowns(s)]
    return len(moving) > 1


def _list(
    condition: Term,
    pair: list[Index],
    factors: list[Term],
    conditions: list[Term],
    axes: list[Index],
    lowering: Lowering,
) -> Listing | None:
    held = spread(lowering.term(condition), pair) != 0
    rows = np.argwhere(np.broadcast_to(held, [lowering.world.length(index) for index in pair]))
    if not 0 < len(rows) <= MOST_PAIRS:
        return None
    row = Index("pair", condition.span, Between(Size.number(0), Size.number(len(rows))))
    put: dict[Index, Term] = {}
    for k, index in enumerate(pair):
        low, _ = lowering.world.limits(index)
        values = tuple((rows[:, k] + low).tolist())
        twin = Index(index.name, index.span, Listed(row, values))
        put[index] = Position(twin, index.span)
    moved = [substitute(factor, put) for factor in factors]
    rest = [substitute(c, put) for c in conditions if c is not condition]
    return moved, rest, [row, *(axis for axis in axes if axis not in pair)]
