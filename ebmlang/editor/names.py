"""Every name of a file, and the declaration that each use of it means.

Statements that parse are read from their trees, with indices and parameters in their own scopes.
In a statement that does not parse, words are matched with the names that the file declares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..semantics.functions import CONSTANTS, REDUCERS
from ..syntax import tree
from ..syntax.parser import Piece
from ..syntax.parts import Node, parts
from ..syntax.source import Span
from ..syntax.words import RESERVED

KINDS = {
    "dim": "dimension", "graph": "graph", "given": "given", "visible": "visible",
    "latent": "latent", "param": "param", "let": "let", "fn": "function", "net": "network",
    "energy": "energy", "quantity": "quantity", "model": "model", "import": "import",
}  # fmt: skip
"""What a statement's keyword makes of the name behind it."""

LOCAL = frozenset(("index", "parameter"))
APART = frozenset(("energy", "model"))
"""Kinds whose names are for reports: no expression reads them."""


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """A name and where it is introduced. `kind` is a value of KINDS, `index` or `parameter`.

    `whole` is the statement, or the item of a `dim`; `node` its tree, None where it does not parse.
    For an index or a parameter `whole` is the stretch in which it is in force.
    """

    kind: str
    name: str
    span: Span
    whole: Span
    node: tree.Statement | tree.DimItem | tree.IndexHead | None = None
    ranged: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name where it stands. Without a declaration, `role` says what it is to the language.

    `role`: declaration, use, type, function, density, network, generator, setting, constant,
    or unknown.
    """

    span: Span
    role: str
    declaration: Declaration | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """All names of a file: its own declarations by name, and every occurrence in order."""

    declared: Mapping[str, Declaration]
    everything: tuple[Declaration, ...]
    occurrences: tuple[Occurrence, ...]

    def at(self, offset: int) -> Occurrence | None:
        """The occurrence under or just before a cursor."""
        touching = [o for o in self.occurrences if o.span.start <= offset <= o.span.end]
        return max(touching, key=lambda o: o.span.start, default=None)

    def uses(self, declaration: Declaration) -> list[Occurrence]:
        """Where a declaration's name stands, the declaration itself included."""
        return [o for o in self.occurrences if o.declaration is declaration]


def names_of(pieces: Sequence[Piece]) -> Names:
    """The names of a file that has been read into pieces."""
    found = [_declared_by(piece) for piece in pieces]
    everything = [declaration for group in found for declaration in group]
    declared: dict[str, Declaration] = {}
    for declaration in everything:
        if declaration.kind not in APART:
            declared.setdefault(declaration.name, declaration)
    walk = _Walk(declared)
    for piece, group in zip(pieces, found, strict=True):
        walk.found += [Occurrence(d.span, "declaration", d) for d in group]
        if piece.statement is None:
            _words(piece, {d.span for d in group}, walk)
        else:
            _statement(piece.statement, walk)
    ordered = sorted(walk.found, key=lambda o: (o.span.start, o.span.end))
    return Names(declared, (*everything, *walk.local), tuple(ordered))


# ----------------------------------------------------------------- declarations


def _declared_by(piece: Piece) -> list[Declaration]:
    statement = piece.statement
    match statement:
        case None:
            return _guessed(piece)
        case tree.Dim(items=items):
            return [
                Declaration("dimension", item.name.text, item.name.span, item.span, item)
                for item in items
            ]
        case tree.Import(names=names):
            return [Declaration("import", n.text, n.span, statement.span, statement) for n in names]
        case _ if statement.name is None:
            return []
        case _:
            kind = KINDS[piece.stretch.tokens[0].text]
            name = statement.name
            return [Declaration(kind, name.text, name.span, statement.span, statement)]


def _guessed(piece: Piece) -> list[Declaration]:
    """What a statement with a mistake would have declared."""
    stretch = piece.stretch
    keyword, *rest = stretch.tokens
    kind = KINDS.get(keyword.text)
    if kind is None:
        return []
    named = rest[:1]
    if kind in ("dimension", "import"):
        ends = [k for k, token in enumerate(rest) if token.text == "from"]
        part = rest[: ends[0]] if ends else rest
        before = [keyword, *part]
        named = [t for b, t in zip(before, part, strict=False) if b is keyword or b.text == ","]
    whole = Span(stretch.source, stretch.start, stretch.end)
    return [
        Declaration(kind, token.text, stretch.span(token), whole)
        for token in named
        if token.kind == "word" and token.text not in RESERVED
    ]


# ------------------------------------------------------------------------- uses


@dataclass(slots=True)
class _Walk:
    """The declarations of a file, and what has been found of their uses."""

    declared: Mapping[str, Declaration]
    found: list[Occurrence] = field(default_factory=list)
    local: list[Declaration] = field(default_factory=list)

    def use(self, name: tree.Name | tree.Identifier, scope: Scope, otherwise: str) -> None:
        """A name that means a declaration in force, or what it is otherwise."""
        declaration = scope.get(name.text) or self.declared.get(name.text)
        role = otherwise if declaration is None else "use"
        self.found.append(Occurrence(name.span, role, declaration))

    def bind(
        self, kind: str, name: tree.Name | tree.Identifier, whole: Span, ranged: bool = False
    ) -> Declaration:
        """A new index or parameter."""
        declaration = Declaration(kind, name.text, name.span, whole, None, ranged)
        self.local.append(declaration)
        self.found.append(Occurrence(name.span, "declaration", declaration))
        return declaration


Scope = Mapping[str, Declaration]


def _words(piece: Piece, known: set[Span], walk: _Walk) -> None:
    for token in piece.stretch.tokens:
        span = piece.stretch.span(token)
        if token.kind == "word" and token.text not in RESERVED and span not in known:
            walk.use(tree.Identifier(token.text, span), {}, "unknown")


def _statement(statement: tree.Statement, walk: _Walk) -> None:
    match statement:
        case tree.ModelHeader() | tree.Import():
            pass
        case tree.Dim(items=items):
            for item in items:
                _all((item.size,), {}, walk)
        case tree.Graph(on=on, generator=generator):
            walk.use(on, {}, "unknown")
            _call(generator, "generator", walk)
        case tree.Given(type=type_, default=default):
            _type(type_, walk)
            _all((default,), {}, walk)
        case tree.Variable(type=type_, density=density):
            _type(type_, walk)
            _call(density, "density", walk)
        case tree.Param(type=type_, init=init, prior=prior):
            _type(type_, walk)
            _call(init if isinstance(init, tree.Call) else None, "density", walk)
            _call(prior, "density", walk)
        case tree.Let(heads=heads, body=body) | tree.Quantity(heads=heads, body=body):
            _all((body,), _heads(heads, statement.span, walk), walk)
        case tree.Fn(parameters=parameters, body=body, span=span):
            _all((body,), {p.text: walk.bind("parameter", p, span) for p in parameters}, walk)
        case tree.Net(inputs=inputs, output=output, architecture=architecture):
            for type_ in (*inputs, output):
                _type(type_, walk)
            _call(architecture, "network", walk)
        case tree.Energy(body=body):
            _all((body,), {}, walk)


def _type(type_: tree.Type, walk: _Walk) -> None:
    walk.found.append(Occurrence(type_.name.span, "type"))
    _all((*(type_.bounds or ()), type_.labels, *type_.dims), {}, walk)


def _call(call: tree.Call | None, role: str, walk: _Walk) -> None:
    """A density, a network's architecture or a graph's generator."""
    if call is not None:
        walk.found.append(Occurrence(call.function.span, role))
        for argument in call.arguments:
            _expression(argument, {}, walk)


def _heads(heads: Sequence[tree.IndexHead], whole: Span, walk: _Walk) -> Scope:
    scope: dict[str, Declaration] = {}
    for head in heads:
        _all((head.range,), scope, walk)
        ranged = head.range is not None
        scope[head.name.text] = walk.bind("index", head.name, whole, ranged)
    return scope


def _all(nodes: Sequence[Node | None], scope: Scope, walk: _Walk) -> None:
    for node in nodes:
        if node is not None:
            _expression(node, scope, walk)


def _expression(node: Node, scope: Scope, walk: _Walk) -> None:
    match node:
        case tree.Name():
            walk.use(node, scope, "constant" if node.text in CONSTANTS else "unknown")
        case tree.Reduction(arguments=arguments, body=body, span=span):
            _all((body,), _opened(arguments, span, scope, walk), walk)
        case tree.Call(function=function, arguments=arguments, span=span):
            if function.text not in REDUCERS:
                walk.use(function, {}, "function")
                _all(arguments, scope, walk)
            elif any(isinstance(argument, tree.Within) for argument in arguments):
                _opened(arguments, span, scope, walk)
            else:
                _all(arguments, scope, walk)
        case tree.Keyword(name=name, value=value):
            walk.found.append(Occurrence(name.span, "setting"))
            _expression(value, scope, walk)
        case _:
            _all(parts(node), scope, walk)


def _opened(
    arguments: Sequence[tree.Argument], whole: Span, outer: Scope, walk: _Walk
) -> dict[str, Declaration]:
    """The scope behind the brackets of a reduction: new indices, then ranges and conditions."""
    scope = dict(outer)
    for argument in arguments:
        match argument:
            case tree.Name():
                new, ranged = [argument], False
            case tree.Within(target=target):
                _all((argument.range,), scope, walk)
                new, ranged = _leaves(target), True
            case tree.Compare():
                known = (scope, walk.declared)
                new = [n for n in _leaves(argument) if all(n.text not in k for k in known)]
                ranged = False
            case _:
                new, ranged = [], False
        for name in new:
            if name.text in walk.declared or (
                name.text in scope and scope[name.text].whole == whole
            ):
                walk.use(name, scope, "unknown")
            else:
                scope[name.text] = walk.bind("index", name, whole, ranged)
        if not isinstance(argument, tree.Name | tree.Within):
            _conditions(argument, scope, walk)
    return scope


def _conditions(argument: tree.Argument, scope: Scope, walk: _Walk) -> None:
    """The names of a condition, but for those that it has just introduced."""
    before = {o.span for o in walk.found if o.role == "declaration"}
    start = len(walk.found)
    _expression(argument, scope, walk)
    walk.found[start:] = [o for o in walk.found[start:] if o.span not in before]


def _leaves(node: Node) -> list[tree.Name]:
    """The names in an expression, those of functions left out."""
    if isinstance(node, tree.Name):
        return [node]
    return [name for part in parts(node) if part is not None for name in _leaves(part)]
