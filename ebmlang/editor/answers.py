"""Answers in the terms of the Language Server Protocol: one function for each request.

Each takes a document's text and places as the protocol counts them, and returns its types.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types as lsp

from ..syntax import tree
from ..syntax.diagnostics import Diagnostic, InternalError, Severity
from ..syntax.formatter import format_text
from ..syntax.source import Span
from . import symbols
from .completion import Item, complete
from .facts import proved
from .fixes import Fix, fixes, working
from .hints import hints
from .hover import hover
from .places import Lines
from .reading import Reading, read
from .rename import Edit, renamable, rename

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
_UNUSED = frozenset(("W502",))

_SYMBOLS = {
    "model": lsp.SymbolKind.Module, "import": lsp.SymbolKind.Package,
    "dimension": lsp.SymbolKind.Enum, "graph": lsp.SymbolKind.Struct,
    "given": lsp.SymbolKind.Constant, "visible": lsp.SymbolKind.Variable,
    "latent": lsp.SymbolKind.Variable, "param": lsp.SymbolKind.Field,
    "let": lsp.SymbolKind.Property, "function": lsp.SymbolKind.Function,
    "network": lsp.SymbolKind.Class, "energy": lsp.SymbolKind.Event,
    "quantity": lsp.SymbolKind.Number,
}  # fmt: skip

_ITEMS = {
    "keyword": lsp.CompletionItemKind.Keyword, "type": lsp.CompletionItemKind.TypeParameter,
    "function": lsp.CompletionItemKind.Function, "density": lsp.CompletionItemKind.Function,
    "network": lsp.CompletionItemKind.Class, "generator": lsp.CompletionItemKind.Function,
    "setting": lsp.CompletionItemKind.Property, "label": lsp.CompletionItemKind.EnumMember,
    "constant": lsp.CompletionItemKind.Constant, "dimension": lsp.CompletionItemKind.Enum,
    "graph": lsp.CompletionItemKind.Struct, "given": lsp.CompletionItemKind.Constant,
    "param": lsp.CompletionItemKind.Field, "let": lsp.CompletionItemKind.Property,
    "import": lsp.CompletionItemKind.Reference,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """An open document: its address, its text, and the unit in which the client counts."""

    uri: str
    path: str
    text: str
    encoding: str = "utf-16"

    @property
    def reading(self) -> Reading:
        """The text as it was read."""
        return read(self.text, self.path)

    @property
    def lines(self) -> Lines:
        """Its lines."""
        return Lines(self.text, self.encoding)


def forget() -> None:
    """Read everything anew: a file that others import may have changed."""
    for kept in (read, proved, working):
        kept.cache_clear()


def _range(lines: Lines, start: int, end: int) -> lsp.Range:
    return lsp.Range(lsp.Position(*lines.place(start)), lsp.Position(*lines.place(end)))


def _offset(lines: Lines, position: lsp.Position) -> int:
    return lines.offset((position.line, position.character))


def _location(document: Document, lines: Lines, span: Span) -> lsp.Location:
    """A place of the document, or of another file that it imports."""
    source = span.source
    if source.name == document.path:
        return lsp.Location(document.uri, _range(lines, span.start, span.end))
    others = Lines(source.text, document.encoding)
    path = Path(source.name)
    uri = path.absolute().as_uri()
    return lsp.Location(uri, _range(others, span.start, span.end))


def _edits(lines: Lines, edits: tuple[Edit, ...] | list[Edit]) -> list[lsp.TextEdit]:
    return [lsp.TextEdit(_range(lines, e.start, e.end), e.text) for e in edits]


# -------------------------------------------------------------------- diagnostics


def diagnostics(document: Document) -> list[lsp.Diagnostic]:
    """Everything that `ebm check` finds, the other ends of conflicts as related places."""
    lines = document.lines
    return [_diagnostic(document, lines, found) for found in document.reading.diagnostics]


def _diagnostic(document: Document, lines: Lines, found: Diagnostic) -> lsp.Diagnostic:
    source = document.reading.source
    own = [mark for mark in found.marks if mark.span.source is source]
    span = own[0].span if own else _import_of(found, document)
    related = [
        lsp.DiagnosticRelatedInformation(
            _location(document, lines, mark.span), mark.says or found.says
        )
        for k, mark in enumerate(found.marks)
        if k > 0 or mark.span.source is not source
    ]
    return lsp.Diagnostic(
        _range(lines, span.start, span.end),
        _message(found),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="ebm",
        tags=[lsp.DiagnosticTag.Unnecessary] if found.code in _UNUSED else None,
        related_information=related or None,
    )


def _import_of(found: Diagnostic, document: Document) -> Span:
    """Where the file that a diagnostic is about is imported; else the beginning of the text."""
    reading = document.reading
    name = Path(found.marks[0].span.source.name).name if found.marks else ""
    for piece in reading.pieces:
        match piece.statement:
            case tree.Import(path=path) if Path(path.value).name == name:
                return path.span
            case _:
                continue
    return Span(reading.source, 0, 0)


def _message(found: Diagnostic) -> str:
    mark = found.marks[0].says if found.marks else ""
    told = not mark or any(mark in text for text in (found.says, *found.helps))
    lines = [found.says if told else f"{found.says} ({mark})"]
    lines += [f"note: {text}" for text in found.notes]
    lines += [f"help: {text}" for text in found.helps]
    return "\n".join(lines)


def code_actions(document: Document, where: lsp.Range) -> list[lsp.CodeAction]:
    """The helps that can be applied to the diagnostics of a stretch."""
    lines = document.lines
    start, end = _offset(lines, where.start), _offset(lines, where.end)
    found = fixes(document.reading, min(start, end), max(start, end))
    first: set[str] = set()
    actions = []
    for fix in found:
        key = f"{fix.diagnostic.code} {fix.diagnostic.says}"
        actions.append(_action(document, lines, fix, fix.sure and key not in first))
        first.add(key)
    return actions


def _action(document: Document, lines: Lines, fix: Fix, preferred: bool) -> lsp.CodeAction:
    return lsp.CodeAction(
        fix.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(document, lines, fix.diagnostic)],
        is_preferred=preferred,
        edit=lsp.WorkspaceEdit(changes={document.uri: _edits(lines, fix.edits)}),
    )


# ------------------------------------------------------------------- about a place


def hover_at(document: Document, position: lsp.Position) -> lsp.Hover | None:
    """What is known of the word under the cursor."""
    lines = document.lines
    found = hover(document.reading, _offset(lines, position))
    if found is None:
        return None
    text = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text)
    return lsp.Hover(text, _range(lines, found.span.start, found.span.end))


def definition_at(document: Document, position: lsp.Position) -> lsp.Location | None:
    """Where the name under the cursor is declared."""
    lines = document.lines
    span = symbols.definition(document.reading, _offset(lines, position))
    return None if span is None else _location(document, lines, span)


def references_at(
    document: Document, position: lsp.Position, declaration: bool
) -> list[lsp.Location]:
    """Every place of the name under the cursor."""
    lines = document.lines
    spans = symbols.references(document.reading, _offset(lines, position), declaration)
    return [_location(document, lines, span) for span in spans]


def highlights_at(document: Document, position: lsp.Position) -> list[lsp.DocumentHighlight]:
    """The same places, for the editor to mark."""
    return [
        lsp.DocumentHighlight(location.range)
        for location in references_at(document, position, True)
    ]


def completion_at(document: Document, position: lsp.Position) -> lsp.CompletionList:
    """What could be written under the cursor."""
    lines = document.lines
    offset = _offset(lines, position)
    found = complete(document.reading, offset)
    place = _range(lines, found.start, offset)
    items = [_item(item, k, place) for k, item in enumerate(found.items)]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _item(item: Item, rank: int, place: lsp.Range) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        item.label,
        kind=_ITEMS.get(item.kind, lsp.CompletionItemKind.Variable),
        detail=item.detail or None,
        documentation=item.says or None,
        sort_text=f"{rank:04}",
        text_edit=lsp.TextEdit(place, item.label),
    )


def renamable_at(document: Document, position: lsp.Position) -> lsp.Range:
    """The word that a rename would replace. Raises Refused."""
    lines = document.lines
    span = renamable(document.reading, _offset(lines, position))
    return _range(lines, span.start, span.end)


def rename_at(document: Document, position: lsp.Position, new: str) -> lsp.WorkspaceEdit:
    """The edits that rename what is under the cursor. Raises Refused."""
    lines = document.lines
    edits = rename(document.reading, _offset(lines, position), new)
    return lsp.WorkspaceEdit(changes={document.uri: _edits(lines, edits)})


# ------------------------------------------------------------------ about the whole


def inlay_hints(document: Document, where: lsp.Range) -> list[lsp.InlayHint]:
    """The ranges of indices, behind each."""
    lines = document.lines
    start, end = _offset(lines, where.start), _offset(lines, where.end)
    return [
        lsp.InlayHint(
            lsp.Position(*lines.place(hint.offset)), hint.text, kind=lsp.InlayHintKind.Type
        )
        for hint in hints(document.reading, start, end)
    ]


def formatting(document: Document) -> list[lsp.TextEdit]:
    """One edit that brings the text into the one layout; none if it is there already."""
    text = document.reading.text
    try:
        new = format_text(text)
    except InternalError:
        return []
    if "\r\n" in text:
        new = new.replace("\n", "\r\n")
    if new == text:
        return []
    return [lsp.TextEdit(_range(document.lines, 0, len(text)), new)]


def document_symbols(document: Document) -> list[lsp.DocumentSymbol]:
    """The outline."""
    lines = document.lines
    return [
        lsp.DocumentSymbol(
            entry.name,
            _SYMBOLS[entry.kind],
            _range(lines, entry.whole.start, entry.whole.end),
            _range(lines, entry.span.start, entry.span.end),
            detail=entry.detail or None,
        )
        for entry in symbols.outline(document.reading)
    ]


def folding_ranges(document: Document) -> list[lsp.FoldingRange]:
    """Statements and comments of several lines."""
    lines = document.lines
    found = []
    for start, end, comment in symbols.folds(document.reading):
        kind = lsp.FoldingRangeKind.Comment if comment else None
        found.append(lsp.FoldingRange(lines.place(start)[0], lines.place(end)[0], kind=kind))
    return found
