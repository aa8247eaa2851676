"""Random programs of discrete unknowns: no claim of the analysis may be false. Caution is allowed."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from energy.random_programs import EDGES, random_program

import ebmlang as ebm
from ebmlang.backend.conditionals import by_trying, logits
from ebmlang.backend.sites import sites_of
from ebmlang.samplers.plan import colours_of
from ebmlang.semantics.terms import Kind

from .brute import Table, table

TOLERANCE = 1e-9


def check_interactions(found: Table) -> None:
    """Pairs of sites that are not claimed to interact do not."""
    scale = 1 + np.max(np.abs(found.energies))
    structure = found.model.structure
    for name, facts in structure.variables.items():
        claimed = set() if facts.edges is None else {tuple(map(int, e)) for e in facts.edges}
        for other in structure.variables:
            if other != name and other not in facts.meets:
                for a in found.axes(name):
                    for b in found.axes(other):
                        gap = found.interact(a, b)
                        assert gap <= TOLERANCE * scale, f"{name} and {other} interact by {gap}"
        if facts.complete:
            continue
        axes = found.axes(name)
        for k, a in enumerate(axes):
            for b in axes[k + 1 :]:
                pair = (min(found.sites[a].places), min(found.sites[b].places))
                gap = found.interact(a, b)
                if gap > TOLERANCE * scale:
                    assert tuple(sorted(pair)) in claimed, f"{name}: {pair} interact by {gap}"
                    assert facts.couples


def differences(found: Table, axis: int) -> np.ndarray:
    """-E of every value of a site less that of its first: [state, value]."""
    moved = np.moveaxis(found.energies, axis, -1)
    spread = np.broadcast_to(moved[..., None, :], (*moved.shape, moved.shape[-1]))
    states = np.moveaxis(spread, -2, axis).reshape(-1, moved.shape[-1])
    return -(states - states[:, :1])


def check_conditionals(found: Table) -> None:
    """Conditionals by one gradient, at the midpoint, and by trying are differences of energies."""
    model, situation = found.model, found.situation()
    target = model.target
    scale = 1 + np.max(np.abs(found.energies))
    for name, facts in model.structure.variables.items():
        symbol = facts.symbol
        sites = sites_of(symbol, model.world)
        category = symbol.domain.kind is Kind.CATEGORY
        masks = [None]
        if facts.site_degree == 2 and not category:
            colours = colours_of(facts, sites)
            masks = [colours == k for k in range(colours.max() + 1)]
        if facts.site_degree > (1 if category else 2) or symbol.domain.kind is Kind.INTEGER:
            masks = []
        with jax.enable_x64(True):
            for mask in masks:
                one = lambda s, m=mask: logits(target, name, situation, s, at_middle=m)  # noqa: E731, B023
                odds = np.asarray(jax.jit(jax.vmap(one))(found.states))
                for axis in found.axes(name):
                    site = found.sites[axis]
                    if mask is not None and not mask.reshape(-1)[site.places[0]]:
                        continue
                    wanted = differences(found, axis)
                    flat = odds.reshape(len(odds), -1, odds.shape[-1] if category else 1)
                    for place in site.places:
                        got = flat[:, place]
                        got = got - got[:, :1] if category else np.hstack([0 * got, got])
                        gap = np.max(np.abs(got - wanted))
                        assert gap <= TOLERANCE * scale, f"{name} at {place}: off by {gap}"
            for axis in found.axes(name)[:2]:
                site = found.sites[axis]
                first, last = site.places[0], site.places[-1]
                tried = jax.jit(
                    jax.vmap(lambda s: by_trying(target, name, situation, s, first, last))  # noqa: B023
                )(found.states)
                gap = np.max(np.abs(np.asarray(tried - tried[:, :1]) - differences(found, axis)))
                assert gap <= TOLERANCE * scale, f"{name} by trying: off by {gap}"


def check(seed: int, depth: int) -> None:
    program = random_program(seed, discrete=True, depth=depth)
    try:
        model = ebm.loads(program.text, g=EDGES)
        found = table(model, program.params)
        if not np.all(np.isfinite(found.energies)):
            return
        check_interactions(found)
        check_conditionals(found)
    except Exception as error:
        error.add_note(program.text)
        raise


@pytest.mark.parametrize("seed", range(12, 26))
def test_no_claim_is_false(seed: int):
    check(seed, 2 + seed % 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_no_claim_is_false_for_many_programs(seed: int):
    check(seed, 3)
