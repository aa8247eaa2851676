"""Bindings from `--set name=value`, and arrays from .npz, .npy, .csv and .h5 files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..semantics.context import nearest
from ..semantics.terms import Program
from ..syntax.diagnostics import complain

ENDINGS = (".npz", ".npy", ".csv", ".h5", ".hdf5")


def read_settings(program: Program, settings: Sequence[str]) -> dict[str, Any]:
    """`pixel=64`, `tau=0.5`, `bonds=edges.npy`: numbers, or files with arrays.

    Raises EbmError E708 for something that is not of that form.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or not name or not text:
            raise complain(
                "E708", f"`{setting}` is not of the form name=value", helps=["--set pixel=64"]
            )
        found[name] = _value(program, name, text)
    return found


def _value(program: Program, name: str, text: str) -> Any:
    if text.lower().endswith(ENDINGS):
        return only_array(Path(text), name)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return [float(part) for part in text.split(",")] if "," in text else float(text)
    except ValueError:
        raise complain(
            "E708",
            f"`{name}={text}` is neither a number nor a file of {', '.join(ENDINGS)}",
        ) from None


def read_data(program: Program, items: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays by name from `v=images.npy` or `data.npz`; a lone array belongs to the lone visible.

    Raises EbmError E608 for a file that cannot be read, E606 for names that fit nothing.
    """
    found: dict[str, np.ndarray] = {}
    for item in items:
        name, sign, text = item.partition("=")
        if sign and not Path(item).exists():
            _must_be_known(program, name)
            found[name] = only_array(Path(text), name)
            continue
        arrays = read_arrays(Path(item))
        known = {n: a for n, a in arrays.items() if n in program.unknowns or n in program.givens}
        if not known:
            visible = [n for n, s in program.unknowns.items() if s.role == "visible"]
            if len(arrays) != 1 or len(visible) != 1:
                raise complain(
                    "E606",
                    f"{item} holds {_names(arrays)}, and the model wants {', '.join(visible)}",
                    helps=[f"say which is which: {visible[0] if visible else 'v'}={item}"],
                )
            known = {visible[0]: next(iter(arrays.values()))}
        found |= known
    return found


def _must_be_known(program: Program, name: str) -> None:
    """Refuse data for a name that is neither a variable nor given data."""
    known = [*program.unknowns, *program.givens]
    if name not in known:
        near = nearest(name, known)
        raise complain(
            "E606",
            f"the model has no variable or given data `{name}`",
            notes=["it has " + ", ".join(known)],
            helps=[f"did you mean `{near}`?"] if near else [],
        )


def only_array(path: Path, name: str) -> np.ndarray:
    """The array of that name in a file, or its only one."""
    arrays = read_arrays(path)
    if name in arrays:
        return arrays[name]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise complain("E606", f"{path} holds {_names(arrays)}, and none is called `{name}`")


def _names(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(f"`{n}`" for n in arrays) or "no array"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name; the one of .npy or .csv is named after the file.

    Raises EbmError E608 if the file cannot be read.
    """
    if not path.is_file():
        raise complain("E608", f"there is no file {path}")
    try:
        match path.suffix.lower():
            case ".npz":
                with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                    return {n: arrays[n] for n in arrays.files}
            case ".npy":
                return {path.stem: np.load(path, allow_pickle=False)}
            case ".csv":
                return {path.stem: _csv(path)}
            case ".h5" | ".hdf5":
                return _h5(path)
            case other:
                raise complain(
                    "E608", f"{path} ends with `{other}`", notes=[f"known are {', '.join(ENDINGS)}"]
                )
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        if "pickle" in str(error):
            raise complain("E608", f"{path} cannot be read: it holds no array of numbers") from None
        raise complain("E608", f"{path} cannot be read: {error}") from None


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


def _h5(path: Path) -> dict[str, np.ndarray]:
    try:
        import h5py
    except ImportError:
        raise complain("E608", f"{path} needs h5py", helps=["pip install h5py"]) from None
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        for name in file:
            if isinstance(file[name], h5py.Dataset):
                found[str(name)] = np.asarray(file[name])
    return found
