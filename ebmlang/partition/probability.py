"""Log probabilities of data: latents summed exactly or annealed given each example, log Z beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.energy import stored_type
from ..samplers.clamping import Clamped
from ..samplers.run import check_counts, situation_of
from ..samplers.settings import Sampler, sampler_of
from ..syntax.diagnostics import EbmError
from .annealing import LEAST_STEPS, MOST_STEPS, PILOTS, Annealing, more, prepare, schedule_of
from .exact import exact_log_weights
from .examples import prepare as prepared
from .logz import LogPartition, log_partition
from .way import Point
from .weights import estimate

if TYPE_CHECKING:
    from ..model import Model

TOGETHER = 4096  # chains of one annealed walk
CHAINS = 32  # of each example


@dataclass(frozen=True, slots=True, eq=False)
class LogProb:
    """log p of each example in nats: `values` [example] with `std_error` [example].

    The error is that of latents that were annealed together with that of log Z, which all examples
    share: `shared_error` is the latter alone. `log_z`: of each group of examples with the same given
    data, one as a rule. Annealed latents make values a little low, never high, in expectation.
    """

    values: np.ndarray
    std_error: np.ndarray
    log_z: tuple[LogPartition, ...]
    shared_error: float
    method: str

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
        """What speaks against a log Z, in words."""
        return tuple(dict.fromkeys(p for z in self.log_z for p in z.problems))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        line = f"{self.mean:.4f} ± {self.mean_error:.2g} nats an example, {len(self)} examples "
        return "\n".join(
            [f"{line}({self.method})", *(f"not to be trusted: {p}" for p in self.problems)]
        )


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

    data[name] [example, dims]; unknowns that are not in the data are summed: exactly where that has
    a closed form or few states, else by annealed importance sampling given each example (32 chains
    each), until the root mean square of their standard errors is below `target_error`. `log_z`: if
    it is known already; else by `log_partition` with the same `method`.
    Raises EbmError as `log_partition` does.
    """
    check_counts(sweeps=sweeps)
    model, examples = prepared(model, data, given)
    arrays = examples.data
    settings: dict[str, Any] = {"target_error": target_error, "sampler": sampler,
                                "sweeps": sweeps, "seed": seed}  # fmt: skip
    values, errors = np.zeros(examples.number), np.zeros(examples.number)
    found, hows = [], []
    for rows, known in _groups(examples.shared, examples.own, examples.number):
        part = {n: v[rows] for n, v in arrays.items()}
        weights, error, how = _weights(model, params, part, known, method, settings)
        z = log_z or log_partition(model, params, method, given=known, **settings)
        values[rows], errors[rows] = weights - z.value, np.hypot(error, z.std_error)
        found.append(z)
        hows.append(f"{how}; log Z {z.method}")
    worst = max(z.std_error for z in found)
    return LogProb(values, errors, tuple(found), worst, hows[0])


def number_of(arrays: Mapping[str, np.ndarray]) -> int:
    """How many examples there are."""
    return len(next(iter(arrays.values())))


def _groups(
    shared: Mapping[str, Any], own: Mapping[str, np.ndarray], number: int
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Rows of examples with the same given data, and those data."""
    if not own:
        return [(np.arange(number), dict(shared))]
    flat = np.concatenate([v.reshape(number, -1) for v in own.values()], axis=1)
    _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    return [
        (np.flatnonzero(which.reshape(-1) == k), {**shared, **{n: v[at] for n, v in own.items()}})
        for k, at in enumerate(first)
    ]


def _weights(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
    method: str,
    settings: Mapping[str, Any],
) -> tuple[np.ndarray, Any, str]:
    """log of the sum over latents of exp(-E) for each example, its error, and how it was had."""
    if method != "ais":
        try:
            return (
                exact_log_weights(model, params, data, given=given),
                0.0,
                "latents summed exactly",
            )
        except EbmError as error:
            if method == "exact" or error.diagnostics[0].code != "E705":
                raise
    if all(n in data for n in model.program.unknowns):
        return exact_log_weights(model, params, data, given=given), 0.0, "no latents"
    return _annealed(model, params, data, given, settings)


def _annealed(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray, str]:
    unknowns = model.program.unknowns
    masks = {n: np.ones(model.world.shape(unknowns[n]), bool) for n in data}
    rows = {n: jnp.asarray(v, stored_type(unknowns[n])) for n, v in data.items()}
    held = Clamped({n: v[0] for n, v in rows.items()}, masks)
    situation = situation_of(model, params, given, 1.0)
    first, second, key = jax.random.split(jax.random.key(settings["seed"]), 3)
    picks = jnp.arange(PILOTS) % number_of(data)
    pilots = {n: v[picks] for n, v in rows.items()}
    ready = prepare(model, situation, held, sampler_of(settings["sampler"]), first, pilots)
    sweeps = settings["sweeps"]
    hot, cold = Point(0.0, 1.0), Point(1.0, 0.0)
    schedule, _ = schedule_of(ready, ready.begin(second, PILOTS, pilots), hot, cold, sweeps)
    steps = max(len(schedule.points) - 1, LEAST_STEPS)
    while True:
        key, own = jax.random.split(key)
        logs = _walked(ready, rows, schedule.refined(steps), sweeps, own)
        found = [estimate(row, ready.base.log_z) for row in logs]
        errors = np.array([f.std_error for f in found])
        if np.sqrt(np.mean(errors**2)) <= settings["target_error"] or steps >= MOST_STEPS:
            break
        steps = more(steps, float(np.mean(np.var(logs, axis=1))), CHAINS, settings["target_error"])
    how = f"latents annealed, {CHAINS} chains an example, {steps} steps"
    return np.array([f.log_mean for f in found]), errors, how


def _walked(
    ready: Annealing, rows: Mapping[str, Any], plan: Any, sweeps: int, key: Any
) -> np.ndarray:
    """Log weights [example, chain] of walks with every example held."""
    number, together = number_of(rows), max(1, TOGETHER // CHAINS)
    logs = []
    for k, start in enumerate(range(0, number, together)):
        picks = jnp.minimum(jnp.arange(start, start + min(together, number)), number - 1)
        values = {n: jnp.repeat(v[picks], CHAINS, axis=0) for n, v in rows.items()}
        walk = ready.begin(jax.random.fold_in(key, k), len(picks) * CHAINS, values)
        walk = ready.way.advance(ready.situation, walk, plan.points, plan.inner, sweeps)
        logs.append(np.asarray(walk.log_weights, np.float64).reshape(len(picks), CHAINS))
    return np.concatenate(logs)[:number]
