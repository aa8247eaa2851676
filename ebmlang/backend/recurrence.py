"""Sums over the past with weights that fall by a constant ratio, without a table of lags.

`sum(k < t) r^k * x[t-k-1]` and `sum(k < t) exp(-(t-k) / tau) * x[k]` are the linear recurrence
`s[t] = r * s[t-1] + x[t]`. It is followed by doubling (Hillis and Steele 1986, Data parallel algorithms): after
j rounds each place has the last 2^j terms, so that n places cost n log n products instead of n^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..semantics.sizes import Size
from ..semantics.terms import Apply, Between, Constant, Index, Position, Read, Term
from ..semantics.traverse import children, free_indices, rebuild, substitute, unfold
from .labelled import Labelled, spread
from .products import factors

if TYPE_CHECKING:
    from .lower import Lowering

MOST_CHECKED = 25_000_000  # pairs of time and lag whose conditions are looked at
Affine = tuple[dict[Index, float], float]


@dataclass(frozen=True, slots=True)
class Weight:
    """`ratio^(along of time and summed index + more) * rest`."""

    ratio: Term
    along: tuple[float, float]
    more: float = 0.0
    rest: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """S[time] = the sum over lag >= `lag` of ratio^lag * source(time - lag), source at `where` alone.

    The ratio is the product of those of the weights, each with `more` powers of its own.
    """

    time: Index
    weights: tuple[Weight, ...]
    source: tuple[Term, ...]
    rest: tuple[Term, ...]
    where: Index
    lag: int


def recurred(
    factors: list[Term], axes: list[Index], masks: list[Term], lowering: Lowering
) -> tuple[list[Labelled], list[Term], list[Index], list[Term]]:
    """The sum over one of the axes as an array over time, if any is one; what remains of all three."""
    for summed in axes:
        related = [mask for mask in masks if summed in free_indices(mask)]
        times = set().union(*(free_indices(mask) for mask in related)) - {summed}
        if len(times) != 1:
            continue
        past = _past(factors, next(iter(times)), summed, related, lowering)
        if past is not None:
            left = [axis for axis in axes if axis is not summed]
            kept = [mask for mask in masks if mask not in related]
            return [_follow(past, lowering)], list(past.rest), left, kept
    return [], factors, axes, masks


def _past(
    factors: Sequence[Term], time: Index, summed: Index, masks: Sequence[Term], lowering: Lowering
) -> Past | None:
    """The factors as weights of a constant ratio and a source at a place in time, if they are that."""
    if not time.has_axis:
        return None
    weights, source, rest = [], [], []
    for factor in factors:
        weight = _weight(factor, time, summed)
        if weight is not None:
            weights.append(weight)
            rest += weight.rest
        else:
            (source if summed in free_indices(factor) else rest).append(factor)
    forms = {weight.along for weight in weights}
    if not source or len(forms) != 1:
        return None
    form = forms.pop()
    begins = _begins(time, summed, masks, lowering)
    if begins is None or form not in ((0.0, 1.0), (1.0, -1.0)):
        return None
    first, apart = begins
    lagged = form == (1.0, -1.0)
    low, lag = (first, apart) if lagged else (apart, first)
    high = lowering.world.limits(time)[1] - lag
    if high <= low:
        return None
    where = Index(time.name, time.span, Between(Size.number(low), Size.number(high)))
    there = Position(where, time.span)
    moved = [
        substitute(part, {summed: there}) if lagged else _at_lag(part, time, summed, there)
        for part in source
    ]
    if any(free_indices(part) & {time, summed} for part in moved):
        return None
    return Past(time, tuple(weights), tuple(moved), tuple(rest), where, lag)


def _begins(
    time: Index, summed: Index, masks: Sequence[Term], lowering: Lowering
) -> tuple[int, int] | None:
    """(a, b) where the masks hold at all summed >= a with time - summed >= b and nowhere else."""
    times, places = (np.arange(*lowering.world.limits(index)) for index in (time, summed))
    if times.size * places.size > MOST_CHECKED:
        return None
    items = [lowering.term(mask) for mask in masks]
    if not all(item.static and set(item.labels) <= {time, summed} for item in items):
        return None
    holds = np.ones((times.size, places.size), bool)
    for item in items:
        holds &= np.asarray(spread(item, (time, summed))) != 0
    if not holds.any():
        return None
    apart = times[:, None] - places
    low, near = int(places[holds.any(axis=0)].min()), int(apart[holds].min())
    complete = places[-1] >= times[-1] - near
    wanted = (places >= low) & (apart >= near)
    return (low, near) if complete and np.array_equal(holds, wanted) else None


def _weight(factor: Term, time: Index, summed: Index) -> Weight | None:
    """A factor as a power whose exponent is affine in time and the summed index, its base in neither."""
    if isinstance(factor, Read) and factor.symbol.body is not None:
        return _weight(unfold(factor), time, summed)
    if not isinstance(factor, Apply):
        return None
    here = {time, summed}
    if factor.function == "^":
        base, exponent = factor.arguments
        found = _affine(exponent)
        if found is None or free_indices(base) & here or set(found[0]) - here:
            return None
        along = (found[0].get(time, 0.0), found[0].get(summed, 0.0))
        return Weight(base, along, found[1]) if along[1] else None
    return _decay(factor.arguments[0], here, time, summed) if factor.function == "exp" else None


def _decay(exponent: Term, here: set[Index], time: Index, summed: Index) -> Weight | None:
    """`exp` of one product in which one factor is affine in time and the summed index: `-(t-k) / tau`."""
    number, parts = factors(exponent, 1.0)
    moving = [part for part in parts if free_indices(part) & here]
    found = _affine(moving[0]) if len(moving) == 1 else None
    if found is None or set(found[0]) - here:
        return None
    rate: Term = Constant(number, exponent.span)
    for part in parts:
        if part is not moving[0]:
            rate = Apply("*", (rate, part), exponent.span)
    slopes = (found[0].get(time, 0.0), found[0].get(summed, 0.0))
    size = abs(slopes[1])
    if not size:
        return None
    turned = slopes == (-size, size)
    scale = -size if turned or slopes == (0.0, -size) else size
    along = (slopes[0] / scale, slopes[1] / scale)
    ratio = _exp(rate, scale)
    return Weight(ratio, along, rest=(_exp(rate, found[1]),) if found[1] else ())


def _exp(rate: Term, times: float) -> Term:
    product = Apply("*", (rate, Constant(times, rate.span)), rate.span)
    return Apply("exp", (product,), rate.span)


def _affine(term: Term) -> Affine | None:
    """A term as numbers times positions and a number, or None."""
    match term:
        case Constant(value=value):
            return {}, value
        case Position(index=index):
            return {index: 1.0}, 0.0
        case Apply(function="negate", arguments=(inner,)):
            found = _affine(inner)
            return found and ({i: -c for i, c in found[0].items()}, -found[1])
        case Apply(function="*" | "/" as sign, arguments=(a, b)):
            left, right = _affine(a), _affine(b)
            if sign == "*" and left is not None and not left[0]:
                left, right = right, left
            if left is None or right is None or right[0] or (sign == "/" and not right[1]):
                return None
            times = right[1] if sign == "*" else 1 / right[1]
            return {i: c * times for i, c in left[0].items()}, left[1] * times
        case Apply(function="+" | "-" as sign, arguments=(a, b)):
            left, right = _affine(a), _affine(b)
            if left is None or right is None:
                return None
            way = 1.0 if sign == "+" else -1.0
            total = dict(left[0])
            for index, slope in right[0].items():
                total[index] = total.get(index, 0.0) + way * slope
            return {i: c for i, c in total.items() if c}, left[1] + way * right[1]
        case _:
            return None


def _at_lag(term: Term, time: Index, summed: Index, place: Position) -> Term:
    """The term with `time - summed` written as a position of its own."""
    found = _affine(term)
    if found is not None and found[0] == {time: 1.0, summed: -1.0}:
        if not found[1]:
            return place
        sign = "+" if found[1] > 0 else "-"
        return Apply(sign, (place, Constant(abs(found[1]), term.span)), term.span)
    return (
        rebuild(term, lambda child: _at_lag(child, time, summed, place)) if children(term) else term
    )


def _follow(past: Past, lowering: Lowering) -> Labelled:
    """The recurrence from the first place on, at every time; 0 before."""
    items = [lowering.term(part) for part in past.source]
    ratios = [lowering.term(weight.ratio) for weight in past.weights]
    labels = dict.fromkeys(label for item in [*items, *ratios] for label in item.labels)
    outer = tuple(label for label in labels if label is not past.where)
    values = _product(items, (*outer, past.where), lowering)
    ratio = _product(ratios, (*outer, past.where), lowering)
    scale = _product(
        [
            Labelled(_power(lowering.floating(r.array), past.lag + weight.more), r.labels)
            for r, weight in zip(ratios, past.weights, strict=True)
        ],
        (*outer, past.where), lowering,
    )  # fmt: skip
    low, high = lowering.world.limits(past.where)
    values = jnp.broadcast_to(values, (*values.shape[:-1], high - low))
    total = scale * _doubled(values, ratio)
    first, last = lowering.world.limits(past.time)
    begin = past.lag + low
    total = total[..., max(first - begin, 0) :]
    pads = [(0, 0)] * (total.ndim - 1) + [(min(max(begin - first, 0), last - first), 0)]
    return Labelled(jnp.pad(total, pads), (*outer, past.time))


def _power(base: Any, exponent: float) -> Any:
    return base ** (int(exponent) if exponent == int(exponent) else exponent)


def _product(items: Sequence[Labelled], labels: tuple[Index, ...], lowering: Lowering) -> Any:
    arrays = [lowering.floating(spread(item, labels)) for item in items]
    total = arrays[0]
    for array in arrays[1:]:
        total = total * array
    return total


def powers(base: Labelled, exponent: Labelled, lowering: Lowering) -> Labelled | None:
    """`base^k` at every k of an index that the base lacks, each the product of two before it."""
    if base.static or not exponent.static or len(exponent.labels) != 1:
        return None
    places = exponent.array
    index = exponent.labels[0]
    steady = places.size > 4 and places[0] >= 0 and np.all(np.diff(places) == 1)
    if index in base.labels or not steady or int(places[0]) != places[0]:
        return None
    ratio = lowering.floating(base.array)[..., None]
    total, factor = ratio ** int(places[0]), ratio
    while total.shape[-1] < places.size:
        total = jnp.concatenate([total, factor * total], axis=-1)[..., : places.size]
        factor = factor * factor
    return Labelled(total, (*base.labels, index))


@jax.custom_jvp
def _doubled(values: Any, ratio: Any) -> Any:
    """s[m] = the sum over j <= m of ratio^j * values[m - j], along the last axis."""
    shape = jnp.broadcast_shapes(values.shape, ratio.shape)
    total, step = jnp.broadcast_to(values, shape), 1
    while step < shape[-1]:
        total = jnp.concatenate(
            [total[..., :step], total[..., step:] + ratio * total[..., :-step]], axis=-1
        )
        ratio, step = ratio * ratio, 2 * step
    return total


@_doubled.defjvp
def _slope(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    """From s[m] = ratio * s[m-1] + values[m]: its change follows the same recurrence."""
    (values, ratio), (moved, turned) = primals, tangents
    total = _doubled(values, ratio)
    pads = [(0, 0)] * (total.ndim - 1) + [(1, 0)]
    before = jnp.pad(total[..., :-1], pads)
    return total, _doubled(moved + turned * before, ratio)
