"""Places as editors count them (line, and units into it), and offsets into the text."""

from __future__ import annotations

import re
from bisect import bisect_right

_LINE_END = re.compile(r"\r\n|\n|\r")
_BYTE_ORDER_MARK = "\ufeff"

Place = tuple[int, int]
"""Line and units into the line, both from 0."""


class Lines:
    """The lines of a document.

    Offsets count characters of the text without its byte-order mark, as `Source` does. Units are
    those of the `encoding` agreed upon: "utf-16" (the usual one), "utf-8" or "utf-32".
    """

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        self.encoding = encoding
        self.before = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
        self.starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def place(self, offset: int) -> Place:
        """Where an offset stands."""
        at = min(max(offset, 0) + self.before, len(self.text))
        line = bisect_right(self.starts, at) - 1
        return line, sum(self._units(char) for char in self.text[self.starts[line] : at])

    def offset(self, place: Place) -> int:
        """The offset of a place; one outside the text is drawn to the nearest inside."""
        line, units = place
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text) - self.before
        at = self.starts[line]
        while units > 0 and at < len(self.text) and self.text[at] not in "\r\n":
            units -= self._units(self.text[at])
            at += 1
        return max(at - self.before, 0)

    def _units(self, char: str) -> int:
        code = ord(char)
        match self.encoding:
            case "utf-32":
                return 1
            case "utf-8":
                return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
            case _:
                return 1 + (code > 0xFFFF)
