"""Log probabilities of data: latents summed exactly or annealed given each example, log Z beside them."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import CHECKS, checked, wrong
from ..backend.energy import stored_type
from ..evaluation.diagnostics import Judged, doubts, not_finite, together
from ..samplers.clamping import Clamped
from ..samplers.run import situation_of
from ..samplers.settings import Sampler, sampler_of
from ..syntax.diagnostics import EbmError, complain
from .annealing import LEAST_STEPS, MOST_STEPS, PILOTS, Annealing, more, prepare, schedule_of
from .exact import empty, exact_log_weights
from .examples import prepare as prepared
from .gaps import patterns
from .incomplete import incomplete_log_weights
from .logz import LogPartition, log_partition
from .sources import Rows, bytes_of_row
from .way import Point
from .weights import Estimate, doubts_of, estimate

if TYPE_CHECKING:
    from ..model import Model

TOGETHER = 4096  # chains of one annealed walk
CHAINS = 32  # of each example
MOST_BYTES = 1 << 28  # of examples that are weighed together
FEW_PATTERNS = 8  # ways to lack entries for which a program each is made
MOST_PATTERNS = 64


@dataclass(frozen=True, slots=True, eq=False)
class LogProb(Judged):
    """log p of each example in nats: `values` [example] with `std_error` [example].

    The error is that of latents that were annealed together with that of log Z, which all examples
    share: `shared_error` is the latter alone. `log_z`: of each group of examples with the same given
    data, one as a rule. `doubts`: what speaks against the sums over latents. A value of -inf is that
    of an example that is not allowed. Annealed latents make values a little low, never high, in expectation.
    """

    values: np.ndarray
    std_error: np.ndarray
    log_z: tuple[LogPartition, ...]
    shared_error: float
    method: str
    doubts: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean nats an example."""
        return float(self.values.mean())

    @property
    def mean_error(self) -> float:
        """Standard error of the mean that estimation leaves: not that of another sample of data."""
        own = np.maximum(self.std_error**2 - self.shared_error**2, 0.0)
        return float(np.hypot(np.sqrt(own.sum()) / len(own), self.shared_error))

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against the values or a log Z, in words."""
        named = {"log p": self.values, "the error of log p": self.std_error}
        wrong = not_finite(named, ("log p",))
        return together(self.doubts, *(z.problems for z in self.log_z), wrong)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        line = f"{self.mean:.4f} ± {self.mean_error:.2g} nats an example, {len(self)} examples "
        return "\n".join([f"{line}({self.method})", *doubts(self.problems)])


def _check_log_z(name: str, value: Any) -> None:
    if not isinstance(value, LogPartition):
        raise wrong(name, "what ebm.log_partition gives", value)


@checked(sweeps=CHECKS["draws"], log_z=_check_log_z)
def log_prob(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    *,
    log_z: LogPartition | None = None,
    method: str = "auto",
    target_error: float = 0.05,
    sampler: str | Sampler = "auto",
    sweeps: int = 1,
    seed: int = 0,
) -> LogProb:
    """log p(data | given) of each example, in nats.

    data[name] [example, dims]; unknowns that are not in the data, and entries that an example lacks
    (NaN), are summed, those that the model holds (`bind`) are given: exactly where that has
    a closed form or few states, else by annealed importance sampling given each example (32 chains
    each), until the root mean square of their standard errors is below `target_error`. `log_z`: if
    it is known already; else by `log_partition` with the same `method`.
    Raises EbmError as `log_partition` does.
    """
    sampler_of(sampler)
    model, examples = prepared(model.conditioned, data, given)
    model.check_params(params)
    if examples.stream is not None:
        raise complain(
            "E606",
            "log p is told example by example, and those of an iterable come only one after another",
            helps=['arrays or a file: log_prob(model, params, "data.h5")'],
        )
    arrays = examples.data
    settings: dict[str, Any] = {"target_error": target_error, "sampler": sampler,
                                "sweeps": sweeps, "seed": seed}  # fmt: skip
    values, errors = np.zeros(examples.number), np.zeros(examples.number)
    found: list[LogPartition] = []
    hows: list[str] = []
    wrong: list[str] = []
    for rows, known in examples.groups():
        z = log_z
        for few in _parted(rows, arrays):
            part = {n: v[few] for n, v in arrays.items()}
            weights, error, how, speaks = _of_known(model, params, part, known, method, settings)
            z = z or log_partition(model, params, method, given=known, **settings)
            if z.value == -np.inf:
                raise empty()
            values[few], errors[few] = weights - z.value, np.hypot(error, z.std_error)
            hows.append(f"{how}; log Z {z.method}")
            wrong += speaks
        found += [z] if z is not None else []
    worst = max(z.std_error for z in found)
    return LogProb(values, errors, tuple(found), worst, hows[0], together(wrong))


def number_of(arrays: Mapping[str, np.ndarray]) -> int:
    """How many examples there are."""
    return len(next(iter(arrays.values())))


def _parted(rows: np.ndarray, arrays: Mapping[str, Rows]) -> list[np.ndarray]:
    """Row numbers in parts whose rows fit in memory together."""
    step = max(1, MOST_BYTES // sum(bytes_of_row(v) for v in arrays.values()))
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _of_known(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
    method: str,
    settings: Mapping[str, Any],
) -> tuple[np.ndarray, Any, str, tuple[str, ...]]:
    """The weights of examples, of which some may lack entries: those are summed as latents are.

    By one program where examples lack entries in many ways and the sum is exact, else by one for each.
    Beside them their errors, how they were had, and what speaks against them.
    """
    apart = patterns(data)
    if len(apart) > FEW_PATTERNS and method != "ais":
        try:
            weights = incomplete_log_weights(model, params, data, given)
            return weights, 0.0, "latents and missing entries summed exactly", ()
        except EbmError as error:
            if error.diagnostics[0].code != "E705":
                raise
    if len(apart) > MOST_PATTERNS:
        raise complain(
            "E705",
            f"examples lack entries in {len(apart)} different ways, which have no exact sum together, "
            f"and at most {MOST_PATTERNS} are summed or annealed one by one",
            helps=["give the examples in parts, with the log_z of the first call for all"],
        )
    values, errors = np.zeros(number_of(data)), np.zeros(number_of(data))
    hows: list[str] = []
    wrong: list[str] = []
    for rows, masks in apart:
        part = {n: np.nan_to_num(v[rows]) for n, v in data.items()}
        found = _weights(model, params, part, given, method, settings, masks)
        values[rows], errors[rows] = found[:2]
        hows.append(found[2])
        wrong += found[3]
    return values, errors, max(hows, key=len), together(wrong)


def _weights(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
    method: str,
    settings: Mapping[str, Any],
    masks: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, Any, str, tuple[str, ...]]:
    """log of the sum over latents of exp(-E) for each example, its error, how it was had, and its problems.

    `masks`: the entries [dims] that all of these examples know.
    """
    complete = all(m.all() for m in masks.values())
    lacks = "latents" if complete else "latents and missing entries"
    if method != "ais":
        try:
            found = exact_log_weights(model, params, data, given=given, masks=masks)
            return found, 0.0, f"{lacks} summed exactly", ()
        except EbmError as error:
            if method == "exact" or error.diagnostics[0].code != "E705":
                raise
    if complete and all(n in data for n in model.program.unknowns):
        return exact_log_weights(model, params, data, given=given), 0.0, "no latents", ()
    values, errors, how, wrong = _annealed(model, params, data, given, settings, masks)
    return values, errors, f"{lacks} annealed, {how}", wrong


def _annealed(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
    masks: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    unknowns = model.program.unknowns
    rows = {n: jnp.asarray(v, stored_type(unknowns[n])) for n, v in data.items()}
    held = Clamped({n: v[0] for n, v in rows.items()}, dict(masks))
    situation = situation_of(model, params, given, 1.0)
    first, second, key = jax.random.split(jax.random.key(settings["seed"]), 3)
    picks = jnp.arange(PILOTS) % number_of(data)
    pilots = {n: v[picks] for n, v in rows.items()}
    mover = sampler_of(settings["sampler"])
    ready = prepare(model, situation, held, mover, first, pilots, params=params)
    sweeps = settings["sweeps"]
    hot, cold = Point(0.0, 1.0), Point(1.0, 0.0)
    schedule, _ = schedule_of(ready, ready.begin(second, PILOTS, pilots), hot, cold, sweeps)
    steps = max(len(schedule.points) - 1, LEAST_STEPS)
    while True:
        key, own = jax.random.split(key)
        logs = _walked(ready, rows, schedule.refined(steps), sweeps, own)
        found = [estimate(row, ready.log_base(1.0)) for row in logs]
        errors = np.array([f.std_error for f in found])
        if np.sqrt(np.mean(errors**2)) <= settings["target_error"] or steps >= MOST_STEPS:
            break
        steps = more(steps, float(np.mean(np.var(logs, axis=1))), CHAINS, settings["target_error"])
    how = f"{CHAINS} chains an example, {steps} steps"
    values = np.array([f.log_mean for f in found])
    return values, errors, how, _doubts(logs, found, settings["target_error"])


def _doubts(logs: np.ndarray, found: list[Estimate], target_error: float) -> tuple[str, ...]:
    """What speaks against annealed latents, by weights [example, chain]; each once, with how often."""
    error = float(np.sqrt(np.mean([f.std_error**2 for f in found])))
    every = [doubts_of(row, one, np.inf) for row, one in zip(logs, found, strict=True)]
    doubted = [some[0] for some in every if some]
    problems = [f"in {len(doubted)} of {len(found)} examples {doubted[0]}"] if doubted else []
    if not error <= target_error:
        problems.append(
            f"the standard error of the sums over latents is {error:.2g} after the most steps "
            f"allowed, above the target of {target_error:.2g}"
        )
    return tuple(problems)


def _walked(
    ready: Annealing, rows: Mapping[str, Any], plan: Any, sweeps: int, key: Any
) -> np.ndarray:
    """Log weights [example, chain] of walks with every example held."""
    number, together = number_of(rows), max(1, TOGETHER // CHAINS)
    logs: list[np.ndarray] = []
    for k, start in enumerate(range(0, number, together)):
        picks = jnp.minimum(jnp.arange(start, start + min(together, number)), number - 1)
        values = {n: jnp.repeat(v[picks], CHAINS, axis=0) for n, v in rows.items()}
        walk = ready.begin(jax.random.fold_in(key, k), len(picks) * CHAINS, values)
        walk = ready.way.advance(ready.situation, walk, plan.points, plan.inner, sweeps)
        logs.append(np.asarray(walk.log_weights, np.float64).reshape(len(picks), CHAINS))
    return np.concatenate(logs)[:number]
