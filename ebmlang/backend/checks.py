"""Values against their declared type: the first entry that does not fit, and how many do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..analysis.world import World
from ..semantics.terms import Bound, Domain, Kind, Symbol
from ..syntax.diagnostics import complain

TOLERANCE = 1e-4
STORED = 31  # bits of a whole number beside its sign


def real_numbers(array: Any) -> bool:
    """Whether an array of NumPy or JAX, which may be traced, is of real numbers."""
    import jax.numpy as jnp  # here, for what only checks a program must not wait for it

    return array.dtype.kind in "biuf" or bool(jnp.issubdtype(array.dtype, jnp.floating))


def check_values(
    symbol: Symbol,
    values: Any,
    world: World,
    *,
    missing: bool = False,
    where: str = "the data hold",
    rows: slice | None = None,
) -> None:
    """Refuse values outside a type. The last axes are the declared ones; any may lead.

    `missing`: NaN stands for an entry that is not known and passes. `rows`: which of all they are,
    where data are looked at piece by piece.
    Raises EbmError: E604 for NaN or infinity, E603 for a value outside the type, E609 for an
    array that is not symmetric or hollow as declared.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        kind = _KINDS.get(array.dtype.kind, f"of type {array.dtype}")
        raise complain(
            "E603",
            f"`{symbol.name}` is {describe(symbol.domain)}, but the data are {kind}",
            helps=_as_numbers(symbol, array),
        )
    if array.dtype.kind == "f":
        strange = np.isinf(array) if missing else ~np.isfinite(array)
        if strange.any():
            _refuse("E604", symbol, array, strange, where, rows)
        array = (
            np.where(np.isnan(array), _inside(symbol.domain, world), array) if missing else array
        )
    outside = ~_fits(array, symbol.domain, world)
    if symbol.domain.kind is Kind.INTEGER and (np.abs(array) >= 1 << STORED).any():
        largest = array.flat[np.argmax(np.abs(array))]
        raise complain(
            "E603",
            f"`{symbol.name}` holds {_text(largest)}, and whole numbers are stored below 2^{STORED}",
            helps=[f"declare `{symbol.name}` as real, or give it in a larger unit"],
        )
    if symbol.hollow:
        outside &= ~np.eye(array.shape[-1], dtype=bool)
    if outside.any():
        _refuse("E603", symbol, array, outside, where, rows)
    _check_shape(symbol, array, rows)


_KINDS = {"U": "text", "S": "text", "c": "complex numbers", "M": "dates", "m": "durations",
          "O": "Python objects"}  # fmt: skip


def _as_numbers(symbol: Symbol, array: np.ndarray) -> list[str]:
    """How text becomes what an array holds."""
    if array.dtype.kind not in "OU":
        return []
    dim = symbol.domain.labels
    if dim is not None:
        return [
            "labels become positions by np.unique(data, return_inverse=True)",
            f'or by the letters of the dimension, in their order: dim {dim.name} = "ABC"',
        ]
    return ["numbers in quotes become numbers by np.asarray(data, float)"]


def _check_shape(symbol: Symbol, array: np.ndarray, rows: slice | None) -> None:
    if symbol.domain.kind is Kind.SIMPLEX:
        off = np.abs(array.sum(-1) - 1) > TOLERANCE
        if off.any():
            first = tuple(np.argwhere(off)[0])
            total = float(array.sum(-1)[first])
            place = _place(_counted(np.array(first), rows))
            raise complain(
                "E603",
                f"`{symbol.name}`{place} sums to {total:.6g}, and a simplex to 1",
                helps=["a / a.sum(-1, keepdims=True) does"] if (array.sum(-1) > 0).all() else [],
            )
    if symbol.symmetric and not np.allclose(array, np.swapaxes(array, -1, -2), atol=TOLERANCE):
        bad = np.argwhere(~np.isclose(array, np.swapaxes(array, -1, -2), atol=TOLERANCE))[0]
        i, j = bad[-2:]
        raise complain(
            "E609",
            f"`{symbol.name}` is symmetric, but entries [{i}, {j}] and [{j}, {i}] differ",
            helps=["(a + a.T) / 2 is symmetric"],
        )
    if symbol.hollow:
        diagonal = np.diagonal(array, axis1=-2, axis2=-1)
        if np.any(diagonal != 0):
            k = int(np.argwhere(diagonal != 0)[0][-1])
            raise complain("E609", f"`{symbol.name}` is hollow, but entry [{k}, {k}] is not zero")


def _refuse(
    code: str, symbol: Symbol, array: np.ndarray, wrong: np.ndarray, where: str, rows: slice | None
) -> None:
    first = np.argwhere(wrong)[0]
    value = array[tuple(first)]
    first = _counted(first, rows)
    number = int(wrong.sum())
    leading = array.ndim - len(symbol.dims)
    notes = []
    if number > 1:
        there = "" if rows is None else f" in rows {rows.start} to {rows.stop - 1}"
        notes.append(f"{number:,} of {array.size:,} entries do not fit".replace(",", " ") + there)
    if array.ndim == 2 and leading == 1:
        notes.insert(0, f"row {first[0]}, column {first[1]}, counted from 0")
    raise complain(
        code,
        f"`{symbol.name}` is {describe(symbol.domain)}, but {where} {_text(value)}{_at(first)}",
        notes=notes,
        helps=_helps(symbol, array),
    )


def _counted(place: np.ndarray, rows: slice | None) -> np.ndarray:
    """A place among all rows from one in a piece of them."""
    return place if rows is None else np.array([place[0] + rows.start, *place[1:]])


def _text(value: Any) -> str:
    return f"{float(value):.6g}"


def _at(place: np.ndarray) -> str:
    return f" at {_place(place)}" if len(place) else ""


def _place(place: np.ndarray) -> str:
    return "[" + ", ".join(str(int(k)) for k in place) + "]" if len(place) else ""


def _helps(symbol: Symbol, array: np.ndarray) -> list[str]:
    kind, name = symbol.domain.kind, symbol.name
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return []
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if kind is Kind.BINARY and finite.size and set(np.unique(finite[:1000])) <= {-1.0, 1.0}:
        return [f"spins become binary by ({name} + 1) / 2, or declare `{name}` as spin"]
    if kind is Kind.SPIN and finite.size and set(np.unique(finite[:1000])) <= {0.0, 1.0}:
        return [f"binary values become spins by 2 * {name} - 1, or declare `{name}` as binary"]
    if kind is Kind.BINARY and finite.size and finite.min() >= 0 and finite.max() <= 1:
        return [f"threshold them ({name} > 0.5), or declare `{name}` as real<0, 1>"]
    return []


def describe(domain: Domain) -> str:
    """`binary`, `an element of aa`, `real<0, 1>`, … for messages."""
    match domain.kind:
        case Kind.CATEGORY if domain.labels is not None:
            return f"an element of `{domain.labels.name}`"
        case Kind.REAL | Kind.INTEGER if domain.lower is not None or domain.upper is not None:
            return f"{domain.kind}<{_bound(domain.lower, '-inf')}, {_bound(domain.upper, 'inf')}>"
        case _:
            return str(domain.kind)


def _bound(bound: Bound | None, none: str) -> str:
    return none if bound is None else f"{bound:g}" if isinstance(bound, float) else str(bound)


def limits(domain: Domain, world: World) -> tuple[float, float]:
    """The smallest and largest value of a type; infinite where there is none."""
    match domain.kind:
        case Kind.BINARY | Kind.SIMPLEX:
            return 0.0, 1.0
        case Kind.SPIN:
            return -1.0, 1.0
        case Kind.CATEGORY if domain.labels is not None:
            return 0.0, world.sizes.get(domain.labels.name, np.inf) - 1.0
        case Kind.POSITIVE:
            return 0.0, np.inf
        case Kind.ANGLE:
            return 0.0, 2 * np.pi
        case _:
            low = -np.inf if domain.lower is None else world.value(domain.lower)
            return low, np.inf if domain.upper is None else world.value(domain.upper)


def _inside(domain: Domain, world: World) -> float:
    low, high = limits(domain, world)
    return (
        low
        if np.isfinite(low) and domain.discrete
        else 0.5 * ((low if np.isfinite(low) else 0.0) + (high if np.isfinite(high) else 1.0))
    )


def _fits(array: np.ndarray, domain: Domain, world: World) -> np.ndarray:
    low, high = limits(domain, world)
    if domain.kind is Kind.SPIN:
        return np.abs(array) == 1
    inside = (array >= low) & (array <= high)
    if domain.kind is Kind.POSITIVE:
        inside = array > 0
    if domain.discrete and array.dtype.kind == "f":
        inside &= array == np.rint(array)
    return inside
