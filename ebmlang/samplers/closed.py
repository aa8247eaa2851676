"""Sums and integrals in closed form over unknowns of which all sites are drawn at once.

Given the rest, sites that do not interact sum one by one: for a linear binary site
log sum exp(-beta g x) = log(1 + exp(-beta g)), with the slope g of the energy. An RBM's free
energy is what this gives when its hidden units are summed. Quadratic real unknowns integrate to
the determinant of their precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ..backend.conditionals import Situation, both, by_trying, gaussian, logits, states_of
from ..backend.elementwise import softplus
from ..backend.energy import State, Target
from ..backend.sites import Sites
from ..semantics.terms import Kind, NamedEnergy
from .block import Block
from .gaussian import JointGaussian
from .gibbs import GaussianGibbs, GradientGibbs, TryingGibbs
from .local import LocalGibbs

Summable = GradientGibbs | LocalGibbs | TryingGibbs | GaussianGibbs | JointGaussian
Tried = GradientGibbs | LocalGibbs | TryingGibbs


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """Unknowns summed in closed form, given all others. `blocks` do not meet one another.

    `energies`: the extended energies that count; those left out do not touch these unknowns.
    """

    target: Target
    blocks: tuple[Summable, ...]
    energies: tuple[NamedEnergy, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """What is summed out."""
        return tuple(n for block in self.blocks for n in block.variables)

    def tables(self, situation: Situation) -> Any:
        """What follows from parameters and given data alone, for each block."""
        return tuple(block.tables(situation) for block in self.blocks)

    def log_sum(self, situation: Situation, state: State, tables: Any = None) -> Any:
        """log of the sum of exp(-beta E) over the unknowns, in nats: minus beta times a free energy.

        `state` gives all others; its values of the unknowns that are summed do not matter.
        """
        tables = self.tables(situation) if tables is None else tables
        total = jnp.zeros(())
        sloped: dict[str, Sites] = {}
        for block, table in zip(self.blocks, tables, strict=True):
            if isinstance(block, GradientGibbs) and not block.midpoint:
                sloped[block.name] = block.sites
                continue
            state, share = _apart(self.target, block, situation._replace(tables=table), state)
            total = total + share
        return total + self._by_slope(situation, state, sloped)

    def _by_slope(self, situation: Situation, state: State, sites: Mapping[str, Sites]) -> Any:
        """log of the sum over sites in which the energy is of first degree: one slope tells all."""
        opened = self.target.opened(state)
        base = {n: s.put_opened(opened[n], 0.0) for n, s in sites.items()}

        def energy(moving: State) -> Any:
            return self.target.extended(
                situation.params, opened | moving, situation.given, self.energies
            )

        if not base:
            return -situation.beta * energy({})
        value, slopes = jax.value_and_grad(energy)(base)
        total = -situation.beta * value
        for name, own in sites.items():
            field = -situation.beta * own.take_opened(both(own.symbol, slopes[name]))
            total = total + _log_sums(own.symbol.domain.kind, field)
        return total


def closed_over(target: Target, blocks: Iterable[Block], touching: Iterable[str] = ()) -> Closed:
    """The sum over the unknowns of these blocks; of the energies that touch them or other names.

    Without such names every energy counts.
    """
    chosen = tuple(b for b in blocks if isinstance(b, Summable))
    names = [*touching, *(n for b in chosen for n in b.variables)]
    energies = target.touching(names) if touching else target.structure.extended
    return Closed(target, chosen, tuple(energies))


def _apart(
    target: Target, block: Summable, situation: Situation, state: State
) -> tuple[State, Any]:
    """The state with a block at a reference, and log of the sum of exp(-beta (E - E there)) over it."""
    if isinstance(block, JointGaussian):
        return block.integrated(situation, state)
    if isinstance(block, GaussianGibbs):
        return _integrated(target, block, situation, state)
    values = states_of(block.sites.symbol, target)
    value = state[block.name]
    first = jnp.full(block.sites.number, values[0], value.dtype)
    there = state | {block.name: block.sites.put(value, first)}
    weights = _log_weights(target, block, situation, there)
    return there, jnp.sum(jax.nn.logsumexp(weights - weights[:, :1], axis=1))


def _integrated(
    target: Target, block: GaussianGibbs, situation: Situation, state: State
) -> tuple[State, Any]:
    """Sites at their means, and log of the integral of exp(-beta (E - E there)) over them."""
    every = block.colours >= 0
    mean, precision = gaussian(target, block.name, situation, state, every)
    value = state[block.name]
    there = state | {block.name: jnp.where(every, mean, value).astype(value.dtype)}
    return there, 0.5 * jnp.sum(jnp.log(2 * jnp.pi / block.sites.take(precision)))


def _log_weights(target: Target, block: Tried, situation: Situation, state: State) -> Any:
    """-beta E [site, value] of every value of every site given all others, up to a constant a site."""
    match block:
        case LocalGibbs():
            return block.odds(situation, state)
        case TryingGibbs(name=name, sites=sites):
            places = jnp.asarray(sites.free)
            mirrors = places if sites.mirror is None else jnp.asarray(sites.mirror)
            return jax.vmap(lambda p, m: by_trying(target, name, situation, state, p, m))(
                places, mirrors
            )
        case GradientGibbs(name=name, sites=sites):
            every = block.colours >= 0
            odds = sites.take(logits(target, name, situation, state, at_middle=every))
            return jnp.stack([jnp.zeros_like(odds), odds], axis=1)


def _log_sums(kind: Kind, field: Any) -> Any:
    """log sum exp(field x) over the values x of each site, added up; of labels over the last axis."""
    match kind:
        case Kind.BINARY:
            return jnp.sum(softplus(field))
        case Kind.SPIN:
            return jnp.sum(jnp.abs(field) + softplus(-2 * jnp.abs(field)))
        case _:
            return jnp.sum(jax.nn.logsumexp(field, axis=-1))
