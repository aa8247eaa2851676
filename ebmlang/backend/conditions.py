"""Keeping what a condition leaves out from being computed: `sum(i < j) 1 / (i - j)` never divides by 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..semantics.functions import FUNCTIONS
from ..semantics.terms import (
    Apply,
    Constant,
    Index,
    LogDensity,
    NetworkRead,
    Position,
    Read,
    Term,
)
from ..semantics.traverse import free_indices, rebuild, substitute, walk
from .labelled import spread, union

if TYPE_CHECKING:
    from .lower import Lowering


def guarded(part: Term, conditions: Sequence[Term], lowering: Lowering) -> Term:
    """A factor that is finite wherever conditions fail, by reading it where they hold instead.

    Only a factor with a function that is not finite everywhere is changed. Under a condition on
    values what is read is replaced by 1 where it fails, and the factor by 0.
    """
    if not conditions or not _partial(part):
        return part
    inside = free_indices(part)
    for condition in conditions:
        if not static_condition(condition) and free_indices(condition) <= inside:
            safe = _ones_where_false(part, condition)
            part = Apply("if", (condition, safe, Constant(0.0, part.span)), part.span)
    return _moved(part, conditions, inside, lowering)


def _ones_where_false(part: Term, condition: Term) -> Term:
    if isinstance(part, Read) and not part.symbol.domain.labels:
        return Apply("if", (condition, part, Constant(1.0, part.span)), part.span)
    return rebuild(part, lambda child: _ones_where_false(child, condition))


def _moved(part: Term, conditions: Sequence[Term], inside: set[Index], lowering: Lowering) -> Term:
    """The factor read at an instance where conditions on indices hold, wherever they fail."""
    usable = [c for c in conditions if static_condition(c) and free_indices(c) <= inside]
    if not usable:
        return part
    items = [lowering.term(c) for c in usable]
    labels = union(items)
    held = np.asarray(True)
    for item in items:
        held = held & (spread(item, labels) != 0)
    if held.all() or not held.any():
        return part
    first = np.argwhere(held)[0]
    span = part.span
    holds = usable[0]
    for condition in usable[1:]:
        holds = Apply("and", (holds, condition), span)
    return substitute(part, _instead(labels, first, holds, lowering))


def _instead(
    labels: Sequence[Index], first: np.ndarray, holds: Term, lowering: Lowering
) -> dict[Index, Term]:
    """Each index where the condition holds, and that of an instance where it does elsewhere."""
    replacement: dict[Index, Term] = {}
    for label, place in zip(labels, first, strict=True):
        low, _ = lowering.world.limits(label)
        at = Constant(float(low + place), holds.span)
        own = Position(label, holds.span)
        replacement[label] = Apply("if", (holds, own, at), holds.span)
    return replacement


def static_condition(condition: Term) -> bool:
    """A condition on indices with axes of their own."""
    own = all(index.has_axis for index in free_indices(condition))
    return own and not any(
        isinstance(node, Read | NetworkRead | LogDensity) for node in walk(condition)
    )


def _partial(part: Term) -> bool:
    for node in walk(part):
        if isinstance(node, LogDensity):
            return True
        if isinstance(node, Apply) and FUNCTIONS[node.function].partial:
            whole = node.function == "^" and _whole_power(node)
            plain = node.function == "/" and isinstance(node.arguments[1], Constant)
            if not whole and not plain:
                return True
    return False


def _whole_power(node: Apply) -> bool:
    exponent = node.arguments[1]
    return isinstance(exponent, Constant) and exponent.value >= 0 and exponent.value.is_integer()
