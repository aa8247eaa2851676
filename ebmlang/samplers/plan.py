"""From structure to blocks: for each block of variables the method that moves it."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ..analysis.choice import Choice, choose
from ..analysis.closing import Wish
from ..analysis.colouring import colour, proper
from ..analysis.joint import Entries
from ..analysis.structure import VariableFacts
from ..analysis.whole import Bounds, cancels
from ..backend.conditionals import states_of
from ..backend.energy import Target
from ..backend.sites import Sites, sites_of
from ..syntax.diagnostics import InternalError, complain
from .block import Block, Plan
from .closed import closed_over
from .clusters import cluster_block
from .discrete import exact_block
from .gaussian import JointGaussian
from .gibbs import GaussianGibbs, TryingGibbs
from .hamiltonian import HamiltonianBlock
from .informed import informed_block
from .langevin import AnnealedBlock, LangevinBlock
from .local import local_block
from .mala import MalaBlock
from .settings import (
    HMC,
    MALA,
    NUTS,
    Annealed,
    Clusters,
    Informed,
    Langevin,
    Sampler,
    Tempering,
    Underdamped,
    as_dict,
    sampler_of,
)
from .smooth import Smooth
from .tempering import tempered
from .underdamped import UnderdampedBlock

Held = Mapping[str, np.ndarray]


def free_variables(target: Target, held: Held) -> list[str]:
    """The unknowns with a site that can move."""
    unknowns = target.program.unknowns.items()
    return [n for n, s in unknowns if sites_of(s, target.world, held.get(n)).number]


def tries_of(target: Target, held: Held) -> dict[str, int]:
    """For each discrete variable its free sites times their values: what trying all would cost."""
    return {
        n: sites_of(s, target.world, held.get(n)).number * len(states_of(s, target))
        for n, s in target.program.unknowns.items()
        if s.domain.discrete
    }


def entries_of(target: Target, held: Held) -> dict[str, Entries]:
    """For each variable the free entries of its array."""
    sites = {n: sites_of(s, target.world, held.get(n)) for n, s in target.program.unknowns.items()}
    return {n: Entries(s.free, s.shape) for n, s in sites.items()}


def make_plan(
    target: Target,
    sampler: Sampler,
    held: Held,
    fallback: str = "nuts",
    *,
    carried: bool = True,
    wish: Wish = "auto",
) -> Plan:
    """The plan of a sampler on a model. Colours are found anew on the sites that are free.

    `carried`: whether the state a block left is the one it finds again, if no other block moves.
    `wish`: what to sum out.
    Blocks see the energy without what depends on no unknown, lest rounding hide its differences.
    Raises EbmError E702 if the sampler cannot move some variable, with the reason.
    """
    target = target.relative
    if isinstance(sampler, Tempering):
        inner = sampler_of(sampler.inner)
        plan = make_plan(target, inner, held, fallback, carried=False, wish=wish)
        return tempered(target, plan, sampler)
    free = free_variables(target, held)
    counts = tries_of(target, held), entries_of(target, held)
    choices, refusals = choose(target.structure, sampler.name, free, fallback, *counts, wish)
    if refusals:
        raise complain(
            "E702",
            f"{sampler.name} cannot sample `{target.program.name}`: {refusals[0].reason}",
            notes=[r.reason for r in refusals[1:]],
            helps=['sampler="auto" chooses what fits the structure'],
        )
    if not free:
        raise complain(
            "E702", f"every variable of `{target.program.name}` is held: nothing to sample"
        )
    sites = {n: sites_of(target.program.unknowns[n], target.world, held.get(n)) for n in free}
    closed = {n for c in choices for n in c.closed}
    alone = carried and sum(not set(c.variables) <= closed for c in choices) == 1
    exact = {
        c.variables: _whole(c, target, sites, closed) or exact_of(c, target, sampler, sites)
        for c in choices
        if c.way != "slope"
    }
    blocks = tuple(
        exact[c.variables]
        if c.variables in exact
        else _sloped(c, target, sampler, sites, tuple(exact.values()), alone)
        for c in choices
    )
    return Plan(blocks, tuple(choices), sites)


def _whole(
    choice: Choice, target: Target, sites: Mapping[str, Sites], closed: set[str]
) -> Block | None:
    """Gibbs by the whole energy, whose large whole numbers are exact; None where floats hold them.

    Slopes, couplings and moved sums would be rounded before they cancel.
    """
    name = choice.variables[0]
    if choice.way not in ("gradient", "midpoint", "trying") or name in closed:
        return None
    bounds = Bounds(target.world, 53 if jnp.result_type(float) == jnp.float64 else 24)
    touching = {e.name for e in target.touching([name])}
    terms = [e.term for e in target.program.energies if e.name in touching]
    if not any(cancels(term, bounds) for term in terms):
        return None
    return TryingGibbs(target, name, sites[name], not target.structure.variables[name].couples)


def exact_of(choice: Choice, target: Target, sampler: Sampler, sites: Mapping[str, Sites]) -> Block:
    """The block of a choice that follows no slope."""
    name = choice.variables[0]
    match choice.way:
        case "gradient" | "midpoint":
            colours = colours_of(target.structure.variables[name], sites[name])
            return exact_block(target, name, sites[name], colours, choice.way == "midpoint")
        case "clusters" if isinstance(sampler, Clusters):
            colours = colours_of(target.structure.variables[name], sites[name])
            return cluster_block(target, name, sites[name], colours, sampler)
        case "gaussian":
            colours = colours_of(target.structure.variables[name], sites[name])
            return GaussianGibbs(target, name, sites[name], colours)
        case "joint":
            assert choice.joint is not None
            assert choice.joint.offers is not None
            matrix = choice.joint.offers.factor
            assert matrix is not None
            own = {n: sites[n] for n in choice.variables}
            return JointGaussian(target, own, matrix, choice.joint.fixed)
        case "trying":
            colours = colours_of(target.structure.variables[name], sites[name])
            together = not target.structure.variables[name].couples
            local = local_block(target, name, sites[name], colours)
            return local or TryingGibbs(target, name, sites[name], together)
        case _:
            own = {n: sites[n] for n in choice.variables}
            return informed_block(
                target, own, sampler if isinstance(sampler, Informed) else Informed()
            )


def _sloped(
    choice: Choice,
    target: Target,
    sampler: Sampler,
    sites: Mapping[str, Sites],
    exact: tuple[Block, ...],
    alone: bool,
) -> Block:
    """A block that follows slopes, of the free energy where unknowns are summed out."""
    closed = [block for block in exact if set(block.variables) <= set(choice.closed)]
    summed = closed_over(target, closed, choice.variables) if closed else None
    smooth = Smooth(target, {n: sites[n] for n in choice.variables}, summed)
    match sampler:
        case Langevin():
            return LangevinBlock(smooth, **as_dict(sampler))
        case Annealed():
            return AnnealedBlock(smooth, sampler)
        case Underdamped():
            return UnderdampedBlock(smooth, sampler, alone)
        case MALA():
            return MalaBlock(smooth, sampler, alone)
        case HMC() | NUTS():
            return HamiltonianBlock(smooth, sampler.name, as_dict(sampler), alone)
        case _ if choice.sampler == "mala":
            # In training the law changes under the chains, and scales would be those of an old one.
            return MalaBlock(smooth, MALA(preconditioned=False), alone)
        case _ if choice.sampler == "hmc":
            return HamiltonianBlock(smooth, "hmc", as_dict(HMC()), alone)
        case _:
            return HamiltonianBlock(smooth, "nuts", as_dict(NUTS()), alone)


def colours_of(facts: VariableFacts, sites: Sites) -> np.ndarray:
    """The colour of every free entry of a variable's array, -1 for entries that do not move."""
    colours = np.full(int(np.prod(sites.shape, dtype=int)), -1, np.int64)
    if facts.complete or facts.edges is None:
        colours[sites.free] = np.arange(sites.number)
    else:
        place = np.full(len(colours), -1, np.int64)
        place[sites.free] = np.arange(sites.number)
        edges = place[facts.edges]
        edges = edges[(edges >= 0).all(axis=1)]
        shape = sites.shape if sites.whole else ()
        found = colour(edges, sites.number, shape)
        if not proper(found, edges):
            raise InternalError(f"two sites of `{sites.symbol.name}` that interact share a colour")
        colours[sites.free] = found
    if sites.mirror is not None:
        colours[sites.mirror] = colours[sites.free]
    return colours.reshape(sites.shape)
