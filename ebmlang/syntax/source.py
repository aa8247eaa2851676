"""Where a piece of text stands: a source file and a span of it."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

MOST_BYTES = 4_000_000
SEARCH_PATH = "EBM_PATH"

_LINE_END = re.compile("\r(?!\n)|[\v\f\x85\u2028\u2029]")


class Unreadable(Exception):
    """A file that is not read, and why, as the end of a sentence."""


def read_bytes(path: Path) -> bytes:
    """What is in an .ebm file, if it is a regular file of no more than four million bytes.

    Raises Unreadable for a folder, a device or a pipe, for a file that does not end in .ebm
    (where it is a link: for the file that it leads to), and for one that is too long.
    """
    if path.resolve().suffix.lower() != ".ebm":
        leads = " and leads to one that is not" if path.suffix.lower() == ".ebm" else ""
        raise Unreadable(f"the name of a model ends in .ebm{leads}")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable("it is a folder, a device or a pipe, and no file")
        found = file.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise Unreadable(f"it is longer than {MOST_BYTES} bytes")
    return found


class Source:
    """A program's text and the name under which it is shown.

    Offsets count characters from 0; lines and columns count from 1. A byte-order mark is dropped.
    A line ends with a line feed, a carriage return, both, or any other line end of Unicode
    (vertical tab, form feed, U+0085, U+2028, U+2029); in `text` each that is one character stands
    as a line feed, so that offsets are those of the text as written. `written` is that text.

    Imports are read below `root`, the folder of the file that was loaded, and below the folders of
    the environment variable EBM_PATH.
    """

    def __init__(
        self,
        text: str,
        name: str = "<text>",
        files: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        self.written: str = text.removeprefix("\ufeff")
        self.text: str = _LINE_END.sub("\n", self.written)
        self.name = name
        self.files: dict[str, str] = dict(files or {})
        self.root: Path = self.folder if root is None else root

    @property
    def folder(self) -> Path:
        """Where the paths of imports start: the folder of the file, or the current one."""
        return Path() if self.name.startswith("<") else Path(self.name).parent

    def beside(self, path: str) -> Source | None:
        """Another file by its path from this one's folder, or from one of EBM_PATH; None if there is none.

        Texts in `files` come before the disk, so that a kept fit needs no other file.
        Raises Unreadable for a file that an import may not read.
        """
        place = self.folder / path
        if path in self.files:
            return Source(self.files[path], str(place), root=self.root)
        for folder in (self.folder, *_searched()):
            try:
                text = self._read(folder / path)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle
                return None
            return Source(text, str(folder / path), root=self.root)
        return None

    def _read(self, place: Path) -> str:
        """The text of an imported file."""
        if place.suffix.lower() != ".ebm":
            raise Unreadable("only files whose names end in .ebm are imported")
        real = place.resolve()
        if not any(real.is_relative_to(folder.resolve()) for folder in (self.root, *_searched())):
            raise Unreadable(f"it lies outside the folder {self.root.resolve()}")
        return read_bytes(place).decode("utf-8")

    @cached_property
    def _starts(self) -> list[int]:
        return [0] + [k + 1 for k, char in enumerate(self.text) if char == "\n"]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


def _searched() -> list[Path]:
    """The folders of EBM_PATH."""
    return [Path(f) for f in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if f]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [start, end) of a source. Spans compare equal by place."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters of the stretch."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The line, from 1, on which the stretch begins."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column, from 1, at which the stretch begins."""
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """The stretch from the beginning of this one to the end of another."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))
