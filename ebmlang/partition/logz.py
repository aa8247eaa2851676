"""log Z of a model between two bounds, with its error and how it was had."""

# pyright: strict

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax

from ..arguments import CHECKS, checked
from ..samplers.run import clamped, situation_of
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init, starting_values
from ..syntax.diagnostics import EbmError, complain
from .annealing import PILOTS, Annealed, anneal, prepare, schedule_of
from .choosing import AUTO_SECONDS
from .confined import refuse_unconfined
from .exact import MOST_SECONDS, exact
from .way import Point

if TYPE_CHECKING:
    from ..model import Model

METHODS = ("auto", "exact", "ais")


@dataclass(frozen=True, slots=True)
class LogPartition:
    """log Z in nats between two bounds; an exact value has no error and closes them.

    Annealed: `value` is the log of an unbiased estimate of Z, `lower` that estimate less two of
    its standard errors, `upper` that of a walk back from the model and two of its own. `effective`:
    how many weights count. `reached`: whether the error is below what was asked for. `problems`:
    what speaks against the value, in words.
    """

    value: float
    std_error: float
    lower: float
    upper: float
    method: str
    effective: float = float("inf")
    reached: bool = True
    problems: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the value."""
        return not self.problems

    def __str__(self) -> str:
        if self.std_error == 0:
            return f"log Z = {self.value:.6f} ({self.method})"
        lines = [
            f"log Z = {self.value:.4f} ± {self.std_error:.2g}, between {self.lower:.4f} and "
            f"{self.upper:.4f} ({self.method})"
        ]
        if not self.reached:
            lines.append("the standard error asked for was not reached in the most steps allowed")
        return "\n".join([*lines, *(f"not to be trusted: {p}" for p in self.problems)])


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
    ready = prepare(model, situation, held, chosen, first, init=init)
    hot, cold = Point(0.0, 1.0), Point(float(situation.beta), 0.0)
    schedule, _ = schedule_of(ready, ready.begin(second, PILOTS), hot, cold, sweeps)
    return told(anneal(ready, schedule, chains, target_error, sweeps, third))


def told(found: Annealed) -> LogPartition:
    """An annealed answer with its bounds, and what speaks against it."""
    forward, backward = found.forward, found.backward
    problems: list[str] = []
    if not forward.sound:
        problems.append(
            f"only {forward.effective:.1f} of {found.chains} weights count: neither the value nor "
            "its error is to be believed; more chains, or a target_error that asks for more steps"
        )
    if not found.closed:
        gap = backward.log_mean - forward.log_mean
        problems.append(
            f"the bracket does not close: the walk back gives {gap:+.2g} nats, more than the errors "
            "allow; the chains do not mix somewhere on the way"
        )
    return LogPartition(
        forward.log_mean,
        forward.std_error,
        forward.log_mean - 2 * forward.std_error,
        backward.log_mean + 2 * backward.std_error,
        f"annealed importance sampling, {found.chains} chains, {found.steps} steps there and back",
        forward.effective,
        found.reached,
        tuple(problems),
    )
