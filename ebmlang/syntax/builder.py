"""From the grammar's rules to the nodes of the tree, one method for each rule.

Lark calls these bottom-up, so nothing here recurses; `parts` are the parts of a rule in the
order of `grammar/ebm.lark`, punctuation included, with None where an optional part is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from . import tree
from .diagnostics import Diagnostic, Findings, Mark
from .source import Source, Span
from .statements import Token
from .words import REDUCERS, RESERVED

DEEPEST = 210
"""Levels of an expression. A pass that takes four Python frames a level then stays below 1000."""

Parts: TypeAlias = Sequence[Any]


class TooDeep(Exception):
    """An expression with more than `DEEPEST` levels; `span` is the part that reached the bound."""

    def __init__(self, span: Span) -> None:
        super().__init__("too deep")
        self.span = span


def too_deep(span: Span) -> Diagnostic:
    """What is said of an expression with more than `DEEPEST` levels."""
    return Diagnostic(
        "E101",
        f"this expression has more than {DEEPEST} levels",
        (Mark(Span(span.source, span.start, span.start + 1)),),
        notes=(
            "each bracket and each operator adds one, a call or an `if` up to two; a sum of n terms has n",
        ),
        helps=("give parts of it names with `let`, or write several energies: they are added",),
    )


@dataclass(slots=True)
class Work:
    """What is known while one statement is built: its source, its doc, the faults found so far."""

    source: Source
    doc: str
    findings: Findings
    depths: dict[int, int] = field(default_factory=dict)


_WORK: ContextVar[Work] = ContextVar("work")


@contextmanager
def building(work: Work) -> Iterator[None]:
    """Builders called inside belong to this statement; other threads have their own."""
    before = _WORK.set(work)
    try:
        yield
    finally:
        _WORK.reset(before)


class _Bracketed(NamedTuple):
    items: tuple[Any, ...]
    span: Span


def _is_token(part: Any) -> bool:
    """Whether a part is a token, and no node."""
    return type(part) is Token


def _span(parts: Parts) -> Span:
    """From the first to the last part that is there."""
    first, last = parts[0], parts[-1]
    if first is None or last is None:
        there = [part for part in parts if part is not None]
        first, last = there[0], there[-1]
    start = first.start if _is_token(first) else first.span.start
    end = last.end if _is_token(last) else last.span.end
    return Span(_WORK.get().source, start, end)


def _deepen(node: Any, *inside: Any) -> Any:
    """The node, with its depth noted; its parts are complete and their depths known."""
    depths = _WORK.get().depths
    depth = 1 + max((depths.get(id(part), 1) for part in inside), default=0)
    if depth > DEEPEST:
        raise TooDeep(node.span)
    depths[id(node)] = depth
    return node


def _plain(token: Any) -> tree.Identifier:
    return tree.Identifier(token.text, _span((token,)))


def _name(token: Any) -> tree.Identifier:
    """A name that the program chose; the words of the language are refused."""
    name = _plain(token)
    if name.text in RESERVED:
        _refuse_word(name.text, name.span)
    return name


def _refuse_word(word: str, span: Span) -> None:
    _WORK.get().findings.error(
        "E102",
        span,
        f"`{word}` is a word of the language and cannot be a name",
        helps=(f"choose another name, such as `{word}_` or `my_{word}`",),
    )


def _operands(parts: Parts) -> tuple[Any, ...]:
    """Every other part: what stands between separators."""
    return tuple(parts[::2])


class Builder:
    """The methods that Lark calls. It holds nothing: see `building`."""

    # -------------------------------------------------------------- statements

    def model(self, parts: Parts) -> tree.ModelHeader:
        """`model name`."""
        return tree.ModelHeader(_name(parts[1]), _WORK.get().doc, _span(parts))

    def import_(self, parts: Parts) -> tree.Import:
        """`import f, g from "common.ebm"`."""
        _, names, _, path = parts
        return tree.Import(names, self.string((path,)), _span(parts))

    def names(self, parts: Parts) -> tuple[tree.Identifier, ...]:
        """`f, g`."""
        return tuple(_name(token) for token in _operands(parts))

    def dim(self, parts: Parts) -> tree.Dim:
        """`dim row = 64 cyclic, pixel`."""
        return tree.Dim(_operands(parts[1:]), _WORK.get().doc, _span(parts))

    def dim_item(self, parts: Parts) -> tree.DimItem:
        """`row = 64 cyclic`."""
        name, _, size, cyclic = parts
        end = None if cyclic is None else _span((cyclic,))
        return tree.DimItem(_name(name), size, end, _span(parts))

    def graph(self, parts: Parts) -> tree.Graph:
        """`graph bonds on site = ring()`."""
        _, name, _, on, _, generator = parts
        return tree.Graph(_name(name), _name(on), generator, _WORK.get().doc, _span(parts))

    def given(self, parts: Parts) -> tree.Given:
        """`given x : type = default`."""
        _, name, _, type_, _, default = parts
        return tree.Given(_name(name), type_, default, _WORK.get().doc, _span(parts))

    def variable(self, parts: Parts) -> tree.Variable:
        """`visible y : type ~ density`, and `latent`."""
        role, name, _, type_, _, density = parts
        return tree.Variable(role.text, _name(name), type_, density, _WORK.get().doc, _span(parts))

    def param(self, parts: Parts) -> tree.Param:
        """`param W : type init start ~ prior`."""
        _, name, _, type_, _, init, _, prior = parts
        return tree.Param(_name(name), type_, init, prior, _WORK.get().doc, _span(parts))

    def signed_number(self, parts: Parts) -> tree.Number | tree.Negate:
        """`-1`, behind `init`."""
        minus, digits = parts
        number = self.number((digits,))
        return number if minus is None else tree.Negate(number, _span(parts))

    def let(self, parts: Parts) -> tree.Let:
        """`let r[k, i] = body`."""
        _, name, heads, _, body = parts
        return tree.Let(_name(name), heads or (), body, _WORK.get().doc, _span(parts))

    def index_heads(self, parts: Parts) -> tuple[tree.IndexHead, ...]:
        """`[k, i in 0..3]` on the left of a definition."""
        return _operands(parts[1:-1])

    def index_head(self, parts: Parts) -> tree.IndexHead:
        """`i in 0..3` on the left of a definition."""
        name, _, range_ = parts
        return tree.IndexHead(_name(name), range_, _span(parts))

    def fn(self, parts: Parts) -> tree.Fn:
        """`fn f(a, b) = body`."""
        _, name, _, parameters, _, _, body = parts
        return tree.Fn(_name(name), parameters or (), body, _WORK.get().doc, _span(parts))

    def net(self, parts: Parts) -> tree.Net:
        """`net f : real[row] -> real = mlp(64)`."""
        _, name, _, inputs, _, output, _, architecture = parts
        doc = _WORK.get().doc
        return tree.Net(_name(name), inputs, output, architecture, doc, _span(parts))

    def types(self, parts: Parts) -> tuple[tree.Type, ...]:
        """`real[row], real`, what a net takes."""
        return _operands(parts)

    def energy(self, parts: Parts) -> tree.Energy:
        """`energy name = body`."""
        _, name, _, body = parts
        named = None if name is None else _name(name)
        return tree.Energy(named, body, _WORK.get().doc, _span(parts))

    def quantity(self, parts: Parts) -> tree.Quantity:
        """`quantity m[k] = body`."""
        _, name, heads, _, body = parts
        return tree.Quantity(_name(name), heads or (), body, _WORK.get().doc, _span(parts))

    # ------------------------------------------------------------------- types

    def type_(self, parts: Parts) -> tree.Type:
        """`real<0, 1>[row] symmetric`."""
        name, bounds, labels, dims, *shapes = parts
        return tree.Type(
            _name(name),
            None if bounds is None else bounds.items,
            None if labels is None else labels.items[0],
            () if dims is None else dims.items,
            tuple(_plain(shape) for shape in shapes),
            _span(parts),
        )

    def bounds(self, parts: Parts) -> _Bracketed:
        """`<0, 1>`; likewise `(aa)` and `[row, col]` of a type."""
        return _Bracketed(_operands(parts[1:-1]), _span(parts))

    labels = bounds
    dims = bounds

    # ------------------------------------------------------------- expressions

    def if_(self, parts: Parts) -> tree.If:
        """`if c then a else b`."""
        _, condition, _, then, _, otherwise = parts
        node = tree.If(condition, then, otherwise, _span(parts))
        return _deepen(node, condition, then, otherwise)

    def or_(self, parts: Parts) -> tree.Logic:
        """`a or b or c`, and likewise with `and`."""
        operands = _operands(parts)
        return _deepen(tree.Logic(parts[1].text, operands, _span(parts)), *operands)

    and_ = or_

    def negation(self, parts: Parts) -> tree.Not:
        """`not a`."""
        return _deepen(tree.Not(parts[1], _span(parts)), parts[1])

    def compare(self, parts: Parts) -> tree.Compare:
        """`a < b < c`."""
        steps = tuple(
            tree.Comparison(operator.text, right, _span((operator,)))
            for operator, right in zip(parts[1::2], parts[2::2], strict=True)
        )
        return _deepen(tree.Compare(parts[0], steps, _span(parts)), *_operands(parts))

    def binary(self, parts: Parts) -> tree.Binary:
        """`a + b`, and likewise `- * / @ ^`."""
        left, operator, right = parts
        node = tree.Binary(operator.text, left, right, _span((operator,)), _span(parts))
        return _deepen(node, left, right)

    def negate(self, parts: Parts) -> tree.Negate:
        """`-a`."""
        return _deepen(tree.Negate(parts[1], _span(parts)), parts[1])

    def reduction(self, parts: Parts) -> tree.Reduction:
        """`sum(i, j) body`."""
        reducer, _, arguments, _, body = parts
        head = _span(parts[:-1])
        node = tree.Reduction(_plain(reducer), arguments, body, head, _span(parts))
        return _deepen(node, *arguments, body)

    def subscripted(self, parts: Parts) -> tree.Subscripted:
        """`x[i, :]`."""
        base, _, subscripts, _ = parts
        return _deepen(tree.Subscripted(base, subscripts, _span(parts)), base, *subscripts)

    def subscripts(self, parts: Parts) -> tuple[Any, ...]:
        """`i, :` between brackets."""
        return _operands(parts)

    def slice_(self, parts: Parts) -> tree.Slice:
        """`a:b`, each end optional."""
        lower, _, upper = parts
        return _deepen(tree.Slice(lower, upper, _span(parts)), lower, upper)

    def number(self, parts: Parts) -> tree.Number:
        """`5e-4`."""
        number = tree.Number(parts[0].text, _span(parts))
        if number.value == float("inf"):
            says = "this number is larger than any float: numbers reach up to 1.8e308"
            _WORK.get().findings.error("E101", number.span, says, "too large")
        return number

    def string(self, parts: Parts) -> tree.String:
        """`"ACD"`."""
        return tree.String(parts[0].text[1:-1], _span(parts))

    def name(self, parts: Parts) -> tree.Name:
        """A name in an expression."""
        named = _name(parts[0])
        return tree.Name(named.text, named.span)

    def paren(self, parts: Parts) -> tree.Paren:
        """`(a)`."""
        return _deepen(tree.Paren(parts[1], _span(parts)), parts[1])

    def tuple_(self, parts: Parts) -> tree.Tuple:
        """`(i, j)`."""
        items = _operands(parts[1:-1])
        return _deepen(tree.Tuple(items, _span(parts)), *items)

    def call(self, parts: Parts) -> tree.Call:
        """`f(x, act=silu)`, and `sum(x)`."""
        function, _, arguments, _ = parts
        given = arguments or ()
        named = _plain(function) if function.text in REDUCERS else _name(function)
        return _deepen(tree.Call(named, given, _span(parts)), *given)

    def arguments(self, parts: Parts) -> Parts:
        """`i, j in bonds[i]` between brackets."""
        return _operands(parts)

    def within(self, parts: Parts) -> tree.Within:
        """`i in range`."""
        target, _, range_ = parts
        return _deepen(tree.Within(target, range_, _span(parts)), target, range_)

    def keyword(self, parts: Parts) -> tree.Keyword:
        """`act=silu`."""
        name, _, value = parts
        return _deepen(tree.Keyword(_plain(name), value, _span(parts)), value)

    def list_(self, parts: Parts) -> tree.List:
        """`[a, b]`, behind a keyword."""
        items = tuple(part for part in _operands(parts[1:-1]) if part is not None)
        return _deepen(tree.List(items, _span(parts)), *items)

    def interval(self, parts: Parts) -> tree.Interval:
        """`a..b`."""
        lower, _, upper = parts
        return _deepen(tree.Interval(lower, upper, _span(parts)), lower, upper)
