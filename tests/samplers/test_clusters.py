"""Cluster moves: the matrix over sites and bonds, without Monte Carlo, leaves the law unchanged.

The matrix is written here from the definition, all 2^bonds patterns listed; the move must draw from
its rows. The energies alone enter it, by differences: none of the block's own tables.
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy.formulas import PROGRAMS
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2
from structure.brute import Table, table

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.samplers.clusters import ClusterBlock
from ebmlang.samplers.components import Network
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.settings import Clusters
from ebmlang.samplers.sweep import Chain, sweep
from ebmlang.samplers.verify import verify

from .test_truth import SLOW, agree, draws_of, truth

BETA = 0.8
FALSE_ALARM = 1e-6
MOVES = 20_000
PATH = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [1, 3]])
POTTS = (
    "dim n = 4 cyclic, q = 3 visible x : category(q)[n] param J : positive param h : real[n, q] "
    "energy = -J * sum(i) (x[i] == x[i+1]) - sum(i) h[i, x[i]]"
)
MODELS = {
    "ising": ("ising", {"row": 2, "col": 3}),
    "glass with a field": (
        "dim n graph g on n visible s : spin[n] param J : real[g] param h : real[n] "
        "energy = -sum((i, j) in g) J[i, j] * s[i] * s[j] - h @ s",
        {"n": 4, "g": PATH},
    ),
    "bits": (
        "dim n graph g on n visible t : binary[n] param J : real[g] param h : real[n] "
        "energy = -2 * sum((i, j) in g) J[i, j] * t[i] * t[j] - h @ t",
        {"n": 4, "g": PATH},
    ),
    "bits between": (
        "dim n = 4 visible t : binary[n] param h : real[n] param w : positive "
        "energy = w * sum(i in 0..n-1) (t[i] - t[i+1]) ^ 2 - h @ t", {}),
    "potts": (POTTS, {}),
    "potts of uneven labels": (
        "dim n = 4, q = 3 visible x : category(q)[n] param K : real[q] param h : real[n, q] "
        "energy = -sum(i in 0..n-1, a) K[a] ^ 2 * (x[i] == a) * (x[i+1] == a) - sum(i) h[i, x[i]]",
        {},
    ),
}  # fmt: skip


@cache
def every_state(name: str) -> Table:
    text, bound = MODELS[name]
    model = ebm.loads(text, **bound) if " " in text else ebm.load(PROGRAMS / f"{text}.ebm", **bound)
    rng = np.random.default_rng(8)
    params = {
        n: rng.normal(size=model.world.shape(s)) * 0.8 for n, s in model.program.params.items()
    }
    for n, symbol in model.program.params.items():
        params[n] = np.abs(params[n]) if symbol.domain.kind == "positive" else params[n]
    return table(model, params)


def block_of(found: Table, sweeps: int = 0) -> ClusterBlock:
    (block,) = make_plan(found.model.target, Clusters(sweeps), {}).blocks
    assert isinstance(block, ClusterBlock)
    return block


def law(found: Table) -> np.ndarray:
    weights = np.exp(-BETA * (found.energies - found.energies.min())).reshape(-1)
    return weights / weights.sum()


def gains(found: Table) -> dict[tuple[int, int], np.ndarray]:
    """What equal values a of two coupled sites gain, [value], from differences of energies."""
    sites, values = found.energies.ndim, found.energies.shape[0]
    sizes = {}
    for i, j in itertools.combinations(range(sites), 2):
        pair = np.moveaxis(found.energies, (i, j), (0, 1)).reshape(values, values, -1)[:, :, 0]
        # For two values the mixed difference is shared by both; for labels a third one takes part.
        if values == 2:
            both = (pair[0, 1] + pair[1, 0] - pair[0, 0] - pair[1, 1]) / 2
            gain = np.full(2, both)
        else:
            gain = np.array([_gain(pair, a) for a in range(values)])
        if np.abs(gain).max() > 1e-6:
            sizes[i, j] = gain
    return sizes


def _gain(pair: np.ndarray, a: int) -> float:
    b, c = (v for v in range(3) if v != a)
    return float(pair[a, b] + pair[c, a] - pair[a, a] - pair[c, b])


def cluster_matrix(found: Table, slip: float = 1.0) -> np.ndarray:
    """One cluster move: every pattern of bonds of every state. `slip` scales what bonds lean on."""
    shape, sizes = found.energies.shape, gains(found)
    states = np.stack(np.unravel_index(np.arange(found.energies.size), shape), axis=1)
    labels, pairs = shape[0], list(sizes)
    fields = without_pairs(found, states, sizes)
    total = np.zeros((len(states), len(states)))
    for row, x in enumerate(states):
        pulls = [_pull(sizes[p], x[p[0]], x[p[1]], labels) for p in pairs]
        chances = [1 - np.exp(-slip * BETA * max(p, 0.0)) for p in pulls]
        for pattern in itertools.product(*[(0, 1) if c > 0 else (0,) for c in chances]):
            weight = np.prod([c if b else 1 - c for c, b in zip(chances, pattern, strict=True)])
            kept = [p for p, b in zip(pairs, pattern, strict=True) if b]
            total[row] += weight * turned(x, states, kept, sizes, fields)
    return total


def _pull(gain: np.ndarray, a: int, b: int, labels: int) -> float:
    """What the pair gains by the bond: of spins that disagree, the opposite."""
    if labels == 2:
        return float(gain[a] if a == b else -gain[a])
    return float(gain[a]) if a == b else 0.0


def without_pairs(found: Table, states: np.ndarray, sizes: dict[Any, np.ndarray]) -> np.ndarray:
    """The energy of each state less its couplings, which the bonds stand for."""
    energy = found.energies.reshape(-1).copy()
    for (i, j), gain in sizes.items():
        energy += gain[states[:, i]] * (states[:, i] == states[:, j])
    return energy


def turned(
    x: np.ndarray, states: np.ndarray, kept: list[tuple[int, int]], sizes: Any, fields: np.ndarray
) -> np.ndarray:
    """The probability of every state after all clusters were drawn anew by their fields."""
    sites, labels = states.shape[1], int(states.max()) + 1
    ends = np.array(kept, int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(kept)), ends), (sites, sites))
    number, which = connected_components(graph, directed=False)
    allowed = np.ones(len(states), bool)
    for cluster in range(number):
        inside = np.flatnonzero(which == cluster)
        shift = (states[:, inside] - x[inside]) % labels
        allowed &= np.all(shift == shift[:, :1], axis=1)
    if labels > 2:  # labels of a cluster are equal, and stay so
        for i, j in kept:
            allowed &= states[:, i] == states[:, j]
    weights = np.where(allowed, np.exp(-BETA * (fields - fields.min())), 0.0)
    if labels > 2:
        for pair in kept:
            weights = weights * np.expm1(BETA * sizes[pair][states[:, pair[0]]])
    return weights / weights.sum()


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """The p-value of counts, rare cells together."""
    rare = expected < 5
    assert np.all(counts[expected < 1e-9] == 0)
    seen, wanted = counts[~rare], expected[~rare]
    if expected[rare].sum() >= 5:
        seen, wanted = np.append(seen, counts[rare].sum()), np.append(wanted, expected[rare].sum())
    statistic = float(np.sum((seen - wanted) ** 2 / wanted))
    return float(chi2.sf(statistic, max(len(seen) - 1, 1)))


def drawn(found: Table, block: ClusterBlock, start: int) -> np.ndarray:
    """How often each state follows the start in so many moves."""
    situation = found.situation(BETA)
    plan = make_plan(found.model.target, Clusters(block.sweeps), {})
    state = {n: jnp.asarray(v[start], _stored(v)) for n, v in found.states.items()}
    move = jax.jit(jax.vmap(lambda key: sweep(plan, situation, Chain(key, state, ((),)))[0].state))
    moved = np.asarray(move(jax.random.split(jax.random.key(3), MOVES))[block.name])
    number = np.zeros(MOVES, int)
    for site, length in zip(found.sites, found.energies.shape, strict=True):
        values = moved.reshape(MOVES, -1)[:, site.places[0]]
        number = number * length + np.searchsorted(site.values, values)
    return np.bincount(number, minlength=found.energies.size).astype(float)


def _stored(values: np.ndarray) -> Any:
    return jnp.int32 if values.dtype.kind == "i" else jnp.float32


@pytest.mark.parametrize("name", MODELS)
def test_a_cluster_move_leaves_the_boltzmann_distribution_unchanged(name: str):
    found = every_state(name)
    matrix, pi = cluster_matrix(found), law(found)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-9)
    np.testing.assert_allclose(pi @ matrix, pi, atol=1e-6)
    flow = pi[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_bond_of_half_the_pull_is_caught_by_the_matrix(name: str):
    """A test of the tests: 1 - exp(-beta J) where spins want 1 - exp(-2 beta J)."""
    found = every_state(name)
    pi = law(found)
    assert np.abs(pi @ cluster_matrix(found, slip=0.5) - pi).max() > 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_the_move_draws_from_the_row_of_the_matrix(name: str):
    """Chi-square of 20 000 moves from one state, false alarms at a rate of 1e-6.

    The state is where wrong bonds would show most, and there they do.
    """
    found = every_state(name)
    matrix, wrong = cluster_matrix(found), cluster_matrix(found, slip=0.5)
    start = int(np.argmax(np.abs(matrix - wrong).sum(1)))
    counts = drawn(found, block_of(found), start)
    assert chi_square(counts, MOVES * matrix[start]) > FALSE_ALARM
    assert chi_square(counts, MOVES * wrong[start]) < FALSE_ALARM


@pytest.mark.parametrize("name", ["glass with a field", "bits", "potts"])
def test_what_the_block_reads_of_the_energy_is_verified(name: str):
    found = every_state(name)
    plan = make_plan(found.model.target, Clusters(), {})
    verify(found.model.target, plan, found.situation())
    (block,) = plan.blocks
    assert isinstance(block, ClusterBlock)
    spoilt = dataclasses.replace(
        block, form=dataclasses.replace(block.form, couplings=block.form.couplings[:0])
    )
    with pytest.raises(ebm.InternalError, match="conditional"):
        verify(found.model.target, dataclasses.replace(plan, blocks=(spoilt,)), found.situation())


@pytest.mark.parametrize(
    "density", [pytest.param(0.1, marks=SLOW), 0.5, pytest.param(0.9, marks=SLOW)]
)
def test_components_are_those_of_scipy(density: float):
    """Lattices, paths in a shuffled order, stars and nothing, several chains at once."""
    rng = np.random.default_rng(4)
    side = np.arange(144).reshape(12, 12)
    lattice = np.concatenate(
        [np.stack([side, np.roll(side, -1, axis)], -1).reshape(-1, 2) for axis in (0, 1)]
    )
    order = rng.permutation(200)
    path = np.stack([order[:-1], order[1:]], 1)
    star = np.stack([np.full(60, 7), np.delete(np.arange(61), 7)], 1)
    for sites, edges in ((144, lattice), (200, path), (61, star), (5, star[:0])):
        present = rng.random((len(edges), 3)) < density
        roots = np.asarray(Network(sites, edges).roots(jnp.asarray(present)))
        for chain in range(3):
            kept = edges[present[:, chain]]
            graph = coo_matrix((np.ones(len(kept)), kept.T), (sites, sites))
            number, which = connected_components(graph, directed=False)
            assert len(np.unique(roots[:, chain])) == number
            assert len(np.unique(which * sites + roots[:, chain])) == number
            assert np.array_equal(roots[roots[:, chain], chain], roots[:, chain])


@pytest.mark.slow
def test_labels_that_repel_each_other_are_refused_and_never_sampled_wrongly():
    model = ebm.loads(POTTS.replace("positive", "real"))
    params = {"J": np.float32(-0.7), "h": np.zeros((4, 3), np.float32)}
    for wrong, beta in ((params, 1.0), (params | {"J": np.float32(0.7)}, -1.0)):
        with pytest.raises(ebm.EbmError, match=r"cost 0\.7 nats, and bonds need"):
            ebm.sample(model, wrong, sampler="clusters", beta=beta, draws=4, progress=False)
    plan = make_plan(model.target, Clusters(0), {})
    state = {"x": jnp.array([0, 1, 1, 2])}
    situation = Situation(params, {}, 1.0)
    _, report = sweep(plan, situation, Chain(jax.random.key(0), state, ((),)))
    chain, _ = sweep(plan, situation, Chain(jax.random.key(0), state, ((),)))
    assert np.array_equal(chain.state["x"], state["x"])
    assert int(report.diverged) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dim n = 4 visible s : spin[n] energy = -sum(s)", "no two sites of `s` interact"),
        ("dim n = 4 visible x : real[n] energy = sum(x ^ 2)", "of type `real`"),
        ("dim n = 3 visible s : spin[n] energy = s[0] * s[1] * s[2]", "no sum of products"),
        (
            "dim n = 3, q = 3 visible x : category(q)[n] param J : real[q, q] "
            "energy = sum(i in 0..n-1) J[x[i], x[i+1]]",
            "couples different labels of `x`",
        ),
    ],
)
def test_a_model_without_clusters_says_why(text: str, reason: str):
    model = ebm.loads(text)
    with pytest.raises(ebm.EbmError, match=reason):
        ebm.sample(model, model.init(), sampler="clusters", draws=4, progress=False)


@pytest.mark.slow
def test_other_variables_keep_their_samplers_and_their_fields_are_felt():
    """A spin field over latent bits, summed over all states."""
    model = ebm.loads(
        "dim n = 4 cyclic visible s : spin[n] latent t : binary[n] param h : real[n] "
        "energy = -0.5 * sum(i) s[i] * s[i+1] - sum(i) h[i] * s[i] * (2 * t[i] - 1.4)"
    )
    params = {"h": np.array([0.4, -0.3, 0.8, 0.2], np.float32)}
    found = table(model, params)
    weights = np.exp(-found.energies).reshape(-1)
    weights /= weights.sum()
    draws = draws_of(model, params, sampler="clusters", draws=300, warmup=20)
    agree(draws["s"], weights @ np.asarray(found.states["s"], float))
    agree(draws["t"], weights @ np.asarray(found.states["t"], float))
    agree(draws.energy, weights @ found.energies.reshape(-1))


@pytest.mark.parametrize("side", [4, pytest.param(8, marks=SLOW)])
@pytest.mark.parametrize("sweeps", [0, pytest.param(1, marks=SLOW)])
@pytest.mark.slow
def test_the_ising_model_at_its_critical_point(side: int, sweeps: int):
    exact = truth("ising_exact.json")
    row = exact["values"][f"L={side},beta=beta_c"]
    model = ebm.load(PROGRAMS / "ising.ebm", row=side, col=side)
    draws = draws_of(
        model, model.init(), sampler=Clusters(sweeps), beta=float(row["beta"]), warmup=50
    )
    agree(draws.energy, float(row["U"]))
    agree((draws.energy - float(row["U"])) ** 2 * float(row["beta"]) ** 2, float(row["C"]))
    agree(draws["magnetisation"], exact["magnetisation"][f"L={side},beta=beta_c"]["abs_m"])


ADVICE = {
    "-sum(i) s[i] * s[i+1]": "worth a try: clusters   equal neighbours lower E:",
    "-w * sum(i) s[i] * s[i+1]": "lower E, `w` being never below 0",
    "sum(i) w * (s[i] - s[i+1]) ^ 2": "lower E, `w` being never below 0",
    "-J * sum(i) s[i] * s[i+1]": "while `J` stays at 0 or above, as at the start",
    "w * sum(i) s[i] * s[i+1]": "possible: clusters   exact, but of little use",
    "-b * sum(i) s[i] * s[i+1]": "possible: clusters   exact, but of little use",
    "-w * sum(i) s[i]": None,
    "-w * s[0] * s[1] * s[2]": None,
}


@pytest.mark.parametrize("energy", ADVICE)
def test_explain_advises_clusters_where_equal_neighbours_are_proved_to_lower_the_energy(
    energy: str,
):
    text = ebm.loads(
        "dim n = 4 cyclic visible s : spin[n] param w : positive param J : real init 1 "
        f"param b : real init -1 energy = {energy} + 0 * (w + J + b)"
    ).explain()
    wanted = ADVICE[energy]
    assert (wanted is None and "clusters" not in str(text)) or (wanted and wanted in str(text))


@SLOW
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("tempered", [False, True])
def test_clusters_inside_replica_exchange_and_in_64_bits(wide: bool, tempered: bool):
    row = truth("ising_exact.json")["values"]["L=4,beta=beta_c"]
    sampler = ebm.Tempering(inner="clusters", replicas=3) if tempered else "clusters"
    with jax.enable_x64(wide):
        model = ebm.load(PROGRAMS / "ising.ebm", row=4, col=4)
        draws = draws_of(model, model.init(), sampler=sampler, beta=float(row["beta"]))
    agree(draws.energy, float(row["U"]))
