"""Keeping what a condition leaves out from being computed.

`sum(i < j) 1 / (i - j)` never divides by 0, and `if x > 0 then sqrt(x) else 0` takes no root of
what is below 0: the slope of a branch that is not taken would be 0 times infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from ..semantics.functions import FUNCTIONS
from ..semantics.lints_slopes import sign
from ..semantics.terms import (
    Apply,
    Constant,
    Index,
    LogDensity,
    Neighbour,
    NetworkRead,
    Position,
    Read,
    Term,
)
from ..semantics.traverse import (
    children,
    fingerprint,
    free_indices,
    rebuild,
    substitute,
    unfold,
    unfold_all,
    walk,
)
from .labelled import Labelled, spread, union

if TYPE_CHECKING:
    from .lower import Lowering


def guarded(part: Term, conditions: Sequence[Term], lowering: Lowering) -> Term:
    """A factor that is finite wherever conditions fail, by reading it where they hold instead.

    Only a factor with a function that is not finite everywhere is changed. Under a condition on
    values the factor becomes a choice, which reads it at safe values where the condition fails.
    """
    if not conditions or not _partial(part):
        return part
    inside = free_indices(part)
    for condition in conditions:
        if not static_condition(condition):
            part = Apply("if", (condition, part, Constant(0.0, part.span)), part.span)
    return _moved(part, conditions, inside, lowering)


def choice(term: Apply) -> Apply:
    """An `if` whose branches are finite, and have finite slopes, where they are not taken."""
    condition, taken, other = term.arguments
    fails = Apply("not", (condition,), term.span)
    safe = (condition, _safe_where(condition, taken), _safe_where(fails, other))
    return term if safe[1] is taken and safe[2] is other else Apply("if", safe, term.span)


def _safe_where(condition: Term, part: Term) -> Term:
    """The part with what its unsafe functions take replaced by 1 where the condition fails."""
    if isinstance(part, Read) and part.symbol.body is not None:
        inside = unfold(part)
        safe = _safe_where(condition, inside)
        return part if safe is inside else safe
    changed = rebuild(part, lambda child: _safe_where(condition, child))
    if any(new is not old for new, old in zip(children(changed), children(part), strict=True)):
        part = changed
    if not isinstance(part, Apply) or not _unsafe(part):
        return part
    kept = list(part.arguments)
    for k in (0, 1) if part.function == "^" else (len(kept) - 1,):
        if not isinstance(kept[k], Constant):
            one = Constant(1.0, part.span)
            kept[k] = Apply("if", (condition, kept[k], one), part.span)
    return Apply(part.function, tuple(kept), part.span)


def _unsafe(node: Apply) -> bool:
    """Whether a function, or its slope, can be infinite: where it has a pole, or grows too fast."""
    last = node.arguments[-1]
    match node.function:
        case "^" if _whole_power(node):
            return isinstance(last, Constant) and last.value > 2
        case "/":
            return sign(last) == 0
        case "log" | "log1p" | "sqrt" | "lgamma":
            return sign(last) != 1
        case function:
            return FUNCTIONS[function].partial or function in ("exp", "expm1")


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


def implied(conditions: Sequence[Term], factors: Sequence[Term]) -> list[Term]:
    """`i < k` from `i < j` and `j < k`, where a factor stands over i and k.

    Masked alike, the reads of one array in `a[i, j] * a[j, k] * a[i, k]` are one masked array.
    """
    below = {
        (a.index, b.index): condition
        for condition in conditions
        if isinstance(condition, Apply) and condition.function == "<"
        for a, b in [condition.arguments]
        if isinstance(a, Position) and isinstance(b, Position)
    }
    pairs = [free_indices(factor) for factor in factors]
    found: list[Term] = []
    for (i, j), first in below.items():
        for (m, k), second in below.items():
            if j is m and (i, k) not in below and {i, k} in pairs:
                ends = (Position(i, first.span), Position(k, second.span))
                found.append(Apply("<", ends, first.span))
    return found


def slots(index: Index, lowering: Lowering) -> Labelled:
    """1 where a site has a neighbour in a slot, else 0."""
    place = index.range
    assert isinstance(place, Neighbour)
    where = lowering.whole(place.site)
    valid = (lowering.world.graphs[place.graph.name].neighbours >= 0) * 1.0
    picked = valid[where.array] if where.static else jnp.asarray(valid)[where.array]
    return Labelled(picked, (*where.labels, place.slot))


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


def tip(node: Apply) -> float | None:
    """The exponent of a root below 1 of what is least where it is 0, as in a norm; else None.

    The root's own slope is infinite there, and that of what it is taken of is 0.
    """
    match node:
        case Apply(function="sqrt", arguments=(inside,)):
            exponent = 0.5
        case Apply(function="^", arguments=(inside, Constant(value=exponent))) if 0 < exponent < 1:
            pass
        case _:
            return None
    return exponent if any(_level(part) for part in walk(unfold_all(inside))) else None


def _level(part: Term) -> bool:
    """Squares, powers above 1 and discrete values: no slope where they are 0, or none at all."""
    match part:
        case Read(symbol=symbol):
            return symbol.unknown and symbol.domain.discrete
        case Apply(function="square"):
            return True
        case Apply(function="^", arguments=(_, Constant(value=exponent))):
            return exponent > 1
        case Apply(function="*", arguments=(one, other)):
            return fingerprint(one, {}) == fingerprint(other, {})
        case _:
            return False


def _whole_power(node: Apply) -> bool:
    exponent = node.arguments[1]
    return isinstance(exponent, Constant) and exponent.value >= 0 and exponent.value.is_integer()
