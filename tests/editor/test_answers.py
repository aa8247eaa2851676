"""Hover, hints, names, rename, completion and outline, asked of texts with a `|` where the cursor is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmlang.editor import lexicon
from ebmlang.editor.answers import Document, diagnostics, forget
from ebmlang.editor.completion import complete
from ebmlang.editor.hints import hints
from ebmlang.editor.hover import hover
from ebmlang.editor.reading import read
from ebmlang.editor.rename import Refused, apply, rename
from ebmlang.editor.symbols import definition, folds, outline, references
from ebmlang.semantics.context import CALLABLES
from ebmlang.semantics.declarations import GENERATORS
from ebmlang.semantics.functions import CONSTANTS
from ebmlang.semantics.networks import ARCHITECTURES
from ebmlang.syntax.words import CONNECTIVES, KEYWORDS, REDUCERS, TYPES

from .texts import LATTICE, at, program

ISING = program("ising")
BROKEN = LATTICE + "energy e = -b @ \n"


# ------------------------------------------------------------------------- hover


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (LATTICE + "energy e = sum(", "s)", ["spin[row, col]", "What is seen.", "4 positions"]),
        (LATTICE + "energy e = W", " @ h", ["param W : real[pixel, unit]"]),
        (LATTICE + "energy e = sum(", "total)", ["of type `real[pixel]`"]),
        (LATTICE + "energy e = ", "double(2)", ["fn double(a) = 2 * a", "Twice a number."]),
        (LATTICE + "energy e = sum(", "i) b[i]", ["an index: `pixel`"]),
        (LATTICE + "energy e = sum(i) b[", "i]", ["i in pixel"]),
        (LATTICE + "energy e = ", "exp(2)", ["exp(x)", "e to the power"]),
        (LATTICE + "energy e = su", "m(b)", ["sum(i) body"]),
        (LATTICE + "param q : re", "al ~ normal(0, 1)", ["any number"]),
        (LATTICE + "param q : real ~ nor", "mal(0, 1)", ["normal([loc], [scale])"]),
        (LATTICE + "net f : real -> real = ml", "p(3)", ["mlp(sizes…, act=silu"]),
        (LATTICE + "dim z = ", "row + 1", ["dim row = 4"]),
        (LATTICE + "lat", "ent z : real", ["never in the data"]),
        (BROKEN + "param q : real[uni", "t]", ["dim unit", "as many positions as the data"]),
    ],
)
def test_hover_tells(before: str, after: str, said: list[str]) -> None:
    reading, offset = at(before + "|" + after)
    found = hover(reading, offset)
    assert found is not None
    for words in said:
        assert words in found.text


def test_hover_tells_what_is_proved_of_an_unknown() -> None:
    found = hover(read(ISING), ISING.index("s : spin"))
    assert found is not None
    for words in ("linear in every site", "2 colours", "64 positions, cyclic"):
        assert words in found.text


def test_hover_does_not_count_where_that_takes_long() -> None:
    """Counting the pairs of 4000 units takes a quarter of a minute; nobody waits so for a hover."""
    text = program("boltzmann_machine").replace("dim unit", "dim unit = 4000")
    found = hover(read(text), text.index("x : binary"))
    assert found is not None
    assert "linear in every site" in found.text
    assert "`ebm explain` tells which" in found.text


def test_nothing_is_proved_while_there_are_errors() -> None:
    text = ISING + "energy e = nothing_of_the_kind\n"
    found = hover(read(text), text.index("s : spin"))
    assert found is not None
    assert "spin[row, col]" in found.text
    assert "colours" not in found.text


def test_the_language_is_told_completely() -> None:
    assert set(lexicon.KEYWORDS) == set(KEYWORDS)
    assert set(lexicon.CONNECTIVES) == set(CONNECTIVES)
    assert set(lexicon.REDUCERS) == set(REDUCERS)
    assert set(lexicon.TYPES) == set(TYPES)
    assert set(lexicon.FUNCTIONS) | set(REDUCERS) == set(CALLABLES)
    assert set(lexicon.CONSTANTS) == set(CONSTANTS)
    assert all(lexicon.network(name) for name in ARCHITECTURES)
    assert all(lexicon.generator(name) for name in GENERATORS)
    assert all(lexicon.density(name) for name in lexicon.densities())


# ------------------------------------------------------------------------- hints


def hinted(text: str) -> str:
    for hint in reversed(hints(read(text), 0, len(text))):
        text = text[: hint.offset] + hint.text + text[hint.offset :]
    return text


def test_hints_say_what_indices_range_over() -> None:
    body = "energy e = sum(i < j, k in aa) v[i] * v[j] * T[i, k]\nquantity q[a] = 2 * b[a]\n"
    shown = hinted(LATTICE + body)
    assert "sum(i: pixel < j: pixel, k in aa)" in shown
    assert "quantity q[a: pixel]" in shown
    assert "let total[k: pixel] = sum(j: unit)" in shown


def test_hints_stay_where_another_statement_is_broken() -> None:
    assert "sum(i: row, j: col)" in hinted(ISING + "energy e = (\nparam q : real[nope]\n")


# ------------------------------------------------------------------------- names


def test_a_definition_is_found_from_every_use() -> None:
    for needle in ("J * sum", "row, col]", "s[i, j] * (", "j) s"):
        span = definition(read(ISING), ISING.index(needle))
        assert span is not None
        assert span.text == needle.split()[0].strip("[,)").partition("[")[0]
        assert span.start <= ISING.index(needle)


def test_an_index_is_its_own_in_each_sum() -> None:
    text = LATTICE + "energy e = sum(i) b[i] + sum(i) v[i]\n"
    first, second = text.index("b[i]") + 2, text.index("v[i]") + 2
    spans = [references(read(text), place) for place in (first, second)]
    assert [len(found) for found in spans] == [2, 2]
    assert spans[0] != spans[1]


def test_references_reach_into_a_statement_that_does_not_parse() -> None:
    reading, offset = at(BROKEN.replace("param b", "param |b"))
    assert len(references(reading, offset)) == 2
    assert len(references(reading, offset, declaration=False)) == 1


def test_an_imported_name_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "common.ebm").write_text("fn f(x) = x^2\n", "utf-8")
    text = 'model m\nimport f from "common.ebm"\nenergy e = f(2)\n'
    span = definition(read(text, str(tmp_path / "m.ebm")), text.index("f(2)"))
    assert span is not None
    assert span.source.name.endswith("common.ebm")
    assert (span.line, span.text) == (1, "f")


def test_names_of_a_broken_statement_are_known_elsewhere() -> None:
    text = "model m\ndim n\nparam b : real[n\nvisible v : binary[n]\nenergy e = -b @ v\n"
    assert [d.code for d in read(text).diagnostics] == ["E101"]
    span = definition(read(text), text.index("b @ v"))
    assert span is not None
    assert span.line == 3


# ------------------------------------------------------------------------ rename


def test_rename_changes_every_use_and_nothing_else() -> None:
    reading, offset = at(ISING.replace("param J", "param |J"))
    new = apply(reading.text, rename(reading, offset, "strength"))
    assert new.count("strength : real") == new.count("-strength * sum") == 1
    assert read(new).program is not None


def test_rename_of_an_index_stays_in_its_sum() -> None:
    text = LATTICE + "energy e = sum(|i) b[i] + sum(i) v[i]\n"
    reading, offset = at(text)
    new = apply(reading.text, rename(reading, offset, "n"))
    assert "sum(n) b[n] + sum(i) v[i]" in new


def test_rename_reaches_statements_with_mistakes() -> None:
    reading, offset = at(BROKEN.replace("param b", "param |b"))
    new = apply(reading.text, rename(reading, offset, "bias"))
    assert "energy e = -bias @ \n" in new


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("energy", "a word of the language"),
        ("sum", "a word of the language"),
        ("2b", "not a name"),
        ("a b", "not a name"),
        ("W", "is taken"),
        ("exp", "is taken"),
        ("k", "is taken"),
        ("a", "is taken"),
    ],
)
def test_rename_refuses(new: str, says: str) -> None:
    reading, offset = at(LATTICE.replace("param b", "param |b"))
    with pytest.raises(Refused, match=says):
        rename(reading, offset, new)


def test_rename_refuses_what_is_no_declaration_of_the_file() -> None:
    for text in (LATTICE + "energy e = ex|p(2)\n", LATTICE + "energy e = |( 2\n"):
        with pytest.raises(Refused):
            rename(*at(text), "other")


# -------------------------------------------------------------------- completion


def proposed(text: str) -> list[str]:
    reading, offset = at(text if "|" in text else text + "|")
    return [item.label for item in complete(reading, offset).items]


@pytest.mark.parametrize(
    ("typed", "first", "absent"),
    [
        ("", ["model", "import", "dim"], {"exp"}),
        ("par", ["model", "import", "dim"], {"exp"}),
        ("param K : ", list(TYPES), {"row", "exp"}),
        ("param K : real[", ["row", "col", "pixel", "unit", "aa", "ring", "bonds"], {"real"}),
        ("visible z : category(", ["row", "col", "pixel"], {"real"}),
        ("param K : real ", ["init", "symmetric", "hollow"], {"row"}),
        ("visible y : real ~ ", lexicon.densities(), {"exp", "row"}),
        ("net g : real -> real = ", list(ARCHITECTURES), {"row"}),
        ("net g : real -> real = mlp(8, act=", ["silu", "relu"], {"row", "if"}),
        ("graph g on ", ["row", "col"], {"bonds"}),
        ("graph g on row = ", list(GENERATORS), {"row"}),
        ("dim z = 3 ", ["cyclic"], {"row"}),
        ("energy e = if 1 < 2 ", ["and", "or", "then"], {"row"}),
        ("energy e = sum(i in ", ["row", "col"], {"b"}),
        ("energy e = sum(i, j) s[", ["i", "j"], set()),
        ("energy e = sum(i) T[i, ", ["i", "x", '"A"', '"C"', '"D"'], set()),
        ("energy e = sum(i) b[i] + ", ["s", "v"], {"i", "size", "lattice"}),
        ("energy e = ", ["s", "v", "h", "x", "r", "W", "b", "T", "double", "total"], {"bonds"}),
        ("fn f(p, q) = ", ["p", "q"], {"f"}),
        ("energy ", [], {"exp"}),
        ("energy e = 2 # about ", [], {"exp"}),
        ('dim z = "ab', [], {"exp"}),
    ],
)
def test_completion_by_context(typed: str, first: list[str], absent: set[str]) -> None:
    found = proposed(LATTICE + typed)
    same = sorted if first and first[0] in (*CONNECTIVES, "and") else list
    assert same(found[: len(first)]) == same(first)
    assert not absent & set(found)
    assert first or not found


def test_completion_replaces_the_word_that_is_half_typed() -> None:
    reading, offset = at(LATTICE + "energy e = dou|")
    found = complete(reading, offset)
    assert reading.text[found.start : offset] == "dou"
    details = {item.label: item.detail for item in found.items}
    assert details["double"] == "(a)"
    assert details["W"] == "real[pixel, unit]"
    assert details["exp"] == "exp(x)"


# ----------------------------------------------------------------------- outline


def test_the_outline_has_every_declaration_in_order() -> None:
    found = [(entry.name, entry.kind) for entry in outline(read(ISING))]
    assert found == [
        ("ising", "model"),
        ("row", "dimension"),
        ("col", "dimension"),
        ("s", "visible"),
        ("J", "param"),
        ("B", "param"),
        ("bonds", "energy"),
        ("field", "energy"),
        ("magnetisation", "quantity"),
    ]


def test_the_outline_has_statements_that_do_not_parse() -> None:
    names = [entry.name for entry in outline(read("model m\nparam q : real[\nenergy = 2\n"))]
    assert names == ["m", "q", "energy"]


def test_long_statements_and_runs_of_comments_fold() -> None:
    text = "# a\n# b\nmodel m\nenergy e = 1\n  + 2\n# c\n"
    assert [(text[a:b], comment) for a, b, comment in folds(read(text))] == [
        ("# a\n# b", True),
        ("energy e = 1\n  + 2", False),
    ]


# ----------------------------------------------------------------------- imports


def test_a_fault_of_an_imported_file_is_shown_where_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "common.ebm").write_text("fn f(x) = (x\n", "utf-8")
    text = 'model m\nimport f from "common.ebm"\nvisible x : real\nenergy e = f(x)\n'
    path = tmp_path / "m.ebm"
    found = diagnostics(Document(path.as_uri(), str(path), text))
    shown = next(d for d in found if "never closed" in d.message)
    assert shown.range.start.line == 1
    assert shown.related_information is not None
    assert shown.related_information[0].location.uri == (tmp_path / "common.ebm").as_uri()


def test_a_mended_import_is_read_anew(tmp_path: Path) -> None:
    common = tmp_path / "common.ebm"
    common.write_text("fn g(x) = x\n", "utf-8")
    text = 'model m\nimport f from "common.ebm"\nvisible x : spin\nenergy e = f(x)\n'
    path = tmp_path / "m.ebm"
    document = Document(path.as_uri(), str(path), text)
    assert "E201" in [d.code for d in diagnostics(document)]
    common.write_text("fn f(x) = x\n", "utf-8")
    forget()
    assert diagnostics(document) == []
