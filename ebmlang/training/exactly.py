"""Maximum likelihood by exact gradients: every example in every step, no samples, no noise.

mean_x F(x) + log Z - log prior / n, with F the free energy of an example and log Z exact, in float64,
is handed to L-BFGS; with given data of each example log Z is the mean of those of all examples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation, in_float64
from ..backend.energy import State, stored_type
from ..partition.exact import exact
from ..partition.examples import Examples
from ..partition.incomplete import Incomplete, incomplete_of
from ..partition.sources import in_memory
from ..progress import Progress
from ..syntax.diagnostics import EbmError, complain, warn
from . import runaway
from .feed import in_batches
from .lbfgs import Point, minimum
from .phases import Phases
from .prior import log_prior
from .stored import Fit

if TYPE_CHECKING:
    from ..model import Model

TOGETHER = 4096  # examples in one compiled call
BATCH = 100  # examples whose mean slopes are compared, to see which entries the data do not bound
MOST_APART = 512  # different given data, each of which has a log Z
EDGE = (
    "the search ended next to parameters that have no log Z, and may not have reached the optimum; "
    "begin elsewhere: fit(…, params=…)"
)
NOWHERE = ("E703", "E705")  # what is said where there is no log Z, or none that can be had exactly
Callback = Callable[[dict[str, float]], None]


def check_exact(**settings: object) -> None:
    """Refuse settings of chains and of steps, where gradients are exact. Raises EbmError E704."""
    for name, value in settings.items():
        if value is not None:
            raise complain(
                "E704",
                f'sampler="exact" draws no samples and leaves its steps to L-BFGS, and `{name}` has '
                "nothing to say to it",
                helps=[f'leave `{name}` out, or follow chains with it: sampler="auto"'],
            )


def _sums_of(phases: Phases, examples: Examples) -> Incomplete | None:
    """Sums over latents and what the examples lack, None where there is a closed form or nothing to sum.

    Raises EbmError E705 where there is none.
    """
    if examples.missing:
        return incomplete_of(phases.model, in_memory(examples.data))
    if phases.closed is not None or phases.latents is None:
        return None
    try:
        return incomplete_of(phases.model, in_memory(examples.data))
    except EbmError as error:
        raise complain(
            "E705",
            "the latents have no closed form given the data and are too many to list, and exact "
            "gradients need their sum",
            notes=[error.diagnostics[0].says],
            helps=['sampler="auto" samples them'],
        ) from error


@dataclass(frozen=True, slots=True)
class _Alike:
    """Given data that some of the examples have in common, and the share of these examples."""

    given: Mapping[str, Any]
    share: float


def _apart(examples: Examples) -> list[_Alike]:
    """All different given data, each of which has a log Z. Raises EbmError E705 for too many."""
    groups = examples.groups()
    if len(groups) > MOST_APART:
        raise complain(
            "E705",
            f"there are {len(groups)} different values of `{'`, `'.join(examples.own)}`, each with a "
            f"log Z of its own, and at most {MOST_APART} are summed exactly in every step",
            helps=[
                'sampler="auto" gives every example a chain',
                'objective="pseudo" wants no log Z, where it fits',
            ],
        )
    return [_Alike(given, len(rows) / examples.number) for rows, given in groups]


@dataclass(slots=True, eq=False)
class _Diary:
    """The history of a fit, a row for each evaluation."""

    bar: Progress
    callback: Callback | None
    rows: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    earlier: runaway.Earlier = ()

    def told(self, run: _Exact, place: np.ndarray) -> Point:
        """An evaluation, told. Raises EbmError E703 where it is not finite, or as log Z does."""
        begun = time.perf_counter()
        point, likelihood = run.value_and_slope(place)
        row = {
            "epoch": len(self.rows) + 1.0,
            "log_likelihood": likelihood,
            "objective": point.value,
            "gradient_norm": float(np.linalg.norm(point.slope)),
            "seconds": time.perf_counter() - begun,
        }
        self.rows.append(row)
        self.earlier = runaway.remembered(self.earlier, len(self.rows), run.params(place))
        self.bar.advance(
            1, f"{likelihood:.6f} nats an example, gradient {row['gradient_norm']:.2g}"
        )
        if self.callback is not None:
            self.callback(row)
        return point


def fit_exactly(
    phases: Phases,
    examples: Examples,
    params: Mapping[str, Any],
    epochs: int,
    progress: bool,
    callback: Callback | None,
) -> Fit:
    """Parameters at the maximum of the likelihood, or of the posterior where there are priors.

    An epoch is an evaluation of the gradient; it ends before `epochs` of them where the
    largest entry of the gradient is below 1e-8, or rounding stops it; it warns of parameters that
    run away. Parameters without a log Z are tried and left, and are in no row of the history.
    Raises EbmError E703 if the start is without one, E705 where log Z or the latents' sum is not exact.
    """
    run = _Exact(phases, examples, params, _sums_of(phases, examples))
    bar = Progress(epochs, f"fitting {phases.model.name}", progress)
    diary = _Diary(bar, callback)

    def tried(place: np.ndarray) -> tuple[float, np.ndarray] | None:
        try:
            return diary.told(run, place)[1:]
        except EbmError as error:
            if error.diagnostics[0].code not in NOWHERE:
                raise
            bar.advance(1)
            return None

    with bar:
        least = minimum(tried, diary.told(run, run.start), epochs)
    arrays = {n: np.array([row[n] for row in diary.rows]) for n in diary.rows[0]}
    steps = len(diary.rows)
    found = run.params(least.place)
    doubts = [EDGE] * least.edge + run.doubts(diary.earlier, steps, found)
    for says in doubts:
        warn(says)
    return Fit(phases.model.unconditioned, found, arrays, {}, steps, problems=tuple(doubts))


def _energy_of(phases: Phases, sums: Incomplete | None, back: Callable[[Any], Any]) -> Any:
    """Compiled: the sum of free energies of examples, and its slope by the free numbers."""
    space = phases.model.parameter_space

    def one(situation: Situation, own: State, state: State) -> Any:
        there = situation._replace(given={**situation.given, **own})
        return phases.free_energy(there, state) if sums is None else -sums.log_sum(there, state)

    def energy(place: Any, given: State, own: State, states: State) -> Any:
        situation = Situation(space.constrain(back(place)), given, jnp.ones(()))
        return jnp.sum(jax.vmap(one, in_axes=(None, 0, 0))(situation, own, states))

    return jax.jit(jax.value_and_grad(energy))


def _prior_of(model: Model, back: Callable[[Any], Any]) -> Any:
    """Compiled: log of the prior, and its slope by the free numbers."""

    def prior(place: Any, given: State) -> Any:
        return log_prior(model, model.parameter_space.constrain(back(place)), given)

    return jax.jit(jax.value_and_grad(prior))


class _Exact:
    """The objective over one flat vector of free numbers; `sums` where it lists what is summed."""

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
        self.apart = _apart(examples)
        self.shared = examples.shared
        self.own = in_memory(examples.own)
        self.number = examples.number
        self.data = examples.data
        made, names = self.model.made, (tuple(examples.data), tuple(examples.own))
        with jax.enable_x64(True):
            wide = in_float64(dict(params))
            free = self.model.parameter_space.unconstrain(wide)
            vector, self.back = ravel_pytree(free)
            self.start = np.asarray(vector)
        key = ("exact energy", *names, None if sums is None else sums.plan)
        self.energy = made(key, lambda: _energy_of(phases, sums, self.back))
        self.prior = made("exact prior", lambda: _prior_of(self.model, self.back))

    def value_and_slope(self, place: np.ndarray) -> tuple[Point, float]:
        """The objective in nats an example with its slope, and the log-likelihood.

        Raises EbmError E703 where they are not finite, and as `exact` does.
        """
        energy, energy_slope = self._energies(place)
        log_z, log_z_slope = self._log_z(place)
        with jax.enable_x64(True):
            prior, pull = self.prior(jnp.asarray(place), self._given(self.shared))
        likelihood = -energy - log_z
        value = -likelihood - float(prior) / self.number
        slope = energy_slope + log_z_slope - np.asarray(pull) / self.number
        if not (np.isfinite(value) and np.all(np.isfinite(slope))):
            raise complain(
                "E703",
                f"the log-likelihood is {likelihood:g} at these parameters, with a slope that is "
                f"{'finite' if np.all(np.isfinite(slope)) else 'not finite'}",
                helps=[
                    "look for an example whose energy, or the sum of whose latents, is not finite"
                ],
            )
        return Point(place, value, slope), likelihood

    def params(self, place: np.ndarray) -> dict[str, Any]:
        """The parameters of a vector, in float64."""
        with jax.enable_x64(True):
            free = self.back(jnp.asarray(place))
            return jax.tree.map(np.asarray, self.model.parameter_space.constrain(free))

    def doubts(self, earlier: runaway.Earlier, epoch: int, params: Mapping[str, Any]) -> list[str]:
        """Parameters that run away, in words."""
        program = self.model.program
        plain = {n: params[n] for n in program.params}
        masks = runaway.growing(earlier, epoch, plain)
        masks = {n: m for n, m in masks.items() if program.parameter_facts[n].prior is None}
        if not masks or self.sums is not None or self.own:
            return []
        rows = in_batches(self.number, min(BATCH, self.number))
        with jax.enable_x64(True):
            states = self._states(rows)
            known = jax.tree.map(jnp.asarray, dict(params))
            where = Situation(known, self._given(self.shared), jnp.ones(()))
            none = {n: v[0, :0] for n, v in states.items()}
            found = runaway.unbounded(masks, self.phases, where, [states], none)
        return runaway.told(found, plain)

    def _energies(self, place: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean free energy of the examples, and its slope."""
        energy, slope = 0.0, np.zeros_like(place)
        with jax.enable_x64(True):
            at, given = jnp.asarray(place), self._given(self.shared)
            for first in range(0, self.number, self.together):
                rows = slice(first, first + self.together)
                own = self._given({n: v[rows] for n, v in self.own.items()})
                part, part_slope = self.energy(at, given, own, self._states(rows))
                energy += float(part)
                slope += np.asarray(part_slope)
        return energy / self.number, slope / self.number

    def _log_z(self, place: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean of log Z over the examples, and its slope."""
        params = self.params(place)
        log_z, slope = 0.0, np.zeros_like(place)
        for alike in self.apart:
            answer = exact(self.model, params, given=alike.given, gradient=True)
            log_z += alike.share * answer.log_z
            with jax.enable_x64(True):
                slope -= alike.share * self._free_slope(jnp.asarray(place), answer.gradient)
        return log_z, slope

    def _given(self, arrays: Mapping[str, Any]) -> State:
        """Given data as the energy takes them."""
        givens = self.model.program.givens
        return {n: jnp.asarray(v, stored_type(givens[n])) for n, v in arrays.items()}

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
