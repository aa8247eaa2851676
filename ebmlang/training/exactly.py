"""Maximum likelihood by exact gradients: every example in every step, no samples, no noise.

mean_x F(x) + log Z - log prior / n, with F the free energy of an example and log Z exact, in float64,
is handed to L-BFGS (Liu & Nocedal 1989) as SciPy has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize

from ..backend.conditionals import Situation, in_float64
from ..backend.energy import stored_type
from ..partition.exact import exact
from ..partition.examples import Examples
from ..partition.incomplete import Incomplete, incomplete_of
from ..partition.sources import in_memory
from ..progress import Progress
from ..syntax.diagnostics import complain
from . import runaway
from .feed import in_batches
from .phases import Phases
from .prior import log_prior
from .stored import Fit
from .telling import warn

if TYPE_CHECKING:
    from ..model import Model

TOGETHER = 4096  # examples in one compiled call
BATCH = 100  # examples whose mean slopes are compared, to see which entries the data do not bound
MEMORY = 20  # pairs that L-BFGS keeps
STILL = 1e-8  # largest entry of the gradient at which the optimum is reached


def _sums_of(phases: Phases, examples: Examples) -> Any:
    """Sums over what the examples lack, None where they lack nothing; refused where none is exact."""
    if examples.own:
        raise complain("E704", "exact gradients want one log Z: here every example has its own")
    sums = incomplete_of(phases.model, in_memory(examples.data)) if examples.missing else None
    if sums is None and phases.closed is None and phases.latents is not None:
        raise complain(
            "E705",
            "the latents have no closed form given the data, and exact gradients need one",
            helps=['sampler="auto" samples them'],
        )
    return sums


def fit_exactly(
    phases: Phases,
    examples: Examples,
    params: Mapping[str, Any],
    epochs: int,
    progress: bool,
    callback: Callable[[dict[str, float]], None] | None,
) -> Fit:
    """Parameters at the maximum of the likelihood, or of the posterior where there are priors.

    An epoch is an evaluation of the gradient; it ends before `epochs` of them where the
    largest entry of the gradient is below 1e-8, or rounding stops it; it warns of parameters that
    run away. Raises EbmError E705 where log Z or the latents' sum is not exact, E704 where given
    data are the examples' own.
    """
    sums = _sums_of(phases, examples)
    run = _Exact(phases, examples, params, sums)
    bar = Progress(epochs, f"fitting {phases.model.name}", progress)
    history: list[dict[str, float]] = []
    earlier: runaway.Earlier = ()

    def told(vector: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal earlier
        begun = time.perf_counter()
        value, likelihood, slope = run.value_and_slope(vector)
        row = {
            "epoch": len(history) + 1.0,
            "log_likelihood": likelihood,
            "objective": value,
            "gradient_norm": float(np.linalg.norm(slope)),
            "seconds": time.perf_counter() - begun,
        }
        history.append(row)
        earlier = runaway.remembered(earlier, len(history), run.params(vector))
        bar.advance(1, f"{likelihood:.6f} nats an example, gradient {row['gradient_norm']:.2g}")
        if callback is not None:
            callback(row)
        return value, slope

    with bar:
        found = minimize(told, run.start, jac=True, method="L-BFGS-B", options={
            "maxfun": epochs, "maxiter": epochs, "gtol": STILL, "ftol": 0.0, "maxcor": MEMORY,
        })  # fmt: skip
    arrays = {n: np.array([row[n] for row in history]) for n in history[0]}
    params = run.params(found.x)
    doubts = run.doubts(earlier, len(history), params)
    for says in doubts:
        warn(says)
    return Fit(phases.model.unconditioned, params, arrays, {}, len(history), problems=tuple(doubts))


class _Exact:
    """The objective over one flat vector of free numbers; `sums` where examples lack entries."""

    def __init__(
        self,
        phases: Phases,
        examples: Examples,
        params: Mapping[str, Any],
        sums: Incomplete | None,
    ) -> None:
        self.phases = phases
        self.sums = sums
        self.together = TOGETHER if sums is None else sums.together
        self.model: Model = phases.model
        self.shared = dict(examples.shared)
        self.number = examples.number
        self.data = examples.data
        with jax.enable_x64(True):
            wide = in_float64(dict(params))
            free = self.model.parameter_space.unconstrain(wide)
            vector, self.back = ravel_pytree(free)
            self.start = np.asarray(vector)
            self.energy = jax.jit(jax.value_and_grad(self._energy))
            self.prior = jax.jit(jax.value_and_grad(self._prior))

    def value_and_slope(self, vector: np.ndarray) -> tuple[float, float, np.ndarray]:
        """The objective in nats an example, the log-likelihood, and the objective's slope."""
        with jax.enable_x64(True):
            at = jnp.asarray(vector)
            energy, slope = 0.0, np.zeros_like(vector)
            for first in range(0, self.number, self.together):
                rows = slice(first, first + self.together)
                part, own = self.energy(at, self._states(rows))
                energy += float(part)
                slope += np.asarray(own)
            prior, pull = self.prior(at)
            params = self.params(vector)
        answer = exact(self.model, params, given=self.shared, gradient=True)
        with jax.enable_x64(True):
            rise = self._free_slope(at, answer.gradient)
        likelihood = -energy / self.number - answer.log_z
        value = -likelihood - float(prior) / self.number
        whole = slope / self.number - rise - np.asarray(pull) / self.number
        return value, likelihood, whole

    def params(self, vector: np.ndarray) -> dict[str, Any]:
        """The parameters of a vector, in float64."""
        with jax.enable_x64(True):
            free = self.back(jnp.asarray(vector))
            return jax.tree.map(np.asarray, self.model.parameter_space.constrain(free))

    def doubts(self, earlier: runaway.Earlier, epoch: int, params: Mapping[str, Any]) -> list[str]:
        """Parameters that run away, in words."""
        program = self.model.program
        plain = {n: params[n] for n in program.params}
        masks = runaway.growing(earlier, epoch, plain)
        masks = {n: m for n, m in masks.items() if program.parameter_facts[n].prior is None}
        if not masks or self.sums is not None:
            return []
        rows = in_batches(self.number, min(BATCH, self.number))
        with jax.enable_x64(True):
            states = self._states(rows)
            where = self._situation(jax.tree.map(jnp.asarray, dict(params)))
            none = {n: v[0, :0] for n, v in states.items()}
            found = runaway.unbounded(masks, self.phases, where, [states], none)
        return runaway.told(found, plain)

    def _energy(self, vector: Any, states: Any) -> Any:
        situation = self._situation(self.model.parameter_space.constrain(self.back(vector)))
        sums = self.sums
        if sums is not None:
            return -jnp.sum(jax.vmap(lambda row: sums.log_sum(situation, row))(states))
        return jnp.sum(jax.vmap(lambda s: self.phases.free_energy(situation, s))(states))

    def _situation(self, params: Any) -> Situation:
        givens = self.model.program.givens
        given = {n: jnp.asarray(v, stored_type(givens[n])) for n, v in self.shared.items()}
        return Situation(params, given, jnp.ones(()))

    def _prior(self, vector: Any) -> Any:
        params = self.model.parameter_space.constrain(self.back(vector))
        return log_prior(self.model, params, self._situation({}).given)

    def _free_slope(self, vector: Any, gradient: Any) -> np.ndarray:
        """E[dE/d(free)] from E[dE/dtheta]: one pull back through what constrains the values."""
        space = self.model.parameter_space

        def values(vector: Any) -> Any:
            return space.values(space.constrain(self.back(vector)))

        _, pull = jax.vjp(values, vector)
        (slope,) = pull(space.values(in_float64(gradient)))
        return np.asarray(slope)

    def _states(self, rows: slice | np.ndarray) -> dict[str, Any]:
        """Configurations of these rows [row, …], or of rows [batch, row]."""
        unknowns = self.model.program.unknowns
        if self.sums is not None:
            return {n: jnp.asarray(v[rows], jnp.float64) for n, v in self.data.items()}
        states = {n: jnp.asarray(v[rows], stored_type(unknowns[n])) for n, v in self.data.items()}
        numbers = np.arange(self.number)[rows].shape
        for name, symbol in unknowns.items():
            if name not in states:
                shape = (*numbers, *self.model.world.shape(symbol))
                states[name] = jnp.zeros(shape, stored_type(symbol))
        return states
