"""Exact sums over unknowns: some in closed form by structure, the others one state at a time.

Variables whose sites do not interact, given the rest, sum in closed form: for a binary site
log sum exp(-beta g x) = log(1 + exp(-beta g)), with the slope g of the energy. An RBM's free
energy is what this gives when its hidden units are summed. The rest is listed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.choice import Choice, gibbs_way
from ..analysis.closing import lone, meets
from ..analysis.joint import joints
from ..analysis.structure import Structure
from ..backend.conditionals import Situation, states_of
from ..backend.energy import State, Target
from ..backend.sites import Sites, sites_of
from ..samplers.closed import Closed, closed_over
from ..samplers.plan import entries_of, exact_of
from ..samplers.settings import Gibbs
from ..syntax.diagnostics import complain

LOW_STATES = 1 << 14
MOST_CANDIDATES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Summation:
    """How the free unknowns are summed: `closed` in closed form, `listed` state by state.

    `low` [state, site] lists the values of the last listed sites; the others run slowly.
    """

    target: Target
    summed: Closed
    listed: tuple[str, ...]
    sites: Mapping[str, Sites]
    low: np.ndarray
    high_values: tuple[np.ndarray, ...]

    @property
    def closed(self) -> tuple[str, ...]:
        """What is summed in closed form."""
        return self.summed.variables

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
            parts.append(f"{spoken_states(self.states)} states of {', '.join(self.listed)} listed")
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
        rows = jnp.asarray(self.low, jnp.result_type(float))

        def one(row: Any) -> Any:
            there = self.placed(state, jnp.concatenate([high, row]))
            return self.summed.log_sum(situation, there)

        return jax.nn.logsumexp(jax.vmap(one)(rows))

    def weight(self, situation: Situation, state: State, values: Any) -> Any:
        """-beta E of one listed configuration, closed sums taken, in nats. Shapes: values [site]."""
        return self.summed.log_sum(situation, self.placed(state, values))

    @property
    def options(self) -> list[np.ndarray]:
        """The values of every listed site."""
        return [v for n in self.listed for v in [_values(self.target, n)] * self.sites[n].number]

    def placed(self, state: State, values: Any) -> State:
        """A state with the listed sites at their values. Shapes: values [site]."""
        start = 0
        out = dict(state)
        for name in self.listed:
            sites = self.sites[name]
            taken = values[start : start + sites.number].astype(state[name].dtype)
            out[name] = sites.put(state[name], taken)
            start += sites.number
        return out


def spoken_states(number: int) -> str:
    """`2^25`, `1594323`, `10^70`."""
    power = math.log2(number)
    if power == int(power) and power > 10:
        return f"2^{power:.0f}"
    return f"{number}" if power < 30 else f"10^{power * math.log10(2):.0f}"


def plan_sum(target: Target, held: Mapping[str, np.ndarray], *, discrete: bool = True) -> Summation:
    """The cheapest exact sum over all free entries: the fewest states to list.

    `discrete`: whether to sum discrete sites in closed form too.
    Raises EbmError E705 where a continuous variable has no closed form.
    """
    facts = target.structure.variables
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in target.program.unknowns.items()}
    free = [n for n in target.program.unknowns if sites[n].number]
    candidates = candidates_of(target, free, held)
    if not discrete:
        candidates = [c for c in candidates if not facts[c.variables[0]].symbol.domain.discrete]
    best: tuple[float, tuple[Choice, ...]] | None = None
    for chosen, closed in groups_apart(target.structure, candidates):
        rest = [n for n in free if n not in closed]
        if any(not facts[n].symbol.domain.discrete for n in rest):
            continue
        cost = sum(sites[n].number * math.log(len(_values(target, n))) for n in rest)
        if best is None or cost < best[0]:
            best = cost, chosen
    if best is None:
        possible = {n for choice in candidates for n in choice.variables}
        stuck = [n for n in free if not facts[n].symbol.domain.discrete and n not in possible]
        raise complain(
            "E705",
            f"the sum over `{(stuck or free)[0]}` has no closed form: it is continuous, and the "
            "energy is not quadratic in it and in what it meets",
        )
    blocks = [exact_of(choice, target, Gibbs(), sites) for choice in best[1]]
    summed = closed_over(target, blocks)
    return _listing(target, summed, sites, [n for n in free if n not in summed.variables])


def groups_apart(
    structure: Structure, candidates: list[Choice]
) -> Iterator[tuple[tuple[Choice, ...], set[str]]]:
    """Sets of groups that do not meet one another, the largest first, with their variables."""
    candidates = candidates[:MOST_CANDIDATES]
    for size in range(len(candidates), -1, -1):
        for chosen in itertools.combinations(candidates, size):
            closed = {n for choice in chosen for n in choice.variables}
            if not any(meets(structure, c.variables, closed - {*c.variables}) for c in chosen):
                yield chosen, closed


def candidates_of(target: Target, free: list[str], held: Mapping[str, np.ndarray]) -> list[Choice]:
    """Groups of variables that have a closed form given all others."""
    structure = target.structure
    entries = entries_of(target, held)
    found = []
    for name in free:
        facts = structure.variables[name]
        way = gibbs_way(facts)
        if facts.symbol.domain.discrete and lone(facts, entries[name]) and isinstance(way, tuple):
            found.append(Choice((name,), "gibbs", *way))
    quadratic = [
        n
        for n in free
        if not structure.variables[n].symbol.domain.discrete
        and isinstance(gibbs_way(structure.variables[n]), tuple)
    ]
    for joint in joints(structure, quadratic, entries, always=True):
        assert joint.offers is not None
        if not joint.couples:
            found.append(Choice(joint.variables, "gibbs", "gaussian", joint.reason, joint))
        elif joint.offers.factor is not None:
            found.append(Choice(joint.variables, "gibbs", "joint", joint.reason, joint))
    return found


def _listing(
    target: Target, summed: Closed, sites: Mapping[str, Sites], names: list[str]
) -> Summation:
    """The last of the listed sites as rows, as many as one block holds; the others run slowly."""
    options = [v for n in names for v in [_values(target, n)] * sites[n].number]
    cut = len(options)
    count = 1
    while cut > 0 and count * len(options[cut - 1]) <= LOW_STATES:
        cut -= 1
        count *= len(options[cut])
    low = np.array(list(itertools.product(*options[cut:])), np.float64).reshape(count, -1)
    return Summation(target, summed, tuple(names), sites, low, tuple(options[:cut]))


def _values(target: Target, name: str) -> np.ndarray:
    return states_of(target.program.unknowns[name], target)
