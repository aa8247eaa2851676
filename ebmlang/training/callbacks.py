"""What a fit calls with each epoch's row of the history: one function, or several in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..syntax.diagnostics import complain

Callback = Callable[[dict[str, float]], None]
Callbacks = Callback | Sequence[Callback] | None


def together(callbacks: Callbacks) -> Callback | None:
    """One callback for all, each of which gets a row of its own. Raises EbmError E704 for what is none."""
    if callbacks is None:
        return None
    several: list[Any] = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for one in several:
        if not callable(one):
            raise complain(
                "E704",
                f"a `callback` is a function of a row of the history, not {one!r}",
                helps=['callback=ebm.TensorBoard("runs/first")'],
            )

    def call(row: dict[str, float]) -> None:
        for one in several:
            one(dict(row))

    return call
