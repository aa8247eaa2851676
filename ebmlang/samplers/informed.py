"""Informed proposals for discrete variables, accepted or refused by the true energy: exact.

The estimates only say where to look: q is built from them, and a proposal x' is accepted with
probability min(1, exp(-beta (E(x') - E(x))) q(x | x') / q(x' | x)) (Hastings 1970), so that the law
is left unchanged whatever the estimates are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..backend.conditionals import Situation
from ..backend.energy import State, Target
from ..backend.sites import Sites
from .block import Key, Moved
from .finite import Finite, Numbers, Table, finite
from .proposals import PROPOSALS, Proposal
from .settings import Informed
from .tuning import tune, tuning_from

FIRST_STEP_SIZE = 0.2
LEAST_STEP_SIZE = 1e-4


class Look(NamedTuple):
    """What is known of one configuration: one energy and one gradient."""

    numbers: Numbers
    potential: Any  # scalar, beta E
    differences: Table


class Walk(NamedTuple):
    """Where the steps of one sweep have come to."""

    key: Key
    look: Look
    accepted: Any  # [proposal], sums of the probabilities to accept
    lost: Any  # scalar bool, whether an energy was not a number


@dataclass(frozen=True, slots=True, eq=False)
class InformedBlock:
    """Discrete variables moved together by a schedule of proposals.

    `schedule`: the number of the proposal that each step of a sweep makes. A step costs one gradient:
    that of the way back is the next step's own. `step_size` None: adapted in warm-up so that the
    first proposal has the `target_acceptance`.
    """

    ground: Finite
    names: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    schedule: tuple[int, ...]
    step_size: float | None
    target_acceptance: float
    method: str = "informed"

    @property
    def variables(self) -> tuple[str, ...]:
        return self.names

    def tables(self, situation: Situation) -> Any:
        return ()

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        first = FIRST_STEP_SIZE if self.step_size is None else self.step_size
        return tuning_from(first, warmup)

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        if not self.ground.sites:
            nothing = jnp.zeros((), jnp.int32)
            return Moved(state, inner, jnp.ones(()), nothing, jnp.zeros((), bool))
        step = inner.step

        def one(walk: Walk, which: Any) -> tuple[Walk, None]:
            return self._step(walk, situation, state, step, which), None

        # Step -1 proposes the place where the chain stands: so the gradient is compiled only once.
        begun = self._begun(key, self.ground.numbers(state))
        walk, _ = jax.lax.scan(one, begun, jnp.asarray((-1, *self.schedule)))
        moved = self.ground.put(state, walk.look.numbers)
        acceptance = jnp.sum(walk.accepted) / len(self.schedule)
        tuned = self._tuned(inner, walk.accepted[0] / self.schedule.count(0))
        return Moved(moved, tuned, acceptance, jnp.asarray(len(self.schedule) + 1), walk.lost)

    def _begun(self, key: Key, numbers: Numbers) -> Walk:
        real = jnp.result_type(float)
        zero, no = jnp.zeros((), real), jnp.zeros((), bool)
        none = jnp.zeros(len(self.proposals), real)
        unknown = {
            n: jnp.zeros((len(x), len(self.ground.states(n))), real) for n, x in numbers.items()
        }
        return Walk(key, Look(numbers, zero, unknown), none, no)

    def _step(self, walk: Walk, situation: Situation, state: State, step: Any, which: Any) -> Walk:
        key, draw, choose = jax.random.split(walk.key, 3)
        look, first = walk.look, which < 0
        drawn = self._draw(draw, look, step, which)
        then = {n: jnp.where(first, look.numbers[n], x) for n, x in drawn.items()}
        new = self.look(situation, state, then)
        log_ratio = self.log_ratio(look, new, step, which)
        accept = first | (jnp.log(jax.random.uniform(choose)) < log_ratio)
        kept = jax.tree.map(lambda a, b: jnp.where(accept, a, b), new, look)
        here = jnp.arange(len(self.proposals)) == which
        accepted = jnp.where(here, jnp.exp(jnp.minimum(log_ratio, 0.0)), 0.0)
        bad = ~first & (jnp.isnan(new.potential) | jnp.isneginf(new.potential))
        return Walk(key, kept, walk.accepted + accepted, walk.lost | bad)

    def look(self, situation: Situation, state: State, numbers: Numbers) -> Look:
        """Energy and estimates of the state with its sites at these numbers."""
        there = self.ground.put(state, numbers)
        return Look(
            numbers,
            self.ground.potential(situation, there),
            self.ground.differences(situation, there, numbers),
        )

    def log_proposal(self, look: Look, then: Numbers, step: Any, which: Any = 0) -> Any:
        """Log of the probability that the proposal of this number proposes `then`."""
        distances = self.ground.distances(look.numbers)
        known = (look.differences, distances, look.numbers, then, step)
        return jax.lax.switch(which, [p.log_probability for p in self.proposals], *known)

    def _draw(self, key: Key, look: Look, step: Any, which: Any) -> Numbers:
        known = (key, look.differences, self.ground.distances(look.numbers), look.numbers, step)
        return jax.lax.switch(which, [p.draw for p in self.proposals], *known)

    def log_ratio(self, look: Look, new: Look, step: Any, which: Any = 0) -> Any:
        """Log of the ratio whose minimum with 1 is the probability to accept; -inf is never.

        A chain that finds itself at an infinite energy takes the first way out.
        """
        there = self.log_proposal(look, new.numbers, step, which)
        back = self.log_proposal(new, look.numbers, step, which)
        ratio = look.potential - new.potential + back - there
        possible = jnp.isfinite(new.potential) & ~jnp.isnan(ratio)
        return jnp.where(possible, ratio, -jnp.inf)

    def _tuned(self, inner: Any, acceptance: Any) -> Any:
        if self.step_size is not None:
            return inner
        return tune(inner, acceptance, self.target_acceptance, LEAST_STEP_SIZE,
                    10.0 * self.ground.widest)  # fmt: skip


def informed_block(target: Target, sites: Mapping[str, Sites], settings: Informed) -> InformedBlock:
    """The block that moves these discrete variables together."""
    proposals = PROPOSALS[settings.kind]
    others = tuple(range(1, len(proposals)))
    return InformedBlock(
        finite(target, sites),
        tuple(sites),
        proposals,
        (0,) * (settings.steps - len(others)) + others,
        settings.step_size,
        settings.target_acceptance,
    )
