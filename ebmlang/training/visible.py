"""What examples show of a model: the visible sites, and the energy when latents are summed out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State, stored_type
from ..backend.sites import Sites, sites_of
from ..partition.examples import Examples
from ..partition.summation import Summation, plan_sum
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import EbmError

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Visible:
    """The sites that every example shows, in terms of which an objective scores it.

    `sites`: of each variable in the data. `base`: zeros. `hidden`: unknowns that no example shows;
    `closed` sums them, None where that has no closed form. `given`: the given data of the first
    example; `own`: those of which every example has its own.
    """

    model: Model
    sites: Mapping[str, Sites]
    base: State
    hidden: tuple[str, ...]
    closed: Summation | None
    given: State
    own: tuple[str, ...]

    @property
    def symbols(self) -> dict[str, Symbol]:
        """The variables with a site to be scored."""
        return {n: s.symbol for n, s in self.sites.items()}

    @property
    def unsummed(self) -> str | None:
        """Why latents stand in the way, in words; None if they do not."""
        if not self.hidden or self.closed is not None:
            return None
        names = "`, `".join(self.hidden)
        return (
            f"the sum over `{names}` has no closed form, and no example shows {_them(self.hidden)}"
        )

    def state(self, row: State) -> State:
        """A whole configuration from one example; what is hidden is at zero and does not matter."""
        given = {n: v.astype(self.base[n].dtype) for n, v in row.items()}
        return self.base | given

    def energy(self, situation: Situation, state: State) -> Any:
        """The energy of one configuration, or its free energy where unknowns are hidden; in nats.

        Without what depends on no unknown, which no comparison of configurations sees.
        """
        if self.closed is not None:
            return -self.closed.log_sum(situation, state, jnp.zeros(0))
        return self.model.target.relative.energy(situation.params, state, situation.given)


def _them(names: Iterable[str]) -> str:
    return "it" if len(tuple(names)) == 1 else "them"


def visible_of(model: Model, examples: Examples) -> Visible:
    """What examples show."""
    observed = tuple(examples.data)
    world, unknowns = model.world, model.program.unknowns
    known = {n: np.ones(world.shape(unknowns[n]), bool) for n in observed}
    found = {n: sites_of(unknowns[n], world) for n in observed}
    base = {n: jnp.zeros(world.shape(s), stored_type(s)) for n, s in unknowns.items()}
    hidden = tuple(n for n, s in unknowns.items() if sites_of(s, world, known.get(n)).number)
    sites = {n: s for n, s in found.items() if s.number}
    closed = _summed(model, known, hidden)
    firsts = {**examples.shared, **{n: v[0] for n, v in examples.own.items()}}
    given = {n: jnp.asarray(v, stored_type(model.program.givens[n])) for n, v in firsts.items()}
    return Visible(model, sites, base, hidden, closed, given, tuple(examples.own))


def _summed(model: Model, known: Mapping[str, np.ndarray], hidden: tuple[str, ...]) -> Any:
    if not hidden:
        return None
    try:
        found = plan_sum(model.target.relative, known)
    except EbmError:
        return None
    return None if found.listed else found


def typed(symbol: Symbol) -> str:
    """The type of a variable, as a sentence has it."""
    bounded = symbol.domain.kind is Kind.REAL and not symbol.domain.whole_line
    return "bounded" if bounded else str(symbol.domain.kind)
