"""The README's code is the tutorial's, which is run; every example is checked and laid out."""

import ast
import re

import pytest

import ebmlang as ebm
from conftest import ROOT
from ebmlang.syntax.formatter import format_text

EXAMPLES = sorted((ROOT / "examples").glob("*.ebm"))


def python_of(page):
    """The statements of a page in Python, with examples at hand."""
    text = "".join(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S))
    return [ast.unparse(s).replace("examples/", "") for s in ast.parse(text).body]


def test_the_readme_s_python_is_that_of_the_tutorial_which_is_run():
    lines, run = python_of("README.md"), iter(python_of("docs/tutorial.md"))
    assert len(lines) > 10
    missing = [line for line in lines if line not in run]  # in that order
    assert not missing


def test_the_readme_s_model_is_the_example_and_the_tutorial_s():
    example = (ROOT / "examples" / "rbm.ebm").read_text().strip()
    for page, fence in (("README.md", "ebm"), ("docs/tutorial.md", "ebm file rbm.ebm")):
        blocks = re.findall(rf"^```{fence}\n(.*?)^```", (ROOT / page).read_text(), re.S | re.M)
        assert blocks[-1].strip() == example


def test_the_readme_shows_a_model_its_explanation_a_picture_and_the_commands_on_one_screen():
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:50])
    for part in ("model rbm", "what the compiler proved", "![", "make demo", "make test"):
        assert part in screen


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_is_sound_without_a_warning_and_laid_out(path):
    model = ebm.load(path)
    assert not model.warnings
    assert format_text(path.read_text()) == path.read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_explains_itself_before_sizes_are_known(path):
    model = ebm.load(path)
    text = str(model.explain())
    for name in model.program.unknowns:
        assert f"proved about {name}" in text
    assert "sampler" in text
