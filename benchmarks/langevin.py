"""Langevin beside its peers in one run: chain steps a second on a neural energy, as ratios.

    python benchmarks/langevin.py [case …]        torchebm is a peer: pip install torch torchebm

The energy is a network 2-128-128-1 over the plane, with 256 chains, in 32 bits. Ours and a peer run
in turn, A B A B …, so that a busy machine slows both alike; the clock stops when the work is done, and
nothing compiles on it. The ratio is the median over pairs.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ebmlang as ebm
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.run import situation_of
from ebmlang.samplers.settings import Sampler
from ebmlang.samplers.sweep import begin, prepared, sweeps

EXAMPLES = Path(__file__).parent.parent / "examples"
CHAINS, STEPS, PAIRS, STEP = 256, 1000, 9, 0.01
SIZES = (2, 128, 128, 1)


@dataclass(frozen=True)
class Run:
    """A run of so many steps of every chain."""

    go: Callable[[], Any]
    steps: int = STEPS


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

    compiled = jax.jit(many)
    return Run(lambda: jax.block_until_ready(compiled(situation, start)), steps)


def drawn() -> Run:
    """The whole of `ebm.sample`, every hundredth step kept, from the call to the draws."""
    model = ebm.load(EXAMPLES / "rings.ebm")
    params = model.init(0)
    walk: dict[str, Any] = {"sampler": ebm.Langevin(STEP, steps=100), "draws": STEPS // 100}
    settings: dict[str, Any] = {"chains": CHAINS, "warmup": 0, "progress": False}
    return Run(lambda: ebm.sample(model, params, **walk, **settings))


def by_hand() -> Run:
    """The same walk as a JAX user would write it: one scan, one key a step."""
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

    def walk(weights: Any, x: Any, key: Any) -> Any:
        def step(x: Any, key: Any) -> Any:
            noise = jax.random.normal(key, x.shape)
            return x - 0.5 * STEP * jax.grad(energy, 1)(weights, x) + STEP**0.5 * noise, None

        return jax.lax.scan(step, x, jax.random.split(key, STEPS))[0]

    run = jax.jit(walk)
    start = jax.random.normal(jax.random.key(0), (CHAINS, SIZES[0]))
    return Run(lambda: jax.block_until_ready(run(weights, start, jax.random.key(1))))


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
    run = Run(lambda: sampler.sample(x=start, n_steps=steps), steps)
    # On a busy machine its threads wait for each other; it runs with as many as suit it best.
    took = {}
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        took[threads] = seconds(run)
    torch.set_num_threads(min(took, key=lambda threads: took[threads]))
    return run


def seconds(run: Run) -> float:
    """Seconds of a run after one that is not counted, in which the other's threads stop spinning."""
    run.go()
    begun = time.perf_counter()
    run.go()
    return time.perf_counter() - begun


def beside(name: str, mine: Run, peer: str, make: Callable[[], Run], goal: float | None) -> None:
    """Time both in turn and print the ratio of chain steps a second."""
    try:
        other = make()
        other.go()
    except ImportError as error:
        print(f"{name:>20}  {peer:<22} not installed: {error.name}", flush=True)
        return
    mine.go()
    times = np.array([[seconds(mine), seconds(other)] for _ in range(PAIRS)])
    rates = CHAINS * np.array([mine.steps, other.steps]) / times / 1e3
    ratio = float(np.median(rates[:, 0] / rates[:, 1]))
    own, theirs = np.median(rates, axis=0)
    wanted = "" if goal is None else f"goal {goal:g}: {'met' if ratio >= goal else 'MISSED'}"
    print(f"{name:>20}  {peer:<22} {ratio:8.3g}   ours {own:8.3g} k/s   theirs {theirs:8.3g} k/s   "
          f"{wanted}", flush=True)  # fmt: skip


def long_sweeps() -> None:
    mine = ours(ebm.Langevin(STEP, steps=100), STEPS // 100)
    beside("100 steps a sweep", mine, "JAX by hand", by_hand, 0.95)
    beside("100 steps a sweep", mine, "torchebm", torchebm, None)


def short_sweeps() -> None:
    beside("1 step a sweep", ours(ebm.Langevin(STEP), STEPS), "JAX by hand", by_hand, 0.95)


def sample() -> None:
    mine = drawn()
    beside("ebm.sample", mine, "JAX by hand", by_hand, 0.95)
    beside("ebm.sample", mine, "torchebm", torchebm, 3)


def others() -> None:
    for name, sampler, number in (
        ("underdamped", ebm.Underdamped(0.1, steps=10), STEPS // 10),
        ("annealed", ebm.Annealed(STEP, steps=10), STEPS // 10),
        ("mala", ebm.MALA(), STEPS),
        ("mala, no scales", ebm.MALA(preconditioned=False), STEPS),
    ):
        beside(name, ours(sampler, number), "JAX by hand, langevin", by_hand, None)


CASES = {f.__name__: f for f in (long_sweeps, short_sweeps, sample, others)}


def main() -> None:
    print(f"{'case':>20}  {'beside':<22} {'ratio':>8}")
    for name in sys.argv[1:] or list(CASES):
        CASES[name]()


if __name__ == "__main__":
    main()
