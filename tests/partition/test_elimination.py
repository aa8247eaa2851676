"""Sums along a front of sites: the graph misses no interaction, and the answers are exact."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from energy.random_programs import random_program
from hypothesis import given, settings
from hypothesis import strategies as some

import ebmlang as ebm
from conftest import shared_data
from ebmlang.analysis.adjacency import SiteGraph, site_graph
from ebmlang.analysis.fronts import followed, fronts_of
from ebmlang.analysis.joint import Entries
from ebmlang.partition.choosing import ways_of
from ebmlang.partition.elimination import Elimination, plan_elimination
from ebmlang.partition.exact import ExactAnswer, exact
from ebmlang.samplers.plan import entries_of
from ebmlang.samplers.run import clamped
from ebmlang.syntax.diagnostics import InternalError

TORUS = """dim row cyclic, col cyclic
visible s : spin[row, col]
param J : real
energy = -J * (sum(i in row, j in col) s[i, j] * s[i + 1, j])
         - J * (sum(i in row, j in col) s[i, j] * s[i, j + 1])"""


def by(way: str, model: ebm.Model, params: Any, **more: Any) -> ExactAnswer:
    """The exact answer by one way, whatever is cheaper."""
    held = clamped(model, more.get("clamp"))
    ways = ways_of(model, held)
    kept = tuple(w for w in ways.ways if w.name == way)
    assert kept, f"no way {way} among {[w.name for w in ways.ways]}"
    model._made[("ways", held.signature)] = dataclasses.replace(ways, ways=kept)
    try:
        return exact(model, params, **more)
    finally:
        model._made[("ways", held.signature)] = ways


def same(a: ExactAnswer, b: ExactAnswer, within: float = 1e-9) -> None:
    """Two answers are one, with their gradients."""
    assert a.log_z == pytest.approx(b.log_z, abs=within, rel=within)
    assert a.gradient is not None
    assert b.gradient is not None
    for name, slope in a.gradient.items():
        np.testing.assert_allclose(slope, b.gradient[name], atol=within * 100)


def both_ways(seed: int) -> bool:
    """Whether a random program has two ways that could be compared; they agree."""
    program = random_program(seed, discrete=True, depth=2)
    model = ebm.loads(program.text, g=np.array([[1, 0], [1, 2]]))
    names = [way.name for way in ways_of(model, clamped(model, None)).ways]
    listed = by("listing", model, program.params, gradient=True)
    assert listed.gradient is not None
    largest = max(np.abs(slope).max(initial=0) for slope in listed.gradient.values())
    if "elimination" not in names or max(abs(listed.log_z), largest) > 1e6:
        return False
    same(by("elimination", model, program.params, gradient=True), listed, 1e-8)
    return True


@pytest.mark.parametrize("seed", [11])
def test_random_programs_sum_alike_along_a_front_and_by_listing(seed: int):
    assert both_ways(seed)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=some.integers(0, 10_000))
def test_many_random_programs_sum_alike_along_a_front_and_by_listing(seed: int):
    both_ways(seed)


def mixed_differences(model: ebm.Model, params: Any, graph: SiteGraph, states: Any) -> Any:
    """For each pair of sites the largest |E(a, b) - E(a', b) - E(a, b') + E(a', b')| that is seen."""
    values = {"s": (-1, 1), "t": (0, 1), "d": (0, 1), "c": (0, 1, 2)}
    sites = [(n, k) for n, own in graph.entries.items() for k in own.free]

    def put(state: Any, site: tuple[str, int], value: float) -> Any:
        name, k = site
        array = np.array(state[name], float)
        array.reshape(-1)[k] = value
        if name == "d":
            array = np.triu(array, 1) + np.triu(array, 1).T
        return {**state, name: array}

    found = {}
    for a in range(len(sites)):
        for b in range(a + 1, len(sites)):
            rows = []
            for state in states:
                for x in values[sites[a][0]][1:]:
                    for y in values[sites[b][0]][1:]:
                        for p in (values[sites[a][0]][0], x):
                            for q in (values[sites[b][0]][0], y):
                                rows.append(put(put(state, sites[a], p), sites[b], q))
            batch = {n: np.stack([r[n] for r in rows]) for n in rows[0]}
            energy = np.asarray(model.energy(params, batch), float).reshape(-1, 4)
            found[a, b] = np.abs(energy @ [1, -1, -1, 1]).max()
    return found


@pytest.mark.parametrize("seed", [1, 3, pytest.param(7, marks=pytest.mark.slow)])
def test_sites_without_an_edge_have_no_mixed_difference(seed: int):
    program = random_program(seed, discrete=True, depth=2)
    model = ebm.loads(program.text, g=np.array([[1, 0], [1, 2]]))
    free = {n: e for n, e in entries_of(model.target, {}).items() if len(e.free)}
    graph = site_graph(model.structure, model.program, free)
    assert graph is not None
    pairs = {tuple(p) for p in graph.pairs.tolist()}
    rng = np.random.default_rng(0)
    states = [program.state(rng) for _ in range(6)]
    seen = mixed_differences(model, program.params, graph, states)
    scale = 1 + np.abs(np.asarray(model.energy(program.params, states[0])))
    assert {pair for pair, gap in seen.items() if gap > 1e-4 * scale} <= pairs


def test_a_missing_edge_is_noticed():
    model = ebm.loads(TORUS, row=3, col=3)
    plan = plan_elimination(model, {})
    assert isinstance(plan, Elimination)
    graph = site_graph(model.structure, model.program, entries_of(model.target, {}))
    assert graph is not None
    less = SiteGraph(graph.entries, graph.starts, graph.pairs[1:])
    broken = Elimination(plan.summation, fronts_of(less, np.full(9, 2))[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ebmlang.partition.choosing.plan_elimination", lambda *_: broken)
        with pytest.raises(InternalError, match="an interaction was overlooked"):
            by("elimination", model, {"J": 0.4})


def test_the_front_of_a_lattice_is_its_shorter_side():
    numbers = np.arange(7 * 30).reshape(7, 30)
    down, right = (numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])
    pairs = np.concatenate([np.stack(ends, -1).reshape(-1, 2) for ends in (down, right)])
    own = {"s": Entries(np.arange(210), (7, 30))}
    fronts = fronts_of(SiteGraph(own, {"s": 0}, pairs), np.full(210, 2))
    assert min(front.width for front in fronts) == 7
    by_row = followed(SiteGraph(own, {"s": 0}, pairs).neighbours, np.full(210, 2), range(210))
    assert by_row is not None
    assert by_row.width == 30


@pytest.mark.parametrize("side", [3, 4, 6, 10, pytest.param(12, marks=pytest.mark.slow)])
def test_the_log_z_of_ising_tori(side: int):
    stored = json.loads((shared_data() / "truth" / "ising_exact.json").read_text())["values"]
    model = ebm.loads(TORUS, row=side, col=side)
    for beta in ("0.1", "beta_c", "1.0") if side < 8 else ("beta_c",):
        wanted = stored[f"L={side},beta={beta}"]
        inverse = 0.44068679350977151 if beta == "beta_c" else float(beta)
        found = exact(model, {"J": 1.0}, beta=inverse, gradient=side < 8)
        assert found.log_z == pytest.approx(float(wanted["logZ"]), rel=1e-11)
        if found.gradient is not None:
            np.testing.assert_allclose(found.gradient["J"], float(wanted["U"]), rtol=1e-10)


def test_a_glass_on_an_open_lattice_at_three_temperatures():
    cases = json.loads((shared_data() / "truth" / "exact_discrete.json").read_text())
    text = """dim row, col
    visible s : spin[row, col] param Jh : real[row, col] param Jv : real[row, col]
    param h : real[row, col]
    energy = -sum(i in row, j in col, j + 1 < col) Jh[i, j] * s[i, j] * s[i, j + 1]
             - sum(i in row, j in col, i + 1 < row) Jv[i, j] * s[i, j] * s[i + 1, j]
             - sum(i in row, j in col) h[i, j] * s[i, j]"""
    model = ebm.loads(text, row=10, col=10)
    for beta in ("0.5", "1.0", "2.0"):
        case = cases[f"grid10_glass_beta{beta}"]
        params = {
            "Jh": np.pad(np.array(case["Jh"]), ((0, 0), (0, 1))),
            "Jv": np.pad(np.array(case["Jv"]), ((0, 1), (0, 0))),
            "h": np.array(case["h"]),
        }
        found = exact(model, params, beta=float(beta), gradient=True)
        assert found.log_z == pytest.approx(case["logZ"], rel=1e-10)
        assert found.gradient is not None
        np.testing.assert_allclose(-found.gradient["h"], np.array(case["mean"]), atol=1e-9)
        assert "eliminated" in found.how


def test_a_long_chain_of_categories_equals_a_product_of_matrices():
    model = ebm.loads(
        "dim n, q visible c : category(q)[n] param J : real[q, q] param h : real[n, q] "
        "energy = -sum(i in n, i + 1 < n) J[c[i], c[i + 1]] - sum(i) h[i, c[i]]",
        n=200,
        q=4,
    )
    rng = np.random.default_rng(0)
    J, h = rng.normal(size=(4, 4)), rng.normal(size=(200, 4))
    total, row = 0.0, np.exp(h[0])
    for k in range(1, 200):
        row = row @ np.exp(J) * np.exp(h[k])
        total += np.log(row.sum())
        row /= row.sum()
    found = ebm.log_partition(model, {"J": J, "h": h}, "exact")
    assert found.value == pytest.approx(total, rel=1e-11)
    assert "front of 1 site" in found.method


def test_a_periodic_strip_equals_the_trace_of_its_transfer_matrix():
    model = ebm.loads(TORUS, row=4, col=100)
    spins = 2.0 * ((np.arange(16)[:, None] >> np.arange(4)) & 1) - 1
    inside = (spins * np.roll(spins, 1, axis=1)).sum(axis=1)
    matrix = np.exp(0.4 * (spins @ spins.T + (inside[:, None] + inside[None]) / 2))
    values = np.linalg.eigvalsh(matrix)
    wanted = 100 * np.log(values[-1]) + np.log(((values / values[-1]) ** 100).sum())
    found = ebm.log_partition(model, {"J": 0.4}, "exact")
    assert found.value == pytest.approx(wanted, rel=1e-11)


def test_a_tree_sums_leaf_by_leaf():
    edges = np.array([[k, (k - 1) // 2] for k in range(1, 127)])
    model = ebm.loads(
        "dim n graph tree on n visible s : spin[n] param J : real[tree] "
        "energy = -sum((i, j) in tree) J[i, j] * s[i] * s[j]",
        n=127,
        tree=edges,
    )
    J = np.random.default_rng(0).normal(size=126)
    found = exact(model, {"J": J}, gradient=True)
    assert found.log_z == pytest.approx(127 * np.log(2) + np.log(np.cosh(J)).sum(), rel=1e-11)
    assert found.gradient is not None
    np.testing.assert_allclose(found.gradient["J"], -np.tanh(J), atol=1e-10)


def test_interactions_of_many_sites_of_several_kinds():
    model = ebm.loads(
        "dim n = 8, q = 3 visible s : spin[n] visible c : category(q)[n] visible k : integer<0, 2>[n] "
        "param a : real param T : real[q] "
        "energy = a * (sum(i in n, i + 2 < n) s[i] * s[i + 1] * s[i + 2]) "
        "+ (sum(i in n, i + 1 < n) s[i] * T[c[i]] * tanh(k[i] * k[i + 1] - 1)) + (sum(i) k[i] * T[c[i]])"
    )
    params = {"a": 0.7, "T": np.array([0.3, -0.5, 1.1])}
    clamp = {"c": (np.zeros(8), np.arange(8) > 2), "k": (np.ones(8), np.arange(8) > 3)}
    same(
        by("elimination", model, params, gradient=True, clamp=clamp, beta=0.8),
        by("listing", model, params, gradient=True, clamp=clamp, beta=0.8),
    )
    assert "eliminated" in ebm.log_partition(model, params, "exact").method


def test_real_unknowns_are_integrated_before_the_sites_they_join_are_summed():
    model = ebm.loads(
        "dim n visible s : spin[n] visible x : real[n] param a : real "
        "energy = sum(x ^ 2) - a * (sum(i in n, i + 1 < n) x[i] * (s[i] + s[i + 1]))",
        n=9,
    )
    same(
        by("elimination", model, {"a": 0.9}, gradient=True),
        by("listing", model, {"a": 0.9}, gradient=True),
    )
    long = ebm.loads(
        "dim n visible s : spin[n] visible x : real[n] param a : real "
        "energy = sum(x ^ 2) - a * (sum(i in n, i + 1 < n) x[i] * (s[i] + s[i + 1]))",
        n=60,
    )
    # Given s, each x but the last gives a^2 (s + s')^2 / 4 = a^2 (1 + s s') / 2.
    wanted = 30 * np.log(np.pi) + 60 * np.log(2) + 59 * (0.405 + np.log(np.cosh(0.405)))
    assert ebm.log_partition(long, {"a": 0.9}, "exact").value == pytest.approx(wanted, rel=1e-10)


def test_memory_is_bought_with_time():
    """Messages kept a stretch at a time give the same marginals."""
    model = ebm.loads(TORUS, row=4, col=5)
    plan = plan_elimination(model, {})
    assert isinstance(plan, Elimination)
    rng = np.random.default_rng(0)
    sizes = [int(plan.front.states(k, later)) for k, later in enumerate(plan.front.later)]
    tables = [rng.normal(size=n) for n in sizes]
    total, whole = plan.steps.marginals(tables, len(sizes))
    for length in (1, 3, 7):
        again, parts = plan.steps.marginals(tables, length)
        assert again == pytest.approx(total)
        for a, b in zip(whole, parts, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-13)


def test_a_lattice_too_wide_is_refused_with_every_way_and_its_cost():
    model = ebm.loads(TORUS, row=40, col=40)
    with pytest.raises(ebm.EbmError, match=r'E705[\s\S]*years[\s\S]*elimination[\s\S]*"ais"'):
        ebm.log_partition(model, {"J": 0.4}, "exact")
