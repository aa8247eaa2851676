"""Sums of products as contractions, and the other reductions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum

from ..semantics.terms import Constant, Index, Neighbour, Reduce, Term
from ..semantics.traverse import free_indices, is_free_of_unknowns, substitute
from . import convolution, pairs, recurrence, whole
from .conditions import guarded, implied, slots
from .elementwise import largest, log_sum_exp
from .labelled import Labelled, full, spread, union
from .products import addends, factors

if TYPE_CHECKING:
    from .lower import Lowering


def reduce(term: Reduce, lowering: Lowering) -> Labelled:
    """A reduction over its indices, where its conditions hold."""
    if term.reducer == "sum":
        return _sum(term, lowering)
    if term.reducer == "mean":
        total = _sum(term, lowering)
        ones = Constant(1.0, term.span)
        count = contract(1.0, [ones], term.indices, term.conditions, lowering)
        return lowering.combine("/", [total, count])
    return _fold(term, lowering)


def _sum(term: Reduce, lowering: Lowering) -> Labelled:
    """A sum, taken apart at `+` where the parts contract by themselves."""
    parts = addends(term.body)
    if len(parts) == 1 or not any(_contracts(part) for _, part in parts):
        return contract(1.0, [term.body], term.indices, term.conditions, lowering)
    totals = [
        contract(sign, [part], term.indices, term.conditions, lowering) for sign, part in parts
    ]
    result = totals[0]
    for other in totals[1:]:
        result = lowering.combine("+", [result, other])
    return result


def _contracts(part: Term) -> bool:
    """Whether a product has a factor with fewer indices than the whole: a contraction saves work."""
    _, found = factors(part, 1.0)
    every = [free_indices(f) for f in found]
    joint = set().union(*every)
    return len(found) > 1 and any(len(indices) < len(joint) for indices in every)


def contract(
    coefficient: float,
    bodies: list[Term],
    indices: tuple[Index, ...],
    conditions: tuple[Term, ...],
    lowering: Lowering,
) -> Labelled:
    """The sum over indices of a product. Sums that are factors join in, their indices renamed."""
    bound = list(indices)
    found: list[Term] = []
    masks = list(conditions)
    pending = list(bodies)
    while pending:
        coefficient, parts = factors(pending.pop(0), coefficient)
        for part in parts:
            if isinstance(part, Reduce) and part.reducer == "sum" and _joins(part):
                twin = substitute(part, {Index("", part.span): part})
                assert isinstance(twin, Reduce)
                bound += twin.indices
                masks += twin.conditions
                pending.append(twin.body)
            else:
                found.append(part)
    axes = [index for index in bound if index.has_axis]
    listing = pairs.listed(found, masks, axes, lowering)
    if listing is not None:
        found, masks, axes = listing
    recurrences, found, axes, masks = recurrence.recurred(found, axes, masks, lowering)
    masks += implied(masks, found)
    found = [guarded(part, masks, lowering) for part in found]
    moved = convolution.convolved(
        found, axes, masks, lowering, lambda parts: contract(1.0, parts, (), (), lowering)
    )
    if moved is not None:
        items, axes = moved
    else:
        items = [lowering.term(part) for part in sorted(found, key=_moves)]
    items += recurrences
    items += [lowering.term(whole.condition(mask, lowering)) for mask in masks]
    items += [slots(index, lowering) for index in bound if isinstance(index.range, Neighbour)]
    return _einsum(coefficient, items, axes, lowering)


def _moves(part: Term) -> bool:
    """Parameters and data before unknowns: masks then join an array that no chain repeats."""
    return not is_free_of_unknowns(part)


def _joins(part: Reduce) -> bool:
    """A sum of a sum stays apart: it is cheaper to add first."""
    return len(addends(part.body)) == 1


def _einsum(
    coefficient: float, items: list[Labelled], axes: list[Index], lowering: Lowering
) -> Labelled:
    labels = union(items)
    for axis in axes:
        if axis not in labels:
            coefficient *= lowering.world.length(axis)
    out = tuple(label for label in labels if label not in axes)
    constants = _merge([item for item in items if item.static])
    items = [item for item in items if not item.static]
    for item in constants:
        if not item.labels:
            coefficient *= float(item.array)
        else:
            items = _absorb(item, items, lowering)
    if not items:
        return Labelled(np.asarray(coefficient), ())
    if len(items) == 1 and items[0].static:
        number = {label: k for k, label in enumerate(labels)}
        own, kept = ([number[label] for label in some] for some in (items[0].labels, out))
        return Labelled(coefficient * np.einsum(items[0].array * 1.0, own, kept), out)
    arrays = [Labelled(lowering.floating(item.array), item.labels) for item in items]
    last = None if out else _inner(arrays)
    if last is None:
        total = _product(arrays, out)
    else:
        rest = [array for array in arrays if array is not last]
        total = jnp.sum(last.array * _product(rest, last.labels))
    return Labelled(total if coefficient == 1 else coefficient * total, out)


def _product(arrays: list[Labelled], out: tuple[Index, ...]) -> Any:
    number = {label: k for k, label in enumerate(union(arrays))}
    operands: list[Any] = []
    # A product of two has the unknowns first, as slopes have it: XLA then computes it once for both.
    for array in arrays[::-1] if len(arrays) == 2 else arrays:
        operands += [array.array, [number[label] for label in array.labels]]
    return jnp.einsum(
        *operands,
        [number[label] for label in out],
        optimize=_path(len(arrays)),
        precision=jax.lax.Precision.HIGHEST,
    )


def _path(operands: int) -> Literal["auto", "optimal"]:
    return "auto" if operands > 4 else "optimal"


def _inner(arrays: list[Labelled]) -> Labelled | None:
    """The array that the cheapest order of a full contraction multiplies last, entry by entry.

    That product is summed as it is: as a contraction it would first be transposed.
    """
    if len(arrays) < 3:
        return None
    sides = {label: n for a in arrays for label, n in zip(a.labels, a.array.shape, strict=True)}
    letter = {label: opt_einsum.get_symbol(k) for k, label in enumerate(sides)}
    formula = ",".join("".join(letter[label] for label in a.labels) for a in arrays) + "->"
    shapes = (array.array.shape for array in arrays)
    path: Any = opt_einsum.contract_path(
        formula, *shapes, shapes=True, optimize=_path(len(arrays))
    )[0]
    left: list[Labelled | None] = list(arrays)
    for step in path[:-1]:
        for place in sorted(step, reverse=True):
            del left[place]
        left.append(None)
    last = left[0] if len(left) == 2 else None
    every = union([array for array in arrays if array is not last])
    return last if last is not None and set(last.labels) <= set(every) else None


def _absorb(constant: Labelled, items: list[Labelled], lowering: Lowering) -> list[Labelled]:
    """A constant multiplied into the first array over the same indices, else put beside them."""
    for k, item in enumerate(items):
        if not item.static and set(item.labels) == set(constant.labels):
            mask = lowering.floating(spread(constant, item.labels))
            product = Labelled(lowering.floating(item.array) * mask, item.labels)
            return [*items[:k], product, *items[k + 1 :]]
    return [constant, *items]


def _merge(items: list[Labelled]) -> list[Labelled]:
    """Constant factors over the same indices as one."""
    groups: dict[frozenset[Index], Labelled] = {}
    for item in items:
        key = frozenset(item.labels)
        known = groups.get(key)
        product = item.array * 1.0
        if known is not None:
            product = known.array * spread(item, known.labels)
        groups[key] = Labelled(np.asarray(product), known.labels if known else item.labels)
    return list(groups.values())


_FOLDS: dict[str, Callable[[Any], Any]] = {
    "prod": partial(jnp.prod, axis=-1),
    "max": largest,
    "min": lambda values: -largest(-values),
    "logsumexp": log_sum_exp,
}


def _fold(term: Reduce, lowering: Lowering) -> Labelled:
    """prod, max, min and logsumexp: the body at every position, others masked by what changes nothing."""
    body = lowering.term(guarded(term.body, term.conditions, lowering))
    masks = [lowering.term(whole.condition(c, lowering)) for c in term.conditions]
    masks += [slots(i, lowering) for i in term.indices if isinstance(i.range, Neighbour)]
    axes = [index for index in term.indices if index.has_axis]
    labels = union([body, *masks])
    labels = (*(x for x in labels if x not in axes), *axes)
    lengths = {label: lowering.world.length(label) for label in labels}
    values = lowering.floating(full(body, labels, lengths))
    neutral = {"prod": 1.0, "max": -jnp.inf, "min": jnp.inf, "logsumexp": -jnp.inf}[term.reducer]
    for mask in masks:
        values = jnp.where(jnp.asarray(spread(mask, labels)) != 0, values, neutral)
    kept = labels[: len(labels) - len(axes)]
    # One axis of known length: a -1 cannot be told where another axis is empty.
    number = math.prod(lengths[axis] for axis in axes)
    flat = values.reshape(*(lengths[label] for label in kept), number)
    return Labelled(_FOLDS[term.reducer](flat), kept)
