"""Repairs of a statement as text that can be pasted: a sum over more, over all, of an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..syntax import tree
from ..syntax.parts import nodes, parts
from ..syntax.source import Span

LONGEST = 88


def loose_indices(root: object) -> list[tree.Name]:
    """Names that stand in subscripts, or alone, and that no reduction inside introduces."""
    if isinstance(root, tree.Name):
        return [root]
    found = [n for n in parts(root) if isinstance(n, tree.Name)] if _is_sum(root) else []  # type: ignore[arg-type]
    return [*found, *_in_subscripts(root, False, frozenset())]


def _is_sum(root: object) -> bool:
    return isinstance(root, tree.Binary | tree.Negate | tree.Paren)


def _in_subscripts(node: object, inside: bool, bound: frozenset[str]) -> list[tree.Name]:
    match node:
        case tree.Name(text=text):
            return [node] if inside and text not in bound else []
        case tree.Reduction(arguments=arguments):
            introduced = (n for a in arguments for n in nodes(a))
            bound |= {n.text for n in introduced if isinstance(n, tree.Name)}
            bound |= {n.text for a in arguments for n in _targets(a)}
        case tree.Subscripted(base=base, subscripts=subscripts):
            found = _in_subscripts(base, inside, bound)
            return [*found, *(n for s in subscripts for n in _in_subscripts(s, True, bound))]
        case _:
            pass
    return [n for part in parts(node) for n in _in_subscripts(part, inside, bound)]  # type: ignore[arg-type]


def _targets(argument: tree.Argument) -> list[tree.Name]:
    target = argument.target if isinstance(argument, tree.Within) else None
    return [n for n in nodes(target) if isinstance(n, tree.Name)]


def over_more(whole: Span, head: Span, name: str, body: tree.Expression | None) -> str | None:
    """A sum whose body reaches as far as its index is used: `sum(i) (b[i] + c[i])`."""
    fitting = [
        node
        for node in nodes(body)
        if isinstance(node, tree.Binary)
        and node.operator in "+-"
        and node.left.span.start <= whole.start
        and whole.end <= node.left.span.end
        and any(isinstance(n, tree.Name) and n.text == name for n in nodes(node.right))
    ]
    if not fitting:
        return None
    outer = fitting[0].span
    text = outer.source.text
    inner = " ".join(text[head.end : outer.end].split())
    found = " ".join(f"{text[outer.start : head.end]} ({inner})".split())
    return found if len(found) <= LONGEST else None


def over_all(names: Sequence[str], body: tree.Expression | None) -> str | None:
    """The whole of a statement's body under a sum over the names, its sign before the sum."""
    if body is None:
        return None
    sign, inner = "", body
    if isinstance(body, tree.Negate):
        sign, inner = "-", body.operand
    text = body.span.text[len(sign) :].strip() if sign else body.span.text
    head = f"sum({', '.join(names)})"
    leading = isinstance(_first(inner), tree.Negate)
    plain = not leading and not any(
        isinstance(n, tree.Binary) and n.operator in "+-" for n in _spine(inner)
    )
    if leading and sign == "" and isinstance(inner, tree.Binary) and inner.operator in "*/@":
        sign, text, plain = "-", text.lstrip("- "), True
    found = f"{sign}{head} {text}" if plain else f"{sign}{head} ({text})"
    found = " ".join(found.split())
    return found if len(found) <= LONGEST else None


def _first(node: object) -> object:
    """The node with which an expression begins."""
    while isinstance(node, tree.Binary):
        node = node.left
    return node


def _spine(node: object) -> Iterator[object]:
    """The operators on the way down an expression, brackets not entered."""
    yield node
    if isinstance(node, tree.Binary):
        yield from _spine(node.left)
        yield from _spine(node.right)
    elif isinstance(node, tree.If | tree.Compare | tree.Logic | tree.Not):
        yield tree.Binary("+", node, node, node.span, node.span)  # type: ignore[arg-type]


def summed(body: tree.Expression) -> str:
    """The total of an array as a user would write it: `b @ v` for `b * v`, `sum(x^2)` for `x^2`."""
    sign, inner = "", body
    while isinstance(inner, tree.Negate):
        sign, inner = "-" if not sign else "", inner.operand
    if isinstance(inner, tree.Binary) and inner.operator == "*":
        left = inner.left.operand if isinstance(inner.left, tree.Negate) else inner.left
        if isinstance(left, tree.Name) and isinstance(inner.right, tree.Name):
            cut = inner.operator_span.start - body.span.start
            text = body.span.text
            return f"{text[:cut]}@{text[cut + 1 :]}"
        if isinstance(inner.left, tree.Negate) and not sign:
            return f"-sum({inner.span.text.lstrip('- ')})"
    if isinstance(inner, tree.Paren):
        return f"{sign}sum{inner.span.text}"
    return f"{sign}sum({inner.span.text})"


def without(arguments: Sequence[tree.Argument], name: str, reducer: str) -> str | None:
    """The brackets of a reduction without one index; None if that leaves nothing."""
    left = [a.span.text for a in arguments if not _is_index(a, name)]
    return f"{reducer}({', '.join(left)})" if left and len(left) < len(arguments) else None


def _is_index(argument: tree.Argument, name: str) -> bool:
    target = argument.target if isinstance(argument, tree.Within) else argument
    return isinstance(target, tree.Name) and target.text == name


def with_range(head: Span, at: Span, limits: str, written: Sequence[str] = ()) -> str:
    """The brackets that bind an index at a place, with a range for it; one of `written` gives way."""
    cut = at.start - head.start
    before, after = head.text[:cut], head.text[cut + len(at.text) :]
    after = next((after[len(w) :] for w in written if after.startswith(w)), after)
    argument = before.rpartition(",")[2].rpartition("(")[2] + after.partition(",")[0]
    if any(sign in argument for sign in "<>=!"):
        reducer, _, brackets = head.text.partition("(")
        return f"{reducer}({at.text} in {limits}, {brackets}"
    return f"{before}{at.text} in {limits}{after}"
