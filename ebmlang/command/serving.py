"""What `ebm lsp` runs: the language server, if what it needs is installed."""

from __future__ import annotations

from importlib import import_module

from ..syntax.diagnostics import complain


def serve() -> None:
    """Serve an editor until it leaves. Raises EbmError E608 that names a package that is missing."""
    # The editor stands above the command, so it is named here and not imported.
    try:
        server = import_module("ebmlang.editor.server")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("pygls", "lsprotocol"):
            raise
        help = 'pip install "ebmlang[editor]"'
        raise complain("E608", f"`ebm lsp` needs {missing}", helps=[help]) from None
    server.serve()
