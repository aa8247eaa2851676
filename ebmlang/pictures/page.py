"""Pages of HTML in one file: no script, no style sheet and no image from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from matplotlib.figure import Figure

from .style import png, write

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; margin: 0 auto;
  max-width: 54rem; padding: 1.5rem 1rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #bbb; }
p, ul { margin: .5rem 0; }
.verdict { font-size: 1.15rem; border-left: .3rem solid #111; padding: .2rem 0 .2rem .8rem; margin: 1rem 0; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .85rem; overflow-wrap: normal;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #444; padding-bottom: .3rem; }
th, td { padding: .2rem .75rem .2rem 0; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid #ddd; }
th { font-weight: 600; }
td.words { white-space: normal; }
thead th { border-bottom: 1px solid #111; }
th:first-child, td.words { text-align: left; }
pre { font: .75rem/1.45 ui-monospace, monospace; background: #f4f4f4; padding: .8rem; overflow-x: auto;
  overflow-wrap: normal; }
figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; }
figcaption, footer { font-size: .85rem; color: #444; }
footer { margin-top: 2.5rem; border-top: 1px solid #bbb; padding-top: .5rem; }
@media print {
  body { max-width: none; font-size: 11pt; padding: 0; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  pre { white-space: pre-wrap; background: none; border: 1px solid #bbb; }
  .wide { overflow: visible; }
}
"""

# A notebook has a style of its own, and may show many results on one page.
_SIDES = {side: f"text-align: {side}; padding: .1em .6em" for side in ("left", "right")}
PACKAGES = ("ebmlang", "jax", "jaxlib", "numpyro", "numpy", "matplotlib")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what it shows, its heads, its rows of words, the first of which names the row.

    `words`: columns, by number, that hold words and not numbers.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Illustration:
    """A figure with what a reader who cannot see it is told, and the line below it."""

    figure: Figure
    alt: str
    caption: str


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page in HTML5."""
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n</main>\n{_footer()}\n</body>\n</html>\n"
    )


def keep(text: str, path: str | Path) -> None:
    """Write a page. Raises EbmError E608 where that cannot be."""
    write(lambda: Path(path).write_text(text, encoding="utf-8"), path)


def section(title: str, *parts: str) -> str:
    """A heading with what belongs to it."""
    body = "\n".join(parts)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def points(texts: Iterable[str]) -> str:
    """A list; nothing for none."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def preformatted(text: str) -> str:
    """Text as it stands, such as a program."""
    return f'<pre tabindex="0">{escape(text.strip())}</pre>'


def table(shown: Table) -> str:
    """A table with heads for its columns and its rows."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in shown.heads)
    rows = "\n".join(f"<tr>{''.join(_cells(shown, row))}</tr>" for row in shown.rows)
    return (
        f'<div class="wide"><table>\n<caption>{escape(shown.caption)}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _cells(shown: Table, row: Sequence[str]) -> Iterable[str]:
    first, *rest = row
    yield f'<th scope="row">{escape(first)}</th>'
    for k, text in enumerate(rest, 1):
        yield f"<td{_class('words' if k in shown.words else '')}>{escape(text)}</td>"


def settings(values: Mapping[str, object], caption: str) -> str:
    """A table of names and values."""
    rows = [(name, str(value)) for name, value in values.items()]
    return table(Table(caption, ("setting", "value"), rows, frozenset({0, 1})))


def illustration(shown: Illustration) -> str:
    """A figure as an image within the page."""
    data = base64.b64encode(png(shown.figure)).decode("ascii")
    width, height = (round(96 * inches) for inches in shown.figure.get_size_inches())
    return (
        f'<figure>\n<img src="data:image/png;base64,{data}" alt="{escape(shown.alt)}" '
        f'width="{width}" height="{height}">\n'
        f"<figcaption>{escape(shown.caption)}</figcaption>\n</figure>"
    )


def fragment(title: str, shown: Sequence[Table], notes: Iterable[str] = ()) -> str:
    """What a notebook shows of a result: a line, tables, remarks. No page around it."""
    tables = "".join(_plain(each) for each in shown)
    remarks = "".join(f"<div>{escape(note)}</div>" for note in notes)
    return f"<div><div><b>{escape(title)}</b></div>{tables}{remarks}</div>"


def _plain(shown: Table) -> str:
    sides = ["left" if k in shown.words else "right" for k in range(len(shown.heads))]

    def cells(row: Sequence[str], scope: str) -> str:
        made = []
        for k, (text, side) in enumerate(zip(row, sides, strict=True)):
            tag = f'th scope="{scope}"' if scope == "col" or k == 0 else "td"
            made.append(f'<{tag} style="{_SIDES[side]}">{escape(text)}</{tag.split()[0]}>')
        return "".join(made)

    rows = "".join(f"<tr>{cells(row, 'row')}</tr>" for row in shown.rows)
    return (
        f'<table style="border-collapse: collapse"><thead><tr>{cells(shown.heads, "col")}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def versions() -> dict[str, str]:
    """The versions of what the figures rest on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def _footer() -> str:
    told = ", ".join(f"{name} {number}" for name, number in versions().items())
    return f"<footer>{escape(told)}</footer>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
