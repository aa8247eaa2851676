"""Defaults of given data: made of what is known before any configuration is, and of the right shape."""

from __future__ import annotations

from ..syntax import tree
from .context import Context, Value, axis_name, kind_of, shape_text, type_text
from .terms import Role, Symbol
from .traverse import symbols


def default_of(statement: tree.Given, value: Value, context: Context) -> bool:
    """Whether a default may stand: E301 for another shape, E402 for an unknown, E405 for a circle."""
    symbol = context.names.get(statement.name.text)
    default = statement.default
    if not isinstance(symbol, Symbol) or default is None:
        return False
    read = symbols(value.body)
    if symbol in read:
        context.error(
            "E405", default.span, f"the default of `{symbol.name}` needs `{symbol.name}` itself",
            "needs itself",
        )  # fmt: skip
        return False
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
