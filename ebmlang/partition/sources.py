"""Rows of data wherever they lie: in memory, in a mapped file, behind anything that can be sliced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from ..analysis.world import World
from ..backend.arrays import as_array, is_foreign, is_sparse
from ..backend.checks import check_values
from ..semantics.terms import Symbol

CHUNK = 1 << 26  # bytes of rows that are looked at together
DENSE = 1 << 27  # entries of a sparse matrix that are held with all their zeros
NEAR = 1 << 16  # bytes between two rows that are read over rather than skipped


@runtime_checkable
class Sliced(Protocol):
    """An array that lies elsewhere and gives rows by slices: of h5py, Zarr, TensorStore and others."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes, the first of them the number of rows."""
        ...

    @property
    def dtype(self) -> Any:
        """The type of its numbers."""
        ...

    def __getitem__(self, rows: slice) -> Any:
        """Neighbouring rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Rows of an array that lies elsewhere, read when they are asked for and never all at once.

    Only slices are asked of it. Rows in any order are read in theirs, with small gaps read over:
    HDF5 and its kin give neighbours at once, and single rows slowly.
    """

    source: Sliced
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        """How many axes there are, that of the rows among them."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        match rows:
            case slice():
                return np.asarray(self.source[rows])
            case np.ndarray():
                return self._picked(rows)
            case _:
                place = range(len(self))[rows]
                return np.asarray(self.source[place : place + 1])[0]

    def _picked(self, rows: np.ndarray) -> np.ndarray:
        """Rows by number, in the shape of the numbers."""
        wanted, places = np.unique(rows, return_inverse=True)
        found = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        size = bytes_of_row(self)
        for start, end in _runs(wanted, max(1, NEAR // size), max(1, CHUNK // size)):
            first = int(wanted[start])
            read = np.asarray(self.source[first : int(wanted[end - 1]) + 1])
            found[start:end] = read[wanted[start:end] - first]
        return found[places.reshape(rows.shape)]


Rows = np.ndarray | Stored


def _runs(wanted: np.ndarray, gap: int, most: int) -> Iterator[tuple[int, int]]:
    """Where runs of rising numbers begin and end that lie close enough to be read together."""
    start = 0
    apart = np.flatnonzero(np.diff(wanted) > gap) + 1
    for end in (*apart.tolist(), len(wanted)):
        while start < end:
            reach = int(np.searchsorted(wanted[start:end], wanted[start] + most))
            yield start, start + reach
            start += reach


def bytes_of_row(rows: Rows) -> int:
    """How much one row takes, at least a byte."""
    return max(1, int(np.prod(rows.shape[1:])) * rows.dtype.itemsize)


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A sparse matrix that gives rows with all their zeros."""

    matrix: Any
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.asarray(self.matrix[rows].toarray())


def rows_of(name: str, value: Any, symbol: Symbol | None = None) -> Rows:
    """Data of a variable as rows, in memory only if they already are.

    Raises EbmError as `as_array` does.
    """
    if isinstance(value, Stored):
        return value
    if is_sparse(value) and np.prod(value.shape, dtype=float) > DENSE and len(value.shape) == 2:
        value = Dense(value.tocsr(), tuple(value.shape), np.dtype(value.dtype))
    if isinstance(value, np.ndarray) or is_foreign(value):
        return as_array(name, value, symbol)
    if isinstance(value, Sliced) and not isinstance(value, jax.Array | np.generic):
        shape = tuple(value.shape)
        try:
            first = np.asarray(value[0:1])
        except (TypeError, KeyError, IndexError, NotImplementedError):
            return as_array(name, value, symbol)
        if shape and first.shape == (min(1, shape[0]), *shape[1:]):
            return Stored(value, shape, first.dtype)
    return as_array(name, value, symbol)


def whole(rows: Rows) -> np.ndarray:
    """All rows in memory, for what needs them so."""
    return rows if isinstance(rows, np.ndarray) else rows[:]


def in_memory(arrays: Mapping[str, Rows]) -> dict[str, np.ndarray]:
    """All rows of each in memory."""
    return {n: whole(v) for n, v in arrays.items()}


def spans(arrays: Mapping[str, Rows], most: int = CHUNK) -> Iterator[slice]:
    """Pieces of neighbouring rows, of so many bytes at most and one row at least."""
    number = min((len(v) for v in arrays.values()), default=0)
    step = max(1, most // max(1, sum(bytes_of_row(v) for v in arrays.values())))
    for start in range(0, number, step):
        yield slice(start, min(start + step, number))


def pieces_of(rows: Rows) -> Iterator[tuple[np.ndarray, slice | None]]:
    """Pieces of neighbouring rows, and which they are; None where one is all."""
    for span in spans({"": rows}):
        yield rows[span], None if span == slice(0, len(rows)) else span


def check_rows(symbol: Symbol, rows: Rows, world: World) -> None:
    """Refuse rows outside a type, read piece by piece. Raises EbmError as `check_values` does."""
    for part, span in pieces_of(rows):
        check_values(symbol, part, world, rows=span)


def filled_up(number: int, size: int) -> Iterator[np.ndarray]:
    """Numbers of so many rows in parts of one length, the last part filled up with the last row."""
    for start in range(0, number, size):
        yield np.minimum(np.arange(start, start + size), number - 1)


def fingerprint(value: Rows | Any) -> str:
    """Shape, type and a digest of every byte of an array, read piece by piece."""
    array = value if isinstance(value, Stored) else np.asarray(value)
    made = hashlib.blake2b(digest_size=16)
    parts = (part for part, _ in pieces_of(array)) if array.ndim else (whole(array),)
    for part in map(np.ascontiguousarray, parts):
        if part.size:
            made.update(part.data)
    return f"{made.hexdigest()} {array.dtype} {list(array.shape)}"
