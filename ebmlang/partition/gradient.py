"""The gradient of log Z: E[dE/dtheta] under the model, with Monte Carlo errors."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.interpreters.partial_eval import dce_jaxpr

from ..arguments import check_wish, checked
from ..backend.conditionals import Situation
from ..evaluation.diagnostics import Judged, doubts, not_finite, together
from ..samplers.clamping import Clamped
from ..samplers.pace import walked
from ..samplers.rounding import lost_to_rounding
from ..samplers.run import (
    Loop,
    clamped,
    loop_of,
    refuse_undefined,
    situation_of,
    unreached_of,
    verify_once,
)
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init, started, starting_values
from ..samplers.sweep import Chain, free_changes
from ..syntax.diagnostics import complain
from .covers import Cover, covers_of
from .exact import exact
from .pilot import Estimate, batches_of, costs_of, decided, even, piloted, plain
from .recording import (
    MOST_FACTOR,
    Run,
    Wanted,
    agreed,
    constant,
    errors_of,
    judged,
    paced,
    recorded,
    recorder,
    sizes_of,
)

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Gradient(Judged):
    """E[dE/dtheta] under the model, shaped as the parameters, both entries of a symmetric pair alike.

    d log Z / d theta = -beta times `mean`. `std_error`: Monte Carlo standard errors, from the
    autocorrelation of each entry; infinite where an entry never moved, so that nothing can be
    said; 0 if exact. `norm` and `error_norm`: the l2 norms of mean and errors over all free numbers, a pair
    counted once. `ess`: effective draws of each entry. `rhat`: the worst split R-hat. `reached`:
    whether every target was met by chains that agree; True where there was none. `how`: what moved
    the chains, and what was averaged out of their draws.
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
    norm: float = 0.0
    error_norm: float = 0.0

    def __post_init__(self) -> None:
        means = {f"E[dE/d{n}]": value for n, value in self.mean.items()}
        errors = {f"the error of E[dE/d{n}]": value for n, value in self.std_error.items()}
        found = together(self.problems, not_finite(means | errors))
        object.__setattr__(self, "problems", found)

    @property
    def relative_error(self) -> float:
        """The norm of the errors as a part of the norm of the mean."""
        if self.error_norm == 0:
            return 0.0
        return self.error_norm / self.norm if self.norm else float("inf")

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n}{_shape(value)}" for n, value in self.mean.items())
        errors = [float(np.max(e, initial=0.0)) for e in jax.tree.leaves(self.std_error)]
        line = f"<gradient of log Z by {shapes}: {self.how}, {self.draws} draws of each chain, "
        line += f"errors up to {max(errors, default=0.0):.2g}, of norm {self.error_norm:.2g}"
        line += ">" if self.reached else "; the target was not reached>"
        return "\n".join([line, *doubts(self.problems)])


def _shape(value: Any) -> str:
    """`[3, 4]` of an array, nothing of a network's weights."""
    return str(list(np.shape(value))) if not isinstance(value, dict | list | tuple) else ""


@checked(rao_blackwell=check_wish)
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
    target_norm: float | None = None,
    target_relative: float | None = None,
    most_draws: int | None = None,
    rao_blackwell: str | bool = "auto",
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    init: Init = None,
    seed: int = 0,
) -> Gradient:
    """E[dE/dtheta] under the model from `chains` chains of `draws` draws, or exactly (`"exact"`).

    Targets: draw on until the standard error of every number is below `target_error`, the norm of
    all below `target_norm`, or below `target_relative` times the norm of the mean; `reached` says
    whether that was so, by chains that agree, after at most `most_draws` of each chain (4096 times
    `draws` if not said).
    `rao_blackwell`: whether sites that sum in closed form given the rest are averaged out of each draw:
    "auto" where a pilot in the second half of the warm-up shows that it pays, True, or False.
    `init`: where chains begin, as for `ebm.sample`.
    Raises EbmError as `sample` does.
    """
    most = draws * MOST_FACTOR if most_draws is None else most_draws
    wanted = Wanted(target_error, target_norm, target_relative)
    if rao_blackwell not in ("auto", True, False):
        raise complain("E704", f'`rao_blackwell` is "auto", True or False, not {rao_blackwell!r}')
    model = model.settled(given)
    model.check_params(params)
    held = clamped(model, clamp)
    starting_values(model, init, chains, held)
    if sampler == "exact":
        return _exactly(model, params, beta, clamp, given)
    chosen = sampler_of(sampler)
    situation = situation_of(model, params, given, beta, held)
    covers = _covers(model, held) if rao_blackwell and beta != 0 else ()
    if any(c.whole for c in covers) and (rao_blackwell is True or chosen.name == "auto"):
        return _exactly(model, params, beta, clamp, given)
    warmup = max(draws * thin // 2, 100) if warmup is None else warmup
    loop = loop_of(model, chosen, held, warmup)
    verify_once(model, loop, (chosen, held.signature, "auto"), situation)
    key, sub = jax.random.split(jax.random.key(seed))
    states = started(model, situation, sub, chains, held, init, loop.first)
    refuse_undefined(model, held, situation, states)
    unreached = unreached_of(model, loop.plan, held, situation, states)
    chain = loop.begin(jax.random.split(key, chains), situation, states, warmup)
    partial = tuple(c for c in covers if not c.whole)
    slopes = _Slopes(model, loop, partial, _numbers(model, situation))
    chain, estimate = slopes.warm(situation, chain, warmup, thin, rao_blackwell is True)
    known = estimate.moved | slopes.fixed(situation, chain)
    walk = slopes.walk(situation, estimate, thin)
    run = recorded(walk, chain, slopes.numbers, (draws, most), wanted, known)
    how = f"{chosen.name}, {estimate.told}" if estimate.told else chosen.name
    found = _result(model, situation, run, how, wanted, known)
    lost = lost_to_rounding(model, loop.plan, situation, chain.state, run.series[:, :, -1])
    return replace(found, problems=together(found.problems, unreached, lost))


def _covers(model: Model, held: Clamped) -> tuple[Cover, ...]:
    return model.made(("covers", held.signature), lambda: covers_of(model.target, held.masks))


def _exactly(
    model: Model, params: Mapping[str, Any], beta: float, clamp: Any, given: Any
) -> Gradient:
    answer = exact(model, params, beta=beta, clamp=clamp, given=given, gradient=True)
    assert answer.gradient is not None
    mean = dict(answer.gradient)
    zero = jax.tree.map(np.zeros_like, mean)
    many = jax.tree.map(lambda a: np.full(np.shape(a), np.inf), mean)
    flat = np.asarray(ravel_pytree(model.parameter_space.values(mean))[0])
    how, norm = f"exact: {answer.how}", float(np.linalg.norm(flat))
    return Gradient(mean, zero, many, 1.0, 0, True, how, norm=norm)


def slope_of(model: Model) -> Any:
    """dE/dtheta of one configuration as a flat vector over the free numbers."""
    space = model.parameter_space

    def slope(situation: Situation, state: Any) -> Any:
        def energy(values: Any) -> Any:
            return model.target.energy(space.arrays(values), state, situation.given)

        return ravel_pytree(jax.grad(energy)(space.values(situation.params)))[0]

    return slope


def fixed_slopes(
    model: Model, situation: Situation, state: Any, moving: Collection[str]
) -> np.ndarray:
    """Free numbers whose slope does not depend on the `moving` variables at all [number]."""
    space = model.parameter_space

    def slopes(state: Any) -> Any:
        energy = lambda v: model.target.energy(space.arrays(v), state, situation.given)  # noqa: E731
        return jax.tree.leaves(jax.grad(energy)(space.values(situation.params)))

    traced = jax.make_jaxpr(slopes)(state)
    names = [path[0].key for path, _ in jax.tree.leaves_with_path(state)]
    fixed: list[np.ndarray] = []
    for k, value in enumerate(traced.out_avals):
        alone = [i == k for i in range(len(traced.out_avals))]
        _, used = dce_jaxpr(traced.jaxpr, alone)
        reads = {name for name, needed in zip(names, used, strict=True) if needed}
        fixed.append(np.full(math.prod(value.shape), reads.isdisjoint(moving)))
    return np.concatenate([np.zeros(0, bool), *fixed])


def _numbers(model: Model, situation: Situation) -> int:
    values = jax.eval_shape(model.parameter_space.values, situation.params)
    return sum(leaf.size for leaf in jax.tree.leaves(values))


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """The estimates of dE/dtheta that a draw gives: its own, and one for each cover.

    `numbers`: how many free numbers the parameters have.
    """

    model: Model
    loop: Loop
    covers: tuple[Cover, ...]
    numbers: int

    def recorder(self, chosen: tuple[int, ...], *, apart: bool = False) -> Any:
        """The compiled walk that records some of them; kept with the model."""

        def make() -> Any:
            every = [slope_of(self.model), *(cover.slope(self.model) for cover in self.covers)]
            picked = tuple(every[k] for k in chosen)
            return recorder(self.loop.plan, self.model.target, picked, apart=apart)

        return self.model.made(("slopes", id(self.loop), chosen, apart), make)

    def walk(self, situation: Situation, estimate: Estimate, thin: int) -> Any:
        """The walk that records an estimate: chains, draws of a block and blocks to what it gives."""
        run = paced(self.recorder(estimate.slopes), situation, estimate.weights, thin)

        def walk(chain: Chain, block: int, blocks: int) -> Any:
            chain, (*found, changes) = run(chain, block, blocks)
            return chain, (*found, free_changes(self.loop.plan, self.model.world, changes))

        return walk

    def fixed(self, situation: Situation, chain: Chain) -> np.ndarray:
        """Numbers whose slope reads nothing that moves, and so is the same in every state [number]."""
        moving = {n for n, sites in self.loop.plan.sites.items() if sites.number}
        state = {n: v[0] for n, v in chain.state.items()}

        def find() -> np.ndarray:
            return fixed_slopes(self.model, situation, state, moving)

        return self.model.made(("fixed slopes", id(self.loop)), find)

    def warm(
        self, situation: Situation, chain: Chain, warmup: int, thin: int, anyway: bool
    ) -> tuple[Chain, Estimate]:
        """The chain after the warm-up, and the estimate that a pilot in its second half picks."""
        chains = chain.key.shape[0]
        every = tuple(range(len(self.covers) + 1))
        batches = batches_of(warmup // 2, thin, chains, len(every), self.numbers)
        step = thin * max(batches, 1)
        pilot = warmup // 2 // step * step if batches and self.covers else 0
        if warmup > pilot:
            warm = self.loop.warm
            chain = walked(lambda c, n: warm(situation, c, n)[0], chain, warmup - pilot)
        if not pilot:
            if anyway and self.covers:
                return chain, even(self.covers, self.numbers, chains)
            return chain, plain(self.numbers, chains)
        walk = self.recorder(every, apart=True)
        chain, parts, gradients = piloted(walk, situation, chain, thin, batches, pilot)

        def count() -> Any:
            slopes = (slope_of(self.model), *(cover.slope(self.model) for cover in self.covers))
            return costs_of(self.model, self.loop.plan, slopes, situation, chain)

        costs = self.model.made(("costs", id(self.loop), len(every)), count)
        return chain, decided(parts, self.covers, costs, thin, gradients, anyway=anyway)


def _result(
    model: Model, situation: Situation, run: Run, how: str, wanted: Wanted, moved: np.ndarray
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
    mean, errors, found = series.mean(axis=(0, 1)), errors_of(series, moved), judged(run, moved)
    sizes = sizes_of(series) * run.draws / series.shape[1]
    sizes = np.where(moved & constant(series), np.inf, sizes)

    def shaped(vector: np.ndarray) -> dict[str, Any]:
        with jax.enable_x64(True):
            arrays = space.arrays(jax.tree.map(jnp.asarray, _split(back, vector)))
            return jax.tree.map(np.asarray, arrays)

    return Gradient(
        shaped(mean),
        shaped(errors),
        shaped(sizes),
        found.rhat["dE/dtheta"],
        run.draws,
        not wanted.some or (wanted.gap(mean, errors) <= 1 and agreed(found)),
        how,
        found.problems,
        float(np.linalg.norm(mean)),
        float(np.linalg.norm(errors)),
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
