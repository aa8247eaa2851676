"""Which estimate of dE/dtheta to record, and with which weights: decided on draws of the warm-up.

Every cover gives an estimate of the whole gradient, and so does the draw itself. Any weights that
sum to one leave the mean as it is; the best are found number by number by regression on the
differences between estimates, which have mean zero (control variates). The weights of a chain come
from the other chains, so that they are independent of what they weigh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..samplers.block import Plan
from ..samplers.sweep import Chain, prepared, sweep
from .covers import Cover, Slope, described
from .recording import MOST_KEPT, Walk, paced

if TYPE_CHECKING:
    from ..model import Model

BATCHES = 24  # means of draws in a row, a chain: their spread is the one that counts for errors
FEWEST = 8
RIDGE = 0.05  # what holds the weights to the plain average of covers, in parts of the variance
DEAREST = 8  # how much dearer a draw may become, however much its variance falls
SAVED = 0.95  # a product of variance and cost above this is not worth a second program


class Estimate(NamedTuple):
    """The estimates to record, and their weights [chain, estimate, number], if there are several.

    `moved` [number]: where dE/dtheta of the draws themselves was seen to move.
    """

    slopes: tuple[int, ...]  # 0 for that of a draw, from 1 on those of covers
    weights: Any
    moved: np.ndarray
    told: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What a sweep and each estimate cost, in operations and bytes moved, by XLA's own count."""

    sweep: float
    energy: float
    slopes: tuple[float, ...]

    def of(self, estimate: tuple[int, ...], sweeps: int, gradients: float) -> float:
        """What a draw costs, with so many sweeps and gradients before it.

        Loops are counted once by XLA, so that a path of many gradients is at least their energies.
        """
        moving = max(self.sweep * sweeps, 2 * self.energy * gradients)
        return moving + sum(self.slopes[k] for k in estimate)


def plain(numbers: int, chains: int) -> Estimate:
    """dE/dtheta of the draws themselves."""
    return Estimate((0,), jnp.zeros((chains, 0, numbers)), np.zeros(numbers, bool))


def even(covers: tuple[Cover, ...], numbers: int, chains: int) -> Estimate:
    """The plain average over covers, where there was no pilot."""
    weights = np.full((chains, len(covers), numbers), 1 / len(covers))
    told = f"E[dE/dtheta | rest] over {described(covers)}"
    each = tuple(range(1, len(covers) + 1))
    return Estimate(
        each, jnp.asarray(weights, jnp.result_type(float)), np.zeros(numbers, bool), told
    )


def batches_of(sweeps: int, thin: int, chains: int, estimates: int, numbers: int) -> int:
    """How many batches a pilot of so many sweeps has; 0 where there is no room for enough."""
    found = min(BATCHES, sweeps // thin, MOST_KEPT // max(1, chains * estimates * numbers))
    return found if found >= FEWEST else 0


def costs_of(
    model: Model, plan: Plan, slopes: tuple[Slope, ...], situation: Situation, chain: Chain
) -> Costs:
    """Costs for one chain. Nothing is compiled: it is the program as written that is counted."""
    one = jax.tree.map(lambda a: a[0], chain)
    energy = model.target.energy

    def count(function: Any, *arguments: Any) -> float:
        found: Any = jax.jit(function).lower(*arguments).cost_analysis() or {}
        return float(found.get("flops", 0.0)) + float(found.get("bytes accessed", 0.0))

    ready = jax.eval_shape(lambda s: prepared(plan, s), situation)
    return Costs(
        count(lambda s, c: sweep(plan, s, c)[0], ready, one),
        count(lambda s, x: energy(s.params, x, s.given), situation, one.state),
        tuple(count(slope, situation, one.state) for slope in slopes),
    )


def decided(
    parts: np.ndarray,
    covers: tuple[Cover, ...],
    costs: Costs,
    sweeps: int,
    gradients: float,
    *,
    anyway: bool,
) -> Estimate:
    """The estimate of least variance x cost; of least variance where it is wanted `anyway`.

    `parts` [chain, batch, estimate, number]: means of a pilot, that of the draws first.
    """
    chains, _, estimates, numbers = parts.shape
    moved = np.ptp(parts[:, :, 0], axis=(0, 1)) > 0
    offers: dict[tuple[int, ...], Any] = {(0,): None}
    if np.all(np.isfinite(parts)):
        offers |= {(k,): None for k in range(1, estimates)}
        offers[tuple(range(estimates))] = weights_of(parts)
    base, cost = _spread(parts[:, :, 0]), costs.of((0,), sweeps, gradients)
    scores = {}
    for each, weights in offers.items():
        mixed = parts[:, :, each[0]] if weights is None else _weighed(parts, weights)
        ratio = _spread(mixed) / base if base else 1.0
        dearer = costs.of(each, sweeps, gradients) / cost
        if anyway or dearer <= DEAREST:
            scores[each] = (ratio if anyway else ratio * dearer, ratio)
    best = min(scores, key=lambda each: scores[each][0])
    if best == (0,) or (not anyway and scores[best][0] > SAVED):
        return plain(numbers, chains)._replace(moved=moved)
    weights = offers[best] if len(best) > 1 else np.zeros((chains, 0, numbers))
    chosen = tuple(cover for k, cover in enumerate(covers, 1) if k in best)
    told = f"E[dE/dtheta | rest] over {described(chosen)}"
    told += f", in a pilot {scores[best][1]:.2g} times the variance"
    return Estimate(best, jnp.asarray(weights, jnp.result_type(float)), moved, told)


def weights_of(parts: np.ndarray) -> np.ndarray:
    """Weights [chain, estimate, number] of least variance, for each chain from all others.

    From a chain by itself where there is but one. `parts` [chain, batch, estimate, number].
    """
    first = parts[:, :, :1]
    apart = first - parts[:, :, 1:]  # of mean zero
    own = first[:, :, 0] - first[:, :, 0].mean(axis=1, keepdims=True)
    apart = apart - apart.mean(axis=1, keepdims=True)
    squares = np.einsum("cpak,cpbk->ckab", apart, apart)
    products = np.einsum("cpak,cpk->cka", apart, own)
    if len(parts) > 1:
        squares, products = (s.sum(axis=0) - s for s in (squares, products))
    sizes = np.diagonal(squares, axis1=-2, axis2=-1)
    shown = sizes > 1e-9 * np.maximum(sizes.max(axis=-1, keepdims=True), 1e-300)
    even = shown / np.maximum(shown.sum(axis=-1, keepdims=True), 1)
    left = products - np.einsum("ckab,ckb->cka", squares, even)
    held = np.where(shown, RIDGE * sizes, 1.0)[..., None] * np.eye(sizes.shape[-1])
    found = np.linalg.solve(squares + held, np.where(shown, left, 0.0)[..., None])[..., 0]
    taken = np.where(shown, even + found, 0.0)
    whole = np.concatenate([1 - taken.sum(axis=-1, keepdims=True), taken], axis=-1)
    return np.moveaxis(whole, -1, 1)


def _weighed(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("cpak,cak->cpk", parts, weights)


def _spread(series: np.ndarray) -> float:
    """The variance of batch means within chains, over all numbers: what the l2 error grows by."""
    return float(series.var(axis=1, ddof=1).mean(axis=0).sum())


def piloted(
    walk: Walk, situation: Situation, chain: Chain, thin: int, batches: int, sweeps: int
) -> tuple[Chain, np.ndarray, float]:
    """The chain after so many sweeps, the means of batches of all estimates, and gradients a draw."""
    block = max(1, sweeps // (thin * batches))
    weights = jnp.zeros((chain.key.shape[0], 0))
    run = paced(walk, situation, weights, thin)
    chain, (means, _, _, gradients, _) = run(chain, block, batches)
    parts = np.asarray(means, np.float64)[..., :-1]
    return chain, parts, float(np.mean(gradients)) / block
