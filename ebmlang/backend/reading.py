"""Subscripts to array code: whole axes stay, shifts become rolls or slices, the rest one gather."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from ..semantics.subscripts import shifted
from ..semantics.terms import Dimension, GraphDeclaration, Index, Position, Term, Whole
from ..semantics.traverse import free_indices
from . import whole
from .labelled import Labelled, spread, union

if TYPE_CHECKING:
    from .lower import Lowering

Place = Dimension | GraphDeclaration


def read(
    stored: Labelled, dims: Sequence[Place], subscripts: Sequence[Term], lowering: Lowering
) -> Labelled:
    """Elements of an array whose last axes are `dims` and whose first are already labelled.

    Each subscript that is one index, perhaps shifted, keeps its axis; all others together
    become one gather over the indices that stand in them.
    """
    array, lead = stored.array, len(stored.labels)
    if not subscripts:
        return stored
    counts: dict[Index, int] = dict.fromkeys(stored.labels, 1)
    for subscript in subscripts:
        for index in free_indices(subscript):
            counts[index] = counts.get(index, 0) + 1
    kept: list[tuple[int, Index]] = []
    gathered: list[int] = []
    for k, (dim, subscript) in enumerate(zip(dims, subscripts, strict=True)):
        place = _whole_axis(subscript, counts)
        moved = None if place is None else _shift(array, lead + k, dim, *place, lowering)
        if place is None or moved is None:
            gathered.append(k)
        else:
            array = moved
            kept.append((lead + k, place[0]))
    labels = tuple(label for label in stored.labels)
    if not gathered:
        return Labelled(array, labels + tuple(index for _, index in kept))
    return _gather(array, labels, kept, gathered, dims, subscripts, lowering)


def _whole_axis(subscript: Term, counts: dict[Index, int]) -> tuple[Index, int] | None:
    found = shifted(subscript)
    if found is None or not found[0].has_axis or counts[found[0]] != 1:
        return None
    return found


def _shift(
    array: Any, axis: int, dim: Place, index: Index, shift: int, lowering: Lowering
) -> Any | None:
    """The part of an axis that an index plus a constant visits, or None if it wraps in pieces."""
    size = array.shape[axis]
    low, high = lowering.world.limits(index)
    start, stop = low + shift, high + shift
    if (start, stop) == (0, size):
        return array
    cyclic = isinstance(dim, Dimension) and dim.cyclic
    if cyclic and isinstance(index.range, Whole) and index.range.dim is dim:
        return (np if isinstance(array, np.ndarray) else jnp).roll(array, -shift, axis)
    if start >= 0 and stop <= size:
        return array[(slice(None),) * axis + (slice(start, stop),)]
    return None


def _gather(
    array: Any,
    lead: tuple[Index, ...],
    kept: list[tuple[int, Index]],
    gathered: list[int],
    dims: Sequence[Place],
    subscripts: Sequence[Term],
    lowering: Lowering,
) -> Labelled:
    offset = len(lead)
    places = [
        _integers(subscripts[k], dims[k], array.shape[offset + k], lowering) for k in gathered
    ]
    shared = [label for label in union(places) if label in lead]
    loose = [label for label in lead if label not in shared]
    labels = (*shared, *(label for label in union(places) if label not in shared))
    order = [lead.index(label) for label in shared]
    order += [offset + k for k in gathered]
    order += [lead.index(label) for label in loose]
    order += [axis for axis, _ in kept]
    positions = [
        spread(
            Labelled(np.arange(array.shape[lead.index(label)], dtype=np.int32), (label,)), labels
        )
        for label in shared
    ]
    positions += [spread(place, labels) for place in places]
    static = isinstance(array, np.ndarray) and all(place.static for place in places)
    if not static:
        array = jnp.asarray(array)
    if order != sorted(order):
        array = array.transpose(order)
    picked = array[tuple(positions)]
    return Labelled(picked, (*labels, *loose, *(index for _, index in kept)))


def _integers(subscript: Term, dim: Place, length: int, lowering: Lowering) -> Labelled:
    """A subscript as integers, wrapped on a cyclic dimension, of an axis of that length."""
    cyclic = isinstance(dim, Dimension) and dim.cyclic and not _plain(subscript, dim)
    large = whole.subscript(subscript, lowering.world.size(dim) if cyclic else None, lowering)
    if large is not None:
        return large
    item = lowering.whole(subscript)
    array = item.array
    if cyclic:
        assert isinstance(dim, Dimension)
        size = lowering.world.sizes[dim.name]
        array = np.mod(array, size).astype(np.int32) if item.static else jnp.mod(array, size)
    elif item.static:
        # only what a condition leaves out lies outside
        array = np.clip(array, 0, max(length - 1, 0))
    return Labelled(array, item.labels)


def _plain(subscript: Term, dim: Dimension) -> bool:
    """Whether a subscript is an index that stays inside by its range."""
    return isinstance(subscript, Position) and subscript.index.range == Whole(dim)
