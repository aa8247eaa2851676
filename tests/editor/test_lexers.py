"""The colours of words, in Pygments and in TextMate, are those that the grammar gives them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lark import Lark, Token
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String

from ebmlang.editor.lexer import EbmLexer
from ebmlang.syntax.resources import grammar_text
from ebmlang.syntax.words import CONNECTIVES, KEYWORDS, REDUCERS, RESERVED, TYPES

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted([*(ROOT / "examples").glob("*.ebm"), *(ROOT / "tests/programs").glob("*.ebm")])
EXTENSION = ROOT / "editors" / "vscode"
TEXTMATE = json.loads((EXTENSION / "syntaxes" / "ebm.tmLanguage.json").read_text("utf-8"))

Word = tuple[int, str, str]
"""Where it begins, its text, and what it is: keyword, reducer, connective, name, number, …"""


def named(ids: Path) -> str:
    return f"{ids.parent.name}-{ids.stem}"


# ------------------------------------------------------------------ by the grammar


@cache
def lark() -> tuple[Lark, list[Token]]:
    comments: list[Token] = []

    def keep(token: Token) -> Token:
        comments.append(token)
        return token

    callbacks = {"COMMENT": keep, "DOC": keep}
    grammar = grammar_text("ebm.lark")
    found = Lark(
        grammar, parser="lalr", start="file", keep_all_tokens=True, lexer_callbacks=callbacks
    )
    return found, comments


def by_grammar(text: str) -> list[Word]:
    parser, comments = lark()
    comments.clear()
    tokens = list(parser.parse(text).scan_values(lambda value: isinstance(value, Token)))
    every = sorted([*tokens, *comments], key=lambda token: token.start_pos)
    return [(token.start_pos, str(token), kind(token)) for token in every]


def kind(token: Token) -> str:
    plain = {"NAME": "name", "NUMBER": "number", "STRING": "string", "COMMENT": "comment"}
    if token.type in plain or token.type == "DOC":
        return plain.get(token.type, "documentation")
    return kind_of_word(str(token))


def kind_of_word(word: str) -> str:
    groups = {"keyword": KEYWORDS, "reducer": REDUCERS, "connective": CONNECTIVES}
    return next((name for name, group in groups.items() if word in group), "sign")


# ------------------------------------------------------------------- by Pygments

PYGMENTS = {
    Keyword.Declaration: "keyword", Name.Builtin: "reducer", Operator.Word: "connective",
    Keyword: "connective", Keyword.Type: "name", Name: "name", Number: "number",
    String.Double: "string", Comment.Special: "documentation", Comment.Single: "comment",
    Operator: "sign", Punctuation: "sign", Error: "error",
}  # fmt: skip


def by_pygments(text: str) -> list[Word]:
    found = EbmLexer().get_tokens_unprocessed(text)
    return [(at, word, PYGMENTS[token]) for at, token, word in found if word.strip()]


# ------------------------------------------------------------------- by TextMate

SCOPES = {
    "keyword.declaration": "keyword", "support.function.reducer": "reducer",
    "keyword.operator.word": "connective", "keyword.control": "connective",
    "support.type": "name", "entity.name": "name", "entity.name.function": "name",
    "variable.other": "name", "constant.numeric": "number", "string.quoted.double": "string",
    "comment.line.documentation": "documentation", "comment.line.number-sign": "comment",
    "keyword.operator": "sign", "punctuation": "sign",
}  # fmt: skip


def by_textmate(text: str) -> list[Word]:
    """The earliest match of any rule, the first rule where two begin alike; line by line."""
    rules = [(re.compile(rule["match"]), rule) for rule in TEXTMATE["patterns"]]
    found: list[Word] = []
    start = 0
    for line in text.split("\n"):
        at = 0
        while at < len(line):
            hits = [
                (m.start(), k, m) for k, (r, _) in enumerate(rules) if (m := r.search(line, at))
            ]
            if not hits:
                break
            _, k, match = min(hits, key=lambda hit: hit[:2])
            found += [(start + s, w, scope) for s, w, scope in coloured(match, rules[k][1])]
            at = match.end()
        start += len(line) + 1
    return found


def coloured(match: re.Match[str], rule: dict[str, Any]) -> Iterator[Word]:
    if "name" in rule:
        yield match.start(), match.group(), SCOPES[rule["name"].removesuffix(".ebm")]
    for group, scope in rule.get("captures", {}).items():
        name = SCOPES[scope["name"].removesuffix(".ebm")]
        yield match.start(int(group)), match.group(int(group)), name


# ------------------------------------------------------------------------- tests


@pytest.mark.parametrize("path", PROGRAMS, ids=named)
def test_pygments_sees_every_word_as_the_grammar_does(path: Path) -> None:
    text = path.read_text("utf-8")
    assert by_pygments(text) == by_grammar(text)


@pytest.mark.parametrize("path", PROGRAMS, ids=named)
def test_textmate_sees_every_word_as_the_grammar_does(path: Path) -> None:
    text = path.read_text("utf-8")
    assert by_textmate(text) == by_grammar(text)


EVERYTHING = """model all ## doc
import f, g from "a.ebm"
dim σ = 3 cyclic, b = "A#B", c = 2 * σ + 1
graph e on σ = grid(σ, b)
given x : real<-1, 2.5e-3>[σ] = 1  # beside
visible v : category(b)[σ] ~ categorical(p)
param J : real[σ, σ] symmetric hollow init -1 ~ normal(0, scale=1)
let spins[i in 0..σ-1] = if not a == b and c != d or e <= 3 then x[i, :] else -y^2 / z @ w
fn real_f(a) = sum(i < j, (i, j) in e) max(a, model_) >= min(b)
net n : real[σ], binary -> real = mlp(3, act=silu, w=[1, 2])
energy = prod(summary) + logsumexp(i) mean(i) d
quantity dims = modelled
"""


@pytest.mark.parametrize("way", [by_pygments, by_textmate])
def test_every_kind_of_word_is_seen_as_the_grammar_does(way: Any) -> None:
    assert way(EVERYTHING) == by_grammar(EVERYTHING)
    assert {what for _, _, what in way(EVERYTHING)} == {*PYGMENTS.values()} - {"error"}


def test_the_grammar_has_the_words_of_the_language() -> None:
    parser, _ = lark()
    literal = {str(terminal.pattern.value) for terminal in parser.terminals}
    assert {word for word in literal if word.isidentifier()} == set(RESERVED)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_pygments_knows_every_word(word: str) -> None:
    assert by_pygments(word) == [(0, word, kind_of_word(word))]
    assert by_pygments(f"{word}_") == [(0, f"{word}_", "name")]


def test_pygments_knows_every_type_where_a_type_stands() -> None:
    for word in TYPES:
        tokens = list(EbmLexer().get_tokens_unprocessed(f"param x : {word}"))
        assert (10, Keyword.Type, word) in tokens
        assert (0, Name, word) in list(EbmLexer().get_tokens_unprocessed(word))


def test_textmate_has_the_words_of_the_language_and_no_others() -> None:
    words: dict[str, set[str]] = {}
    for rule in TEXTMATE["patterns"]:
        for group in re.findall(r"\((?!\?)([a-z|]+)\)", rule["match"]):
            name = rule.get("name", "declared")
            words.setdefault(name.removesuffix(".ebm"), set()).update(group.split("|"))
    logic = {"in", "and", "or", "not"}
    assert words == {
        "declared": set(KEYWORDS) - {"import"},
        "keyword.declaration": set(KEYWORDS),
        "support.type": set(TYPES),
        "support.function.reducer": set(REDUCERS),
        "keyword.operator.word": logic,
        "keyword.control": set(CONNECTIVES) - logic,
    }


def test_pygments_finds_the_lexer_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (place,) = project["entry-points"]["pygments.lexers"].values()
    module, _, name = place.partition(":")
    assert getattr(import_module(module), name) is EbmLexer


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    contributed = package["contributes"]
    named = [package["main"], contributed["grammars"][0]["path"]]
    named += [language["configuration"] for language in contributed["languages"]]
    assert all((EXTENSION / name).is_file() for name in named)
    json.loads((EXTENSION / "language-configuration.json").read_text("utf-8"))
    assert contributed["grammars"][0]["scopeName"] == TEXTMATE["scopeName"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
def test_the_extension_is_javascript() -> None:
    subprocess.run(["node", "--check", EXTENSION / "extension.js"], check=True)
