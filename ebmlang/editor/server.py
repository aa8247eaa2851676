"""The language server `ebm lsp`: requests of an editor, answered over standard input and output."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from .. import __version__
from . import answers
from .answers import Document
from .rename import Refused

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")
TRIGGERS = ["[", "(", "~", ":", ",", "=", " "]


def serve() -> None:
    """Serve one editor until it says goodbye."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_fault)
    make_server().start_io()


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a line of the log tells of more than a refusal, which the user has seen."""
    return not (record.exc_info and isinstance(record.exc_info[1], JsonRpcInvalidParams))


def make_server() -> LanguageServer:
    """The server with every request that it answers."""
    server = LanguageServer(
        "ebm", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
    )
    for method, options, handler in _watching(server) + _about_places(server) + _about_all(server):
        server.feature(method, options)(handler)
    return server


def _document(server: LanguageServer, uri: str) -> Document:
    """A document as it stands in the editor."""
    found = server.workspace.get_text_document(uri)
    encoding = str(server.workspace.position_encoding or "utf-16")
    return Document(uri, to_fs_path(uri) or uri, found.source, encoding)


def _calmly(answer: Callable[[], Answer], otherwise: Answer) -> Answer:
    """An answer; what goes wrong on the way is logged, and never ends the server.

    A refusal is told to the user as it is.
    """
    try:
        return answer()
    except Refused as refused:
        raise JsonRpcInvalidParams(str(refused)) from None
    except Exception:
        _LOG.exception("a request could not be answered")
        return otherwise


Handlers = list[tuple[str, Any, Callable[..., Any]]]


def _watching(server: LanguageServer) -> Handlers:
    """What happens to documents: after each change the diagnostics are told."""

    def publish(uri: str) -> None:
        found = _calmly(lambda: answers.diagnostics(_document(server, uri)), [])
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found))

    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        publish(params.text_document.uri)

    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        publish(params.text_document.uri)

    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        answers.forget()
        for uri in list(server.workspace.text_documents):
            publish(uri)

    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    return [
        (lsp.TEXT_DOCUMENT_DID_OPEN, None, opened),
        (lsp.TEXT_DOCUMENT_DID_CHANGE, None, changed),
        (lsp.TEXT_DOCUMENT_DID_SAVE, None, saved),
        (lsp.TEXT_DOCUMENT_DID_CLOSE, None, closed),
    ]


def _about_places(server: LanguageServer) -> Handlers:
    """Requests about the word under the cursor."""

    def at(
        answer: Callable[[Document, lsp.Position], Any], otherwise: Any = None
    ) -> Callable[[Any], Any]:
        def handler(params: Any) -> Any:
            document = _document(server, params.text_document.uri)
            return _calmly(lambda: answer(document, params.position), otherwise)

        return handler

    def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        document = _document(server, params.text_document.uri)
        wanted = params.context.include_declaration
        return _calmly(lambda: answers.references_at(document, params.position, wanted), [])

    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        document = _document(server, params.text_document.uri)
        new = params.new_name
        return _calmly(lambda: answers.rename_at(document, params.position, new), None)

    completing = lsp.CompletionOptions(trigger_characters=TRIGGERS)
    return [
        (lsp.TEXT_DOCUMENT_HOVER, None, at(answers.hover_at)),
        (lsp.TEXT_DOCUMENT_DEFINITION, None, at(answers.definition_at)),
        (lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, None, at(answers.highlights_at, [])),
        (lsp.TEXT_DOCUMENT_COMPLETION, completing, at(answers.completion_at)),
        (lsp.TEXT_DOCUMENT_PREPARE_RENAME, None, at(answers.renamable_at)),
        (lsp.TEXT_DOCUMENT_REFERENCES, None, references),
        (lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True), rename),
    ]


def _about_all(server: LanguageServer) -> Handlers:
    """Requests about a whole document, or a stretch of it."""

    def whole(answer: Callable[[Document], Any]) -> Callable[[Any], Any]:
        def handler(params: Any) -> Any:
            document = _document(server, params.text_document.uri)
            return _calmly(lambda: answer(document), [])

        return handler

    def part(answer: Callable[[Document, lsp.Range], Any]) -> Callable[[Any], Any]:
        def handler(params: Any) -> Any:
            document = _document(server, params.text_document.uri)
            return _calmly(lambda: answer(document, params.range), [])

        return handler

    fixing = lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])
    return [
        (lsp.TEXT_DOCUMENT_CODE_ACTION, fixing, part(answers.code_actions)),
        (lsp.TEXT_DOCUMENT_INLAY_HINT, None, part(answers.inlay_hints)),
        (lsp.TEXT_DOCUMENT_FORMATTING, None, whole(answers.formatting)),
        (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, None, whole(answers.document_symbols)),
        (lsp.TEXT_DOCUMENT_FOLDING_RANGE, None, whole(answers.folding_ranges)),
    ]
