"""What was meant by a name that nothing declares: a slip, another language's word, a sign in print."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import name as character_name

from ..syntax import tree
from ..syntax.source import Span
from .context import BUILT_IN, CALLABLES, ROLES, Context, declared_at, kind_of, nearest
from .foreign import DISTRIBUTION_WORDS, FORMS, FUNCTION_WORDS, TYPE_WORDS, VALUE_WORDS
from .functions import CONSTANTS
from .repairs import loose_indices, over_all, over_more
from .terms import Dimension, GraphDeclaration, Kind, Network, Role, Symbol

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))


def asked(says: str, near: str | None) -> str:
    """The sentence, with the question that spares most readers the rest."""
    return f"{says}; did you mean `{near}`?" if near else says


def near_place(near: str | None, context: Context) -> list[tuple[Span, str]]:
    """Where the name that may be meant is declared, if a file declares it."""
    declared = context.names.get(near or "")
    return [(declared_at(declared), "this one")] if declared is not None else []


def _reported(name: str, kind: str, span: Span, context: Context) -> None:
    article = "an" if kind == "energy" else "a"
    return context.error(
        "E201",
        span,
        f"`{name}` is {article} {kind}: reported for every draw, and not a value here",
        "a value is expected here",
        helps=[f"name the value first: let {name}_value = …, {kind} {name} = {name}_value"],
    )


def unknown_name(expression: tree.Name, context: Context) -> None:
    """E201 or E203 for a name that stands as a value and is none; said once in a statement."""
    name, span = expression.text, expression.span
    if name in context.failed or name in context.told:
        return None
    context.told.add(name)
    if name in context.energies or isinstance(context.written.get(name), tree.Quantity):
        return _reported(name, "energy" if name in context.energies else "quantity", span, context)
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
    known = _known_elsewhere(name, context)
    if known is not None:
        return context.error("E201", span, known[0], "unknown name", helps=[known[1]])
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


def _known_elsewhere(name: str, context: Context) -> tuple[str, str] | None:
    """A sentence and a help for a name that is a value in other languages, or in print."""
    if name in ("beta", "temperature"):
        says = "the inverse temperature `beta` is no part of a model: it scales every energy"
        says = says if name == "beta" else "a model has no temperature: `beta` scales every energy"
        return says, "it is said when drawing: ebm.sample(…, beta=0.5)"
    if name in VALUE_WORDS:
        return f"`{name}` is written `{VALUE_WORDS[name]}` here", VALUE_WORDS[name]
    printed = as_typed(name, context)
    if printed is not None:
        return f"`{name}` is one name here, and it is not declared", printed
    return None


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
    base, _, below = name.rpartition("_")
    if base and below.isalpha() and context.knows(base):
        known = [letter for letter in below if letter in context.indices]
        if len(known) == len(below):
            return f"{base}[{', '.join(below)}]"
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
    if name in context.densities:
        says = f"`{name}` is a density: it stands behind a variable and a `~`, not in a sum"
        return context.error(
            "E201", call.function.span, says, "not a function here",
            helps=[f"visible x : real ~ {name}(0, 1)"] if name == "normal" else [],
        )  # fmt: skip
    if name in ("len", "size", "shape", "length") and len(call.arguments) == 1:
        return _length(call, context)
    if name in ("transpose", "t", "T"):
        says = "there is no transpose: `@` joins dimensions by their names"
        return context.error(
            "E201", call.function.span, says, "unknown function",
            helps=[a.span.text for a in call.arguments[:1]],
        )  # fmt: skip
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


def _length(call: tree.Call, context: Context) -> None:
    declared = context.names.get(call.arguments[0].span.text)
    dims = declared.dims if isinstance(declared, Symbol) else ()
    says = f"there is no function `{call.function.text}`: the name of a dimension is its size"
    return context.error(
        "E201", call.function.span, says, "unknown function",
        helps=[" * ".join(dim.name for dim in dims)] if dims else [],
    )  # fmt: skip


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
    constant = {"zeros": "init 0", "ones": "init 1", "constant": "init 0"}.get(name)
    near = DISTRIBUTION_WORDS.get(name.lower()) or (None if constant else nearest(name, names))
    return context.error(
        "E201",
        written.span,
        asked(f"there is no distribution `{name}`", near),
        "unknown distribution",
        notes=[] if near else ["NumPyro's names, in lower snake case: half_cauchy, student_t, …"],
        helps=[constant] if constant else [],
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
    later = context.written.get(name)
    if isinstance(later, tree.Variable | tree.Param | tree.Given):
        role = later.role if isinstance(later, tree.Variable) else type(later).__name__.lower()
        return context.error(
            "E201", span, f"`{name}` is {ROLES[Role(role)]}, not a {what}",
            f"a {what} is expected here", marks=[(later.name.span, "declared here")],
        )  # fmt: skip
    near = nearest(name, list(known))
    return context.error(
        "E201",
        span,
        asked(f"{what} `{name}` is not declared", near),
        f"unknown {what}",
        marks=near_place(near, context),
        helps=[] if near else [f"dim {name}"],
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
