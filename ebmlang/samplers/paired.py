"""What Gibbs on a quadratic form shares: the fields of a block, and the values drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..backend.pairwise import QuadraticForm
from ..semantics.terms import Kind


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
    held = form.sites.number < _free_number(form)
    return not meets and not held


def _free_number(form: QuadraticForm) -> int:
    from ..backend.sites import sites_of

    return sites_of(form.sites.symbol, form.target.world).number


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
