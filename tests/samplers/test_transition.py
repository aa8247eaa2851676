"""Exact Gibbs: the transition matrix of one sweep, without Monte Carlo, leaves the law unchanged.

Every block's own conditionals are evaluated at every state, and composed colour by colour as the
block's own masks say; the real `move` is then compared with a row of the matrix.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy.formulas import PROGRAMS
from scipy.stats import chi2
from structure.brute import Table, table

import ebmlang as ebm
from ebmlang.backend.conditionals import by_trying, logits
from ebmlang.backend.energy import Target
from ebmlang.backend.pairwise import quadratic_form
from ebmlang.samplers.block import Plan
from ebmlang.samplers.dense import DenseWay
from ebmlang.samplers.gibbs import GradientGibbs, TryingGibbs
from ebmlang.samplers.local import LocalGibbs
from ebmlang.samplers.paired import Fields, PairedGibbs, stays
from ebmlang.samplers.plan import colours_of, make_plan
from ebmlang.samplers.rows import RowWay
from ebmlang.samplers.settings import Gibbs
from ebmlang.samplers.sparse import SparseWay
from ebmlang.samplers.sweep import Chain, sweep
from ebmlang.samplers.verify import verify
from ebmlang.semantics.terms import Kind

BETA = 0.8
LOWERINGS = {
    "slope": "GradientGibbs",
    "neighbours": "PairedGibbs",
    "fields": "PairedGibbs",
    "trying": "TryingGibbs",
}
FALSE_ALARM = 1e-6
PATH4 = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [1, 3]])

MODELS = {
    "rbm": ("rbm", {"pixel": 3, "unit": 3}),
    "boltzmann_machine": ("boltzmann_machine", {"unit": 5}),
    "ising_3x3": ("ising", {"row": 3, "col": 3}),
    "ising_2x4": ("ising", {"row": 2, "col": 4}),
    "spikes": ("spikes", {"neuron": 5}),
    "friendship": ("friendship", {"node": 4}),
    "spin_glass": ("spin_glass", {"site": 4, "bonds": PATH4}),
    "segment": ("segment", {"row": 2, "col": 3, "image": np.linspace(-1, 1, 6).reshape(2, 3)}),
    "potts": ("dim n = 4, q = 3 visible z : category(q)[n] param h : real[n, q] "
              "param J : real[n, n, q, q] energy = -sum(i) h[i, z[i]] "
              "- sum(i in 0..n-1) J[i, i+1, z[i], z[i+1]]", {}),
    "second_degree": ("dim n = 5 visible s : spin[n] param h : real[n] "
                      "energy = 0.3 * (sum(i) h[i] * s[i]) ^ 2 - h @ s", {}),
    "second_degree_bits": ("dim n = 4 visible t : binary[n] visible u : binary[n] param h : real[n] "
                           "energy = 0.5 * sum(i) (h[i] + t[i] - 2 * u[i]) ^ 2 * (1 + t[i])", {}),
    "category_twice": ("dim n = 3, q = 3 visible z : category(q)[n] param h : real[n, q] "
                       "param T : real[q, q] energy = sum(i) h[i, z[i]] * T[z[i], z[i]] "
                       "+ sum(i, j) T[z[i], z[j]] * h[i, z[j]]", {}),
    "category_apart": ("dim n = 3, q = 4 visible z : category(q)[n] param h : real[n, q] "
                       "energy = sum(i) (h[i, z[i]] - 0.3) ^ 2", {}),
    "integers": ("dim n = 3 visible k : integer<-1, 2>[n] param h : real[n] "
                 "energy = 0.3 * sum(k ^ 2) + 0.5 * sum(i in 0..n-1) k[i] * k[i+1] - h @ k", {}),
    "symmetric_with_diagonal": ("dim n = 3 visible a : binary[n, n] symmetric param h : real[n] "
                                "energy = sum(i <= j) a[i, j] * h[i] + sum(i < j) a[i, j] * a[i, i]", {}),
    "cyclic_five": ("dim n = 5 cyclic visible s : spin[n] param h : real[n] "
                    "energy = -sum(i) h[i] * s[i] * s[i+1] - 0.2 * sum(i) s[i] * s[i+2] * s[i+1]", {}),
    "a_bit_and_a_category": ("dim n = 2, q = 3 visible z : category(q)[n] visible t : binary[n] "
                             "param U : real[n, q] energy = -sum(i) U[i, z[i]] * t[i] "
                             "- 0.7 * sum(i, j) (z[i] == z[j]) * t[j]", {}),
    "heights": ("dim n = 5 cyclic visible k : integer<0, 2>[n] param h : real[n] "
                "energy = sum(i) abs(k[i] - k[i+1]) - h @ k", {}),
    "heights_far": ("dim n = 4 visible k : integer<-1, 1>[n] param h : real[n] "
                    "energy = sum(i < j) h[i] * sqrt(1 + (k[i] - k[j])^2) - sum(i) exp(h[i] * k[i])", {}),
    "counted": ("dim n = 3, q = 3 dim c = n + 1 visible z : category(q)[n] "
                "param V : real[c, q] param U : real[n, q] "
                "energy = -sum(k in q) V[sum(i) (z[i] == k), k] - sum(i) U[i, z[i]]", {}),
    "saturating": ("dim n = 5 graph g on n visible t : binary[n] latent u : spin[n] param J : real[g] "
                   "param h : real[n] energy = sum(i) log(1 + exp(h[i] + sum(j in g[i]) h[j] * t[j])) "
                   "- sum((i, j) in g) J[i, j] * t[i] * t[j] * u[i] - h @ u", {"n": 5, "g": PATH4}),
    "neighbours": ("dim n graph g on n visible t : binary[n] param h : real[n] "
                   "energy = sum(i) max(j in g[i]) h[j] * t[j]", {"n": 4, "g": PATH4}),
}  # fmt: skip


@cache
def load(name: str) -> tuple[ebm.Model, dict]:
    text, bound = MODELS[name]
    path = PROGRAMS / f"{text}.ebm"
    model = ebm.load(path, **bound) if " " not in text else ebm.loads(text, **bound)
    rng = np.random.default_rng(4)
    params = {}
    for symbol in model.program.params.values():
        value = rng.normal(size=model.world.shape(symbol)) * 0.7
        if symbol.symmetric:
            value = value + value.T
        if symbol.hollow:
            value = value - np.diag(np.diag(value))
        params[symbol.name] = np.exp(value) if symbol.domain.kind is Kind.POSITIVE else value
    return model, params


@cache
def every_state(name: str) -> Table:
    return table(*load(name))


def plan_of(model: ebm.Model, lowering: str = "") -> Plan:
    """The plan of a model, its discrete blocks in a lowering if one is named and applies."""
    plan = make_plan(model.target, Gibbs(), {})
    return dataclasses.replace(
        plan, blocks=tuple(lowered(model.target, block, lowering) for block in plan.blocks)
    )


def lowered(target: Target, block: Any, lowering: str) -> Any:
    """The block of a variable in another lowering, or as it is where that does not apply."""
    facts = target.structure.variables[block.variables[0]]
    form = quadratic_form(target, block.variables[0], block.sites)
    if lowering == "trying" and facts.symbol.domain.discrete:
        return TryingGibbs(target, block.variables[0], block.sites, together=not facts.couples)
    if (
        not lowering
        or isinstance(block, TryingGibbs | LocalGibbs)
        or form is None
        or not form.couplings
    ):
        return block
    colours = colours_of(facts, block.sites)
    fields = Fields(form, stays(form, facts.meets))
    match lowering:
        case "fields":
            return PairedGibbs(form, fields, DenseWay(form))
        case "neighbours":
            way = (SparseWay if form.labels == 1 else RowWay)(form, colours)
            return PairedGibbs(form, fields, way)
        case _:
            midpoint = facts.site_degree == 2
            return GradientGibbs(target, form.name, block.sites, colours, midpoint)


def probabilities(weights: np.ndarray) -> np.ndarray:
    raised = np.exp(weights - weights.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def together(found: Table, drawn: dict[int, np.ndarray]) -> np.ndarray:
    """The matrix of drawing the sites of some axes at once, each by its probabilities [state, value]."""
    number = found.energies.size
    rows = np.ones((number, 1))
    places = np.unravel_index(np.arange(number), found.energies.shape)
    for axis, length in enumerate(found.energies.shape):
        here = drawn.get(axis, np.eye(length)[places[axis]])
        rows = (rows[:, :, None] * here[:, None, :]).reshape(number, -1)
    return rows


Tabled = PairedGibbs | LocalGibbs
Block = GradientGibbs | TryingGibbs | Tabled


def tabled_matrix(found: Table, block: Tabled) -> np.ndarray:
    """The matrix of a block that reads tables: colour by colour, or site by site in order."""
    situation = found.situation(BETA)
    ready = situation._replace(tables=block.tables(situation))
    odds = np.asarray(jax.jit(jax.vmap(lambda s: block.odds(ready, s)))(found.states))
    if odds.ndim == 2:
        odds = np.stack([0 * odds, odds], axis=-1)
    axes = [found.axis(block.name, int(place)) for place in block.sites.free]
    turn = np.arange(len(axes))
    if block.colours is not None:
        turn = block.colours.reshape(-1)[block.sites.free]
    total = np.eye(found.energies.size)
    for now in range(turn.max() + 1):
        here = np.flatnonzero(turn == now)
        total = total @ together(found, {axes[k]: probabilities(odds[:, k]) for k in here})
    return total


def matrix_of(found: Table, block: Block) -> np.ndarray:
    """The transition matrix of one move of a block, composed from its own conditionals."""
    if isinstance(block, Tabled):
        return tabled_matrix(found, block)
    target, situation, name = found.model.target, found.situation(BETA), block.name
    kind = block.sites.symbol.domain.kind
    total = np.eye(found.energies.size)
    if isinstance(block, GradientGibbs):
        for colour in range(block.number):
            mask = block.colours == colour
            at = mask if block.midpoint else None
            odds = jax.jit(jax.vmap(lambda s: logits(target, name, situation, s, at_middle=at)))(  # noqa: B023
                found.states
            )
            odds = np.asarray(odds)
            if kind is not Kind.CATEGORY:
                odds = np.stack([0 * odds, odds], axis=-1)
            odds = odds.reshape(len(odds), -1, odds.shape[-1])
            places = np.flatnonzero(mask)
            drawn = {found.axis(name, p): probabilities(odds[:, p]) for p in places}
            total = total @ together(found, drawn)
        return total
    mirror = block.sites.free if block.sites.mirror is None else block.sites.mirror
    drawn = {}
    for place, twin in zip(block.sites.free, mirror, strict=True):
        weights = jax.jit(
            jax.vmap(lambda s: by_trying(target, name, situation, s, place, twin))  # noqa: B023
        )(found.states)
        drawn[found.axis(name, int(place))] = probabilities(np.asarray(weights))
        if not block.together:
            total = total @ together(found, drawn)
            drawn = {}
    return total @ together(found, drawn)


def sweep_matrix(found: Table, plan: Plan) -> np.ndarray:
    with jax.enable_x64(True):
        total = np.eye(found.energies.size)
        for block in plan.blocks:
            total = total @ matrix_of(found, block)
    return total


def law(found: Table) -> np.ndarray:
    return probabilities(-BETA * found.energies.reshape(-1))


def applies(block: Any, lowering: str) -> bool:
    """Whether a block is in a lowering."""
    same = type(block).__name__ == LOWERINGS[lowering]
    return same and (not isinstance(block, PairedGibbs) or block.way.name == lowering)


@pytest.mark.parametrize("lowering", ["", *LOWERINGS])
@pytest.mark.parametrize("name", MODELS)
def test_a_sweep_leaves_the_boltzmann_distribution_unchanged(name: str, lowering: str):
    found = every_state(name)
    plan = plan_of(found.model, lowering)
    if lowering and not any(applies(b, lowering) for b in plan.blocks):
        pytest.skip("this lowering does not apply")
    matrix, pi = sweep_matrix(found, plan), law(found)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(pi @ matrix, pi, atol=1e-10)
    assert np.all(np.linalg.matrix_power(matrix, 3) > 0), "some state is never reached"


OFTEN = (
    "rbm",
    "ising_3x3",
    "spikes",
    "friendship",
    "second_degree",
    "category_twice",
    "cyclic_five",
)
TRIED = [
    *((name, "") for name in OFTEN),
    ("ising_3x3", "slope"),
    ("spin_glass", "neighbours"),
    ("boltzmann_machine", "fields"),
    ("potts", "fields"),
    ("potts", "neighbours"),
]


MOVES = [(n, low) for n in MODELS for low in ("", *LOWERINGS)]


@pytest.mark.parametrize(
    ("name", "lowering"),
    [m if m in TRIED else pytest.param(*m, marks=pytest.mark.slow) for m in MOVES],
)
def test_the_move_draws_from_the_row_of_the_matrix(name: str, lowering: str):
    """Chi-square of 20 000 sweeps from one state, false alarms at a rate of 1e-6."""
    found = every_state(name)
    plan = plan_of(found.model, lowering)
    start = found.energies.size // 3
    row = sweep_matrix(found, plan)[start]
    situation = found.situation(BETA)
    state = {
        n: jnp.asarray(v[start], jnp.int32 if v.dtype.kind == "i" else jnp.float32)
        for n, v in found.states.items()
    }
    inner = tuple(() for _ in plan.blocks)
    move = jax.jit(jax.vmap(lambda key: sweep(plan, situation, Chain(key, state, inner))[0].state))
    moved = move(jax.random.split(jax.random.key(17), 20_000))
    number = np.zeros(20_000, int)
    for site, length in zip(found.sites, found.energies.shape, strict=True):
        value = np.asarray(moved[site.name]).reshape(20_000, -1)
        for place in site.places:
            assert np.array_equal(value[:, place], value[:, site.places[0]])
        digit = np.searchsorted(site.values, value[:, site.places[0]])
        number = number * length + digit
    counts = np.bincount(number, minlength=len(row)).astype(float)
    expected = 20_000 * row
    likely = expected >= 5
    seen = np.append(counts[likely], counts[~likely].sum())
    wanted = np.append(expected[likely], expected[~likely].sum())
    keep = wanted > 1e-9
    assert np.all(seen[~keep] == 0)
    statistic = float(np.sum((seen[keep] - wanted[keep]) ** 2 / np.maximum(wanted[keep], 1e-9)))
    if wanted[-1] < 5:  # the rest is a rare event of its own, not normal
        statistic = float(np.sum((counts[likely] - expected[likely]) ** 2 / expected[likely]))
    assert statistic < chi2.isf(FALSE_ALARM, max(int(likely.sum()) - 1, 1))


@pytest.mark.parametrize("name", ["ising_3x3", "boltzmann_machine", "second_degree", "potts"])
def test_a_wrong_colouring_is_caught(name: str):
    """A test of the tests: with all sites in one colour the law changes, and `verify` refuses."""
    found = every_state(name)
    plan = plan_of(found.model, "slope")
    (block,) = plan.blocks
    assert isinstance(block, GradientGibbs)
    wrong = dataclasses.replace(block, colours=np.zeros_like(block.colours))
    spoilt = dataclasses.replace(plan, blocks=(wrong,))
    matrix, pi = sweep_matrix(found, spoilt), law(found)
    assert np.abs(pi @ matrix - pi).max() > 1e-3
    verify(found.model.target, plan, found.situation())
    with pytest.raises(ebm.InternalError):
        verify(found.model.target, spoilt, found.situation())


@pytest.mark.parametrize("name", ["ising_3x3", "spin_glass", "second_degree"])
def test_tables_of_neighbours_refuse_a_wrong_colouring(name: str):
    found = every_state(name)
    (block,) = plan_of(found.model, "neighbours").blocks
    assert isinstance(block, PairedGibbs)
    way = dataclasses.replace(block.way, colours=np.zeros_like(block.colours))  # type: ignore[type-var]
    wrong = dataclasses.replace(block, way=way)
    with pytest.raises(ebm.InternalError, match="share a colour"):
        wrong.tables(found.situation())


@pytest.mark.parametrize(
    ("name", "lowering"),
    [("spin_glass", "neighbours"), ("potts", "fields"), ("potts", "neighbours")],
)
def test_a_coupling_left_out_is_caught(name: str, lowering: str):
    """Another test of the tests: without one of its sums the law changes, and `verify` refuses."""
    found = every_state(name)
    plan = plan_of(found.model, lowering)
    (block,) = plan.blocks
    form = dataclasses.replace(block.form, couplings=block.form.couplings[:0])
    fields, way = (dataclasses.replace(part, form=form) for part in (block.fields, block.way))
    wrong = dataclasses.replace(block, form=form, fields=fields, way=way)
    spoilt = dataclasses.replace(plan, blocks=(wrong,))
    matrix, pi = sweep_matrix(found, spoilt), law(found)
    assert np.abs(pi @ matrix - pi).max() > 1e-3
    with pytest.raises(ebm.InternalError):
        verify(found.model.target, spoilt, found.situation())


def test_sites_tried_together_though_they_interact_are_caught_by_the_matrix():
    found = every_state("integers")
    plan = plan_of(found.model, "trying")
    (block,) = plan.blocks
    assert isinstance(block, TryingGibbs)
    spoilt = dataclasses.replace(plan, blocks=(dataclasses.replace(block, together=True),))
    pi = law(found)
    assert np.abs(pi @ sweep_matrix(found, spoilt) - pi).max() > 1e-3


def test_sites_tried_together_though_they_interact_are_caught_by_verify():
    found = every_state("integers")
    plan = plan_of(found.model, "trying")
    (block,) = plan.blocks
    spoilt = dataclasses.replace(plan, blocks=(dataclasses.replace(block, together=True),))  # type: ignore[type-var]
    with pytest.raises(ebm.InternalError):
        verify(found.model.target, spoilt, found.situation())


@pytest.mark.parametrize("name", ["heights", "friendship", "counted"])
def test_differences_of_sites_in_one_colour_though_they_interact_are_caught(name: str):
    found = every_state(name)
    plan = plan_of(found.model)
    (block,) = plan.blocks
    assert isinstance(block, LocalGibbs)
    colours = np.where(block.colours < 0, -1, 0)
    spoilt = dataclasses.replace(plan, blocks=(dataclasses.replace(block, colours=colours),))
    pi = law(found)
    assert np.abs(pi @ sweep_matrix(found, spoilt) - pi).max() > 1e-3
    with pytest.raises(ebm.InternalError):
        verify(found.model.target, spoilt, found.situation())


def test_a_wrong_colouring_is_caught_by_verify_at_parameters_that_are_zero():
    found = every_state("boltzmann_machine")
    plan = plan_of(found.model, "slope")
    (block,) = plan.blocks
    wrong = dataclasses.replace(block, colours=np.zeros_like(block.colours))  # type: ignore[type-var]
    spoilt = dataclasses.replace(plan, blocks=(wrong,))
    zero = {n: 0 * v for n, v in found.params.items()}
    with pytest.raises(ebm.InternalError):
        verify(found.model.target, spoilt, found.situation()._replace(params=zero))


@pytest.mark.slow
def test_every_shipped_plan_passes_verify():
    for name in OFTEN:
        found = every_state(name)
        verify(found.model.target, plan_of(found.model), found.situation())
