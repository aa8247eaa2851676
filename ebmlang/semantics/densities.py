"""Densities after `~`: NumPyro's, and a few written out as formulas so that structure is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..syntax import tree
from ..syntax.source import Source, Span
from .arrays import aligned
from .context import Context, Value, axis_name, declared_at, nearest, shape_text, type_text
from .foreign import ARGUMENT_WORDS
from .meant import asked, unknown_distribution
from .supports import lies_within, support_of
from .terms import (
    Apply,
    Array,
    Constant,
    Domain,
    Draw,
    Index,
    Kind,
    LogDensity,
    Position,
    Read,
    SizeValue,
    Term,
)
from .traverse import rebuild, substitute, walk

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
def _tables() -> dict[str, dict[str, Any]]:
    return json.loads((Path(__file__).parent / "densities.json").read_text())


def table() -> dict[str, dict[str, Any]]:
    """The densities by name, as backend/densities.py found them."""
    return _tables()["densities"]


def left_out() -> dict[str, str]:
    """NumPyro's other distributions by name, and why they are no densities of the language."""
    return _tables()["out"]


def canonical(name: str) -> str:
    """A name as the table has it: `negative_binomial_2` is `negative_binomial2`."""
    return name if name in table() else re.sub(r"_(?=\d)", "", name)


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
    name = canonical(call.function.text)
    row = table()[name]
    event = row["event"]
    if domain is not None and not _fits(row, whole, domain, values, call, context):
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
        tied = table()[name]["axes"][label]
        if not tied and event == 0:
            body = _elementwise(
                name, Value(batch, whole.body, _declared(whole)), value, values, context
            )
            placed = None if body is None else Array((), body, value.span)
        else:
            placed = _placed(name, label, value, batch, own, context)
        if placed is None:
            return None
        arguments.append((label, placed))
    density = LogDensity(name, Array(own, whole.body, whole.span), tuple(arguments), call.span)
    return Value(batch, Apply("negate", (density,), call.span), call.span), event


def _elementwise(
    name: str, whole: Value, value: Value, values: dict[str, Value], context: Context
) -> Term | None:
    """An argument that is one number for each number of the variable, or one for all."""
    joined = aligned([whole, value], name, context)
    if joined is None:
        return None
    if whole.scalar and joined[0]:
        return _spread(name, values, context)
    return joined[1][1].body


def _placed(
    name: str,
    label: str,
    value: Value,
    batch: tuple[Index, ...],
    own: tuple[Index, ...],
    context: Context,
) -> Array | None:
    """An argument with its own last axes, shared by all draws or one for each.

    One number stands for all of an array that has just the axes of a draw.
    """
    tied = table()[name]["axes"][label]
    spreads = tied == [str(k) for k in range(len(own))]
    names, lead = [axis_name(a) for a in value.axes], [axis_name(a) for a in batch]
    last = [axis_name(own[int(k)]) if k else None for k in tied]
    for before, after in ((lead, last), ([], last), (lead, []), ([], [])):
        if not after and last and not spreads:
            continue
        fits = len(names) == len(before) + len(after) and names[: len(before)] == before
        behind = names[len(before) :]
        if fits and all(w in (None, n) for w, n in zip(after, behind, strict=True)):
            put = zip(value.axes[: len(before)], batch, strict=False)
            body = substitute(value.body, {a: Position(b, value.span) for a, b in put})
            return Array(value.axes[len(before) :], body, value.span)
    wanted = [w or "…" for w in last]
    takes = f"an array over [{', '.join(wanted)}]" if wanted else "one number"
    each = f", or one for each of [{', '.join(lead)}]" if lead else ""
    return context.error(
        "E301",
        value.span,
        f"`{label}` of `{name}` is {takes} here{each}",
        "one number" if value.scalar else f"over {shape_text(value)}",
    )


def _fits(
    row: dict[str, Any],
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
    if row["event"] > len(whole.axes):
        return True
    if row["discrete"] != domain.discrete or domain.kind is Kind.SPIN:
        takes = "whole numbers" if row["discrete"] else "real numbers"
        helps = ["a field does the same, energy = -c * s: a spin has no NumPyro density"]
        context.error(
            "E403",
            call.span,
            f"`{name}` is a density over {takes}, and this variable is `{type_name}`",
            f"a density over {takes}",
            marks=marks,
            helps=helps if domain.kind is Kind.SPIN and row["discrete"] else _instead(domain),
        )
        return False
    support = support_of(row, {label: number_of(v.body) for label, v in values.items()})
    if lies_within(domain, support):
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


def number_of(term: Term) -> float | None:
    """The number that a term is as written, None for others."""
    match term:
        case Constant(value=value):
            return value
        case Apply(function="negate", arguments=(Constant(value=value),)):
            return -value
        case _:
            return None


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
    name = canonical(call.function.text)
    row = table().get(name)
    if row is None:
        return _refused(call, context)
    names, optional, one_of = row["arguments"], row["optional"], row["one_of"]
    found: dict[str, Value] = {}
    for k, argument in enumerate(call.arguments):
        if isinstance(argument, tree.Keyword):
            label, expression = argument.name.text, argument.value
        else:
            label, expression = (names[k] if k < len(names) else "", argument)
        if label not in names or label in found or isinstance(expression, tree.Within | tree.List):
            return _no_such_argument(call, argument, label, names, found, context)
        value = context.elaborate(expression, context)
        if value is None:
            return None
        found[label] = value
    missing = [label for label in names if label not in found and label not in optional]
    given = [label for label in one_of if label in found]
    if missing or (one_of and not given):
        first = (missing or one_of)[0]
        return context.error(
            "E303",
            call.span,
            f"`{name}` needs `{first}`",
            "missing here",
            notes=[f"it takes {', '.join(names)}"],
        )
    if len(given) > 1:
        says = f"`{name}` takes one of {', '.join(one_of)}"
        return context.error("E303", found[given[1]].span, says, "one is enough")
    return found


def _no_such_argument(
    call: tree.Call,
    argument: tree.Argument,
    label: str,
    names: Sequence[str],
    found: dict[str, Value],
    context: Context,
) -> None:
    """E303 for an argument too many, given twice, or of a name that the distribution has not."""
    known = (word for word in ARGUMENT_WORDS.get(label, ()) if word in names)
    near = next(known, None) or (nearest(label, tuple(names)) if label else None)
    name, takes = canonical(call.function.text), ", ".join(names) or "no arguments"
    mark = "given twice" if label in found else "none of these" if label else "one too many"
    says = f"`{name}` takes {takes}, and here are {len(call.arguments)} values"
    if label:
        has = "stands twice in" if label in found else "is no argument of"
        says = f"`{label}` {has} `{name}`, which takes {takes}"
    meant = near if isinstance(argument, tree.Keyword) and label not in names else None
    return context.error("E303", argument.span, asked(says, meant), mark)


def _refused(call: tree.Call, context: Context) -> None:
    """E403 for a distribution of NumPyro that is no density here, E201 for an unknown one."""
    name = call.function.text
    reason = left_out().get(name)
    if reason is None:
        return unknown_distribution(call.function, table(), context)
    return context.error(
        "E403", call.function.span, f"`{name}` {_joined(reason)}", "no density of the language"
    )


def _joined(reason: str) -> str:
    """A reason as it follows the name of a distribution."""
    return f"cannot be used: {reason}" if reason.startswith("one draw") else reason


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
    name = canonical(call.function.text)
    if table()[name]["event"]:
        return context.error(
            "E403", call.span, "`init` draws one number for each entry", "draws an array"
        )
    arguments = tuple((label, value.body) for label, value in values.items())
    return Draw(name, arguments, call.span)


def _only_sizes(term: Term) -> bool:
    return all(isinstance(node, Constant | SizeValue | Apply) for node in walk(term))
