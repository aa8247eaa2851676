"""Which `##` comments document which statement."""

from __future__ import annotations

from collections.abc import Sequence

from .source import Source
from .statements import Stretch
from .tree import Comment


def docs_of(source: Source, stretches: Sequence[Stretch], comments: Sequence[Comment]) -> list[str]:
    """The documentation of each stretch, "" where it has none.

    A run of `##` lines documents the model if it follows directly on the `model` line, and
    otherwise the statement after it. Behind a statement, on its last line, a `##` belongs to
    that statement. Between two statements only the last run counts.
    """
    found: list[list[Comment]] = [[] for _ in stretches]
    for before, gap in _gaps(stretches, comments):
        runs = _runs([comment for comment in gap if comment.text.startswith("##")])
        if runs and before >= 0:
            taken = _belonging(source, stretches[before], runs[0])
            found[before] += runs[0][:taken]
            runs[0] = runs[0][taken:]
        left = [run for run in runs if run]
        if left and before + 1 < len(stretches):
            found[before + 1] += left[-1]
    return ["\n".join(_words(comment) for comment in kept) for kept in found]


def _words(comment: Comment) -> str:
    return comment.text.lstrip("#").removeprefix(" ")


def _gaps(
    stretches: Sequence[Stretch], comments: Sequence[Comment]
) -> list[tuple[int, list[Comment]]]:
    """Comments that stand between statements, with the number of the statement before them."""
    gaps: list[tuple[int, list[Comment]]] = []
    before = -1
    for comment in comments:
        while before + 1 < len(stretches) and stretches[before + 1].start < comment.span.start:
            before += 1
        if before >= 0 and comment.span.start < stretches[before].end:
            continue
        if not gaps or gaps[-1][0] != before:
            gaps.append((before, []))
        gaps[-1][1].append(comment)
    return gaps


def _runs(comments: Sequence[Comment]) -> list[list[Comment]]:
    """Comments on consecutive lines, together."""
    runs: list[list[Comment]] = []
    last = -1
    for comment in comments:
        line = comment.span.line
        if not runs or line != last + 1:
            runs.append([])
        runs[-1].append(comment)
        last = line
    return runs


def _belonging(source: Source, stretch: Stretch, run: Sequence[Comment]) -> int:
    """How many comments of the run belong to the statement before it."""
    line = source.position(stretch.end - 1)[0]
    first = run[0].span.line
    if stretch.tokens[0].text == "model":
        return len(run) if first <= line + 1 else 0
    return 1 if first == line else 0
