"""Typed terms: what a program means, with every array written through indices.

`b @ v` has become a sum over an index. A term is a scalar in the indices in force; an array is an
`Array`: axes and a scalar body. Indices are compared by identity; every node keeps its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..syntax.source import Span
from .sizes import Size


@dataclass(frozen=True, slots=True)
class Dimension:
    """A named dimension. `size` is a default number, or an expression of other dimensions.

    `labels`, one a position, are the letters of `dim aa = "-ACD…"`. `part`: no dimension of the
    program, but the range over which a `let` or a quantity is defined.
    """

    name: str
    size: Size | None
    cyclic: bool
    labels: str | None
    span: Span
    part: Between | None = None

    @property
    def derived(self) -> bool:
        """Whether the size follows from other dimensions."""
        return self.size is not None and self.size.constant is None


@dataclass(frozen=True, slots=True)
class GraphDeclaration:
    """Undirected edges over a dimension; `generator` names `ring`, `complete` or `grid` and its sides."""

    name: str
    on: Dimension
    generator: tuple[str, tuple[Dimension, ...]] | None
    span: Span
    doc: str


class Kind(StrEnum):
    """What values one site takes."""

    BINARY = "binary"
    SPIN = "spin"
    CATEGORY = "category"
    INTEGER = "integer"
    REAL = "real"
    POSITIVE = "positive"
    ANGLE = "angle"
    SIMPLEX = "simplex"


Bound = Size | float


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of one site: the kind, the bounds of `real<a, b>` and `integer<a, b>`, the labels."""

    kind: Kind
    lower: Bound | None = None
    upper: Bound | None = None
    labels: Dimension | None = None

    @property
    def discrete(self) -> bool:
        """Whether the values can be listed."""
        return self.kind in (Kind.BINARY, Kind.SPIN, Kind.CATEGORY, Kind.INTEGER)

    @property
    def whole_line(self) -> bool:
        """Whether the values are all real numbers."""
        return self.kind is Kind.REAL and self.lower is None and self.upper is None


class Role(StrEnum):
    """What is asked of a declared array."""

    VISIBLE = "visible"
    LATENT = "latent"
    PARAM = "param"
    GIVEN = "given"
    LET = "let"


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A declared array. `dims` are dimensions, or one graph for an array over its edges.

    For a `let`, `axes` and `body` hold the definition: body is a term in the axes.
    """

    name: str
    role: Role
    domain: Domain
    dims: tuple[Dimension | GraphDeclaration, ...]
    span: Span
    doc: str = ""
    symmetric: bool = False
    hollow: bool = False
    axes: tuple[Index, ...] = ()
    body: Term | None = None

    @property
    def unknown(self) -> bool:
        """Whether it is visible or latent."""
        return self.role in (Role.VISIBLE, Role.LATENT)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A neural network; `architecture` is the constructor's name with its arguments."""

    name: str
    inputs: tuple[tuple[Domain, tuple[Dimension, ...]], ...]
    output: tuple[Dimension, ...]
    architecture: str
    sizes: tuple[int, ...]
    options: tuple[tuple[str, str | float], ...]
    span: Span
    doc: str


# ---------------------------------------------------------------------- indices


@dataclass(frozen=True, slots=True)
class Whole:
    """Every position of a dimension."""

    dim: Dimension


@dataclass(frozen=True, slots=True)
class Between:
    """From `lower` up to but not including `upper`."""

    lower: Size
    upper: Size


@dataclass(frozen=True, slots=True)
class Edges:
    """Every edge of a graph, once."""

    graph: GraphDeclaration


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """The site at one end (0 or 1) of an edge; no axis of its own."""

    graph: GraphDeclaration
    edge: Index
    end: int


@dataclass(frozen=True, slots=True)
class Slots:
    """The places of a table of neighbours, as many as the best connected site has."""

    graph: GraphDeclaration


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The neighbour of `site` in a slot; no axis of its own. Empty slots count nothing."""

    graph: GraphDeclaration
    site: Term
    slot: Index


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Positions from a list, one for each number of `row`; no axis of its own."""

    row: Index
    values: tuple[int, ...]


Range = Whole | Between | Edges | EdgeEnd | Slots | Neighbour | Listed


class Index:
    """A bound index, known by identity. The checker sets `range` once, when use has shown it."""

    __slots__ = ("name", "range", "span")

    def __init__(self, name: str, span: Span, range: Range | None = None) -> None:
        self.name: str = name
        self.span: Span = span
        self.range: Range | None = range

    @property
    def found(self) -> Range:
        """The range; it is missing only before checking is done."""
        assert self.range is not None, self.name
        return self.range

    @property
    def has_axis(self) -> bool:
        """Whether it is an axis of arrays (not an end of an edge, a neighbour or listed)."""
        return not isinstance(self.range, EdgeEnd | Neighbour | Listed)

    def __repr__(self) -> str:
        return f"<{self.name}>"


# ------------------------------------------------------------------------ terms


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A number as written."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class SizeValue:
    """The size of a dimension as a number."""

    size: Size
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """The value of an index."""

    index: Index
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One element of a declared array. A subscript on a cyclic dimension wraps."""

    symbol: Symbol
    subscripts: tuple[Term, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class EdgeNumber:
    """The number of the edge between a site and its neighbour in a slot: a subscript of edge arrays."""

    graph: GraphDeclaration
    site: Term
    slot: Index
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """A function or operator of scalars; `function` is a row of the table in functions.py."""

    function: str
    arguments: tuple[Term, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Reduce:
    """`sum`, `prod`, `max`, `min`, `mean` or `logsumexp` of the body where the conditions hold."""

    reducer: str
    indices: tuple[Index, ...]
    conditions: tuple[Term, ...]
    body: Term
    span: Span
    head: Span


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """An array: for each position of the axes, the body."""

    axes: tuple[Index, ...]
    body: Term
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class NetworkRead:
    """One element of a network's output."""

    network: Network
    inputs: tuple[Array, ...]
    subscripts: tuple[Term, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class LogDensity:
    """The log density, in nats, of a value under a NumPyro distribution.

    The axes of the arrays are those of one draw: none for a distribution of numbers.
    """

    distribution: str
    value: Array
    arguments: tuple[tuple[str, Array], ...]
    span: Span


Term = (
    Constant | SizeValue | Position | Read | EdgeNumber | Apply | Reduce | NetworkRead | LogDensity
)


@dataclass(frozen=True, slots=True)
class NamedEnergy:
    """One energy; `density` if it came from a `~` of an unknown; its parts as `walls.py` has them."""

    name: str
    term: Term
    span: Span
    density: bool = False
    doc: str = ""
    finite: Term | None = None
    walls: Term | None = None


@dataclass(frozen=True, slots=True)
class NamedQuantity:
    """A named function of a configuration."""

    name: str
    value: Array
    integer: bool
    span: Span
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw from a NumPyro distribution with arguments known once sizes are."""

    distribution: str
    arguments: tuple[tuple[str, Term], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """Where a parameter starts, and the log density of its prior summed over its entries."""

    init: Term | Draw | None
    prior: Term | None


@dataclass(frozen=True, slots=True)
class SizeCondition:
    """What holds for the sizes in the text and must hold for those of the caller: `size` >= 0.

    `what` runs off the end of a dimension otherwise.
    """

    size: Size
    what: str
    dim: str


@dataclass(frozen=True, slots=True)
class Program:
    """A checked model: declarations, energies and quantities, all names resolved."""

    name: str
    doc: str
    dims: dict[str, Dimension]
    graphs: dict[str, GraphDeclaration]
    unknowns: dict[str, Symbol]
    params: dict[str, Symbol]
    givens: dict[str, Symbol]
    networks: dict[str, Network]
    lets: dict[str, Symbol]
    energies: tuple[NamedEnergy, ...]
    quantities: tuple[NamedQuantity, ...]
    parameter_facts: dict[str, ParameterFacts]
    defaults: dict[str, Array]
    imported: dict[str, str]
    conditions: tuple[SizeCondition, ...]

    def size_of(self, dim: Dimension) -> Size:
        """The size written through dimensions that stand on their own."""
        if dim.derived and dim.size is not None:
            inner = {n: self.size_of(self.dims[n]) for n in dim.size.names}
            return dim.size.substitute(inner)
        return Size.dimension(dim.name)
