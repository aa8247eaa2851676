"""The site: MkDocs builds it without a warning, everything public is in it, nothing is fetched."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

import ebmlang
from conftest import ROOT

from .test_language import generator


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; the build is strict, so that any warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    told = subprocess.run(
        words,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr + told.stdout
    return folder


def test_every_public_name_has_its_place_in_the_api(site):
    face = generator().draw_api.face()
    called = {row.called for rows in face.values() for row in rows}
    public = {f"ebm.{n}" for n in ebmlang.__all__} - {"ebm.__version__", "ebm.pictures"}
    assert public <= called
    for group, rows in face.items():
        text = (site / "api" / f"{group}.html").read_text()
        for row in rows:
            assert f'id="{row.place}"' in text, row


def test_docstrings_stand_in_the_api(site):
    text = (site / "api" / "model.html").read_text()
    assert "A model from the text of an .ebm file" in text
    assert re.search(r'id="ebmlang.model.Model.free_energy"', text)
    assert "state[name] […, dims of name]" in text  # shapes are no links


def test_no_page_needs_the_network(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        sources = re.findall(
            r'<(?:script|link|img)[^>]*?(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert not [s for s in sources if not s.startswith("https://example")], page


def test_programs_are_highlighted_and_orders_to_the_tests_are_not_shown(site):
    text = (site / "language.html").read_text()
    assert re.search(r'<span class="\w+">visible</span>', text)
    assert "energy: -J * np.sum" not in text
    refused = (site / "language" / "codes.html").read_text()
    assert "refused: E201 E302" in refused


def test_what_pages_link_to_outside_docs_is_in_the_site(site):
    assert "visible x : category(aa)[site]" in re.sub(
        "<[^>]*>", "", (site / "source" / "examples" / "potts_dca.ebm.html").read_text()
    )
    assert (site / "source" / "CONTRIBUTING.html").exists()
