"""Densities after `~`: NumPyro's, and a few written out as formulas so that structure is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from ..syntax import tree
from ..syntax.source import Source, Span
from .arrays import aligned
from .context import Context, Value, axis_name, nearest
from .terms import Apply, Array, Constant, Domain, Draw, Kind, LogDensity, SizeValue, Term
from .traverse import rebuild, walk

# -log density as formulas: what the compiler can see through. The others are NumPyro's own.
FORMULAS = """
fn normal(x, loc, scale) = ((x - loc) / scale)^2 / 2 + log(scale) + log(2 * pi) / 2
fn laplace(x, loc, scale) = abs(x - loc) / scale + log(2 * scale)
fn exponential(x, rate) = rate * x - log(rate)
fn bernoulli(x, probs) = -x * log(probs) - (1 - x) * log1p(-probs)
"""
_DEFAULTS = {"normal": {"loc": "0", "scale": "1"}, "laplace": {"loc": "0", "scale": "1"},
             "exponential": {"rate": "1"}, "bernoulli": {}}  # fmt: skip


@cache
def table() -> dict[str, dict[str, object]]:
    """The table written by backend/densities.py."""
    return json.loads((Path(__file__).parent / "densities.json").read_text())


@cache
def formulas() -> dict[str, tree.Fn]:
    """The densities written as formulas, parsed."""
    from ..syntax.parser import parse

    found, faults = parse(Source(FORMULAS, "<densities>"))
    assert not faults, faults
    return {s.name.text: s for s in found.statements if isinstance(s, tree.Fn)}


def energy_of(
    call: tree.Call, whole: Value, domain: Domain | None, context: Context
) -> tuple[Value, int] | None:
    """-log density of each element of an array, and how many last axes one draw takes."""
    values = bind_arguments(call, context)
    if values is None:
        return None
    name = call.function.text
    row = table()[name]
    event = int(row["event"])  # type: ignore[call-overload]
    if domain is not None and not _fits(name, bool(row["discrete"]), domain, call, context):
        return None
    if event == 0 and name in formulas() and set(values) <= _names(name):
        return _written_out(name, whole, values, call, context)
    if event > len(whole.axes):
        return context.error(
            "E403",
            call.span,
            f"one draw of `{name}` is an array, and this has no dimension for it",
            f"needs {event} dimension{'s' * (event > 1)}",
        )
    return _opaque(name, whole, values, event, call, context)


def _names(name: str) -> set[str]:
    return {p.text for p in formulas()[name].parameters[1:]}


def _written_out(
    name: str, whole: Value, values: dict[str, Value], call: tree.Call, context: Context
) -> tuple[Value, int] | None:
    fn = formulas()[name]
    filled = {"x": whole}
    for parameter in fn.parameters[1:]:
        default = tree.Number(_DEFAULTS[name].get(parameter.text, "0"), call.span)
        filled[parameter.text] = values.get(parameter.text) or _number(default, context)
    names = list(filled)
    joined = aligned(list(filled.values()), call.span, call.function.span, context)
    if joined is None:
        return None
    axes, scalars = joined
    outer = context.arguments, context.indices
    context.arguments, context.indices = dict(zip(names, scalars, strict=True)), {}
    result = context.elaborate(fn.body, context)
    context.arguments, context.indices = outer
    if result is None:
        return None
    return Value(axes, relocate(result.body, call.span), call.span), 0


def relocate(term: Term, span: Span) -> Term:
    """The term with nodes from the densities' own text placed at the call."""
    moved = rebuild(term, lambda child: relocate(child, span))
    return replace(moved, span=span) if moved.span.source.name == "<densities>" else moved


def _number(number: tree.Number, context: Context) -> Value:
    value = context.elaborate(number, context)
    assert value is not None
    return value


def _opaque(
    name: str,
    whole: Value,
    values: dict[str, Value],
    event: int,
    call: tree.Call,
    context: Context,
) -> tuple[Value, int] | None:
    batch = whole.axes[: len(whole.axes) - event]
    own = whole.axes[len(whole.axes) - event :]
    arguments = []
    for label, value in values.items():
        lead = [axis_name(axis) for axis in value.axes[: len(batch)]]
        shared = bool(batch) and lead == [axis_name(axis) for axis in batch]
        if event == 0 or shared:
            head = Value(value.axes[: len(batch)], value.body, value.span)
            joined = aligned(
                [Value(batch, whole.body, whole.span), head], call.span, value.span, context
            )
            if joined is None:
                return None
            body = joined[1][1].body
            arguments.append((label, Array(value.axes[len(batch) :], body, value.span)))
        else:
            arguments.append((label, Array(value.axes, value.body, value.span)))
    density = LogDensity(name, Array(own, whole.body, whole.span), tuple(arguments), call.span)
    return Value(batch, Apply("negate", (density,), call.span), call.span), event


def _fits(name: str, discrete: bool, domain: Domain, call: tree.Call, context: Context) -> bool:
    if discrete == domain.discrete and domain.kind is not Kind.SPIN:
        return True
    kind = "whole numbers" if discrete else "real numbers"
    context.error(
        "E403",
        call.span,
        f"`{name}` is a density over {kind}, and this variable is `{domain.kind}`",
        f"a density over {kind}",
    )
    return False


def bind_arguments(call: tree.Call, context: Context) -> dict[str, Value] | None:
    """The arguments of a distribution by name. Reports unknown distributions and arguments."""
    name = call.function.text
    row = table().get(name)
    if row is None:
        near = nearest(name, list(table()))
        return context.error(
            "E201",
            call.function.span,
            f"there is no distribution `{name}`",
            f"did you mean `{near}`?" if near else "unknown distribution",
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    names: Sequence[str] = row["arguments"]  # type: ignore[assignment]
    optional: Sequence[str] = row["optional"]  # type: ignore[assignment]
    found: dict[str, Value] = {}
    for k, argument in enumerate(call.arguments):
        if isinstance(argument, tree.Keyword):
            label, expression = argument.name.text, argument.value
        else:
            label, expression = (names[k] if k < len(names) else "", argument)
        if label not in names or label in found or isinstance(expression, tree.Within | tree.List):
            return context.error(
                "E303",
                argument.span,
                f"`{name}` takes {', '.join(names)}",
                "not one of these" if label not in found else "given twice",
            )
        value = context.elaborate(expression, context)
        if value is None:
            return None
        found[label] = value
    missing = [label for label in names if label not in found and label not in optional]
    if missing or (not found and len(optional) == len(names) and name in ("bernoulli", "binomial")):
        return context.error(
            "E303", call.span, f"`{name}` needs `{(missing or names)[0]}`", "missing here"
        )
    return found


def draw_of(call: tree.Call, context: Context) -> Draw | None:
    """A distribution of numbers with arguments that are known once sizes are (`init normal(0, 1/n)`)."""
    values = bind_arguments(call, context)
    if values is None:
        return None
    for value in values.values():
        if not value.scalar or not _only_sizes(value.body):
            return context.error(
                "E402",
                value.span,
                f"`{value.span.text}` is not a number known before fitting",
                "numbers and dimensions only",
            )
    if table()[call.function.text]["event"]:
        return context.error(
            "E403", call.span, "`init` draws one number for each entry", "draws an array"
        )
    arguments = tuple((label, value.body) for label, value in values.items())
    return Draw(call.function.text, arguments, call.span)


def _only_sizes(term: Term) -> bool:
    return all(isinstance(node, Constant | SizeValue | Apply) for node in walk(term))
