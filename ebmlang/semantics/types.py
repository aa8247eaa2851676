"""Types as written (`category(aa)[site]`, `real<0, 1>[row, col]`) to domains and dimensions."""

from __future__ import annotations

from ..syntax import tree
from .context import Context
from .foreign import VALUE_WORDS
from .lengths import constant_size
from .meant import unknown_dimension, unknown_type
from .sizes import Size
from .terms import Bound, Dimension, Domain, GraphDeclaration, Kind

Typed = tuple[Domain, tuple[Dimension | GraphDeclaration, ...]]

TAKES_BOUNDS = {Kind.REAL: "real<0, 1>", Kind.INTEGER: "integer<0, 9>"}


def read_type(written: tree.Type, context: Context) -> Typed | None:
    """The domain and dimensions of a type, or None where a fault has been reported."""
    name = written.name.text
    if name not in list(Kind):
        return unknown_type(written.name, context)
    domain = _domain(Kind(name), written, context)
    dims = [read_dim(d, context) for d in written.dims]
    known = [dim for dim in dims if dim is not None]
    if domain is None or len(known) != len(dims):
        return None
    if domain.kind is Kind.SIMPLEX and not known:
        return context.error(
            "E402",
            written.span,
            "a `simplex` needs a dimension: the one over which its entries sum to one",
            "no dimension",
            helps=_over_a_dimension("simplex[{}]", context),
        )
    return (domain, tuple(known)) if _shapes_fit(written, known, context) else None


def _shapes_fit(
    written: tree.Type, dims: list[Dimension | GraphDeclaration], context: Context
) -> bool:
    for shape in written.shapes:
        if len(dims) != 2 or dims[0] is not dims[1]:
            over = written.dims[0].span.to(written.dims[-1].span) if written.dims else None
            listed = ", ".join(dim.name for dim in dims)
            example = dims[0].name if dims else _some_dimension(context)
            helps = (
                []
                if len(dims) == 2
                else [f"{written.name.text}[{example}, {example}] {shape.text}"]
            )
            context.error(
                "E303",
                shape.span,
                f"`{shape.text}` is for arrays over the same dimension twice",
                "needs one dimension twice",
                marks=[(over, f"over [{listed}]")] if over else [],
                helps=helps,
            )
            return False
    return True


def _domain(kind: Kind, written: tree.Type, context: Context) -> Domain | None:
    labels = None
    if kind is Kind.CATEGORY:
        labels = _labels(written, context)
        if labels is None:
            return None
    elif written.labels is not None:
        return context.error(
            "E402",
            written.labels.span,
            f"`{kind}` takes no dimension in round brackets",
            "only `category` does",
            helps=[f"{kind}[{written.labels.span.text}]"],
        )
    if written.bounds is None:
        if kind is Kind.INTEGER:
            return context.error(
                "E402", written.span, "`integer` needs its bounds", "from where to where?",
                helps=["integer<0, 9>"], notes=["both bounds are included"],
            )  # fmt: skip
        return Domain(kind, labels=labels)
    if kind not in TAKES_BOUNDS:
        return context.error(
            "E402",
            written.bounds[0].span,
            f"`{kind}` takes no bounds",
            "only `real` and `integer` do",
            helps=_with_bounds(kind, written),
        )
    return _bounded(kind, written.bounds, context)


def _bounded(
    kind: Kind, bounds: tuple[tree.Expression, tree.Expression], context: Context
) -> Domain | None:
    low, high = (_bound(expression, kind, context) for expression in bounds)
    if low is None or high is None:
        return None
    a, b = _plain(low), _plain(high)
    empty = a is not None and b is not None and (a > b or (a == b and kind is Kind.REAL))
    if empty:
        return context.error(
            "E402",
            bounds[0].span.to(bounds[1].span),
            f"no number lies between {bounds[0].span.text} and {bounds[1].span.text}",
            "empty bounds" if a == b else "reversed bounds",
            helps=[f"{kind}<{bounds[1].span.text}, {bounds[0].span.text}>"] if a != b else [],
        )
    if kind is Kind.REAL:
        low = None if a == float("-inf") else low
        high = None if b == float("inf") else high
    return Domain(kind, low, high)


def _plain(bound: Bound) -> float | None:
    if isinstance(bound, Size):
        return None if bound.constant is None else float(bound.constant)
    return bound


def _bound(expression: tree.Expression, kind: Kind, context: Context) -> Bound | None:
    size = constant_size(expression, context)
    if size is not None:
        return size
    value = None if kind is Kind.INTEGER else _real(expression)
    if value is None:
        return context.error(
            "E402",
            expression.span,
            f"`{expression.span.text}` cannot be a bound of `{kind}`",
            f"a {'whole ' * (kind is Kind.INTEGER)}number or a size is expected",
            notes=["bounds are known once the sizes are: numbers and dimensions, no parameters"],
            helps=[VALUE_WORDS[text]] if (text := expression.span.text) in VALUE_WORDS else [],
        )
    return value


def _real(expression: tree.Expression) -> float | None:
    match expression:
        case tree.Number(value=value):
            return value
        case tree.Name(text="inf"):
            return float("inf")
        case tree.Name(text="pi"):
            return 3.141592653589793
        case tree.Paren(inner=inner):
            return _real(inner)
        case tree.Negate(operand=operand):
            inner = _real(operand)
            return None if inner is None else -inner
        case tree.Binary(operator=operator, left=left, right=right):
            a, b = _real(left), _real(right)
            if a is None or b is None:
                return None
            match operator:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/" if b != 0:
                    return a / b
                case _:
                    return None
        case _:
            return None


def _labels(written: tree.Type, context: Context) -> Dimension | None:
    if written.labels is None:
        return context.error(
            "E402",
            written.span,
            "a `category` needs the dimension it is an element of, in round brackets",
            "an element of what?",
            helps=_round(written, context),
        )
    place = read_dim(written.labels, context)
    if isinstance(place, GraphDeclaration):
        return context.error(
            "E402", written.labels.span, "a `category` is an element of a dimension", "a graph"
        )
    return place


def read_dim(expression: tree.Expression, context: Context) -> Dimension | GraphDeclaration | None:
    """A dimension or graph named in a type."""
    if isinstance(expression, tree.Name):
        declared = context.names.get(expression.text)
        if isinstance(declared, Dimension | GraphDeclaration):
            context.used.add(expression.text)
            return declared
        dims = [n for n, d in context.names.items() if isinstance(d, Dimension | GraphDeclaration)]
        return unknown_dimension(expression.text, expression.span, dims, context)
    text = expression.span.text
    if text in context.told:
        return None
    context.told.add(text)
    size = constant_size(expression, context)
    example = f"declare it, dim n = {text}, and write its name here: n"
    if isinstance(size, Size) and size.constant is not None and size.constant <= 0:
        example = "bounds stand in angle brackets: real<0, 1>"
    return context.error(
        "E201",
        expression.span,
        f"`{text}` is not the name of a dimension",
        "dimensions are names",
        helps=[example] if isinstance(size, Size) else [],
    )


def _some_dimension(context: Context) -> str:
    return next((n for n, d in context.names.items() if isinstance(d, Dimension)), "k")


def _over_a_dimension(form: str, context: Context) -> list[str]:
    dims = [n for n, d in context.names.items() if isinstance(d, Dimension)]
    if not dims:
        return [f'declare one, dim k = "ABC", then write {form.format("k")}']
    return [form.format(dims[0])]


def _round(written: tree.Type, context: Context) -> list[str]:
    """`category(aa)[site]` for what was written without its round brackets."""
    dims = [d.span.text for d in written.dims]
    if not dims:
        return _over_a_dimension("category({})", context)
    rest = f"[{', '.join(dims[:-1])}]" if dims[:-1] else ""
    return [f"category({dims[-1]}){rest}"]


def _with_bounds(kind: Kind, written: tree.Type) -> list[str]:
    """The type that has such bounds."""
    if written.bounds is None or kind is Kind.CATEGORY:
        return []
    low, high = (b.span.text for b in written.bounds)
    if kind in (Kind.BINARY, Kind.SPIN):
        return ["binary" if low == "0" else "spin"] if (low, high) in _TWO_VALUES else []
    return [f"real<{low}, {high}>"]


_TWO_VALUES = (("0", "1"), ("-1", "1"), ("-1", "+1"))
