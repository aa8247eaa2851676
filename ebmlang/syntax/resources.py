"""Where the grammar lies: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from importlib.resources import files

_PLACES = (("..", "grammar"), ("..", "..", "grammar"))


def grammar_text(name: str) -> str:
    """The text of a file of the grammar folder: `ebm.lark` or `mistakes.ebm`.

    Raises: FileNotFoundError if the installation is incomplete.
    """
    for place in _PLACES:
        found = files("ebmlang.syntax").joinpath(*place, name)
        if found.is_file():
            return found.read_text(encoding="utf-8")
    raise FileNotFoundError(f"the grammar folder of ebmlang holds no {name}")
