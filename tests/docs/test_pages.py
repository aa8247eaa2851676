"""Every block of every page is run, or says why not; what stands behind it is what comes out.

Models run unchecked here: that derived conditionals are those of the energy is what tests/samplers
and tests/programs hold to, and comparing them anew for each page would take as long as the pages do.
"""

from __future__ import annotations

import re

import pytest

import ebmlang as ebm
from conftest import ROOT

from .blocks import blocks_of
from .running import RUN, Said, as_promised, run_page

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
RUNNING = [
    p for p in PAGES if any(b.kind in RUN and not b.orders.get("not run") for b in blocks_of(p))
]


@pytest.mark.parametrize("page", RUNNING, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_page_runs_and_says_what_stands_there(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    unchecked = property(lambda model: False, lambda model, checked: None)
    monkeypatch.setattr(ebm.Model, "checks", unchecked, raising=False)
    for said in run_page(page, tmp_path):
        assert as_promised(said), "\n".join([said.block.place, *said.told])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_block_is_run_or_says_why_not(page):
    blocks = blocks_of(page)
    fences = re.findall(r"^ *```", page.read_text(), re.M)
    assert len(fences) == 2 * len(blocks), "a fence without a language is not run"
    for block in blocks:
        output = block.kind == "text" and block.behind == "python"
        if not (block.kind in ("ebm", *RUN) or output):
            assert block.orders.get("not run"), f"{block.place} is neither run nor says why not"


def test_what_a_page_promises_is_held_to_it():
    """The comparison itself: a number that is off, a line that is missing, a word that differs."""
    block = blocks_of(ROOT / "docs" / "moments.md")[0]

    def holds(promised, told, **exactly):
        return as_promised(Said(block, promised, told, **exactly))

    assert holds(["log Z 12.31  s", "…", "all is well"], ["log Z 12.4 s", "a", "b", "all is well"])
    assert not holds(["log Z 12.31"], ["log Z 14.0"])
    assert not holds(["R-hat 1.01", "all is well"], ["R-hat 1.01"])
    assert not holds(["40 draws"], ["41 draws"])
    assert not holds(["1.01"], ["1.02"], exactly=True)
