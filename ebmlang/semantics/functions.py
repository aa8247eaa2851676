"""The functions and operators of the language: one row each, with the facts the compiler uses.

Tests probe every claim numerically. The arrays' side of each row is in backend/elementwise.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Smoothness(IntEnum):
    """How well behaved a function is in its arguments; a composition is as bad as its worst part."""

    SMOOTH = 0
    KINKED = 1
    JUMPING = 2


@dataclass(frozen=True, slots=True)
class Function:
    """A scalar function. `affine`: first degree in each argument, all others held.

    `integer`: gives an integer if every argument is one. `partial`: not finite everywhere.
    """

    name: str
    arity: int
    affine: bool = False
    smoothness: Smoothness = Smoothness.SMOOTH
    integer: bool = False
    operator: bool = False
    partial: bool = False


S, K, J = Smoothness.SMOOTH, Smoothness.KINKED, Smoothness.JUMPING

OPERATORS = (
    Function("+", 2, affine=True, integer=True, operator=True),
    Function("-", 2, affine=True, integer=True, operator=True),
    Function("negate", 1, affine=True, integer=True, operator=True),
    Function("*", 2, affine=True, integer=True, operator=True),
    Function("/", 2, operator=True, partial=True),
    Function("^", 2, integer=True, operator=True, partial=True),
    Function("mod", 2, smoothness=J, integer=True, operator=True),
    *(
        Function(sign, 2, smoothness=J, integer=True, operator=True)
        for sign in ("==", "!=", "<", "<=", ">", ">=")
    ),
    Function("and", 2, smoothness=J, integer=True, operator=True),
    Function("or", 2, smoothness=J, integer=True, operator=True),
    Function("not", 1, smoothness=J, integer=True, operator=True),
    Function("if", 3, smoothness=J, integer=True, operator=True),
)

NAMED = (
    Function("exp", 1),
    Function("log", 1, partial=True),
    Function("log1p", 1, partial=True),
    Function("expm1", 1),
    Function("sqrt", 1, partial=True),
    Function("square", 1, integer=True),
    Function("abs", 1, smoothness=K, integer=True),
    Function("sign", 1, smoothness=J, integer=True),
    Function("sin", 1),
    Function("cos", 1),
    Function("tan", 1, partial=True),
    Function("tanh", 1),
    Function("sigmoid", 1),
    Function("softplus", 1),
    Function("relu", 1, smoothness=K, integer=True),
    Function("silu", 1),
    Function("gelu", 1),
    Function("max", 2, smoothness=K, integer=True),
    Function("min", 2, smoothness=K, integer=True),
    Function("floor", 1, smoothness=J, integer=True),
    Function("lgamma", 1, partial=True),
)

FUNCTIONS: dict[str, Function] = {row.name: row for row in (*OPERATORS, *NAMED)}
CALLABLE: dict[str, Function] = {row.name: row for row in NAMED}

# Functions of whole arrays; the checker writes them out through sums.
ARRAY_FUNCTIONS = ("onehot", "dot", "norm")

CONSTANTS: dict[str, float] = {"pi": 3.141592653589793, "inf": float("inf")}
REDUCERS = ("sum", "prod", "max", "min", "mean", "logsumexp")
