"""Every value of a site tried on the curved pieces that it touches, and on nothing else.

A piece is a function of linear sums. Its instances touched by a site stand in a table; for each
value the sums there are moved by the site's weight in them, and the function is evaluated anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.differences import Curved, Weighing, weighings
from ..semantics.terms import (
    Dimension,
    Domain,
    Index,
    Kind,
    Position,
    Read,
    Role,
    Symbol,
    Term,
    Whole,
)
from ..semantics.traverse import rebuild, substitute
from .coefficients import coefficient
from .conditionals import Situation
from .energy import State, Target
from .labelled import full
from .lower import Lowering
from .sites import Sites

ROWS = " rows"


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """What each free site touches of one piece.

    `instances` [site, slot] with `valid` where the slot is filled; `keys`: for each sum the number
    of the site's weight there, [site, slot], the last for none; `sums`: for each sum the weights
    listed, each with the key of every instance, -1 where it weighs no free site.
    """

    instances: np.ndarray
    valid: np.ndarray
    keys: tuple[np.ndarray, ...]
    numbers: tuple[int, ...]
    sums: tuple[tuple[tuple[Weighing, np.ndarray], ...], ...]


@dataclass(frozen=True, eq=False)
class Piece:
    """One curved piece of a variable's energy, ready to be tried."""

    target: Target
    name: str
    sites: Sites
    labels: int
    curved: Curved

    @cached_property
    def touched(self) -> Touched:
        """The tables, found once. Raises Undecided where weights cannot be listed."""
        declared, setting = self.target.program.unknowns, self.target.structure.setting
        listed = [weighings(s, declared, self.labels, setting) for s in self.curved.sums]
        place = self.sites.places
        pairs, found, keyed = [], [], []
        for each, at in zip(listed, self.curved.numbers, strict=True):
            width = int(at.max(initial=0)) + 1
            codes = [_codes(w, place, self.labels, width) for w in each]
            known = np.unique(np.concatenate([np.zeros(0, np.int64), *(c[c >= 0] for c in codes)]))
            found.append((known, width))
            keyed.append(tuple((w, _looked_up(c, known)) for w, c in zip(each, codes, strict=True)))
            pairs.append(_joined(known // width, known % width, at))
        both = np.unique(np.concatenate([np.zeros((0, 2), np.int64), *pairs]), axis=0)
        instances, valid = _table(both, self.sites.number)
        keys = []
        for (known, width), at in zip(found, self.curved.numbers, strict=True):
            wanted = np.arange(self.sites.number)[:, None] * width + at[instances]
            key = _looked_up(wanted, known)
            keys.append(np.where((key < 0) | ~valid, len(known), key).astype(np.int32))
        numbers = tuple(len(known) for known, _ in found)
        return Touched(instances, valid, tuple(keys), numbers, tuple(keyed))

    def weights(self, situation: Situation) -> tuple[Any, ...]:
        """For each sum the weights [key, label], a row of zeros last; numbers have one label."""
        lowering = self.target.lowering(situation.params, {}, situation.given)
        made = []
        for number, sums in zip(self.touched.numbers, self.touched.sums, strict=True):
            total = jnp.zeros((number + 1, self.labels), jnp.result_type(float))
            for weighing, key in sums:
                value = coefficient(weighing.monomial, weighing.axes, lowering).reshape(-1)
                keep = np.flatnonzero(key >= 0)
                label = weighing.entries[keep] % self.labels
                total = total.at[key[keep], label].add(value[keep])
            made.append(total)
        return tuple(made)

    def tried(
        self, lowering: Lowering, weights: Sequence[Any], picks: Any, now: Any, values: Any
    ) -> Any:
        """Energies [site, value] of the touched instances, in nats.

        `picks` [site] numbers of free sites, `now` their values (of a category: label numbers).
        """
        touched = self.touched
        instances = jnp.asarray(touched.instances)[picks]
        valid = jnp.asarray(touched.valid)[picks]
        rows = instances.shape[0] * instances.shape[1]
        sums, moves = [], []
        for each, at, key, weight in zip(
            self.curved.sums, self.curved.numbers, touched.keys, weights, strict=True
        ):
            lengths = {axis: lowering.world.length(axis) for axis in each.axes}
            whole = lowering.floating(full(lowering.term(each.term), each.axes, lengths))
            sums.append(whole.reshape(-1)[jnp.asarray(at)[instances]])
            moves.append(self._moves(weight[jnp.asarray(key)[picks]], now, values))
        places = jnp.asarray(self.curved.coordinates, jnp.int32)[instances]
        places = places.reshape(rows, places.shape[-1])

        def at_value(number: Any) -> Any:
            moved = [(s + m[..., number]).reshape(rows) for s, m in zip(sums, moves, strict=True)]
            energy = self._body(lowering, places, moved).reshape(instances.shape)
            return jnp.sum(jnp.where(valid, energy, 0.0), axis=1)

        return jax.vmap(at_value, out_axes=1)(jnp.arange(len(values)))

    def _moves(self, weight: Any, now: Any, values: Any) -> Any:
        """How far a sum moves where a site takes each value, [site, slot, value]."""
        if self.sites.symbol.domain.kind is Kind.CATEGORY:
            own = jnp.take_along_axis(weight, now[:, None, None].astype(jnp.int32), axis=2)
            return weight - own
        return weight * (values[None, None] - now[:, None, None])

    def _body(self, lowering: Lowering, places: Any, sums: Sequence[Any]) -> Any:
        """The body at rows of instances, [row]."""
        term, row = self._by_row
        named = {f" place {k}": places[:, k] for k in range(places.shape[1])}
        named |= {
            each.symbol.name: value for each, value in zip(self.curved.sums, sums, strict=True)
        }
        world = replace(lowering.world, sizes={**lowering.world.sizes, ROWS: places.shape[0]})
        inner = Lowering(world, {**lowering.values, **named}, lowering.networks, lowering.weights)
        return inner.floating(full(inner.term(term), (row,), {row: places.shape[0]}))

    @cached_property
    def _by_row(self) -> tuple[Term, Index]:
        """The body with its indices and sums read from columns, and the index of the row."""
        span = self.curved.body.span
        rows = Dimension(ROWS, None, False, None, span)
        row = Index("row", span, Whole(rows))

        def column(name: str, kind: Kind) -> Read:
            symbol = Symbol(name, Role.GIVEN, Domain(kind), (rows,), span)
            return Read(symbol, (Position(row, span),), span)

        sums = {each.symbol: column(each.symbol.name, Kind.REAL) for each in self.curved.sums}

        def put(term: Term) -> Term:
            if isinstance(term, Read) and term.symbol in sums:
                return sums[term.symbol]
            return rebuild(term, put)

        places = {
            index: column(f" place {k}", Kind.INTEGER)
            for k, index in enumerate(self.curved.indices)
        }
        return substitute(put(self.curved.body), places), row


def _codes(weighing: Weighing, place: np.ndarray, labels: int, width: int) -> np.ndarray:
    """One number for the free site and the sum of every listed weight, -1 where there is none."""
    site = np.where(weighing.entries < 0, -1, place[weighing.entries // labels])
    inside = (site >= 0) & (weighing.places < width)
    return np.where(inside, site * width + weighing.places, -1)


def _looked_up(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The place of each code among sorted known ones, -1 where it is not."""
    if not len(known):
        return np.full(codes.shape, -1)
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[at] == codes, at, -1)


def _joined(sites: np.ndarray, places: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pairs [pair, 2] of a site and an instance whose sum it stands in."""
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    first, last = np.searchsorted(ranked, places), np.searchsorted(ranked, places, side="right")
    times = last - first
    start = np.repeat(first - np.concatenate([[0], np.cumsum(times)[:-1]]), times)
    return np.stack([np.repeat(sites, times), order[start + np.arange(times.sum())]], axis=1)


def _table(pairs: np.ndarray, sites: int) -> tuple[np.ndarray, np.ndarray]:
    """Instances [site, slot] of sorted pairs, and where a slot is filled."""
    times = np.bincount(pairs[:, 0], minlength=sites)
    slot = np.arange(len(pairs)) - np.repeat(np.cumsum(times) - times, times)
    table = np.zeros((sites, int(times.max(initial=0))), np.int64)
    valid = np.zeros(table.shape, bool)
    table[pairs[:, 0], slot] = pairs[:, 1]
    valid[pairs[:, 0], slot] = True
    return table, valid


def opened_lowering(target: Target, situation: Situation, state: State) -> Lowering:
    """The lowering of extended terms at a state, categories as one-hot arrays."""
    return target.lowering(situation.params, target.opened(state), situation.given)
