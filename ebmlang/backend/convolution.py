"""Sums such as `sum(p, q) F[k, p, q] * x[i+p, j+q]` as convolutions, without an unfolded array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..semantics.subscripts import shifted
from ..semantics.terms import Apply, Constant, Dimension, Index, Position, Read, Term, Whole
from ..semantics.traverse import free_indices
from .labelled import Labelled

if TYPE_CHECKING:
    from .lower import Lowering


@dataclass(frozen=True, slots=True)
class Window:
    """One subscript `i + p + shift`: the place, the window over which is summed, the constant."""

    place: Index
    window: Index
    shift: int


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A read whose subscripts are windows or single indices, and the factors that weigh them."""

    read: Read
    windows: dict[int, Window]
    plain: dict[int, Index]
    kernel: list[Term]
    rest: list[Term]


def convolved(
    factors: list[Term],
    axes: list[Index],
    masks: list[Term],
    lowering: Lowering,
    product: Callable[[list[Term]], Labelled],
) -> tuple[list[Labelled], list[Index]] | None:
    """The factors of a contraction with a windowed read and its kernel made one array, if any fits.

    Also the indices that remain to be summed. `product` multiplies factors without summing.
    """
    for factor in factors:
        if isinstance(factor, Read) and factor.symbol.unknown:
            match = _match(factor, [f for f in factors if f is not factor], axes, masks, lowering)
            if match is not None:
                rest = [lowering.term(part) for part in match.rest]
                moved, done = _convolve(match, product(match.kernel), lowering)
                left = [axis for axis in axes if axis not in done]
                return [moved, *rest], left
    return None


def _match(
    read: Read, others: list[Term], axes: list[Index], masks: list[Term], lowering: Lowering
) -> Match | None:
    windows: dict[int, Window] = {}
    plain: dict[int, Index] = {}
    for k, subscript in enumerate(read.subscripts):
        alone = shifted(subscript)
        found = _window(subscript, axes, lowering)
        if alone is not None and alone[1] == 0 and _whole(alone[0], read, k):
            plain[k] = alone[0]
        elif found is not None and _fits(found, read, k, lowering):
            windows[k] = found
        else:
            return None
    used = [w for pair in windows.values() for w in (pair.place, pair.window)]
    used += list(plain.values())
    if not windows or len(set(used)) < len(used):
        return None
    summed = {w.window for w in windows.values()}
    kernel = [f for f in others if free_indices(f) & summed]
    rest = [f for f in others if f not in kernel]
    inside = set().union(*(free_indices(f) for f in kernel)) if kernel else set()
    places = {w.place for w in windows.values()}
    masked = any(free_indices(mask) & summed for mask in masks)
    shared = {label for label in plain.values() if label in inside}
    kept = any(label not in axes or _stands(label, rest) for label in shared)
    if masked or not summed <= inside or inside & places or kept:
        return None
    return Match(read, windows, plain, kernel, rest)


def _stands(label: Index, terms: list[Term]) -> bool:
    return any(label in free_indices(term) for term in terms)


def _whole(index: Index, read: Read, k: int) -> bool:
    return isinstance(index.range, Whole) and index.range.dim is read.symbol.dims[k]


def _window(subscript: Term, axes: list[Index], lowering: Lowering) -> Window | None:
    """`i + p`, perhaps with a constant; the shorter one that is summed is the window."""
    match subscript:
        case Apply(function="+" | "-" as sign, arguments=(inner, Constant(value=value))):
            found = _window(inner, axes, lowering)
            step = int(value) if sign == "+" else -int(value)
            return found and Window(found.place, found.window, found.shift + step)
        case Apply(function="+", arguments=(Position(index=i), Position(index=j))):
            if not (i.has_axis and j.has_axis) or i is j:
                return None
            short = [w for w in (i, j) if w in axes]
            if not short:
                return None
            window = min(short, key=lowering.world.length)
            return Window(i if window is j else j, window, 0)
        case _:
            return None


def _fits(window: Window, read: Read, k: int, lowering: Lowering) -> bool:
    """Whether the places and windows stay inside one turn of the dimension."""
    dim = read.symbol.dims[k]
    if not isinstance(dim, Dimension):
        return False
    if not dim.cyclic:
        return True
    size = lowering.world.sizes[dim.name]
    reach = lowering.world.length(window.place) + lowering.world.length(window.window) - 1
    return reach <= 2 * size


def _convolve(match: Match, weights: Labelled, lowering: Lowering) -> tuple[Labelled, list[Index]]:
    """The convolution and the indices it has summed; places and other labels remain as axes."""
    array = lowering.floating(lowering.stored(match.read.symbol))
    for k, window in match.windows.items():
        array = _stretch(array, k, window, match.read, lowering)
    summed = [w.window for w in match.windows.values()]
    channels = [i for i in match.plain.values() if i in weights.labels]
    lead = [i for i in match.plain.values() if i not in channels]
    out = [i for i in weights.labels if i not in summed and i not in channels]
    order = [k for k, i in match.plain.items() if i in lead]
    order += [k for k, i in match.plain.items() if i in channels]
    order += list(match.windows)
    left = array.transpose(order)
    sizes = left.shape
    left = left.reshape(
        -1, _product(sizes[len(lead) : len(match.plain)]), *sizes[len(match.plain) :]
    )
    kernel = lowering.floating(weights.array).transpose(
        [weights.labels.index(i) for i in (*out, *channels, *summed)]
    )
    shape = kernel.shape
    kernel = kernel.reshape(-1, left.shape[1], *shape[len(out) + len(channels) :])
    moved = jax.lax.conv_general_dilated(
        left, kernel, (1,) * len(summed), "VALID", precision=jax.lax.Precision.HIGHEST
    )
    places = [w.place for w in match.windows.values()]
    result = moved.reshape(*sizes[: len(lead)], *shape[: len(out)], *moved.shape[2:])
    return Labelled(result, (*lead, *out, *places)), [*summed, *channels]


def _product(sizes: tuple[int, ...]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _stretch(array: Any, axis: int, window: Window, read: Read, lowering: Lowering) -> Any:
    """The stretch of an axis that places and windows reach together, wrapped where it is cyclic."""
    low, high = lowering.world.limits(window.place)
    first, last = lowering.world.limits(window.window)
    start = low + first + window.shift
    length = (high - low) + (last - first) - 1
    dim = read.symbol.dims[axis]
    if isinstance(dim, Dimension) and dim.cyclic:
        size = array.shape[axis]
        array = jnp.roll(array, -(start % size), axis)
        pads = [(0, 0)] * array.ndim
        pads[axis] = (0, max(0, length - size))
        array = jnp.pad(array, pads, mode="wrap")
        start = 0
    return jax.lax.slice_in_dim(array, start, start + length, axis=axis)
