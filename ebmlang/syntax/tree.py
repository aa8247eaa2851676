"""The located tree of an .ebm file: what was written, and where.

Every node has a `span`. Nothing is resolved here: names are names.
"""

from __future__ import annotations

from dataclasses import dataclass

from .source import Source, Span


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name where a declaration introduces it, or where a statement refers to one."""

    text: str
    span: Span


# ------------------------------------------------------------------ expressions


@dataclass(frozen=True, slots=True)
class Name:
    """A name in an expression."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number, with its text kept as written (`5e-4`, `1.0`)."""

    text: str
    span: Span

    @property
    def value(self) -> float:
        """The number as a float."""
        return float(self.text)

    @property
    def is_integer(self) -> bool:
        """Whether it is written with digits alone."""
        return self.text.isdigit()


@dataclass(frozen=True, slots=True)
class String:
    """A text between double quotes: a label, or the labels of a dimension. `value` is unquoted."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`."""

    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; the operator is one of + - * / @ ^."""

    operator: str
    left: Expression
    right: Expression
    operator_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """One step of a chain: the operator and what stands right of it."""

    operator: str
    right: Expression
    operator_span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """`a < b < c`: the first operand and the steps."""

    left: Expression
    steps: tuple[Comparison, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """`a and b and c` or `a or b or c`."""

    operator: str
    operands: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then a else b`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Slice:
    """`:`, `a:`, `:b` or `a:b` as a subscript."""

    lower: Expression | None
    upper: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Subscripted:
    """`base[subscripts]`."""

    base: Expression
    subscripts: tuple[Expression | Slice, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression between parentheses; kept, since they may carry meaning for the reader."""

    inner: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(i, j)`."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Interval:
    """`a..b`: from a up to but not including b."""

    lower: Expression
    upper: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Within:
    """`i in range` or `(i, j) in bonds` inside brackets of a reduction."""

    target: Expression
    range: Expression | Interval
    span: Span


@dataclass(frozen=True, slots=True)
class List:
    """`[a, b]` as the value of a keyword argument."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name=value` as an argument."""

    name: Identifier
    value: Expression | List
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`; reducers without a body (`sum(x ^ 2)`) are calls too."""

    function: Identifier
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Reduction:
    """`sum(i, j) body`. `head` is the stretch from the reducer to the closing bracket."""

    reducer: Identifier
    arguments: tuple[Argument, ...]
    body: Expression
    head: Span
    span: Span


Expression = (
    Name | Number | String | Negate | Binary | Compare | Logic | Not | If
    | Subscripted | Paren | Tuple | Call | Reduction
)  # fmt: skip
Argument = Expression | Within | Keyword

# ------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Type:
    """`category(aa)[site]`, `real<0, 1>[row, col]`, `real[unit, unit] symmetric hollow`."""

    name: Identifier
    bounds: tuple[Expression, Expression] | None
    labels: Expression | None
    dims: tuple[Expression, ...]
    shapes: tuple[Identifier, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IndexHead:
    """An index on the left of a `let` or `quantity`: `k`, or `i in 0..row-1`."""

    name: Identifier
    range: Expression | Interval | None
    span: Span


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """`model name`."""

    name: Identifier
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Import:
    """`import f, g from "common.ebm"`."""

    names: tuple[Identifier, ...]
    path: String
    span: Span


@dataclass(frozen=True, slots=True)
class DimItem:
    """One dimension of a `dim`: its size or labels if given, and where `cyclic` stands."""

    name: Identifier
    size: Expression | None
    cyclic: Span | None
    span: Span


@dataclass(frozen=True, slots=True)
class Dim:
    """`dim row = 64 cyclic, pixel`."""

    items: tuple[DimItem, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Graph:
    """`graph name on dimension = generator`."""

    name: Identifier
    on: Identifier
    generator: Call | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Given:
    """`given name : type = default`."""

    name: Identifier
    type: Type
    default: Expression | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """`visible` or `latent` (the role)."""

    role: str
    name: Identifier
    type: Type
    density: Call | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    """`param name : type init start ~ prior`."""

    name: Identifier
    type: Type
    init: Call | Number | Negate | None
    prior: Call | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    """`let name[heads] = body`."""

    name: Identifier
    heads: tuple[IndexHead, ...]
    body: Expression
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fn:
    """`fn name(parameters) = body`."""

    name: Identifier
    parameters: tuple[Identifier, ...]
    body: Expression
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Net:
    """`net name : inputs -> output = architecture`."""

    name: Identifier
    inputs: tuple[Type, ...]
    output: Type
    architecture: Call
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy; the name is None for `energy = …`."""

    name: Identifier | None
    body: Expression
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Quantity:
    """`quantity name[heads] = body`."""

    name: Identifier
    heads: tuple[IndexHead, ...]
    body: Expression
    doc: str
    span: Span


Statement = (
    ModelHeader | Import | Dim | Graph | Given | Variable | Param | Let | Fn | Net
    | Energy | Quantity
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comment:
    """A `#` or `##` comment, as written, from its sign to the end of the line."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole file: its statements, every comment, and the names in what could not be read."""

    source: Source
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]
    left_out: frozenset[str] = frozenset()
