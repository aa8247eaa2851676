"""What MkDocs is told beyond mkdocs.yml: fences with orders, and files that stand outside docs/.

Pages are written to be read on their own, beside the files that they link to. In the site a file
outside docs/ that some page links to becomes a page under `source/`, a folder a list of such pages.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
CODE = re.compile(r"^```.*?^```", re.S | re.M)
FENCE = re.compile(r"^```(?P<info>ebm\b[^\n]*)$", re.M)
ORDERS = re.compile(r"^<!-- (?!generated:|end )[^>]*? -->\n", re.M)
PICTURES = {".png", ".svg", ".gif", ".jpg", ".pdf"}
LANGUAGES = {".ebm": "ebm", ".py": "python", ".lark": "text", ".md": "", ".sh": "bash"}


def on_files(files: Files, config: Any) -> Files:
    """Add a page for every file or folder outside docs/ that a page links to."""
    wanted = {t for page in DOCS.rglob("*.md") for t in _outside(page.read_text(), page.parent)}
    found: set[Path] = set()
    while wanted:
        target = wanted.pop()
        found.add(target)
        if target.suffix == ".md":
            wanted |= _outside(target.read_text(), target.parent) - found
        elif target.is_dir():
            wanted |= set(_members(target)) - found
    for target in sorted(found):
        made = {"abs_src_path": str(target)} if _is_picture(target) else {"content": _page(target)}
        files.append(File.generated(config, _place(target), **made))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links that stay in the site, fences that name their language, no orders to the tests."""
    place = page.file.src_uri
    if not place.startswith("source/"):
        markdown = _linked(markdown, DOCS / place)
    return FENCE.sub(lambda m: _fence(m["info"].split()), ORDERS.sub("", markdown))


def _outside(text: str, folder: Path) -> set[Path]:
    """Files and folders of the project outside docs/ that a text links to."""
    targets = {_target(link["path"], folder) for link in LINK.finditer(CODE.sub("", text))}
    return {t for t in targets if t.exists() and t.is_relative_to(ROOT) and not _own(t)}


def _own(target: Path) -> bool:
    """Whether it is in the site already."""
    return target.is_relative_to(DOCS)


def _target(link: str, folder: Path) -> Path:
    return (folder / link).resolve()


def _place(target: Path) -> str:
    """Where the page of an outside file is."""
    path = target.relative_to(ROOT).as_posix()
    if target.is_dir():
        return f"source/{path}/index.md"
    return f"source/{path}" if path.endswith(".md") or _is_picture(target) else f"source/{path}.md"


def _is_picture(target: Path) -> bool:
    """Whether a file is copied as it is."""
    return target.suffix in PICTURES


def _linked(text: str, page: Path) -> str:
    """Links of a page outside docs/ turned to where the site has them; none within code."""

    def turned(link: re.Match[str]) -> str:
        target = _target(link["path"], page.parent)
        if not target.exists() or not target.is_relative_to(ROOT):
            return link[0]
        here = page if _own(page) else DOCS / _place(page)
        there = target if _own(target) else DOCS / _place(target)
        return os.path.relpath(there, here.parent) + (link["anchor"] or "")

    pieces = re.split(f"({CODE.pattern})", text, flags=re.S | re.M)
    return "".join(p if p.startswith("```") else LINK.sub(turned, p) for p in pieces)


def _page(target: Path) -> str:
    """An outside file as a page: a list of a folder, text as it is, code in a fence."""
    title = target.relative_to(ROOT).as_posix()
    if target.is_dir():
        rows = [f"- [{p.name}]({p.name}.md): {_says(p)}" for p in _members(target)]
        return "\n".join([f"# {title}", "", *rows, ""])
    text = target.read_text()
    if target.suffix == ".md":
        return _linked(text, target)
    fence = f"```{LANGUAGES.get(target.suffix, 'text')}"
    return f"# {title}\n\n{fence}\n{text.rstrip()}\n```\n"


def _members(folder: Path) -> list[Path]:
    """The models and scripts of a folder."""
    return sorted([*folder.glob("*.ebm"), *folder.glob("*.py")])


def _says(file: Path) -> str:
    """The first line of documentation of a model or a script."""
    found = re.search(r'^(?:## |""")([^\n"]*)', file.read_text(), re.M)
    return found[1] if found else ""


def _fence(info: list[str]) -> str:
    """```ebm fragment wrong E302 -> a fence of the language, with a title where one is of use."""
    if "wrong" in info:
        return f'```ebm title="refused: {" ".join(info[info.index("wrong") + 1 :])}"'
    if info[1:2] == ["file"]:
        return f'```ebm title="{info[2]}"'
    return "```ebm"
