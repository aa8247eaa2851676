"""Where one number is wanted: an energy, each entry of a `let`, the start of a parameter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..syntax import tree
from ..syntax.diagnostics import Findings
from ..syntax.parts import nodes
from .context import Context, Value, axis_name, shape_text, type_text
from .repairs import summed
from .sizes import Size
from .terms import Apply, Bound, Constant, Kind, Symbol, Term


def one_number(value: Value, body: tree.Expression, what: str, context: Context) -> Term | None:
    """The term of a scalar; E401 for a category, E307 for an array."""
    if value.category is not None:
        text, labels = body.span.text, value.category
        example = f'"{labels.labels[0]}"' if labels.labels else "0"
        return context.error(
            "E401",
            body.span,
            f"{what} must be one number, and this is a category",
            f"an element of `{labels.name}`",
            helps=[
                f"to ask whether it is one of them: {text} == {example}",
                f"or look up a number for each: h[{text}], with param h : real[{labels.name}]",
            ],
        )
    if value.axes:
        each = ", ".join(f"`{axis_name(axis)}`" for axis in value.axes)
        return context.error(
            "E307",
            body.span,
            f"{what} must be one number; this is an array over {shape_text(value)}",
            f"one number per {each}",
            helps=[f"sum it: {_total(body, context)}"],
        )
    return value.body


def _total(body: tree.Expression, context: Context) -> str:
    """The body with the arrays among its summands summed, and nothing else touched."""
    if not isinstance(body, tree.Binary) or body.operator not in "+-":
        return summed(body)
    text, start = body.span.text, body.span.start
    for part in reversed(list(_summands(body))):
        if _is_array(part, context):
            a, b = part.span.start - start, part.span.end - start
            text = f"{text[:a]}{summed(part)}{text[b:]}"
    return text if text != body.span.text else summed(body)


def _summands(body: tree.Expression) -> Iterator[tree.Expression]:
    if isinstance(body, tree.Binary) and body.operator in "+-":
        yield from _summands(body.left)
        yield from _summands(body.right)
    else:
        yield body


def _is_array(part: tree.Expression, context: Context) -> bool:
    kept, context.findings = context.findings, Findings()
    obligations = len(context.obligations)
    value = context.elaborate(part, context)
    context.findings = kept
    del context.obligations[obligations:]
    return value is not None and bool(value.axes)


def each_entry(
    heads: Sequence[tree.IndexHead],
    body: tree.Expression,
    value: Value,
    left: str,
    context: Context,
) -> None:
    """E303: the body of `r[i] = …` is an array."""
    taken = {head.name.text for head in heads}
    free = (letter for letter in "ijklmn" if letter not in taken)
    extra = ", ".join(next(free) for _ in value.axes)
    named = ", ".join(head.span.text for head in heads)
    return context.error(
        "E303",
        body.span,
        f"each entry must be one number; this is an array over {shape_text(value)}",
        "an array for each entry",
        marks=[(heads[0].span.to(heads[-1].span), "one entry for each of these")],
        helps=[_all_named(f"{left}[{named}, {extra}]", extra, body), f"or sum it: {summed(body)}"],
    )


def _all_named(left: str, extra: str, body: tree.Expression) -> str:
    """`let r[i, j] = W[i, j]` for `let r[i] = W[i, :]`."""
    slices = [n for n in nodes(body) if isinstance(n, tree.Slice)]
    names = extra.split(", ")
    if len(slices) != len(names):
        return f"name its dimensions on the left too: {left} = …"
    text = body.span.text
    for part, name in reversed(list(zip(slices, names, strict=True))):
        a, b = part.span.start - body.span.start, part.span.end - body.span.start
        text = f"{text[:a]}{name}{text[b:]}"
    return f"name its dimensions on the left too: {left} = {text}"


def starts_inside(symbol: Symbol, start: tree.Expression, context: Context) -> bool:
    """E402 if a parameter is told to start outside its type."""
    value = _number(context.elaborate(start, context))
    low, high = (_plain(bound) for bound in (symbol.domain.lower, symbol.domain.upper))
    if symbol.domain.kind is Kind.POSITIVE:
        low = 0.0
    outside = value is not None and (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (symbol.domain.kind is Kind.POSITIVE and value == 0)
    )
    if outside:
        context.error(
            "E402",
            start.span,
            f"`{symbol.name}` cannot start at {start.span.text}: that is outside its type",
            "outside",
            marks=[(symbol.span, f"declared as {type_text(symbol).partition(' : ')[2]}")],
        )
    return not outside


def _number(value: Value | None) -> float | None:
    body = value.body if value is not None else None
    if isinstance(body, Apply) and body.function == "negate":
        (inner,) = body.arguments
        return -inner.value if isinstance(inner, Constant) else None
    return body.value if isinstance(body, Constant) else None


def _plain(bound: Bound | None) -> float | None:
    if isinstance(bound, Size):
        return None if bound.constant is None else float(bound.constant)
    return bound
