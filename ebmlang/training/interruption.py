"""Ctrl-C and the wish to end, heard between steps: the first is remembered, the second raises."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

HEARD = (signal.SIGINT, signal.SIGTERM)
ENDINGS = ("interrupted", "ended by SIGTERM")


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

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.by is not None:
            raise KeyboardInterrupt
        self.by = ENDINGS[HEARD.index(signal.Signals(number))]
        print("the fit ends after this step; once more to stop at once", file=sys.stderr)
