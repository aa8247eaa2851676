"""Ctrl-C and the wish to end, heard between steps: the first is remembered, the second raises."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any

HEARD = (signal.SIGINT, signal.SIGTERM)
ENDINGS = ("interrupted", "ended by SIGTERM")
_ANSWERED: ContextVar[list[str] | None] = ContextVar("answered", default=None)


class Interruption:
    """A context in which the first SIGINT or SIGTERM only sets `by`; the next raises KeyboardInterrupt.

    Signals reach the main thread alone: elsewhere nothing is changed.
    """

    def __init__(self) -> None:
        self.by: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for each in HEARD:
                self._before[each] = signal.signal(each, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, before in self._before.items():
            signal.signal(each, signal.SIG_DFL if before is None else before)
        answered = _ANSWERED.get()
        if self.by is not None and answered is not None:
            answered.append(self.by)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.by is not None:
            raise KeyboardInterrupt
        self.by = ENDINGS[HEARD.index(signal.Signals(number))]
        print("the fit ends after this step; once more to stop at once", file=sys.stderr)


@contextmanager
def handed_on() -> Generator[None]:
    """A context for what is itself a part of something longer, as a fit in a search is.

    At its end what an Interruption within has answered, be it in the last step of all, goes on to
    whom it would have reached without: SIGTERM ends the process, Ctrl-C raises KeyboardInterrupt.
    """
    answered: list[str] = []
    before = _ANSWERED.set(answered)
    try:
        yield
    finally:
        _ANSWERED.reset(before)
        if answered:
            _send(answered[0])


def _send(by: str) -> None:
    if threading.current_thread() is not threading.main_thread():
        raise KeyboardInterrupt
    signal.raise_signal(HEARD[ENDINGS.index(by)])


def cut_short(stopped: str | None) -> bool:
    """Whether a fit ended early because it was told to, and not for a reason of its own."""
    return stopped is not None and stopped.startswith(ENDINGS)
