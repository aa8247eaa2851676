"""Neural networks of the language: how each architecture starts, and what it computes.

Weights are plain pytrees. `mlp`: dense layers. `conv`: convolutions over the input's dimensions
(the first two; a third is read as channels), then a mean over the lattice and a dense layer, unless
the output has the lattice itself. `resnet`: the same with blocks of two convolutions and a short cut
(dense ones where the input has no lattice). `embedding`: one row for each label.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from ..analysis.world import World
from ..semantics.terms import Dimension, Network, Program
from ..syntax.diagnostics import complain
from .elementwise import JAX

Call = Callable[[Any, tuple[Any, ...]], Any]


def start(network: Network, world: World, key: Any, external: Any = None) -> Any:
    """Starting weights of a network; LeCun normal (LeCun et al. 1998, section 4.6), biases zero."""
    match network.architecture:
        case "external":
            return external.init(key) if hasattr(external, "init") else ()
        case "embedding":
            states, width = _width_in(network, world), _width_out(network, world)
            return {"table": jax.random.normal(key, (states, width)) / math.sqrt(width)}
        case "conv" | "resnet" if lattice(network):
            return _start_lattice(network, world, key)
        case "resnet":
            return _start_residual(network, world, key)
        case _:
            widths = [_width_in(network, world), *network.sizes, _width_out(network, world)]
            return _dense_layers(widths, key)


def calls(program: Program, world: World, externals: Mapping[str, Any]) -> dict[str, Call]:
    """For each network the function of its weights and inputs."""
    return {n: _call(net, world, externals.get(n)) for n, net in program.networks.items()}


def _call(network: Network, world: World, external: Any) -> Call:
    shape = tuple(world.sizes[d.name] for d in network.output)
    states = [world.sizes[d.labels.name] if d.labels else 0 for d, _ in network.inputs]
    match network.architecture:
        case "external":
            return _external(network, external, shape)
        case "embedding":
            return lambda weights, inputs: weights["table"][inputs[0]].reshape(shape)
        case "conv" | "resnet" if lattice(network):
            return _lattice_call(network, states[0], shape)
        case "resnet":
            return _residual_call(network, states, shape)
        case _:
            return _perceptron(network, states, shape)


def _external(network: Network, function: Any, shape: tuple[int, ...]) -> Call:
    """A function given at load. Raises EbmError E602 where it takes or gives something else."""
    apply = getattr(function, "apply", None)
    called = function if apply is None else apply
    if not callable(called):
        raise complain("E603", f"`{network.name}` must be a function, or have `init` and `apply`")
    lead = 0 if apply is None else 1
    _refuse_signature(network, called, lead)

    def call(weights: Any, inputs: tuple[Any, ...]) -> Any:
        value = jnp.asarray(called(*(weights,) * lead, *inputs))
        if value.shape != shape:
            wanted = f"an array of shape {list(shape)}" if shape else "one number"
            raise complain(
                "E602",
                f"the function given for `{network.name}` returned an array of shape "
                f"{list(value.shape)}, and {wanted} is declared",
            )
        return value

    return call


def _refuse_signature(network: Network, function: Any, lead: int) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    number = len(network.inputs)
    try:
        signature.bind(*range(lead + number))
    except TypeError:
        inputs = f"{number} input{'s' * (number != 1)}"
        raise complain(
            "E602",
            f"the function given for `{network.name}` does not take {inputs}"
            + (" after its weights" if lead else ""),
            notes=[f"its signature is {signature}"],
        ) from None


# ------------------------------------------------------------------------ dense


def _width_in(network: Network, world: World) -> int:
    total = 0
    for domain, dims in network.inputs:
        states = world.sizes[domain.labels.name] if domain.labels else 1
        total += states * math.prod(world.sizes[d.name] for d in dims)
    return total


def _width_out(network: Network, world: World) -> int:
    return math.prod(world.sizes[d.name] for d in network.output)


def _dense_layers(widths: Sequence[int], key: Any) -> list[dict[str, Any]]:
    keys = jax.random.split(key, max(len(widths) - 1, 1))
    return [_dense(a, b, k) for (a, b), k in zip(pairwise(widths), keys, strict=True)]


def _dense(width_in: int, width_out: int, key: Any) -> dict[str, Any]:
    weight = jax.nn.initializers.lecun_normal()(key, (width_in, width_out))
    return {"weight": weight, "bias": jnp.zeros(width_out)}


def _through(layer: Mapping[str, Any], x: Any) -> Any:
    return x @ layer["weight"] + layer["bias"]


def _flat(inputs: Sequence[Any], states: Sequence[int], kind: Any) -> Any:
    """All inputs as one vector, categories as one-hot."""
    parts = [
        (jax.nn.one_hot(x, k, dtype=kind) if k else x).reshape(-1)
        for x, k in zip(inputs, states, strict=True)
    ]
    return jnp.concatenate(parts)


def _activation(network: Network) -> Callable[[Any], Any]:
    return JAX[str(dict(network.options)["act"])]


def _perceptron(network: Network, states: Sequence[int], shape: tuple[int, ...]) -> Call:
    act = _activation(network)

    def call(layers: Any, inputs: tuple[Any, ...]) -> Any:
        x = _flat(inputs, states, layers[0]["bias"].dtype)
        for layer in layers[:-1]:
            x = act(_through(layer, x))
        return _through(layers[-1], x).reshape(shape)

    return call


def _start_residual(network: Network, world: World, key: Any) -> dict[str, Any]:
    widths = [_width_in(network, world), *network.sizes]
    first, blocks, last = jax.random.split(key, 3)
    made = []
    for a, b in pairwise(widths[1:] if len(widths) > 1 else widths):
        blocks, one, two, three = jax.random.split(blocks, 4)
        block = {"in": _dense(a, b, one), "out": _dense(b, b, two)}
        made.append(block | ({"skip": _dense(a, b, three)} if a != b else {}))
    stem = _dense(widths[0], widths[1], first) if len(widths) > 1 else {}
    head = _dense(widths[-1], _width_out(network, world), last)
    return {"stem": stem, "blocks": made, "head": head}


def _residual_call(network: Network, states: Sequence[int], shape: tuple[int, ...]) -> Call:
    act = _activation(network)

    def call(weights: Any, inputs: tuple[Any, ...]) -> Any:
        x = _flat(inputs, states, weights["head"]["bias"].dtype)
        x = _through(weights["stem"], x) if weights["stem"] else x
        for block in weights["blocks"]:
            inner = _through(block["out"], act(_through(block["in"], act(x))))
            x = inner + (_through(block["skip"], x) if "skip" in block else x)
        return _through(weights["head"], act(x)).reshape(shape)

    return call


# ---------------------------------------------------------------------- lattices


def lattice(network: Network) -> tuple[Dimension, ...]:
    """The dimensions over which a network convolves: the first two at most of its only input."""
    if len(network.inputs) != 1:
        return ()
    return network.inputs[0][1][:2]


def _channels(network: Network, world: World) -> int:
    domain, dims = network.inputs[0]
    extra = math.prod(world.sizes[d.name] for d in dims[2:])
    return extra * (world.sizes[domain.labels.name] if domain.labels else 1)


def _keeps_lattice(network: Network) -> bool:
    places = lattice(network)
    return network.output[: len(places)] == places


def _kernel(network: Network, width_in: int, width_out: int, key: Any) -> dict[str, Any]:
    side = int(dict(network.options)["kernel"])
    shape = (*(side for _ in lattice(network)), width_in, width_out)
    weight = jax.nn.initializers.lecun_normal()(key, shape)
    return {"weight": weight, "bias": jnp.zeros(width_out)}


def _start_lattice(network: Network, world: World, key: Any) -> dict[str, Any]:
    widths = [_channels(network, world), *network.sizes]
    key, last = jax.random.split(key)
    layers: list[Any] = []
    for k, (a, b) in enumerate(pairwise(widths)):
        key, one, two, three = jax.random.split(key, 4)
        if network.architecture == "conv" or k == 0:
            layers.append(_kernel(network, a, b, one))
            continue
        block = {"in": _kernel(network, a, b, one), "out": _kernel(network, b, b, two)}
        layers.append(block | ({"skip": _dense(a, b, three)} if a != b else {}))
    places = len(lattice(network)) if _keeps_lattice(network) else 0
    out = math.prod(world.sizes[d.name] for d in network.output[places:])
    return {"layers": layers, "head": _dense(widths[-1], out, last)}


def _lattice_call(network: Network, states: int, shape: tuple[int, ...]) -> Call:
    act = _activation(network)
    places = lattice(network)

    def call(weights: Any, inputs: tuple[Any, ...]) -> Any:
        x = inputs[0]
        kind = weights["head"]["bias"].dtype
        x = jax.nn.one_hot(x, states, dtype=kind) if states else x
        x = x.reshape(*x.shape[: len(places)], -1)
        for k, layer in enumerate(weights["layers"]):
            if "in" in layer:
                inner = _convolve(layer["out"], act(_convolve(layer["in"], x, places)), places)
                x = act(inner + (_through(layer["skip"], x) if "skip" in layer else x))
            else:
                x = act(_convolve(weights["layers"][k], x, places))
        if not _keeps_lattice(network):
            x = x.mean(axis=tuple(range(len(places))))
        return _through(weights["head"], x).reshape(shape)

    return call


def _convolve(layer: Mapping[str, Any], x: Any, places: Sequence[Dimension]) -> Any:
    """One convolution; a cyclic dimension wraps, another is padded with zeros."""
    kernel = layer["weight"]
    for axis, dim in enumerate(places):
        side = kernel.shape[axis]
        pads = [(0, 0)] * x.ndim
        pads[axis] = ((side - 1) // 2, side // 2)
        x = jnp.pad(x, pads, mode="wrap" if dim.cyclic else "constant")
    letters = "HW"[: len(places)]
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    moved = jax.lax.conv_general_dilated(
        x[None], kernel, (1,) * len(places), "VALID", dimension_numbers=numbers
    )
    return moved[0] + layer["bias"]
