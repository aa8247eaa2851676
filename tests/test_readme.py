"""The README's code, run from the README itself, and every example checked and laid out."""

import re

import pytest

import ebmlang as ebm
from conftest import ROOT
from ebmlang.syntax.formatter import format_text

EXAMPLES = sorted((ROOT / "examples").glob("*.ebm"))


def test_the_readme_s_python_runs(monkeypatch, capsys):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "one gradient gives every exact conditional" in out


def test_the_readme_s_model_is_the_example():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"```\n(model rbm.*?)```", text, re.S)
    assert block is not None
    assert block.group(1).strip() == (ROOT / "examples" / "rbm.ebm").read_text().strip()


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
