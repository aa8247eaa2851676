"""What stands inside an expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from . import tree

Node: TypeAlias = (
    tree.Expression | tree.Within | tree.Interval | tree.Slice | tree.Keyword | tree.List
)


def parts(node: Node | None) -> tuple[Node, ...]:
    """The nodes directly inside an expression, from left to right; the base of a subscript too."""
    match node:
        case tree.Negate(operand=inner) | tree.Not(operand=inner) | tree.Paren(inner=inner):
            return (inner,)
        case tree.Binary(left=left, right=right):
            return (left, right)
        case tree.Compare(left=left, steps=steps):
            return (left, *(step.right for step in steps))
        case tree.Logic(operands=items) | tree.Tuple(items=items) | tree.List(items=items):
            return items
        case tree.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case tree.Subscripted(base=base, subscripts=subscripts):
            return (base, *subscripts)
        case tree.Slice(lower=lower, upper=upper):
            return tuple(end for end in (lower, upper) if end is not None)
        case tree.Interval(lower=lower, upper=upper):
            return (lower, upper)
        case tree.Within(target=target, range=range_):
            return (target, range_)
        case tree.Call(arguments=arguments):
            return arguments
        case tree.Reduction(arguments=arguments, body=body):
            return (*arguments, body)
        case tree.Keyword(value=value):
            return (value,)
        case _:
            return ()


def nodes(root: Node | None) -> Iterator[Node]:
    """An expression and everything inside it, from left to right."""
    stack = [] if root is None else [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(parts(node)))
