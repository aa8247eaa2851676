"""Gibbs beside its peers in one run: site updates a second, as ratios; compile time apart.

    python benchmarks/gibbs.py [case …]        the extra `peers` installs the others: pip install -e '.[peers]'

Ours and a peer run in turn, A B A B …, so that a busy machine slows both alike; the clock stops when
the work is done. The ratio is the median over pairs: 3 means that ebmlang does three times as many
updates a second. Where a goal is set it stands beside.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import peers
from pairs import Result, Run, beside, compiled, run_cases

import ebmlang as ebm
from ebmlang.analysis.colouring import colour
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.run import situation_of
from ebmlang.samplers.settings import Gibbs
from ebmlang.samplers.sweep import begin, prepared, sweeps

EXAMPLES = Path(__file__).parent.parent / "examples"
CRITICAL = 0.4406867935097715


def ours(model: ebm.Model, params: Any, chains: int, number: int) -> Run:
    """A compiled run of so many sweeps from random states."""
    plan = make_plan(model.target, Gibbs(), {})
    situation = situation_of(model, params, None, 1.0)
    keys = jax.random.split(jax.random.key(0), chains)
    states = jax.vmap(lambda key: random_state(model.target, key))(keys)
    start = jax.vmap(lambda k, s: begin(plan, k, situation, s, 0))(keys, states)

    def many(situation: Any, chain: Any) -> Any:
        ready = prepared(plan, situation)
        return jax.vmap(lambda c: sweeps(plan, ready, c, number)[0])(chain)

    jitted = jax.jit(many)
    sites = sum(sites.number for sites in plan.sites.values())
    return compiled(
        lambda _: jax.block_until_ready(jitted(situation, start)), sites * chains * number
    )


def against(
    case: str,
    mine: Run,
    peer: str,
    make: Callable[[], Callable[[], Any]],
    updates: float,
    goal: float | None,
) -> list[Result]:
    """Ours beside a peer's run of so many site updates."""

    def made() -> Run:
        run = make()
        return Run(lambda _: run(), updates)

    return beside(case, "update", mine, peer, made, goal)


def lattice() -> Iterator[Result]:
    side, chains, number = 128, 16, 50
    model = ebm.load(EXAMPLES / "ising.ebm", row=side, col=side)
    mine = ours(model, {"J": CRITICAL, "B": 0.0}, chains, number)
    edges = model.structure.variables["s"].edges
    assert edges is not None
    colours = colour(edges, side * side, (side, side))
    graph = (side * side, edges, colours, np.full(len(edges), CRITICAL))
    yield from against(
        "ising 128", mine, "thrml", lambda: peers.thrml(*graph, chains, number), mine.work, 3
    )
    yield from against(
        "ising 128",
        mine,
        "numba, a scalar loop",
        lambda: peers.numba_lattice(side, CRITICAL, chains, number),
        mine.work,
        0.6,
    )


def sparse() -> Iterator[Result]:
    sites, chains, number = 4096, 16, 30
    edges = np.array(nx.random_regular_graph(6, sites, seed=0).edges())
    weights = np.random.default_rng(0).normal(size=len(edges)) * 0.3
    model = ebm.load(EXAMPLES / "spin_glass.ebm", site=sites, bonds=edges)
    mine = ours(model, {"J": weights}, chains, number)
    colours = colour(np.sort(edges, axis=1), sites, ())
    yield from against(
        "6-regular",
        mine,
        "thrml",
        lambda: peers.thrml(sites, edges, colours, weights, chains, number),
        mine.work,
        3,
    )


def dense() -> Iterator[Result]:
    sites, chains = 256, 64
    half = np.triu(np.random.default_rng(0).normal(size=(sites, sites)) / 16, 1)
    text = (
        "dim n visible s : spin[n] param J : real[n, n] symmetric hollow "
        "energy = -sum(i < j) J[i, j] * s[i] * s[j]"
    )
    mine = ours(ebm.loads(text, n=sites), {"J": half + half.T}, chains, 50)
    yield from against(
        "glass 256",
        mine,
        "the slope of the whole energy",
        lambda: peers.slope_of_all(half + half.T, chains, 2),
        2 * sites * chains,
        20,
    )


def rbm() -> Iterator[Result]:
    chains, number = 100, 100
    model = ebm.load(EXAMPLES / "rbm.ebm", pixel=784, unit=500)
    weights = np.random.default_rng(0).normal(size=(784, 500)).astype(np.float32) * 0.1
    params = {"W": weights, "b": np.zeros(784), "c": np.zeros(500)}
    mine = ours(model, params, chains, number)
    yield from against(
        "rbm 784x500",
        mine,
        "scikit-learn",
        lambda: peers.sklearn_rbm(weights, chains, number),
        mine.work,
        2,
    )
    yield from against(
        "rbm 784x500",
        mine,
        "the bare matrix products",
        lambda: peers.bare_products(weights, chains, number),
        mine.work,
        0.8,
    )


def potts() -> Iterator[Result]:
    sites, chains, number = 53, 100, 10
    model = ebm.load(EXAMPLES / "potts_dca.ebm", site=sites)
    params = {
        "h": jnp.zeros((sites, 21)),
        "J": 0.05 * jax.random.normal(jax.random.key(0), (sites, sites, 21, 21)),
    }
    mine = ours(model, params, chains, number)
    square = np.ones((sites * 21, sites * 21))
    yield from against(
        "potts 53x21",
        mine,
        "one product of all couplings",
        lambda: peers.potts_products(square, chains, number),
        mine.work,
        None,
    )


def small() -> Iterator[Result]:
    side = 12
    model = ebm.load(EXAMPLES / "ising.ebm", row=side, col=side)
    mine = ours(model, {"J": CRITICAL, "B": 0.0}, 16, 500)
    yield from against(
        "ising 12",
        mine,
        "NumPyro's DiscreteHMCGibbs",
        lambda: peers.numpyro_ising(side, CRITICAL, 20),
        side * side * 20,
        1000,
    )


def set_up() -> list[Result]:
    """From text to the end of the first sweep, everything counted, in a process that has JAX loaded."""
    ising = (EXAMPLES / "ising.ebm").read_text(encoding="utf-8")
    glass = (EXAMPLES / "spin_glass.ebm").read_text(encoding="utf-8")
    pairs = np.random.default_rng(0).integers(0, 50_000, (130_000, 2))
    edges = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)[:100_000]
    cases = {
        "lattice 256": (ising, {"row": 256, "col": 256}),
        "100 000 edges": (glass, {"site": 50_000, "bonds": edges}),
    }
    for name, (text, bound) in cases.items():
        begun = time.perf_counter()
        model = ebm.loads(text, **bound)
        ebm.sample(model, model.init(0), draws=1, chains=1, warmup=0, progress=False)
        took = time.perf_counter() - begun
        verdict = "met" if took < 5 else "MISSED"
        print(
            f"{name:>14}  from text to first sweep     {took:9.2f} s   goal 5 s: {verdict}",
            flush=True,
        )
    return []


CASES = {f.__name__: f for f in (lattice, sparse, dense, rbm, potts, small, set_up)}


if __name__ == "__main__":
    run_cases(CASES, sys.argv[1:])
