"""Parameters: where they start, and the free numbers in which they are fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.world import World
from ..arguments import check_mapping
from ..semantics.terms import Draw, Kind, Program, Symbol, Term
from ..syntax.diagnostics import complain
from . import networks
from .arrays import as_array
from .checks import check_values, limits, real_numbers
from .densities import constructor
from .lower import Lowering
from .sites import Sites, sites_of

Params = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class ParameterSpace:
    """The parameters of a model in their own values and as free numbers.

    A symmetric array has one free number for each unordered pair; a positive one its logarithm;
    the weights of networks are free as they are.
    """

    sites: Mapping[str, Sites]
    networks: tuple[str, ...]

    def constrain(self, free: Mapping[str, Any]) -> Params:
        """Values from free numbers."""
        params = {n: s.full(s.constrain(free[n])) for n, s in self.sites.items()}
        return params | {n: free[n] for n in self.networks}

    def unconstrain(self, params: Mapping[str, Any]) -> Params:
        """Free numbers from values."""
        free = {n: s.unconstrain(s.take(jnp.asarray(params[n]))) for n, s in self.sites.items()}
        return free | {n: params[n] for n in self.networks}

    def values(self, params: Mapping[str, Any]) -> Params:
        """One value for each unknown number: the free entries, in their own space."""
        taken = {n: s.take(jnp.asarray(params[n])) for n, s in self.sites.items()}
        return taken | {n: params[n] for n in self.networks}

    def arrays(self, values: Mapping[str, Any]) -> Params:
        """Full arrays from one value for each unknown number; the inverse of `values`."""
        made = {n: s.full(values[n]) for n, s in self.sites.items()}
        return made | {n: values[n] for n in self.networks}


def space_of(program: Program, world: World) -> ParameterSpace:
    """The parameter space of a program."""
    sites = {n: sites_of(s, world) for n, s in program.params.items()}
    return ParameterSpace(sites, tuple(program.networks))


def start(program: Program, world: World, externals: Mapping[str, Any], seed: int) -> Params:
    """Starting values as the text says: numbers, draws, networks' weights.

    Raises EbmError E603 if a starting value lies outside its type.
    """
    params: Params = {}
    key = jax.random.key(seed)
    for name, symbol in program.params.items():
        key, sub = jax.random.split(key)
        params[name] = _start_one(symbol, program.parameter_facts[name].init, world, sub)
        check_values(symbol, params[name], world, where="`init` gives")
    for name, network in program.networks.items():
        key, sub = jax.random.split(key)
        params[name] = networks.start(network, world, sub, externals.get(name))
    return params


def _start_one(symbol: Symbol, init: Term | Draw | None, world: World, key: Any) -> Any:
    sites = sites_of(symbol, world)
    shape = (sites.number, *sites.event)
    lowering = Lowering(world, {})
    match init:
        case None:
            values = jnp.full(shape, _neutral(symbol, world))
        case Draw(distribution=name, arguments=arguments):
            settings = {label: float(lowering.term(a).array) for label, a in arguments}
            values = constructor(name)(**settings).sample(key, shape)
        case term:
            values = jnp.full(shape, float(lowering.term(term).array))
    return sites.full(values.astype(jnp.result_type(float)))


def _neutral(symbol: Symbol, world: World) -> float:
    """Where a parameter without `init` starts: 0, or the middle of a type that has no 0 inside."""
    low, high = limits(symbol.domain, world)
    if symbol.domain.kind is Kind.SIMPLEX:
        return 1.0 / world.shape(symbol)[-1]
    if symbol.domain.kind is Kind.POSITIVE:
        return 1.0
    if low < 0 < high:
        return 0.0
    if np.isfinite(low) and np.isfinite(high):
        return (low + high) / 2
    return low + 1.0 if np.isfinite(low) else high - 1.0


def check_names(program: Program, params: Mapping[str, Any]) -> None:
    """Refuse parameters that are missing (E601) or unknown (E606), and what is no dict of them (E704)."""
    check_mapping("params", params)
    for name in (*program.params, *program.networks):
        if name not in params:
            raise complain(
                "E601", f"the parameters lack `{name}`", helps=["start from model.init(seed=0)"]
            )
    for name in params:
        if name not in program.params and name not in program.networks:
            raise complain("E606", f"the model has no parameter `{name}`")


def as_arrays(program: Program, world: World, params: Mapping[str, Any]) -> Params:
    """Parameters as arrays of real numbers, traced ones as they are; their values are not looked at.

    Raises EbmError as `check_params` does for names, shapes and what are no real numbers.
    """
    check_names(program, params)
    found = dict(params)
    for name, symbol in program.params.items():
        value = params[name]
        if np.ma.is_masked(value):
            raise complain("E604", f"entries of parameter `{name}` are masked, and all are wanted")
        array = value if isinstance(value, jax.Array) else as_array(name, value)
        _check_shape(symbol, array.shape, world)
        if not real_numbers(array):
            check_values(symbol, np.asarray(value), world, where="the parameters hold")
        found[name] = array if array is value else jnp.asarray(array, jnp.result_type(float))
    return found


def _check_shape(symbol: Symbol, has: tuple[int, ...], world: World) -> None:
    wanted = world.shape(symbol)
    if has != wanted:
        dims = ", ".join(d.name for d in symbol.dims)
        says = f"parameter `{symbol.name}` has shape {list(has)}, and [{dims}] is {list(wanted)}"
        raise complain("E602", says)


def check_params(program: Program, world: World, params: Mapping[str, Any]) -> None:
    """Refuse parameters that are missing, of the wrong shape or outside their type."""
    check_names(program, params)
    for name, symbol in program.params.items():
        value = params[name]
        array = value if isinstance(value, jax.Array) else as_array(name, value)
        _check_shape(symbol, array.shape, world)  # which traced values have too
        array = np.asarray(array)
        check_values(symbol, array, world, where="the parameters hold")
        if array.dtype.kind in "iuf" and np.any(
            np.abs(array) > jnp.finfo(jnp.result_type(float)).max
        ):
            raise complain(
                "E604",
                f"parameter `{name}` holds numbers too large for {jnp.result_type(float)}",
                helps=['jax.config.update("jax_enable_x64", True) has float64'],
            )
