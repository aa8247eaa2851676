"""The gradient of log Z: E[dE/dtheta] under the model, with Monte Carlo errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..backend.conditionals import Situation
from ..evaluation.diagnostics import Diagnostics, doubts, effective_size, judge, rank_rhat
from ..samplers.beginning import begin_states
from ..samplers.run import check_counts, clamped, loop_of, situation_of, verified
from ..samplers.settings import Sampler, sampler_of
from ..samplers.sweep import Chain, prepared, sweeps
from ..syntax.diagnostics import complain
from .exact import exact

if TYPE_CHECKING:
    from ..model import Model

MOST_KEPT = 40_000_000
MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """E[dE/dtheta] under the model, shaped as the parameters, both entries of a symmetric pair alike.

    d log Z / d theta = -beta times `mean`. `std_error`: Monte Carlo standard errors, from the
    autocorrelation of each entry; infinite where an entry never moved, so that nothing can be
    said; 0 if exact. `ess`: effective draws of each entry. `rhat`: the worst split R-hat.
    `problems`: what speaks against the chains, also where their energies disagree, in words.
    """

    mean: dict[str, Any]
    std_error: dict[str, Any]
    ess: dict[str, Any]
    rhat: float
    draws: int
    reached: bool
    how: str
    problems: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the chains."""
        return not self.problems

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n}{_shape(value)}" for n, value in self.mean.items())
        errors = [float(np.max(e, initial=0.0)) for e in jax.tree.leaves(self.std_error)]
        line = f"<gradient of log Z by {shapes}: {self.how}, {self.draws} draws of each chain, "
        line += f"errors up to {max(errors, default=0.0):.2g}>"
        return "\n".join([line, *doubts(self.problems)])


def _shape(value: Any) -> str:
    """`[3, 4]` of an array, nothing of a network's weights."""
    return str(list(np.shape(value))) if not isinstance(value, dict | list | tuple) else ""


def gradient(
    model: Model,
    params: Mapping[str, Any],
    *,
    sampler: str | Sampler = "auto",
    draws: int = 1000,
    chains: int = 4,
    warmup: int | None = None,
    thin: int = 1,
    target_error: float | None = None,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Gradient:
    """E[dE/dtheta] under the model from `chains` chains of `draws` draws, or exactly (`"exact"`).

    `target_error`: draw on, doubling, until every standard error is below it; `reached` says
    whether that was so after at most 4096 times as many draws.
    Raises EbmError as `sample` does.
    """
    check_counts(draws=draws, chains=chains, thin=thin)
    model = model.settled(given)
    model.check_params(params)
    if sampler == "exact":
        return _exactly(model, params, beta, clamp, given)
    chosen, held = sampler_of(sampler), clamped(model, clamp)
    situation = situation_of(model, params, given, beta)
    warmup = max(draws * thin // 2, 100) if warmup is None else warmup
    loop = loop_of(model, chosen, held, warmup)
    if model.checks:
        model.made(("verified", chosen, held.signature), lambda: verified(model, loop, situation))
    key, sub = jax.random.split(jax.random.key(seed))
    states = begin_states(model.target, loop.first, situation, sub, chains, held.values)
    chain = loop.begin(jax.random.split(key, chains), situation, states, warmup)
    if warmup:
        chain, _ = loop.warm(situation, chain, warmup)
    walk = model.made(("slopes", id(loop)), lambda: _compile(model, loop.plan))
    run = _collect(walk, situation, chain, draws, thin, target_error)
    return _result(model, situation, run, chosen.name, target_error)


def _exactly(
    model: Model, params: Mapping[str, Any], beta: float, clamp: Any, given: Any
) -> Gradient:
    answer = exact(model, params, beta=beta, clamp=clamp, given=given, gradient=True)
    assert answer.gradient is not None
    mean = dict(answer.gradient)
    zero = jax.tree.map(np.zeros_like, mean)
    many = jax.tree.map(lambda a: np.full(np.shape(a), np.inf), mean)
    return Gradient(mean, zero, many, 1.0, 0, True, f"exact: {answer.how}")


def slope_of(model: Model) -> Any:
    """dE/dtheta of one configuration as a flat vector over the free numbers."""
    space = model.parameter_space

    def slope(situation: Situation, state: Any) -> Any:
        def energy(values: Any) -> Any:
            return model.target.energy(space.arrays(values), state, situation.given)

        return ravel_pytree(jax.grad(energy)(space.values(situation.params)))[0]

    return slope


def _compile(model: Model, plan: Any) -> Any:
    """Sums of dE/dtheta and E over blocks of draws: memory grows with blocks, not with draws."""
    slope = slope_of(model)

    def told(situation: Situation, state: Any) -> Any:
        energy = model.target.energy(situation.params, state, situation.given)
        return jnp.append(slope(situation, state), energy)

    def walk(situation: Situation, chain: Chain, thin: Any, block: int, blocks: int) -> Any:
        ready = prepared(plan, situation)

        def one(carry: Any, _: None) -> Any:
            chain, total = carry
            chain, report = sweeps(plan, ready, chain, thin)
            return (chain, total + told(situation, chain.state)), report

        def many(chain: Chain, _: None) -> Any:
            zero = jnp.zeros_like(told(situation, chain.state))
            (chain, total), report = jax.lax.scan(one, (chain, zero), None, length=block)
            return chain, (total / block, jnp.mean(report.acceptance), jnp.sum(report.diverged))

        return jax.lax.scan(many, chain, None, length=blocks)

    return jax.jit(jax.vmap(walk, in_axes=(None, 0, None, None, None)), static_argnums=(3, 4))


class _Run(NamedTuple):
    """Means [chain, block, number] of blocks of draws, the energy last, and what sweeps told."""

    series: np.ndarray
    draws: int  # of each chain
    acceptance: float
    diverged: int


def _collect(
    walk: Any,
    situation: Situation,
    chain: Chain,
    draws: int,
    thin: int,
    target_error: float | None,
) -> _Run:
    """Draws until the errors are small enough, or just so many."""
    numbers = sum(np.size(leaf) for leaf in jax.tree.leaves(situation.params)) + 1
    chains = chain.key.shape[0]
    block = max(1, -(-draws * chains * numbers // MOST_KEPT))
    blocks = max(1, draws // block)
    chain, (means, accepted, diverged) = walk(situation, chain, thin, block, blocks)
    series, wrong = np.asarray(means, np.float64), int(np.sum(diverged))
    for _ in range(MOST_ROUNDS if target_error is not None else 0):
        if np.max(_errors(series[:, :, :-1]), initial=0.0) <= target_error:
            break
        if series.size * 2 > MOST_KEPT * 4:
            block *= 2
            even = series.shape[1] // 2 * 2
            series = series[:, :even].reshape(chains, -1, 2, series.shape[2]).mean(axis=2)
        chain, (means, accepted, diverged) = walk(situation, chain, thin, block, series.shape[1])
        series = np.concatenate([series, np.asarray(means, np.float64)], axis=1)
        wrong += int(np.sum(diverged))
    return _Run(series, series.shape[1] * block, float(np.mean(accepted)), wrong)


def _errors(series: np.ndarray) -> np.ndarray:
    """Standard error of the mean of each number; infinite where it never moved."""
    ess = effective_size(series)
    spread = series.reshape(-1, series.shape[2]).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isfinite(ess), np.sqrt(spread / ess), np.inf)


def _result(
    model: Model,
    situation: Situation,
    run: _Run,
    sampler: str,
    target_error: float | None,
) -> Gradient:
    series = run.series[:, :, :-1]
    if not np.all(np.isfinite(series)):
        raise complain(
            "E703",
            "the slope dE/dtheta is not finite at some draw",
            helps=["look for a log, a root or a quotient of what can be 0 or less in an energy"],
        )
    space = model.parameter_space
    _, back = ravel_pytree(space.values(situation.params))
    errors = _errors(series)

    def shaped(vector: np.ndarray) -> dict[str, Any]:
        with jax.enable_x64(True):
            arrays = space.arrays(jax.tree.map(jnp.asarray, _split(back, vector)))
            return jax.tree.map(np.asarray, arrays)

    reached = target_error is None or bool(np.max(errors, initial=0.0) <= target_error)
    found = _judged(run)
    return Gradient(
        shaped(series.mean(axis=(0, 1))),
        shaped(errors),
        shaped(effective_size(series) * run.draws / series.shape[1]),
        found.rhat["dE/dtheta"],
        run.draws,
        reached,
        sampler,
        found.problems,
    )


def _judged(run: _Run) -> Diagnostics:
    """What speaks against the chains: of the slopes and of the energy."""
    parts = {"dE/dtheta": run.series[:, :, :-1], "energy": run.series[:, :, -1]}
    each = run.draws / run.series.shape[1]
    frozen = (np.ptp(parts["energy"], axis=1) == 0) & (run.draws > 1)
    return judge(
        {n: rank_rhat(v) for n, v in parts.items()},
        {n: effective_size(v) * each for n, v in parts.items()},
        run.acceptance,
        run.diverged,
        int(frozen.sum()),
        None,
    )


def _split(back: Any, vector: np.ndarray) -> Any:
    """A flat vector as a pytree of NumPy arrays, keeping float64."""
    shapes = jax.eval_shape(back, jax.ShapeDtypeStruct(vector.shape, jnp.result_type(float)))
    leaves, tree = jax.tree.flatten(shapes)
    cuts = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(vector, cuts)
    return jax.tree.unflatten(
        tree, [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    )
