"""Exact log Z, exact gradients, exact log weights of data: streamed sums in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import NO_BETA, Situation, in_float64, with_walls
from ..backend.energy import State, stored_type
from ..samplers.beginning import random_state
from ..samplers.gaussian import complaint_of
from ..samplers.run import Clamped, clamped, situation_of
from ..samplers.undefined import undefined
from ..syntax.diagnostics import EbmError, complain
from .choosing import Call, Found, Ways, exactly, ways_of
from .streaming import streamed
from .summation import Summation, plan_sum

if TYPE_CHECKING:
    from ..model import Model

MOST_SECONDS = 600.0
# Nats of a wall in exact sums: beside the first, what is lost to rounding is below 1e-12.
WALLS = (2.0**12, 2.0**16, 2.0**22, 2.0**30, 2.0**40)
CLOSE, ROUNDING = 1e-9, 2.0**-48
NO_STATE = "no state is allowed"


@dataclass(frozen=True, slots=True, eq=False)
class ExactAnswer:
    """log Z in nats, E[dE/dtheta] (values' own space, one for each free number), and how it was had.

    `error`: how far the last two grids of an integral were apart; 0 for sums and closed forms.
    """

    log_z: float
    gradient: Mapping[str, Any] | None
    how: str
    error: float = 0.0


def exact(
    model: Model,
    params: Mapping[str, Any],
    *,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    gradient: bool = False,
    most_seconds: float = MOST_SECONDS,
) -> ExactAnswer:
    """log of the sum over all free unknowns of exp(-beta E), and its derivative by the parameters.

    d log Z / d theta = -beta E[dE/dtheta]. By the cheapest of closed forms with a listing of the
    rest, elimination site by site, and quadrature, in float64 whatever JAX's default is.
    Raises EbmError E705 with every way and its cost if none ends in `most_seconds`.
    """
    held = clamped(model, clamp)
    ways = ways_of(model, held)
    with jax.enable_x64(True):
        wide = in_float64(situation_of(model, params, given, beta, held))
        if gradient and beta == 0:  # the slope of log Z is 0 there, and tells no expectation
            wide = wide._replace(beta=jnp.full_like(wide.beta, NO_BETA))
        state = base_state(model, held)
        found = _found(ways, Call(model, held.signature, wide, state, gradient, most_seconds))
        if found.log_z == -np.inf and not gradient:
            return ExactAnswer(-np.inf, None, found.how)
        if not np.isfinite(found.log_z):
            raise _no_number(model, held, wide, state, found)
        arrays = None
        if gradient:
            scaled = jax.tree.map(lambda g: -np.asarray(g) / float(wide.beta), found.slope)
            arrays = _as_arrays(model, scaled)
    return ExactAnswer(found.log_z, arrays, found.how, found.error)


def _found(ways: Ways, call: Call) -> Found:
    """log Z by the cheapest way, with walls so high that what they forbid weighs nothing.

    Higher walls change nothing then; where log Z falls with them however high they are, no state is
    allowed, and it is -inf.
    """
    target = call.model.target
    if not target.walled:
        return exactly(ways, call)
    before: Found | None = None
    for nats in WALLS:
        found = exactly(ways, replace(call, situation=with_walls(target, call.situation, nats)))
        if np.isnan(found.log_z):
            return found
        if before is not None and _same(before, found, nats):
            return before
        if before is not None and found.log_z > before.log_z + nats / 2:
            raise _bottomless(call)
        before = found
    return Found(-np.inf, None, 0.0, NO_STATE)


def _bottomless(call: Call) -> EbmError:
    """E703: states with an energy of -inf, whose weight is infinite."""
    energies = call.model.target.program.energies
    names = [e.name for e in energies if e.walls is not None]
    return complain(
        "E703",
        "the energy is -inf at some states: their weight is infinite, and there is no log Z",
        notes=[f"what can be infinite stands in the energy `{'`, `'.join(names)}`"],
        helps=["a forbidden state has the energy inf, not -inf: look at the sign"],
    )


def _same(before: Found, now: Found, nats: float) -> bool:
    """Whether two log Z differ by no more than their errors, and rounding beside such walls."""
    rounding = CLOSE * (1 + abs(before.log_z)) + ROUNDING * nats
    return abs(before.log_z - now.log_z) <= rounding + before.error + now.error


def empty() -> EbmError:
    """E703: no state is allowed."""
    return complain(
        "E703",
        f"{NO_STATE}: Z = 0, and there is no law",
        helps=["look for conditions that no configuration can meet at once"],
    )


def _no_number(
    model: Model, held: Clamped, situation: Situation, state: State, found: Found
) -> Exception:
    """Why log Z is no number: no state is allowed, or the variable in which the energy is no bowl."""
    if found.log_z == -np.inf:
        return empty()
    plan = summation_of(model, held)
    if np.isnan(found.log_z) and (where := _undefined_at(plan, situation, state)) is not None:
        return undefined(model.target, situation, where)
    wild = [n for n in plan.closed if not plan.target.program.unknowns[n].domain.discrete] or list(
        plan.listed
    )
    return complaint_of(plan.summed.blocks, situation, [state]) or complain(
        "E703",
        f"log Z is {found.log_z:g}: the energy is not a bowl in `{'`, `'.join(wild)}` at these "
        "parameters",
        helps=["look at the signs of what is squared there"],
    )


def _undefined_at(plan: Summation, situation: Situation, state: State) -> State | None:
    """A state at which an energy is no number, among some of those that are listed."""
    target = plan.target
    few = np.unique(np.linspace(0, plan.chunks - 1, 8).astype(int)) if plan.listed else [0]
    low = np.repeat(plan.low, 16 if not plan.listed else 1, axis=0)
    listed = np.concatenate(
        [np.concatenate([np.tile(plan.high(int(k)), (len(low), 1)), low], axis=1) for k in few]
    )
    keys = jax.random.split(jax.random.key(0), len(listed))
    summed = {n: _free(plan, n) for n in plan.closed}

    def one(key: Any, values: Any) -> tuple[Any, State]:
        drawn = random_state(target, key)
        free = {n: jnp.where(mask, drawn[n], state[n]) for n, mask in summed.items()}
        there = plan.placed({**state, **free}, values)
        return jnp.isnan(target.whole(situation.params, there, situation.given)), there

    wild, states = jax.jit(jax.vmap(one))(keys, jnp.asarray(listed))
    if not bool(wild.any()):
        return None
    return jax.tree.map(lambda x: x[int(jnp.argmax(wild))], states)


def _free(plan: Summation, name: str) -> Any:
    """Which entries [dims] of a variable are summed."""
    sites = plan.sites[name]
    return np.asarray(sites.full(jnp.ones((sites.number, *sites.event)))) > 0


def summation_of(model: Model, held: Clamped) -> Summation:
    """The cheapest exact sum with these entries held; kept with the model."""
    return model.made(("sum", held.signature), lambda: plan_sum(model.target, held.masks))


def base_state(model: Model, held: Clamped) -> State:
    """Held values where they are held, zero elsewhere."""
    state = {}
    for name, symbol in model.program.unknowns.items():
        zero = jnp.zeros(model.world.shape(symbol), stored_type(symbol))
        state[name] = jnp.asarray(held.values[name], zero.dtype) if name in held.values else zero
    return state


def _as_arrays(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """One value for each free number as full arrays: both entries of a pair hold the pair's."""
    return jax.tree.map(np.asarray, model.parameter_space.arrays(jax.tree.map(jnp.asarray, values)))


def exact_log_weights(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    given: Mapping[str, Any] | None = None,
    beta: float = 1.0,
    batch: int = 512,
    masks: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """log of the sum over latents of exp(-beta E) for each example, in nats. Shapes: [example].

    `masks`: the entries [dims] that the examples know, all if not said; the others are summed too.
    Raises EbmError E705 if the latents have no closed form or are too many to list.
    """
    masks = dict(masks or {}) or {
        n: np.ones(model.world.shape(model.program.unknowns[n]), bool) for n in data
    }
    held = Clamped({n: jnp.zeros(m.shape) for n, m in masks.items()}, masks)
    plan = summation_of(model, held)
    shared, per_example = split_given(model, given)
    number = len(next(iter(data.values())))
    with jax.enable_x64(True):
        wide = in_float64(situation_of(model, params, shared | _firsts(per_example), beta))

        def one(situation: Situation, state: State, own: State, high: Any) -> Any:
            merged = situation._replace(given={**situation.given, **own})
            return plan.log_sum(merged, state, high)

        compiled = model.made(
            ("weights", held.signature, tuple(per_example)),
            lambda: jax.jit(jax.vmap(one, in_axes=(None, 0, 0, None))),
        )
        found = []
        for start in range(0, number, batch):
            rows = slice(start, start + batch)
            state = _example_states(model, data, rows)
            own = {n: jnp.asarray(v[rows]) for n, v in per_example.items()}

            def at(nats: float, state: State = state, own: State = own) -> np.ndarray:
                there = with_walls(model.target, wide, nats)
                log_sum, _ = streamed(
                    plan, lambda high: (compiled(there, state, own, high), ()), MOST_SECONDS
                )
                return np.asarray(log_sum)

            found.append(between_walls(at) if model.target.walled else at(WALLS[0]))
    return np.concatenate(found)


def between_walls(at: Callable[[float], np.ndarray]) -> np.ndarray:
    """Log weights with walls of any height; -inf for those that fall with it.

    `at` gives them for walls of so many nats.
    """
    before = at(WALLS[0])
    settled = np.full(before.shape, -np.inf)
    left = np.ones(before.shape, bool)
    for nats in WALLS[1:]:
        now = at(nats)
        same = np.abs(before - now) <= CLOSE * (1 + np.abs(before)) + ROUNDING * nats
        settled = np.where(left & (same | np.isnan(now)), before, settled)
        left &= ~same & ~np.isnan(now)
        if not left.any():
            break
        before = now
    return settled


def _example_states(model: Model, data: Mapping[str, Any], rows: slice) -> State:
    number = len(next(iter(data.values()))[rows])
    state = {}
    for name, symbol in model.program.unknowns.items():
        kind = stored_type(symbol)
        if name in data:
            state[name] = jnp.asarray(np.asarray(data[name])[rows], kind)
        else:
            state[name] = jnp.zeros((number, *model.world.shape(symbol)), kind)
    return state


def split_given(
    model: Model, given: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Given data shared by all examples, and those with one value an example."""
    shared: dict[str, Any] = {}
    own: dict[str, np.ndarray] = {}
    for name, value in model.given(given).items():
        array = np.asarray(value)
        if array.ndim == len(model.program.givens[name].dims) + 1:
            own[name] = array
        else:
            shared[name] = array
    return shared, own


def _firsts(own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n: v[0] for n, v in own.items()}
