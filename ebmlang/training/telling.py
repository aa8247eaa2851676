"""Warnings of a fit, at the line of the caller's own that began it."""

from __future__ import annotations

import sys
import warnings


def warn(says: str) -> None:
    """Warn where the code that called ebmlang stands, however deep the fit is."""
    package = __name__.partition(".")[0] + "."
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(package):
        level, frame = level + 1, frame.f_back
    warnings.warn(says, UserWarning, stacklevel=level)
