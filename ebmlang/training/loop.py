"""The loop of training: epoch after epoch, and all that must not be lost when one of them fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..arguments import check_counts
from ..partition.examples import Examples
from ..progress import Progress
from ..samplers.pace import Pace
from ..syntax.diagnostics import Diagnostic, complain, warn
from .checkpoint import Keeper, Kept
from .devices import Spread
from .diverged import Diverged as Diverged
from .diverged import not_finite, parted
from .feed import Feed, Piece, feed_of, refuse_going_back
from .interruption import ENDINGS, Interruption
from .pace import slower
from .purpose import purpose_of
from .standing import Standing, Told, beside_of, fresh, from_kept, joined, to_kept
from .step import Batch
from .stored import Fit
from .watch import Sign, exploding, steady

if TYPE_CHECKING:
    from ..model import Model

MOST_LOWERED = 3
MOST_GOOD = 2  # standings to go back to, beside the first
ON_DIVERGENCE = ("stop", "lower")
GOOD, LAST = "good {}", "last"  # names of standings in a checkpoint
Callback = Callable[[dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Care:
    """How a fit is kept alive: where checkpoints go, how many, how often; what divergence calls for.

    `every`: steps between checkpoints, None for one at the end of each epoch. With `on_divergence`
    "lower" a checkpoint holds the standings to go back to as well, and is as much larger.
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
    """What the loop repeats. Its learner is a NamedTuple with a paced `optimiser`, `step`, `bad`."""

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

    def passed(self, learner: Any, batches: Batch, first: int, end: int) -> tuple[Any, Any]:
        """The learner after the batches [batch, row, …] from `first` to before `end`.

        And what each step told, [batch], zeros for the others.
        """
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
    `spread`: devices that share the work, None for JAX's own one.
    """

    task: Task
    care: Care
    epochs: int
    progress: bool = True
    callback: Callback | None = None
    spread: Spread | None = None
    feed: Feed = field(init=False)
    keeper: Keeper | None = None
    pace: Pace = field(default_factory=Pace)
    good: list[Standing] = field(default_factory=list)
    last: Standing | None = None
    unkept: str | None = None
    warned: set[str] = field(default_factory=set)

    def train(self) -> Fit:
        """The fit. Raises Diverged; EbmError E711 for a checkpoint that is not of this fit."""
        task = self.task
        if self.care.on_divergence == "lower":
            refuse_going_back(task.examples)
        self.feed = feed_of(task.model, task.examples, task.batch, self.spread)
        standing = self._first()
        kept = standing if standing.epochs or standing.place else None
        with Interruption() as heard, self._bar() as bar:
            bar.advance(min(standing.epochs, self.epochs))
            try:
                while self._goes_on(standing, heard):
                    before, standing = standing, self._passed(standing, heard)
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
            stopped = self._stopped(standing, heard.by)
            for says in [] if stopped else task.doubts(self._here(standing)):
                standing = self._warned(standing, says)
        if self.unkept is not None:
            standing = standing.with_problem(self.unkept)
        return task.result(self._here(standing), stopped)

    def _goes_on(self, standing: Standing, heard: Interruption) -> bool:
        """Whether there is more to do, which all processes must find alike."""
        if self.spread is not None:
            heard.by = self.spread.agreed(heard.by, ENDINGS)
        early = standing.epochs < self.epochs and not self.feed.spent(standing)
        return early and heard.by is None

    def _stopped(self, standing: Standing, heard: str | None) -> str | None:
        """Why a fit ends before its last epoch, None if it does not."""
        if standing.epochs >= self.epochs:
            return None
        if heard is None:
            says = f"the iterator of data has passed, after {standing.where} of {self.epochs}"
            warn(f"{says}; what makes a new iterator for each epoch goes on")
            return says
        return f"{heard} after {standing.where}"

    def _here(self, standing: Standing) -> Standing:
        """A standing whose arrays this process can read."""
        if self.spread is None:
            return standing
        return replace(standing, learner=self.spread.local(standing.learner))

    def _bar(self) -> Progress:
        shown = self.progress and (self.spread is None or self.spread.first)
        return Progress(self.epochs, f"fitting {self.task.model.name}", shown)

    def _words(self, standing: Standing) -> str:
        return self.task.words(standing.history[-1]) if standing.history else ""

    def _first(self) -> Standing:
        """The start, or the newest checkpoint that can be read; spread over the devices."""
        start = fresh(self.task.begin(), self.task.seed)
        kept = self._newest()
        if kept is not None:
            return self._resumed(kept, start)
        start = self._put(start)
        self.good, self.last = [start], start
        return start

    def _newest(self) -> Kept | None:
        """The newest checkpoint that can be read, None where the fit begins anew."""
        task, care = self.task, self.care
        if care.checkpoint is None:
            return None
        purpose = purpose_of(task.model, task.examples, task.settings_told())
        self.keeper = Keeper(Path(care.checkpoint), purpose, care.keep)
        self.keeper.begin()
        return self.keeper.newest() if care.resume else None

    def _resumed(self, kept: Kept, start: Standing) -> Standing:
        """The standing of a checkpoint, with those to go back to if it holds them."""
        standing = self._put(from_kept(kept, start.learner))
        others = beside_of(kept, standing, start.learner)
        others = {n: s if s is standing else self._put(s) for n, s in others.items()}
        self.last = others.pop(LAST, None)
        if self.last is None:
            self.good, self.last = [standing], standing
        else:
            first = others.pop(GOOD.format(0), None) or self._put(start)
            self.good = [first, *others.values()]
        return standing

    def _beside(self, standing: Standing) -> dict[str, Standing | None]:
        """What a checkpoint holds beside the standing, so that a fit can go back after it is resumed."""
        if self.care.on_divergence != "lower":
            return {}
        assert self.last is not None
        good = {GOOD.format(k): s for k, s in enumerate(self.good) if s.epochs or s.place}
        others = {**good, LAST: self.last}
        return {n: None if s is standing else self._here(s) for n, s in others.items()}

    def _put(self, standing: Standing) -> Standing:
        """A standing spread over the devices."""
        if self.spread is None:
            return standing
        return replace(standing, learner=self.spread.put(standing.learner))

    def _passed(self, standing: Standing, heard: Interruption) -> Standing:
        """The standing after a piece: up to the next checkpoint, the epoch's end, or Ctrl-C."""
        begun = time.perf_counter()
        piece = self.feed.piece(standing, self.care.every)
        learner, told, done = self._walked(standing.learner, piece, heard)
        if int(learner.bad) >= 0:
            place = piece.done + int(learner.bad) - int(standing.learner.step)
            return self._not_finite(standing, learner, piece.batches, told, place)
        told = joined(standing.told, {n: v[piece.done : done] for n, v in told.items()})
        moved = replace(
            standing, learner=learner, place=standing.place + done - piece.done, told=told,
            seconds=standing.seconds + time.perf_counter() - begun,
        )  # fmt: skip
        ended = piece.last and moved.place == piece.end
        return self._ended(moved, piece.order) if ended else moved

    def _walked(self, learner: Any, piece: Piece, heard: Interruption) -> tuple[Any, Told, int]:
        """The learner after the batches of a piece, what they told, and how many are done.

        One process makes them in calls of a fraction of a second, and stops between two of them.
        Several processes make them in one call, and end together after it.
        """
        number = len(piece.batches.rows)
        done, told = piece.done, None
        together = self.spread is not None and self.spread.several

        def call(now: int) -> tuple[Any, Any]:
            return self.task.passed(learner, piece.batches, done, done + now)

        while done < number and int(learner.bad) < 0 and (done == piece.done or not heard.by):
            left = number - done
            now, (learner, steps) = (left, call(left)) if together else self.pace.run(call, left)
            here = {n: np.asarray(v) for n, v in steps._asdict().items()}
            told = here if told is None else {n: told[n] + here[n] for n in here}
            done += now
        assert told is not None
        return learner, told, done

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
        ended, signs = self.task.ended(self._here(self.last), self._here(ended))
        ended = replace(ended, learner=learner)
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
        if self.spread is None:
            notes = self.task.unwell(learner, batches, told, place)
        else:
            here = self.spread.local(learner), self.spread.local(batches)
            notes = self.task.unwell(*here, told, place)
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
            stopped = f"diverged after {kept.where}"
            raise Diverged(diagnostic, self.task.result(self._here(kept), stopped))
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
        return int(standing.learner.step) % self.care.every == 0

    def _keep(self, standing: Standing) -> Standing:
        """Write a checkpoint. Where that fails it is told, and the fit goes on with those it has."""
        if self.keeper is None:
            return standing
        kept = to_kept(self._here(standing), self._beside(standing))
        if self.spread is not None and not self.spread.first:
            return standing
        try:
            self.keeper.put(kept)
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
