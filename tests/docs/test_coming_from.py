"""What the tables of docs/ promise in passing: statements compile, calls take what they are given."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

import ebmlang as ebm
from conftest import ROOT
from ebmlang.syntax.words import KEYWORDS

from .blocks import FENCE

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BEHIND = re.compile(r"<!-- behind: (.*?) -->", re.S)
TABLES = [p for p in PAGES if p.parent.name == "coming-from" and BEHIND.search(p.read_text())]
CODE = re.compile(r"`([^`]+)`")
HELD = {"draws": ebm.Draws, "fit": ebm.Fit, "model": ebm.Model}
# What is set when one is made, and so not seen on the class.
ADDED = {"draws": {"settings", "tempering"}, "fit": {"params", "model"}}


def here(page):
    """The code of the last cell of every row, row by row."""
    text = FENCE.sub("", page.read_text())
    rows = re.findall(r"^\| .* \| (.*) \|$", text, re.M)
    return [CODE.findall(row) for row in rows[1:]]


@pytest.mark.parametrize("page", TABLES, ids=lambda p: p.stem)
def test_every_statement_of_a_table_compiles(page):
    behind = BEHIND.search(page.read_text())
    assert behind is not None
    rows = [[c for c in row if c.split()[0] in KEYWORDS and " " in c] for row in here(page)]
    rows = [row for row in rows if row]
    assert rows
    for row in rows:
        ebm.loads("\n".join(["model table", behind[1], *row]))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_every_call_in_the_text_is_one_that_can_be_made(page):
    for code in CODE.findall(FENCE.sub("", page.read_text())):
        try:
            tree = ast.parse(code.replace("…", "..."))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                check(node.value.id, node.attr, code)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                check_arguments(node, code)


def check(owner, name, code):
    """That a module or a thing that a call gives has such a name."""
    if owner == "ebm":
        assert name in ebm.__all__, code
    if owner in HELD:
        fields = getattr(HELD[owner], "__dataclass_fields__", {})
        assert hasattr(HELD[owner], name) or name in fields or name in ADDED.get(owner, ()), code


def check_arguments(call, code):
    """That a public function takes the arguments that are named."""
    owner = call.func.value
    if not isinstance(owner, ast.Name) or owner.id not in ("ebm", *HELD):
        return
    function = getattr(ebm if owner.id == "ebm" else HELD[owner.id], call.func.attr, None)
    assert callable(function), code
    taken = inspect.signature(function).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        unknown = {k.arg for k in call.keywords if k.arg} - set(taken)
        assert not unknown, f"{code}: {unknown}"
