"""Missing entries of data: NaN, masked arrays and (values, mask) pairs, all made NaN and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.checks import as_array, check_values
from ..samplers.clamping import inside_values
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import complain
from .sources import Rows, pieces_of

if TYPE_CHECKING:
    from ..model import Model


def with_gaps(name: str, values: Any) -> np.ndarray:
    """Values as one array in which NaN stands for what is missing.

    A masked array is missing where its mask is true; of a pair (values, mask) what the mask does not
    hold is missing, as in a clamp. Raises EbmError E602 for a mask of another shape, E607 as `as_array`.
    """
    if isinstance(values, np.ma.MaskedArray):
        return _without(np.asarray(values.data), np.ma.getmaskarray(values))
    if not _is_pair(values):
        return as_array(name, values)
    array, mask = as_array(name, values[0]), np.asarray(values[1])
    try:
        held = np.broadcast_to(mask, array.shape)
    except ValueError:
        raise complain(
            "E602",
            f"`{name}` has shape {list(array.shape)} and its mask {list(mask.shape)}: a mask of the "
            "shape of the values is wanted, true where they are known",
        ) from None
    return _without(array, ~held)


def _is_pair(values: Any) -> bool:
    """Whether data are (values, mask) and not two examples: the mask is boolean, the values are not."""
    if not isinstance(values, tuple) or len(values) != 2:
        return False
    if np.asarray(values[1]).dtype != bool:
        return False
    return as_array("", values[0]).dtype != bool or np.ndim(values[0]) > 1


def _without(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if not missing.any():
        return array
    known = array if array.dtype.kind in "biuf" else np.array(array[~missing].tolist())
    if known.dtype.kind not in "biuf":
        return array  # which is refused as what it is
    real = np.full(array.shape, np.nan, known.dtype if known.dtype.kind == "f" else np.float64)
    real[~missing] = known[~missing] if known is array else known
    return real


def checked(model: Model, symbol: Symbol, array: np.ndarray) -> np.ndarray:
    """Data [example, dims] that fit a type, NaN where they are missing.

    One entry of a symmetric pair tells the other. Raises EbmError as `check_values` does, E604 for a
    simplex that is missing in part.
    """
    gaps = gaps_of(array)
    if not gaps.any():
        check_values(symbol, array, model.world)
        return array
    if symbol.symmetric:
        array = np.where(gaps, np.swapaxes(array, -1, -2), array)
    if symbol.hollow:
        array = np.where(np.eye(array.shape[-1], dtype=bool) & np.isnan(array), 0.0, array)
    gaps = np.isnan(array)
    if symbol.domain.kind is Kind.SIMPLEX:
        _must_be_whole(symbol, gaps)
    inside = inside_values(symbol, model, model.world.shape(symbol))
    check_values(symbol, np.where(gaps, inside, array), model.world)
    return array


def gaps_of(array: np.ndarray) -> np.ndarray:
    """Where entries are missing."""
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)


def _must_be_whole(symbol: Symbol, gaps: np.ndarray) -> None:
    parts = gaps.any(-1) & ~gaps.all(-1)
    if parts.any():
        place = ", ".join(str(k) for k in np.argwhere(parts)[0])
        raise complain(
            "E604",
            f"`{symbol.name}` is a simplex, which is missing whole or not at all: row {place} is "
            "missing in part",
            helps=["let every entry of such a row be NaN"],
        )


def ever_missing(arrays: Mapping[str, Rows]) -> dict[str, np.ndarray]:
    """For each variable with missing entries the mask [dims] of those that some example lacks.

    Rows are looked at in pieces, wherever they lie.
    """
    found = {
        name: np.logical_or.reduce([gaps_of(part).any(axis=0) for part, _ in pieces_of(rows)])
        for name, rows in arrays.items()
    }
    return {n: np.asarray(mask) for n, mask in found.items() if mask.any()}


def patterns(arrays: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Rows of the examples that lack the same entries, and the masks [dims] of what they know."""
    known = {n: ~gaps_of(v) for n, v in arrays.items()}
    number = len(next(iter(known.values())))
    flat = np.concatenate([m.reshape(number, -1) for m in known.values()], axis=1)
    packed = np.packbits(flat, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return [
        (np.flatnonzero(which.reshape(-1) == k), {n: np.asarray(m[at]) for n, m in known.items()})
        for k, at in enumerate(first)
    ]


def refuse_gaps(name: str, values: Any) -> None:
    """Refuse given data with masked entries. Raises EbmError E604."""
    if np.ma.is_masked(values):
        raise complain(
            "E604",
            f"entries of the given `{name}` are masked, and given data are known",
            helps=[f"declare it visible {name}, and what is missing is a latent of its example"],
        )
