"""`let`s and `fn`s before any is read: none may need itself, none may grow beyond all bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..syntax import tree
from ..syntax.builder import DEEPEST, too_deep
from ..syntax.parts import Node, nodes
from ..syntax.source import Span
from .context import Context
from .measures import Measure, measure, measure_function
from .order import circle_text, ordered, steps

Definition = tree.Let | tree.Fn

LARGEST = 50_000
"""Parts of one expression with all definitions put in; each is a step of every pass over it."""

LARGEST_SUM = 1_000_000
"""The same for all expressions of a program together."""


def settle_definitions(context: Context) -> dict[str, Measure]:
    """The measures of the `let`s and `fn`s, each behind those that it uses.

    Those in a circle (E405) or with too many levels or parts (E101) are told and taken out of the
    names, so that no later pass follows them without end.
    """
    names = context.names
    known = {n: d for n, d in names.items() if isinstance(d, Definition)}
    needs = {name: _needs(known[name], known) for name in known}
    order, circles = ordered(needs)
    for circle in circles:
        _tell_circle(circle, known, context)
    lost = {name for circle in circles for name in circle}
    measures: dict[str, Measure] = {}
    for name in order:
        definition = known[name]
        if name in lost or any(other in lost for other in needs[name]):
            lost.add(name)
            continue
        if isinstance(definition, tree.Fn):
            found = measure_function(definition, measures)
        else:
            found = measure(definition.body, measures, frozenset())
        if _too_large(found, f"`{name}`", definition.body, definition.name.span, context):
            lost.add(name)
        else:
            measures[name] = found
    for name in lost:
        del names[name]
    context.failed |= lost
    return measures


def _needs(definition: Definition, known: Mapping[str, Definition]) -> list[str]:
    own = {p.text for p in definition.parameters} if isinstance(definition, tree.Fn) else set()
    found = [_name(node) for node in nodes(definition.body)]
    return [name for name in dict.fromkeys(found) if name in known and name not in own]


def _name(node: Node) -> str:
    match node:
        case tree.Name(text=text):
            return text
        case tree.Call(function=function):
            return function.text
        case _:
            return ""


def _tell_circle(circle: Sequence[str], known: Mapping[str, Definition], context: Context) -> None:
    first = known[circle[0]]
    calls = [isinstance(known[name], tree.Fn) for name in circle]
    what = "functions" if all(calls) else "definitions" if any(calls) else "`let`s"
    says = f"{what} form a circle: {circle_text(circle)}"
    around = [
        (
            known[a].name.span,
            f"`{a}` calls `{b}`" if isinstance(known[a], tree.Fn) else f"needs `{b}`",
        )
        for a, b in steps(circle)
    ]
    if isinstance(known[circle[-1]], tree.Fn):
        call = next(n for n in nodes(known[circle[-1]].body) if _name(n) == circle[0])
        context.error("E405", call.span, says, "called here", marks=around)
        return
    mark = around[0][1] if len(circle) > 1 else "needs itself"
    context.error("E405", first.name.span, says, mark, marks=around[1:])


def _too_large(found: Measure, what: str, body: Node, at: Span, context: Context) -> bool:
    """Whether an expression is more than can be worked with; then that has been said."""
    if found.levels <= DEEPEST and found.size <= LARGEST:
        return False
    alone = measure(body, {}, frozenset())
    if alone.levels > DEEPEST:
        context.findings.keep(too_deep(body.span))
        return True
    levels = found.levels > DEEPEST
    count, most = (found.levels, DEEPEST) if levels else (found.size, LARGEST)
    shown = f"{count}" if count < 10**9 else "over a billion"
    context.error(
        "E101",
        at,
        f"{what} has {shown} {'levels' if levels else 'parts'}, and {most} is the most",
        "with the definitions in it put in",
        notes=["a definition is put in wherever its name stands, with all that it uses"],
        helps=["a long chain of definitions can be one sum over an index"] if levels else [],
    )
    return True


def bounded(
    statements: Sequence[tree.Statement], measures: Mapping[str, Measure], context: Context
) -> tuple[tree.Statement, ...]:
    """The statements without the expressions that are too large to be worked with, which are told."""
    total = 0
    kept: list[tree.Statement] = []
    for statement in statements:
        field, body = _expression(statement, context)
        if body is None or (not measures and body.span.end - body.span.start <= DEEPEST):
            kept.append(statement)
            continue
        found = measure(body, measures, frozenset())
        total += found.size if measures else 0
        if not _too_large(found, "this", body, body.span, context):
            if total <= LARGEST_SUM:
                kept.append(statement)
                continue
            _tell_sum(statement.span, context)
            break
        if field != "body":
            kept.append(replace(statement, **{field: None}))  # type: ignore[arg-type]
    return tuple(kept)


def _tell_sum(span: Span, context: Context) -> None:
    context.error(
        "E101",
        span,
        f"up to here the program has more than {LARGEST_SUM} parts, and that is the most",
        "with all definitions put in",
        notes=["a definition is put in wherever its name stands, with all that it uses"],
    )


def _expression(statement: tree.Statement, context: Context) -> tuple[str, Node | None]:
    """The expression of a statement that defines no name for others, and the field that holds it."""
    match statement:
        case tree.Let(name=name, body=body) if name.text in context.twice:
            return "body", body
        case tree.Energy(body=body) | tree.Quantity(body=body):
            return "body", body
        case tree.Given(default=default):
            return "default", default
        case tree.Variable(density=density):
            return "density", density
        case tree.Param(prior=prior):
            return "prior", prior
        case _:
            return "", None
