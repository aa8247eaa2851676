"""Docstrings as Markdown: brackets of shapes are no links, indented code is Python."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

SHAPE = re.compile(r"(`[^`]*`)|\[")


class Docstrings(Extension):
    """Makes the docstrings of this package fit to be read as Markdown."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Of every function, class and module."""
        if obj.docstring is not None:
            obj.docstring.value = "\n".join(map(_line, obj.docstring.value.splitlines()))


def _line(line: str) -> str:
    """A line with its brackets escaped, but for those of code."""
    return line if line.startswith("    ") else SHAPE.sub(lambda m: m[1] or r"\[", line)
