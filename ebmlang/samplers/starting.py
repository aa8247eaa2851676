"""Where chains are asked to begin: values, draws of the densities, or one of NumPyro's strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..arguments import check_counts, check_mapping, check_number, shown
from ..backend.ancestral import Law, drawn, laws, ordered
from ..backend.arrays import as_array
from ..backend.checks import check_values
from ..backend.conditionals import Situation, with_walls
from ..backend.energy import State, Target, stored_type
from ..semantics.context import nearest
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import EbmError, complain
from .beginning import RADIUS, TRIES, Guess, Starter, not_finite, random_state, starter
from .plan import free_variables, make_plan
from .reach import reach_of
from .settings import sampler_of
from .sweep import Chain, begin, sweep

if TYPE_CHECKING:
    from ..model import Model
    from .clamping import Clamped

# None, a name of `WAYS`, values by name, or one of NumPyro's strategies.
Init = str | Mapping[str, Any] | Callable[..., Any] | None
REPAIRS = (64, 256, 1024)  # sweeps in which walls rise, at each attempt
LOW_WALL, HIGH_WALL = 0.5, 64.0  # nats
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
            values = settings.get("values", {})
            check_mapping("values", values)
            return Opening(values=values)
        case "uniform" if "radius" in settings:
            radius = check_number("radius", settings["radius"], "0 or more", lambda x: x >= 0)
            return Opening(radius=radius)
        case "median" if "num_samples" in settings:
            check_counts(num_samples=settings["num_samples"])
            return Opening(draws=int(settings["num_samples"]))
        case _:
            return _named(name, init)


def _named(name: str, said: object) -> Opening:
    if name in WAYS:
        return WAYS[name]
    near = nearest(name, list(WAYS))
    raise complain(
        "E704",
        f"`init` cannot be {shown(said)}",
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
    told = starting_values(model, init, chains, held)
    start = usual
    if opening.draws or opening.radius != RADIUS:
        made = ("start", held.signature, opening.radius, opening.draws)
        start = model.made(made, lambda: starter(target, held.masks, _guess(target, opening, held)))
    failed = _failed(told, opening, target)
    return begin_states(start, situation, key, chains, held.values, told, failed)


def starting_values(model: Model, init: Init, chains: int, held: Clamped) -> State:
    """The values [chain, dims] that `init` has for variables. Raises EbmError as `started` does."""
    values = opening_of(init).values
    return {n: _checked(n, v, model, chains, held) for n, v in values.items()}


def begin_states(
    start: Starter,
    situation: Situation,
    key: Any,
    chains: int,
    values: State,
    told: State | None = None,
    failed: str = f"no start with a finite energy in {TRIES} tries",
) -> State:
    """An allowed state for every chain: one of a few tries, else one that is repaired.

    Shapes: [chain, dims]. Raises EbmError E703 that names the energy and the variable if none is
    found, and says `failed`.
    """
    told = told or {}
    states, fine = start(situation, jax.random.split(key, chains), values, told)
    # Within a compiled function, as under NumPyro's `parallel`, nothing can be raised.
    if isinstance(fine, Tracer) or bool(jnp.all(fine)):
        return states
    if start.target.walled:
        states, fine = repaired(start, situation, key, states, frozenset(told))
        if bool(jnp.all(fine)):
            return states
        failed = (
            f"no allowed state was found: {failed}, nor by {REPAIRS[-1]} sweeps that repair one"
        )
    one = jax.tree.map(lambda x: x[int(jnp.argmin(fine))], states)
    reach = reach_of(start.target, start.masks)
    if reach is not None and not reach.groups(situation, one).allowed:
        failed = "no state is allowed: Z = 0, and there is no law"
    raise not_finite(start.target, situation, one, failed)


def repaired(
    start: Starter,
    situation: Situation,
    key: Any,
    states: State,
    told: frozenset[str],
    fine: Any = None,
    share: bool = True,
) -> tuple[State, Any]:
    """States [chain, dims] moved until they run into no wall, and which of them are allowed.

    Sweeps of the model with walls that rise slowly, longer each time. Values that were asked for in
    `init` stay, and so do states that are `fine`. `share`: chains that find no way begin where
    another did.
    """
    run = start.repair.get(told) or _repair(start, told)
    start.repair[told] = run
    fine = jnp.zeros(len(jax.tree.leaves(states)[0]), bool) if fine is None else fine
    if run is None:
        return states, fine
    done: Any = fine
    for length in REPAIRS:
        ramp = jnp.geomspace(LOW_WALL, HIGH_WALL, length)
        for part in ramp.reshape(-1, REPAIRS[0]):
            key, sub = jax.random.split(key)
            moved, done = run(jax.random.split(sub, len(fine)), situation, states, part)
            states = jax.tree.map(lambda a, b, f=fine: _where(f, a, b), states, moved)
        fine = fine | done
        if bool(jnp.all(fine)):
            break
    found = np.flatnonzero(np.asarray(fine))
    if share and len(found):
        rows = np.where(np.asarray(fine), np.arange(len(fine)), np.resize(found, len(fine)))
        states, fine = jax.tree.map(lambda x: x[rows], states), jnp.ones_like(fine)
    return states, fine


def _where(which: Any, a: Any, b: Any) -> Any:
    return jnp.where(which.reshape(-1, *(1,) * (a.ndim - 1)), a, b)


def _repair(start: Starter, told: frozenset[str]) -> Callable[..., Any] | None:
    """Compiled: sweeps with walls of so many nats each; None where nothing is left to move."""
    target = start.target
    masks = dict(start.masks)
    for name in told:
        masks[name] = np.ones(target.world.shape(target.program.unknowns[name]), bool)
    try:
        plan = make_plan(target, sampler_of("auto"), masks, fallback="mala", carried=False)
    except EbmError:
        return None

    def one(key: Any, situation: Situation, state: State, ramp: Any) -> Any:
        soft = with_walls(target, situation, LOW_WALL)

        def sweep_at(chain: Chain, nats: Any) -> tuple[Chain, None]:
            there = with_walls(target, situation, nats)._replace(tables=None)
            return sweep(plan, there, chain)[0], None

        chain, _ = jax.lax.scan(sweep_at, begin(plan, key, soft, state, len(ramp)), ramp)
        energy = target.whole(situation.params, chain.state, situation.given)
        return chain.state, jnp.isfinite(energy)

    return jax.jit(jax.vmap(one, in_axes=(0, None, 0, None)))


def _failed(told: State, opening: Opening, target: Target) -> str:
    """What is said where no start has a finite energy."""
    if told and set(told) == set(target.program.unknowns):
        return "the values in `init` have no finite energy"
    beside = f" beside the `init` of `{'`, `'.join(told)}`" if told else ""
    drawn_from = " among draws of the densities" if opening.draws else ""
    return f"no start with a finite energy{drawn_from}{beside} in {TRIES} tries"


def _checked(name: str, given: Any, model: Model, chains: int, held: Clamped) -> Any:
    """Values [chain, dims] of a variable, from those of one state or of one for each chain.

    Entries that are held have their values anyway, and are not looked at.
    """
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
    if name in held.masks and array.dtype.kind in "biuf":
        array = np.where(held.masks[name], np.asarray(held.values[name]), array)
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
