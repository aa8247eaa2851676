"""Exact log Z, exact gradients, exact log weights of data: streamed sums in float64."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..samplers.gaussian import complaint_of
from ..samplers.run import Clamped, clamped, situation_of
from ..syntax.diagnostics import complain
from .summation import Summation, plan_sum

if TYPE_CHECKING:
    from ..model import Model

MOST_SECONDS = 600.0
SURE_CHUNKS = 64


@dataclass(frozen=True, slots=True, eq=False)
class ExactAnswer:
    """log Z in nats, E[dE/dtheta] (values' own space, one for each free number), and how it was had."""

    log_z: float
    gradient: Mapping[str, Any] | None
    how: str


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

    d log Z / d theta = -beta E[dE/dtheta]. Sums run in float64 whatever JAX's default is.
    Raises EbmError E705 if a variable has no closed form, or the sum would take too long.
    """
    held = clamped(model, clamp)
    plan = summation_of(model, held)
    situation = situation_of(model, params, given, beta)
    with jax.enable_x64(True):
        wide = wide_situation(situation)
        state = _base_state(model, held)
        compiled = model.made(
            ("exact", held.signature, gradient), lambda: _compile(model, plan, gradient)
        )
        log_z, slope = _stream(plan, lambda high: compiled(wide, state, high), most_seconds)
        _check_finite(plan, wide, state, float(log_z))
    found = None
    if gradient:
        scaled = jax.tree.map(lambda g: -np.asarray(g) / beta, slope)
        found = _as_arrays(model, scaled)
    return ExactAnswer(float(log_z), found, plan.describe())


def _check_finite(plan: Summation, situation: Situation, state: State, log_z: float) -> None:
    """Refuse a log Z that is no number, with the variable in which the energy is no bowl."""
    if np.isfinite(log_z):
        return
    wild = [n for n in plan.closed if not plan.target.program.unknowns[n].domain.discrete] or list(
        plan.listed
    )
    raise complaint_of(plan.summed.blocks, situation, [state]) or complain(
        "E703",
        f"log Z is {log_z:g}: the energy is not a bowl in `{'`, `'.join(wild)}` at these parameters",
        helps=["look at the signs of what is squared there"],
    )


def summation_of(model: Model, held: Clamped) -> Summation:
    """The cheapest exact sum with these entries held; kept with the model."""
    return model.made(("sum", held.signature), lambda: plan_sum(model.target, held.masks))


def wide_situation(situation: Situation) -> Situation:
    """The situation in float64."""

    def wide(value: Any) -> Any:
        array = jnp.asarray(value)
        return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return jax.tree.map(wide, situation)


def _base_state(model: Model, held: Clamped) -> State:
    """Held values where they are held, zero elsewhere."""
    state = {}
    for name, symbol in model.program.unknowns.items():
        zero = jnp.zeros(model.world.shape(symbol), stored_type(symbol))
        state[name] = jnp.asarray(held.values[name], zero.dtype) if name in held.values else zero
    return state


def _compile(model: Model, plan: Summation, gradient: bool) -> Any:
    space = model.parameter_space

    def block(situation: Situation, state: State, high: Any) -> Any:
        def of_values(values: Any) -> Any:
            params = space.arrays(values)
            return plan.log_sum(situation._replace(params=params), state, high)

        values = space.values(situation.params)
        if gradient:
            return jax.value_and_grad(of_values)(values)
        return of_values(values), ()

    return jax.jit(block)


def _stream(plan: Summation, block: Any, most_seconds: float) -> tuple[Any, Any]:
    """Add up all blocks: log sums by logsumexp, derivatives weighted by their share."""
    logs: list[np.ndarray] = []
    slopes: Any = None
    top = -np.inf
    begun = 0.0
    for chunk in range(plan.chunks):
        log_sum, slope = block(jnp.asarray(plan.high(chunk)))
        log_sum = np.asarray(log_sum)
        logs.append(log_sum)
        above = np.maximum(top, log_sum)
        shift, share = np.exp(top - above), np.exp(log_sum - above)
        weighted = jax.tree.map(lambda g, s=share: np.asarray(g) * s, slope)
        slopes = (
            weighted
            if slopes is None
            else jax.tree.map(lambda a, b, s=shift: a * s + b, slopes, weighted)
        )
        top = above
        if chunk == 0:
            begun = time.perf_counter()
        elif chunk == 4 and plan.chunks > SURE_CHUNKS:
            _refuse_if_long((time.perf_counter() - begun) / 4 * plan.chunks, plan, most_seconds)
    stacked = np.stack(logs)
    highest = stacked.max(axis=0)
    total = highest + np.log(np.exp(stacked - highest).sum(axis=0))
    mass = np.exp(total - top)
    return total, jax.tree.map(lambda g: g / mass, slopes)


def _refuse_if_long(seconds: float, plan: Summation, most_seconds: float) -> None:
    if seconds > most_seconds:
        raise complain(
            "E705",
            f"the exact sum would take about {_duration(seconds)}, and at most "
            f"{_duration(most_seconds)} were allowed",
            notes=[plan.describe()],
        )


def _duration(seconds: float) -> str:
    for size, name in (
        (31557600.0, "years"),
        (86400.0, "days"),
        (3600.0, "hours"),
        (60.0, "minutes"),
    ):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} seconds"


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
) -> np.ndarray:
    """log of the sum over latents of exp(-beta E) for each example, in nats. Shapes: [example].

    Raises EbmError E705 if the latents have no closed form or are too many to list.
    """
    masks = {n: np.ones(model.world.shape(model.program.unknowns[n]), bool) for n in data}
    held = Clamped({n: jnp.zeros(m.shape) for n, m in masks.items()}, masks)
    plan = summation_of(model, held)
    shared, per_example = split_given(model, given)
    situation = situation_of(model, params, shared | _firsts(per_example), beta)
    number = len(next(iter(data.values())))
    with jax.enable_x64(True):
        wide = wide_situation(situation)

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
            log_sum, _ = _stream(
                plan,
                lambda high, s=state, o=own: (compiled(wide, s, o, high), ()),
                MOST_SECONDS,
            )
            found.append(np.asarray(log_sum))
    return np.concatenate(found)


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
