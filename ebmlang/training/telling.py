"""Warnings of a fit, at the line of the caller's own that began it."""

from __future__ import annotations

from ..syntax.diagnostics import warn

__all__ = ["warn"]
