"""One layout; the same program; every comment; no second thoughts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from ebmlang.syntax.formatter import format_text
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source
from ebmlang.syntax.statements import tokenize

from .texts import PROGRAMS, RANDOM_PROGRAMS, read

SYNTAX = settings(settings.get_profile("syntax"))
# The one line of the reference whose author spread an operator to line up with the next line.
SPREAD = {"energy lower  = -v  @ W1 @ h1": "energy lower  = -v @ W1 @ h1"}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_programs_of_the_reference_stay_as_they_are(path: Path) -> None:
    text = read(path)
    for spread, plain in SPREAD.items():
        text = text.replace(spread, plain)
    assert format_text(read(path)) == text


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_without_its_layout_gets_it_back(path: Path) -> None:
    plain = format_text(read(path))
    squeezed = "\n".join(" " + " ".join(line.split()) for line in read(path).splitlines())
    if "  # " not in plain:
        assert format_text(squeezed) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n# a\n\n\n\n# b", "# a\n\n# b\n"),
        ("energy=a*-b^-2", "energy = a * -b^-2\n"),
        ("energy=x[ i+ 1,: ,a : b, -1]@y", "energy = x[i+1, :, a:b, -1] @ y\n"),
        (
            "energy=sum(i in 0 .. row - 1,i<j)x[sum( a+b ),(i + 1)*2]",
            "energy = sum(i in 0..row-1, i < j) x[sum(a + b), (i+1)*2]\n",
        ),
        (
            "energy=if a<b and not c then-1 else f( )",
            "energy = if a < b and not c then -1 else f()\n",
        ),
        (
            "param W:real< 0,2*pi >[a,b]symmetric init - 1~normal( 0,1)",
            "param W : real<0, 2 * pi>[a, b] symmetric init -1 ~ normal(0, 1)\n",
        ),
        (
            "net f:real[a],spin->real=mlp( 8,act = silu,w=[ 1,2 ])",
            "net f : real[a], spin -> real = mlp(8, act=silu, w=[1, 2])\n",
        ),
        ('import f,g from"x"dim a=3 cyclic,b', 'import f, g from "x"\ndim a = 3 cyclic, b\n'),
        ("let m=a # x\n#y", "let m = a  # x\n#y\n"),
        (
            "latent h:spin\nvisible v:spin[a]~n(1)\nlatent k:real ~ n(2)",
            "latent  h : spin\nvisible v : spin[a]  ~ n(1)\nlatent  k : real     ~ n(2)\n",
        ),
        ("energy a = 1\n\nenergy bcd = 2", "energy a = 1\n\nenergy bcd = 2\n"),
        ("dim a  # one\ndim b\n", "dim a  # one\ndim b\n"),
        (
            "param J : real # one\nparam JJ : real init 2    # two",
            "param J  : real           # one\nparam JJ : real init 2    # two\n",
        ),
        (
            "energy = a # one\n + b\n # two\n + c",
            "energy = a  # one\n    + b\n    # two\n    + c\n",
        ),
        ("model m\r\n\tdim a\r\n", "model m\ndim a\n"),
    ],
)
def test_the_layout(text: str, expected: str) -> None:
    assert format_text(text) == expected


def test_long_statements_break_before_plus_and_minus() -> None:
    terms = " + ".join(f"coupling[{k}] * field[{k}]" for k in range(8))
    printed = format_text(f"energy long = {terms} - (a + b)")
    first, *rest = printed.splitlines()
    assert first.startswith("energy long = coupling[0]")
    assert rest
    assert all(line.startswith(("    + ", "    - ")) for line in rest)
    assert all(len(line) <= 88 for line in printed.splitlines())


def test_a_long_call_breaks_behind_a_comma() -> None:
    words = ", ".join(f"argument{k}" for k in range(20))
    lines = format_text(f"let m = f({words})").splitlines()
    assert len(lines) > 1
    assert all(line.endswith(",") for line in lines[:-1])
    assert all(len(line) <= 88 for line in lines)


def test_statements_with_a_mistake_are_left_alone() -> None:
    text = "model  m\nvisible  v   binary # why\n  energy  =  a\n"
    assert format_text(text) == "model m\nvisible  v   binary # why\nenergy = a\n".replace(
        "binary # why", "binary  # why"
    )


@SYNTAX
@given(RANDOM_PROGRAMS)
def test_random_programs_keep_their_tokens_and_comments(text: str) -> None:
    printed = format_text(text)
    before, comments = tokenize(Source(text))
    after, kept = tokenize(Source(printed))
    assert [token.text for token in after] == [token.text for token in before]
    assert [comment.text for comment in kept] == [comment.text for comment in comments]
    assert parse(Source(text))[1] == []
    assert format_text(printed) == printed
    assert all(line == line.rstrip() for line in printed.splitlines())
