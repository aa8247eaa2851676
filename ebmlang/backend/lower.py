"""Terms to JAX arrays: reads become slices, rolls and gathers, products under a sum contractions.

Nothing is unrolled over sites: an index in force is an axis. What depends on indices and sizes
alone stays in NumPy and enters the compiled function as a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.whole import Bounds
from ..analysis.world import World
from ..semantics.terms import (
    Apply,
    Array,
    Between,
    Constant,
    EdgeEnd,
    EdgeNumber,
    Index,
    Listed,
    LogDensity,
    Neighbour,
    NetworkRead,
    Position,
    Read,
    Reduce,
    SizeValue,
    Symbol,
    Term,
)
from ..semantics.traverse import fingerprint, unfold
from . import contraction, reading, recurrence, whole
from .conditions import choice, tip
from .densities import log_density
from .elementwise import JAX, NUMPY, root
from .labelled import Labelled, full, spread, union

NetworkCall = Callable[[Any, tuple[Any, ...]], Any]


class Lowering:
    """Lowers terms for one set of values; equal subterms and definitions are computed once.

    `values` holds an array for every declared array that is read, `networks` a function of the
    network's parameters and inputs, `weights` those parameters. `relaxed`: discrete values may lie
    between their states.
    """

    def __init__(
        self,
        world: World,
        values: Mapping[str, Any],
        networks: Mapping[str, NetworkCall] | None = None,
        weights: Mapping[str, Any] | None = None,
        *,
        relaxed: bool = False,
    ) -> None:
        self.world = world
        self.values = values
        self.networks: Mapping[str, NetworkCall] = networks or {}
        self.weights: Mapping[str, Any] = weights or {}
        self.dtype: Any = jnp.result_type(float)
        self.bounds = Bounds(world, 53 if self.dtype == jnp.float64 else 24)
        self.relaxed = relaxed
        self._done: dict[int, tuple[Term, Labelled]] = {}
        self._definitions: dict[Symbol, Any] = {}
        self._outputs: dict[object, Labelled] = {}

    def array(self, array: Array) -> Any:
        """An array term with its axes in order."""
        item = self.term(array.body)
        lengths = {axis: self.world.length(axis) for axis in array.axes}
        return self.floating(full(item, array.axes, lengths))

    def scalar(self, term: Term) -> Any:
        """A term without free indices."""
        return self.floating(self.term(term).array).reshape(())

    def floating(self, array: Any) -> Any:
        """The array in the default floating type."""
        return jnp.asarray(array, self.dtype)

    def term(self, term: Term) -> Labelled:
        """A term, its free indices as labelled axes."""
        known = self._done.get(id(term))
        if known is None:
            known = (term, self._lower(term))
            self._done[id(term)] = known
        return known[1]

    def _lower(self, term: Term) -> Labelled:
        match term:
            case Constant(value=value):
                return Labelled(np.asarray(value), ())
            case SizeValue(size=size):
                return Labelled(np.asarray(self.world.value(size)), ())
            case Position(index=index):
                return self.position(index)
            case Read(symbol=symbol) if any(isinstance(a.range, Between) for a in symbol.axes):
                return self.term(unfold(term))
            case Read(symbol=symbol, subscripts=subscripts):
                plain = Labelled(self.stored(symbol), ())
                return reading.read(plain, symbol.dims, subscripts, self)
            case EdgeNumber(graph=graph, site=site, slot=slot):
                table = self.world.graphs[graph.name].edge_numbers
                return self._table(table, site, slot)
            case Apply():
                return self._apply(term)
            case Reduce():
                return whole.whole_value(term, contraction.reduce(term, self), self)
            case NetworkRead():
                return self._network(term)
            case LogDensity():
                return self._density(term)
            case _:
                assert_never(term)

    def position(self, index: Index) -> Labelled:
        """The value of an index as integers."""
        match index.found:
            case EdgeEnd(graph=graph, edge=edge, end=end):
                return Labelled(self.world.graphs[graph.name].edges[:, end], (edge,))
            case Listed(row=row, values=values):
                return Labelled(np.asarray(values, np.int32), (row,))
            case Neighbour(graph=graph, site=site, slot=slot):
                return self._table(self.world.graphs[graph.name].neighbours, site, slot)
            case _:
                return Labelled(np.arange(*self.world.limits(index), dtype=np.int32), (index,))

    def whole(self, term: Term) -> Labelled:
        """A term as integers."""
        item = self.term(term)
        if item.static:
            return Labelled(np.rint(item.array).astype(np.int64), item.labels)
        if jnp.issubdtype(item.array.dtype, jnp.integer):
            return item
        return Labelled(jnp.rint(item.array).astype(jnp.result_type(int)), item.labels)

    def _table(self, table: np.ndarray, site: Term, slot: Index) -> Labelled:
        """A row of a table of neighbours for each site; empty slots repeat the first and are masked."""
        where = self.whole(site)
        rows = table if not table.size else np.where(table < 0, np.maximum(table[:, :1], 0), table)
        picked = rows[where.array] if where.static else jnp.asarray(rows)[where.array]
        return Labelled(picked, (*where.labels, slot))

    def stored(self, symbol: Symbol) -> Any:
        """The value of a declared array; a definition is computed when first read."""
        if symbol.body is None:
            return self.values[symbol.name]
        if symbol not in self._definitions:
            item = self.term(symbol.body)
            lengths = {axis: self.world.length(axis) for axis in symbol.axes}
            self._definitions[symbol] = full(item, symbol.axes, lengths)
        return self._definitions[symbol]

    def _apply(self, term: Apply) -> Labelled:
        if term.function == "if":
            term = choice(term)
        exactly = self._exactly(term)
        if exactly is not None:
            return exactly
        items = [self.term(argument) for argument in term.arguments]
        if not items[0].static and (exponent := tip(term)) is not None:
            return Labelled(root(exponent)(self.floating(items[0].array)), items[0].labels)
        return whole.whole_value(term, self.combine(term.function, items), self)

    def _exactly(self, term: Apply) -> Labelled | None:
        """What decides by whole numbers that floats may miss; None for all else."""
        match term.function:
            case "floor":
                return whole.quotient(term, self)
            case "if" | "not" | "and" | "or":
                number = 1 if term.function == "if" else len(term.arguments)
                decided = [whole.condition(a, self) for a in term.arguments[:number]]
                if decided == list(term.arguments[:number]):
                    return None
                arguments = (*decided, *term.arguments[number:])
                return self.term(Apply(term.function, arguments, term.span))
            case function if function in whole.SIGNS:
                return whole.truth(term, self)
            case _:
                return None

    def combine(self, function: str, items: list[Labelled]) -> Labelled:
        """A function of labelled arrays, each spread over all their labels."""
        labels = union(items)
        static = all(item.static for item in items) and function in NUMPY
        if function == "^":
            exponent = items[1]
            found = recurrence.powers(items[0], exponent, self)
            if found is not None:
                return found
            arrays = [self._typed(items[0], labels, static)]
            whole = exponent.static and not exponent.labels
            arrays.append(exponent.array if whole else self._typed(exponent, labels, static))
        else:
            arrays = [self._typed(item, labels, static) for item in items]
        return Labelled((NUMPY if static else JAX)[function](*arrays), labels)

    def _typed(self, item: Labelled, labels: tuple[Index, ...], static: bool) -> Any:
        array = spread(item, labels)
        if static and array.dtype.kind in "iu":
            return array.astype(np.int64)  # products of positions pass 32 bits
        return array if static else self.floating(array)

    def _outer(self, arrays: tuple[Array, ...]) -> tuple[list[Labelled], tuple[Index, ...]]:
        """The bodies of arrays, and the labels they have beside their own axes."""
        items = [self.term(array.body) for array in arrays]
        own = {axis for array in arrays for axis in array.axes}
        return items, tuple(label for label in union(items) if label not in own)

    def _network(self, term: NetworkRead) -> Labelled:
        network = term.network
        key = (network, *(_array_key(array) for array in term.inputs))
        if key not in self._outputs:
            items, outer = self._outer(term.inputs)
            lengths = {
                label: self.world.length(label)
                for label in {*outer, *(axis for array in term.inputs for axis in array.axes)}
            }
            inputs = []
            for item, array, (domain, _) in zip(items, term.inputs, network.inputs, strict=True):
                wide = full(item, (*outer, *array.axes), lengths)
                inputs.append(
                    jnp.asarray(wide, jnp.int32) if domain.labels else self.floating(wide)
                )
            call, weights = self.networks[network.name], self.weights.get(network.name, ())
            flat = [x.reshape(-1, *x.shape[len(outer) :]) for x in inputs]
            result = jax.vmap(lambda *xs: call(weights, xs))(*flat)
            shape = [lengths[label] for label in outer]
            self._outputs[key] = Labelled(result.reshape(*shape, *result.shape[1:]), outer)
        return reading.read(self._outputs[key], network.output, term.subscripts, self)

    def _density(self, term: LogDensity) -> Labelled:
        named = [("", term.value), *term.arguments]
        arrays = tuple(array for _, array in named)
        items, outer = self._outer(arrays)
        if not any(array.axes for array in arrays):
            values = {
                name: self.floating(spread(i, outer))
                for (name, _), i in zip(named, items, strict=True)
            }
            return Labelled(log_density(term.distribution, values), outer)
        lengths = {x: self.world.length(x) for x in {*outer, *(a for y in arrays for a in y.axes)}}
        values, along = {}, {}
        for (name, array), item in zip(named, items, strict=True):
            lead = outer if set(outer) & set(item.labels) or not name else ()
            wide = self.floating(full(item, (*lead, *array.axes), lengths))
            values[name] = wide.reshape(-1, *wide.shape[len(lead) :]) if lead else wide
            along[name] = 0 if lead else None
        one = partial(log_density, term.distribution)
        result = jax.vmap(one, in_axes=(along,))(values) if outer else one(values)
        return Labelled(result.reshape([lengths[label] for label in outer]), outer)


def _array_key(array: Array) -> object:
    return fingerprint(array.body, {axis: k for k, axis in enumerate(array.axes)})
