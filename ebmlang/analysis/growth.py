"""How fast a term can grow and whether it is finite, for every value of its variables' types.

All claims are for fixed parameters and given data of any value that their types allow; what is not
known counts as the worst.
"""

from __future__ import annotations

from ..semantics.functions import FUNCTIONS
from ..semantics.lints_slopes import sign
from ..semantics.supports import ends_of
from ..semantics.terms import (
    Apply,
    Constant,
    EdgeNumber,
    Kind,
    NetworkRead,
    Position,
    Read,
    Reduce,
    SizeValue,
    Symbol,
    Term,
    Whole,
)
from ..semantics.traverse import unknowns

INF = float("inf")
BOUNDED = ("sin", "cos", "tanh", "sigmoid", "sign", "==", "!=", "<", "<=", ">", ">=", "and", "or",
           "not")  # fmt: skip
LIPSCHITZ = ("abs", "relu", "softplus", "silu", "gelu", "floor", "max", "min")


def compact(symbol: Symbol) -> bool:
    """Whether the values of a variable lie between two numbers."""
    domain = symbol.domain
    if domain.discrete or domain.kind in (Kind.ANGLE, Kind.SIMPLEX):
        return True
    return domain.kind is Kind.REAL and all(
        bound is not None and bound not in (INF, -INF) for bound in (domain.lower, domain.upper)
    )


def growth(term: Term) -> set[Symbol] | None:
    """The unbounded variables in which a term grows at most in proportion; None if not known.

    Empty: the term is finite and bounded.
    """
    match term:
        case Constant(value=value):
            return None if abs(value) == INF else set()
        case SizeValue() | Position() | EdgeNumber():
            return set()
        case Read(symbol=symbol, subscripts=subscripts):
            inner = [growth(s) for s in subscripts]
            own = {symbol} if symbol.unknown and not compact(symbol) else set()
            return own if all(i is not None for i in inner) else None
        case Reduce(reducer=reducer, conditions=conditions, body=body):
            inner = growth(body)
            if reducer == "prod" and inner:
                return None
            steady = all(not unknowns(c) for c in conditions) or not inner
            return inner if steady and _never_empty(term) else None
        case NetworkRead(network=network, inputs=inputs, subscripts=subscripts):
            if network.architecture.startswith("external"):
                return None
            return _joined([growth(a.body) for a in inputs] + [growth(s) for s in subscripts])
        case Apply(arguments=arguments):
            return _applied(term, [growth(a) for a in arguments])
        case _:
            return None


def _joined(parts: list[set[Symbol] | None]) -> set[Symbol] | None:
    total: set[Symbol] = set()
    for part in parts:
        if part is None:
            return None
        total |= part
    return total


def _applied(term: Apply, inner: list[set[Symbol] | None]) -> set[Symbol] | None:
    function, arguments = term.function, term.arguments
    joined = _joined(inner)
    if function in BOUNDED:
        return set() if all(finite(a) for a in arguments) else None
    if joined is None:
        return None
    match function:
        case "+" | "-" | "negate":
            return joined
        case "if":
            return joined
        case "*":
            return joined if not inner[0] or not inner[1] else None
        case "/":
            below = arguments[1]
            apart = sign(below) != 0 if not unknowns(below) else above(below)
            return joined if apart and (not inner[1] or not inner[0]) else None
        case "log" | "lgamma":
            return joined if above(arguments[0]) and (function == "log" or not joined) else None
        case "log1p" | "sqrt":
            return joined if nonnegative(arguments[0]) else None
        case "^" if isinstance(arguments[1], Constant) and _whole(arguments[1].value):
            return joined if not joined or arguments[1].value <= 1 else None
        case "^":
            return joined if not joined and above(arguments[0]) else None
        case "exp" | "expm1" | "square" | "mod":
            return joined if not joined else None
        case name if name in LIPSCHITZ:
            return joined
        case _:
            return None


def finite(term: Term) -> bool:
    """Whether a term is a number for all values of its variables, however large."""
    match term:
        case Apply(
            function="*" | "^" | "square" | "exp" | "expm1" as function, arguments=arguments
        ):
            whole = function != "^" or (
                isinstance(arguments[1], Constant) and _whole(arguments[1].value)
            )
            return whole and all(finite(a) for a in arguments)
        case Apply(function="+" | "-" | "negate", arguments=arguments):
            return all(finite(a) for a in arguments)
        case Apply(function="log" | "sqrt" | "log1p" as function, arguments=(inner,)):
            holds = above(inner) if function == "log" else nonnegative(inner)
            return holds and finite(inner)
        case Apply(function="/", arguments=(a, b)):
            apart = sign(b) != 0 if not unknowns(b) else above(b)
            return apart and finite(a) and finite(b)
        case Reduce(body=body):
            return finite(body) and _never_empty(term)
        case _:
            return growth(term) is not None


def bounded_below(term: Term) -> bool:
    """Whether a term is a number and never less than some number."""
    return nonnegative(term) and finite(term)


def above(term: Term) -> bool:
    """Whether a term stays above some number that is greater than 0."""
    match term:
        case _ if not unknowns(term):
            return sign(term) == 1
        case Read(symbol=symbol):
            low, _ = ends_of(symbol.domain)
            return low is not None and low > 0
        case Apply(function="+", arguments=(a, b)):
            return (above(a) and nonnegative(b)) or (nonnegative(a) and above(b))
        case Apply(function="*", arguments=(a, b)):
            return above(a) and above(b)
        case Apply(function="exp" | "sigmoid" | "softplus", arguments=(a,)):
            return growth(a) == set()
        case Apply(function="sqrt" | "log1p" | "square" | "abs", arguments=(a,)):
            return above(a)
        case Apply(function="^", arguments=(a, Constant())):
            return above(a) and growth(a) == set()
        case Reduce(reducer="mean" | "max" | "min" | "sum", body=body):
            return above(body) and _takes_all(term)
        case _:
            return False


def nonnegative(term: Term) -> bool:
    """Whether a term is never below 0, wherever it is a number."""
    match term:
        case _ if not unknowns(term) and sign(term) == 1:
            return True
        case Constant(value=value):
            return value >= 0
        case Read(symbol=symbol):
            low, _ = ends_of(symbol.domain)
            return low is not None and low >= 0
        case Apply(function="+" | "*" | "max", arguments=(a, b)):
            return nonnegative(a) and nonnegative(b)
        case Apply(function="/", arguments=(a, b)):
            return nonnegative(a) and (above(b) or (not unknowns(b) and sign(b) == 1))
        case Apply(function="^", arguments=(a, Constant(value=value))):
            return nonnegative(a) or (_whole(value) and value % 2 == 0)
        case Apply(function="abs" | "square" | "exp" | "sigmoid" | "softplus" | "relu" | "sqrt"):
            return True
        case Apply(function="==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "not"):
            return True
        case Apply(function="log1p", arguments=(a,)):
            return nonnegative(a)
        case Apply(function="log", arguments=(Apply(function="+", arguments=(a, b)),)):
            return any(
                isinstance(x, Constant) and x.value >= 1 and nonnegative(y)
                for x, y in ((a, b), (b, a))
            )
        case Apply(function="if", arguments=(_, a, b)):
            return nonnegative(a) and nonnegative(b)
        case Reduce(reducer="sum" | "mean" | "prod" | "max" | "min", body=body):
            return nonnegative(body)
        case _:
            return False


def _never_empty(term: Reduce) -> bool:
    """Whether a reduction has a value: without positions a `max` is -inf and a `mean` no number."""
    return term.reducer in ("sum", "prod") or _takes_all(term)


def _takes_all(term: Reduce) -> bool:
    return not term.conditions and all(isinstance(i.range, Whole) for i in term.indices)


def positive(term: Term) -> bool:
    """Whether a term is above 0 at each value of its variables, wherever it is a number."""
    match term:
        case Apply(function="sqrt", arguments=(a,)):
            return positive(a)
        case Apply(function="*" | "/", arguments=(a, b)):
            return positive(a) and positive(b)
        case Apply(function="+", arguments=(a, b)):
            return any(positive(x) and nonnegative(y) for x, y in ((a, b), (b, a)))
        case _:
            return sign(term) == 1


def defined(term: Term) -> bool:
    """Whether a term is a number at each value of its variables, though perhaps without limit."""
    match term:
        case Apply(function="/", arguments=(a, b)):
            return (positive(b) or sign(b) != 0) and defined(a) and defined(b)
        case Apply(function="log" | "log1p" | "lgamma" | "sqrt" as function, arguments=(a,)):
            holds = positive(a) or (function in ("log1p", "sqrt") and nonnegative(a))
            return holds and defined(a)
        case Apply(function="^", arguments=(a, b)):
            whole = isinstance(b, Constant) and _whole(b.value)
            return (whole or positive(a)) and defined(a) and defined(b)
        case Apply(function=function, arguments=arguments) if not FUNCTIONS[function].partial:
            return all(defined(a) for a in arguments)
        case Reduce(body=body):
            return defined(body) and _never_empty(term)
        case _:
            return growth(term) is not None


def within_unit(term: Term) -> bool:
    """Whether a term provably lies between 0 and 1."""
    match term:
        case Constant(value=value):
            return 0 <= value <= 1
        case Read(symbol=symbol):
            low, high = ends_of(symbol.domain)
            return low is not None and high is not None and low >= 0 and high <= 1
        case Apply(function="sigmoid", arguments=(a,)):
            return finite(a)
        case _:
            return False


def _whole(value: float) -> bool:
    return value >= 0 and value == int(value)
