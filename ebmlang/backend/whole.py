"""Whole numbers that floats cannot hold, computed in integers that wrap around.

Sums, differences and products of integers of 32 bits are exact up to multiples of 2^32: a result
that lies within 32 bits is right whatever was passed on the way. The sign of one that does not is
that of the float, which is then far from 0. Under `jax_enable_x64` there are 64 bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.whole import Whole
from ..semantics.terms import Apply, Constant, Neighbour, Read, Reduce, Term
from ..semantics.traverse import unfold
from ..syntax.diagnostics import EbmError, complain
from .conditions import slots
from .labelled import Labelled, full, spread, union

if TYPE_CHECKING:
    from .lower import Lowering

CHUNK = 7  # bits of a factor that are multiplied at once
SIGNS = ("==", "!=", "<", "<=", ">", ">=")


@jax.custom_jvp
def exact(near: Any, whole: Any) -> Any:
    """The exact value of what a float came near to; its slope is that of the float."""
    return whole


exact.defjvps(lambda slope, _, near, whole: slope, None)


def bits(lowering: Lowering) -> int:
    """How many bits an integer has here."""
    return 64 if lowering.dtype == jnp.float64 else 32


def rounded(term: Term, lowering: Lowering) -> Whole | None:
    """The bounds of a whole number that a float may miss; None for all else."""
    found = lowering.bounds.of(term)
    return found if found is not None and found.error else None


def fits(found: Whole, lowering: Lowering) -> bool:
    """Whether all its values are integers of the width there is."""
    return found.size < 1 << (bits(lowering) - 1)


def whole_value(term: Apply | Reduce, near: Labelled, lowering: Lowering) -> Labelled:
    """The value of a term in floats, made exact where it is whole and an integer can hold it."""
    found = rounded(term, lowering)
    if found is None or near.static or lowering.relaxed or not fits(found, lowering):
        return near
    item = _wrapped(term, lowering)
    lengths = {label: lowering.world.length(label) for label in near.labels}
    value = jnp.asarray(full(item, near.labels, lengths), lowering.dtype)
    return Labelled(exact(lowering.floating(near.array), value), near.labels)


def truth(term: Apply, lowering: Lowering) -> Labelled | None:
    """A comparison of whole numbers that floats may miss, as 1 or 0; None for all else."""
    a, b = term.arguments
    gap = Apply("-", (a, b), term.span)
    found = rounded(gap, lowering)
    if found is None or all(lowering.term(part).static for part in (a, b)):
        return None
    item = _wrapped(gap, lowering)
    sign = jnp.sign(item.array)
    if not fits(found, lowering):
        margin = 1 << (bits(lowering) - 2)
        if found.error >= margin:
            raise _beyond(term, found)
        near = lowering.combine("-", [lowering.term(a), lowering.term(b)])
        lengths = {label: lowering.world.length(label) for label in item.labels}
        far = lowering.floating(full(near, item.labels, lengths))
        sign = jnp.where(jnp.abs(far) > margin, jnp.sign(far), sign.astype(lowering.dtype))
    compare = {
        "==": sign == 0, "!=": sign != 0, "<": sign < 0,
        "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0,
    }[term.function]  # fmt: skip
    return Labelled(compare * 1, item.labels)


def condition(term: Term, lowering: Lowering) -> Term:
    """What decides by being 0 or not, as a comparison where a float may miss it."""
    if rounded(term, lowering) is None:
        return term
    return Apply("!=", (term, Constant(0.0, term.span)), term.span)


def quotient(term: Apply, lowering: Lowering) -> Labelled | None:
    """`floor(a / b)` of whole numbers that floats may miss; None for all else."""
    match term:
        case Apply(function="floor", arguments=(Apply(function="/", arguments=(a, b)),)):
            parts = [lowering.bounds.of(part) for part in (a, b)]
        case _:
            return None
    known = [part for part in parts if part is not None]
    if len(known) < 2 or not any(part.error for part in known):
        return None
    if all(lowering.term(part).static for part in (a, b)):
        return None
    if not all(fits(part, lowering) for part in known):
        raise _beyond(term, max(known, key=lambda part: part.size))
    items = [_wrapped(part, lowering) for part in (a, b)]
    labels = union(items)
    over, under = (spread(item, labels) for item in items)
    divided = jnp.floor_divide(over, jnp.where(under == 0, 1, under))
    outside = jnp.sign(over).astype(lowering.dtype) / 0.0
    return Labelled(jnp.where(under == 0, outside, divided.astype(lowering.dtype)), labels)


def subscript(term: Term, cycle: int | None, lowering: Lowering) -> Labelled | None:
    """A subscript that a float may miss, its remainder by a cycle; None for all else."""
    found = rounded(term, lowering)
    if found is None or lowering.term(term).static:
        return None
    if cycle is None:
        return _wrapped(term, lowering)
    if fits(found, lowering):
        item = _wrapped(term, lowering)
        return Labelled(jnp.mod(item.array, cycle), item.labels)
    return _remainder(term, cycle, lowering)


def _beyond(term: Term, found: Whole) -> EbmError:
    return complain(
        "E705",
        f"`{term.span.text}` decides by whole numbers up to {found.size:.3g}, which neither "
        "float32 nor 32-bit integers hold exactly",
        helps=[
            'compute in 64 bits: jax.config.update("jax_enable_x64", True)',
            "or declare the integers with the bounds that they keep",
        ],
    )


def _integers(item: Labelled, lowering: Lowering) -> Labelled:
    """Numbers that are exact as they are, as integers of the width there is."""
    kind = jnp.int64 if bits(lowering) == 64 else jnp.int32
    if item.static:
        return Labelled(jnp.asarray(np.rint(item.array).astype(np.int64).astype(kind)), item.labels)
    if jnp.issubdtype(item.array.dtype, jnp.integer):
        return Labelled(item.array.astype(kind), item.labels)
    return Labelled(jnp.rint(item.array).astype(kind), item.labels)


def _wrapped(term: Term, lowering: Lowering) -> Labelled:
    """A whole number up to multiples of 2^32, or of 2^64."""
    if lowering.bounds.of(term) is None or rounded(term, lowering) is None:
        return _integers(lowering.term(term), lowering)
    match term:
        case Read(symbol=symbol) if symbol.body is not None:
            return _wrapped(unfold(term), lowering)
        case Apply(function=function) if function in ("+", "-", "negate", "*", "square"):
            return _combined(function, [_wrapped(a, lowering) for a in term.arguments])
        case Apply(function="^", arguments=(base, Constant(value=exponent))):
            item = _wrapped(base, lowering)
            return Labelled(item.array ** int(exponent), item.labels)
        case Apply(function="floor", arguments=(inside,)):
            return _wrapped(inside, lowering)
        case Apply(function="if", arguments=(choice, *branches)):
            items = [_integers(lowering.term(condition(choice, lowering)), lowering)]
            return _combined("if", items + [_wrapped(b, lowering) for b in branches])
        case Reduce(reducer="sum" | "prod"):
            return _reduced(term, lowering)
        case Apply() | Reduce() if all(
            part is None or fits(part, lowering) for part in map(lowering.bounds.of, _inside(term))
        ):
            return _ordered(term, lowering)
        case Apply() | Reduce():
            found = lowering.bounds.of(term)
            assert found is not None
            raise _beyond(term, found)
        case _:
            return _integers(lowering.term(term), lowering)


def _inside(term: Apply | Reduce) -> tuple[Term, ...]:
    return term.arguments if isinstance(term, Apply) else (term.body,)


def _ordered(term: Apply | Reduce, lowering: Lowering) -> Labelled:
    """What depends on the order of whole numbers, each of which is an integer of this width."""
    if isinstance(term, Reduce):
        return _reduced(term, lowering)
    return _combined(term.function, [_wrapped(a, lowering) for a in term.arguments])


def _combined(function: str, items: list[Labelled]) -> Labelled:
    labels = union(items)
    arrays = [spread(item, labels) for item in items]
    match function, arrays:
        case "+", [a, b]:
            return Labelled(a + b, labels)
        case "-", [a, b]:
            return Labelled(a - b, labels)
        case "*", [a, b]:
            return Labelled(a * b, labels)
        case "negate", [a]:
            return Labelled(-a, labels)
        case "square", [a]:
            return Labelled(a * a, labels)
        case "abs", [a]:
            return Labelled(jnp.abs(a), labels)
        case "sign", [a]:
            return Labelled(jnp.sign(a), labels)
        case "relu", [a]:
            return Labelled(jnp.maximum(a, 0), labels)
        case "max", [a, b]:
            return Labelled(jnp.maximum(a, b), labels)
        case "min", [a, b]:
            return Labelled(jnp.minimum(a, b), labels)
        case "if", [c, a, b]:
            return Labelled(jnp.where(c != 0, a, b), labels)
        case _:
            raise AssertionError(function)


def _reduced(term: Reduce, lowering: Lowering) -> Labelled:
    return _folded(term, _wrapped(term.body, lowering), lowering)


def _folded(term: Reduce, body: Labelled, lowering: Lowering) -> Labelled:
    """A reduction of whole numbers over its indices, where its conditions hold."""
    masks = [lowering.term(condition(c, lowering)) for c in term.conditions]
    masks += [slots(i, lowering) for i in term.indices if isinstance(i.range, Neighbour)]
    axes = [index for index in term.indices if index.has_axis]
    kept = tuple(label for label in union([body, *masks]) if label not in axes)
    labels = (*kept, *axes)
    values = full(body, labels, {label: lowering.world.length(label) for label in labels})
    neutral = 0 if term.reducer == "sum" else 1
    for mask in masks:
        values = jnp.where(jnp.asarray(spread(mask, labels)) != 0, values, neutral)
    fold = {"sum": jnp.sum, "prod": jnp.prod, "max": jnp.max, "min": jnp.min}[term.reducer]
    last = tuple(range(len(kept), len(labels)))
    return Labelled(fold(values, axis=last, **_typed(term, values)), kept)


def _typed(term: Reduce, values: Any) -> dict[str, Any]:
    return {"dtype": values.dtype} if term.reducer in ("sum", "prod") else {}


def _remainder(term: Term, cycle: int, lowering: Lowering) -> Labelled:
    """The remainder of a whole number that no integer holds: of every part, and of their results."""
    found = lowering.bounds.of(term)
    assert found is not None
    if fits(found, lowering) and not isinstance(term, Constant):
        item = _wrapped(term, lowering)
        return Labelled(jnp.mod(item.array, cycle), item.labels)
    room = 1 << (bits(lowering) - 1)
    if cycle << (CHUNK + 1) >= room:
        raise _beyond(term, found)
    match term:
        case Constant(value=value):
            kind = jnp.int64 if bits(lowering) == 64 else jnp.int32
            return Labelled(jnp.asarray(int(value) % cycle, kind), ())
        case Read(symbol=symbol) if symbol.body is not None:
            return _remainder(unfold(term), cycle, lowering)
        case Apply(function=function) if function in ("+", "-", "negate"):
            item = _combined(function, [_remainder(a, cycle, lowering) for a in term.arguments])
        case Apply(function="if", arguments=(choice, *branches)):
            items = [_integers(lowering.term(condition(choice, lowering)), lowering)]
            item = _combined("if", items + [_remainder(b, cycle, lowering) for b in branches])
        case Apply(function="*", arguments=(a, b)):
            item = _product(_remainder(a, cycle, lowering), _remainder(b, cycle, lowering), cycle)
        case Apply(function="square", arguments=(base,)):
            one = _remainder(base, cycle, lowering)
            item = _product(one, one, cycle)
        case Apply(function="^", arguments=(base, Constant(value=exponent))):
            one = item = _remainder(base, cycle, lowering)
            for _ in range(int(exponent) - 1):
                item = _product(item, one, cycle)
        case Reduce(reducer="sum", indices=indices) if (
            cycle * math.prod(lowering.world.length(i) for i in indices if i.has_axis) < room
        ):
            item = _folded(term, _remainder(term.body, cycle, lowering), lowering)
        case _:
            raise _beyond(term, found)
    return Labelled(jnp.mod(item.array, cycle), item.labels)


def _product(a: Labelled, b: Labelled, cycle: int) -> Labelled:
    """The product of two remainders, a few bits of the second at a time, so that none overflows."""
    labels = union([a, b])
    one, other = spread(a, labels), spread(b, labels)
    total = jnp.zeros((), one.dtype)
    for low in reversed(range(0, cycle.bit_length(), CHUNK)):
        digit = (other >> low) & ((1 << CHUNK) - 1)
        total = jnp.mod((total << CHUNK) + one * digit, cycle)
    return Labelled(total, labels)
