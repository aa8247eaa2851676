"""The columns of a table that shows itself by the dataframe interchange protocol.

Source: https://data-apis.org/dataframe-protocol/latest/API.html, whose numbers of types and of ways
to mark what is missing are used here.
"""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np

from ..syntax.diagnostics import complain

NUMBERS = {0: "i", 1: "u", 2: "f"}
BOOLEAN, TEXT, DATE, CATEGORICAL = 20, 21, 22, 23
SENTINEL, BITS, BYTES = 2, 3, 4  # ways to mark what is missing
CPU = 1


def interchanged(name: str, frame: Any) -> list[tuple[str, np.ndarray]]:
    """Each column with its name; objects with None where text is missing, floats with NaN otherwise.

    Raises EbmError E607 for a column of another kind, or one that is not in main memory.
    """
    table = frame.__dataframe__(allow_copy=True)
    chunks = list(table.get_chunks()) if table.num_chunks() > 1 else [table]
    found = []
    for label in table.column_names():
        parts = [_column(name, chunk.get_column_by_name(label)) for chunk in chunks]
        found.append((str(label), np.concatenate(parts)))
    return found


def _column(name: str, column: Any) -> np.ndarray:
    if getattr(column, "num_chunks", lambda: 1)() > 1:
        return np.concatenate([_column(name, part) for part in column.get_chunks()])
    size = int(column.size())
    values = _values(name, column, size)
    missing = _missing(name, column, size, values)
    if int(column.dtype[0]) == CATEGORICAL:
        values, missing = _named(name, column, values, missing)
    if not missing.any():
        return values
    if values.dtype.kind in "OM":
        found = values.astype(object)
        found[missing] = None
        return found
    return np.where(missing, np.nan, values.astype(np.float64))


def _values(name: str, column: Any, size: int) -> np.ndarray:
    """The entries as they are stored: the codes of a categorical column."""
    if not size:
        return np.zeros(0)
    buffers, (kind, *_) = column.get_buffers(), column.dtype
    buffer, (stored, bits, *_) = buffers["data"]
    if int(kind) == TEXT:
        return _texts(name, buffers, column.offset, size)
    memory = _memory(name, buffer)
    if int(kind) == BOOLEAN and bits == 1:
        return _bits(memory, column.offset, size)
    if int(kind) == BOOLEAN:
        return memory[column.offset : column.offset + size] != 0
    if int(kind) not in (*NUMBERS, DATE, CATEGORICAL):
        raise complain("E607", f"a column of the table given for `{name}` holds no numbers")
    numbers = memory.view(f"{NUMBERS.get(int(stored), 'i')}{bits // 8}")
    numbers = numbers[column.offset : column.offset + size]
    return numbers.astype("M8[us]") if int(kind) == DATE else numbers


def _texts(name: str, buffers: Any, first: int, size: int) -> np.ndarray:
    """Text in UTF-8, one after another: the offsets say where each begins."""
    memory = _memory(name, buffers["data"][0]).tobytes()
    offsets, (_, bits, *_) = buffers["offsets"]
    ends = _memory(name, offsets).view(f"i{bits // 8}")[first : first + size + 1].tolist()
    texts = [memory[a:b].decode() for a, b in itertools.pairwise(ends)]
    return np.array(texts, object)


def _missing(name: str, column: Any, size: int, values: np.ndarray) -> np.ndarray:
    """Where entries are missing, in whatever way the column marks them; NaN stays as it is."""
    kind, mark = column.describe_null
    if int(kind) == SENTINEL and size:
        return np.asarray(values == mark)
    if int(kind) not in (BITS, BYTES) or not size:
        return np.zeros(size, bool)
    found = column.get_buffers()["validity"]
    if found is None:
        return np.zeros(size, bool)
    memory = _memory(name, found[0])
    if int(kind) == BYTES:
        return (memory[column.offset : column.offset + size] != 0) == bool(mark)
    return _bits(memory, column.offset, size) == bool(mark)


def _named(
    name: str, column: Any, codes: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the codes of a categorical column stand for, and where there is nothing."""
    described = column.describe_categorical
    if not described["is_dictionary"] or described["categories"] is None:
        raise complain("E607", f"a column of the table given for `{name}` does not tell its labels")
    every = _column(name, described["categories"])
    codes = codes.astype(np.int64)
    missing = missing | (codes < 0) | (codes >= len(every))
    if not len(every):
        return np.full(len(codes), np.nan), missing
    return every[np.where(missing, 0, codes)], missing


def _bits(memory: np.ndarray, first: int, size: int) -> np.ndarray:
    return np.unpackbits(memory, bitorder="little")[first : first + size] != 0


def _memory(name: str, buffer: Any) -> np.ndarray:
    """A copy of the bytes of a buffer."""
    if int(buffer.__dlpack_device__()[0]) != CPU:
        raise complain("E607", f"a column of the table given for `{name}` is not in main memory")
    if not buffer.bufsize:
        return np.zeros(0, np.uint8)
    return np.frombuffer(ctypes.string_at(buffer.ptr, buffer.bufsize), np.uint8)
