"""What the compiler found out and the text does not say: the ranges of indices."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import ranges_at
from .reading import Reading


@dataclass(frozen=True, slots=True)
class Hint:
    """A few words shown behind an offset, as if they were written there."""

    offset: int
    text: str


def hints(reading: Reading, start: int, end: int) -> list[Hint]:
    """`: site` behind every index of a stretch that has its range from use."""
    found = []
    for declaration in reading.names.everything:
        at = declaration.span
        if declaration.kind != "index" or declaration.ranged or not start <= at.end <= end:
            continue
        ranges = ranges_at(at.start, reading)
        if len(ranges) == 1 and ranges[0]:
            found.append(Hint(at.end, f": {ranges[0]}"))
    return sorted(found, key=lambda hint: hint.offset)
