"""Gibbs on a quadratic form: fields that a block keeps, couplings read in one of several ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import number_of, proper
from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..backend.pairwise import QuadraticForm
from ..backend.sites import Sites, sites_of
from ..semantics.terms import Kind
from ..syntax.diagnostics import InternalError
from .block import Key, Moved, Walk
from .gibbs import exactly
from .layout import chains_last
from .noise import seed_of


@dataclass(frozen=True, eq=False)
class Fields:
    """The slope of every entry where all free sites are 0, made once where nothing else moves it."""

    form: QuadraticForm
    constant: bool

    def tables(self, situation: Situation) -> Any:
        """The fields if they are constant, else what a site's product with itself adds to them."""
        own = self.form.own(situation)
        if not self.constant:
            return own
        return own + self.form.fields(situation, self._some)

    @property
    def _some(self) -> State:
        """Any configuration: no other unknown and no held entry reaches constant fields."""
        target = self.form.target
        return {
            name: jnp.zeros(target.world.shape(symbol), stored_type(symbol))
            for name, symbol in target.program.unknowns.items()
        }

    def of(self, table: Any, situation: Situation, state: State) -> Any:
        """The fields [entry] in a state, in nats."""
        return table if self.constant else table + self.form.fields(situation, state)


def stays(form: QuadraticForm, meets: frozenset[str]) -> bool:
    """Whether fields are the same in every state: no other unknown and no held entry reaches them."""
    every = sites_of(form.sites.symbol, form.target.world).number
    return not meets and form.sites.number == every


def taken(form: QuadraticForm, state: State) -> Any:
    """The free sites of the variable, [site]."""
    return form.sites.take(state[form.name])


def put(form: QuadraticForm, state: State, values: Any) -> State:
    """The state with the free sites of the variable set."""
    new = values.astype(stored_type(form.sites.symbol))
    return state | {form.name: form.sites.put(state[form.name], new)}


def upper_odds(kind: Kind, fields: Any, beta: Any) -> Any:
    """Log-odds of the upper state of binary or spin sites, from their fields in nats."""
    return -(2.0 if kind is Kind.SPIN else 1.0) * beta * fields


def values_where(kind: Kind, up: Any, dtype: Any) -> Any:
    """The upper state where a site goes up, else the lower."""
    low = -1.0 if kind is Kind.SPIN else 0.0
    return jnp.where(up, jnp.asarray(1.0, dtype), jnp.asarray(low, dtype))


class Way(Protocol):
    """How the couplings of a quadratic form are read in a sweep: a lowering.

    `name`: as in analysis/lowering.py; `colours` [dims]: the colour of each free site, -1 where a
    value is held, None where sites move one by one.
    """

    @property
    def name(self) -> str:
        """`neighbours` or `fields`."""
        ...

    @property
    def colours(self) -> np.ndarray | None:
        """Which sites move at once."""
        ...

    def tables(self, situation: Situation) -> Any:
        """The couplings, laid out for a sweep."""
        ...

    def pulls(self, x: Any, tables: Any) -> Any:
        """What all other sites add to the field of every entry. Shapes: [site] -> [entry]."""
        ...

    def sweeps(self, x: Any, fields: Any, walk: Walk, tables: Any, beta: Any) -> Any:
        """Sweeps of all chains. Shapes: x [site, chain], fields [entry, chain or 1]."""
        ...


def free_colours(form: QuadraticForm, colours: np.ndarray) -> np.ndarray:
    """The colour of each free site. Raises InternalError if two that are coupled share one."""
    own = colours.reshape(-1)[form.sites.free]
    if not proper(own, form.edges):
        raise InternalError(f"two sites of `{form.name}` that interact share a colour")
    return own


@dataclass(frozen=True, eq=False)
class PairedGibbs:
    """Binary, spin or category sites on a quadratic form, exact Gibbs, read in some way."""

    form: QuadraticForm
    fields: Fields
    way: Way
    method: str = "gibbs"

    @property
    def name(self) -> str:
        """The variable."""
        return self.form.name

    @property
    def sites(self) -> Sites:
        """Its free sites."""
        return self.form.sites

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.form.name,)

    @property
    def colours(self) -> np.ndarray | None:
        """The colour of each free site, [dims]; None where sites move one by one."""
        return self.way.colours

    @property
    def number(self) -> int:
        """How many colours there are; one a site where they move one by one."""
        return self.sites.number if self.colours is None else number_of(self.colours)

    @cached_property
    def _update(self) -> Callable[..., tuple[Any, Any]]:
        return chains_last(self.way.sweeps)

    def tables(self, situation: Situation) -> Any:
        return self.fields.tables(situation), self.way.tables(situation)

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return jnp.zeros((), jnp.uint32)

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        moved = self.walk(Walk(seed_of(key), jnp.uint32(0), 1), situation, state, inner)
        return moved._replace(inner=inner)

    def walk(self, walk: Walk, situation: Situation, state: State, inner: Any) -> Moved:
        """Several sweeps in a row, without leaving the layout of the way."""
        fields, tables = situation.tables
        slopes = self.fields.of(fields, situation, state)
        x = taken(self.form, state)
        moved, done = self._update(x, slopes, walk, tables, situation.beta)
        return exactly(put(self.form, state, moved), done, walk.number)

    def odds(self, situation: Situation, state: State) -> Any:
        """Log-odds [site] of the upper state, or log weights [site, label], given all others."""
        fields, tables = situation.tables
        slopes = self.fields.of(fields, situation, state)
        found = slopes + self.way.pulls(taken(self.form, state), tables)
        if self.form.labels > 1:
            return -situation.beta * found.reshape(-1, self.form.labels)
        return upper_odds(self.sites.symbol.domain.kind, found, situation.beta)
