"""A help that shows code can be pasted: in some place that it rewrites, the fault is then gone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ebmlang.semantics.checker import check
from ebmlang.syntax import tree
from ebmlang.syntax.diagnostics import Diagnostic, Severity
from ebmlang.syntax.parser import parse
from ebmlang.syntax.parts import nodes
from ebmlang.syntax.source import Source, Span

from .test_gallery import BROKEN, files_beside

# Helps in prose: they say what to do, and the code in them stands for something else.
PROSE = (
    "…", "choose another name", "leave one out", "leave one of them out", "give the inner one",
    "or use it as a subscript", "or look up a number for each", "positions are whole numbers",
    "the path is taken", "if it is a choice", "if it is a position", "name its index too",
    "a part is taken", "declare it, dim n", "declare a table", "a label is one letter",
    "labels are single letters", "write `", "an index, a range", "the total of an array",
    "a field does the same", "pairs belong", "a label is a subscript", "to multiply, write",
    "for the total", "param x", "a dimension for every value", "if it is a number",
    "its values are known", "the position itself", "for every position", "to hold `",
    "or leave out", "declare one, dim k", "visible x : real ~ normal(0, 1)", "it is said when",
    "the keywords are", "its values come from", "the sites of a grid", "import f, g from",
)  # fmt: skip
# Right, and not all that is wrong: what else hangs on it must follow.
NOT_ALONE = {
    "E101_for_line", "E101_if", "E101_labels_list", "E101_reducer_as_value", "E101_stan_density",
    "E101_transposed", "E201_transpose", "E204_double", "E204_product", "E303_density_synonym",
    "E303_many", "E303_symmetric_one", "many_e102_sum",
}  # fmt: skip


def everything(text: str, path: Path) -> tuple[tree.Tree, list[Diagnostic]]:
    source = Source(text, path.name, files_beside(path))
    parsed, faults = parse(source)
    return parsed, check(parsed, faults)[1]


def codes(diagnostic: Diagnostic, help: str) -> list[str]:
    behind = re.findall(r"^[^:\[\]=\"]*?: (.+)$", help)
    cyclic = re.findall(r"dim (\w+) cyclic$", help)
    source = diagnostic.marks[0].span.source.text
    sized = [re.findall(rf"\b{name}\b(?: = \w+)?", source)[0] + " cyclic" for name in cyclic]
    return [*sized, *behind, help]


def places(diagnostic: Diagnostic, parsed: tree.Tree) -> Iterator[Span]:
    """The marks, what stands around the main one, brackets of sums, lines: what may be replaced."""
    at = diagnostic.marks[0].span
    spans = [mark.span for mark in diagnostic.marks]
    text = at.source
    lines = text.text.split("\n")
    start = 0
    for line in lines:
        spans.append(Span(text, start, start + len(line)))
        start += len(line) + 1
    for statement in parsed.statements:
        for root in roots(statement):
            for node in nodes(root):
                spans.append(node.span)  # type: ignore[attr-defined]
                if isinstance(node, tree.Reduction):
                    spans.append(node.head)
                    spans += runs(node)
        typed = getattr(statement, "type", None)
        if isinstance(typed, tree.Type):
            spans.append(typed.span)
        spans += [item.span for item in getattr(statement, "items", ())]
        spans += [head.span for head in getattr(statement, "heads", ())]
    yield from dict.fromkeys(spans)


def runs(node: tree.Reduction) -> list[Span]:
    """What stands between the brackets of a reduction, from any argument to any later one."""
    spans = [argument.span for argument in node.arguments]
    return [a.to(b) for k, a in enumerate(spans) for b in spans[k + 1 :]]


def roots(statement: tree.Statement) -> list[Any]:
    names = ("body", "default", "density", "prior", "init", "generator", "architecture")
    return [getattr(statement, name, None) for name in names]


def mends(diagnostic: Diagnostic, code: str, span: Span, text: str, path: Path) -> bool:
    def key(d: Diagnostic) -> tuple[str, str]:
        return d.code, d.says

    before = Counter(key(d) for d in everything(text, path)[1])
    after = everything(f"{text[: span.start]}{code}{text[span.end :]}", path)[1]
    new = {key(d) for d in after if d.severity is Severity.ERROR} - set(before)
    left = Counter(key(d) for d in after)[key(diagnostic)]
    return left < before[key(diagnostic)] and not new


def helps() -> Iterator[tuple[Path, int, int]]:
    for path in BROKEN:
        text = path.read_text(encoding="utf-8")
        if "#! " not in text and path.stem not in NOT_ALONE:
            _, found = everything(text, path)
            for k, diagnostic in enumerate(found):
                for n, help in enumerate(diagnostic.helps):
                    if not any(prose in help for prose in PROSE):
                        yield path, k, n


@pytest.mark.parametrize(
    ("path", "k", "n"), list(helps()), ids=lambda v: getattr(v, "stem", str(v))
)
def test_a_help_that_shows_code_can_be_pasted(path: Path, k: int, n: int) -> None:
    text = path.read_text(encoding="utf-8")
    parsed, found = everything(text, path)
    diagnostic = found[k]
    help = diagnostic.helps[n]
    assert any(
        mends(diagnostic, code, span, text, path)
        for code in codes(diagnostic, help)
        for span in places(diagnostic, parsed)
    ), help


def meant() -> Iterator[tuple[Path, int]]:
    for path in BROKEN:
        text = path.read_text(encoding="utf-8")
        if "#! " not in text:
            for k, diagnostic in enumerate(everything(text, path)[1]):
                if "did you mean `" in diagnostic.says and diagnostic.code != "E101":
                    yield path, k


@pytest.mark.parametrize(("path", "k"), list(meant()), ids=lambda v: getattr(v, "stem", str(v)))
def test_the_name_that_may_be_meant_is_known(path: Path, k: int) -> None:
    text = path.read_text(encoding="utf-8")
    diagnostic = everything(text, path)[1][k]
    (word,) = re.findall(r"did you mean `([^`]+)`", diagnostic.says)
    span = diagnostic.marks[0].span
    wrong = re.findall(r"`([^`(]+)", diagnostic.says)[0]
    at = text.index(wrong, span.start)
    after = everything(f"{text[:at]}{word}{text[at + len(wrong) :]}", path)[1]
    assert not [d for d in after if d.code == diagnostic.code and d.says == diagnostic.says]
