"""Expressions to terms: names, operators, functions. Reductions and subscripts have files of their own."""

from __future__ import annotations

from typing import assert_never

from ..syntax import tree
from ..syntax.source import Span
from .arrays import aligned, array_call, contract, counted, elementwise, network_value
from .comparisons import compare_two
from .context import CALLABLES, Context, Value, declared_at, kind_of
from .functions import CALLABLE, CONSTANTS, REDUCERS
from .lookups import read_whole
from .meant import as_value, not_called, unknown_function, unknown_name
from .reductions import elaborate_reduction, has_new_index, total
from .sizes import Size
from .subscripts import elaborate_subscripted
from .terms import (
    Constant,
    Dimension,
    GraphDeclaration,
    Network,
    Position,
    SizeValue,
    Symbol,
)


def elaborate(expression: tree.Expression, context: Context) -> Value | None:
    """The value of an expression, or None where a fault has been reported."""
    match expression:
        case tree.Number(value=value, is_integer=integer, span=span):
            return Value((), Constant(value, span), span, integer=integer)
        case tree.String():
            return _lone_label(expression, context)
        case tree.Name():
            return _name(expression, context)
        case tree.Paren(inner=inner):
            return elaborate(inner, context)
        case tree.Negate(operand=operand, span=span):
            return _apply("negate", (operand,), span, context)
        case tree.Binary():
            return _binary(expression, context)
        case tree.Compare():
            return _compare(expression, context)
        case tree.Logic():
            return _logic(expression, context)
        case tree.Not(operand=operand, span=span):
            return _apply("not", (operand,), span, context)
        case tree.If(condition=condition, then=then, otherwise=otherwise, span=span):
            return _choice((condition, then, otherwise), span, context)
        case tree.Subscripted():
            return elaborate_subscripted(expression, context)
        case tree.Call():
            return _call(expression, context)
        case tree.Reduction():
            return elaborate_reduction(expression, context)
        case tree.Tuple():
            return _lone_pair(expression, context)
        case _:
            assert_never(expression)


def _lone_label(expression: tree.String, context: Context) -> None:
    return context.error(
        "E205",
        expression.span,
        f"the label {expression.span.text} stands alone",
        "not a number",
        helps=['a label is a subscript, h[i, "A"], or is compared, x[i] == "A"'],
    )


def _lone_pair(expression: tree.Tuple, context: Context) -> None:
    return context.error(
        "E101",
        expression.span,
        "a pair stands where a number is expected",
        "two values",
        helps=["pairs belong in the brackets of a reduction: sum((i, j) in bonds)"],
    )


def _binary(expression: tree.Binary, context: Context) -> Value | None:
    operator, left, right = expression.operator, expression.left, expression.right
    at, span = expression.operator_span, expression.span
    if operator == "@":
        return contract(elaborate(left, context), elaborate(right, context), at, span, context)
    bare = _last_call(left)
    if operator in ("-", "+") and bare and has_new_index(bare, context):
        return _sign_for_body(bare, operator, right, context)
    return _apply(operator, (left, right), span, context, at)


def _logic(expression: tree.Logic, context: Context) -> Value | None:
    values = [elaborate(operand, context) for operand in expression.operands]
    result = values[0]
    for value in values[1:]:
        result = elementwise(expression.operator, (result, value), expression.span, None, context)
    return result


def _choice(
    parts: tuple[tree.Expression, tree.Expression, tree.Expression], span: Span, context: Context
) -> Value | None:
    """`if c then a else b`: what c says of indices holds for the subscripts of a, and fails for b's."""
    condition = elaborate(parts[0], context)
    values = [condition]
    for part, holds in ((parts[1], True), (parts[2], False)):
        owed = len(context.obligations)
        values.append(elaborate(part, context))
        if condition is not None and condition.scalar:
            context.owe_under(owed, (condition.body, holds))
    return elementwise("if", tuple(values), span, None, context)


def _apply(
    function: str,
    operands: tuple[tree.Expression, ...],
    span: Span,
    context: Context,
    at: Span | None = None,
) -> Value | None:
    values = tuple(elaborate(operand, context) for operand in operands)
    return elementwise(function, values, span, at, context)


def _last_call(expression: tree.Expression) -> tree.Call | None:
    """The call at the right end of an expression, which is what a sign after it belongs to."""
    match expression:
        case tree.Call():
            return expression
        case tree.Negate(operand=inner) | tree.Binary(right=inner):
            return _last_call(inner)
        case _:
            return None


def _sign_for_body(
    call: tree.Call, operator: str, right: tree.Expression, context: Context
) -> None:
    head, body = call.span.text, right.span.text
    sign = {"-": "a minus, which reads as a subtraction", "+": "a plus, which reads as a sum"}
    return context.error(
        "E101",
        call.span,
        f"the body of `{head}` begins with {sign[operator]}",
        "has no body",
        helps=[f"put the body in parentheses: {head} ({operator}{body})"],
    )


# ------------------------------------------------------------------------ names


def _name(expression: tree.Name, context: Context) -> Value | None:
    name, span = expression.text, expression.span
    if name in context.indices:
        index = context.indices[name]
        return Value((), Position(index, span), span, integer=True)
    if name in context.arguments:
        return context.arguments[name]
    declared = context.names.get(name)
    if declared is None:
        return _constant_or_unknown(expression, context)
    context.used.add(name)
    match declared:
        case Dimension():
            return Value((), SizeValue(Size.dimension(name), span), span, integer=True)
        case tree.Let():
            symbol = context.define(declared)
            return read_whole(symbol, span) if symbol else None
        case Symbol():
            return read_whole(declared, span)
        case GraphDeclaration() | Network() | tree.Fn():
            return context.error(
                "E201",
                span,
                f"`{name}` is {kind_of(declared)}, not a value",
                "a value is expected here",
                marks=[(declared_at(declared), "declared here")],
                helps=[as_value(declared)],
            )
        case _:
            assert_never(declared)


def _constant_or_unknown(expression: tree.Name, context: Context) -> Value | None:
    name, span = expression.text, expression.span
    if name in CONSTANTS:
        return Value((), Constant(CONSTANTS[name], span), span)
    return unknown_name(expression, context)


# ------------------------------------------------------------------ comparisons


def _compare(expression: tree.Compare, context: Context) -> Value | None:
    left = expression.left
    result: Value | None = None
    for step in expression.steps:
        span = left.span.to(step.right.span)
        value = compare_two(left, step, span, context)
        if value is None:
            return None
        result = (
            value
            if result is None
            else elementwise("and", (result, value), expression.span, None, context)
        )
        left = step.right
    return result


# ------------------------------------------------------------------------ calls


def _call(expression: tree.Call, context: Context) -> Value | None:
    name, span = expression.function.text, expression.span
    if name in REDUCERS and not (name in ("max", "min") and len(expression.arguments) == 2):
        return total(expression, context)
    plain = [a for a in expression.arguments if not isinstance(a, tree.Within | tree.Keyword)]
    if len(plain) != len(expression.arguments):
        return context.error(
            "E101", span, f"`{name}` takes plain values, without `in` or `=`", "here"
        )
    declared = context.names.get(name)
    if declared is not None:
        context.used.add(name)
    match declared:
        case tree.Fn():
            return _inline(declared, plain, span, context)
        case Network():
            values = tuple(elaborate(a, context) for a in plain)
            return network_value(declared, values, span, context)
        case None:
            return _built_in(expression, plain, context)
        case _:
            return context.error(
                "E201",
                expression.function.span,
                f"`{name}` is {kind_of(declared)} and cannot be called",
                "called here",
                marks=[(declared_at(declared), "declared here")],
                helps=[not_called(expression, declared)],
            )


def _built_in(
    expression: tree.Call, arguments: list[tree.Expression], context: Context
) -> Value | None:
    name, span = expression.function.text, expression.span
    if name not in CALLABLES:
        unknown_function(expression, context)
    values = tuple(elaborate(a, context) for a in arguments)
    if name not in CALLABLES:
        return None
    if name not in CALLABLE:
        return array_call(name, values, span, context)
    if len(values) != CALLABLE[name].arity:
        wanted = CALLABLE[name].arity
        return context.error(
            "E303",
            span,
            counted(name, wanted, len(values)),
            helps=[f"{name}({expression.arguments[0].span.text})"]
            if wanted == 1 and values
            else [],
        )
    return elementwise(name, values, span, expression.function.span, context)


def _inline(
    fn: tree.Fn, arguments: list[tree.Expression], span: Span, context: Context
) -> Value | None:
    """A call of a `fn`: its body with scalar arguments, over the axes the arguments share."""
    name = fn.name.text
    if len(arguments) != len(fn.parameters):
        return context.error(
            "E303",
            span,
            counted(name, len(fn.parameters), len(arguments)),
            marks=[(fn.name.span, f"takes {', '.join(p.text for p in fn.parameters)}")],
        )
    values = [elaborate(a, context) for a in arguments]
    if any(value is None for value in values):
        return None
    joined = aligned([v for v in values if v], name, context)
    if joined is None:
        return None
    axes, scalars = joined
    outer = context.arguments, context.indices, context.calls, context.caller
    bound = zip(fn.parameters, scalars, strict=True)
    context.arguments = {parameter.text: value for parameter, value in bound}
    context.caller = context.caller | context.indices
    context.indices, context.calls = {}, (*context.calls, name)
    result = elaborate(fn.body, context)
    context.arguments, context.indices, context.calls, context.caller = outer
    if result is None:
        return None
    return Value((*axes, *result.axes), result.body, span, result.integer, result.category)
