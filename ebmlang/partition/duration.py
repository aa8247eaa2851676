"""Times in words, and the refusal of what would take too long."""

from __future__ import annotations

from ..syntax.diagnostics import complain

UNITS = ((31557600.0, "years"), (86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"))


def duration(seconds: float) -> str:
    """`3.2 hours`; `less than a second`."""
    if seconds > 1e9 * UNITS[0][0]:
        return "billions of years"
    for size, name in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} seconds" if seconds >= 1 else "less than a second"


def refuse_long(seconds: float, what: str, most_seconds: float) -> None:
    """Raises EbmError E705 for what was measured to take longer than allowed."""
    if seconds > most_seconds:
        raise complain(
            "E705",
            f"the exact sum would take about {duration(seconds)}, and at most "
            f"{duration(most_seconds)} were allowed",
            notes=[what],
        )
