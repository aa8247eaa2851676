"""Checkpoints: all that a fit needs to go on, each in one file of safetensors, its JSON in the header.

A file is written under another name, flushed to the disk, and renamed, so that a name that ends in
.safetensors always has all of its bytes; a digest of all of them tells if they are still the ones
written, before any is believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..syntax.diagnostics import complain, warn
from .purpose import Purpose, compare

FORMAT = 2
HEADER = "ebmlang"
NAME = "checkpoint-{:06d}.safetensors"
NUMBERED = re.compile(r"checkpoint-(\d+)\.safetensors")
PARTIAL = ".partial"
UNSEALED = "0" * 32
SEAL = re.compile(rb'"digest":"([0-9a-f]{32})"')

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What one checkpoint holds: arrays by path, and facts that JSON can hold."""

    arrays: Arrays
    facts: Mapping[str, Any]


def write_bytes(path: Path, content: bytes) -> None:
    """Put bytes in a file so that it is there whole or not at all, whenever the power goes."""
    write_files({path: content})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Put bytes in files of one folder, of which none is touched before all have been written."""
    partial = {path: path.with_name(path.name + PARTIAL) for path in contents}
    try:
        for path, content in contents.items():
            with partial[path].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path in contents:
            partial[path].replace(path)
    except BaseException:
        for left in partial.values():
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
        raise
    for parent in {path.parent for path in contents}:
        with contextlib.suppress(OSError):  # some systems have no folders that can be flushed
            folder = os.open(parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@dataclass(frozen=True, slots=True)
class Keeper:
    """The checkpoints of one fit in a folder, of which the last `keep` stay."""

    folder: Path
    purpose: Purpose
    keep: int = 3
    write: Callable[[Path, bytes], None] = write_bytes

    def files(self) -> list[Path]:
        """The checkpoints of the folder, the oldest first; files of other names are none of them."""
        return self._numbered("")

    def _numbered(self, ending: str) -> list[Path]:
        """Files that are named as this writes them, with this ending, by their numbers."""
        names = self.folder.glob(f"{NAME.replace('{:06d}', '*')}{ending}")
        numbers = {path: number_of(path.name.removesuffix(ending)) for path in names}
        found = [(number, path) for path, number in numbers.items() if number is not None]
        return [path for _, path in sorted(found)]

    def begin(self) -> None:
        """Make the folder, and clear away what an interrupted writer left. Raises EbmError E711."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self._numbered(PARTIAL):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise complain(
                "E711", f"no checkpoints can be kept in {self.folder}: {error.strerror}"
            ) from None

    def put(self, kept: Kept) -> Path:
        """Write a checkpoint and let go of the oldest. Raises OSError, with all others kept."""
        files = self.files()
        last = number_of(files[-1].name) if files else None
        path = self.folder / NAME.format((last or 0) + 1)
        arrays = {n: _plain(v) for n, v in kept.arrays.items()}
        header = {
            "format": FORMAT,
            "purpose": self.purpose.to_dict(),
            "facts": dict(kept.facts),
        }
        metadata = {"digest": UNSEALED, HEADER: json.dumps(header)}
        self.write(path, sealed(save(arrays, metadata=metadata)))
        for old in files[: max(0, len(files) + 1 - self.keep)]:
            with contextlib.suppress(OSError):
                old.unlink(missing_ok=True)
        return path

    def newest(self) -> Kept | None:
        """The newest checkpoint that can be read, None in a folder without any.

        One that is damaged is named in a warning, and the one before is taken. Raises EbmError E711
        if it was made for something else, or if all are damaged.
        """
        files = self.files()
        for path in reversed(files):
            try:
                header, arrays = read(path)
            except (OSError, ValueError, RecursionError, SafetensorError) as error:
                warn(f"the checkpoint {path} is damaged and left out: {error}")
                continue
            compare(path, header["purpose"], self.purpose)
            return Kept(arrays, header["facts"])
        if files:
            raise complain(
                "E711",
                f"none of the {len(files)} checkpoints in {self.folder} can be read",
                helps=["resume=False begins anew"],
            )
        return None


def number_of(name: str) -> int | None:
    """The number of a checkpoint by its name, None for a name that is not exactly as of one."""
    found = NUMBERED.fullmatch(name)
    number = int(found[1]) if found else None
    return number if number is not None and NAME.format(number) == name else None


def content_of(path: Path) -> bytes:
    """What is in a regular file. Raises OSError, also for a device or a pipe, which is not opened to wait."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is a folder, a device or a pipe, and no file")
        return file.read()


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of a checkpoint. Raises ValueError or SafetensorError for a damaged one."""
    content = content_of(path)
    found = SEAL.search(content)
    if found is None:
        raise ValueError(f"it has no digest, as all of format {FORMAT} have")
    if found[1] != _seal_of(content, found):
        raise ValueError("its bytes are not those that were written")
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][HEADER])
    if header["format"] != FORMAT:
        raise ValueError(f"it has format {header['format']}, not {FORMAT}")
    return header, load(content)


def sealed(content: bytes) -> bytes:
    """Bytes with the digest of all of them in the place that waits for it."""
    found = SEAL.search(content)
    assert found is not None
    start, end = found.span(1)
    return b"".join((content[:start], _seal_of(content, found), content[end:]))


def _seal_of(content: bytes, found: re.Match[bytes]) -> bytes:
    """The digest of bytes, whatever stands in the place of the digest."""
    start, end = found.span(1)
    whole = memoryview(content)
    made = hashlib.blake2b(whole[:start], digest_size=len(UNSEALED) // 2)
    made.update(UNSEALED.encode())
    made.update(whole[end:])
    return made.hexdigest().encode()


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A fingerprint of arrays: names, types, shapes and every byte."""
    made = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        value = np.asarray(arrays[name], order="C")
        made.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        made.update(value.data if value.size else b"")
    return made.hexdigest()


def _plain(value: np.ndarray) -> np.ndarray:
    """An array of a type that every reader knows; bfloat16 and its kin as their bytes."""
    value = np.asarray(value, order="C")
    if value.dtype.kind in "biuf" and value.dtype.isbuiltin:
        return value
    return value.view(np.uint8 if value.dtype.itemsize == 1 else np.uint16)


def flat(tree: Any, name: str) -> Arrays:
    """The leaves of a pytree by path; keys of random numbers as their data."""
    found = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        found[name + jax.tree_util.keystr(path)] = np.asarray(_data(leaf))
    return found


def _data(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf


def shaped(like: Any, arrays: Mapping[str, np.ndarray], name: str) -> Any:
    """Arrays by path in the structure of another pytree. Raises EbmError E711 where they do not fit."""

    def leaf(path: Any, old: Any) -> Any:
        place = name + jax.tree_util.keystr(path)
        wanted, value = _data(old), arrays.get(place)
        if value is None or value.shape != np.shape(wanted):
            what = "is missing" if value is None else f"has shape {value.shape}"
            raise complain(
                "E711", f"`{place}` of the checkpoint {what}; the fit needs {np.shape(wanted)}"
            )
        dtype = np.asarray(wanted).dtype
        new = jnp.asarray(value.view(dtype) if value.dtype != dtype else value)
        if wanted is not old:
            return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old))
        return new

    return jax.tree_util.tree_map_with_path(leaf, like)
