"""log Z, energy, heat capacity and entropy as functions of beta, from one walk through all of them."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from ..arguments import CHECKS, check_list, check_number, checked
from ..backend.conditionals import Situation
from ..evaluation.diagnostics import Judged, doubts, not_finite, together
from ..samplers.pace import Pace, in_room
from ..samplers.rounding import lost_to_rounding
from ..samplers.run import clamped, situation_of
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init
from ..samplers.sweep import Chain, sweeps
from .annealed import at
from .annealing import (
    LEAST_STEPS,
    MOST_STEPS,
    PILOTS,
    Annealing,
    Schedule,
    more,
    prepare,
    schedule_of,
)
from .confined import refuse_unconfined
from .way import Point, Walk
from .weights import Estimate, apart, doubts_of, estimate

if TYPE_CHECKING:
    from ..model import Model

NAMES = ("log_z", "energy", "heat_capacity", "entropy")


@dataclass(frozen=True, slots=True, eq=False)
class Thermodynamics(Judged):
    """Curves over `beta` [beta], in nats, each with its standard error.

    `energy` is E[E], `heat_capacity` beta^2 Var(E), `entropy` beta E[E] + log Z (of real unknowns a
    differential entropy). `effective`: how many weights count at each beta.
    """

    beta: np.ndarray
    values: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray]
    effective: np.ndarray
    chains: int
    steps: int
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words = {n: n.replace("_", " ") for n in NAMES}
        found = {words[n]: value for n, value in self.values.items()}
        found |= {f"the error of {words[n]}": error for n, error in self.errors.items()}
        object.__setattr__(self, "problems", together(self.problems, not_finite(found)))

    @property
    def log_z(self) -> np.ndarray:
        """log Z at each beta, in nats."""
        return self.values["log_z"]

    @property
    def energy(self) -> np.ndarray:
        """E[E] at each beta, in nats."""
        return self.values["energy"]

    @property
    def heat_capacity(self) -> np.ndarray:
        """beta^2 Var(E) at each beta."""
        return self.values["heat_capacity"]

    @property
    def entropy(self) -> np.ndarray:
        """beta E[E] + log Z at each beta, in nats."""
        return self.values["entropy"]

    def to_dict(self) -> dict[str, Any]:
        """Everything for machines."""
        curves = {n: self.values[n].tolist() for n in NAMES}
        errors = {f"{n}_error": self.errors[n].tolist() for n in NAMES}
        return {"beta": self.beta.tolist(), **curves, **errors, "problems": list(self.problems)}

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=110, color_system=None)
        table = Table()
        for head in ("beta", *(n.replace("_", " ") for n in NAMES)):
            table.add_column(head, justify="right")
        for k, beta in enumerate(self.beta):
            cells = (f"{self.values[n][k]:.4f} ± {self.errors[n][k]:.2g}" for n in NAMES)
            table.add_row(f"{beta:.4g}", *cells)
        console.print(table)
        for line in doubts(self.problems):
            console.print(line, soft_wrap=True)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip()


@checked(sweeps=CHECKS["draws"])
def thermodynamics(
    model: Model,
    params: Mapping[str, Any],
    betas: Sequence[float] | np.ndarray,
    *,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    chains: int = 256,
    draws: int = 100,
    target_error: float = 0.05,
    sampler: str | Sampler = "auto",
    sweeps: int = 1,
    init: Init = None,
    seed: int = 0,
) -> Thermodynamics:
    """log Z, energy, heat capacity and entropy at each beta, in one annealed walk from hot to cold.

    `chains` chains walk from independent sites through the betas, weighed as in annealed importance
    sampling, and draw `draws` energies each at every one; errors are jackknifed over chains. There
    are more and more steps until the standard error of every log Z is below `target_error`.
    `init`: where the pilot chains begin, as for `ebm.sample`.
    Raises EbmError E704 for betas that are not finite numbers from 0, and as `log_partition` does.
    """
    wanted = "finite numbers from 0"
    listed = check_list("betas", betas, wanted)
    grid = np.sort([check_number("betas", b, wanted, lambda x: x >= 0) for b in listed])
    model = model.settled(given)
    model.check_params(params)
    refuse_unconfined(model, {**model.bindings.held, **(clamp or {})})
    held = clamped(model, clamp)
    situation = situation_of(model, params, given, float(grid[0]), held)
    first, second, key = jax.random.split(jax.random.key(seed), 3)
    ready = prepare(model, situation, held, sampler_of(sampler), first, init=init, params=params)
    ends = [Point(0.0, 1.0), *(Point(float(b or situation.beta), 0.0) for b in grid)]
    walk = ready.begin(second, PILOTS)
    schedules: list[Schedule] = []
    for here, there in pairwise(ends):
        schedule, walk = schedule_of(ready, walk, here, there, sweeps)
        schedules.append(schedule)
    watch = _watch(model, ready, draws)
    total = sum(len(s.points) - 1 for s in schedules)
    steps = max(total, LEAST_STEPS)
    while True:
        key, forth = jax.random.split(key)
        logs, energies, walk = _through(
            ready, schedules, steps / total, chains, sweeps, forth, watch, draws
        )
        found = [estimate(row, 0.0) for row in logs]
        if max(f.std_error for f in found) <= target_error or steps >= MOST_STEPS:
            break
        steps = more(steps, float(np.var(logs, axis=1).max()), chains, target_error)
    problems = _problems(grid, found, logs, energies, np.asarray(walk.stuck), target_error)
    cold = situation._replace(beta=jnp.asarray(grid[-1], jnp.result_type(float)))
    problems += lost_to_rounding(model, ready.way.plan, cold, walk.chains.state, np.zeros(0))
    return _told(grid, ready, logs, energies, steps, problems)


def _watch(model: Model, ready: Annealing, draws: int) -> Any:
    """Compiled: chains [chain] to chains and the energies [chain, draw] of so many sweeps that follow.

    There is room for `draws` of them.
    """

    def one(situation: Situation, chain: Chain, number: Any) -> Any:
        def step(chain: Chain) -> tuple[Chain, Any]:
            chain, _report = sweeps(ready.way.plan, situation, chain, 1)
            given = {n: situation.given[n] for n in model.program.givens if n in situation.given}
            return chain, model.target.relative.whole(situation.params, chain.state, given)

        return in_room(lambda c, _: step(c), chain, jnp.arange(draws) < number)

    return jax.jit(jax.vmap(one, in_axes=(None, 0, None)))


def _watched(
    watch: Any, situation: Situation, chains: Chain, draws: int
) -> tuple[Chain, np.ndarray]:
    """Chains after so many sweeps, and their energies [chain, draw]."""
    pace, seen, done = Pace(), [], 0
    while done < draws:
        now, (chains, energies) = pace.run(partial(watch, situation, chains), draws - done)
        seen.append(np.asarray(energies, np.float64)[:, :now])
        done += now
    return chains, np.concatenate(seen, axis=1)


def _through(
    ready: Annealing,
    schedules: list[Schedule],
    times: float,
    chains: int,
    sweeps: int,
    key: Any,
    watch: Any,
    draws: int,
) -> tuple[np.ndarray, np.ndarray, Walk]:
    """One walk: log weights [beta, chain], energies [beta, chain, draw], and its end."""
    walk: Walk = ready.begin(key, chains)
    logs: list[np.ndarray] = []
    energies: list[np.ndarray] = []
    for schedule in schedules:
        steps = max(2, round(times * (len(schedule.points) - 1)))
        plan = schedule.refined(steps)
        walk = ready.way.advance(ready.situation, walk, plan.points, plan.inner, sweeps)
        logs.append(np.asarray(walk.log_weights, np.float64))
        point = Point(*jnp.asarray(plan.points[-1], jnp.result_type(float)))
        moved, seen = _watched(watch, at(ready.situation, *point), walk.chains, draws)
        walk = walk._replace(chains=moved)
        energies.append(np.asarray(seen, np.float64) + ready.constant)
    return np.stack(logs), np.stack(energies), walk


def _problems(
    grid: np.ndarray,
    found: list[Estimate],
    logs: np.ndarray,
    energies: np.ndarray,
    stuck: np.ndarray,
    target_error: float,
) -> list[str]:
    """What speaks against a walk: weights at each beta, energies that drift there, chains that stay."""
    worst = int(np.argmax([f.std_error for f in found]))
    problems: list[str] = []
    for k, (beta, one) in enumerate(zip(grid, found, strict=True)):
        at = f"at beta {beta:.4g} "
        goal = target_error if k == worst else np.inf
        last = stuck if k == len(grid) - 1 else None
        problems += doubts_of(logs[k], one, goal, last, at=at)
        ends = energies[k, :, 0], energies[k, :, -1]
        if one.sound and apart(*ends, (logs[k], logs[k]), len(grid)):
            problems.append(f"{at}the energies still drift: the chains do not follow; more steps")
    return problems


def _told(
    grid: np.ndarray,
    ready: Annealing,
    logs: np.ndarray,
    energies: np.ndarray,
    steps: int,
    problems: list[str],
) -> Thermodynamics:
    rows = [
        _curve(beta, log, energy, ready.log_base(float(beta)))
        for beta, log, energy in zip(grid, logs, energies, strict=True)
    ]
    effective = np.array([estimate(row, 0.0).effective for row in logs])
    chains = logs.shape[1]
    values = {n: np.array([row[0][k] for row in rows]) for k, n in enumerate(NAMES)}
    errors = {n: np.array([row[1][k] for row in rows]) for k, n in enumerate(NAMES)}
    return Thermodynamics(grid, values, errors, effective, chains, steps, tuple(problems))


def _curve(
    beta: float, log_weights: np.ndarray, energies: np.ndarray, log_base: float
) -> tuple[np.ndarray, np.ndarray]:
    """log Z, energy, heat capacity, entropy from weighed chains, and jackknife errors."""
    top = log_weights.max()
    shares = np.exp(log_weights - top)
    first, second = energies.mean(axis=1), (energies**2).mean(axis=1)
    centre = np.average(first, weights=shares)
    # Moments about the centre: nothing large is subtracted.
    sums = np.stack([shares, shares * (first - centre),
                     shares * (second - 2 * centre * first + centre**2)])  # fmt: skip

    def curve(total: np.ndarray, number: int) -> np.ndarray:
        log_z = log_base + top + np.log(total[0] / number)
        shift = total[1] / total[0]
        energy, variance = centre + shift, total[2] / total[0] - shift**2
        return np.array([log_z, energy, beta**2 * variance, beta * energy + log_z])

    number = len(shares)
    whole = curve(sums.sum(axis=1), number)
    without = np.stack([curve(sums.sum(axis=1) - sums[:, k], number - 1) for k in range(number)])
    spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    return whole, np.sqrt((number - 1) / number * spread)
