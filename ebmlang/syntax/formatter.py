"""One layout for every program.

88 columns; one statement a line; continuation lines indented by four and broken before `+` and
`-` first; spaces around operators except `^` and in subscripts; at most one blank line; comments
stay where they are. In a run of consecutive lines of one kind the columns of `:`, `init`, `~` and
`=` are aligned. Only white space changes: numbers, names and parentheses are kept.

The programs of the language's reference settle what the rules leave open:

- `visible` and `latent` are one kind. So is `given`, unless the run has densities.
- `init` and `~` stand one space off, but two where they are a column of a run with dimensions.
- A comment behind a statement stands at least two spaces off, further if the author put it
  further; in a run such comments are aligned.
- Operators are never spread to line up with those of another line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

from .diagnostics import InternalError
from .parser import Piece, read_pieces
from .source import Source, Span
from .spacing import INDENT, LINE, Atom, atoms_of, fill, width
from .tree import Comment, Statement

_RUNS = {
    "visible": "unknown", "latent": "unknown", "given": "unknown", "param": "param",
    "let": "let", "fn": "fn", "net": "net", "energy": "energy", "quantity": "quantity",
}  # fmt: skip
_COLUMNS = ("name", ":", "init", "~", "=")


@dataclass(frozen=True, slots=True)
class Row:
    """What begins on a line of its own: a statement, or a comment (then there are no atoms).

    `run` names the kind of lines with which it lines up, "" if it stands for itself; `trailing`
    is the comment behind it; `inner` are comments inside; `blank`: an empty line before it.
    """

    start: int
    end: int
    verbatim: str
    atoms: tuple[Atom, ...] = ()
    run: str = ""
    keyword: str = ""
    inner: tuple[Comment, ...] = ()
    trailing: Comment | None = None
    blank: bool = False


def format_text(text: str) -> str:
    """The program in its one layout. Statements with a mistake are left as they are.

    Raises: InternalError if the result would not be the same program, or not final.
    """
    first = _lay_out(Source(text.replace("\r\n", "\n")))
    second = _lay_out(Source(first.text))
    same = _is_same(first.statements, second.statements) and first.comments == second.comments
    if not same or first.text != second.text:
        raise InternalError("a bug in the formatter; file unchanged")
    return first.text


@dataclass(frozen=True, slots=True)
class _Layout:
    """A program laid out, and what was read of it."""

    text: str
    statements: tuple[Statement | None, ...]
    comments: tuple[str, ...]


def _lay_out(source: Source) -> _Layout:
    pieces, comments = read_pieces(source)
    lines: list[str] = []
    for run in _runs(_rows(source, pieces, comments)):
        for row, printed in zip(run, _print_run(source, run), strict=True):
            lines += [""] * (row.blank and bool(lines))
            lines += printed
    return _Layout(
        "\n".join(lines) + "\n" if lines else "",
        tuple(piece.statement for piece in pieces),
        tuple(comment.text for comment in comments),
    )


# ------------------------------------------------------------------------------ rows


def _rows(source: Source, pieces: Sequence[Piece], comments: Sequence[Comment]) -> list[Row]:
    """Statements and comments on lines of their own, in the order of the text."""
    rows: list[Row] = []
    left = list(reversed(comments))
    for piece in pieces:
        stretch = piece.stretch
        rows += _comment_rows(left, stretch.start)
        inner = _taken(left, stretch.end)
        trailing = None
        if left and "\n" not in source.text[stretch.end : left[-1].span.start]:
            after = source.text[stretch.end : left[-1].span.start]
            trailing = left.pop() if not after.strip() else None
        rows.append(_statement_row(piece, tuple(inner), trailing))
    rows += _comment_rows(left, len(source.text) + 1)
    return _with_blanks(source, rows)


def _taken(left: list[Comment], before: int) -> list[Comment]:
    taken = []
    while left and left[-1].span.start < before:
        taken.append(left.pop())
    return taken


def _comment_rows(left: list[Comment], before: int) -> list[Row]:
    taken = _taken(left, before)
    return [Row(comment.span.start, comment.span.end, comment.text) for comment in taken]


def _statement_row(piece: Piece, inner: tuple[Comment, ...], trailing: Comment | None) -> Row:
    stretch = piece.stretch
    end = trailing.span.end if trailing else stretch.end
    if piece.statement is None:
        text = stretch.source.text[stretch.start : stretch.end]
        return Row(stretch.start, end, text, trailing=trailing)
    keyword = stretch.tokens[0].text
    run = "" if inner else _RUNS.get(keyword, "")
    atoms = tuple(atoms_of(stretch.tokens))
    return Row(stretch.start, end, "", atoms, run, keyword, inner, trailing)


def _with_blanks(source: Source, rows: Sequence[Row]) -> list[Row]:
    """The rows, knowing where the author left an empty line."""
    ends = [row.end for row in rows]
    return [
        replace(row, blank=k > 0 and source.text.count("\n", ends[k - 1], row.start) > 1)
        for k, row in enumerate(rows)
    ]


def _runs(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that line up with each other, together."""
    runs: list[list[Row]] = []
    for row in rows:
        joins = bool(runs) and row.run and not row.blank and runs[-1][-1].run == row.run
        if joins:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [part for run in runs for part in _without_given(run)]


def _without_given(run: list[Row]) -> list[list[Row]]:
    """A run with densities, cut where known and unknown meet: the known have no `~` column."""
    if not any(atom.column == "~" for row in run for atom in row.atoms):
        return [run]
    parts = [[run[0]]]
    for row in run[1:]:
        if (row.keyword == "given") == (parts[-1][-1].keyword == "given"):
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts


# -------------------------------------------------------------------------- printing


def _print_run(source: Source, run: Sequence[Row]) -> list[list[str]]:
    """The lines of every row of a run."""
    printed = [_print_row(source, row) for row in _aligned(run)]
    group: list[int] = []
    for k, row in enumerate(run):
        if row.trailing is not None and len(printed[k]) == 1:
            group.append(k)
            continue
        _append_comments(run, printed, group)
        group = []
        if row.trailing is not None:
            _append_comments(run, printed, [k])
    _append_comments(run, printed, group)
    return printed


def _append_comments(
    run: Sequence[Row], printed: Sequence[list[str]], group: Sequence[int]
) -> None:
    """Put the trailing comments of a group of rows behind their last lines, in one column."""
    trailing = [(k, comment) for k in group if (comment := run[k].trailing) is not None]
    if not trailing:
        return
    ends = [len(printed[k][-1]) for k, _ in trailing]
    gaps = [_authors_gap(run[k], comment) for k, comment in trailing]
    nearest = max(ends) + 2
    wanted = max(end + gap for end, gap in zip(ends, gaps, strict=True))
    widest = max(len(comment.text) for _, comment in trailing)
    column = max(nearest, min(wanted, LINE - widest))
    for k, comment in trailing:
        printed[k][-1] = printed[k][-1].ljust(column) + comment.text


def _authors_gap(row: Row, comment: Comment) -> int:
    last = row.atoms[-1].end if row.atoms else row.start + len(row.verbatim)
    return comment.span.start - last


def _print_row(source: Source, row: Row) -> list[str]:
    if not row.atoms:
        return row.verbatim.split("\n")
    lines: list[str] = []
    begin = 0
    for comment in row.inner:
        end = begin
        while row.atoms[end].start < comment.span.start:
            end += 1
        lines += fill(row.atoms[begin:end], INDENT if begin else 0)
        begin = end
        if "\n" in source.text[row.atoms[end - 1].end : comment.span.start]:
            lines.append(" " * INDENT + comment.text)
        else:
            lines[-1] += "  " + comment.text
    return lines + fill(row.atoms[begin:], INDENT if begin else 0)


def _aligned(run: Sequence[Row]) -> list[Row]:
    """The rows of a run with the spaces that line their columns up."""
    rows = list(run)
    loose = len(rows) > 1 and any(_has_dims(row) for row in rows)
    for column in _COLUMNS:
        places = {
            k: at
            for k, row in enumerate(rows)
            for at, atom in enumerate(row.atoms)
            if atom.column == column
        }
        if not places or not rows[0].run:
            continue
        gap = 2 if loose and column in ("init", "~") else 1
        target = gap + max(width(_up_to(row, column)) for row in rows)
        for k, at in places.items():
            rows[k] = _moved(rows[k], at, target)
    return rows


def _up_to(row: Row, column: str) -> tuple[Atom, ...]:
    """What stands left of a column, whether or not the row has it."""
    later = _COLUMNS[_COLUMNS.index(column) :]
    ends = (at for at, atom in enumerate(row.atoms) if atom.column in later)
    return row.atoms[: next(ends, len(row.atoms))]


def _moved(row: Row, at: int, target: int) -> Row:
    """The row with its atom number `at` at a column."""
    moved = replace(row.atoms[at], gap=target - width(row.atoms[:at]))
    return replace(row, atoms=(*row.atoms[:at], moved, *row.atoms[at + 1 :]))


def _has_dims(row: Row) -> bool:
    """Whether the row's type has dimensions."""
    texts = [atom.text for atom in row.atoms]
    stop = min((texts.index(sign) for sign in ("init", "~", "=") if sign in texts), default=None)
    return "[" in texts[:stop]


# -------------------------------------------------------------------------- checking


def _is_same(one: object, other: object) -> bool:
    """Whether two trees differ in nothing but places; works through a list, not by recursion."""
    left = [(one, other)]
    while left:
        a, b = left.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            left += zip(a, b, strict=True)
        elif is_dataclass(a):
            if not isinstance(a, Span):
                left += [(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)]
        elif a != b:
            return False
    return True
