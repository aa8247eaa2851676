"""Types as written (`category(aa)[site]`, `real<0, 1>[row, col]`) to domains and dimensions."""

from __future__ import annotations

from ..syntax import tree
from .context import Context, kind_of, nearest
from .lengths import constant_size
from .sizes import Size
from .terms import Bound, Dimension, Domain, GraphDeclaration, Kind

Typed = tuple[Domain, tuple[Dimension | GraphDeclaration, ...]]

TAKES_BOUNDS = {Kind.REAL: "real<0, 1>", Kind.INTEGER: "integer<0, 9>"}


def read_type(written: tree.Type, context: Context) -> Typed | None:
    """The domain and dimensions of a type, or None where a fault has been reported."""
    name = written.name.text
    if name not in list(Kind):
        near = nearest(name, [str(kind) for kind in Kind])
        return context.error(
            "E201",
            written.name.span,
            f"there is no type `{name}`",
            f"did you mean `{near}`?" if near else "unknown type",
            helps=["the types are " + ", ".join(Kind)],
        )
    domain = _domain(Kind(name), written, context)
    dims = [read_dim(d, context) for d in written.dims]
    known = [dim for dim in dims if dim is not None]
    if domain is None or len(known) != len(dims):
        return None
    if domain.kind is Kind.SIMPLEX and not known:
        return context.error(
            "E402",
            written.span,
            "a `simplex` needs a dimension: its last sums to one",
            "no dimension",
            helps=["simplex[k]"],
        )
    return (domain, tuple(known)) if _shapes_fit(written, known, context) else None


def _shapes_fit(
    written: tree.Type, dims: list[Dimension | GraphDeclaration], context: Context
) -> bool:
    for shape in written.shapes:
        if len(dims) != 2 or dims[0] is not dims[1]:
            context.error(
                "E303",
                shape.span,
                f"`{shape.text}` needs the same dimension twice",
                "real[unit, unit] is such an array",
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
                "E402", written.span, "`integer` needs its bounds", "integer<0, 9>, both included"
            )
        return Domain(kind, labels=labels)
    if kind not in TAKES_BOUNDS:
        return context.error(
            "E402",
            written.bounds[0].span,
            f"`{kind}` takes no bounds",
            "only `real` and `integer` do",
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
            f"nothing lies between {bounds[0].span.text} and {bounds[1].span.text}",
            "empty bounds" if a == b else "reversed bounds",
            helps=[f"<{bounds[1].span.text}, {bounds[0].span.text}>"] if a != b else [],
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
            f"`{expression.span.text}` is not a bound",
            "a whole number, or dimensions" if kind is Kind.INTEGER else "a number, or dimensions",
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
            "a `category` needs the dimension it is an element of",
            "category(aa)",
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
        if declared is not None:
            return context.error(
                "E201",
                expression.span,
                f"`{expression.text}` is {kind_of(declared)}, not a dimension",
                "a dimension is expected here",
            )
        dims = [n for n, d in context.names.items() if isinstance(d, Dimension | GraphDeclaration)]
        near = nearest(expression.text, dims)
        return context.error(
            "E201",
            expression.span,
            f"dimension `{expression.text}` is not declared",
            f"did you mean `{near}`?" if near else "unknown dimension",
            helps=[f"did you mean `{near}`?" if near else f"dim {expression.text}"],
        )
    text = expression.span.text
    size = constant_size(expression, context)
    example = f"dim n = {text}, then [n]" if isinstance(size, Size) else None
    return context.error(
        "E201",
        expression.span,
        f"`{text}` is not the name of a dimension",
        "dimensions are names",
        helps=[example],
    )
