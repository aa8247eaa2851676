"""Texts become located trees; whatever is wrong leaves the rest standing."""

from __future__ import annotations

import logging
from pathlib import Path

import lark
import pytest

from ebmlang.syntax import tree
from ebmlang.syntax.builder import DEEPEST
from ebmlang.syntax.diagnostics import Diagnostic
from ebmlang.syntax.parser import names_left_out, parse
from ebmlang.syntax.resources import grammar_text
from ebmlang.syntax.source import Source
from ebmlang.syntax.words import RESERVED

from .texts import PROGRAMS, read


def read_tree(text: str) -> tree.Tree:
    """The tree of a text without mistakes."""
    found, faults = parse(Source(text))
    assert [fault.says for fault in faults] == []
    return found


def only(text: str) -> tree.Statement:
    """The one statement of a text."""
    (statement,) = read_tree(text).statements
    return statement


def body(text: str) -> tree.Expression:
    """An expression, read as an energy."""
    statement = only(f"energy = {text}")
    assert isinstance(statement, tree.Energy)
    return statement.body


def faults_of(text: str) -> list[Diagnostic]:
    """What is wrong with a text."""
    return parse(Source(text))[1]


def shown(node: tree.Expression | tree.Interval | tree.Slice) -> str:
    """An expression with every operation in brackets."""
    match node:
        case tree.Binary(operator, left, right):
            return f"({shown(left)} {operator} {shown(right)})"
        case tree.Negate(operand):
            return f"(-{shown(operand)})"
        case tree.Reduction(reducer, _, inner):
            return f"({reducer.text} {shown(inner)})"
        case tree.Paren(inner):
            return shown(inner)
        case _:
            return node.span.text


# ------------------------------------------------------------------------- grammar


def test_the_grammar_has_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=lark.logger.name)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(grammar_text("ebm.lark"), parser="lalr", start="file", debug=True)
    finally:
        lark.logger.setLevel(logging.CRITICAL)
    assert "conflict" not in caplog.text.lower()


def test_the_grammar_is_strict() -> None:
    pytest.importorskip("interegular")
    lark.Lark(grammar_text("ebm.lark"), parser="lalr", start="file", strict=True)


def test_every_word_of_the_grammar_is_reserved() -> None:
    grammar = lark.Lark(grammar_text("ebm.lark"), parser="lalr", start="file")
    words = {t.pattern.value for t in grammar.terminals if t.pattern.value.isalpha()}
    assert words == RESERVED


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_parses_as_the_grammar_alone_would_have_it(path: Path) -> None:
    found = read_tree(read(path))
    grammar = lark.Lark(grammar_text("ebm.lark"), parser="lalr", start="file")
    assert len(found.statements) == len(grammar.parse(read(path)).children)
    header = found.statements[0]
    assert isinstance(header, tree.ModelHeader)
    assert header.name.text == path.stem


def test_there_are_sixteen_programs() -> None:
    assert len(PROGRAMS) == 16


# --------------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("-a * b", "(-(a * b))"),
        ("a * -b * c", "((a * (-b)) * c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("-a ^ 2", "(-(a ^ 2))"),
        ("a ^ -b", "(a ^ (-b))"),
        ("-b @ v - c @ h", "((-(b @ v)) - (c @ h))"),
        ("sum(i) a[i] * b[i] + c", "((sum (a[i] * b[i])) + c)"),
        ("2 * sum(i) a[i] / 3", "(2 * (sum (a[i] / 3)))"),
        ("-J * sum(i) s[i] * (s[i] + 1)", "(-(J * (sum (s[i] * (s[i] + 1)))))"),
        ("sum(i) sum(j) a[i, j]", "(sum (sum a[i, j]))"),
        ("sum(x ^ 2) / 2", "(sum(x ^ 2) / 2)"),
        ("sum(i) -a[i]", "(sum(i) - a[i])"),
    ],
)
def test_operators_group_as_on_paper(text: str, grouped: str) -> None:
    assert shown(body(text)) == grouped


def test_spans_cover_what_was_written() -> None:
    node = body("-sum(i in 0..row-1, j) x[i, :, 1:2]")
    assert isinstance(node, tree.Negate)
    reduction = node.operand
    assert isinstance(reduction, tree.Reduction)
    assert reduction.head.text == "sum(i in 0..row-1, j)"
    assert reduction.reducer.span.text == "sum"
    within, j = reduction.arguments
    assert isinstance(within, tree.Within)
    assert isinstance(within.range, tree.Interval)
    assert (within.range.upper.span.text, j.span.text) == ("row-1", "j")
    assert isinstance(reduction.body, tree.Subscripted)
    assert [part.span.text for part in reduction.body.subscripts] == ["i", ":", "1:2"]


def test_a_body_that_begins_with_minus_is_a_subtraction_from_a_call() -> None:
    node = body("sum(i) -a[i]")
    assert isinstance(node, tree.Binary)
    assert isinstance(node.left, tree.Call)
    assert (node.left.span.text, node.operator_span.text) == ("sum(i)", "-")
    assert node.right.span.text == "a[i]"


def test_chains_tuples_choices_and_lists() -> None:
    chain = body("sum(i < j <= k) x")
    assert isinstance(chain, tree.Reduction)
    (condition,) = chain.arguments
    assert isinstance(condition, tree.Compare)
    assert [step.operator for step in condition.steps] == ["<", "<="]
    edge = body("sum((i, j) in bonds) x")
    assert isinstance(edge, tree.Reduction)
    assert isinstance(edge.arguments[0], tree.Within)
    assert isinstance(edge.arguments[0].target, tree.Tuple)
    choice = body("if a < b and not c or d then 1 else 2")
    assert isinstance(choice, tree.If)
    assert isinstance(choice.condition, tree.Logic)
    assert choice.condition.operator == "or"
    call = body("f(1, act=silu, w=[1, 2], e=[])")
    assert isinstance(call, tree.Call)
    *_, full, empty = call.arguments
    assert isinstance(full, tree.Keyword)
    assert isinstance(empty, tree.Keyword)
    assert isinstance(full.value, tree.List)
    assert isinstance(empty.value, tree.List)
    assert (len(full.value.items), len(empty.value.items)) == (2, 0)


# ---------------------------------------------------------------------- statements


def test_types_have_all_their_parts() -> None:
    found = only("param J : real<0, 1>[a, b+1] symmetric hollow init -2 ~ normal(0, 1)")
    assert isinstance(found, tree.Param)
    kind = found.type
    assert kind.span.text == "real<0, 1>[a, b+1] symmetric hollow"
    assert kind.bounds is not None
    assert [end.span.text for end in kind.bounds] == ["0", "1"]
    assert [dim.span.text for dim in kind.dims] == ["a", "b+1"]
    assert [shape.text for shape in kind.shapes] == ["symmetric", "hollow"]
    assert isinstance(found.init, tree.Negate)
    assert found.prior is not None
    assert found.prior.function.text == "normal"
    category = only("visible x : category(aa)[site]")
    assert isinstance(category, tree.Variable)
    assert (category.role, category.type.bounds) == ("visible", None)
    assert category.type.labels == tree.Name("aa", category.type.labels.span)


def test_every_statement_is_read_with_its_parts() -> None:
    text = (
        'import f, g from "common.ebm" dim row = 64 cyclic, aa = "AC", n '
        "graph bonds on site = ring() given x : real = 3 let r[k, i in 0..n-1] = x "
        "fn f() = 1 net f : real[a], spin -> real = mlp(8) energy = x quantity m[k] = x"
    )
    found = read_tree(text).statements
    kinds = (tree.Import, tree.Dim, tree.Graph, tree.Given, tree.Let, tree.Fn, tree.Net)
    assert tuple(map(type, found)) == (*kinds, tree.Energy, tree.Quantity)
    path, dims, graph, given, let, fn, net, energy, quantity = found
    assert (path.path.value, [n.text for n in path.names]) == ("common.ebm", ["f", "g"])
    assert [item.name.text for item in dims.items] == ["row", "aa", "n"]
    assert dims.items[0].cyclic is not None
    assert dims.items[0].cyclic.text == "cyclic"
    assert dims.items[2].size is None
    assert (graph.on.text, graph.generator.span.text) == ("site", "ring()")
    assert given.default.span.text == "3"
    assert [head.name.text for head in let.heads] == ["k", "i"]
    assert isinstance(let.heads[1].range, tree.Interval)
    assert fn.parameters == ()
    assert (len(net.inputs), net.output.name.text) == (2, "real")
    assert energy.name is None
    assert len(quantity.heads) == 1


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n## at all", "\ufeff", " \t\r\n"])
def test_a_text_without_statements_is_an_empty_tree(text: str) -> None:
    assert read_tree(text).statements == ()


def test_line_ends_tabs_marks_and_letters_of_any_script_are_fine() -> None:
    found = read_tree("\ufeffmodel m\r\n## doc\r\n\tparam σ_β1 : real  # strength\r\nenergy = σ_β1")
    header, param, energy = found.statements
    assert isinstance(param, tree.Param)
    assert isinstance(header, tree.ModelHeader)
    assert (header.doc, param.name.text, energy.span.line) == ("doc", "σ_β1", 4)
    assert [comment.text for comment in found.comments] == ["## doc", "# strength"]


def test_docs_belong_to_the_model_or_to_what_follows() -> None:
    text = (
        "model m\n## one\n##  two\n\n## lost\n\n## for a\n# no doc\ndim a\n"
        "dim b  ## for b\n## for c\ndim c\nmodel_ : x"
    )
    header, a, b, c = parse(Source(text))[0].statements
    assert isinstance(header, tree.ModelHeader)
    assert header.doc == "one\n two"
    assert [s.doc for s in (a, b, c) if isinstance(s, tree.Dim)] == ["for a", "for b", "for c"]


def test_a_doc_after_an_empty_line_is_not_the_models() -> None:
    header, dim = read_tree("model m\n\n## for a\ndim a").statements
    assert isinstance(header, tree.ModelHeader)
    assert isinstance(dim, tree.Dim)
    assert (header.doc, dim.doc) == ("", "for a")


# ------------------------------------------------------------------------ mistakes


def test_one_file_reports_all_its_mistakes_and_keeps_the_rest() -> None:
    text = "model m\ndim a b\nvisible v : spin[a]\nenergy = (v\nparam in : real\nenergy = v @ v\n"
    found, faults = parse(Source(text))
    assert [fault.span.line for fault in faults if fault.span] == [2, 4, 5]
    assert [fault.code for fault in faults] == ["E101", "E101", "E102"]
    assert len(found.statements) == 3
    assert names_left_out(Source(text)) == {"a", "b", "v", "in", "real"}


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_word_of_the_language_can_be_a_name(word: str) -> None:
    for text in (f"param {word} : real", f"visible {word} : spin", f"dim {word} = 3"):
        (fault,) = faults_of(f"model m {text} energy = 1")
        assert fault.code == "E102"
        assert fault.says == f"`{word}` is a word of the language and cannot be a name"
        assert fault.helps


@pytest.mark.parametrize("text", ["-model @ h", "f(energy)", "a + param", "x[let]", "(visible)"])
def test_a_keyword_inside_an_expression_is_a_bad_name_and_no_new_statement(text: str) -> None:
    (fault,) = faults_of(f"energy = {text}\ndim a")
    assert fault.code == "E102"


def test_an_unfinished_statement_does_not_swallow_the_next() -> None:
    found, faults = parse(Source("param\nenergy bonds = 3\nenergy = \nparam W : real"))
    assert [type(s) for s in found.statements] == [tree.Energy, tree.Param]
    assert [fault.span.line for fault in faults if fault.span] == [1, 3]


def test_the_model_line_comes_first_and_once() -> None:
    (late,) = faults_of("dim a\nmodel m")
    assert late.says == "`model m` must be the first statement of the file"
    found, (second,) = parse(Source("model m\nmodel n"))
    assert (second.code, len(second.marks), len(found.statements)) == ("E101", 2, 1)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("(", "x"), ("x[", ""), ("-", "x"), ("x ^ ", "x"), ("x + ", "x"), ("f(", "x"),
        ("if a then b else ", "x"), ("not ", "x"), ("sum(i) ", "x"),
    ],
)  # fmt: skip
def test_absurd_nesting_is_refused_politely(begin: str, end: str) -> None:
    close = {"(": ")", "[": "]"}.get(begin[-1], "")
    (fault,) = faults_of(f"energy = {begin * 10_000}{end}{close * 10_000}")
    assert fault.code == "E101"
    if end:
        assert fault.says == f"this expression has more than {DEEPEST} levels"


def test_a_sum_of_two_hundred_terms_is_fine() -> None:
    assert isinstance(body(" + ".join(["a * b"] * 200)), tree.Binary)


def test_ten_thousand_lines_are_read_statement_by_statement() -> None:
    """How long it takes stands in benchmarks/reading.py: time is no test."""
    line = "energy couplings = -sum(i < j) J[i, j, x[i], x[j]]\n"
    found = read_tree(line * 10_000)
    assert len(found.statements) == 10_000
    assert found.statements[-1].span.line == 10_000
