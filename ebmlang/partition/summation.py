"""Exact sums over unknowns: some in closed form by structure, the others one state at a time.

Variables whose sites do not interact, given the rest, sum in closed form: for a binary site
log sum exp(-beta g x) = log(1 + exp(-beta g)), with the slope g of the energy. An RBM's free
energy is what this gives when its hidden units are summed. The rest is listed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.choice import summable
from ..backend.conditionals import Situation, both, states_of
from ..backend.energy import State, Target
from ..backend.sites import Sites, sites_of
from ..semantics.terms import Kind
from ..syntax.diagnostics import complain

LOW_STATES = 1 << 14
MOST_CANDIDATES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Summation:
    """How the free unknowns are summed: `closed` in closed form, `listed` state by state.

    `low` [state, site] lists the values of the last listed sites; the others run slowly.
    """

    target: Target
    closed: tuple[str, ...]
    listed: tuple[str, ...]
    sites: Mapping[str, Sites]
    low: np.ndarray
    high_values: tuple[np.ndarray, ...]

    @property
    def chunks(self) -> int:
        """How many blocks of listed states there are."""
        return math.prod(len(v) for v in self.high_values)

    @property
    def states(self) -> int:
        """How many states are listed."""
        return self.chunks * len(self.low)

    def describe(self) -> str:
        """`h summed in closed form, 2^16 states of v listed`."""
        parts = []
        if self.closed:
            parts.append(f"{', '.join(self.closed)} summed in closed form")
        if self.listed:
            power = math.log2(self.states)
            count = f"2^{power:.0f}" if power == int(power) and power > 10 else f"{self.states}"
            parts.append(f"{count} states of {', '.join(self.listed)} listed")
        return "; ".join(parts)

    def high(self, chunk: int) -> np.ndarray:
        """The values of the slowly running sites in a block."""
        values = []
        for options in reversed(self.high_values):
            chunk, digit = divmod(chunk, len(options))
            values.append(options[digit])
        return np.array(values[::-1], np.float64)

    def log_sum(self, situation: Situation, state: State, high: Any) -> Any:
        """log of the sum of exp(-beta E) over one block of listed states, in nats."""
        rows = jnp.asarray(self.low)

        def one(row: Any) -> Any:
            return self._log_weight(situation, self._listed(state, jnp.concatenate([high, row])))

        return jax.nn.logsumexp(jax.vmap(one)(rows))

    def _listed(self, state: State, values: Any) -> State:
        start = 0
        out = dict(state)
        for name in self.listed:
            sites = self.sites[name]
            taken = values[start : start + sites.number].astype(state[name].dtype)
            out[name] = sites.put(state[name], taken)
            start += sites.number
        return out

    def _log_weight(self, situation: Situation, state: State) -> Any:
        """log of the sum of exp(-beta E) over the variables in closed form."""
        opened = self.target.opened(state)
        base = {n: self._zeroed(n, opened[n]) for n in self.closed}

        def energy(moving: State) -> Any:
            return self.target.extended(situation.params, opened | moving, situation.given)

        if not self.closed:
            return -situation.beta * energy({})
        value, slopes = jax.value_and_grad(energy)(base)
        total = -situation.beta * value
        for name in self.closed:
            symbol = self.target.program.unknowns[name]
            slope = self._free(name, both(symbol, slopes[name]))
            bend = None
            if symbol.domain.kind is Kind.REAL:
                bend = self._free(name, self._curvature(energy, base, name))
            total = total + _closed_form(symbol.domain.kind, slope, bend, situation.beta)
        return total

    def _zeroed(self, name: str, value: Any) -> Any:
        sites = self.sites[name]
        categories = self.target.program.unknowns[name].domain.kind is Kind.CATEGORY
        tail = value.shape[-1:] if categories else ()
        flat = value.reshape(-1, *tail).at[sites.free].set(0.0)
        if sites.mirror is not None:
            flat = flat.at[sites.mirror].set(0.0)
        return flat.reshape(value.shape)

    def _free(self, name: str, array: Any) -> Any:
        sites = self.sites[name]
        categories = self.target.program.unknowns[name].domain.kind is Kind.CATEGORY
        tail = array.shape[-1:] if categories else ()
        return array.reshape(-1, *tail)[sites.free]

    def _curvature(self, energy: Any, base: State, name: str) -> Any:
        """d2E/dx2 of sites that do not interact: one product of the Hessian with ones."""
        symbol = self.target.program.unknowns[name]

        def slope(value: Any) -> Any:
            return both(symbol, jax.grad(lambda v: energy(base | {name: v}))(value))

        ones = self.sites[name].full(jnp.ones(self.sites[name].number, base[name].dtype))
        return jax.jvp(slope, (base[name],), (ones,))[1]


def _closed_form(kind: Kind, slope: Any, bend: Any, beta: Any) -> Any:
    """log sum exp over each site of a variable, added up."""
    field = -beta * slope
    match kind:
        case Kind.BINARY:
            return jnp.sum(jax.nn.softplus(field))
        case Kind.SPIN:
            return jnp.sum(jnp.abs(field) + jax.nn.softplus(-2 * jnp.abs(field)))
        case Kind.CATEGORY:
            return jnp.sum(jax.nn.logsumexp(field, axis=-1))
        case _:
            log_width = 0.5 * jnp.log(2 * jnp.pi / (beta * bend))
            return jnp.sum(beta * slope**2 / (2 * bend) + log_width)


def plan_sum(target: Target, held: Mapping[str, np.ndarray]) -> Summation:
    """The cheapest exact sum over all free entries: the fewest states to list.

    Raises EbmError E705 where a continuous variable has no closed form.
    """
    facts = target.structure.variables
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in target.program.unknowns.items()}
    free = [n for n in target.program.unknowns if sites[n].number]
    candidates = [n for n in free if summable(facts[n])][:MOST_CANDIDATES]
    best: tuple[float, tuple[str, ...]] | None = None
    for size in range(len(candidates), -1, -1):
        for closed in itertools.combinations(candidates, size):
            if any(b in facts[a].meets for a in closed for b in closed):
                continue
            rest = [n for n in free if n not in closed]
            if any(not facts[n].symbol.domain.discrete for n in rest):
                continue
            cost = sum(sites[n].number * math.log(len(_values(target, n))) for n in rest)
            if best is None or cost < best[0]:
                best = cost, closed
    if best is None:
        stuck = [n for n in free if not facts[n].symbol.domain.discrete and n not in candidates]
        raise complain(
            "E705",
            f"the sum over `{(stuck or free)[0]}` has no closed form: it is continuous, and the "
            "energy is not quadratic in sites that stand alone",
        )
    closed = best[1]
    listed = tuple(n for n in free if n not in closed)
    options = [v for n in listed for v in [_values(target, n)] * sites[n].number]
    cut = len(options)
    count = 1
    while cut > 0 and count * len(options[cut - 1]) <= LOW_STATES:
        cut -= 1
        count *= len(options[cut])
    low = np.array(list(itertools.product(*options[cut:])), np.float64).reshape(count, -1)
    return Summation(target, closed, listed, sites, low, tuple(options[:cut]))


def _values(target: Target, name: str) -> np.ndarray:
    return states_of(target.program.unknowns[name], target)
