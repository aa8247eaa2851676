"""Samplers side by side on one model: the same chains, warm-up and draws, clocks stopped when done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..partition.exact import exact
from ..partition.gradient import slope_of
from ..samplers.beginning import begin_states
from ..samplers.plan import Plan
from ..samplers.run import Clamped, Loop, check_counts, clamped, loop_of, situation_of, verified
from ..samplers.settings import Sampler, sampler_of
from ..samplers.sweep import Chain, prepared, sweeps
from ..syntax.diagnostics import EbmError
from .comparison import Comparison, Row
from .diagnostics import effective_size, split_rhat

if TYPE_CHECKING:
    from ..model import Model

MOST_KEPT = 20_000_000
EXACT_SECONDS = 20.0


def compare(
    model: Model,
    params: Mapping[str, Any],
    samplers: Sequence[str | Sampler] = ("gibbs", "langevin", "hmc"),
    *,
    draws: int = 2000,
    chains: int = 4,
    warmup: int = 1000,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Comparison:
    """Run each sampler where it applies, and say why where it does not.

    The statistics are the entries of dE/dtheta (the values of the unknowns if there are no
    parameters) and the energy. Where the model is small enough the gradient of log Z is compared
    with the exact answer. Chains, warm-up and draws are the same; compilation is timed apart.
    """
    check_counts(draws=draws, chains=chains)
    model = model.settled(given)
    model.check_params(params)
    held = clamped(model, clamp)
    situation = situation_of(model, params, given, beta)
    truth, reference = _reference(model, params, beta, clamp, given)
    watched = _Watched(model, situation, draws * chains, seed)
    rows = []
    for named in samplers:
        sampler = sampler_of(named)
        try:
            loop = loop_of(model, sampler, held, warmup)
        except EbmError as error:
            rows.append(Row(sampler.name, refused=_reason(error)))
            continue
        if model.checks:
            key = ("verified", sampler, held.signature)
            model.made(key, lambda loop=loop: verified(model, loop, situation))
        run = _Run(model, situation, loop, held, watched, seed)
        rows.append(run.row(sampler.name, draws, chains, warmup, truth))
    return Comparison(
        model.name, tuple(rows), reference, draws, chains, warmup, seed, watched.describe()
    )


def _reason(error: EbmError) -> str:
    return error.diagnostics[0].says.split(": ", 1)[-1]


def _reference(
    model: Model, params: Mapping[str, Any], beta: float, clamp: Any, given: Any
) -> tuple[np.ndarray | None, str]:
    """The exact E[dE/dtheta] as a flat vector, or why there is none."""
    if not model.program.params and not model.program.networks:
        return None, "no parameters, so no gradient to compare"
    try:
        answer = exact(
            model,
            params,
            beta=beta,
            clamp=clamp,
            given=given,
            gradient=True,
            most_seconds=EXACT_SECONDS,
        )
    except EbmError as error:
        return None, f"no exact answer to compare with: {error.diagnostics[0].says}"
    assert answer.gradient is not None
    values = model.parameter_space.values(answer.gradient)
    flat = [np.asarray(x, np.float64).reshape(-1) for x in jax.tree.leaves(values)]
    return np.concatenate(flat), f"bias is the distance from the exact gradient ({answer.how})"


class _Watched:
    """The statistics that are followed: all entries of dE/dtheta, or as many as memory allows."""

    def __init__(self, model: Model, situation: Situation, draws: int, seed: int) -> None:
        self.model = model
        space = model.parameter_space
        sizes = [np.size(x) for x in jax.tree.leaves(space.values(situation.params))]
        self.parameters = int(sum(sizes))
        self.number = self.parameters or sum(
            int(np.prod(model.world.shape(s), dtype=int)) for s in model.program.unknowns.values()
        )
        most = max(1, MOST_KEPT // draws)
        self.picked: np.ndarray | None = None
        if self.number > most:
            picks = np.random.default_rng(seed).choice(self.number, most, replace=False)
            self.picked = np.sort(picks)

    def describe(self) -> str:
        """What ESS, R-hat and errors speak of."""
        what = "entries of dE/dtheta" if self.parameters else "values of the unknowns"
        if self.picked is None:
            return f"ESS and R-hat: the worst of {self.number} {what} and of the energy"
        return (
            f"ESS and R-hat: the worst of {len(self.picked)} {what} drawn from {self.number}, "
            "and of the energy"
        )

    def of(self, situation: Situation, state: Any) -> Any:
        """The statistics of one configuration, the energy last."""
        model = self.model
        energy = model.target.energy(situation.params, state, situation.given)
        if self.parameters:
            values = slope_of(model)(situation, state)
        else:
            real = jnp.result_type(float)
            values = jnp.concatenate([v.reshape(-1).astype(real) for v in state.values()])
        if self.picked is not None:
            values = values[self.picked]
        return jnp.append(values, energy)


class _Run:
    """One sampler's run, compiled ahead so that the clock sees only the work."""

    def __init__(
        self,
        model: Model,
        situation: Situation,
        loop: Loop,
        held: Clamped,
        watched: _Watched,
        seed: int,
    ) -> None:
        self.model = model
        self.situation = situation
        self.loop = loop
        self.held = held
        self.watched = watched
        self.seed = seed

    def row(self, name: str, draws: int, chains: int, warmup: int, truth: np.ndarray | None) -> Row:
        key, sub = jax.random.split(jax.random.key(self.seed))
        loop, situation = self.loop, self.situation
        states = begin_states(
            self.model.target, loop.first, situation, sub, chains, self.held.values
        )
        chain = loop.begin(jax.random.split(key, chains), situation, states, warmup)
        begun = time.perf_counter()
        walk = _walk(loop.plan, self.watched, draws)
        ready = walk.lower(situation, chain).compile()
        compiled = time.perf_counter() - begun
        if warmup:
            chain, _ = loop.warm(situation, chain, warmup)
        jax.block_until_ready(chain)
        begun = time.perf_counter()
        _, (series, report) = jax.block_until_ready(ready(situation, chain))
        seconds = time.perf_counter() - begun
        return _row(
            name, np.asarray(series, np.float64), report, compiled, seconds, truth, self.watched
        )


def _walk(plan: Plan, watched: _Watched, draws: int) -> Any:
    def one_chain(situation: Situation, chain: Chain) -> Any:
        ready = prepared(plan, situation)

        def one(chain: Chain, _: None) -> Any:
            chain, report = sweeps(plan, ready, chain, 1)
            return chain, (watched.of(situation, chain.state), report)

        return jax.lax.scan(one, chain, None, length=draws)

    return jax.jit(jax.vmap(one_chain, in_axes=(None, 0)))


def _row(
    name: str,
    series: np.ndarray,
    report: Any,
    compiled: float,
    seconds: float,
    truth: np.ndarray | None,
    watched: _Watched,
) -> Row:
    if not np.all(np.isfinite(series)):
        return Row(name, refused="its chains left the finite energies")
    ess = effective_size(series)
    worst = float(np.nanmin(ess)) if np.isfinite(ess).any() else float("nan")
    gradients = float(np.sum(report.gradients))
    slopes = series[:, :, :-1]
    spread = slopes.reshape(-1, slopes.shape[2]).std(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = spread / np.sqrt(ess[:-1])
    known = np.isfinite(errors)
    bias = off = float("nan")
    if truth is not None:
        exactly = truth if watched.picked is None else truth[watched.picked]
        gap = slopes.mean(axis=(0, 1)) - exactly
        bias = float(np.sqrt(np.mean(gap**2)))
        off = float(np.mean(np.abs(gap[known]) > 4 * errors[known])) if known.any() else off
    return Row(
        name,
        "",
        worst,
        worst / seconds,
        worst / max(gradients, 1.0),
        float(np.nanmax(split_rhat(series), initial=1.0)),
        float(np.mean(report.acceptance)),
        compiled,
        seconds,
        gradients,
        float(np.sqrt(np.mean(errors[known] ** 2))) if known.any() else float("nan"),
        bias,
        off,
        int(np.sum(report.diverged)),
    )
