"""Langevin beside its peers in one run: chain steps a second on a neural energy, as ratios.

    python benchmarks/langevin.py [case …]        torchebm is a peer: pip install torch torchebm

The energy is a network 2-128-128-1 over the plane, with 256 chains, in 32 bits. Ours and a peer run
in turn, A B A B …, so that a busy machine slows both alike; the clock stops when the work is done, and
nothing compiles on it. The ratio is the median over pairs.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pairs import Result, Run, beside, compiled, run_cases

import ebmlang as ebm
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.run import situation_of
from ebmlang.samplers.settings import Sampler
from ebmlang.samplers.sweep import begin, prepared, sweeps

EXAMPLES = Path(__file__).parent.parent / "examples"
CHAINS, STEPS, PAIRS, STEP = 256, 1000, 9, 0.01
SIZES = (2, 128, 128, 1)
Found = list[Result]


def ours(sampler: Sampler, number: int, steps: int = STEPS) -> Run:
    """A compiled run of so many sweeps from random states."""
    model = ebm.load(EXAMPLES / "rings.ebm")
    params = model.init(0)
    plan = make_plan(model.target, sampler, {})
    situation = situation_of(model, params, None, 1.0)
    keys = jax.random.split(jax.random.key(0), CHAINS)
    states = jax.vmap(lambda key: random_state(model.target, key))(keys)
    start = jax.vmap(lambda k, s: begin(plan, k, situation, s, 0))(keys, states)

    def many(situation: Any, chain: Any) -> Any:
        ready = prepared(plan, situation)
        return jax.vmap(lambda c: sweeps(plan, ready, c, number)[0])(chain)

    jitted = jax.jit(many)
    return compiled(lambda _: jax.block_until_ready(jitted(situation, start)), CHAINS * steps)


def drawn(sampler: Sampler, thin: int = 1) -> Run:
    """The whole of `ebm.sample`, every hundredth step kept, from the call to the draws."""
    model = ebm.load(EXAMPLES / "rings.ebm")
    params = model.init(0)
    walk: dict[str, Any] = {"sampler": sampler, "draws": STEPS // 100, "thin": thin}
    settings: dict[str, Any] = {"chains": CHAINS, "warmup": 0, "progress": False}
    return compiled(lambda _: ebm.sample(model, params, **walk, **settings), CHAINS * STEPS)


def network() -> tuple[Callable[[Any, Any], Any], Any]:
    """The energy of any number of points, and its weights."""
    rng = np.random.default_rng(0)
    weights = [
        (jnp.asarray(rng.normal(size=(a, b)) / a**0.5, jnp.float32), jnp.zeros(b, jnp.float32))
        for a, b in pairwise(SIZES)
    ]

    def energy(weights: Any, x: Any) -> Any:
        h = x
        for matrix, bias in weights[:-1]:
            h = jax.nn.silu(h @ matrix + bias)
        matrix, bias = weights[-1]
        return jnp.sum(h @ matrix + bias) + jnp.sum(x**2) / 32

    return energy, weights


def by_hand() -> Run:
    """The same walk as a JAX user would write it: one scan, one key a step."""
    energy, weights = network()

    def walk(weights: Any, x: Any, key: Any) -> Any:
        def step(x: Any, key: Any) -> Any:
            noise = jax.random.normal(key, x.shape)
            return x - 0.5 * STEP * jax.grad(energy, 1)(weights, x) + STEP**0.5 * noise, None

        return jax.lax.scan(step, x, jax.random.split(key, STEPS))[0]

    run = jax.jit(walk)
    start = jax.random.normal(jax.random.key(0), (CHAINS, SIZES[0]))
    key = jax.random.key(1)
    return Run(lambda _: jax.block_until_ready(run(weights, start, key)), CHAINS * STEPS)


def torchebm() -> Run:
    """torchebm's LangevinDynamics on PyTorch's CPU backend, on a network of the same sizes."""
    import torch
    from torch import nn
    from torchebm.core import BaseModel
    from torchebm.samplers import LangevinDynamics

    class Rings(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            first, second, third = (nn.Linear(a, b) for a, b in pairwise(SIZES))
            self.net = nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), third)

        def forward(self, x: Any) -> Any:
            return self.net(x).squeeze(-1) + (x**2).sum(-1) / 32

    torch.manual_seed(0)
    energy = Rings()
    for weight in energy.parameters():
        weight.requires_grad_(False)
    # Its step is eta of x - eta dE/dx + sqrt(2 eta) noise: half of alpha.
    sampler = LangevinDynamics(energy, step_size=STEP / 2, noise_scale=1.0, device="cpu")
    start, steps = torch.randn(CHAINS, SIZES[0]), STEPS // 10
    run = Run(lambda _: sampler.sample(x=start, n_steps=steps), CHAINS * steps)
    # On a busy machine its threads wait for each other; it runs with as many as suit it best.
    took = {}
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        took[threads] = run.rate(0)
    torch.set_num_threads(max(took, key=lambda threads: took[threads]))
    return run


def blackjax_mala() -> Run:
    """BlackJAX's MALA on the same energy, its chains vectorised, its steps one compiled scan."""
    import blackjax

    energy, weights = network()
    # Its step is eta of x - eta dE/dx + sqrt(2 eta) noise: half of alpha.
    kernel = blackjax.mala(lambda x: -energy(weights, x), STEP / 2)

    @jax.jit
    def walk(states: Any, key: Any) -> Any:
        def step(states: Any, key: Any) -> Any:
            moved, _ = jax.vmap(kernel.step)(jax.random.split(key, CHAINS), states)
            return moved, None

        return jax.lax.scan(step, states, jax.random.split(key, STEPS))[0]

    first = jax.random.normal(jax.random.key(0), (CHAINS, SIZES[0]))
    start = jax.vmap(kernel.init)(first)
    return Run(lambda _: jax.block_until_ready(walk(start, jax.random.key(1))), CHAINS * STEPS)


def against(case: str, mine: Run, peer: str, make: Callable[[], Run], goal: float | None) -> Found:
    """Chain steps a second of ours beside a peer's."""
    return beside(case, "chain step", mine, peer, make, goal, PAIRS)


def long_sweeps() -> Found:
    mine = ours(ebm.Langevin(STEP, steps=100), STEPS // 100)
    found = against("one program, 100 steps", mine, "JAX by hand", by_hand, 0.95)
    return found + against("one program, 100 steps", mine, "torchebm", torchebm, None)


def short_sweeps() -> Found:
    mine = ours(ebm.Langevin(STEP), STEPS)
    return against("one program, 1 step", mine, "JAX by hand", by_hand, 0.95)


def sample() -> Found:
    mine = drawn(ebm.Langevin(STEP, steps=100))
    found = against("ebm.sample, Langevin", mine, "JAX by hand", by_hand, 0.95)
    return found + against("ebm.sample, Langevin", mine, "torchebm", torchebm, 3)


def mala() -> Found:
    mine = drawn(ebm.MALA(step_size=STEP, preconditioned=False), thin=100)
    return against("ebm.sample, MALA", mine, "BlackJAX", blackjax_mala, None)


def others() -> Found:
    found = []
    for name, sampler, number in (
        ("underdamped", ebm.Underdamped(0.1, steps=10), STEPS // 10),
        ("annealed", ebm.Annealed(STEP, steps=10), STEPS // 10),
        ("mala", ebm.MALA(), STEPS),
        ("mala, no scales", ebm.MALA(preconditioned=False), STEPS),
    ):
        found += against(name, ours(sampler, number), "JAX by hand, langevin", by_hand, None)
    return found


CASES = {f.__name__: f for f in (long_sweeps, short_sweeps, sample, mala, others)}


if __name__ == "__main__":
    run_cases(CASES, sys.argv[1:])
