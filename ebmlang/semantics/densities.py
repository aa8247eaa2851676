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
from .context import Context, Value, axis_name, declared_at, shape_text, type_text
from .meant import unknown_distribution
from .supports import SUPPORTS, Support, lies_within
from .terms import (
    Apply,
    Array,
    Constant,
    Domain,
    Draw,
    Kind,
    LogDensity,
    Read,
    SizeValue,
    Term,
)
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
    if domain is not None and not _fits(
        bool(row["discrete"]), whole, domain, values, call, context
    ):
        return None
    if event == 0 and name in formulas() and set(values) <= _names(name):
        return _written_out(name, whole, values, call, context)
    if event > len(whole.axes):
        return context.error(
            "E403",
            call.span,
            f"one draw of `{name}` is an array, and this variable has no dimension for it",
            f"a draw has {event} dimension{'s' * (event > 1)}",
        )
    return _opaque(name, whole, values, event, call, context)


def _declared(whole: Value) -> Span:
    """Where the variable that is given a density is declared."""
    return declared_at(whole.body.symbol) if isinstance(whole.body, Read) else whole.span


def _names(name: str) -> set[str]:
    return {p.text for p in formulas()[name].parameters[1:]}


def _written_out(
    name: str, whole: Value, values: dict[str, Value], call: tree.Call, context: Context
) -> tuple[Value, int] | None:
    fn = formulas()[name]
    filled = {"x": replace(whole, span=_declared(whole))}
    for parameter in fn.parameters[1:]:
        default = tree.Number(_DEFAULTS[name].get(parameter.text, "0"), call.span)
        filled[parameter.text] = values.get(parameter.text) or _number(default, context)
    names = list(filled)
    joined = aligned(list(filled.values()), name, context)
    if joined is None:
        return None
    axes, scalars = joined
    if whole.scalar and axes:
        return _spread(name, filled, context)
    outer = context.arguments, context.indices
    context.arguments, context.indices = dict(zip(names, scalars, strict=True)), {}
    result = context.elaborate(fn.body, context)
    context.arguments, context.indices = outer
    if result is None:
        return None
    return Value(axes, relocate(result.body, call.span), call.span), 0


def _spread(name: str, filled: dict[str, Value], context: Context) -> None:
    """E301: one number is given a density for each entry of an array."""
    label, value = next((k, v) for k, v in filled.items() if not v.scalar)
    return context.error(
        "E301",
        value.span,
        f"`{name}` of one number takes one number, and `{value.span.text}` is an array",
        f"over {shape_text(value)}",
        notes=[f"`{label}` is the same number for the whole variable"],
    )


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
            joined = aligned([Value(batch, whole.body, _declared(whole)), head], name, context)
            if joined is None:
                return None
            if not batch and joined[0]:
                return _spread(name, values, context)
            body = joined[1][1].body
            arguments.append((label, Array(value.axes[len(batch) :], body, value.span)))
        else:
            arguments.append((label, Array(value.axes, value.body, value.span)))
    density = LogDensity(name, Array(own, whole.body, whole.span), tuple(arguments), call.span)
    return Value(batch, Apply("negate", (density,), call.span), call.span), event


def _fits(
    discrete: bool,
    whole: Value,
    domain: Domain,
    values: dict[str, Value],
    call: tree.Call,
    context: Context,
) -> bool:
    """E403 where a density and a variable do not take the same kind of values."""
    name, marks, type_name = call.function.text, [], str(domain.kind)
    if isinstance(whole.body, Read):
        symbol = whole.body.symbol
        declared = type_text(symbol).partition(" : ")[2]
        marks = [(declared_at(symbol), f"declared as {declared}")]
    if discrete != domain.discrete or domain.kind is Kind.SPIN:
        takes = "whole numbers" if discrete else "real numbers"
        helps = ["a field does the same, energy = -c * s: a spin has no NumPyro density"]
        context.error(
            "E403",
            call.span,
            f"`{name}` is a density over {takes}, and this variable is `{type_name}`",
            f"a density over {takes}",
            marks=marks,
            helps=helps if domain.kind is Kind.SPIN and discrete else _instead(domain),
        )
        return False
    support = _between(values) if name == "uniform" else SUPPORTS.get(name)
    if support is None or lies_within(domain, support):
        return True
    context.error(
        "E403",
        call.span,
        f"`{name}` is a density over {support.says}, and this variable can lie outside",
        f"nothing outside {support.says}",
        marks=marks,
        helps=[f"declare it: {_with_kind(whole, support.type_text)}"],
    )
    return False


def _between(values: dict[str, Value]) -> Support | None:
    """The support of `uniform(low, high)` with numbers for both."""
    ends = [
        values[label].body if label in values else otherwise
        for label, otherwise in (("low", 0.0), ("high", 1.0))
    ]
    low, high = (end.value if isinstance(end, Constant) else end for end in ends)
    if not isinstance(low, float) or not isinstance(high, float):
        return None
    return Support(low, high, f"numbers between {low:g} and {high:g}", f"real<{low:g}, {high:g}>")


def _instead(domain: Domain) -> list[str]:
    if domain.kind is Kind.BINARY:
        return ["a density over 0 and 1: bernoulli(0.5)"]
    if domain.discrete:
        return []
    return ["a density over real numbers: normal(0, 1)"] if domain.whole_line else []


def _with_kind(whole: Value, kind: str) -> str:
    """The type of a variable with other values: its dimensions stay."""
    if not isinstance(whole.body, Read) or not whole.body.symbol.dims:
        return kind
    return f"{kind}[{', '.join(dim.name for dim in whole.body.symbol.dims)}]"


def bind_arguments(call: tree.Call, context: Context) -> dict[str, Value] | None:
    """The arguments of a distribution by name. Reports unknown distributions and arguments."""
    name = call.function.text
    row = table().get(name)
    if row is None:
        return unknown_distribution(call.function, table(), context)
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
                "given twice"
                if label in found
                else "one too many"
                if not label
                else "none of these",
            )
        value = context.elaborate(expression, context)
        if value is None:
            return None
        found[label] = value
    missing = [label for label in names if label not in found and label not in optional]
    if missing or (not found and len(optional) == len(names) and name in ("bernoulli", "binomial")):
        first = (missing or names)[0]
        return context.error(
            "E303",
            call.span,
            f"`{name}` needs `{first}`",
            "missing here",
            notes=[f"it takes {', '.join(names)}"],
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
                f"a start is known before fitting, and `{value.span.text}` is not",
                "numbers and sizes only",
            )
    if table()[call.function.text]["event"]:
        return context.error(
            "E403", call.span, "`init` draws one number for each entry", "draws an array"
        )
    arguments = tuple((label, value.body) for label, value in values.items())
    return Draw(call.function.text, arguments, call.span)


def _only_sizes(term: Term) -> bool:
    return all(isinstance(node, Constant | SizeValue | Apply) for node in walk(term))
