"""The size of a monomial at every instance of some axes: its factors summed over all other indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..analysis.monomials import Monomial
from ..semantics.terms import Index, Reduce
from .labelled import full
from .lower import Lowering


def coefficient(monomial: Monomial, axes: Sequence[Index], lowering: Lowering) -> Any:
    """What stands before the reads of a monomial, an array over the axes; 0 where conditions fail."""
    span = monomial.reads[0].span
    body = replace(monomial, reads=()).product(span)
    inner = tuple(index for index in monomial.indices if index not in axes)
    item = lowering.term(Reduce("sum", inner, monomial.conditions, body, span, span))
    return lowering.floating(full(item, tuple(axes), {a: lowering.world.length(a) for a in axes}))
