"""Neural networks of the language: how each architecture starts, and what it computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from ..analysis.world import World
from ..semantics.terms import Network, Program
from ..syntax.diagnostics import complain
from .elementwise import JAX

Call = Callable[[Any, tuple[Any, ...]], Any]


def start(network: Network, world: World, key: Any, external: Any = None) -> Any:
    """Starting weights: a list of layers {weight [in, out], bias [out]}, LeCun normal (LeCun 1998)."""
    if network.architecture == "external":
        return external.init(key) if hasattr(external, "init") else ()
    widths = [_width_in(network, world), *network.sizes, _width_out(network, world)]
    draw = jax.nn.initializers.lecun_normal()
    layers = []
    for fan_in, fan_out in pairwise(widths):
        key, sub = jax.random.split(key)
        layers.append({"weight": draw(sub, (fan_in, fan_out)), "bias": jnp.zeros(fan_out)})
    return layers


def _width_in(network: Network, world: World) -> int:
    total = 0
    for domain, dims in network.inputs:
        states = world.sizes[domain.labels.name] if domain.labels else 1
        total += states * math.prod(world.sizes[d.name] for d in dims)
    return total


def _width_out(network: Network, world: World) -> int:
    return math.prod(world.sizes[d.name] for d in network.output)


def calls(program: Program, world: World, externals: Mapping[str, Any]) -> dict[str, Call]:
    """For each network the function of its weights and inputs."""
    return {
        name: _external(network, externals[name])
        if network.architecture == "external"
        else _perceptron(network, world)
        for name, network in program.networks.items()
    }


def _external(network: Network, function: Any) -> Call:
    apply = getattr(function, "apply", None)
    if apply is not None:
        return lambda weights, inputs: apply(weights, *inputs)
    if not callable(function):
        raise complain("E603", f"`{network.name}` must be a function, or have `init` and `apply`")
    return lambda weights, inputs: function(*inputs)


def _perceptron(network: Network, world: World) -> Call:
    shape = tuple(world.sizes[d.name] for d in network.output)
    states = [world.sizes[d.labels.name] if d.labels else 0 for d, _ in network.inputs]
    act = JAX[str(dict(network.options)["act"])]

    def call(layers: Any, inputs: tuple[Any, ...]) -> Any:
        flat = [
            (jax.nn.one_hot(x, k, dtype=layers[0]["bias"].dtype) if k else x).reshape(-1)
            for x, k in zip(inputs, states, strict=True)
        ]
        x = jnp.concatenate(flat)
        for layer in layers[:-1]:
            x = act(x @ layer["weight"] + layer["bias"])
        return (x @ layers[-1]["weight"] + layers[-1]["bias"]).reshape(shape)

    return call
