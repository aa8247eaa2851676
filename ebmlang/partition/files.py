"""Arrays of .npz, .npy, .csv and .h5 files by name; .npy and .h5 are read row by row as rows are asked for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from ..semantics.terms import Program
from ..syntax.diagnostics import complain
from .sources import Rows, rows_of, whole

MOST_TEXT = 1 << 30  # bytes of a .csv file
SHRUNK = 1100  # how many times smaller than its contents a member of an archive may be

ENDINGS = (".npz", ".npy", ".csv", ".h5", ".hdf5")
HDF5 = (".h5", ".hdf5")


def is_path(value: Any) -> bool:
    """Whether a value says where data lie, instead of being data."""
    return isinstance(value, str | Path)


def arrays_for(program: Program, path: str | Path) -> dict[str, Rows]:
    """The arrays of a file that have names of a program; a lone array belongs to the lone visible.

    Raises EbmError E608 for a file that cannot be read, E606 for names that fit nothing.
    """
    names = {*program.unknowns, *program.givens}
    arrays = open_arrays(path, names)
    known = {n: a for n, a in arrays.items() if n in names}
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
    arrays = open_arrays(path, {name})
    if name in arrays:
        return arrays[name]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise complain("E606", f"{path} holds {_names(arrays)}, and none is called `{name}`")


def _names(arrays: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in arrays) or "no array"


def read_arrays(path: Path, wanted: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name, as `open_arrays` finds them, in memory."""
    return {n: np.array(whole(v)) for n, v in open_arrays(path, wanted).items()}


def open_arrays(path: str | Path, wanted: Collection[str] | None = None) -> dict[str, Rows]:
    """The arrays of a file by name; the one of .npy or .csv is named after the file.

    Of an .npz file that holds any of the names that are wanted, only these are read, and of one that
    holds none of them only a lone array; of others the names alone are told.

    Those of .npy are mapped, those of .h5 read when rows are asked for; others are read.
    Raises EbmError E608 if the file cannot be read.
    """
    path, inside = _parted(path)
    if not path.is_file():
        raise complain("E608", f"there is no file {path}")
    try:
        match path.suffix.lower():
            case ".npz":
                return _npz(path, wanted)
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
    except MemoryError:
        raise complain("E608", f"{path} does not fit into memory") from None
    except _BROKEN as error:
        if "pickle" in str(error) or "Python objects" in str(error):
            raise complain("E608", f"{path} cannot be read: it holds no array of numbers") from None
        raise complain("E608", f"{path} cannot be read: {error}") from None


def _parted(path: str | Path) -> tuple[Path, str]:
    """`data.h5:group/name` as the file and what is meant inside; any other path as it is."""
    before, colon, inside = str(path).rpartition(":")
    if colon and before.lower().endswith(HDF5):
        return Path(before), inside
    return Path(path), ""


_BROKEN = (OSError, ValueError, EOFError, KeyError, BadZipFile, NotImplementedError, RuntimeError)


def _npz(path: Path, wanted: Collection[str] | None) -> dict[str, Rows]:
    """The wanted arrays of an archive, each read only if its header agrees with what the archive holds."""
    with ZipFile(path) as archive:
        sizes = {i.filename: (i.file_size, i.compress_size) for i in archive.infolist()}
        members = {name.removesuffix(".npy"): name for name in sizes}
        chosen = [n for n in members if wanted is None or n in wanted]
        if not chosen and len(members) > 1:
            return dict.fromkeys(members, np.zeros(0))
        found: dict[str, Rows] = {}
        for name in chosen or members:
            size, packed = sizes[members[name]]
            if packed > path.stat().st_size or size > SHRUNK * packed + 1024:
                raise ValueError(f"the size of `{name}` does not agree with the archive")
            with archive.open(members[name]) as file:
                _check_header(name, file, size)
            with archive.open(members[name]) as file:
                found[name] = np.lib.format.read_array(file, allow_pickle=False)
        return found


def _check_header(name: str, file: IO[bytes], size: int) -> None:
    """Refuse an array whose header tells of another number of bytes than there are in its file."""
    version = np.lib.format.read_magic(file)
    read = getattr(np.lib.format, f"read_array_header_{version[0]}_0", None)
    if read is None:
        read = np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    there = size - file.tell()
    if kind.hasobject:
        raise ValueError("it holds Python objects")
    if math.prod(shape) * kind.itemsize != there:
        raise ValueError(
            f"`{name}` is an array {list(shape)} by its header, which is not what its {there} bytes hold"
        )


def _mapped(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        _check_header(path.stem, file, path.stat().st_size)
        file.seek(0)
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
    found = {
        str(name): item for name in file if (item := _own_dataset(file, str(name))) is not None
    }
    if inside:
        chosen = _own_dataset(file, inside)
        if chosen is None:
            raise complain("E606", f"{path} holds {_names(found)}, and none is called `{inside}`")
        found = {inside.rpartition("/")[2]: chosen}
    return {n: rows_of(n, v) if v.ndim else np.asarray(v) for n, v in found.items()}


def _own_dataset(file: Any, path: str) -> Any:
    """The array at a path of an HDF5 file, None if there is none; E608 if its numbers lie elsewhere."""
    import h5py

    place = ""
    for part in path.strip("/").split("/"):
        place += f"/{part}"
        link = (
            file.get(place, getlink=True) if file.get(place, getclass=True, getlink=True) else None
        )
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise complain(
                "E608", f"`{place}` of {file.filename} is a link, and links are not followed"
            )
    item = file[place]
    if not isinstance(item, h5py.Dataset):
        return None
    if item.external or item.is_virtual:
        raise complain("E608", f"the numbers of `{place}` lie in other files than {file.filename}")
    return item


def _csv(path: Path) -> np.ndarray:
    if path.stat().st_size > MOST_TEXT:
        raise complain(
            "E608", f"{path} is longer than {MOST_TEXT:,} bytes", helps=["save it as .npy"]
        )
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
