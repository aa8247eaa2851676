"""log Z of a model between two bounds, with its error and how it was had."""

# pyright: strict, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import CHECKS, checked
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..evaluation.diagnostics import Judged, doubts, not_finite, together
from ..samplers.rounding import lost_to_rounding
from ..samplers.run import clamped, situation_of
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init, starting_values
from ..syntax.diagnostics import EbmError, complain
from .annealing import PILOTS, Annealed, anneal, prepare, schedule_of
from .choosing import AUTO_SECONDS
from .confined import refuse_unconfined
from .exact import MOST_SECONDS, exact
from .way import Point
from .weights import apart, doubts_of

if TYPE_CHECKING:
    from ..model import Model

LEVEL = 0.01  # nats between states that are not of one energy
METHODS = ("auto", "exact", "ais")


@dataclass(frozen=True, slots=True)
class LogPartition(Judged):
    """log Z in nats between two bounds; an exact value has no error and closes them.

    Annealed: `value` is the log of an unbiased estimate of Z, `lower` that estimate less two of
    its standard errors, `upper` that of a walk back from the model and two of its own, or the value
    and two of its errors where that is more. `effective`: how many weights count. `reached`: whether
    the error is below what was asked for. `problems`: what speaks against the value, in words. A
    value of -inf says that no state is allowed.
    """

    value: float
    std_error: float
    lower: float
    upper: float
    method: str
    effective: float = float("inf")
    reached: bool = True
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bounds = {"the lower bound of log Z": self.lower, "the upper bound of log Z": self.upper}
        named = {"log Z": self.value, **bounds, "the error of log Z": self.std_error}
        found = [*not_finite(named, () if self.value > -np.inf else ("log Z", *bounds))]
        if self.lower > self.upper:
            found.append(
                f"the lower bound {self.lower:.6g} is above the upper one, {self.upper:.6g}"
            )
        elif self.value < self.lower or self.value > self.upper:
            found.append(
                f"log Z = {self.value:.6g} is not between its bounds, {self.lower:.6g} and "
                f"{self.upper:.6g}"
            )
        object.__setattr__(self, "problems", together(self.problems, found))

    def __str__(self) -> str:
        if self.std_error == 0:
            return "\n".join([f"log Z = {self.value:.6f} ({self.method})", *doubts(self.problems)])
        lines = [
            f"log Z = {self.value:.4f} ± {self.std_error:.2g}, between {self.lower:.4f} and "
            f"{self.upper:.4f} ({self.method})"
        ]
        return "\n".join([*lines, *doubts(self.problems)])


@checked(sweeps=CHECKS["draws"])
def log_partition(
    model: Model,
    params: Mapping[str, Any],
    method: str = "auto",
    *,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    chains: int = 256,
    target_error: float = 0.05,
    sampler: str | Sampler = "auto",
    sweeps: int = 1,
    init: Init = None,
    seed: int = 0,
) -> LogPartition:
    """log of the sum (or integral) over all unknowns of exp(-beta E), in nats.

    `exact`: in closed form what the structure allows, the rest by the cheapest exact way; refused
    where it would take too long. `ais`: annealed importance sampling by `chains` chains, `sweeps`
    sweeps of `sampler` a step, twice as many steps until the standard error is below
    `target_error`, five rounds at most, and a walk back. `auto`: exact where that takes
    half a minute, else annealed. `init`: where the pilot chains of the walk begin, as for `ebm.sample`.
    Raises EbmError E705 for an exact sum that would take too long, E708 for a model that has no
    log Z, E703 for energies that are not finite.
    """
    if method not in METHODS:
        raise complain(
            "E706",
            f"there is no method `{method}` for log Z",
            notes=["the methods are " + ", ".join(METHODS)],
        )
    model = model.settled(given)
    model.check_params(params)
    held, chosen = clamped(model, clamp), sampler_of(sampler)
    starting_values(model, init, PILOTS, held)
    refuse_unconfined(model, {**model.bindings.held, **(clamp or {})})
    if method != "ais":
        try:
            most = MOST_SECONDS if method == "exact" else AUTO_SECONDS
            answer = exact(model, params, beta=beta, clamp=clamp, given=given, most_seconds=most)
            z, off = answer.log_z, answer.error
            return LogPartition(z, off, z - 2 * off, z + 2 * off, f"exact: {answer.how}")
        except EbmError as error:
            if method == "exact" or error.diagnostics[0].code != "E705":
                raise
    situation = situation_of(model, params, given, beta, held)
    first, second, third = jax.random.split(jax.random.key(seed), 3)
    ready = prepare(model, situation, held, chosen, first, init=init, params=params)
    hot, cold = Point(0.0, 1.0), Point(float(situation.beta), 0.0)
    schedule, _ = schedule_of(ready, ready.begin(second, PILOTS), hot, cold, sweeps)
    annealed = anneal(ready, schedule, chains, target_error, sweeps, third)
    found = told(model, situation, annealed)
    ends = annealed.walk.chains.state
    lost = lost_to_rounding(model, ready.way.plan, situation, ends, np.zeros(0))
    return replace(found, problems=together(found.problems, lost))


def told(model: Model, situation: Situation, found: Annealed) -> LogPartition:
    """An annealed answer with its bounds, and what speaks against it."""
    forward, backward = found.forward, found.backward
    logs = np.asarray(found.walk.log_weights, np.float64)
    problems = doubts_of(logs, forward, found.target_error, found.walk.stuck)
    if forward.sound:
        problems += _unlike(model, situation, found, logs)
    if np.isfinite(backward.log_mean) and not found.closed:
        gap = backward.log_mean - forward.log_mean
        problems.append(
            f"the bracket does not close: the walk back gives {gap:+.2g} nats, more than the errors "
            "allow; the chains do not mix somewhere on the way"
        )
    return LogPartition(
        forward.log_mean,
        forward.std_error,
        forward.log_mean - 2 * forward.std_error,
        max(backward.log_mean + 2 * backward.std_error, forward.log_mean + 2 * forward.std_error),
        f"annealed importance sampling, {found.chains} chains, {found.steps} steps there and back",
        forward.effective,
        found.reached,
        tuple(problems),
    )


def _unlike(
    model: Model, situation: Situation, found: Annealed, log_weights: np.ndarray
) -> list[str]:
    """Energy and quantities whose law the ends of the way there and the starts of the way back disagree on."""

    def seen(state: State) -> dict[str, Any]:
        named = model.target.quantities(situation.params, state, situation.given)
        energy = model.target.energy(situation.params, state, situation.given)
        return {"the energy": energy} | {f"`{n}`": jnp.asarray(v) for n, v in named.items()}

    names = model.made("seen at the ends", lambda: jax.jit(jax.vmap(seen)))
    ends, starts = (
        {n: np.asarray(v, np.float64).reshape(found.chains, -1) for n, v in names(state).items()}
        for state in (found.walk.chains.state, found.starts.chains.state)
    )
    tests = sum(v.shape[1] for v in ends.values())
    weights = log_weights, np.zeros(found.chains)
    unlike = [
        name
        for name, first in ends.items()
        if any(apart(a, b, weights, tests) for a, b in zip(first.T, starts[name].T, strict=True))
    ]
    problems = [
        f"{' and '.join(unlike)} at the end of the way differ from what sweeps of the model itself make "
        "of them: the chains do not follow the way; more sweeps or steps"
    ]
    stuck = found.starts.stuck
    levels = float(situation.beta) * starts["the energy"][stuck]
    if 2 * stuck.sum() > found.chains and np.ptp(levels) > LEVEL:
        still = f"{int(stuck.sum())} of {found.chains} chains never moved at the model itself"
        return [
            *(problems if unlike else []),
            f"{still}, at energies that differ by up to "
            f"{np.ptp(levels):.3g} nats; a sampler that moves them",
        ]
    return problems if unlike else []
