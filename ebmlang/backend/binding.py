"""Sizes, graphs and known values of a program, gathered from the text, the caller and the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..analysis.world import GraphData, World
from ..arguments import check_mapping
from ..semantics.context import nearest
from ..semantics.extents import too_large
from ..semantics.terms import Dimension, GraphDeclaration, Program, Symbol
from ..syntax.diagnostics import EbmError, complain, warn
from .arrays import as_array, is_sparse
from .checks import check_values
from .graphs import generate, graph_of, is_graph, weights_of


@dataclass(frozen=True, slots=True, eq=False)
class Bindings:
    """What is bound so far: sizes with where each came from, graphs, known values, functions.

    `held`: values of visible variables given at load; they are clamped when sampling.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    graphs: Mapping[str, np.ndarray] = field(default_factory=dict)
    givens: Mapping[str, np.ndarray] = field(default_factory=dict)
    held: Mapping[str, np.ndarray] = field(default_factory=dict)
    externals: Mapping[str, Any] = field(default_factory=dict)

    def same_as(self, other: Bindings) -> bool:
        """Whether the other binds the same sizes and the very same arrays and functions."""
        kinds = ("graphs", "givens", "held", "externals")
        pairs = [(getattr(self, kind), getattr(other, kind)) for kind in kinds]
        return self.sizes == other.sizes and all(
            mine.keys() == theirs.keys() and all(mine[n] is theirs[n] for n in mine)
            for mine, theirs in pairs
        )


class _Sizes:
    """Sizes as they become known; two that disagree are told with both places."""

    def __init__(self, program: Program, known: Mapping[str, int], origins: Mapping[str, str]):
        self.program = program
        self.known = dict(known)
        self.origins = dict(origins)

    def learn(self, dim: Dimension | GraphDeclaration, size: int, where: str) -> None:
        name = dim.name
        if not size and isinstance(dim, Dimension):
            raise complain(
                "E602", f"`{name}` has size 0 by {where}, and a dimension has at least 1"
            )
        before = self.known.get(name)
        if before is None and not isinstance(dim, GraphDeclaration):
            before = self._implied(dim)
        if before is not None and before != size:
            raise complain(
                "E602",
                f"`{name}` is {before} by {self.origins.get(name, 'its declaration')}, "
                f"and {size} by {where}",
                helps=[f"leave out {name}={before}"]
                if self.origins.get(name) == f"{name}={before}"
                else [],
            )
        if before is None:
            self.known[name] = size
            self.origins[name] = where

    def _implied(self, dim: Dimension) -> int | None:
        if dim.derived:
            size = self.program.size_of(dim)
            if size.names <= self.known.keys():
                return int(size.value(self.known))
            return None
        if dim.size is not None:
            return int(dim.size.constant or 0)
        return None

    def finish(self) -> dict[str, int]:
        """All sizes that follow from what is known."""
        sizes = dict(self.known)
        for name, dim in self.program.dims.items():
            if name not in sizes:
                implied = _Sizes(self.program, sizes, {})._implied(dim)
                if implied is not None:
                    sizes[name] = implied
        for name, dim in self.program.dims.items():
            if dim.derived:
                size = self.program.size_of(dim)
                if size.names <= sizes.keys():
                    value = size.value(sizes)
                    if value != sizes.get(name, value) or value.denominator != 1 or value < 1:
                        raise complain(
                            "E602", f"`{name}` = {dim.size} would be {value}",
                            notes=[f"{n} is {sizes[n]}" for n in sorted(size.names)],
                        )  # fmt: skip
                    sizes[name] = int(value)
        for _, says, most in too_large(self.program, sizes):
            helps = ["make its dimensions smaller"]
            raise complain("E602", f"{says}, and there may be {most}", helps=helps)
        return sizes


def bind(program: Program, before: Bindings, values: Mapping[str, Any]) -> Bindings:
    """What is bound after these values too: sizes, graphs, given data, held data, functions.

    Raises EbmError: E606 for an unknown name, E602 for sizes that disagree, E603 to E605 for data
    that do not fit their declaration.
    """
    sizes = _Sizes(program, before.sizes, before.origins)
    graphs, givens = dict(before.graphs), dict(before.givens)
    held, externals = dict(before.held), dict(before.externals)
    for name, value in values.items():
        if name in program.dims:
            _set_size(sizes, program.dims[name], value)
    for name, graph in program.graphs.items():
        if name in values:
            graphs[name] = _graph(graph, values, sizes, program, givens)
    for name, value in values.items():
        if name in program.dims or name in program.graphs:
            continue
        if name in program.givens:
            symbol = program.givens[name]
            givens[name] = _array(symbol, _weights(symbol, value, graphs, sizes), sizes)
        elif name in program.unknowns:
            held[name] = _array(program.unknowns[name], value, sizes)
        elif name in program.networks and program.networks[name].architecture == "external":
            externals[name] = value
        else:
            raise _unknown(program, name)
    done = sizes.finish()
    bound = Bindings(done, sizes.origins, graphs, givens, held, externals)
    _check_known(program, bound)
    return bound


def _graph(
    graph: GraphDeclaration,
    values: Mapping[str, Any],
    sizes: _Sizes,
    program: Program,
    givens: Mapping[str, np.ndarray],
) -> np.ndarray:
    """The edges that are bound; warns of weights that nothing takes."""
    name = graph.name
    shown = graph_of(name, values[name])
    if graph.on.name not in sizes.finish() or shown.certain:
        sizes.learn(graph.on, shown.sites, f"the graph `{name}`")
    over = [n for n, s in program.givens.items() if s.dims == (graph,)]
    if shown.weights is not None and not any(n in values or n in givens for n in over):
        w = over[0] if over else "w"
        first = "" if over else f"declare `given {w} : real[{name}]`, and "
        warn(
            f"the graph given for `{name}` has weights, and its edges alone are taken: to use them, "
            f"{first}bind {w} to the same graph, model.bind({name}=graph, {w}=graph)"
        )
    return shown.edges


def _weights(symbol: Symbol, value: Any, graphs: Mapping[str, np.ndarray], sizes: _Sizes) -> Any:
    """The value of an array over edges, where a graph or a matrix of weights stands for it."""
    if len(symbol.dims) != 1 or not isinstance(graph := symbol.dims[0], GraphDeclaration):
        return value
    if not (is_graph(value) or is_sparse(value) or np.ndim(as_array(symbol.name, value)) == 2):
        return value
    edges = graphs.get(graph.name)
    if edges is None and graph.generator is not None and graph.on.name in (known := sizes.finish()):
        edges = generate(graph, known)
    if edges is None:
        raise complain(
            "E601",
            f"`{symbol.name}` is bound to a graph, and the edges of `{graph.name}` are not known",
            helps=[f"model.bind({graph.name}=graph, {symbol.name}=graph)"],
        )
    return weights_of(symbol.name, value, graph.name, edges)


def together(bindings: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is bound by a dict and by name. Raises EbmError E704 for no dict, E606 for both."""
    if bindings is None:
        return dict(values)
    check_mapping("bindings", bindings)
    twice = bindings.keys() & values.keys()
    if twice:
        raise complain("E606", f"`{min(twice)}` is bound in the dict and by name too")
    return {**bindings, **values}


def refuse_shared(program: Program, said: Sequence[str]) -> None:
    """Refuse arguments of `load` that might mean what a program calls by their names: E606."""
    taken = {*program.dims, *program.graphs, *program.givens, *program.unknowns, *program.networks}
    for name in taken.intersection(said):
        raise complain(
            "E606",
            f"the model has a `{name}`, and `{name}` is an argument of `load` and `loads` too",
            helps=[
                f'to bind it: load(…, {{"{name}": …}})',
                f"to give the argument: load(…, {{}}, {name}=…), where all that is bound stands in the dict",
            ],
        )


def learn_from_data(
    program: Program, before: Bindings, data: Mapping[str, Any], leading: int = 1
) -> Bindings:
    """Sizes learnt from examples: arrays with one axis, over examples, before the declared ones."""
    sizes = _Sizes(program, before.sizes, before.origins)
    for name, value in data.items():
        symbol = program.unknowns.get(name) or program.givens.get(name)
        if symbol is None:
            raise _unknown(program, name)
        shape = np.shape(value)
        if symbol.role == "given" and len(shape) == len(symbol.dims):
            shape = (1, *shape)
        if len(shape) != len(symbol.dims) + leading:
            dims = ", ".join(d.name for d in symbol.dims)
            raise complain(
                "E607",
                f"the array given for `{name}` {_axes(len(shape))}, and "
                f"[example{', ' * bool(dims)}{dims}] is wanted",
            )
        for dim, size in zip(symbol.dims, shape[leading:], strict=True):
            sizes.learn(dim, size, f"the data of `{name}`")
    return Bindings(
        sizes.finish(), sizes.origins, before.graphs, before.givens, before.held, before.externals
    )


def _set_size(sizes: _Sizes, dim: Dimension, value: Any) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise complain(
            "E602", f"the size of `{dim.name}` must be a whole number from 1, not {value!r}"
        )
    if dim.labels is not None and value != len(dim.labels):
        raise complain(
            "E602", f"`{dim.name}` has {len(dim.labels)} labels, and the size given is {value}"
        )
    sizes.known.pop(dim.name, None)
    sizes.known[dim.name] = int(value)
    sizes.origins[dim.name] = f"{dim.name}={value}"


def _array(symbol: Symbol, value: Any, sizes: _Sizes) -> np.ndarray:
    array = as_array(symbol.name, value, symbol)
    if array.ndim != len(symbol.dims):
        dims = ", ".join(d.name for d in symbol.dims)
        wanted = f"[{dims}]" if dims else "one number"
        raise complain("E607", f"`{symbol.name}` {_axes(array.ndim)}, and {wanted} is wanted")
    for dim, size in zip(symbol.dims, array.shape, strict=True):
        sizes.learn(dim, size, f"the data of `{symbol.name}`")
    return array


def _axes(number: int) -> str:
    return f"has {number} {'axis' if number == 1 else 'axes'}" if number else "is one number"


def _unknown(program: Program, name: str) -> EbmError:
    if name in program.params:
        return complain(
            "E606",
            f"`{name}` is a parameter: it is fitted, and not bound",
            helps=[f'values of parameters go with the call: ebm.sample(model, {{"{name}": …}})'],
        )
    if name == "beta":
        return complain(
            "E606",
            "`beta` scales all energies of a call, and is not bound",
            helps=["ebm.sample(model, params, beta=…)"],
        )
    known = [*program.dims, *program.graphs, *program.givens, *program.unknowns, *program.networks]
    near = nearest(name, known)
    return complain(
        "E606",
        f"the model has no `{name}` to bind",
        notes=["it takes " + ", ".join(known)] if known else [],
        helps=[f"did you mean `{near}`?"] if near else [],
    )


def _check_known(program: Program, bound: Bindings) -> None:
    """Subscripts, values of types and sites of graphs, as far as sizes are known."""
    for condition in program.conditions:
        known = condition.size.names <= bound.sizes.keys()
        if known and condition.size.value(bound.sizes) < 0:
            raise complain(
                "E602",
                f"with {condition.dim} = {bound.sizes[condition.dim]}, `{condition.what}` runs off "
                f"the end of `{condition.dim}`",
            )
    for name, edges in bound.graphs.items():
        sites = bound.sizes.get(program.graphs[name].on.name)
        if sites is not None and len(edges) and edges.max() >= sites:
            row = int(np.argmax(edges.max(axis=1) >= sites))
            from_one = edges.min() == 1 and edges.max() == sites
            raise complain(
                "E605",
                f"edge {row} of `{name}` joins {edges[row, 0]} and {edges[row, 1]}, and "
                f"`{program.graphs[name].on.name}` has {sites} positions",
                helps=[f"positions count from 0: {name} - 1"] if from_one else [],
            )
    partial = World(bound.sizes)
    for name, values in (*bound.givens.items(), *bound.held.items()):
        symbol = program.givens.get(name) or program.unknowns[name]
        check_values(symbol, values, partial)


def complete(program: Program, bound: Bindings, without: frozenset[str] = frozenset()) -> World:
    """The world of a program all of whose sizes and graphs are bound; `without` names givens to come.

    Raises EbmError E601 that names everything that is missing.
    """
    missing = [f"the size of `{n}`" for n in program.dims if n not in bound.sizes]
    missing += [
        f"the graph `{n}`"
        for n, g in program.graphs.items()
        if n not in bound.graphs and g.generator is None
    ]
    missing += [f"the given `{n}`" for n in missing_givens(program, bound) if n not in without]
    missing += [
        f"the function `{n}`"
        for n, net in program.networks.items()
        if net.architecture == "external" and n not in bound.externals
    ]
    if missing:
        names = [text.split("`")[1] for text in missing]
        raise complain(
            "E601",
            f"`{program.name}` still needs {', '.join(missing)}",
            helps=[
                "model = model.bind(" + ", ".join(f"{n}=…" for n in names) + ")",
                "or on the command line: " + " ".join(f"--set {n}=…" for n in names),
            ],
        )
    graphs = {}
    for name, graph in program.graphs.items():
        edges = bound.graphs.get(name)
        if edges is None:
            edges = generate(graph, bound.sizes)
        graphs[name] = GraphData.of(edges, bound.sizes[graph.on.name])
    return World(bound.sizes, graphs)


def missing_givens(program: Program, bound: Bindings) -> list[str]:
    """Givens without a value or a default."""
    return [n for n in program.givens if n not in bound.givens and n not in program.defaults]
