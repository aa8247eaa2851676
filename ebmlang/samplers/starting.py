"""Where chains are asked to begin: values, draws of the densities, or one of NumPyro's strategies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.ancestral import Law, drawn, laws, ordered
from ..backend.arrays import as_array
from ..backend.checks import check_values
from ..backend.conditionals import Situation
from ..backend.energy import State, Target, stored_type
from ..semantics.context import nearest
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import complain
from .beginning import RADIUS, TRIES, Guess, Starter, begin_states, random_state, starter
from .plan import free_variables

if TYPE_CHECKING:
    from ..model import Model
    from .clamping import Clamped

# None, a name of `WAYS`, values by name, or one of NumPyro's strategies.
Init = str | Mapping[str, Any] | Callable[..., Any] | None
MIDDLE_OF = 15  # draws of which NumPyro's `init_to_median` takes the median


@dataclass(frozen=True, slots=True)
class Opening:
    """How a start is made up: free numbers up to a radius, or the median of draws of the densities.

    `draws` is 0 for the former. `values`: what begins where it is told, one for all chains or [chain, …].
    """

    radius: float = RADIUS
    draws: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)


WAYS: Mapping[str, Opening] = {
    "uniform": Opening(),
    "feasible": Opening(radius=0.0),
    "prior": Opening(draws=1),
    "sample": Opening(draws=1),
    "median": Opening(draws=MIDDLE_OF),
}


def opening_of(init: Init) -> Opening:
    """How chains are to begin. Raises EbmError E704 for what is no way to."""
    if init is None:
        return WAYS["uniform"]
    if isinstance(init, Mapping):
        return Opening(values=init)
    if isinstance(init, str):
        return _named(init.removeprefix("init_to_"), init)
    inner, settings = (init.func, init.keywords) if isinstance(init, partial) else (init, {})
    name = getattr(inner, "__name__", "").removeprefix("init_to_")
    match name:
        case "value":
            return Opening(values=settings.get("values", {}))
        case "uniform" if "radius" in settings:
            radius = float(settings["radius"])
            if not 0 <= radius < math.inf:
                raise complain("E704", f"the radius of a start is 0 or more, not {radius:g}")
            return Opening(radius=radius)
        case "median" if "num_samples" in settings:
            return Opening(draws=int(settings["num_samples"]))
        case _:
            return _named(name, init)


def _named(name: str, said: object) -> Opening:
    if name in WAYS:
        return WAYS[name]
    near = nearest(name, list(WAYS))
    raise complain(
        "E704",
        f"`init` cannot be {said!r}",
        notes=[
            f"it is a dict of values, one of {', '.join(map(repr, WAYS))}, or a strategy of NumPyro: "
            "init_to_value, init_to_uniform, init_to_feasible, init_to_median, init_to_sample"
        ],
        helps=[f'init="{near}"'] if near else [],
    )


def started(
    model: Model,
    situation: Situation,
    key: Any,
    chains: int,
    held: Clamped,
    init: Init,
    usual: Starter,
) -> State:
    """A state of finite energy for every chain, as `init` asks. Shapes: [chain, dims].

    What is held stays as it is held; what `init` gives no value is made up, at random by `usual`.
    Raises EbmError: E602 to E606 for values that do not fit, E703 where none has a finite energy,
    E704 for draws of densities that not every variable has.
    """
    opening, target = opening_of(init), model.target
    told = {n: _checked(n, v, model, chains) for n, v in opening.values.items()}
    start = usual
    if opening.draws or opening.radius != RADIUS:
        made = ("start", held.signature, opening.radius, opening.draws)
        start = model.made(made, lambda: starter(target, held.masks, _guess(target, opening, held)))
    failed = _failed(told, opening, target)
    return begin_states(target, start, situation, key, chains, held.values, told, failed)


def _failed(told: State, opening: Opening, target: Target) -> str:
    """What is said where no start has a finite energy."""
    if told and set(told) == set(target.program.unknowns):
        return "the values in `init` have no finite energy"
    beside = f" beside the `init` of `{'`, `'.join(told)}`" if told else ""
    drawn_from = " among draws of the densities" if opening.draws else ""
    return f"no start with a finite energy{drawn_from}{beside} in {TRIES} tries"


def _checked(name: str, given: Any, model: Model, chains: int) -> Any:
    """Values [chain, dims] of a variable, from those of one state or of one for each chain."""
    symbol = model.program.unknowns.get(name)
    if symbol is None:
        near = nearest(str(name), list(model.program.unknowns))
        raise complain(
            "E606",
            f"the model has no variable `{name}` to begin with",
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    shape, array = model.world.shape(symbol), as_array(name, given, symbol)
    if array.shape not in (shape, (chains, *shape)):
        one = list(shape) or "one number"
        raise complain(
            "E602",
            f"`init` has shape {list(array.shape)} for `{name}`, and {one} is wanted, or "
            f"{[chains, *shape]} for a value for each chain",
        )
    every = np.broadcast_to(array, (chains, *shape))
    for values in every:
        check_values(symbol, values, model.world, where="`init` has")
    return jnp.asarray(every, stored_type(symbol))


def _guess(target: Target, opening: Opening, held: Clamped) -> Guess:
    """Makes up a whole state: at random, or from the densities in their order."""
    if not opening.draws:
        return lambda situation, key, values: random_state(target, key, opening.radius)
    order = _order(target, held)

    def ancestral(situation: Situation, key: Any, values: State) -> State:
        key, first = jax.random.split(key)
        state = random_state(target, first)
        for name, mask in held.masks.items():
            state[name] = jnp.where(mask, values[name], state[name]).astype(state[name].dtype)
        for law in order:
            key, sub = jax.random.split(key)
            lowering = target.lowering(situation.params, state, situation.given)
            found = _middle(law.symbol, drawn(law, target, lowering, sub, opening.draws))
            name = law.symbol.name
            mask = held.masks.get(name, np.zeros((), bool))
            state[name] = jnp.where(mask, state[name], found).astype(state[name].dtype)
        return state

    return ancestral


def _order(target: Target, held: Clamped) -> list[Law]:
    """The densities of all that can move, each after those of the variables that it reads."""
    free = free_variables(target, held.masks)
    found = {n: law for n, law in laws(target).items() if n in free}
    bare = [n for n in free if n not in found]
    order, circle = ordered(found, set(target.program.unknowns) - set(free))
    if not bare and not circle:
        return order
    reason = (
        f"`{bare[0]}` has none" if bare else f"those of `{'`, `'.join(circle)}` read one another"
    )
    raise complain(
        "E704",
        f"starts drawn from densities need one after `~` for every unknown, and {reason}",
        helps=['init="uniform" needs none', "or give values: init={…}"],
    )


def _middle(symbol: Symbol, values: Any) -> Any:
    """The median [dims] of draws [draw, dims]; one draw where a median is no value of the type."""
    match symbol.domain.kind:
        case Kind.REAL | Kind.POSITIVE:
            return jnp.median(values, axis=0)
        case Kind.SIMPLEX:
            middle = jnp.median(values, axis=0)
            return middle / middle.sum(-1, keepdims=True)
        case _:
            return values[0]
