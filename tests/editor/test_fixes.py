"""Every help that can be applied is offered as a change that works."""

from __future__ import annotations

import pytest

from ebmlang.editor.fixes import Fix, fixes
from ebmlang.editor.reading import Reading, read
from ebmlang.editor.rename import apply

from .texts import LATTICE

CASES = [
    # did you mean
    ("E201", "energy e = -bb @ v", "energy e = -b @ v"),
    ("E201", "energy e = exq(sum(v))", "energy e = exp(sum(v))"),
    ("E201", "param q : reel", "param q : real"),
    ("E201", "param q : real[pixle]", "param q : real[pixel]"),
    ("E201", "param q : real ~ nomal(0, 1)", "param q : real ~ normal(0, 1)"),
    ("E201", "graph g on pixle", "graph g on pixel"),
    ("E201", "net f : real[pixel] -> real = mpl(3)", "net f : real[pixel] -> real = mlp(3)"),
    ("E101", "visble q : spin", "visible q : spin"),
    # sums and products
    ("E307", "energy e = -b * v", "energy e = -b @ v"),
    ("E307", "energy e = exp(b)", "energy e = sum(exp(b))"),
    ("E302", "energy e = -v @ h", "energy e = -v @ W @ h"),
    (
        "E203",
        "energy e = -sum(i) b[i] * v[i] + b[i] + 3",
        "energy e = -sum(i) (b[i] * v[i] + b[i]) + 3",
    ),
    ("E101", "energy e = sum(i) -b[i]", "energy e = sum(i) (-b[i])"),
    # ranges
    (
        "E305",
        "energy e = sum(i, j) s[i, j] * s[i+1, j]",
        "energy e = sum(i in 0..row-1, j) s[i, j] * s[i+1, j]",
    ),
    (
        "E305",
        "energy e = sum(i, j) s[i, j] * s[i, j-1]",
        "energy e = sum(i, j in 1..col) s[i, j] * s[i, j-1]",
    ),
    ("E402", "param q : real<1, 0>", "param q : real<0, 1>"),
    ("W506", "dim two = 2 cyclic", "dim two = 2"),
    # signs and brackets
    ("E101", "energy e = sum(v) ≤ 2", "energy e = sum(v) <= 2"),
    ("E101", "energy e = sum(v) ** 2", "energy e = sum(v) ^ 2"),
    ("E101", "energy e = sum(v", "energy e = sum(v)"),
    ("E101", "energy e = sum(i) v[i]]", "energy e = sum(i) v[i]"),
    ("E101", "energy e = sum(i] v[i]", "energy e = sum(i) v[i]"),
    ("E101", "energy d = sum(v); energy e = 1", "energy d = sum(v) energy e = 1"),
    ("E102", "param energy : real", "param energy_ : real"),
]


def offered(text: str, code: str) -> tuple[Reading, list[Fix]]:
    reading = read(text)
    found = [fix for fix in fixes(reading, 0, len(text)) if fix.diagnostic.code == code]
    return reading, found


@pytest.mark.parametrize(("code", "wrong", "right"), CASES, ids=[wrong for _, wrong, _ in CASES])
def test_a_help_is_applied_and_the_fault_is_gone(code: str, wrong: str, right: str) -> None:
    reading, found = offered(f"{LATTICE}{wrong}\n", code)
    texts = [apply(reading.text, list(fix.edits)) for fix in found]
    assert f"{LATTICE}{right}\n" in texts
    for fix, text in zip(found, texts, strict=True):
        before = [d.says for d in reading.diagnostics if d.code == code]
        after = [d.says for d in read(text).diagnostics if d.code == code]
        assert after.count(fix.diagnostic.says) < before.count(fix.diagnostic.says)


def test_the_other_way_of_a_pair_is_left_out() -> None:
    """Whatever way the help takes: `i < j`, or one number for each unordered pair."""
    body = "param J : real[pixel, pixel]\nenergy e = sum(i, j) J[i, j] * v[i] * v[j]\n"
    _, found = offered(LATTICE + body, "W503")
    assert found


def test_a_lattice_may_close_on_itself_instead() -> None:
    reading, found = offered(f"{LATTICE}energy e = sum(i, j) s[i, j] * s[i+1, j]\n", "E305")
    texts = [apply(reading.text, list(fix.edits)) for fix in found]
    assert len(texts) == 2
    assert "dim row = 4 cyclic, col = 4\n" in texts[1]


def test_a_dimension_is_declared_without_taking_the_comment_of_another() -> None:
    text = "model m\n## About x.\nvisible x : spin[site]\nenergy e = sum(x)\n"
    reading, (fix,) = offered(text, "E201")
    assert apply(reading.text, list(fix.edits)) == text + "dim site\n"


def test_what_would_lose_text_or_comments_is_not_offered() -> None:
    text = "model m\nenergy e = 2 ** 3 # kept\n + 1\n"
    reading, found = offered(text, "E101")
    assert all("# kept" in apply(reading.text, list(fix.edits)) for fix in found)


def test_fixes_are_only_for_the_place_that_is_asked_about() -> None:
    text = f"{LATTICE}energy e = -bb @ v\nenergy f = -b * v\n"
    start = text.index("-b * v")
    codes = {fix.diagnostic.code for fix in fixes(read(text), start, start)}
    assert codes == {"E307"}


def test_what_leaves_the_fault_is_not_offered() -> None:
    _, found = offered(f"{LATTICE}energy d = sum(v);; energy e = 1\n", "E101")
    assert found == []


def test_what_breaks_something_else_is_not_offered() -> None:
    text = f"{LATTICE}energy e = sum(pixel) b[pixel]\n"
    reading, found = offered(text, "E202")
    assert any("i in pixel" in help for d in reading.diagnostics for help in d.helps)
    assert found == []
