"""The energy of a configuration as a pure JAX function, whole and by its named parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.structure import Structure, analyse
from ..analysis.world import World
from ..semantics.constants import parts_of
from ..semantics.terms import Constant, Kind, NamedEnergy, Program, Symbol
from ..semantics.traverse import symbols
from ..semantics.walls import HEIGHT, largest, with_finite
from ..syntax.diagnostics import complain
from .arrays import converted
from .checks import check_values, real_numbers
from .known import filled, tether
from .lower import Lowering

State = dict[str, Any]

# Nats that a wall costs at a beta of 1 where nothing else is said: exp(-1024) is 0 in all floats, and
# sums that hold it lose less than 1e-4 in float32.
LOWEST_WALL = 1024.0
COMMON = 64.0  # numbers in an energy up to this leave walls as low as that


@dataclass(frozen=True, eq=False)
class Target:
    """A program with everything bound but parameters, given data and the configuration.

    All functions take one configuration; chains and examples are added by `jax.vmap`. `partly`:
    variables of which the given data may tell some entries, as `known` says.
    """

    program: Program
    world: World
    structure: Structure
    networks: Mapping[str, Callable[..., Any]]
    partly: tuple[str, ...] = ()

    def lowering(
        self, params: Mapping[str, Any], state: State, given: State, *, relaxed: bool = False
    ) -> Lowering:
        """The lowering of the program's terms at these values, as `Lowering` has it."""
        arrays = {n: jnp.asarray(params[n]) for n in self.program.params}
        weights = {n: params[n] for n in self.program.networks}
        state = filled(self.partly, state, given) if self.partly else state
        known = {n: jnp.asarray(v) for n, v in (*given.items(), *state.items())}
        lowering = Lowering(self.world, arrays | known, self.networks, weights, relaxed=relaxed)
        for name, default in self.program.defaults.items():
            if name not in known:
                shape = self.world.shape(self.program.givens[name])
                arrays[name] = jnp.broadcast_to(lowering.array(default), shape)
        if self.walled and HEIGHT not in known:
            arrays[HEIGHT] = jnp.asarray(self.wall)
        lowering.values = arrays | known
        return lowering

    @property
    def walled(self) -> bool:
        """Whether an energy can be infinite at some states."""
        return any(e.walls is not None for e in self.program.energies)

    @property
    def wall(self) -> float:
        """Nats that a wall costs at a beta of 1 if nothing else is said, above what energies are."""
        scale = largest(self.program) / COMMON
        return LOWEST_WALL * 2.0 ** max(0, math.ceil(math.log2(scale)))

    def parts(self, params: Mapping[str, Any], state: State, given: State) -> dict[str, Any]:
        """Every named energy, in nats; infinite at states that it forbids."""
        lowering = self.lowering(params, state, given)
        return {e.name: _whole(e, lowering) for e in self.program.energies}

    def whole(self, params: Mapping[str, Any], state: State, given: State) -> Any:
        """The energy of one configuration, in nats; infinite where it is forbidden."""
        return _total(self.parts(params, state, given).values())

    def energy(self, params: Mapping[str, Any], state: State, given: State) -> Any:
        """The energy of one configuration, in nats, its walls as high as `given` says.

        What samplers and sums follow: it is finite where `whole` is infinite.
        """
        lowering = self.lowering(params, state, given)
        return _total(lowering.scalar(e.term) for e in self.program.energies)

    def walls(self, params: Mapping[str, Any], state: State, given: State) -> Any:
        """How many walls a configuration has run into: 0 where it is allowed."""
        lowering = self.lowering(params, state, given)
        walls = (e.walls for e in self.program.energies)
        return _total(jnp.abs(lowering.scalar(w)) for w in walls if w is not None)

    @cached_property
    def relative(self) -> Target:
        """The same law without what depends on no unknown, which `constant` gives: for samplers.

        Densities stay whole: their constants are of the size of the rest.
        """
        energies = tuple(e if e.density else _varying(e) for e in self.program.energies)
        if all(
            new.term is old.term for new, old in zip(energies, self.program.energies, strict=True)
        ):
            return self
        program = replace(self.program, energies=energies)
        structure = analyse(program, self.world, self.structure.setting.data)
        made = replace(self, program=program, structure=structure)
        made.__dict__["relative"] = made
        return made

    def constant(self, params: Mapping[str, Any], given: State) -> float:
        """What `energy` is above that of `relative`, in nats: summed in float64."""
        if self.relative is self:
            return 0.0
        terms = [
            parts_of(e.finite or e.term).constant for e in self.program.energies if not e.density
        ]
        with jax.enable_x64(True):
            lowering = self.lowering(*in_float64((params, {}, given)))
            return float(sum(float(lowering.scalar(t)) for t in terms if t is not None))

    def touching(self, variables: Iterable[str]) -> tuple[NamedEnergy, ...]:
        """The extended energies in which any of these variables stands."""
        wanted = set(variables)
        return tuple(
            extended
            for extended, energy in zip(self.structure.extended, self.program.energies, strict=True)
            if any(energy.name in self.structure.variables[v].energies for v in wanted)
        )

    def extended(
        self,
        params: Mapping[str, Any],
        state: State,
        given: State,
        energies: Iterable[NamedEnergy] | None = None,
    ) -> Any:
        """The multilinear extension; categories stand in `state` as one-hot arrays."""
        lowering = self.lowering(params, state, given, relaxed=True)
        chosen = self.structure.extended if energies is None else energies
        total = _total(lowering.scalar(e.term) for e in chosen)
        if not self.partly:
            return total
        return total + tether((self.program.unknowns[n] for n in self.partly), state, given)

    def opened(self, state: State) -> State:
        """The state with categories as one-hot arrays and all else as real numbers."""
        real = jnp.result_type(float)
        out = {}
        for name, value in state.items():
            symbol = self.program.unknowns[name]
            if symbol.domain.kind is Kind.CATEGORY and symbol.domain.labels is not None:
                size = self.world.sizes[symbol.domain.labels.name]
                out[name] = jax.nn.one_hot(value, size, dtype=real)
            else:
                out[name] = jnp.asarray(value, real)
        return out

    def quantities(self, params: Mapping[str, Any], state: State, given: State) -> dict[str, Any]:
        """Every named quantity of a configuration."""
        lowering = self.lowering(params, state, given)
        return {q.name: lowering.array(q.value) for q in self.program.quantities}


def _varying(energy: NamedEnergy) -> NamedEnergy:
    """The energy without what depends on no unknown; walls stay as they are."""
    own = energy.finite or energy.term
    parts = parts_of(own)
    if parts.constant is None or (isinstance(own, Constant) and own.value == 0):
        return energy
    varying = parts.varying or Constant(0.0, energy.span)
    return replace(energy, term=varying) if energy.walls is None else with_finite(energy, varying)


def _whole(energy: NamedEnergy, lowering: Lowering) -> Any:
    if energy.finite is None or energy.walls is None:
        return lowering.scalar(energy.term)
    finite, walls = lowering.scalar(energy.finite), lowering.scalar(energy.walls)
    return jnp.where(walls == 0, finite, jnp.where(walls > 0, jnp.inf, -jnp.inf))


def in_float64(tree: Any) -> Any:
    """All real numbers of a tree in float64; under `jax.enable_x64`."""

    def one(value: Any) -> Any:
        array = jnp.asarray(value)
        return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return jax.tree.map(one, tree)


def _total(parts: Iterable[Any]) -> Any:
    items = list(parts)
    return reduce(add, items) if items else jnp.zeros(())


def stored_type(symbol: Symbol) -> Any:
    """The type in which a variable's values are carried: integers for subscripts, else floats."""
    if symbol.domain.kind in (Kind.CATEGORY, Kind.INTEGER):
        return jnp.int32
    return jnp.result_type(float)


def batched(
    program: Program, world: World, state: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[State, State, tuple[int, ...]]:
    """State and given data with common leading axes made one, and what those axes were.

    Raises EbmError: E601 for a missing variable, E606 for an unknown one, E602 for a wrong shape.
    """
    for name in state:
        if name not in program.unknowns:
            raise complain("E606", f"the model has no variable `{name}`")
    missing = [n for n in program.unknowns if n not in state]
    if missing:
        raise complain("E601", f"the state lacks `{'`, `'.join(missing)}`")
    leads: list[tuple[int, ...]] = []
    arrays: dict[str, tuple[Any, int]] = {}
    for name, value in (*state.items(), *given.items()):
        symbol = program.unknowns.get(name) or program.givens.get(name)
        if symbol is None:
            raise complain("E606", f"the model has no given `{name}`")
        array = value if isinstance(value, jax.Array) else converted(name, value, symbol)
        if hasattr(array, "dtype") and not real_numbers(array):
            check_values(symbol, np.asarray(value), world)
        array = jnp.asarray(array, stored_type(symbol))
        wanted = world.shape(symbol)
        lead = array.ndim - len(wanted)
        if lead < 0 or array.shape[lead:] != wanted:
            dims = ", ".join(d.name for d in symbol.dims)
            raise complain(
                "E602",
                f"`{name}` has shape {list(array.shape)}, and [{dims}] is {list(wanted)}",
                notes=["chains and examples are leading axes"],
            )
        leads.append(array.shape[:lead])
        arrays[name] = array, lead
    try:
        batch = np.broadcast_shapes(*leads)
    except ValueError:
        raise complain("E602", f"the leading axes {leads} of the state do not agree") from None
    flat = {
        name: jnp.broadcast_to(array, batch + array.shape[lead:]).reshape(-1, *array.shape[lead:])
        for name, (array, lead) in arrays.items()
    }
    return (
        {n: flat[n] for n in state},
        {n: flat[n] for n in given},
        tuple(int(b) for b in batch),
    )


def check_defaults(target: Target, givens: Mapping[str, Any]) -> None:
    """Refuse a default of given data that lies outside its type (E603), as bound data would be."""
    program, world = target.program, target.world
    with jax.ensure_compile_time_eval():
        lowering = Lowering(world, {n: jnp.asarray(v) for n, v in givens.items()})
        for name, default in program.defaults.items():
            if name not in givens and all(s.name in givens for s in symbols(default.body)):
                symbol = program.givens[name]
                value = np.broadcast_to(np.asarray(lowering.array(default)), world.shape(symbol))
                check_values(symbol, value, world, where="its default is")
