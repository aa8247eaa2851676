"""Arrays whose axes carry indices, brought to common axes by name instead of by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..semantics.terms import Index

AnyArray = Any  # a NumPy array for what is known before running, a JAX array otherwise


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array and the index of each of its axes."""

    array: AnyArray
    labels: tuple[Index, ...]

    @property
    def static(self) -> bool:
        """Whether it is known before anything runs."""
        return not isinstance(self.array, jnp.ndarray)


def union(items: Sequence[Labelled]) -> tuple[Index, ...]:
    """All labels, in the order in which they first appear, the widest array first."""
    ordered: dict[Index, None] = {}
    for item in sorted(items, key=lambda item: -len(item.labels)):
        ordered.update(dict.fromkeys(item.labels))
    return tuple(ordered)


def spread(item: Labelled, labels: Sequence[Index]) -> AnyArray:
    """The array with the given axes in the given order, those it lacks of length one."""
    if tuple(labels) == item.labels:
        return item.array
    present = [label for label in labels if label in item.labels]
    order = [item.labels.index(label) for label in present]
    array = item.array if order == sorted(order) else item.array.transpose(order)
    sizes = dict(zip(present, array.shape, strict=True))
    return array.reshape([sizes.get(label, 1) for label in labels])


def full(item: Labelled, labels: Sequence[Index], lengths: dict[Index, int]) -> AnyArray:
    """The array with exactly the given axes, repeated along those it lacks."""
    thin = spread(item, labels)
    shape = tuple(lengths[label] for label in labels)
    if thin.shape == shape:
        return thin
    return (np if item.static else jnp).broadcast_to(thin, shape)
