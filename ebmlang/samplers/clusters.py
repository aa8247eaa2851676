"""Cluster moves: bonds between neighbours that agree, then each cluster as a whole by its fields.

Swendsen & Wang (1987), "Nonuniversal critical dynamics in Monte Carlo simulations"; with fields, by
the joint law of sites and bonds of Edwards & Sokal (1988). For spins E = g' s + sum W_ij s_i s_j: a
bond lies where W_ij s_i s_j < 0, with probability 1 - exp(-2 beta |W_ij|); a cluster turns round
with the odds exp(2 beta sum g_i s_i). For categories the coupling of equal labels a is W_ij(a) <= 0:
a bond lies where x_i = x_j = a, with probability 1 - exp(-beta |W_ij(a)|), and a cluster takes label
a by the weight exp(-beta sum g_i(a)) times (exp(beta |W_ij(a)|) - 1) for every bond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.choice import Refusal, gibbs_way
from ..backend.conditionals import Situation
from ..backend.energy import State, Target
from ..backend.pairwise import QuadraticForm, quadratic_form
from ..backend.sites import Sites
from ..semantics.terms import Kind
from ..syntax.diagnostics import InternalError, complain
from .block import Block, Key, Moved, Walk
from .components import Network
from .dense import DenseWay
from .discrete import exact_block
from .layout import chains_last
from .noise import logistic_rows, pick_first, seed_of
from .paired import Fields, PairedGibbs, put, stays, taken, upper_odds
from .settings import Clusters


class Couplings(NamedTuple):
    """What a cluster move reads of the parameters."""

    weights: Any  # [edge] of spins, [edge, label] of a category, in nats
    more: Any  # [entry], what stands beside the fields
    even: Any  # scalar bool: whether the weights are the same for all labels


class Tables(NamedTuple):
    """What follows from parameters for a cluster move and for the Gibbs sweeps after it."""

    fields: Any
    couplings: Couplings
    gibbs: Any


@dataclass(frozen=True, eq=False)
class ClusterBlock:
    """Binary, spin or category sites coupled in pairs: one cluster move, then `sweeps` of `gibbs`.

    A category may only be coupled where labels are equal. If such a coupling drives them apart, the
    cluster move stays where it is, which leaves the law unchanged, and says that it has diverged.
    """

    form: QuadraticForm
    fields: Fields
    gibbs: Block
    sweeps: int
    method: str = "clusters"

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

    @cached_property
    def network(self) -> Network:
        """The pairs of sites that are coupled."""
        return Network(self.sites.number, self.form.edges)

    @cached_property
    def _update(self) -> Callable[..., tuple[Any, Any]]:
        return chains_last(self._sweep)

    def tables(self, situation: Situation) -> Tables:
        gibbs = self.gibbs.tables(situation) if self.sweeps else ()
        return Tables(self.fields.tables(situation), self.couplings(situation), gibbs)

    def couplings(self, situation: Situation) -> Couplings:
        """Binary sites are x = (1 + s) / 2: a quarter of each coupling is between spins."""
        sizes = self.form.weights(situation)
        zero = jnp.zeros(self.form.number, sizes.dtype)
        if self.form.labels > 1:
            weights = jnp.diagonal(sizes, axis1=1, axis2=2)
            return Couplings(weights, zero, jnp.all(weights == weights[:, :1]))
        if self.sites.symbol.domain.kind is Kind.SPIN:
            return Couplings(sizes, zero, jnp.ones((), bool))
        quarter, edges = sizes / 4, self.form.edges
        more = zero.at[edges[:, 0]].add(quarter).at[edges[:, 1]].add(quarter)
        return Couplings(quarter, more, jnp.ones((), bool))

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        tables: Tables = situation.tables
        keys = jax.random.split(key, 1 + self.sweeps)
        slopes = self.fields.of(tables.fields, situation, state)
        x = taken(self.form, state)
        moved, _ = self._update(
            x, slopes, Walk(seed_of(keys[0]), jnp.uint32(0), 1), tables.couplings, situation.beta
        )
        state = put(self.form, state, moved)
        gradients = jnp.ones((), jnp.int32)
        for number in range(self.sweeps):
            ready = situation._replace(tables=tables.gibbs)
            after = self.gibbs.move(keys[1 + number], ready, state, ())
            state, gradients = after.state, gradients + after.gradients
        repelled = jnp.any(situation.beta * tables.couplings.weights > 0)
        return Moved(state, inner, jnp.ones(()), gradients, repelled & (self.form.labels > 1))

    def odds(self, situation: Situation, state: State) -> Any:
        """Log-odds [site] of the upper state, or log weights [site, label], given all others."""
        tables: Tables = situation.tables
        couplings, slopes = tables.couplings, self.fields.of(tables.fields, situation, state)
        x, (u, v) = taken(self.form, state), self.network.edges.T
        if self.form.labels > 1:
            labels = np.arange(self.form.labels)
            total = slopes.reshape(-1, self.form.labels)
            total = total.at[u].add(couplings.weights * (x[v][:, None] == labels))
            total = total.at[v].add(couplings.weights * (x[u][:, None] == labels))
            return -situation.beta * total
        s, total = self._spins(x), self._turning(slopes[:, None], couplings)[:, 0]
        total = total.at[u].add(couplings.weights * s[v]).at[v].add(couplings.weights * s[u])
        return upper_odds(Kind.SPIN, total, situation.beta)

    def _spins(self, x: Any) -> Any:
        return 2 * x - 1 if self.sites.symbol.domain.kind is Kind.BINARY else x

    def _turning(self, fields: Any, couplings: Couplings) -> Any:
        """Fields [site, chain] on spins."""
        half = 0.5 if self.sites.symbol.domain.kind is Kind.BINARY else 1.0
        return half * fields + couplings.more[:, None]

    def _sweep(self, x: Any, fields: Any, walk: Walk, couplings: Couplings, beta: Any) -> Any:
        """Every cluster once. Shapes: x [site, chain], fields [entry, chain or 1]."""
        edges = len(self.network.edges)
        noise = logistic_rows(walk.seed, edges + self.sites.number, fields.dtype)
        if self.form.labels > 1:
            return self._relabelled(x, fields, noise, couplings, beta)
        s = self._spins(x)
        u, v = self.network.edges.T
        pull = -2.0 * beta * couplings.weights[:, None] * s[u] * s[v]
        roots = self.network.roots(noise[:edges] < _bond_odds(pull))
        fields = self._turning(fields, couplings)
        columns = jnp.arange(s.shape[1])
        totals = jax.lax.cond(
            jnp.any(fields != 0),
            lambda: jnp.zeros(s.shape, fields.dtype).at[roots, columns].add(fields * s),
            lambda: jnp.zeros(s.shape, fields.dtype),
        )
        turned = noise[edges:] < 2.0 * beta * totals
        new = jnp.where(turned[roots, columns], -s, s)
        return (1 + new) / 2 if self.sites.symbol.domain.kind is Kind.BINARY else new

    def _relabelled(self, x: Any, fields: Any, noise: Any, couplings: Couplings, beta: Any) -> Any:
        labels, chains = self.form.labels, x.shape[1]
        edges, (u, v) = len(self.network.edges), self.network.edges.T
        label, columns = x.astype(jnp.int32), jnp.arange(chains)
        own = jnp.arange(edges)[:, None] * labels + label[u]
        pull = -beta * couplings.weights.reshape(-1)[own] * (label[u] == label[v])
        bonds = noise[:edges] < _bond_odds(pull)
        roots = self.network.roots(bonds)
        wide = fields.reshape(-1, labels, fields.shape[1])
        shape = (self.sites.number, labels, chains)
        places = (roots[:, None], np.arange(labels)[:, None], columns)
        weights = jax.lax.cond(
            jnp.any(fields != 0),
            lambda: jnp.zeros(shape, wide.dtype).at[places].add(-beta * wide),
            lambda: jnp.zeros(shape, wide.dtype),
        )

        def uneven(weights: Any) -> Any:
            odds = _bond_odds(-couplings.weights[:, :, None] * jnp.broadcast_to(beta, (chains,)))
            kept = jnp.where(bonds[:, None], odds, 0.0)
            there = (roots[u][:, None], np.arange(labels)[:, None], columns)
            return weights.at[there].add(kept)

        weights = jax.lax.cond(couplings.even, lambda w: w, uneven, weights)
        drawn = pick_first(jnp.swapaxes(weights, 0, 1), jax.nn.sigmoid(noise[edges:]))
        new = drawn[roots, columns].astype(x.dtype)
        repelled = jnp.any(couplings.weights.reshape(-1, 1) * jnp.atleast_1d(beta) > 0, axis=0)
        return jnp.where(repelled, x, new)


def _bond_odds(pull: Any) -> Any:
    """Log-odds of a bond with probability 1 - exp(-pull), for pull > 0; else there is none."""
    return jnp.where(pull > 0, pull + jnp.log(-jnp.expm1(-jnp.maximum(pull, 0.0))), -jnp.inf)


def cluster_block(
    target: Target, name: str, sites: Sites, colours: np.ndarray, settings: Clusters
) -> ClusterBlock:
    """The block of a variable whose pairs of sites clusters can follow."""
    form = quadratic_form(target, name, sites)
    if form is None:
        raise InternalError(f"clusters of `{name}` were promised, and its couplings are not pairs")
    facts = target.structure.variables[name]
    fields = Fields(form, stays(form, facts.meets))
    way = gibbs_way(facts)
    gibbs = PairedGibbs(form, fields, DenseWay(form))
    if not isinstance(way, Refusal) and way[0] != "trying":
        gibbs = exact_block(target, name, sites, colours, way[0] == "midpoint")
    return ClusterBlock(form, fields, gibbs, settings.sweeps)


def refuse_repelled(blocks: Sequence[Block], situation: Situation) -> None:
    """Raise EbmError E702 for a category whose equal labels repel each other at these parameters."""
    for block in blocks:
        if not isinstance(block, ClusterBlock) or block.form.labels == 1:
            continue
        costs = situation.beta * block.couplings(situation).weights
        worst = float(jnp.max(costs, initial=0.0))
        if worst > 0:
            raise complain(
                "E702",
                f"clusters cannot sample `{block.name}` at these parameters: equal labels of some "
                f"neighbours cost {worst:.3g} nats, and bonds need that they cost nothing",
                helps=['sampler="gibbs" is exact for couplings of any sign'],
            )
