"""The loop of training: epoch after epoch, and all that must not be lost when one of them fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import jax.numpy as jnp
import numpy as np

from ..backend.energy import State, stored_type
from ..partition.examples import Examples
from ..progress import Progress
from ..samplers.run import check_counts
from ..syntax.diagnostics import Diagnostic, complain
from .checkpoint import Keeper
from .diverged import Diverged as Diverged
from .diverged import not_finite, parted
from .interruption import Interruption
from .pace import slower
from .purpose import purpose_of
from .standing import Standing, Told, fresh, from_kept, joined, order_of, to_kept
from .step import Batch
from .stored import Fit
from .telling import warn
from .watch import Sign, exploding, steady

if TYPE_CHECKING:
    from ..model import Model

MOST_LOWERED = 3
MOST_GOOD = 2  # standings to go back to, beside the first
ON_DIVERGENCE = ("stop", "lower")
Callback = Callable[[dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Care:
    """How a fit is kept alive: where checkpoints go, how many, how often; what divergence calls for.

    `every`: steps between checkpoints, None for one at the end of each epoch.
    """

    checkpoint: str | Path | None = None
    resume: bool = True
    keep: int = 3
    every: int | None = None
    on_divergence: str = "stop"

    def __post_init__(self) -> None:
        check_counts(keep=self.keep, every=1 if self.every is None else self.every)
        if self.on_divergence not in ON_DIVERGENCE:
            raise complain(
                "E704",
                f"`on_divergence` must be {' or '.join(ON_DIVERGENCE)}, not {self.on_divergence!r}",
            )

    def refuse(self, because: str) -> None:
        """Refuse checkpoints where none are kept. Raises EbmError E704."""
        if self.checkpoint is not None:
            raise complain("E704", f"there are no checkpoints to keep: {because}")


class Task(Protocol):
    """What the loop repeats. Its learner is a NamedTuple with `optimiser` (a Pace), `step`, `bad`."""

    model: Model
    examples: Examples
    batch: int
    seed: int

    def settings_told(self) -> Mapping[str, Any]:
        """What a checkpoint of the task is made for, beside model and data."""
        ...

    def begin(self) -> Any:
        """The learner before the first step."""
        ...

    def passed(self, learner: Any, batches: Batch) -> tuple[Any, Any]:
        """The learner after these batches [batch, row, …], and what each step told, [batch]."""
        ...

    def row(self, told: Told) -> dict[str, float]:
        """An epoch's row of the history, from what its steps told."""
        ...

    def ended(self, before: Any, standing: Standing) -> tuple[Standing, list[Sign]]:
        """The standing at the end of an epoch, with more in its row, and the signs it gives."""
        ...

    def words(self, row: Mapping[str, float]) -> str:
        """A row in words for the progress bar."""
        ...

    def unwell(self, learner: Any, batches: Batch, told: Told, place: int) -> list[str]:
        """What was not finite at this batch, in words."""
        ...

    def doubts(self, standing: Standing) -> list[str]:
        """What speaks against a fit that has come to its end."""
        ...

    def result(self, standing: Standing, stopped: str | None) -> Fit:
        """The fit as it stands."""
        ...


@dataclass(slots=True, eq=False)
class Loop:
    """One call of fit.

    `good`: the first standing and the last ones without any sign of trouble; `last`: the last epoch's.
    """

    task: Task
    care: Care
    epochs: int
    progress: bool = True
    callback: Callback | None = None
    keeper: Keeper | None = None
    good: list[Standing] = field(default_factory=list)
    last: Standing | None = None
    unkept: str | None = None
    warned: set[str] = field(default_factory=set)

    def train(self) -> Fit:
        """The fit. Raises Diverged; EbmError E711 for a checkpoint that is not of this fit."""
        task = self.task
        standing = self.last = self._first()
        self.good = [standing]
        kept = standing if standing.epochs or standing.place else None
        with Interruption() as heard, self._bar() as bar:
            bar.advance(min(standing.epochs, self.epochs))
            try:
                while standing.epochs < self.epochs and heard.by is None:
                    before, standing = standing, self._passed(standing)
                    bar.advance(standing.epochs - before.epochs, self._words(standing))
                    if self._due(before, standing):
                        kept = self._keep(standing)
                    if self.callback is not None and standing.epochs > before.epochs:
                        self.callback(dict(standing.history[-1]))
            except KeyboardInterrupt:
                if heard.by is not None:
                    raise
                heard.by = "interrupted"
            if kept is not standing:
                self._keep(standing)
            early = standing.epochs < self.epochs
            stopped = f"{heard.by} after {standing.where}" if heard.by and early else None
            for says in [] if stopped else task.doubts(standing):
                standing = self._warned(standing, says)
        if self.unkept is not None:
            standing = standing.with_problem(self.unkept)
        return task.result(standing, stopped)

    def _bar(self) -> Progress:
        return Progress(self.epochs, f"fitting {self.task.model.name}", self.progress)

    def _words(self, standing: Standing) -> str:
        return self.task.words(standing.history[-1]) if standing.history else ""

    def _first(self) -> Standing:
        """The start, or the newest checkpoint that can be read."""
        task, care = self.task, self.care
        learner = task.begin()
        standing = fresh(learner, task.seed)
        if care.checkpoint is None:
            return standing
        purpose = purpose_of(task.model, task.examples, task.settings_told())
        self.keeper = Keeper(Path(care.checkpoint), purpose, care.keep)
        self.keeper.begin()
        kept = self.keeper.newest() if care.resume else None
        return standing if kept is None else from_kept(kept, learner)

    @property
    def _batches(self) -> int:
        return self.task.examples.number // self.task.batch

    def _passed(self, standing: Standing) -> Standing:
        """The standing after one compiled piece: up to the next checkpoint or the epoch's end.

        Where a piece ends depends on the number of steps alone, so that a fit that is resumed runs
        the same programs on the same numbers.
        """
        begun = time.perf_counter()
        number = self._batches
        every = self.care.every or number
        done = standing.epochs * number + standing.place
        end = min(number, standing.place + every - done % every)
        order, after = order_of(standing.order, self.task.examples.number)
        rows = order[: number * self.task.batch].reshape(number, -1)[standing.place : end]
        batches = batches_of(self.task.model, self.task.examples, rows)
        learner, steps = self.task.passed(standing.learner, batches)
        told = {n: np.asarray(v) for n, v in steps._asdict().items()}
        if int(learner.bad) >= 0:
            place = int(learner.bad) - int(standing.learner.step)
            return self._not_finite(standing, learner, batches, told, place)
        seconds = standing.seconds + time.perf_counter() - begun
        told = joined(standing.told, told)
        moved = replace(standing, learner=learner, place=end, told=told, seconds=seconds)
        return moved if end < number else self._ended(moved, after)

    def _ended(self, standing: Standing, order: Mapping[str, Any]) -> Standing:
        """The standing with the epoch's row in the history, or gone back where it went wrong."""
        assert self.last is not None
        assert standing.told is not None
        learner = standing.learner
        row = {"epoch": standing.epochs + 1, **self.task.row(standing.told)}
        row |= {"rate": float(learner.optimiser.rate), "seconds": standing.seconds}
        ended = replace(
            standing, order=order, epochs=standing.epochs + 1, place=0, told=None, seconds=0.0,
            history=(*standing.history, row),
        )  # fmt: skip
        ended, signs = self.task.ended(self.last, ended)
        grave = exploding(ended.history)
        if grave:
            return self._lowered(parted(grave), ended)
        if signs and self.care.on_divergence == "lower" and ended.lowered < MOST_LOWERED:
            return self._lowered(parted(signs), ended)
        for sign in signs:
            ended = self._warned(ended, sign.says)
        if not signs and steady(ended.history):
            self.good = [self.good[0], *self.good[1:][1 - MOST_GOOD :], ended]
        self.last = ended
        return ended

    def _not_finite(
        self, standing: Standing, learner: Any, batches: Batch, told: Told, place: int
    ) -> Standing:
        notes = self.task.unwell(learner, batches, told, place)
        last = replace(standing, learner=learner._replace(bad=standing.learner.bad))
        return self._lowered(not_finite(int(learner.bad), notes), standing, last)

    def _lowered(
        self, diagnostic: Diagnostic, now: Standing, last: Standing | None = None
    ) -> Standing:
        """A good standing with shorter steps, if that is wanted. Raises Diverged if not.

        A standing is gone back to once, for if it leads astray again it was not good. The first stays.
        """
        if self.care.on_divergence != "lower" or now.lowered >= MOST_LOWERED:
            kept = (last or self.good[-1]).with_problem(diagnostic.says)
            raise Diverged(diagnostic, self.task.result(kept, f"diverged after {kept.where}"))
        good = self.good.pop() if len(self.good) > 1 else self.good[0]
        pace = slower(good.learner.optimiser, now.learner.optimiser)
        again = replace(
            good, learner=good.learner._replace(optimiser=pace), lowered=now.lowered + 1,
            still={}, problems=now.problems,
        )  # fmt: skip
        says = f"{diagnostic.says}: went back to {good.where}, and steps are a tenth as long from there"
        self.last = self._warned(again, says)
        return self.last

    def _due(self, before: Standing, standing: Standing) -> bool:
        if standing.lowered != before.lowered:
            return True
        if self.care.every is None:
            return standing.place == 0
        done = standing.epochs * self._batches + standing.place
        return done % self.care.every == 0

    def _keep(self, standing: Standing) -> Standing:
        """Write a checkpoint. Where that fails it is told, and the fit goes on with those it has."""
        if self.keeper is None:
            return standing
        try:
            self.keeper.put(to_kept(standing))
        except OSError as error:
            last = self.keeper.files()[-1:]
            self.unkept = (
                f"no checkpoint could be written to {self.keeper.folder} after {standing.where}: "
                f"{error.strerror or error}; "
                + (f"the last one is {last[0].name}" if last else "there is none yet")
            )
            if "unkept" not in self.warned:
                self.warned.add("unkept")
                warn(f"{self.unkept}; the fit goes on")
        else:
            self.unkept = None
            self.warned.discard("unkept")
        return standing

    def _warned(self, standing: Standing, says: str) -> Standing:
        """The standing with a problem, which is told once."""
        if says not in standing.problems:
            warn(says)
        return standing.with_problem(says)


def batches_of(model: Model, examples: Examples, rows: np.ndarray) -> Batch:
    """The examples of these rows [batch, row], with the given data of each."""
    own: State = {
        n: jnp.asarray(v[rows], stored_type(model.program.givens[n]))
        for n, v in examples.own.items()
    }
    data = {n: jnp.asarray(v[rows]) for n, v in examples.data.items()}
    return Batch(data, own, jnp.asarray(rows, jnp.int32))
