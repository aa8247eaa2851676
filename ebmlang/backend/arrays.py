"""Arrays of any make as NumPy arrays: lists, masked and sparse arrays, tensors, columns and tables.

What is missing (masked, None, NA, null) becomes NaN. No other library is imported: objects are
known by the methods that they have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from ..semantics.terms import Dimension, Symbol
from ..syntax.diagnostics import complain
from .interchange import interchanged

NOTHING = {
    "NoneType",
    "NAType",
    "NaTType",
}  # types of pandas' and Python's marks for what is missing


def as_array(name: str, values: Any, symbol: Symbol | None = None) -> np.ndarray:
    """Values as one array of numbers, NaN where they are missing; a table is [row, column].

    Text is taken as labels where `symbol` is a category of a dimension that has some.
    Raises EbmError: E601 for a table without columns, E603 for text that is no label, E607 for
    rows of different lengths and for what is no array.
    """
    if is_table(values):
        return _stacked(name, values, symbol)
    array = _plain(name, values)
    if array.dtype.kind in "OT":
        array = _unboxed(array.astype(object))
    labels = symbol.domain.labels if symbol is not None else None
    if array.dtype.kind in "OU" and labels is not None and labels.labels is not None:
        return _positions(name, array, labels)
    return array


def converted(name: str, values: Any, symbol: Symbol) -> Any:
    """Values for JAX: traced ones and arrays of numbers as they are, all else by `as_array`."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return as_array(name, values) if isinstance(values, np.ma.MaskedArray) else values
    import jax  # here, for what only checks a program must not wait for it
    import jax.numpy as jnp

    leaves = jax.tree.leaves(values) if isinstance(values, list | tuple) else [values]
    if any(isinstance(value, jax.Array) for value in leaves) and all(
        isinstance(value, jax.Array | Real | np.generic) for value in leaves
    ):
        return jnp.asarray(values)
    return as_array(name, values, symbol)


def is_foreign(values: Any) -> bool:
    """Whether values are to be converted as a whole before rows are taken from them."""
    return isinstance(values, np.ma.MaskedArray) or (
        is_sparse(values) or is_tensor(values) or _is_column(values) or is_table(values)
    )


def is_sparse(values: Any) -> bool:
    """Whether values are a sparse matrix or array, as those of SciPy."""
    return hasattr(values, "tocoo") and hasattr(values, "toarray")


def is_table(values: Any) -> bool:
    """Whether values are a table whose columns have names, as those of pandas, Polars and Arrow."""
    if isinstance(values, Mapping | type | np.ndarray) or _is_column(values):
        return False
    return hasattr(values, "__dataframe__") or hasattr(values, "__arrow_c_stream__")


def columns_of_table(name: str, table: Any) -> list[tuple[str, Any]]:
    """The columns of a table with their names. Raises EbmError E601 if it has none."""
    names = getattr(table, "columns", None)
    if hasattr(table, "iloc") and names is not None:  # pandas, with all its types
        found = [(str(label), table.iloc[:, k]) for k, label in enumerate(names)]
    elif hasattr(table, "column_names") and hasattr(table, "column"):  # Arrow
        found = [(label, table.column(k)) for k, label in enumerate(table.column_names)]
    elif isinstance(names, list) and all(isinstance(label, str) for label in names):  # Polars
        found = [(label, table[label]) for label in names]
    elif hasattr(table, "__dataframe__"):
        found = interchanged(name, table)
    else:
        found = interchanged(name, _by_arrow(name, table))
    if not found:
        raise complain("E601", f"the table given for `{name}` has no columns")
    return found


def _by_arrow(name: str, table: Any) -> Any:
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise complain(
            "E607",
            f"`{name}` is a table that only Arrow reads",
            helps=["pip install pyarrow", "or give an array: table.to_numpy()"],
        ) from None
    return pyarrow.table(table)


def _stacked(name: str, table: Any, symbol: Symbol | None) -> np.ndarray:
    """The columns of a table side by side; a lone one of a variable without dimensions is [row]."""
    found = columns_of_table(name, table)
    columns = [as_array(name, column, symbol) for _, column in found]
    wrong = [
        label
        for (label, _), column in zip(found, columns, strict=True)
        if column.dtype.kind not in "biuf"
    ]
    if wrong and len(wrong) < len(found):
        raise complain(
            "E603",
            f"column `{wrong[0]}` of the table given for `{name}` holds no numbers",
            helps=[f"give the columns that `{name}` is made of, or codes: column.cat.codes"],
        )
    if len(columns) == 1 and symbol is not None and not symbol.dims:
        return columns[0]
    return np.stack(columns, axis=1)


def _plain(name: str, values: Any) -> np.ndarray:
    """Values as an array of whatever they hold."""
    if isinstance(values, np.ma.MaskedArray):
        return without(np.asarray(values.data), np.ma.getmaskarray(values))
    if is_sparse(values):
        return np.asarray(values.toarray())
    if is_tensor(values):
        return _from_tensor(values)
    if _is_column(values):
        return _from_column(values)
    if isinstance(values, list | tuple) and any(map(is_foreign, values[:1])):
        values = [as_array(name, part) for part in values]
    try:
        array = np.asarray(values)
    except ValueError:
        raise complain(
            "E607", f"the rows of `{name}` have different lengths, and an array is wanted"
        ) from None
    except (TypeError, RuntimeError) as error:
        raise complain(
            "E607", f"`{name}` is {_made_of(values)}, and NumPy cannot read it: {error}"
        ) from None
    if array.dtype.kind == "O" and not array.ndim:
        raise complain("E607", f"`{name}` is {_made_of(values)}, and an array of numbers is wanted")
    return array


def _made_of(values: Any) -> str:
    word = "None" if values is None else type(values).__name__
    return word if values is None else f"an object of type {word}"


def without(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The array with NaN where entries are missing."""
    if not missing.any():
        return array
    if array.dtype.kind not in "biuf":
        found = array.astype(object)
        found[missing] = None
        return found
    real = array if array.dtype.kind == "f" else array.astype(np.float64)
    return np.where(missing, np.nan, real).astype(real.dtype)


def is_tensor(values: Any) -> bool:
    """Whether values are a tensor of PyTorch, which may want a gradient or lie on a device."""
    return hasattr(values, "detach") and hasattr(values, "numpy")


def _from_tensor(values: Any) -> np.ndarray:
    """A tensor of PyTorch, without its gradient and in main memory."""
    values = values.detach()
    if "strided" not in str(getattr(values, "layout", "strided")):
        values = values.to_dense()
    values = values.cpu() if hasattr(values, "cpu") else values
    try:
        return np.asarray(values.numpy())
    except (TypeError, RuntimeError):  # a type that NumPy lacks, or values that are yet to be made
        values = values.resolve_conj() if hasattr(values, "resolve_conj") else values
        return np.asarray((values if values.is_complex() else values.float()).numpy())


def _is_column(values: Any) -> bool:
    """Whether values are a column of a table: of pandas, Polars or Arrow."""
    typed = hasattr(values, "isna") or hasattr(values, "null_count") or hasattr(values, "is_null")
    return typed and hasattr(values, "to_numpy") and not hasattr(values, "columns")


def _from_column(values: Any) -> np.ndarray:
    if isinstance(getattr(values, "dtype", None), np.dtype) and values.dtype.kind in "biufcmM":
        return np.asarray(values)
    if hasattr(values, "isna"):  # pandas: its marks for what is missing are objects
        return np.asarray(values.to_numpy(dtype=object), object)
    for method in ("to_pylist", "to_list"):  # Arrow and Polars: None is missing
        if hasattr(values, method):
            return np.array(getattr(values, method)(), object)
    return np.asarray(values.to_numpy())


def _unboxed(array: np.ndarray) -> np.ndarray:
    """An array of objects as numbers with NaN, or as text with None, if it holds nothing else."""
    flat = array.reshape(-1)
    missing = np.array([_is_missing(value) for value in flat], bool)
    known = flat[~missing]
    if all(isinstance(value, Real | np.bool_ | Decimal) for value in known):
        kept = [float(v) if isinstance(v, Decimal | Fraction) else v for v in known.tolist()]
        if not missing.any():
            return np.array(kept).reshape(array.shape)
        numbers = np.full(len(flat), np.nan)
        numbers[~missing] = kept
        return numbers.reshape(array.shape)
    if all(isinstance(value, str) for value in known) and not missing.any():
        return array.astype(str)
    if missing.any():
        flat = flat.copy()
        flat[missing] = None
    return flat.reshape(array.shape)


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in NOTHING or (isinstance(value, float) and value != value)


def _positions(name: str, array: np.ndarray, dim: Dimension) -> np.ndarray:
    """Text as positions of its labels in a dimension, NaN where it is missing."""
    every: Sequence[str] = dim.labels or ""
    place: dict[Any, float] = {label: k for k, label in enumerate(every)}
    flat = array.reshape(-1).tolist()
    missing = np.array([value is None for value in flat], bool)
    for k, value in enumerate(flat):
        if value is not None and value not in place:
            at = ", ".join(str(int(i)) for i in np.unravel_index(k, array.shape))
            raise complain(
                "E603",
                f"`{name}` is an element of `{dim.name}`, but the data hold {_shown(value)} at [{at}]",
                notes=["its labels are " + " ".join(every)],
            )
    found = np.array([place.get(value, 0) for value in flat], np.int64)
    return without(found, missing).reshape(array.shape)


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else text[:40] + "…"
