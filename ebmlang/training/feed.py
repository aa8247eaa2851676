"""What the loop of training is fed with: the batches of an epoch, in pieces that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.energy import State, stored_type
from ..partition.examples import Examples
from ..partition.iterables import Part, Stream
from ..partition.sources import bytes_of_row, spans
from ..semantics.traverse import unknowns
from ..syntax.diagnostics import complain
from .devices import Spread, Take
from .phases import Phases
from .standing import Standing, order_of
from .step import Batch

if TYPE_CHECKING:
    from ..model import Model

FORBIDDEN_BYTES = 1 << 24  # of rows that are looked through at once
PIECE = 1 << 28  # bytes of rows that one compiled piece goes through
OPERATIONS = 2_000_000_000  # parameters times rows of a piece
MOST_PIECES = 64  # of an epoch
WHOLE = (slice(None), slice(None))
Source = tuple[Any, tuple[int, ...], Take]  # type, shape [dims] of a row, and what gives rows


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Batches that one compiled program passes. `end`: how many of the epoch are done then.

    `done`: how many of them have been passed before. `last`: whether they end the epoch. `order`:
    the state of the generator of orders after the epoch.
    """

    batches: Batch
    done: int
    end: int
    last: bool
    order: Mapping[str, Any]


class Feed(Protocol):
    """Where the batches of a fit come from."""

    def piece(self, standing: Standing, every: int | None) -> Piece:
        """The next batches: up to the next checkpoint, the epoch's end, or as many as fit."""
        ...

    def spent(self, standing: Standing) -> bool:
        """Whether there are no data for another epoch."""
        ...


def feed_of(model: Model, examples: Examples, batch: int, spread: Spread | None) -> Feed:
    """The feed of a fit, in batches of so many rows."""
    if examples.stream is not None:
        return Passing(model, examples.stream, batch, spread)
    return Shuffled(model, examples, batch, spread)


@dataclass(frozen=True, slots=True, eq=False)
class Shuffled:
    """Rows in a new order each epoch, the same for the same data wherever they lie.

    Where a piece ends depends on the number of steps alone, so that a fit that is resumed runs the
    same programs on the same numbers.
    """

    model: Model
    examples: Examples
    batch: int
    spread: Spread | None

    def piece(self, standing: Standing, every: int | None) -> Piece:
        """Rows of the epoch's order; where a fit stopped inside a piece, all of that piece."""
        number = self.examples.number // self.batch
        arrays = (*self.examples.data.values(), *self.examples.own.values())
        most = _most(arrays, self.batch)
        if self.spread is not None and self.spread.several:
            most = min(most, max(_heard(standing, self.batch), number // MOST_PIECES))
        length = _even(number, most)
        begin, end = _begin(standing, length, every), min(number, _end(standing, length, every))
        order, after = order_of(standing.order, self.examples.number)
        rows = order[: number * self.batch].reshape(number, -1)[begin:end]
        batches = batches_of(self.model, self.examples, rows, self.spread)
        return Piece(batches, standing.place - begin, end, end == number, after)

    def spent(self, standing: Standing) -> bool:
        """Never: rows can be had again."""
        return False


@dataclass(slots=True, eq=False)
class Passing:
    """Rows as an iterable gives them, a pass for each epoch. `at`: the epoch and place it stands at."""

    model: Model
    stream: Stream
    batch: int
    spread: Spread | None
    at: tuple[int, int] | None = None
    coming: Iterator[Part] = field(default_factory=lambda: iter(()))
    ahead: Part | None = None

    def piece(self, standing: Standing, every: int | None) -> Piece:
        """The next rows; after a checkpoint those before its place are passed over."""
        if self.at != (standing.epochs, standing.place):
            self._begin(standing)
        assert self.ahead is not None
        end = _end(standing, _most(self.ahead.values(), self.batch), every)
        parts = []
        while self.ahead is not None and standing.place + len(parts) < end:
            parts.append(self.ahead)
            self.ahead = next(self.coming, None)
        place, last = standing.place + len(parts), self.ahead is None
        self.at = None if last else (standing.epochs, place)
        batches = _streamed(self.model, parts, standing.place * self.batch, self.spread)
        return Piece(batches, 0, place, last, standing.order)

    def spent(self, standing: Standing) -> bool:
        """Whether an iterator has passed, which passes once."""
        return self.stream.once and standing.epochs > 0

    def _begin(self, standing: Standing) -> None:
        self.coming = self.stream.batches(self.batch)
        for _ in range(standing.place + 1):
            self.ahead = next(self.coming, None)
            if self.ahead is None:
                raise complain(
                    "E601",
                    f"the data ended after {self.stream.passed} examples, before batch "
                    f"{standing.place + 1} of {self.batch}",
                    helps=[f"batch_size={self.stream.passed} at most"]
                    if not standing.place
                    else ["a fit goes on with the data that it began with"],
                )


def _streamed(model: Model, parts: Sequence[Part], first: int, spread: Spread | None) -> Batch:
    """Batches of rows as they came; rows are numbered from this one of the pass on."""
    values = {n: np.stack([part[n] for part in parts]) for n in parts[0]}
    size = len(next(iter(parts[0].values())))
    rows = np.arange(first, first + len(parts) * size).reshape(len(parts), size)

    def taken(array: np.ndarray) -> Source:
        return array.dtype, array.shape[2:], array.__getitem__

    unknowns = model.program.unknowns
    data = {n: taken(v) for n, v in values.items() if n in unknowns}
    own = {n: taken(v) for n, v in values.items() if n not in unknowns}
    return _placed(model, rows, spread, data, own)


def every_batch(model: Model, examples: Examples, batch: int) -> Iterator[Batch]:
    """All examples in their own order, in pieces of batches, of which the last may overlap."""
    if examples.stream is not None:
        first = 0
        for part in examples.stream.batches(batch, rest=True):
            made = _streamed(model, [part], first, None)
            yield made
            first += made.rows.size
        return
    rows = in_batches(examples.number, batch)
    most = _most((*examples.data.values(), *examples.own.values()), batch)
    for k in range(0, len(rows), most):
        yield batches_of(model, examples, rows[k : k + most])


def in_batches(number: int, batch: int) -> np.ndarray:
    """Numbers of so many rows in their own order [batch, row]; the last batch may overlap."""
    starts = np.array([*range(0, number - batch, batch), number - batch])
    return starts[:, None] + np.arange(batch)


def refuse_each(phases: Phases, examples: Examples) -> None:
    """Refuse what keeps a chain for each example where nobody knows which example is which."""
    if examples.stream is None:
        return
    for wanted, why in (
        (phases.latents is not None, "the latents are sampled given each example"),
        (bool(examples.own), "each example has given data of its own"),
    ):
        if wanted:
            raise complain(
                "E704",
                f"{why}, in a chain that it keeps, and examples of an iterable cannot be told apart",
                helps=['arrays or a file have a number for each: fit(model, "data.h5")'],
            )


def refuse_passing(examples: Examples, spread: Spread | None) -> None:
    """Refuse what exact gradients cannot do: take examples one after another, or many devices."""
    if examples.stream is not None:
        raise complain(
            "E704",
            "exact gradients are of all examples at once, and those of an iterable come one after "
            "another",
            helps=['arrays or a file have all of them: fit(model, "data.h5", sampler="exact")'],
        )
    if spread is not None:
        raise complain("E704", "exact gradients are taken on one device: leave out `devices`")


def refuse_unseen(model: Model, examples: Examples) -> None:
    """Refuse priors where the number of examples is not known before the last one."""
    if not examples.once:
        return
    priors = [n for n, f in model.program.parameter_facts.items() if f.prior is not None]
    if priors:
        raise complain(
            "E704",
            f"the prior of `{priors[0]}` weighs as much as one of all examples does, and an "
            "iterator does not tell how many there are",
            helps=["what makes a new iterator is gone through first: fit(model, lambda: rows())"],
        )


def refuse_forbidden(model: Model, examples: Examples, params: Mapping[str, Any]) -> None:
    """Refuse an example that the energy forbids: its log-likelihood is -inf. Raises EbmError E703.

    Walls in which a latent stands, or an entry that some example lacks, say nothing yet.
    """
    target = model.target
    seen = set(examples.data) - set(examples.missing)
    walls = {
        e.name: e.walls
        for e in target.program.energies
        if e.walls is not None and {s.name for s in unknowns(e.walls)} <= seen
    }
    if not walls or examples.stream is not None:
        return

    def one(params: Any, row: State, given: State) -> Any:
        lowering = target.lowering(params, row, given)
        return jnp.stack([jnp.abs(lowering.scalar(w)) for w in walls.values()])

    key = ("walls of data", *walls)
    run = model.made(key, lambda: jax.jit(jax.vmap(one, in_axes=(None, 0, 0))))
    kinds = {n: stored_type(s) for n, s in (model.program.unknowns | model.program.givens).items()}
    for span in spans(examples.data, FORBIDDEN_BYTES):
        rows = {n: jnp.asarray(v[span], kinds[n]) for n, v in examples.data.items() if n in seen}
        number = len(next(iter(rows.values())))
        given = {n: jnp.asarray(v[span], kinds[n]) for n, v in examples.own.items()}
        for name, value in examples.shared.items():
            given[name] = jnp.broadcast_to(jnp.asarray(value, kinds[name]), (number, *value.shape))
        found = np.asarray(run(dict(params), rows, given))
        if found.any():
            row, wall = np.argwhere(found)[0]
            raise complain(
                "E703",
                f"example {(span.start or 0) + row} is forbidden: the energy `{[*walls][wall]}` is "
                "infinite there",
                notes=[
                    "whatever the parameters are, the log-likelihood of such an example is -inf"
                ],
                helps=["leave such examples out, or let the wall be a finite penalty"],
            )


def refuse_going_back(examples: Examples) -> None:
    """Refuse to go back to a state before a divergence where the data cannot be had again."""
    if examples.once:
        raise complain(
            "E704",
            'on_divergence="lower" goes back to an epoch before, and an iterator of data passes '
            "only once",
            helps=["what makes a new iterator can be gone back in: fit(model, lambda: rows())"],
        )


def batches_of(
    model: Model, examples: Examples, rows: np.ndarray, spread: Spread | None = None
) -> Batch:
    """The examples of these rows [batch, row], with the given data of each."""

    def taken(values: Any) -> Source:
        return values.dtype, values.shape[1:], lambda at: values[rows[at]]

    return _placed(
        model, rows, spread,
        {n: taken(v) for n, v in examples.data.items()},
        {n: taken(v) for n, v in examples.own.items()},
    )  # fmt: skip


def _placed(
    model: Model,
    rows: np.ndarray,
    spread: Spread | None,
    data: Mapping[str, Source],
    own: Mapping[str, Source],
) -> Batch:
    """Batches on the devices."""

    def place(kind: Any, shape: tuple[int, ...], take: Take) -> Any:
        if spread is None:
            return jnp.asarray(take(WHOLE), jax.dtypes.canonicalize_dtype(kind))
        return spread.batches((*rows.shape, *shape), kind, take)

    givens = model.program.givens
    return Batch(
        {n: place(kind, shape, take) for n, (kind, shape, take) in data.items()},
        {n: place(stored_type(givens[n]), shape, take) for n, (_, shape, take) in own.items()},
        place(jnp.int32, (), lambda at: rows[at]),
    )


def _most(arrays: Any, batch: int) -> int:
    """How many batches fit in a piece."""
    return max(1, PIECE // (batch * sum(bytes_of_row(v) for v in arrays)))


def _heard(standing: Standing, batch: int) -> int:
    """How many batches of a simple model take some tenths of a second.

    Several processes end together, between pieces; one process measures its calls instead.
    """
    numbers = sum(np.size(x) for x in jax.tree.leaves(standing.learner.free))
    return max(1, OPERATIONS // max(1, batch * numbers))


def _even(number: int, most: int) -> int:
    """A length of pieces that leaves no short one at the end of so many batches, if there is one."""
    if number <= most:
        return number
    fitting = (size for size in range(most, max(1, most // 2) - 1, -1) if number % size == 0)
    return next(fitting, most)


def _begin(standing: Standing, length: int, every: int | None) -> int:
    """Where the piece that ends at `_end` begins: before this place if a fit stopped inside it."""
    begin = standing.place // length * length
    done = int(standing.learner.step)
    return begin if every is None else max(begin, standing.place - done % every)


def _end(standing: Standing, length: int, every: int | None) -> int:
    """Where the piece ends that begins at this place: the next multiple of a length, or of `every`."""
    place = standing.place
    end = (place // length + 1) * length
    done = int(standing.learner.step)
    return end if every is None else min(end, place + every - done % every)
