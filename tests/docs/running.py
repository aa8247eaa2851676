"""Running a page: its files, Python and commands in order, and whether they say what stands there."""

from __future__ import annotations

import ast
import contextlib
import io
import math
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import ebmlang as ebm
from conftest import ROOT
from ebmlang import cli

from .blocks import Block, blocks_of

RUN = ("python", "console")
ROUGH = r"-?\d+\.\d+(?:e[-+]?\d+)?|\d{3,}"  # numbers that rounding of another machine may move
CLOSE = 0.05


class Said(NamedTuple):
    """What stands on a page and what was said when it ran; to the letter, or as `as_promised`."""

    block: Block
    promised: list[str]
    told: list[str]
    exactly: bool = False


def run_page(page: Path, folder: Path) -> Iterator[Said]:
    """The blocks of a page, run one after another in a folder that holds the examples.

    The caller is in that folder. Commands run in this process, as `ebm` itself does.
    """
    (folder / "examples").symlink_to(ROOT / "examples")
    names: dict[str, Any] = {"ebm": ebm, "np": np, "folder": folder}
    blocks = [b for b in blocks_of(page) if "not run" not in b.orders]
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.file:
            (folder / block.file).write_text(block.text)
        elif block.kind == "console":
            yield from _commands(block)
        elif block.kind == "python":
            told = _told(lambda block=block: _execute(block, names))
            shown = following is not None and following.kind == "text" and following.behind
            if shown and following:
                yield Said(block, following.text.splitlines(), told)
            else:
                yield Said(block, promised(block.text), told, exactly=True)


def _execute(block: Block, names: dict[str, Any]) -> None:
    exec(compile("\n" * block.line + block.text, str(block.page), "exec"), names)


def _commands(block: Block) -> Iterator[Said]:
    """Each command of a block, with the lines up to the next."""
    for command, _, said in re.findall(
        r"^\$ (.*(?:\\\n.*)*)(\n|\Z)((?:(?!\$ ).*\n?)*)", block.text, re.M
    ):
        yield Said(block, said.splitlines(), _told(lambda c=command: _ebm(shlex.split(c))))


def _ebm(words: list[str]) -> None:
    assert words[0] == "ebm", f"pages run `ebm` alone, not {words[0]}"
    before, sys.argv = sys.argv, words
    try:
        cli.main()
    except SystemExit:
        pass
    finally:
        sys.argv = before


def _told(act: Any) -> list[str]:
    """The lines that something prints, faults among them."""
    lines = io.StringIO()
    with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
        act()
    return [line.rstrip() for line in lines.getvalue().splitlines()]


def promised(text: str) -> list[str]:
    """The comments behind what prints, one a line, or in lines of their own below it."""
    lines = text.splitlines()
    found = []
    for statement in ast.parse(text).body:
        end = statement.end_lineno or 0
        beside = lines[end - 1].partition("  # ")[2]
        if not isinstance(statement, ast.FunctionDef) and "print(" in ast.unparse(statement):
            below = takewhile(lambda line: line.startswith("# "), lines[end:])
            found += [beside] if beside else [line[2:] for line in below]
    return found


def as_promised(said: Said) -> bool:
    """Whether what was said is what stands there: `…` is anything, numbers may round differently."""
    if said.exactly:
        return said.promised == said.told
    promised, told = ("\n".join(lines).strip() for lines in (said.promised, said.told))
    found = re.fullmatch(_pattern(promised), re.sub(r"[ ]+", " ", told), re.S)
    numbers = re.findall(ROUGH, promised)
    return found is not None and all(
        math.isclose(float(a), float(b), rel_tol=CLOSE, abs_tol=2 * _last_digit(a))
        for a, b in zip(numbers, found.groups(), strict=True)
    )


def _pattern(text: str) -> str:
    """A regular expression with a group for every rough number."""
    text = re.sub(r"[ ]+", " ", text)
    made = ""
    for piece in re.split(rf"({ROUGH}|\n…\Z|^…\n|…)", text, flags=re.M):
        if re.fullmatch(ROUGH, piece):
            made += f"({ROUGH})"
        elif "…" in piece and "\n" in piece:
            made += r"(?:[^\n]*\n)*?" if piece.endswith("\n") else r"(?:\n[^\n]*)*"
        else:
            made += r"[^\n]*?" if piece == "…" else re.escape(piece)
    return made


def _last_digit(number: str) -> float:
    """One unit of the last digit that is shown."""
    mantissa, _, power = number.partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))
