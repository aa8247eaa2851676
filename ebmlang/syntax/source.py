"""Where a piece of text stands: a source file and a span of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


class Source:
    """A program's text and the name under which it is shown.

    Offsets count characters from 0; lines and columns count from 1. A byte-order mark is dropped.
    """

    def __init__(
        self, text: str, name: str = "<text>", files: Mapping[str, str] | None = None
    ) -> None:
        self.text: str = text.removeprefix("\ufeff")
        self.name = name
        self.files: dict[str, str] = dict(files or {})

    @property
    def folder(self) -> Path:
        """Where the paths of imports start: the folder of the file, or the current one."""
        return Path() if self.name.startswith("<") else Path(self.name).parent

    def beside(self, path: str) -> Source | None:
        """Another file by its path from this one's folder; None if there is none in UTF-8.

        Texts in `files` come before the disk, so that a kept fit needs no other file.
        """
        place = self.folder / path
        if path in self.files:
            return Source(self.files[path], str(place))
        try:
            return Source(place.read_text(encoding="utf-8"), str(place))
        except (OSError, UnicodeDecodeError, ValueError):
            return None

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
