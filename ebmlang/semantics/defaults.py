"""Defaults of given data: made of what is known before any configuration is, and of the right shape."""

from __future__ import annotations

from collections.abc import Mapping

from ..syntax import tree
from .context import Context, Value, axis_name, kind_of, shape_text, type_text
from .order import circle_text, ordered, steps
from .terms import Array, Role, Symbol
from .traverse import symbols


def default_of(statement: tree.Given, value: Value, context: Context) -> bool:
    """Whether a default may stand: E301 for another shape, E402 for an unknown, E405 for a circle."""
    symbol = context.names.get(statement.name.text)
    default = statement.default
    if not isinstance(symbol, Symbol) or default is None:
        return False
    read = symbols(value.body)
    late = next((s for s in read if s.role not in (Role.GIVEN, Role.LET)), None)
    if late is not None:
        context.error(
            "E402",
            default.span,
            f"a default is known before sampling and fitting, and `{late.name}` is {kind_of(late)}",
            "numbers, sizes and other givens only",
            marks=[(late.span, "declared here")],
            helps=[f"if it follows from `{late.name}`: let {symbol.name} = {default.span.text}"],
        )
        return False
    has, wanted = [axis_name(a) for a in value.axes], [d.name for d in symbol.dims]
    if has and has != wanted:
        context.error(
            "E301",
            default.span,
            f"the default of `{symbol.name}` has other dimensions than `{symbol.name}`",
            f"over {shape_text(value)}",
            marks=[(symbol.span, f"declared as {type_text(symbol).partition(' : ')[2]}")],
        )
        return False
    return True


def in_order(defaults: Mapping[str, Array], context: Context) -> bool:
    """Whether each default needs only others that can be had before it; E405 for a circle."""
    needs = {
        name: sorted(s.name for s in symbols(array.body) if s.name in defaults)
        for name, array in defaults.items()
    }
    _, circles = ordered(needs)
    for circle in circles:
        (_, second), *around = steps(circle)
        context.error(
            "E405",
            defaults[circle[0]].span,
            f"defaults of given data form a circle: {circle_text(circle)}",
            f"needs `{second}`",
            marks=[(defaults[name].span, f"needs `{other}`") for name, other in around],
        )
    return not circles
