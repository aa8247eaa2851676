"""The bar of a long run: a whole line where there is room, what is done and what is left always."""

import re

import pytest
from rich.cells import cell_len

from ebmlang.progress import Progress

NOTE = "gap +0.28 nats, gradient 0.92, R-hat 0.99, 550 steps/s"


@pytest.fixture
def last_line(monkeypatch, capsys):
    """What stands at the end on a terminal of so many columns."""

    def shown(columns, title="fitting rbm", note=NOTE):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("FORCE_COLOR", "1")
        with Progress(30, title, True) as bar:
            bar.advance(21, note)
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
        return re.split(r"[\r\n]+", plain.strip())[-1]

    return shown


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (140, f"fitting rbm {'━' * 28}╺{'━' * 11} 21/30 -:--:-- {NOTE}"),
        (100, f"fitting rbm {'━' * 13}╺{'━' * 5} 21/30 -:--:-- {NOTE}"),
        (80, f"fitting rbm 21/30 -:--:-- {NOTE}"),
        (60, "fitting rbm 21/30 -:--:-- gap +0.28 nats, gradient 0.92, R-…"),
        (40, "fitting rbm 21/30 -:--:-- gap +0.28 nat…"),
        (27, "fitting rbm 21/30 -:--:--"),
        (20, "fitti… 21/30 -:--:--"),
        (14, "21/30 -:--:--"),
    ],
)
def test_the_bar_gives_way_first_and_then_the_words_from_their_end(last_line, columns, wanted):
    assert last_line(columns).rstrip() == wanted
    assert cell_len(wanted) <= columns


def test_without_a_note_the_bar_has_the_room(last_line):
    assert last_line(80, note="").rstrip() == f"fitting rbm {'━' * 28}╺{'━' * 11} 21/30 -:--:--"
    assert last_line(40, note="").rstrip() == f"fitting rbm {'━' * 9}╸{'━' * 4} 21/30 -:--:--"


def test_brackets_in_a_title_are_no_markup(last_line):
    assert last_line(80, title="fitting [red]", note="a [b]").startswith("fitting [red] ━")
