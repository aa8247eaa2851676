"""Declarations: dimensions, graphs, arrays and networks, from the tree to symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..syntax import tree
from ..syntax.diagnostics import Findings
from ..syntax.parts import nodes
from .context import Context, nearest
from .lengths import constant_size, not_a_size
from .meant import asked, unknown_dimension
from .networks import ACTIVATIONS, ARCHITECTURES, Architecture
from .order import circle_text, ordered, steps
from .sizes import Size
from .terms import (
    Dimension,
    GraphDeclaration,
    Network,
    Role,
    Symbol,
)
from .types import Typed, read_dim, read_type

GENERATORS = {"ring": "the sites in a circle", "complete": "every pair", "grid": "grid(row, col)"}


def collect_names(
    statements: tuple[tree.Statement, ...], findings: Findings
) -> tuple[dict[str, tree.Statement | tree.DimItem], set[str]]:
    """Every name a file declares, and where; E202 for a name declared twice, which is then kept
    out, so that no use of it is complained of.
    """
    found: dict[str, tree.Statement | tree.DimItem] = {}
    twice: set[str] = set()

    def add(name: tree.Identifier, statement: tree.Statement | tree.DimItem) -> None:
        if name.text in found:
            findings.error(
                "E202",
                name.span,
                f"`{name.text}` is declared twice",
                "again here",
                marks=[(name_of(found[name.text]).span, "first here")],
            )
            twice.add(name.text)
        else:
            found[name.text] = statement

    for statement in statements:
        match statement:
            case tree.Dim(items=items):
                for item in items:
                    add(item.name, item)
            case tree.Energy() | tree.ModelHeader() | tree.Import():
                pass
            case tree.Fn(name=name, parameters=parameters):
                _all_different(parameters, name.text, findings)
                add(name, statement)
            case _:
                add(statement.name, statement)
    return found, twice


def _all_different(names: Sequence[tree.Identifier], of: str, findings: Findings) -> None:
    seen: dict[str, tree.Identifier] = {}
    for name in names:
        first = seen.setdefault(name.text, name)
        if first is not name:
            findings.error(
                "E202",
                name.span,
                f"two arguments of `{of}` are called `{name.text}`",
                "again here",
                marks=[(first.span, "first here")],
            )


def name_of(statement: tree.Statement | tree.DimItem) -> tree.Identifier:
    """The identifier that a declaration introduces."""
    assert not isinstance(statement, tree.Import | tree.Energy | tree.Dim)
    return statement.name


def declare_dimensions(
    declared: dict[str, tree.Statement | tree.DimItem], context: Context
) -> dict[str, Dimension]:
    """All dimensions, each size read; E405 for sizes in a circle."""
    context.written = declared
    items = {n: d for n, d in declared.items() if isinstance(d, tree.DimItem)}
    order, circles = ordered({name: _dims_in(item, items) for name, item in items.items()})
    done: dict[str, Dimension] = {}
    for circle in circles:
        (_, second), *around = steps(circle)
        context.error(
            "E405",
            items[circle[0]].name.span,
            f"sizes of dimensions form a circle: {circle_text(circle)}",
            f"needs the size of `{second}`",
            marks=[(items[a].name.span, f"needs the size of `{b}`") for a, b in around],
        )
        context.failed.update(circle)
        done |= {n: Dimension(n, None, False, None, items[n].name.span) for n in circle}
    context.names.update(done)
    for name in order:
        if name not in done:
            item = items[name]
            size, labels = _size(item, items, declared, context)
            cyclic = item.cyclic is not None
            done[name] = Dimension(name, size, cyclic, labels, item.name.span)
            context.names[name] = done[name]
    return {name: done[name] for name in items}


def _dims_in(item: tree.DimItem, items: Mapping[str, tree.DimItem]) -> list[str]:
    return [name.text for name in _names_in(item.size) if name.text in items]


def _size(
    item: tree.DimItem,
    items: Mapping[str, tree.DimItem],
    declared: dict[str, tree.Statement | tree.DimItem],
    context: Context,
) -> tuple[Size | None, str | None]:
    """The size and labels of a dimension as written."""
    match item.size:
        case None:
            return None, None
        case tree.String(value=labels, span=span):
            if not labels or len(set(labels)) != len(labels):
                twice = next((c for c, n in Counter(labels).items() if n > 1), None)
                if twice:
                    says = f'`{item.name.text}` has the label "{twice}" twice'
                    words = any(not c.isalnum() for c in labels) and " " in labels
                    helps = (
                        [f'"{"".join(dict.fromkeys(labels))}"']
                        if not words
                        else ["labels are single letters; what each means goes into a comment"]
                    )
                    context.error("E202", span, says, "one letter for each position", helps=helps)
                else:
                    says = f"`{item.name.text}` would have no positions"
                    context.error("E402", span, says, "no labels")
                context.failed.add(item.name.text)
                return None, None
            return Size.number(len(labels)), labels
        case expression:
            size = _size_of(expression, items, declared, context)
            if size is None:
                return None, None
            value = size.constant
            if value is not None and (value != int(value) or value < 1):
                whole = value == int(value)
                context.error(
                    "E402", expression.span, f"`{item.name.text}` would have {value} positions",
                    "a dimension has at least one" if whole else "not a whole number",
                )  # fmt: skip
                context.failed.add(item.name.text)
                return None, None
            return size, None


def _size_of(
    expression: tree.Expression,
    items: Mapping[str, tree.DimItem],
    declared: dict[str, tree.Statement | tree.DimItem],
    context: Context,
) -> Size | None:
    for name in _names_in(expression):
        if name.text in items:
            continue
        if name.text in declared:
            other = name_of(declared[name.text]).span
            return context.error(
                "E402",
                name.span,
                f"a size is made of whole numbers and dimensions, and `{name.text}` is neither",
                "not a dimension",
                marks=[(other, "declared here")],
            )
        if name.text not in context.names:
            return unknown_dimension(name.text, name.span, list(items), context)
    size = constant_size(expression, context)
    if size is None:
        return not_a_size(expression, "a size", context)
    return size


def _names_in(expression: tree.Expression | None) -> list[tree.Name]:
    return [node for node in nodes(expression) if isinstance(node, tree.Name)]


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
                asked(f"there is no graph `{name}()`", near),
                "unknown graph",
                notes=["the graphs are ring(), complete() and grid(row, col)"],
                helps=[f"others come with the data: graph {statement.name.text} on {on.name}"],
            )
        wanted = 2 if name == "grid" else 0
        plain = [a for a in call.arguments if not isinstance(a, tree.Within | tree.Keyword)]
        if len(plain) != wanted or len(call.arguments) != wanted:
            says = f"`{name}` takes {'two dimensions' if wanted else 'nothing in its brackets'}"
            others = _others(on, context) if wanted else []
            helps = [f"{name}({', '.join(others)})"] if len(others) == wanted else []
            return context.error("E303", call.span, says, GENERATORS[name], helps=helps)
        sides = [read_dim(a, context) for a in plain]
        dims = tuple(d for d in sides if isinstance(d, Dimension))
        if len(dims) != wanted:
            return None
        generator = (name, dims)
    return GraphDeclaration(statement.name.text, on, generator, statement.name.span, statement.doc)


def _others(on: Dimension, context: Context) -> list[str]:
    dims = [n for n, d in context.names.items() if isinstance(d, Dimension) and d is not on]
    return dims[:2]


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
            "takes no values in between",
            helps=[
                f"if it is to be sampled: latent {statement.name.text} : {statement.type.span.text}",
                f"if it is known: given {statement.name.text} : {statement.type.span.text}",
            ],
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
            asked(f"there is no network `{call.function.text}`", near),
            "unknown architecture",
            notes=["the networks are " + ", ".join(ARCHITECTURES)],
        )
    settings = _settings(row, call, context)
    if settings is not None and len(typed) == len(types):
        settings = _suits(row, typed, settings, call, context)
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


Settings = tuple[tuple[int, ...], dict[str, str | float]]


def _suits(
    row: Architecture, typed: list[Typed], settings: Settings, call: tree.Call, context: Context
) -> Settings | None:
    """The settings, if the architecture can take the inputs and give the output."""
    *inputs, output = typed
    says = None
    if row.name == "embedding" and (
        len(inputs) != 1 or inputs[0][0].labels is None or inputs[0][1]
    ):
        says = "`embedding` takes one category: category(aa) -> real[k]"
    kernel = settings[1].get("kernel", 1)
    if isinstance(kernel, float) and (kernel < 1 or not kernel.is_integer()):
        says = f"a kernel reaches over a whole number of sites from 1, not {kernel:g}"
    if output[0].discrete or any(
        isinstance(d, GraphDeclaration) for _, dims in typed for d in dims
    ):
        says = "a network gives real numbers over dimensions, not over a graph"
    if says is None:
        return settings
    return context.error("E303", call.span, says, "does not fit these types")


def _as_setting(argument: tree.Argument, row: Architecture) -> list[str]:
    """`act="silu"` and `hidden=128`, as they are written here."""
    match argument:
        case tree.Keyword(name=name, value=tree.String(value=text)):
            near = text.lower() if text.lower() in ACTIVATIONS else nearest(text, ACTIVATIONS)
            return [f"{name.text}={near}"] if name.text in row.options and near else []
        case tree.Keyword(name=name, value=value) if row.takes_sizes:
            text = value.span.text.strip("[]")
            sizes = all(part.strip().isdigit() for part in text.split(","))
            return [text] if sizes and name.text not in ("layers", "depth") else []
        case _:
            return []


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
                        asked(f"there is no activation `{text}`", near),
                        "unknown activation",
                        notes=["the activations are " + ", ".join(ACTIVATIONS)],
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
                    helps=_as_setting(argument, row),
                )
    return tuple(sizes), options
