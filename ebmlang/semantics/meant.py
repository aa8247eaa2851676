"""What was meant by a name that nothing declares: a slip, another language's word, a sign in print."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import name as character_name

from ..syntax import tree
from ..syntax.source import Span
from .context import BUILT_IN, CALLABLES, Context, declared_at, kind_of, nearest
from .functions import CONSTANTS
from .repairs import loose_indices, over_all, over_more
from .terms import Dimension, GraphDeclaration, Kind, Network, Symbol

# What other languages call it: the word here, or how it is written.
FUNCTION_WORDS = {
    "ln": "log", "expit": "sigmoid", "logistic": "sigmoid", "fabs": "abs", "absolute": "abs",
    "average": "mean", "avg": "mean", "product": "prod", "total": "sum", "maximum": "max",
    "minimum": "min", "sgn": "sign", "sqr": "square", "swish": "silu", "gammaln": "lgamma",
    "loggamma": "lgamma", "lse": "logsumexp", "log_sum_exp": "logsumexp", "one_hot": "onehot",
    "inner": "dot", "vdot": "dot", "log1pexp": "softplus", "squareroot": "sqrt",
}  # fmt: skip
# What has no name of its own here: how it is written, {0} standing for the first argument.
FORMS = {
    "pow": "{0} ^ {1}", "power": "{0} ^ {1}", "matmul": "{0} @ {1}",
    "where": "(if {0} then {1} else {2})", "select": "(if {0} then {1} else {2})",
    "logit": "log({0} / (1 - {0}))", "ceil": "(-floor(-{0}))", "round": "floor({0} + 0.5)",
    "cosh": "(exp({0}) + exp(-{0})) / 2", "sinh": "(exp({0}) - exp(-{0})) / 2",
    "log10": "log({0}) / log(10)", "log2": "log({0}) / log(2)", "step": "({0} > 0)",
    "heaviside": "({0} > 0)", "delta": "({0} == {1})", "kronecker": "({0} == {1})",
    "indicator": "({0})", "cube": "{0} ^ 3",
}  # fmt: skip
TYPE_WORDS = {
    "bool": "binary", "boolean": "binary", "bit": "binary", "int": "integer<0, 9>",
    "count": "integer<0, 9>", "natural": "integer<0, 9>", "float": "real", "double": "real",
    "number": "real", "continuous": "real", "gaussian": "real", "ising": "spin",
    "categorical": "category(k)", "discrete": "category(k)", "potts": "category(k)",
    "label": "category(k)", "phase": "angle", "circle": "angle", "probability": "real<0, 1>",
    "unit": "real<0, 1>", "nonnegative": "positive",
}  # fmt: skip
DISTRIBUTION_WORDS = {
    "gaussian": "normal", "gauss": "normal", "norm": "normal", "bern": "bernoulli",
    "unif": "uniform", "expon": "exponential", "exp": "exponential", "t": "student_t",
    "student": "student_t", "studentt": "student_t", "mvn": "multivariate_normal",
    "multinormal": "multivariate_normal", "multi_normal": "multivariate_normal",
    "multivariate_gaussian": "multivariate_normal", "half_gaussian": "half_normal",
    "double_exponential": "laplace", "lognormal": "log_normal", "halfnormal": "half_normal",
    "halfcauchy": "half_cauchy", "inv_gamma": "inverse_gamma", "chi_squared": "chi2",
}  # fmt: skip

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))


def asked(says: str, near: str | None) -> str:
    """The sentence, with the question that spares most readers the rest."""
    return f"{says}; did you mean `{near}`?" if near else says


def near_place(near: str | None, context: Context) -> list[tuple[Span, str]]:
    """Where the name that may be meant is declared, if a file declares it."""
    declared = context.names.get(near or "")
    return [(declared_at(declared), "this one")] if declared is not None else []


def _quantity(name: str, span: Span, context: Context) -> None:
    return context.error(
        "E201",
        span,
        f"`{name}` is a quantity: reported for every draw, and not a value here",
        "a value is expected here",
        helps=[f"name the value first: let {name}_value = …, quantity {name} = {name}_value"],
    )


def unknown_name(expression: tree.Name, context: Context) -> None:
    """E201 or E203 for a name that stands as a value and is none; said once in a statement."""
    name, span = expression.text, expression.span
    if name in context.failed or name in context.told:
        return None
    context.told.add(name)
    if name in context.quantities:
        return _quantity(name, span, context)
    if name in context.ended:
        return _ended(name, span, context)
    if context.caller and name in context.caller:
        return context.error(
            "E203",
            span,
            f"index `{name}` is not in force inside `{context.calls[-1]}`",
            "a function knows its arguments only",
            marks=[(context.caller[name].span, "in force where it is called")],
        )
    if name in CALLABLES:
        return context.error(
            "E201", span, f"`{name}` is a function: its argument stands in brackets",
            "nothing to take it of", helps=[f"{name}(x)"],
        )  # fmt: skip
    printed = as_typed(name, context)
    if printed is not None:
        return context.error(
            "E201", span, f"`{name}` is one name here, and it is not declared", "unknown name",
            helps=[printed],
        )  # fmt: skip
    if context.guesses <= 0:
        return context.error("E201", span, f"`{name}` is not declared", "unknown name")
    if any(isinstance(d, Dimension) and name in (d.labels or "") for d in context.names.values()):
        says = f"`{name}` is not declared; a label stands in quotes"
        return context.error("E201", span, says, "unknown name", helps=[f'"{name}"'])
    near = greek(name, context) or context.nearest(name, tuple(CONSTANTS))
    marks = near_place(near, context)
    return context.error(
        "E201", span, asked(f"`{name}` is not declared", near), "unknown name", marks=marks
    )


def _ended(name: str, span: Span, context: Context) -> None:
    whole, head = context.ended[name]
    reducer = head.text.split("(")[0].strip()
    more = over_more(whole, head, name, context.body)
    return context.error(
        "E203",
        span,
        f"index `{name}` is not in force here",
        f"outside the {reducer}",
        marks=[(whole, f"a {reducer} takes its product and stops at `+` and `-`")],
        helps=[more or f"put the body in parentheses: {head.text} (…)"],
    )


def loose_subscripts(subscript: tree.Expression, context: Context) -> bool:
    """E203 if an index stands in a subscript and no sum is in force at all. True if it was said."""
    names = [n for n in loose_indices(subscript) if _is_loose(n.text, context)]
    if not names:
        return False
    fresh = [n for n in names if n.text not in context.told]
    if not fresh:
        return True
    free = [n for n in loose_indices(context.body) if _is_loose(n.text, context)]
    listed = list(dict.fromkeys(n.text for n in [*free, *names]))
    context.told.update(listed)
    help = over_all(listed, context.body)
    body = context.body.span.text if context.body is not None else ""
    helps = [f"sum over it: {help}" if help else None]
    if context.left and not context.headed:
        helps = [f"name it on the left: {context.left}[{', '.join(listed)}] = {body}"]
    context.error(
        "E203",
        fresh[0].span,
        f"index `{fresh[0].text}` is not in force here",
        "no sum runs over it",
        helps=helps,
    )
    return True


def _is_loose(name: str, context: Context) -> bool:
    known = (
        context.knows(name) or name in context.ended or name in context.failed
        or name in BUILT_IN or name in context.caller
    )  # fmt: skip
    if known or len(name) > 2:
        return False
    near = context.nearest(name)
    return near is None or (len(name) == 1 and near not in context.indices)


def as_typed(name: str, context: Context) -> str | None:
    """`x²` and `x₁`, which print as powers and subscripts, as they are typed."""
    for signs, pattern in ((_RAISED, "{}^{}"), (_LOWERED, "{}[{}]")):
        base = name.rstrip("".join(signs))
        if base and base != name and context.knows(base):
            return pattern.format(base, "".join(signs[c] for c in name[len(base) :]))
    return None


def greek(name: str, context: Context) -> str | None:
    """`alpha` for `α` and the reverse, if that is declared."""
    if len(name) == 1:
        spelt = character_name(name, "").lower()
        word = spelt.rpartition("letter ")[2] if spelt.startswith("greek") else ""
        return word if word and context.knows(word) else None
    known = [n for n in context.names if len(n) == 1]
    return next((n for n in known if character_name(n, "").lower().endswith(f" {name}")), None)


def unknown_function(call: tree.Call, context: Context) -> None:
    """E201 for a call of something that is no function."""
    name = call.function.text
    if name in context.failed:
        return None
    written = _form(call)
    near = FUNCTION_WORDS.get(name.lower()) or context.nearest(name, BUILT_IN)
    near = None if written else near
    return context.error(
        "E201",
        call.function.span,
        asked(f"there is no function `{name}`", near),
        "unknown function",
        marks=near_place(near, context),
        helps=[written] if written else [],
    )


def _form(call: tree.Call) -> str | None:
    """How a call of a function that is not here is written."""
    form = FORMS.get(call.function.text.lower())
    texts = [a.span.text for a in call.arguments]
    if form is None or len(texts) != len({c for c in form if c.isdigit() and f"{{{c}}}" in form}):
        return None
    return form.format(*(t if _simple(t) or "if" in form else f"({t})" for t in texts))


def _simple(text: str) -> bool:
    return text.replace("[", "").replace("]", "").replace(".", "").isalnum()


def unknown_type(written: tree.Identifier, context: Context) -> None:
    """E201 for a type that there is not."""
    name = written.text
    near = TYPE_WORDS.get(name.lower()) or nearest(name, [str(kind) for kind in Kind])
    return context.error(
        "E201",
        written.span,
        asked(f"there is no type `{name}`", near),
        "unknown type",
        notes=["the types are " + ", ".join(Kind)],
    )


def unknown_distribution(written: tree.Identifier, known: Iterable[str], context: Context) -> None:
    """E201 for a distribution that there is not."""
    name, names = written.text, list(known)
    near = DISTRIBUTION_WORDS.get(name.lower()) or nearest(name, names)
    return context.error(
        "E201",
        written.span,
        asked(f"there is no distribution `{name}`", near),
        "unknown distribution",
        notes=[] if near else ["NumPyro's names, in lower snake case: half_cauchy, student_t, …"],
    )


def unknown_dimension(
    name: str, span: Span, known: Iterable[str], context: Context, what: str = "dimension"
) -> None:
    """E201 for a name that stands where a dimension or graph must."""
    declared = context.names.get(name)
    if name in context.failed:
        return None
    if declared is not None:
        return context.error(
            "E201", span, f"`{name}` is {kind_of(declared)}, not a {what}",
            f"a {what} is expected here", marks=[(declared_at(declared), "declared here")],
        )  # fmt: skip
    near = nearest(name, list(known))
    return context.error(
        "E201",
        span,
        asked(f"{what} `{name}` is not declared", near),
        f"unknown {what}",
        marks=near_place(near, context),
        helps=[] if near else [f"{what} {name}" if what == "dim" else f"dim {name}"],
    )


def as_value(declared: GraphDeclaration | Network | tree.Fn) -> str | None:
    """How something that is no value gives one."""
    match declared:
        case tree.Fn(name=name, parameters=parameters):
            return f"{name.text}({', '.join(p.text for p in parameters)})"
        case GraphDeclaration(name=name):
            return f"visit its edges: sum((i, j) in {name}) …"
        case Network(name=name):
            return f"{name}({', '.join('xyz'[: len(declared.inputs)])})"


def not_called(call: tree.Call, declared: Symbol | Dimension | GraphDeclaration | tree.Let) -> str:
    """What the round brackets were meant to be."""
    inner = ", ".join(a.span.text for a in call.arguments)
    if isinstance(declared, GraphDeclaration):
        return f"its edges stand in the brackets of a sum: sum((i, j) in {declared.name}) …"
    if isinstance(declared, Dimension) or not _is_array(declared):
        return f"to multiply, write {call.function.text} * ({inner})"
    return f"an element stands in square brackets: {call.function.text}[{inner}]"


def _is_array(declared: Symbol | tree.Let) -> bool:
    return bool(declared.dims if isinstance(declared, Symbol) else declared.heads)
