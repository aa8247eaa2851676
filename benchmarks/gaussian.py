"""Quadratic energies: one joint draw beside coloured Gibbs and NUTS, by effective draws a second.

    python benchmarks/gaussian.py [model …]

Each is judged by the worst effective size over some sites, the mean of all sites and the energy;
seconds are those of drawing, without compilation and warm-up. A ratio is how many times more
effective draws a second the joint draw gives. Ways take turns, and the least time counts. Four
chains, 32 bits; the factor is made anew in every run, and its time is counted.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.backend.sites import sites_of
from ebmlang.evaluation.diagnostics import effective_size
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.block import Plan
from ebmlang.samplers.gaussian import JointGaussian
from ebmlang.samplers.gibbs import GaussianGibbs
from ebmlang.samplers.plan import colours_of, make_plan
from ebmlang.samplers.settings import NUTS, Auto
from ebmlang.samplers.sweep import begin, prepared, sweeps

LATTICE = (
    "dim row cyclic, col cyclic visible x : real[row, col] "
    "energy = 2.1 * sum(x^2) - sum(i, j) x[i, j] * (x[i+1, j] + x[i, j+1])"
)
CHAIN = (
    "dim site visible x : real[site] "
    "energy = 0.05 * sum(x^2) + sum(i in 0..site-1) (x[i+1] - x[i])^2 / 2"
)
MODELS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "lattice_32": (LATTICE, {"row": 32, "col": 32}),
    "lattice_64": (LATTICE, {"row": 64, "col": 64}),
    "chain_10000": (CHAIN, {"site": 10_000}),
}
DRAWS = {"joint": 2000, "coloured": 6000, "nuts": 600}
WARMUP = {"joint": 10, "coloured": 500, "nuts": 500}
WATCHED = 16
CHAINS = 4
ROUNDS = 3


def plans(model: ebm.Model) -> dict[str, Plan]:
    """The three ways of moving the one variable of a model."""
    joint = make_plan(model.target, Auto(), {})
    assert isinstance(joint.blocks[0], JointGaussian)
    symbol = model.program.unknowns["x"]
    sites = sites_of(symbol, model.world)
    colours = colours_of(model.structure.variables["x"], sites)
    single = GaussianGibbs(model.target, "x", sites, colours)
    coloured = Plan((single,), joint.choices, joint.sites)
    return {"joint": joint, "coloured": coloured, "nuts": make_plan(model.target, NUTS(), {})}


def runner(model: ebm.Model, plan: Plan, draws: int, warmup: int) -> Callable[[], Any]:
    """A compiled run of chains after warm-up: what it watches, [chain, draw, statistic]."""
    where = Situation({}, {}, jnp.asarray(1.0))
    sites = model.world.shape(model.program.unknowns["x"])
    picks = np.random.default_rng(0).choice(int(np.prod(sites)), WATCHED, replace=False)

    def watched(state: Any) -> Any:
        x = state["x"].reshape(-1)
        energy = model.target.energy({}, state, {})
        return jnp.concatenate([x[picks], jnp.stack([x.mean(), energy])])

    def drawn(chain: Any) -> Any:
        ready = prepared(plan, where)

        def one(chain: Any, _: None) -> Any:
            chain, _report = sweeps(plan, ready, chain, 1)
            return chain, watched(chain.state)

        return jax.lax.scan(one, chain, length=draws)

    def warm(key: Any) -> Any:
        state = random_state(model.target, key)
        chain = begin(plan, key, where, state, warmup)
        return sweeps(plan, where, chain, warmup)[0]

    chain = jax.jit(jax.vmap(warm))(jax.random.split(jax.random.key(1), CHAINS))
    compiled = jax.jit(jax.vmap(drawn)).lower(chain).compile()
    return lambda: jax.block_until_ready(compiled(chain)[1])


def timed(run: Callable[[], Any]) -> float:
    """Seconds of one run."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main(names: list[str]) -> None:
    """Print one line for each model and way."""
    print(f"{'model':12} {'way':10} {'draws/s':>10} {'ESS/draw':>10} {'ESS/s':>10} {'ratio':>8}")
    for name in names or list(MODELS):
        text, sizes = MODELS[name]
        model = ebm.loads(text, **sizes)
        made = plans(model)
        print(f"{name}: {made['joint'].choices[0].reason}")
        runs = {way: runner(model, plan, DRAWS[way], WARMUP[way]) for way, plan in made.items()}
        each = {
            w: float(np.min(effective_size(run()))) / CHAINS / DRAWS[w] for w, run in runs.items()
        }
        rounds = [{way: timed(run) for way, run in runs.items()} for _ in range(ROUNDS)]
        rate = {w: CHAINS * DRAWS[w] / min(r[w] for r in rounds) for w in runs}
        for way in runs:
            speed, best = rate[way] * each[way], rate["joint"] * each["joint"]
            numbers = f"{rate[way]:10.0f} {each[way]:10.4f} {speed:10.1f} {best / speed:8.1f}"
            print(f"{name:12} {way:10} {numbers}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
