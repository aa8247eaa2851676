"""Whether two optimisers do the same, read from the functions that optax made them of.

optax.adam(1e-3) gives new functions at every call. Those of optax differ in what they close over
and in nothing else; a function that is not optax's own is like itself alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None))


class Same:
    """An object that is equal to itself alone, kept alive so that its place is not used again."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def likeness(value: Any) -> Any:
    """A key that is equal for what does the same; for what cannot be read, only for the same object."""
    return _likeness(value, ())


def _likeness(value: Any, within: tuple[int, ...]) -> Any:
    if id(value) in within:
        return "itself"
    within = (*within, id(value))
    match value:
        case _ if isinstance(value, PLAIN):
            value = _number(value)
            return type(value).__name__, value
        case np.ndarray() | np.generic():
            return "array", str(value.dtype), value.shape, value.tobytes()
        case tuple() | list():
            return type(value).__name__, tuple(_likeness(x, within) for x in value)
        case dict():
            return "dict", tuple((k, _likeness(v, within)) for k, v in value.items())
        case partial():
            parts = (value.func, value.args, value.keywords)
            return "partial", tuple(_likeness(x, within) for x in parts)
        case FunctionType() if value.__module__.partition(".")[0] == "optax":
            return "function", value.__code__, _closed_over(value, within)
        case _:
            return Same(value)


def _number(value: Any) -> Any:
    """A whole number as a float: optax's schedules turn theirs into one when they are first called."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _closed_over(function: FunctionType, within: tuple[int, ...]) -> tuple[Any, ...]:
    cells = [c.cell_contents for c in function.__closure__ or ()]
    return tuple(
        _likeness(x, within) for x in (*cells, function.__defaults__, function.__kwdefaults__)
    )


def told(value: Any) -> str:
    """An optimiser in words that are the same in every process: its functions by name, its numbers."""
    return _told(value, ())


def _told(value: Any, within: tuple[int, ...]) -> str:
    if id(value) in within:
        return "itself"
    within = (*within, id(value))
    match value:
        case _ if isinstance(value, PLAIN):
            return repr(_number(value))
        case np.ndarray() | np.generic():
            return repr(value.tolist())
        case tuple() | list():
            return "(" + ", ".join(_told(x, within) for x in value) + ")"
        case Mapping():
            return "{" + ", ".join(f"{k}: {_told(v, within)}" for k, v in value.items()) + "}"
        case partial():
            return _told((value.func, value.args, dict(value.keywords)), within)
        case FunctionType():
            inner = [_told(c.cell_contents, within) for c in value.__closure__ or ()]
            return f"{value.__qualname__}({', '.join(inner)})"
        case _ if hasattr(value, "dtype") and hasattr(value, "tolist"):
            return repr(value.tolist())
        case _:
            return type(value).__qualname__
