"""A tiny interpreter of the language over its tree, with explicit loops: slow, and sharing nothing.

It takes correct programs only. Ranges of indices are found as a reader finds them: from `in`,
or from the first subscript in which an index stands alone or shifted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ebmlang.syntax import tree
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

REDUCERS = {
    "sum": lambda v: math.fsum(v),
    "prod": lambda v: float(np.prod(v)),
    "max": lambda v: max(v),
    "min": lambda v: min(v),
    "mean": lambda v: math.fsum(v) / len(v),
    "logsumexp": lambda v: max(v) + math.log(math.fsum(math.exp(x - max(v)) for x in v)),
}
FUNCTIONS = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt,
    "square": lambda x: x**2, "abs": np.abs, "sign": np.sign, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)), "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "max": np.maximum, "min": np.minimum, "floor": np.floor,
    "lgamma": np.vectorize(math.lgamma),
    "dot": lambda a, b: float(np.sum(a * b)),
    "norm": lambda a: math.sqrt(float(np.sum(a * a))),
}  # fmt: skip
COMPARISONS = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


class Reference:
    """A program with sizes, edges of graphs and values of every declared array."""

    def __init__(
        self,
        text: str,
        values: Mapping[str, Any],
        sizes: Mapping[str, int] | None = None,
        graphs: Mapping[str, Any] | None = None,
        nets: Mapping[str, Any] | None = None,
    ) -> None:
        parsed, faults = parse(Source(text, "<reference>"))
        assert not faults, faults
        self.values = {n: np.asarray(v, float) for n, v in values.items()}
        self.graphs = {n: np.asarray(g) for n, g in (graphs or {}).items()}
        self.nets = dict(nets or {})
        self.sizes: dict[str, int] = dict(sizes or {})
        self.cyclic: set[str] = set()
        self.labels: dict[str, str] = {}
        self.types: dict[str, tree.Type] = {}
        self.lets: dict[str, tree.Let] = {}
        self.functions: dict[str, tree.Fn] = {}
        self.energies: list[tree.Energy] = []
        self.quantities: dict[str, tree.Quantity] = {}
        self.made: dict[str, np.ndarray] = {}
        for statement in parsed.statements:
            self._take(statement)

    def _take(self, statement: tree.Statement) -> None:
        match statement:
            case tree.Dim(items=items):
                for item in items:
                    name = item.name.text
                    if item.cyclic:
                        self.cyclic.add(name)
                    if isinstance(item.size, tree.String):
                        self.labels[name] = item.size.value
                        self.sizes[name] = len(item.size.value)
                    elif item.size is not None and name not in self.sizes:
                        self.sizes[name] = int(self.eval(item.size, {}))
            case tree.Variable(name=name, type=type_) | tree.Param(name=name, type=type_):
                self.types[name.text] = type_
            case tree.Given(name=name, type=type_):
                self.types[name.text] = type_
            case tree.Let():
                self.lets[statement.name.text] = statement
            case tree.Fn():
                self.functions[statement.name.text] = statement
            case tree.Energy():
                self.energies.append(statement)
            case tree.Quantity():
                self.quantities[statement.name.text] = statement
            case _:
                pass

    def energy(self) -> float:
        """The sum of all energies."""
        return math.fsum(float(self.eval(e.body, {})) for e in self.energies)

    # ------------------------------------------------------------------ values

    def dims(self, name: str) -> list[str]:
        """The dimensions of a declared array or a `let`."""
        if name in self.types:
            return [d.text for d in self.types[name].dims]
        let = self.lets[name]
        if let.heads:
            return [self._range_of(h.name.text, h.range, [let.body])[1] for h in let.heads]
        return self._dims_of(let.body)

    def _dims_of(self, node: Any) -> list[str]:
        """The dimensions of a whole-array expression."""
        match node:
            case tree.Name(text=name) if name in self.types or name in self.lets:
                return self.dims(name)
            case tree.Binary(operator="@", left=a, right=b):
                return self._dims_of(a)[:-1] + self._dims_of(b)[1:]
            case tree.Binary(left=a, right=b):
                return self._dims_of(a) or self._dims_of(b)
            case tree.Negate(operand=a) | tree.Paren(inner=a):
                return self._dims_of(a)
            case tree.Subscripted(base=base, subscripts=subscripts):
                places = zip(self._dims_of(base), subscripts, strict=True)
                return [d for d, s in places if isinstance(s, tree.Slice)]
            case tree.Call(function=f, arguments=args) if f.text == "onehot":
                assert isinstance(args[0], tree.Name)
                labels = self.types[args[0].text].labels
                assert isinstance(labels, tree.Name)
                return [*self._dims_of(args[0]), labels.text]
            case tree.Call(function=f, arguments=args) if f.text not in REDUCERS:
                found = [self._dims_of(a) for a in args]
                return max(found, key=len, default=[])
            case _:
                return []

    def value(self, name: str) -> Any:
        """The value of a declared array or a `let`."""
        if name in self.values:
            return self.values[name]
        if name not in self.made:
            let = self.lets[name]
            if not let.heads:
                self.made[name] = np.asarray(self.eval(let.body, {}), float)
            else:
                self.made[name] = self._headed(let.heads, let.body)
        return self.made[name]

    def _headed(self, heads: tuple[tree.IndexHead, ...], body: tree.Expression) -> np.ndarray:
        ranges = [self._range_of(h.name.text, h.range, [body]) for h in heads]
        whole = [list(r) for r, _ in ranges]
        out = np.full([self.sizes[dim] if dim else len(r) for r, dim in ranges], np.nan)
        for places in itertools.product(*whole):
            env = {h.name.text: p for h, p in zip(heads, places, strict=True)}
            out[places] = self.eval(body, env)
        return out

    def quantity(self, name: str) -> np.ndarray:
        """A quantity."""
        statement = self.quantities[name]
        if statement.heads:
            return self._headed(statement.heads, statement.body)
        return np.asarray(self.eval(statement.body, {}), float)

    def eval(self, node: Any, env: Mapping[str, Any]) -> Any:
        """An expression; `env` holds indices in force and arguments of functions."""
        match node:
            case tree.Number(value=value):
                return value
            case tree.Paren(inner=inner):
                return self.eval(inner, env)
            case tree.Name(text=name):
                return self._name(name, env)
            case tree.Negate(operand=operand):
                return -self.eval(operand, env)
            case tree.Binary(operator=operator, left=left, right=right):
                return self._binary(operator, self.eval(left, env), self.eval(right, env))
            case tree.Compare():
                return self._compare(node, env)
            case tree.Logic(operator=operator, operands=operands):
                every = [np.asarray(self.eval(o, env)) != 0 for o in operands]
                fold = np.logical_and if operator == "and" else np.logical_or
                return fold.reduce(np.broadcast_arrays(*every)) * 1.0
            case tree.Not(operand=operand):
                return (np.asarray(self.eval(operand, env)) == 0) * 1.0
            case tree.If(condition=c, then=a, otherwise=b):
                chosen = self.eval(c, env)
                if np.ndim(chosen) == 0:
                    return self.eval(a if chosen else b, env)
                return np.where(chosen, self.eval(a, env), self.eval(b, env))
            case tree.Subscripted():
                return self._subscripted(node, env)
            case tree.Reduction(reducer=reducer, arguments=arguments, body=body):
                values = [self.eval(body, e) for e in self._instances(arguments, body, env)]
                return REDUCERS[reducer.text](values) if values or reducer.text == "sum" else 1.0
            case tree.Call():
                return self._call(node, env)
            case _:
                raise AssertionError(node)

    def _name(self, name: str, env: Mapping[str, Any]) -> Any:
        if name in env:
            return env[name]
        if name in self.sizes:
            return float(self.sizes[name])
        if name in ("pi", "inf"):
            return getattr(math, name)
        return self.value(name)

    def _binary(self, operator: str, a: Any, b: Any) -> Any:
        match operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b
            case "^":
                return np.asarray(a, float) ** b
            case _:
                a, b = np.asarray(a), np.asarray(b)
                out = np.zeros(a.shape[:-1] + b.shape[1:])
                for left in np.ndindex(a.shape[:-1]):
                    for right in np.ndindex(b.shape[1:]):
                        out[left + right] = sum(
                            a[(*left, k)] * b[(k, *right)] for k in range(b.shape[0])
                        )
                return out if out.ndim else float(out)

    def _compare(self, node: tree.Compare, env: Mapping[str, Any]) -> Any:
        sides = [node.left, *(step.right for step in node.steps)]
        values = []
        for k, side in enumerate(sides):
            if isinstance(side, tree.String):
                other = sides[k - 1] if k else sides[1]
                values.append(float(self._letters(other).index(side.value)))
            else:
                values.append(self.eval(side, env))
        result: Any = True
        for k, step in enumerate(node.steps):
            result = np.logical_and(result, COMPARISONS[step.operator](values[k], values[k + 1]))
        return np.asarray(result) * 1.0 if np.ndim(result) else float(result)

    def _letters(self, category: Any) -> str:
        base = category.base if isinstance(category, tree.Subscripted) else category
        labels = self.types[base.text].labels
        assert isinstance(labels, tree.Name)
        return self.labels[labels.text]

    def _subscripted(self, node: tree.Subscripted, env: Mapping[str, Any]) -> Any:
        base = node.base
        if isinstance(base, tree.Name) and base.text not in env:
            dims = self.dims(base.text)
            if dims and dims[0] in self.graphs:
                i, j = (int(self.eval(s, env)) for s in node.subscripts)
                edges = self.graphs[dims[0]]
                (edge,) = [
                    e for e, (a, b) in enumerate(edges) if (a, b) in ((i, j), (j, i))
                ]  # fmt: skip
                return self.value(base.text)[edge]
        else:
            dims = self._dims_of(base) or [""] * len(node.subscripts)
        array = np.asarray(self.eval(base, env))
        places: list[Any] = []
        for dim, subscript in zip(dims, node.subscripts, strict=True):
            if isinstance(subscript, tree.Slice):
                places.append(slice(None))
                continue
            if isinstance(subscript, tree.String):
                places.append(self.labels[dim].index(subscript.value))
                continue
            place = round(float(self.eval(subscript, env)))
            if dim in self.cyclic:
                place %= self.sizes[dim]
            assert place >= 0, (node, place)
            places.append(place)
        return array[tuple(places)]

    def _call(self, node: tree.Call, env: Mapping[str, Any]) -> Any:
        name = node.function.text
        values = [self.eval(a, env) for a in node.arguments]
        if name in REDUCERS and len(values) == 1:
            return REDUCERS[name](list(np.asarray(values[0]).reshape(-1)))
        if name in self.functions:
            fn = self.functions[name]
            if any(np.ndim(v) for v in values):
                arrays = np.broadcast_arrays(*values)
                out = np.zeros(arrays[0].shape)
                for place in np.ndindex(out.shape):
                    inner = {p.text: a[place] for p, a in zip(fn.parameters, arrays, strict=True)}
                    out[place] = self.eval(fn.body, inner)
                return out
            return self.eval(
                fn.body, {p.text: v for p, v in zip(fn.parameters, values, strict=True)}
            )
        if name in self.nets:
            return self.nets[name](*values)
        if name == "onehot":
            (argument,) = node.arguments
            size = self.sizes[self._label_dim(argument)]
            return (np.asarray(values[0])[..., None] == np.arange(size)) * 1.0
        return FUNCTIONS[name](*values)

    def _label_dim(self, category: Any) -> str:
        base = category.base if isinstance(category, tree.Subscripted) else category
        labels = self.types[base.text].labels
        assert isinstance(labels, tree.Name)
        return labels.text

    # ----------------------------------------------------------------- indices

    def _instances(
        self, arguments: tuple[tree.Argument, ...], body: Any, env: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """The environments of a reduction: every position of its indices where its conditions hold."""
        rest = [a for a in arguments if not isinstance(a, tree.Name | tree.Within)]
        opened: list[tuple[str, ...]] = []
        names: list[tuple[tuple[str, ...], Any]] = []
        for argument in arguments:
            match argument:
                case tree.Name(text=name):
                    names.append(((name,), None))
                case tree.Within(target=tree.Tuple(items=items), range=place):
                    names.append((tuple(i.text for i in items), place))  # type: ignore[union-attr]
                case tree.Within(target=tree.Name(text=name), range=place):
                    names.append(((name,), place))
                case _:
                    for name in _names(argument):
                        known = name in env or self._declared(name)
                        if not known and all(name not in n for n, _ in names):
                            names.append(((name,), None))
        opened = [n for n, _ in names]
        inside = [body, *rest]

        def extend(k: int, now: dict[str, Any]) -> Iterator[dict[str, Any]]:
            if k == len(names):
                if all(self.eval(c, now) for c in rest):
                    yield now
                return
            own, place = names[k]
            for values in self._positions(own, place, inside, now):
                yield from extend(k + 1, now | dict(zip(own, values, strict=True)))

        assert opened
        yield from extend(0, dict(env))

    def _declared(self, name: str) -> bool:
        return name in self.types or name in self.sizes or name in self.lets or name in (
            "pi", "inf")  # fmt: skip

    def _positions(
        self, own: tuple[str, ...], place: Any, inside: list[Any], env: Mapping[str, Any]
    ) -> Iterator[tuple[int, ...]]:
        match place:
            case tree.Name(text=graph) if len(own) == 2:
                yield from ((int(a), int(b)) for a, b in self.graphs[graph])
            case tree.Subscripted(base=tree.Name(text=graph), subscripts=(site,)):
                here = int(self.eval(site, env))
                for a, b in self.graphs[graph]:
                    if here in (a, b):
                        yield (int(a + b - here),)
            case _:
                yield from ((k,) for k in self._range_of(own[0], place, inside)[0])

    def _range_of(self, name: str, place: Any, inside: list[Any]) -> tuple[range, str]:
        match place:
            case tree.Interval(lower=low, upper=high):
                return range(int(self.eval(low, {})), int(self.eval(high, {}))), ""
            case tree.Name(text=dim):
                return range(self.sizes[dim]), dim
            case None:
                found = self._use(name, inside, alone=True) or self._use(name, inside, alone=False)
                assert found, name
                return range(self.sizes[found]), found
            case _:
                raise AssertionError(place)

    def _use(self, name: str, nodes: list[Any], *, alone: bool) -> str | None:
        """The dimension of the first subscript in which an index stands."""
        for node in nodes:
            if node is None:
                continue
            if isinstance(node, tree.Subscripted) and isinstance(node.base, tree.Name):
                base = node.base.text
                known = base in self.types or base in self.lets
                for k, subscript in enumerate(node.subscripts):
                    if known and _stands(name, subscript, alone):
                        dims = self.dims(base)
                        if dims[0] not in self.graphs:
                            return dims[k]
            if isinstance(node, tree.Within) and isinstance(node.range, tree.Subscripted):
                (site,) = node.range.subscripts
                if isinstance(site, tree.Name) and site.text == name:
                    return self._graph_dim(node.range.base.text)  # type: ignore[union-attr]
            if isinstance(node, tree.Compare) and alone:
                for k, step in enumerate(node.steps):
                    left = node.left if k == 0 else node.steps[k - 1].right
                    for a, b in ((left, step.right), (step.right, left)):
                        if isinstance(a, tree.Name) and a.text == name and self._is_category(b):
                            return self._label_dim(b)
            found = self._use(name, _children(node), alone=alone)
            if found:
                return found
        return None

    def _is_category(self, node: Any) -> bool:
        base = node.base if isinstance(node, tree.Subscripted) else node
        return (
            isinstance(base, tree.Name)
            and base.text in self.types
            and self.types[base.text].labels is not None
        )

    def _graph_dim(self, graph: str) -> str:
        return self.on[graph]

    on: Mapping[str, str] = {}


def _stands(name: str, subscript: Any, alone: bool) -> bool:
    match subscript:
        case tree.Name(text=text):
            return text == name
        case tree.Binary(operator="+" | "-", left=tree.Name(text=text), right=tree.Number()):
            return text == name
        case _:
            return not alone and isinstance(subscript, tree.Binary) and name in _names(subscript)


def _names(node: Any) -> list[str]:
    if isinstance(node, tree.Name):
        return [node.text]
    if isinstance(node, tree.Call):
        return [n for a in node.arguments for n in _names(a)]
    return [n for child in _children(node) for n in _names(child)]


def _children(node: Any) -> list[Any]:
    match node:
        case tree.Negate(operand=a) | tree.Not(operand=a) | tree.Paren(inner=a):
            return [a]
        case tree.Binary(left=a, right=b):
            return [a, b]
        case tree.Compare(left=a, steps=steps):
            return [a, *(step.right for step in steps)]
        case tree.Logic(operands=operands):
            return list(operands)
        case tree.If(condition=c, then=a, otherwise=b):
            return [c, a, b]
        case tree.Subscripted(base=base, subscripts=subscripts):
            return [base, *(s for s in subscripts if not isinstance(s, tree.Slice))]
        case tree.Call(arguments=arguments):
            return list(arguments)
        case tree.Reduction(arguments=arguments, body=body):
            return [*arguments, body]
        case tree.Within(range=tree.Subscripted() as place):
            return list(place.subscripts)
        case _:
            return []
