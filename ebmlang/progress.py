"""A bar for long runs on a terminal; nothing where output is not one."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BAR, LEAST_BAR, LEAST_WORDS = 40, 4, 4  # in characters


class Progress:
    """A progress bar as a context; `shown` tells whether it is worth stopping for."""

    def __init__(self, total: int, title: str, wanted: bool) -> None:
        console = Console(stderr=True)
        self.shown: bool = wanted and console.is_terminal
        self._bar = RichProgress(_Line(), console=console, disable=not self.shown)
        self._task = self._bar.add_task(title, total=total, note="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, steps: int, note: str = "") -> None:
        """So many steps are done."""
        self._bar.update(self._task, advance=steps, note=note)


class _Line(ProgressColumn):
    """All of the bar as one column, for rich narrows columns alike, and not by what they tell."""

    def __init__(self) -> None:
        super().__init__()
        self.title = TextColumn("{task.description}", markup=False)
        self.bar = BarColumn(BAR)
        self.done = MofNCompleteColumn()
        self.left = TimeRemainingColumn()
        self.note = TextColumn("{task.fields[note]}", markup=False)

    def render(self, task: Task) -> _Narrowed:
        return _Narrowed(
            self.title.render(task), self.bar.render(task), self.done.render(task),
            self.left.render(task), self.note.render(task),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """The parts of a line. Where it is too long the bar gives way, then the note from its end, then
    the title; what is done and the time that is left stay.
    """

    title: Text
    bar: ProgressBar
    done: Text
    left: Text
    note: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - self.done.cell_len - 1 - self.left.cell_len
        title = _cut(self.title, room - 1)
        room -= _taken(title)
        note = _cut(self.note, room - 1)
        room -= _taken(note)
        self.bar.width = min(BAR, room - 1)
        bar = [self.bar] if self.bar.width >= LEAST_BAR else []
        line = Table.grid(padding=(0, 1))
        line.add_row(*(part for part in (title, *bar, self.done, self.left, note) if part))
        yield line


def _cut(words: Text, width: int) -> Text:
    """The words that fit, with an ellipsis where others did not; none if not even that."""
    if width < min(LEAST_WORDS, words.cell_len):
        return Text()
    fitting = words.copy()
    fitting.truncate(width, overflow="ellipsis")
    return fitting


def _taken(words: Text) -> int:
    return words.cell_len + 1 if words else 0
