"""Declarations: dimensions, graphs, arrays and networks, from the tree to symbols."""

from __future__ import annotations

from collections.abc import Callable

from ..syntax import tree
from ..syntax.diagnostics import Findings
from .context import Context, nearest
from .lengths import constant_size
from .networks import ACTIVATIONS, ARCHITECTURES, Architecture
from .sizes import Size
from .terms import (
    Dimension,
    GraphDeclaration,
    Network,
    Role,
    Symbol,
)
from .types import read_dim, read_type

GENERATORS = {"ring": "the sites in a circle", "complete": "every pair", "grid": "grid(row, col)"}


def collect_names(
    statements: tuple[tree.Statement, ...], findings: Findings
) -> dict[str, tree.Statement | tree.DimItem]:
    """Every name a file declares, and where; E202 for a name declared twice."""
    found: dict[str, tree.Statement | tree.DimItem] = {}

    def add(name: tree.Identifier, statement: tree.Statement | tree.DimItem) -> None:
        if name.text in found:
            findings.error(
                "E202",
                name.span,
                f"`{name.text}` is declared twice",
                "again here",
                marks=[(name_of(found[name.text]).span, "first here")],
            )
        else:
            found[name.text] = statement

    for statement in statements:
        match statement:
            case tree.Dim(items=items):
                for item in items:
                    add(item.name, item)
            case tree.Energy() | tree.ModelHeader() | tree.Import():
                pass
            case _:
                add(statement.name, statement)
    return found


def name_of(statement: tree.Statement | tree.DimItem) -> tree.Identifier:
    """The identifier that a declaration introduces."""
    assert not isinstance(statement, tree.Import | tree.Energy | tree.Dim)
    return statement.name


def declare_dimensions(
    declared: dict[str, tree.Statement | tree.DimItem], context: Context
) -> dict[str, Dimension]:
    """All dimensions, each size read; E405 for sizes in a circle."""
    items = {n: d for n, d in declared.items() if isinstance(d, tree.DimItem)}
    done: dict[str, Dimension] = {}
    busy: list[str] = []

    def declare(name: str) -> Dimension:
        if name in done:
            return done[name]
        item = items[name]
        if name in busy:
            circle = " → ".join([*busy[busy.index(name) :], name])
            context.error(
                "E405", item.span, f"sizes of dimensions form a circle: {circle}", "in the circle"
            )
            done[name] = Dimension(name, None, False, None, item.name.span)
            return done[name]
        busy.append(name)
        size, labels = _size(item, declare, items, context)
        busy.pop()
        made = done.setdefault(
            name, Dimension(name, size, item.cyclic is not None, labels, item.name.span)
        )
        context.names[name] = made
        return made

    for name in items:
        declare(name)
    return done


def _size(
    item: tree.DimItem,
    declare: Callable[[str], Dimension],
    items: dict[str, tree.DimItem],
    context: Context,
) -> tuple[Size | None, str | None]:
    """The size and labels of a dimension as written."""
    match item.size:
        case None:
            return None, None
        case tree.String(value=labels, span=span):
            if not labels or len(set(labels)) != len(labels):
                twice = next((c for c in labels if labels.count(c) > 1), None)
                says = f'the label "{twice}" stands twice' if twice else "there are no labels"
                context.error("E202", span, says, "one letter for each position")
                return None, None
            return Size.number(len(labels)), labels
        case expression:
            size = _size_of(expression, declare, items, context)
            if size is None:
                return None, None
            value = size.constant
            if value is not None and (value != int(value) or value < 1):
                context.error(
                    "E402", expression.span, f"`{item.name.text}` would have {value} positions",
                    "a dimension has at least one",
                )  # fmt: skip
                return None, None
            return size, None


def _size_of(
    expression: tree.Expression,
    declare: Callable[[str], Dimension],
    items: dict[str, tree.DimItem],
    context: Context,
) -> Size | None:
    for name in _names_in(expression):
        if name.text in items:
            declare(name.text)
        elif name.text not in context.names:
            near = nearest(name.text, list(items))
            return context.error(
                "E201", name.span, f"dimension `{name.text}` is not declared",
                f"did you mean `{near}`?" if near else "unknown dimension",
            )  # fmt: skip
    size = constant_size(expression, context)
    if size is None:
        return context.error(
            "E402",
            expression.span,
            f"`{expression.span.text}` is not made of whole numbers and dimensions",
            "not a size",
        )
    return size


def _names_in(expression: tree.Expression) -> list[tree.Name]:
    match expression:
        case tree.Name():
            return [expression]
        case tree.Paren(inner=inner) | tree.Negate(operand=inner):
            return _names_in(inner)
        case tree.Binary(left=left, right=right):
            return [*_names_in(left), *_names_in(right)]
        case _:
            return []


def declare_graph(statement: tree.Graph, context: Context) -> GraphDeclaration | None:
    """A graph over a dimension."""
    on = read_dim(tree.Name(statement.on.text, statement.on.span), context)
    if not isinstance(on, Dimension):
        return None
    generator = None
    call = statement.generator
    if call is not None:
        name = call.function.text
        if name not in GENERATORS:
            near = nearest(name, list(GENERATORS))
            return context.error(
                "E201",
                call.function.span,
                f"there is no graph `{name}()`",
                f"did you mean `{near}`?" if near else "unknown graph",
                helps=["the graphs are ring(), complete() and grid(row, col); others come with "
                       "the data"],
            )  # fmt: skip
        sides = [
            read_dim(a, context) for a in call.arguments
            if not isinstance(a, tree.Within | tree.Keyword)
        ]  # fmt: skip
        dims = tuple(d for d in sides if isinstance(d, Dimension))
        wanted = 2 if name == "grid" else 0
        if len(dims) != wanted or len(sides) != wanted or len(call.arguments) != wanted:
            says = f"`{name}` takes {wanted or 'no'} dimensions"
            return context.error("E303", call.span, says, GENERATORS[name])
        generator = (name, dims)
    return GraphDeclaration(statement.name.text, on, generator, statement.name.span, statement.doc)


def declare_array(
    statement: tree.Given | tree.Variable | tree.Param, context: Context
) -> Symbol | None:
    """A given, unknown or parameter as a symbol."""
    typed = read_type(statement.type, context)
    if typed is None:
        return None
    domain, dims = typed
    match statement:
        case tree.Given():
            role = Role.GIVEN
        case tree.Param():
            role = Role.PARAM
        case tree.Variable(role=word):
            role = Role(word)
    if role is Role.PARAM and domain.discrete:
        return context.error(
            "E402",
            statement.type.span,
            f"a parameter is fitted by gradients and cannot be `{domain.kind}`",
            "not a real number",
            helps=["latent, if it is to be sampled; given, if it is known"],
        )
    shapes = {shape.text for shape in statement.type.shapes}
    return Symbol(
        statement.name.text,
        role,
        domain,
        dims,
        statement.name.span,
        statement.doc,
        "symmetric" in shapes,
        "hollow" in shapes,
    )


def declare_network(statement: tree.Net, context: Context) -> Network | None:
    """A network with its architecture checked against the table."""
    types = [read_type(t, context) for t in (*statement.inputs, statement.output)]
    typed = [t for t in types if t is not None]
    call = statement.architecture
    row = ARCHITECTURES.get(call.function.text)
    if row is None:
        near = nearest(call.function.text, list(ARCHITECTURES))
        return context.error(
            "E201",
            call.function.span,
            f"there is no network `{call.function.text}`",
            f"did you mean `{near}`?" if near else "unknown architecture",
            helps=["the networks are " + ", ".join(ARCHITECTURES)],
        )
    settings = _settings(row, call, context)
    if settings is None or len(typed) != len(types):
        return None
    *inputs, output = [
        (domain, tuple(d for d in dims if isinstance(d, Dimension))) for domain, dims in typed
    ]
    return Network(
        statement.name.text,
        tuple(inputs),
        output[1],
        row.name,
        settings[0],
        tuple(settings[1].items()),
        statement.name.span,
        statement.doc,
    )


def _settings(
    row: Architecture, call: tree.Call, context: Context
) -> tuple[tuple[int, ...], dict[str, str | float]] | None:
    sizes: list[int] = []
    options = dict(row.options)
    for argument in call.arguments:
        match argument:
            case tree.Number(is_integer=True, value=value) if value >= 1 and row.takes_sizes:
                sizes.append(int(value))
            case tree.Keyword(name=name, value=tree.Name(text=text)) if name.text == "act":
                if text not in ACTIVATIONS:
                    near = nearest(text, ACTIVATIONS)
                    return context.error(
                        "E201",
                        argument.span,
                        f"there is no activation `{text}`",
                        f"did you mean `{near}`?" if near else "unknown activation",
                        helps=["the activations are " + ", ".join(ACTIVATIONS)],
                    )
                options["act"] = text
            case tree.Keyword(name=name, value=tree.Number(value=value)) if name.text in options:
                options[name.text] = value
            case _:
                known = ", ".join(f"{o}=…" for o in options) or "nothing"
                return context.error(
                    "E303",
                    argument.span,
                    f"`{row.name}` does not take `{argument.span.text}`",
                    f"it takes {'sizes of layers and ' if row.takes_sizes else ''}{known}",
                )
    return tuple(sizes), options
