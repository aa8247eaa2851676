"""The page of each code: what it means, a wrong program with its message, the program mended."""

from __future__ import annotations

from importlib.resources import files

from ..syntax.diagnostics import complain
from .context import distance

_FOLDER = "pages"
_INDENT = "    "


def codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    folder = files("ebmlang").joinpath(_FOLDER)
    names = (each.name for each in folder.iterdir())
    return tuple(sorted(name[:-3] for name in names if name.endswith(".md")))


def is_code(text: str) -> bool:
    """Whether a word has the shape of a code, such as `E302` or `w503`."""
    return len(text) == 4 and text[0].upper() in "EWN" and text[1:].isdigit()


def page(code: str) -> str:
    """The page of a code, in Markdown. Raises EbmError E708 if there is none."""
    name = code.upper()
    found = files("ebmlang").joinpath(_FOLDER, f"{name}.md")
    if not is_code(code) or not found.is_file():
        near = next((c for c in codes() if distance(c, name) == 1), None)
        raise complain(
            "E708",
            f"there is no page for `{code}`",
            notes=[f"the codes are {', '.join(codes())}"],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    return found.read_text(encoding="utf-8")


def plain(text: str) -> str:
    """A page for the terminal: fences left out, what stood between them indented."""
    lines = []
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
            continue
        lines.append(f"{_INDENT if inside and line else ''}{line}")
    return "\n".join(lines).removeprefix("# ").rstrip()
