"""A bar for long runs on a terminal; nothing where output is not one."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class Progress:
    """A progress bar as a context; `shown` tells whether it is worth stopping for."""

    def __init__(self, total: int, title: str, wanted: bool) -> None:
        console = Console(stderr=True)
        self.shown: bool = wanted and console.is_terminal
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not self.shown,
        )
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
