"""Places are counted in the units of the client, whatever the letters and the ends of lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebmlang.editor.places import Lines

PARTS = ["a", " ", "σ", "√", "𝔹", "👩", "\n", "\r\n", "\r", "\u2028"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


@pytest.mark.parametrize(
    ("encoding", "units"), [("utf-8", 2 + 4 + 1), ("utf-16", 1 + 2 + 1), ("utf-32", 3)]
)
def test_units_are_those_of_the_encoding(encoding: str, units: int) -> None:
    lines = Lines("x\nσ𝔹a", encoding)
    assert lines.place(5) == (1, units)
    assert lines.offset((1, units)) == 5


@settings(deadline=None)
@given(TEXTS, st.sampled_from(list(ENCODINGS)))
def test_offset_undoes_place(text: str, encoding: str) -> None:
    lines = Lines(text, encoding)
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    for offset in range(len(text) + 1):
        line, units = lines.place(offset)
        start = lines.starts[line]
        assert units == len(text[start:offset].encode(ENCODINGS[encoding])) // width
        if text[max(offset - 1, 0) : offset + 1] != "\r\n":
            assert lines.offset((line, units)) == offset


@given(TEXTS, st.integers(-3, 9), st.integers(-3, 99))
def test_places_outside_are_drawn_inside(text: str, line: int, units: int) -> None:
    assert 0 <= Lines(text).offset((line, units)) <= len(text)


def test_a_byte_order_mark_is_not_counted_in_offsets() -> None:
    lines = Lines("\ufeffmodel m")
    assert lines.place(0) == (0, 1)
    assert lines.offset((0, 7)) == 6
