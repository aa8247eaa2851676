"""Free energies: what is left of an energy when some unknowns are summed out, as a JAX function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import check_mapping
from ..backend.conditionals import Situation
from ..backend.energy import State, batched, stored_type
from ..backend.parameters import as_arrays
from ..syntax.diagnostics import complain
from .summation import Summation, plan_sum

if TYPE_CHECKING:
    from ..model import Model


def free_energy(
    model: Model,
    params: Mapping[str, Any],
    state: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
) -> Any:
    """-log of the sum of exp(-E) over the unknowns that the state lacks, in nats; held ones are given.

    Shapes: state[name] […, dims of name] -> […]. Raises EbmError E705 if that sum has no closed
    form and too many states to list.
    """
    check_mapping("state", state)
    model = model.given_held(frozenset(n for n in model.bindings.held if n not in state))
    program, world = model.program, model.world
    absent = [n for n in program.unknowns if n not in state]
    params = as_arrays(program, world, params)
    zeros = {n: _zeros(model, n) for n in absent}
    flat, known, batch = batched(program, world, {**zeros, **state}, model.given(given))
    key = ("free energy", *absent)
    function = model.made(key, lambda: _compile(model, [n for n in program.unknowns if n in state]))
    if not flat and not known:
        return function(params, {}, {})
    return function(params, flat, known).reshape(batch)


def _zeros(model: Model, name: str) -> Any:
    symbol = model.program.unknowns[name]
    return jnp.zeros(model.world.shape(symbol), stored_type(symbol))


def _compile(model: Model, present: list[str]) -> Callable[..., Any]:
    masks = {n: np.ones(model.world.shape(model.program.unknowns[n]), bool) for n in present}
    summation = plan_sum(model.target, masks)
    _refuse_long(summation)

    def one(params: Any, state: State, given: State) -> Any:
        situation = Situation(params, given, jnp.ones(()))
        return -summation.log_sum(situation, state, jnp.zeros(0))

    return jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))


def _refuse_long(summation: Summation) -> None:
    if summation.chunks > 1:
        raise complain(
            "E705",
            f"a free energy would list {summation.states:.3g} states for every configuration",
            notes=[summation.describe()],
            helps=["give more of the variables in the state"],
        )
