"""Files that are long, deep or wrong throughout end in a program or in sentences, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ebmlang.semantics.checker import check
from ebmlang.semantics.definitions import LARGEST
from ebmlang.semantics.order import ordered
from ebmlang.semantics.terms import Program
from ebmlang.syntax.builder import DEEPEST
from ebmlang.syntax.diagnostics import Diagnostic, render_all
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

HEAD = "model m\ndim n = 9\nvisible s : spin[n]\nvisible x : real<0, 1>\nparam J : real[n, n]\n"
MOST_SECONDS = 60
"""Far above what any of these takes (see `benchmarks/reading.py`), far below what a square takes."""


def read(text: str) -> tuple[Program | None, list[Diagnostic]]:
    """The program of a text and what was found, shown once; slowness fails."""
    begun = time.process_time()
    program, found = check(*parse(Source(text)))
    render_all(found)
    assert time.process_time() - begun < MOST_SECONDS
    return program, found


def each(line: Callable[[int], str], count: int) -> str:
    """A head and numbered lines."""
    return HEAD + "".join(line(k) + "\n" for k in range(count))


def energy(body: str) -> str:
    """A model with one energy."""
    return f"{HEAD}energy e = {body}\n"


def chain(first: str, line: str, count: int) -> list[str]:
    """Definitions that rest on one another: {0} stands for a number, {1} for the one before."""
    return [first, *(line.format(k + 1, k) for k in range(count))]


# ---------------------------------------------------------------------------- long


@pytest.mark.parametrize(
    "line",
    [
        "energy e{0} = -sum(i < j) J[i, j] * s[i] * s[j]",
        "energy e{0} = x ^ 2",
        "let a{0} = x + 1",
        "dim d{0} = 3",
        "quantity q{0} = x",
        "visible y{0} : real<0, 1>\nenergy e{0} = y{0} ^ 2",
    ],
)
def test_long_files_without_mistakes_are_programs(line: str) -> None:
    program, found = read(each(line.format, 3000))
    assert program is not None
    assert all(fault.code.startswith("W") for fault in found)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("energy e{0} = sum(i s[i] +", "E101"),
        ("let a{0} = x +* 2", "E101"),
        ("energy e{0} := x", "E101"),
        ("visble y{0} : spin", "E101"),
        ("a{0} = 3", "E101"),
        ("energy e{0} = 1\nfoo{0} = x", "E101"),
        ("energy e{0} = 1 +\nenrgy f{0} = 1", "E101"),
        ("energy e{0} = foo{0} * x", "E201"),
        ("let a{0} = b{0}", "E201"),
        ("let a = x", "E202"),
    ],
)
def test_each_line_of_a_long_file_has_its_mistake_told(line: str, code: str) -> None:
    program, found = read(each(line.format, 3000))
    assert program is None
    told = [fault for fault in found if fault.code == code]
    assert len(told) >= 2999


def test_what_a_broken_statement_would_have_declared_is_missed_by_none() -> None:
    _, found = read(HEAD + "let a = x +* 2\nenergy e = a\n")
    assert [fault.code for fault in found] == ["E101"]


# ---------------------------------------------------------------------------- deep

DEEP = 10_000


@pytest.mark.parametrize(
    "body",
    [
        "\n + ".join(["x"] * DEEP),
        "\n * ".join(["x"] * DEEP),
        "if " + "\n and ".join(["x > 1"] * DEEP) + " then 1 else 0",
        "if " + " < ".join(["x"] * DEEP) + " then 1 else 0",
        "x" + " + x" * 75_000,
        "(" * DEEP + "x" + ")" * DEEP,
        "s[" * DEEP + "x" + "]" * DEEP,
        "if x > 0 then 1 else " * DEEP + "x",
        "1 * " + "-" * DEEP + "x",
        "x ^ " * DEEP + "2",
        "if " + "not " * DEEP + "x > 2 then 1 else 0",
        "exp(" * DEEP + "x" + ")" * DEEP,
        "s" + " @ J" * 150 + " @ s",
    ],
    ids=lambda body: body[:20].replace("\n", ""),
)
def test_what_is_too_deep_is_refused_in_one_sentence(body: str) -> None:
    program, found = read(energy(body))
    assert program is None
    assert [fault.says for fault in found] == [f"this expression has more than {DEEPEST} levels"]


@pytest.mark.parametrize(
    "body",
    [
        "(" * DEEP,
        "s[" * DEEP,
        "if " * DEEP + "x",
        "sum(i) " * DEEP + "x",
        "§" * 300_000,
        "x" * 300_000,
        " " * 300_000,
        "x * ",
    ],
    ids=lambda body: body[:20].strip(),
)
def test_what_never_ends_is_refused(body: str) -> None:
    program, found = read(energy(body))
    assert program is None
    assert len(found) == 1


@pytest.mark.parametrize(
    "body",
    [
        "x" + " + x" * (DEEPEST - 1),
        "(" * (DEEPEST - 1) + "x" + ")" * (DEEPEST - 1),
        "exp(" * (DEEPEST // 2 - 1) + "x" + ")" * (DEEPEST // 2 - 1),
        "if x > 0 then 1 else " * (DEEPEST // 2 - 2) + "x",
        "if " + " < ".join(["x"] * (DEEPEST - 2)) + " then 1 else 0",
        "s @ " + "J @ " * 90 + "s",
    ],
    ids=lambda body: body[:12],
)
def test_what_is_just_not_too_deep_is_a_program(body: str) -> None:
    program, _ = read(energy(body))
    assert program is not None


# --------------------------------------------------------------------- definitions

LETS = chain("let a0 = x", "let a{0} = a{1} + 1", 3000)
FUNCTIONS = chain("fn f0(y) = y", "fn f{0}(y) = f{1}(y) + 1", 3000)


@pytest.mark.parametrize(
    ("lines", "use"),
    [(LETS, "a3000"), (LETS[::-1], "a3000"), (FUNCTIONS, "f3000(x)"), (FUNCTIONS[::-1], "f0(x)")],
    ids=["lets", "lets backwards", "functions", "functions backwards"],
)
@pytest.mark.parametrize("early", [False, True], ids=["used last", "used first"])
def test_a_long_chain_of_definitions_is_refused_once(
    lines: list[str], use: str, early: bool
) -> None:
    used = [f"energy e = {use}"]
    program, found = read(HEAD + "\n".join(used + lines if early else lines + used))
    assert program is None
    assert [fault.code for fault in found] == ["E101"]
    assert "levels" in found[0].says


@pytest.mark.parametrize(
    ("lines", "use"),
    [
        (chain("let a0 = x", "let a{0} = a{1} + a{1}", 60), "a60"),
        (chain("fn f0(y) = y", "fn f{0}(y) = f{1}(y) * f{1}(y)", 60), "f60(x)"),
        (chain("fn f0(y) = y", "fn f{0}(y) = f{1}(f{1}(y))", 60), "f60(x)"),
        (chain("fn f0(y) = y + y", "fn f{0}(y) = f{1}(f{1}(y))", 6), "f6(x)"),
    ],
    ids=["lets", "functions", "functions of themselves", "doublings"],
)
def test_definitions_that_double_are_refused_before_they_fill_the_memory(
    lines: list[str], use: str
) -> None:
    program, found = read(HEAD + "\n".join([*lines, f"energy e = {use}"]))
    assert program is None
    assert [fault.code for fault in found] == ["E101"]
    assert f"{LARGEST}" in found[0].says or "levels" in found[0].says


def test_many_energies_may_not_each_be_large() -> None:
    lines = chain("let a0 = x", "let a{0} = a{1} + a{1}", 12)
    program, found = read(
        HEAD + "\n".join(lines) + "".join(f"\nenergy e{k} = a12" for k in range(99))
    )
    assert program is None
    assert ["parts" in fault.says for fault in found] == [True]


def test_a_short_chain_of_definitions_is_a_program_whatever_its_order() -> None:
    lines = chain("let a0 = x", "let a{0} = a{1} + 1", 50)
    for order in (lines, lines[::-1]):
        program, _ = read(HEAD + "\n".join([*order, "energy e = a50"]))
        assert program is not None
        assert len(program.lets) == 51


@pytest.mark.parametrize(
    ("line", "use", "says"),
    [
        ("let a{0} = a{1} + 1", "a1 + x", "`let`s form a circle"),
        ("fn a{0}(y) = a{1}(y) + 1", "a1(x)", "functions form a circle"),
        ("dim a{0} = a{1} + 1", "x", "sizes of dimensions form a circle"),
        ("given a{0} : real = a{1} + 1", "a1 * x", "defaults of given data form a circle"),
    ],
)
def test_a_circle_of_thousands_is_told_once_and_shortly(line: str, use: str, says: str) -> None:
    circle = [line.format((k + 1) % 3000, k) for k in range(3000)]
    program, found = read(HEAD + "\n".join([*circle, f"energy e = {use}"]))
    assert program is None
    assert [fault.code for fault in found] == ["E405"]
    assert found[0].says.startswith(says)
    assert len(found[0].says) < 120


def test_a_circle_through_a_function_and_a_let_is_told() -> None:
    _, found = read(HEAD + "let a = f(x)\nfn f(y) = a * y\nenergy e = a\n")
    assert [fault.says for fault in found] == ["definitions form a circle: a → f → a"]


def test_a_circle_behind_another_need_is_found() -> None:
    givens = "given a : real = b + c\ngiven b : real = 1\ngiven c : real = a\n"
    _, found = read(HEAD + givens + "energy e = a * x\n")
    assert [fault.says for fault in found] == ["defaults of given data form a circle: a → c → a"]


def test_the_order_of_need_puts_each_behind_what_it_needs() -> None:
    needs = {"a": ["b", "c"], "b": ["d"], "c": ["d", "elsewhere"], "d": [], "e": ["a"]}
    order, circles = ordered(needs)
    assert circles == []
    assert sorted(order) == sorted(needs)
    assert all(order.index(m) < order.index(n) for n in needs for m in needs[n] if m in needs)


def test_every_circle_has_a_name_among_those_told() -> None:
    needs = {"a": ["b"], "b": ["a", "c"], "c": ["d", "b"], "d": ["c"], "e": ["e"]}
    _, circles = ordered(needs)
    told = {name for circle in circles for name in circle}
    left = {n: [m for m in needs[n] if m not in told] for n in needs if n not in told}
    assert ordered(left)[1] == []
    assert all(b in needs[a] for c in circles for a, b in zip(c, [*c[1:], c[0]], strict=True))
