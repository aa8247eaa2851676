"""Descent of an objective without chains: a task for the loop of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..partition.examples import Examples
from ..samplers.pace import scan_part
from .checkpoint import digest, flat
from .contrast import LOG_Z
from .devices import Spread
from .diverged import unwell
from .likeness import likeness
from .likeness import told as in_words
from .objective import Each, Facts, Objective, no_more
from .objectives import check_fits
from .pace import paced
from .prior import log_prior
from .standing import Standing, Told
from .step import Batch, kept
from .stored import Fit
from .visible import Visible, visible_of
from .watch import Sign

if TYPE_CHECKING:
    from ..model import Model

RATE = 1e-3  # Adam's, if no optimiser is said


class Learnt(NamedTuple):
    """All that changes. `bad` is the first step that was not finite, -1 if none was."""

    free: Any  # parameters as free numbers, and by name what is learnt beside them
    optimiser: Any  # Pace around optax's state
    step: Any  # scalar, int
    bad: Any  # scalar, int


class Lost(NamedTuple):
    """What a step tells: the mean loss of an example, and the norm of the gradient."""

    loss: Any
    gradient_norm: Any


class Own(NamedTuple):
    """What a fit has of its own among those that compile alike."""

    key: Any  # data of the key of the seed
    examples: Any  # scalar, how many there are
    facts: Facts  # what the objective knows of the data


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The steps of all fits that compile alike, whatever their data and their seed."""

    model: Model
    visible: Visible
    each: Each
    paced: optax.GradientTransformation
    shared: State
    spread: Spread | None

    def epoch(
        self, learner: Learnt, batches: Batch, first: Any, end: Any, own: Own
    ) -> tuple[Learnt, Lost]:
        """The learner after the batches [batch, row, …] from `first` to before `end`, and what each told."""

        def step(learner: Learnt, batch: Batch) -> tuple[Learnt, Lost]:
            free, optimiser, told = self._step(learner, batch, own)
            moved = learner._replace(free=free, optimiser=optimiser)
            fine = jnp.isfinite(told.loss) & jnp.isfinite(told.gradient_norm)
            stopped = learner.bad >= 0
            keep = fine & ~stopped
            after = kept(keep, moved, learner)
            if self.spread is not None:
                after = self.spread.held(after)
            bad = jnp.where(stopped | fine, learner.bad, learner.step)
            return after._replace(bad=bad, step=learner.step + keep.astype(jnp.int32)), told

        return scan_part(step, learner, batches, first, end)

    def _step(self, learner: Learnt, batch: Batch, own: Own) -> tuple[Any, Any, Lost]:
        key = jax.random.fold_in(jax.random.wrap_key_data(own.key), learner.step)
        space = self.model.parameter_space

        def whole(free: Any) -> tuple[Any, Any]:
            mean = self.mean(free, batch, key, own.facts)
            prior = log_prior(self.model, space.constrain(free), self.shared)
            return mean - prior / own.examples, mean

        (_, mean), slopes = jax.value_and_grad(whole, has_aux=True)(learner.free)
        updates, optimiser = self.paced.update(slopes, learner.optimiser, learner.free)
        told = Lost(mean, optax.tree.norm(slopes))
        return optax.apply_updates(learner.free, updates), optimiser, told

    def mean(self, free: Any, batch: Batch, key: Any, facts: Facts) -> Any:
        """The mean loss of an example over a batch [row, …], without priors."""
        params = self.model.parameter_space.constrain(free)

        def one(row: Any, own: Any, number: Any) -> Any:
            situation = Situation(params, {**self.shared, **own}, jnp.ones(()))
            mine = jax.random.fold_in(key, number)
            return self.each(situation, self.visible.state(row), {**facts, **free}, mine)

        return jnp.mean(jax.vmap(one)(batch.data, batch.own, batch.rows))


class DescentTask:
    """The mean loss of examples under an objective, less the priors, followed downhill.

    Raises EbmError E707 if the objective does not fit the model.
    """

    def __init__(
        self,
        objective: Objective,
        model: Model,
        examples: Examples,
        optimizer: optax.GradientTransformation | None,
        batch_size: int,
        params: Mapping[str, Any],
        seed: int,
        spread: Spread | None = None,
    ) -> None:
        self.model: Model = model
        self.examples = examples
        self.batch = examples.batch(batch_size)
        self.seed = seed
        self.objective = objective
        self.params = params
        self.visible = visible_of(model, examples)
        check_fits(objective, self.visible)
        self.loss = objective.loss(self.visible, examples)
        self.optimiser = optimizer or optax.adam(RATE)
        self.paced = paced(self.optimiser)
        self.shared = {n: v for n, v in self.visible.given.items() if n in examples.shared}
        self.spread = spread
        if spread is not None:
            spread.check(batch_size=self.batch)
        names = tuple(examples.data), tuple(examples.own)
        self.key = ("descent", objective, *names, likeness(self.optimiser), spread)
        self.start_key = ("start of descent", objective, *names)
        self.steps = Steps(model, self.visible, self.loss.each, self.paced, self.shared, spread)

    def settings_told(self) -> Mapping[str, Any]:
        """What a checkpoint is made for, beside model and data."""
        return {
            "objective": self.objective,
            "optimizer": in_words(self.optimiser),
            "batch_size": self.batch,
            "params": digest(flat(dict(self.params), "")),
            "seed": self.seed,
            "numbers": jnp.result_type(float),
        }

    def begin(self) -> Learnt:
        """The start: parameters as free numbers, with what is learnt beside them."""
        real = jnp.result_type(float)
        space = self.model.parameter_space
        free = space.unconstrain(jax.tree.map(lambda x: jnp.asarray(x, real), dict(self.params)))
        where = Situation(space.constrain(free), self.visible.given, jnp.ones(()))
        if self.loss.start is not no_more:
            start = self.model.made(self.start_key, lambda: jax.jit(self.loss.start))
            free = {**free, **start(where, self.loss.facts)}
        zero = jnp.zeros((), jnp.int32)
        return Learnt(free, self.paced.init(free), zero, zero - 1)

    def passed(self, learner: Learnt, batches: Batch, first: int, end: int) -> tuple[Learnt, Any]:
        """The learner after some of the batches; after a step that is not finite it stays."""
        steps = self.steps
        compiled = self.model.made(self.key, lambda: jax.jit(steps.epoch))
        return compiled(learner, batches, first, end, self._own())

    def _own(self) -> Own:
        key = np.asarray(jax.random.key_data(jax.random.key(self.seed)))
        number = np.asarray(self.examples.number, jnp.result_type(float))
        return Own(key, number, self.loss.facts)

    def mean(self, free: Any, batch: Batch, key: Any) -> Any:
        """The mean loss of an example over a batch [row, …], without priors."""
        return self.steps.mean(free, batch, key, self.loss.facts)

    def row(self, told: Told) -> dict[str, float]:
        """Mean loss and gradient of an epoch."""
        return {n: float(np.mean(told[n])) for n in ("loss", "gradient_norm")}

    def ended(self, before: Any, standing: Standing) -> tuple[Standing, list[Sign]]:
        """The standing as it is: without chains there is nothing more to see."""
        return standing, []

    def words(self, row: Mapping[str, float]) -> str:
        """Loss, gradient and speed, for the progress bar."""
        speed = self.examples.number // self.batch / row["seconds"] if row["seconds"] else 0.0
        return f"loss {row['loss']:.5g}, gradient {row['gradient_norm']:.3g}, {speed:.3g} steps/s"

    def unwell(self, learner: Learnt, batches: Batch, told: Told, place: int) -> list[str]:
        """What was not finite at this batch: values, energies, what the step told."""
        params = jax.tree.map(np.asarray, self.model.parameter_space.constrain(learner.free))
        shared = None if self.examples.own else self.shared
        data = {n: np.asarray(v[place]) for n, v in batches.data.items()}
        notes = unwell(self.model, params, data, shared, "data")
        for name in ("loss", "gradient_norm"):
            value = float(told[name][place])
            if not np.isfinite(value):
                notes.append(f"{name.replace('_', ' ')} of that step: {value:g}")
        return notes

    def doubts(self, standing: Standing) -> list[str]:
        """Nothing: what an objective of its own tells of a fit is in the history."""
        return []

    def result(self, standing: Standing, stopped: str | None) -> Fit:
        """The fit as it stands."""
        learner, history = standing.learner, standing.history
        params = jax.tree.map(np.asarray, self.model.parameter_space.constrain(learner.free))
        names = list(history[0]) if history else []
        arrays = {n: np.array([row[n] for row in history]) for n in names}
        log_z = None
        if LOG_Z in learner.free:
            # The objective compares energies without their constant.
            constant = self.model.target.constant(params, self.visible.given)
            log_z = float(learner.free[LOG_Z]) - constant
        return Fit(
            self.model.unconditioned, params, arrays, {}, int(learner.step), log_z_estimate=log_z,
            problems=standing.problems, stopped=stopped,
        )  # fmt: skip
