"""What is told to a person about a fault: a code, a sentence, the place, the lines, a help."""

# pyright: strict

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .source import Span

SHOWN_AT_MOST = 10
LONGEST_WORD = 200  # characters of a message without a space between them
LONGEST_LINE = 600  # characters of a line of a message
WIDEST = 160  # characters of a line of a program, around the place that is marked

_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


def escaped(char: str) -> str:
    """A character as it is shown: one that moves the cursor, hides or turns text round as `\\x1b`."""
    if char.isascii():
        return char if char.isprintable() else repr(char)[1:-1]
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return ascii(char)[1:-1] if hidden else char


def shown(text: str) -> str:
    """A text for a terminal: line feeds are kept, other control characters are escaped."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(char if char == "\n" else escaped(char) for char in text)


def said(text: str) -> str:
    """A text of a message, as `shown`, with words and lines of unreasonable length cut."""
    if len(text) > LONGEST_WORD:
        text = _LONG_WORD.sub(lambda word: _cut(word.group(), LONGEST_WORD), text)
        text = "\n".join(_cut(line, LONGEST_LINE) for line in text.split("\n"))
    return shown(text)


def _cut(text: str, room: int) -> str:
    """A text without its middle, if it has more characters than there is room for."""
    if len(text) <= room:
        return text
    half = room // 2 - 2
    return f"{text[:half]} … {text[-half:]}"


class Severity(StrEnum):
    """How grave a diagnostic is: errors stop, warnings and notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text and what is said under it; the text may be empty."""

    span: Span
    says: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "says", said(self.says))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault: `marks[0]` is where it is; the others show the other end of a conflict."""

    code: str
    says: str
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        object.__setattr__(self, "says", said(self.says).replace("\n", "\\n"))
        for part in ("notes", "helps"):
            object.__setattr__(self, part, tuple(said(text) for text in getattr(self, part)))

    @property
    def span(self) -> Span | None:
        """Where the fault is; None if it has no place in a file."""
        return self.marks[0].span if self.marks else None

    def to_dict(self) -> dict[str, object]:
        """The diagnostic for machines: places count from 1."""
        span = self.span
        place = {}
        if span is not None:
            end_line, end_column = span.source.position(span.end)
            place = {
                "file": span.source.name,
                "line": span.line,
                "column": span.column,
                "end_line": end_line,
                "end_column": end_column,
            }
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.says,
            **place,
            "notes": list(self.notes),
            "helps": list(self.helps),
        }


class EbmError(Exception):
    """A fault in a model, its data or a call, told in words a person can act on.

    `diagnostics` holds every fault found, in the order of the file.
    """

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = found
        super().__init__(render_all(found))


class InternalError(Exception):
    """A broken promise of ebmlang itself."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"internal error: {what}\n"
            "This is a fault in ebmlang, not in your model: please report it, with the .ebm file."
        )


def warn(says: str) -> None:
    """Warn where the code that called ebmlang stands, however deep the call is."""
    package = __name__.partition(".")[0] + "."
    level, frame = 1, sys._getframe(0)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(package):
        level, frame = level + 1, frame.f_back
    warnings.warn(says, UserWarning, stacklevel=level)


def complain(
    code: str, says: str, *, notes: Iterable[str] = (), helps: Iterable[str] = ()
) -> EbmError:
    """An error that has no place in a file: about data or about a call."""
    return EbmError(Diagnostic(code, says, notes=tuple(notes), helps=tuple(helps)))


@dataclass(slots=True)
class Findings:
    """The faults found so far; checking goes on after each."""

    items: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _kept: set[Diagnostic] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._kept = set(self.items)

    def error(
        self,
        code: str,
        at: Span,
        says: str,
        mark: str = "",
        marks: Sequence[tuple[Span, str]] = (),
        notes: Sequence[str] = (),
        helps: Sequence[str | None] = (),
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Keep a fault: `mark` goes under `at`, `marks` are further places; `None` is no help."""
        places = (Mark(at, mark), *(Mark(span, text) for span, text in marks))
        kept = tuple(text for text in helps if text)
        self.keep(Diagnostic(code, says, places, tuple(notes), kept, severity))

    def keep(self, found: Diagnostic) -> None:
        """Keep a fault that is complete; the same one is kept once."""
        if found not in self._kept:
            self._kept.add(found)
            self.items.append(found)

    def warn(self, code: str, at: Span, says: str, **rest: object) -> None:
        """Keep a warning; takes what `error` takes."""
        self.error(code, at, says, severity=Severity.WARNING, **rest)  # type: ignore[arg-type]

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop, without warnings and notes."""
        return [d for d in self.items if d.severity is Severity.ERROR]

    def in_order(self) -> list[Diagnostic]:
        """By place in the file."""
        return sorted(self.items, key=lambda d: d.span.start if d.span else -1)


def render_all(diagnostics: Sequence[Diagnostic]) -> str:
    """All diagnostics as text, at most ten, and how many more there are."""
    shown = [render(d) for d in diagnostics[:SHOWN_AT_MOST]]
    if len(diagnostics) > SHOWN_AT_MOST:
        shown.append(f"… and {len(diagnostics) - SHOWN_AT_MOST} more")
    return "\n\n".join(shown)


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as text, with the lines as written and a caret under each mark.

    Further marks without words show their line and underline nothing.
    """
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.says}"]
    span = diagnostic.span
    margin = "  "
    if span is not None:
        here = [m for m in diagnostic.marks if m.span.source is span.source]
        elsewhere = [m for m in diagnostic.marks if m.span.source is not span.source]
        margin = " " * len(str(max(m.span.line for m in diagnostic.marks)))
        lines.append(f"{margin}--> {_file(span)}:{span.line}:{span.column}")
        lines += _excerpt(here, diagnostic.marks[0], len(margin))
        for mark in elsewhere:
            other = mark.span
            lines.append(f"{margin}::: {_file(other)}:{other.line}:{other.column}")
            lines += _excerpt([mark], diagnostic.marks[0], len(margin))
    for title, texts in (("note", diagnostic.notes), ("help", diagnostic.helps)):
        for text in texts:
            first, *rest = text.split("\n")
            lines.append(f"{margin} = {title}: {first}")
            lines += [f"{margin}   {' ' * len(title)}  {line}" for line in rest]
    return "\n".join(lines)


def _excerpt(marks: Sequence[Mark], main: Mark, width: int) -> list[str]:
    by_line: dict[int, list[Mark]] = {}
    for mark in marks:
        by_line.setdefault(mark.span.line, []).append(mark)
    bar = f"{' ' * width} |"
    lines = [bar]
    previous = None
    for number in sorted(by_line):
        if previous is not None and number > previous + 1:
            lines.append(bar)
        previous = number
        here = by_line[number]
        text = marks[0].span.source.line(number)
        begin = _window(text, main if main in here else here[0])
        near = [mark for mark in here if 0 <= mark.span.column - 1 - begin < WIDEST]
        line = _Line(text, begin)
        lines.append(f"{number:>{width}} | {line.text}".rstrip())
        kept = [mark for mark in near if mark is main or mark.says]
        lines += [f"{bar} {row}".rstrip() for row in _underline(kept, main, line)]
    return lines


def _file(span: Span) -> str:
    return said(span.source.name).replace("\n", "\\n")


def _window(text: str, mark: Mark) -> int:
    """Where the part of a line begins that is shown: the line's start, unless the line is long."""
    if len(text) <= WIDEST:
        return 0
    return max(0, min(mark.span.column - 1 - WIDEST // 4, len(text) - WIDEST))


class _Line:
    """A part of a line as it is shown, and the columns at which its characters then stand."""

    def __init__(self, text: str, begin: int) -> None:
        part = [" " if char == "\t" else escaped(char) for char in text[begin : begin + WIDEST]]
        left, right = "…" * (begin > 0), "…" * (begin + WIDEST < len(text))
        self.begin = begin
        self.text = left + "".join(part) + right
        self.places = [len(left)]
        for char in part:
            self.places.append(self.places[-1] + len(char))

    def column(self, column: int) -> int:
        """Where a column of the text, from 0, is shown; one further right is shown at the end."""
        at = max(column - self.begin, 0)
        return self.places[min(at, len(self.places) - 1)]


def _underline(marks: Sequence[Mark], main: Mark, line: _Line) -> list[str]:
    """Rows under a line: signs and the rightmost text, then the other texts, right to left."""
    if not marks:
        return []
    carets = [" "] * (len(line.text) + 1)
    for mark in sorted(marks, key=lambda m: m is main):
        first = mark.span.column - 1
        start = line.column(first)
        end = max(line.column(first + mark.span.end - mark.span.start), start + 1)
        carets[start:end] = ("^" if mark is main else "-") * (end - start)
    ordered = sorted(marks, key=lambda m: m.span.start)
    rows = [f"{''.join(carets).rstrip()} {ordered[-1].says}".rstrip()]
    rows += [
        " " * line.column(m.span.column - 1) + m.says for m in reversed(ordered[:-1]) if m.says
    ]
    return rows
