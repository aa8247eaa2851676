"""log Z of pairwise discrete models in two halves: all states are listed, as products of matrices.

If an energy is of second degree in all sites together, the log weight of a state (a, b) of two
halves is w(a, r) + w(r, b) - w(r, r) plus a sum over pairs, with a reference state r. All of it
comes from whole energies of the states of one half and of pairs; what is left for each of the
2^n states is one entry of a matrix product and one exponential.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.quadratics import bend_of
from ..backend.process import shared
from ..syntax.diagnostics import InternalError
from .duration import refuse_long
from .elimination import CLOSE, TRIALS, Unsuited
from .summation import spoken_states
from .weighing import Listing, Weigher

if TYPE_CHECKING:
    from ..model import Model

BLOCK = 1 << 22  # entries of the product in memory at once
MOST_HALF = 1 << 20
SECONDS, START = 2.5e-9, 0.8


class Rows(NamedTuple):
    """Configurations to weigh, the base state first, then each half's states, then pairs."""

    places: np.ndarray
    values: np.ndarray
    high: slice
    low: slice
    pairs: slice


class Totals(NamedTuple):
    """Sums over all states: of weights relative to `top`, by state of each half, by pair of features."""

    top: float
    high: np.ndarray
    low: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True, eq=False)
class Halves:
    """A listing of all states of `summation` as states of its first `cut` sites and of the others."""

    summation: Listing
    cut: int

    @property
    def states(self) -> float:
        """How many states are listed."""
        return math.prod(float(len(o)) for o in self.summation.options)

    def describe(self) -> str:
        """`2^25 states of x listed, in two halves`."""
        count = spoken_states(math.prod(len(o) for o in self.summation.options))
        return f"{count} states of {', '.join(self.summation.listed)} listed, in two halves"

    def seconds(self, weighing: float, gradient: bool) -> float:
        """Predicted time, if one configuration is weighed in `weighing` seconds."""
        features = sum(len(o) - 1 for o in self.summation.options)
        rows = sum(self._sizes) + features**2 / 4
        product = self.states * SECONDS * (1 + features / 50)
        return START + (product + rows * weighing) * (3 if gradient else 1)

    def refusal(self) -> str | None:
        """Why it cannot be done at all: memory. None if it can."""
        most = max(self._sizes)
        return f"{most:.3g} states of one half do not fit in memory" if most > MOST_HALF else None

    @property
    def _sizes(self) -> tuple[float, float]:
        options = self.summation.options
        high, low = options[: self.cut], options[self.cut :]
        return math.prod(float(len(o)) for o in high), math.prod(float(len(o)) for o in low)

    @cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """For each half [state, feature]: whether a site has a value that is not its first."""
        options = self.summation.options
        return _features(options[: self.cut]), _features(options[self.cut :])

    @cached_property
    def rows(self) -> Rows:
        """What has to be weighed."""
        options = self.summation.options
        number, cut = len(options), self.cut
        width = max(cut, number - cut, 2)
        parts = [_half(options, range(cut)), _half(options, range(cut, number))]
        places = [np.full((1, width), number)]
        values = [np.zeros((1, width))]
        for where, what in [*parts, _pairs(options, cut)]:
            spare = ((0, 0), (0, width - where.shape[1]))
            places.append(np.pad(where, spare, constant_values=number))
            values.append(np.pad(what, spare))
        ends = np.cumsum([len(p) for p in places])
        cuts = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        return Rows(np.concatenate(places), np.concatenate(values), *cuts)

    def log_sum(self, weigher: Weigher, most_seconds: float) -> float:
        """log Z in nats."""
        high, low, couplings = self._parts(weigher)
        totals = self._add(high, low, couplings, False, most_seconds)
        return totals.top + math.log(totals.high.sum())

    def slope(self, weigher: Weigher, most_seconds: float) -> tuple[float, Any]:
        """log Z and its derivative by the parameters' free numbers."""
        high, low, couplings = self._parts(weigher)
        totals = self._add(high, low, couplings, True, most_seconds)
        mass = totals.high.sum()
        rows, fields = self.rows, self.features
        share = np.zeros(len(rows.places))
        pairs = totals.pairs / mass
        share[rows.high] = totals.high / mass
        share[rows.low] = totals.low / mass
        share[0] = -1.0 + pairs.sum()
        share[rows.pairs] = pairs.reshape(-1)
        for part, field, axis in ((rows.high, fields[0], 1), (rows.low, fields[1], 0)):
            share[part.start + _singles(field)] -= pairs.sum(axis=axis)
        slope = weigher.slope(rows.places, rows.values, share)
        return totals.top + math.log(mass), slope

    def _parts(self, weigher: Weigher) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log weights of the states of each half, and the couplings of their features."""
        rows, fields = self.rows, self.features
        weights = weigher.weigh(rows.places, rows.values)
        if not np.isfinite(weights).all():
            raise Unsuited("the energy is not finite at some states")
        high, low = weights[rows.high], weights[rows.low] - weights[0]
        couplings = weights[rows.pairs].reshape(fields[0].shape[1], fields[1].shape[1])
        couplings = couplings - high[_singles(fields[0])][:, None] - low[_singles(fields[1])][None]
        self._check(weigher, high, low, couplings)
        return high, low, couplings

    def _check(
        self, weigher: Weigher, high: np.ndarray, low: np.ndarray, couplings: np.ndarray
    ) -> None:
        """Compare whole energies of random states with what the halves give."""
        rows, fields = self.rows, self.features
        random = np.random.default_rng(0)
        picks = [random.integers(0, len(half), TRIALS) for half in fields]
        places = np.broadcast_to(np.arange(len(weigher.base)), (TRIALS, len(weigher.base)))
        first = rows.values[rows.high][picks[0], : self.cut]
        second = rows.values[rows.low][picks[1], : len(weigher.base) - self.cut]
        wanted = weigher.weigh(places, np.concatenate([first, second], axis=1))
        across = np.einsum("tf,fg,tg->t", fields[0][picks[0]], couplings, fields[1][picks[1]])
        found = high[picks[0]] + low[picks[1]] + across
        if np.any(np.abs(found - wanted) > CLOSE * (1 + np.abs(wanted) + np.abs(high[0]))):
            raise InternalError("an energy proved to be of second degree is not")

    def _add(
        self,
        high: np.ndarray,
        low: np.ndarray,
        couplings: np.ndarray,
        gradient: bool,
        most_seconds: float,
    ) -> Totals:
        """All states, a block of states of the first half at a time."""
        field, other = self.features
        side = max(BLOCK // len(low), 1)
        blocks = -(-len(high) // side)
        top, sums = -np.inf, np.zeros(len(high))
        columns, across = np.zeros(len(low)), np.zeros((field.shape[1], other.shape[1]))
        slow = (jnp.asarray(low), jnp.asarray(other))
        begun = 0.0
        for k in range(blocks):
            part = slice(k * side, (k + 1) * side)
            found = _block(high[part], field[part] @ couplings, field[part], *slow, gradient)
            peak, *more = (np.asarray(f) for f in found)
            above = max(top, float(peak))
            before, now = np.exp(top - above), np.exp(peak - above)
            sums *= before
            sums[part] = more[0] * now
            if gradient:
                columns = columns * before + more[1] * now
                across = across * before + more[2] * now
            top = above
            if k == 0:
                begun = time.perf_counter()
            elif k == 3:
                seconds = (time.perf_counter() - begun) / 3 * blocks
                refuse_long(seconds, self.describe(), most_seconds)
        return Totals(top, sums, columns, across)


def _features(options: list[np.ndarray]) -> np.ndarray:
    counts = [len(o) for o in options]
    states = np.indices(counts).reshape(len(counts), -1).T
    columns = [states[:, k] == v for k, n in enumerate(counts) for v in range(1, n)]
    return np.stack(columns, axis=-1).astype(np.float64)


def _singles(features: np.ndarray) -> np.ndarray:
    """For each feature the state in which it alone is on."""
    alone = np.flatnonzero(features.sum(axis=1) == 1)
    return alone[np.argsort(features[alone].argmax(axis=1))]


def _half(options: list[np.ndarray], sites: range) -> tuple[np.ndarray, np.ndarray]:
    grid = np.meshgrid(*(options[site] for site in sites), indexing="ij")
    values = np.stack([axis.reshape(-1) for axis in grid], axis=-1).astype(float)
    return np.broadcast_to(np.array(sites), values.shape), values


def _pairs(options: list[np.ndarray], cut: int) -> tuple[np.ndarray, np.ndarray]:
    """One site of each half at a value that is not its first, in the order of the features."""
    sides = range(cut), range(cut, len(options))
    first, second = ([(site, v) for site in side for v in options[site][1:]] for side in sides)
    both = list(itertools.product(first, second))
    places = np.array([(i, j) for (i, _), (j, _) in both], np.int64)
    return places, np.array([(a, b) for (_, a), (_, b) in both], np.float64)


def _block(
    high: Any, mixed: Any, field: Any, low: Any, other: Any, gradient: bool
) -> tuple[Any, ...]:
    return (_with_shares if gradient else _sums)(high, mixed, field, low, other)


@shared
@jax.jit
def _sums(high: Any, mixed: Any, field: Any, low: Any, other: Any) -> tuple[Any, ...]:
    weights = mixed @ other.T + high[:, None] + low[None]
    top = jnp.max(weights)
    return top, jnp.sum(jnp.exp(weights - top), axis=1)


@shared
@jax.jit
def _with_shares(high: Any, mixed: Any, field: Any, low: Any, other: Any) -> tuple[Any, ...]:
    weights = mixed @ other.T + high[:, None] + low[None]
    top = jnp.max(weights)
    shares = jnp.exp(weights - top)
    return top, shares.sum(axis=1), shares.sum(axis=0), field.T @ (shares @ other)


def plan_halves(model: Model, held: Mapping[str, np.ndarray], listing: Listing) -> Halves | None:
    """A listing in two halves; None unless the energies are of second degree in all listed sites."""
    options = listing.options
    if listing.closed or len(options) < 2:
        return None
    if bend_of(model.structure.extended, listing.listed) is None:
        return None
    sizes = np.cumsum([math.log(len(o)) for o in options])
    cut = int(np.argmin(np.abs(sizes[:-1] - sizes[-1] / 2))) + 1
    return Halves(listing, cut)
