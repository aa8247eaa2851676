"""The page of the gallery is what the scripts say, and each script is short and has all that belongs to it."""

import re

import pytest
from PIL import Image

from .gallery_page import EXAMPLES, IMAGES, ORDER, PAGE, entry, page


def test_the_page_is_what_the_scripts_say(request):
    if request.config.getoption("--accept"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page(), "pytest --accept writes docs/gallery.md anew"


def test_every_script_is_in_the_gallery():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")} - {"demo"}
    assert scripts == set(ORDER)
    assert len(ORDER) >= 12


@pytest.mark.parametrize("name", ORDER)
def test_a_script_has_40_lines_at_most_and_its_own_energy(name):
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert len(text.splitlines()) <= 40
    assert (EXAMPLES / f"{name}.ebm").exists()
    assert 'Path(__file__).with_suffix(".ebm")' in text
    assert f'pictures/{entry(name).picture.removeprefix("gallery-")}"' in text


@pytest.mark.parametrize("name", ORDER)
def test_a_script_says_in_two_sentences_what_it_shows(name):
    found = entry(name)
    assert len(re.findall(r"[.!?](?= [A-Z]|$)", found.says)) == 2
    assert found.says.endswith(".")


@pytest.mark.parametrize("name", ORDER)
def test_a_picture_of_the_page_can_be_looked_at_and_is_small(name):
    path = IMAGES / entry(name).picture
    assert path.stat().st_size < (600_000 if path.suffix == ".gif" else 80_000)
    with Image.open(path) as image:
        assert min(image.size) >= 240
        assert getattr(image, "n_frames", 1) >= (10 if path.suffix == ".gif" else 1)
