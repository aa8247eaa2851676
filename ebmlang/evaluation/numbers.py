"""Numbers as tables and sentences have them."""

from __future__ import annotations

import math


def short(value: float, digits: int = 3) -> str:
    """So many digits, or a whole number with its thousands apart; a dash for what is not known."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never" if value > 0 else "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.{digits}g}"


def mebibytes(value: float) -> str:
    """Bytes as MiB."""
    return short(value / 2**20)
