"""What is followed of a sampler's chains when samplers are compared, and the run that follows it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..partition.gradient import slope_of
from ..samplers.beginning import begin_states
from ..samplers.plan import Plan
from ..samplers.run import Clamped, Loop
from ..samplers.sweep import Chain, prepared, sweeps
from .diagnostics import effective_size

if TYPE_CHECKING:
    from ..model import Model

MOST_KEPT = 20_000_000


class Watched:
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


class Series(NamedTuple):
    """Statistics [chain, draw, statistic] of a run, the energy last; what it told, and its seconds."""

    values: np.ndarray
    report: Any
    compile_seconds: float
    seconds: float

    @property
    def sizes(self) -> np.ndarray:
        """Effective draws of every statistic; NaN for one that never changed."""
        return effective_size(self.values)

    def errors(self, sizes: np.ndarray) -> np.ndarray:
        """Monte Carlo errors of the means, from the spread and the effective draws."""
        spread = self.values.reshape(-1, self.values.shape[2]).std(axis=0, ddof=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return spread / np.sqrt(sizes)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What all samplers of a comparison share."""

    model: Model
    situation: Situation
    held: Clamped
    watched: Watched
    draws: int
    chains: int
    warmup: int
    seed: int

    def run(self, loop: Loop, times: int = 1) -> list[Series]:
        """Series one after the other from chains that were warmed up, compiled ahead of the clock."""
        key, sub = jax.random.split(jax.random.key(self.seed))
        situation = self.situation
        states = begin_states(
            self.model.target, loop.first, situation, sub, self.chains, self.held.values
        )
        keys = jax.random.split(key, self.chains)
        chain = loop.begin(keys, situation, states, self.warmup)
        begun = time.perf_counter()
        ready = _walk(loop.plan, self.watched, self.draws).lower(situation, chain).compile()
        compiled = time.perf_counter() - begun
        if self.warmup:
            chain, _ = loop.warm(situation, chain, self.warmup)
        jax.block_until_ready(chain)
        found = []
        for _ in range(times):
            begun = time.perf_counter()
            chain, (series, report) = jax.block_until_ready(ready(situation, chain))
            seconds = time.perf_counter() - begun
            found.append(Series(np.asarray(series, np.float64), report, compiled, seconds))
        return found


def _walk(plan: Plan, watched: Watched, draws: int) -> Any:
    def one_chain(situation: Situation, chain: Chain) -> Any:
        ready = prepared(plan, situation)

        def one(chain: Chain, _: None) -> Any:
            chain, report = sweeps(plan, ready, chain, 1)
            return chain, (watched.of(situation, chain.state), report)

        return jax.lax.scan(one, chain, None, length=draws)

    return jax.jit(jax.vmap(one_chain, in_axes=(None, 0)))
