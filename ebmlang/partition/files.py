"""Arrays of .npz, .npy, .csv and .h5 files by name; .npy and .h5 are read row by row as rows are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..semantics.terms import Program
from ..syntax.diagnostics import complain
from .sources import Rows, rows_of, whole

ENDINGS = (".npz", ".npy", ".csv", ".h5", ".hdf5")
HDF5 = (".h5", ".hdf5")


def is_path(value: Any) -> bool:
    """Whether a value says where data lie, instead of being data."""
    return isinstance(value, str | Path)


def arrays_for(program: Program, path: str | Path) -> dict[str, Rows]:
    """The arrays of a file that have names of a program; a lone array belongs to the lone visible.

    Raises EbmError E608 for a file that cannot be read, E606 for names that fit nothing.
    """
    arrays = open_arrays(path)
    known = {n: a for n, a in arrays.items() if n in program.unknowns or n in program.givens}
    if known:
        return known
    visible = [n for n, s in program.unknowns.items() if s.role == "visible"]
    if len(arrays) != 1 or len(visible) != 1:
        raise complain(
            "E606",
            f"{path} holds {_names(arrays)}, and the model wants {', '.join(visible)}",
            helps=[f"say which is which: {visible[0] if visible else 'v'}={path}"],
        )
    return {visible[0]: next(iter(arrays.values()))}


def only_rows(path: str | Path, name: str) -> Rows:
    """The array of that name in a file, or its only one; `data.h5:group/name` says which.

    Raises EbmError E608 for a file that cannot be read, E606 if it is not clear which array.
    """
    arrays = open_arrays(path)
    if name in arrays:
        return arrays[name]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise complain("E606", f"{path} holds {_names(arrays)}, and none is called `{name}`")


def _names(arrays: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in arrays) or "no array"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name, in memory. Raises EbmError E608 if the file cannot be read."""
    return {n: np.array(whole(v)) for n, v in open_arrays(path).items()}


def open_arrays(path: str | Path) -> dict[str, Rows]:
    """All arrays of a file by name; the one of .npy or .csv is named after the file.

    Those of .npy are mapped, those of .h5 read when rows are asked for; others are read.
    Raises EbmError E608 if the file cannot be read.
    """
    path, inside = _parted(path)
    if not path.is_file():
        raise complain("E608", f"there is no file {path}")
    try:
        match path.suffix.lower():
            case ".npz":
                with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                    return {n: arrays[n] for n in arrays.files}
            case ".npy":
                return {path.stem: _mapped(path)}
            case ".csv":
                return {path.stem: _csv(path)}
            case ".h5" | ".hdf5":
                return _hdf5(path, inside)
            case other:
                raise complain(
                    "E608", f"{path} ends with `{other}`", notes=[f"known are {', '.join(ENDINGS)}"]
                )
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        if "pickle" in str(error) or "Python objects" in str(error):
            raise complain("E608", f"{path} cannot be read: it holds no array of numbers") from None
        raise complain("E608", f"{path} cannot be read: {error}") from None


def _parted(path: str | Path) -> tuple[Path, str]:
    """`data.h5:group/name` as the file and what is meant inside; any other path as it is."""
    before, colon, inside = str(path).rpartition(":")
    if colon and before.lower().endswith(HDF5):
        return Path(before), inside
    return Path(path), ""


def _mapped(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "empty" not in str(error):
                raise
        return np.load(file, allow_pickle=False)  # without a single number there is nothing to map


def _hdf5(path: Path, inside: str) -> dict[str, Rows]:
    try:
        import h5py
    except ImportError:
        raise complain("E608", f"{path} needs h5py", helps=["pip install h5py"]) from None
    file = h5py.File(path)  # stays open as long as an array of it is in use
    found = {str(name): item for name in file if isinstance(item := file[name], h5py.Dataset)}
    if inside:
        chosen = file.get(inside)
        if not isinstance(chosen, h5py.Dataset):
            raise complain("E606", f"{path} holds {_names(found)}, and none is called `{inside}`")
        found = {inside.rpartition("/")[2]: chosen}
    return {n: rows_of(n, v) if v.ndim else np.asarray(v) for n, v in found.items()}


def _csv(path: Path) -> np.ndarray:
    text = path.read_text(encoding="utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise complain("E608", f"{path} is empty")
    head = [cell.strip() for cell in lines[0].split(",")]
    skip = 0 if all(_number(cell) is not None for cell in head) else 1
    rows = []
    for k, line in enumerate(lines[skip:], skip):
        cells = [cell.strip() for cell in line.split(",")]
        values = [_number(cell) for cell in cells]
        if None in values:
            column = values.index(None)
            raise complain(
                "E608", f"{path}, line {k + 1}, column {column + 1}: `{cells[column]}` is no number"
            )
        if rows and len(values) != len(rows[0]):
            raise complain(
                "E608",
                f"{path}, line {k + 1} has {len(values)} values, and those before {len(rows[0])}",
            )
        rows.append([v for v in values if v is not None])
    return np.array(rows)


def _number(cell: str) -> float | None:
    if cell == "":
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None
