"""What `ebm compare` keeps of a comparison: a report, and the plot that decides."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.comparison import Comparison
from ..pictures.style import ending_of
from ..syntax.diagnostics import complain


def refuse(html: Path | None, plot: Path | None) -> None:
    """Refuse paths at which nothing can be kept, before samplers run. Raises EbmError E608."""
    if plot is not None:
        ending_of(plot)
    for path in (html, plot):
        if path is not None and not path.parent.is_dir():
            raise complain("E608", f"{path} cannot be written: there is no folder {path.parent}")


def keep(table: Comparison, html: Path | None, plot: Path | None) -> None:
    """Write the report and the plot that were asked for. Raises EbmError E608 where that cannot be."""
    if html is not None:
        table.to_html(html)
    if plot is not None and any(row.curve for row in table.rows):
        table.plot(plot)
