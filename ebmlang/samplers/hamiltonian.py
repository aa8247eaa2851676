"""HMC and NUTS: NumPyro's own, over the free numbers of the continuous variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
from numpyro.infer.hmc import hmc

from ..backend.conditionals import Situation
from ..backend.energy import State
from .block import Key, Moved
from .smooth import Smooth


@dataclass(frozen=True, slots=True, eq=False)
class HamiltonianBlock:
    """One transition of NumPyro's HMC or NUTS for the block given all else.

    `alone`: nothing else moves, so that energy and gradient of the last step still hold.
    """

    smooth: Smooth
    method: str  # hmc or nuts
    settings: dict[str, Any]
    alone: bool
    functions: dict[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> tuple[str, ...]:
        return self.smooth.variables

    def _numpyro(self) -> tuple[Any, Any]:
        """NumPyro's pair of functions; made once, since it keeps the settings of `start`."""
        if not self.functions:
            made = hmc(potential_fn_gen=self._potential, algo=self.method.upper())
            self.functions["start"], self.functions["move"] = made
        return self.functions["start"], self.functions["move"]

    def _potential(self, situation: Situation, state: State) -> Any:
        return lambda free: self.smooth.potential(free, situation, state)

    def tables(self, situation: Situation) -> Any:
        return self.smooth.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        start, _ = self._numpyro()
        settings = dict(self.settings)
        if self.method == "hmc" and settings.get("num_steps") is not None:
            settings["trajectory_length"] = None
        return start(
            self.smooth.free(state),
            warmup,
            rng_key=key,
            model_args=(situation, state),
            **settings,
        )

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        _, move = self._numpyro()
        if not self.alone:
            free = self.smooth.free(state)
            energy, slope = jax.value_and_grad(self._potential(situation, state))(free)
            inner = inner._replace(z=free, potential_energy=energy, z_grad=slope)
        inner = move(inner._replace(rng_key=key), model_args=(situation, state))
        moved = self.smooth.put(state, inner.z)
        inner = inner._replace(z=self.smooth.wrapped(inner.z))
        return Moved(
            moved, inner, inner.accept_prob, inner.num_steps, inner.diverging, inner.energy
        )
