"""How deep and how large an expression is once the definitions that it uses are put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..syntax import tree
from ..syntax.parts import Node, parts


@dataclass(frozen=True, slots=True)
class Measure:
    """Levels and parts of an expression with every `let` and `fn` in it put in.

    `places`: for each argument of the function around it, on which level it stands deepest, and
    how often it stands there; its own levels and parts are not counted.
    """

    levels: int
    size: int
    places: Mapping[str, tuple[int, int]]


LEAF = Measure(1, 1, {})


def measure(node: Node, known: Mapping[str, Measure], arguments: frozenset[str]) -> Measure:
    """The measure of an expression; `known` holds those of definitions, by name."""
    match node:
        case tree.Name(text=text) if text in arguments:
            return Measure(1, 1, {text: (0, 1)})
        case tree.Name(text=text) if text in known:
            return _under(1, [known[text]])
        case tree.Call(function=function) if function.text in known:
            given = [measure(part, known, arguments) for part in node.arguments]
            return _under(1, [_called(known[function.text], given)])
        case tree.Name() | tree.Number() | tree.String():
            return LEAF
        case _:
            inner = [measure(part, known, arguments) for part in parts(node)]
            return _under(_own_levels(node), inner)


def _own_levels(node: Node) -> int:
    """Levels that a node has as a term: a chain of comparisons has one for each, `@` sums a product.

    A call and an `if` count twice, since proofs take twice the steps through what is not linear.
    """
    match node:
        case tree.Compare(steps=steps):
            return len(steps)
        case tree.Logic(operands=operands):
            return len(operands) - 1
        case tree.Binary(operator="@") | tree.Call() | tree.If():
            return 2
        case _:
            return 1


def _under(own: int, inner: list[Measure]) -> Measure:
    levels, size = 0, own
    places: dict[str, tuple[int, int]] = {}
    for part in inner:
        size += part.size
        if part.levels > levels:
            levels = part.levels
        for name, (level, count) in part.places.items():
            deepest, before = places.get(name, (0, 0))
            places[name] = (max(deepest, level + own), before + count)
    return Measure(levels + own, size, places)


def _called(function: Measure, given: list[Measure]) -> Measure:
    """A function's body with what it was given in place of its arguments."""
    levels, size = function.levels, function.size
    places: dict[str, tuple[int, int]] = {}
    for (level, count), part in zip(function.places.values(), given, strict=False):
        levels = max(levels, level + part.levels)
        size += count * part.size
        for name, (inner, times) in part.places.items():
            deepest, before = places.get(name, (0, 0))
            places[name] = (max(deepest, level + inner), before + count * times)
    return Measure(levels, size, places)


def measure_function(statement: tree.Fn, known: Mapping[str, Measure]) -> Measure:
    """The measure of a function's body, with a place for each argument in the order of its head."""
    names = [parameter.text for parameter in statement.parameters]
    body = measure(statement.body, known, frozenset(names))
    places = {name: body.places.get(name, (0, 0)) for name in names}
    return Measure(body.levels, body.size, places)
