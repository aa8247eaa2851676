"""A table of results that says whether they are to be trusted, however it is printed."""

from __future__ import annotations

from html import escape
from typing import Any, ClassVar

from pandas import DataFrame

from .diagnostics import doubts


class Table(DataFrame):
    """A DataFrame with what speaks against its numbers: as text and as HTML it ends with that."""

    _metadata: ClassVar[list[str]] = ["problems"]  # pyright: ignore[reportIncompatibleVariableOverride]
    problems: tuple[str, ...] = ()

    @property
    def _constructor(self) -> type[Table]:
        """What parts and copies of the table are made as: they say it too."""
        return Table

    def to_string(self, buf: Any = None, *arguments: Any, **settings: Any) -> Any:
        """The table as text, as pandas writes it, and a line for each problem."""
        text = DataFrame(self).to_string(None, *arguments, **settings)
        return _written("\n".join([text, *doubts(self.problems)]), buf)

    def to_html(self, buf: Any = None, *arguments: Any, **settings: Any) -> Any:
        """The table as HTML, as pandas writes it, and a paragraph for each problem."""
        text = DataFrame(self).to_html(None, *arguments, **settings)
        return _written(text + self._paragraphs(), buf)

    def _repr_html_(self) -> str | None:
        text = DataFrame(self)._repr_html_()  # type: ignore[operator]
        return None if text is None else text + self._paragraphs()

    def _paragraphs(self) -> str:
        return "".join(f"\n<p>{escape(line)}</p>" for line in doubts(self.problems))


def _written(text: str, buf: Any) -> str | None:
    """The text, or nothing where it went to a file or a path."""
    if buf is None:
        return text
    if hasattr(buf, "write"):
        buf.write(text)
    else:
        with open(buf, "w", encoding="utf-8") as file:
            file.write(text)
    return None


def doubted(frame: DataFrame, problems: tuple[str, ...]) -> Table:
    """The table of a frame, and what speaks against it."""
    table = Table(frame)
    table.problems = problems
    return table
