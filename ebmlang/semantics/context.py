"""What the checker knows while it reads an expression: names, indices in force, faults so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ..syntax import tree
from ..syntax.diagnostics import Findings
from ..syntax.source import Span
from .functions import ARRAY_FUNCTIONS, CALLABLE, CONSTANTS, REDUCERS
from .sizes import Size
from .terms import (
    Dimension,
    Edges,
    GraphDeclaration,
    Index,
    Neighbour,
    Network,
    Role,
    SizeCondition,
    Symbol,
    Term,
    Whole,
)


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression is: for each position of the axes, the body.

    `integer` if every value is one; `category` is the dimension whose element it names.
    """

    axes: tuple[Index, ...]
    body: Term
    span: Span
    integer: bool = False
    category: Dimension | None = None

    @property
    def scalar(self) -> bool:
        """Whether it is one number."""
        return not self.axes


Declared = Symbol | Dimension | GraphDeclaration | Network | tree.Fn | tree.Let

KINDS: dict[type[Declared], str] = {
    Dimension: "a dimension",
    GraphDeclaration: "a graph",
    Network: "a network",
    tree.Fn: "a function",
    tree.Let: "a `let`",
}


ROLES = {
    Role.VISIBLE: "a visible variable",
    Role.LATENT: "a latent variable",
    Role.PARAM: "a parameter",
    Role.GIVEN: "given data",
    Role.LET: "a `let`",
}


def kind_of(declared: Declared) -> str:
    """`a dimension`, `a visible variable`, … for messages."""
    if isinstance(declared, Symbol):
        return ROLES[declared.role]
    return KINDS[type(declared)]


def declared_at(declared: Declared) -> Span:
    """The name in the declaration, not the whole of it."""
    return declared.name.span if isinstance(declared, tree.Fn | tree.Let) else declared.span


def type_text(symbol: Symbol) -> str:
    """`h : real[site, aa]`, the declaration without its keyword."""
    domain = symbol.domain
    text = str(domain.kind)
    if domain.labels is not None:
        text += f"({domain.labels.name})"
    if domain.lower is not None or domain.upper is not None:
        text += f"<{_bound_text(domain.lower, '-inf')}, {_bound_text(domain.upper, 'inf')}>"
    if symbol.dims:
        text += f"[{', '.join(dim.name for dim in symbol.dims)}]"
    text += " symmetric" * symbol.symmetric + " hollow" * symbol.hollow
    return f"{symbol.name} : {text}"


def _bound_text(bound: Size | float | None, otherwise: str) -> str:
    if bound is None:
        return otherwise
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


@dataclass(frozen=True, slots=True)
class Obligation:
    """A subscript that must be shown to stay inside its dimension once all ranges are known.

    `given`: conditions in force there, each with whether it holds or fails.
    """

    subscript: Term
    dim: Dimension
    span: Span
    whole: Span
    given: tuple[tuple[Term, bool], ...] = ()


MOST_GUESSES = 200_000
"""Names that are compared with names that nothing declares, in one check."""


@dataclass(slots=True)
class Context:
    """State of one check. `elaborate` reads an expression; `define` checks a `let` when first used."""

    findings: Findings
    names: dict[str, Declared]
    elaborate: Callable[[tree.Expression, Context], Value | None]
    define: Callable[[tree.Let], Symbol | None]
    size_of: Callable[[Dimension], Size]
    indices: dict[str, Index] = field(default_factory=dict)
    pairs: list[tuple[GraphDeclaration, Index, Index, Term]] = field(default_factory=list)
    heads: dict[Index, Span] = field(default_factory=dict)
    ended: dict[str, tuple[Span, Span]] = field(default_factory=dict)
    found_at: dict[Index, Span] = field(default_factory=dict)
    obligations: list[Obligation] = field(default_factory=list)
    weak: list[tuple[Index, Dimension, Span]] = field(default_factory=list)
    arguments: dict[str, Value] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    used: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    guesses: int = MOST_GUESSES
    written: Mapping[str, tree.Statement | tree.DimItem] = field(default_factory=dict)
    energies: set[str] = field(default_factory=set)
    densities: frozenset[str] = frozenset()
    found_in: dict[Index, Symbol] = field(default_factory=dict)
    spoilt: set[Index] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    caller: dict[str, Index] = field(default_factory=dict)
    body: tree.Expression | None = None
    left: str = ""
    headed: bool = False
    conditions: list[SizeCondition] = field(default_factory=list)

    def error(self, code: str, at: Span, says: str, mark: str = "", **rest: object) -> None:
        """Keep a fault; returns None so that callers can `return context.error(…)`."""
        self.findings.error(code, at, says, mark, **rest)  # type: ignore[arg-type]

    @contextmanager
    def in_force(self, indices: dict[str, Index]) -> Iterator[None]:
        """The indices are in force inside the `with`, and only there."""
        before = dict(self.indices)
        pairs = len(self.pairs)
        self.indices.update(indices)
        try:
            yield
        finally:
            self.indices = before
            del self.pairs[pairs:]

    def owe_under(self, first: int, *conditions: tuple[Term, bool]) -> None:
        """Let the obligations from a position on be proved under conditions that hold or fail."""
        self.obligations[first:] = [
            replace(duty, given=(*duty.given, *conditions)) for duty in self.obligations[first:]
        ]

    def knows(self, name: str) -> bool:
        """Whether a name stands for something here."""
        return name in self.names or name in self.indices or name in self.arguments

    def nearest(self, name: str, extra: tuple[str, ...] = ()) -> str | None:
        """A known name that looks like this one: at most min(len / 2, 3) letters away.

        None where so many names have been compared that a file is wrong throughout.
        """
        known = [*self.indices, *self.arguments, *self.names, *extra]
        self.guesses -= len(known)
        return nearest(name, known) if self.guesses > 0 else None


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The closest of the known names, if close enough to be a slip of the finger."""
    limit = min(max(len(name) // 2, 1), 3)
    if len(name) == 1:
        return next((k for k in known if k.lower() == name.lower() and k != name), None)
    known = [k for k in known if abs(len(k) - len(name)) <= limit]
    best = min(known, key=lambda k: (distance(name, k), abs(len(k) - len(name))), default=None)
    return best if best is not None and 0 < distance(name, best) <= limit else None


def distance(a: str, b: str) -> int:
    """Letters to insert, drop, change or swap to make one word of the other."""
    if a.lower() == b.lower():
        return int(a != b)
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


CALLABLES = (*CALLABLE, *ARRAY_FUNCTIONS, *REDUCERS)
BUILT_IN = (*CALLABLES, *CONSTANTS)


def axis_name(index: Index) -> str:
    """The name of the dimension or graph an axis runs over."""
    match index.range:
        case Whole(dim=dim):
            return dim.name
        case Edges(graph=graph) | Neighbour(graph=graph):
            return graph.name
        case _:
            return index.name


def shape_text(value: Value) -> str:
    """`[pixel, unit]`, or `a number` for a scalar."""
    if value.scalar:
        return "a number"
    return "[" + ", ".join(axis_name(axis) for axis in value.axes) + "]"
