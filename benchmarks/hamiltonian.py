"""NUTS beside NumPyro and BlackJAX on eight schools: effective draws a second, warm-up counted.

    pip install -e '.[peers]'
    python benchmarks/hamiltonian.py

Eight schools (Rubin 1981), not centred, four chains of 2000 draws after 1000 of warm-up. Compilation is
apart. The work of a run is its effective draws (bulk, of the worst number), so that a round is as noisy
as they are: the ratio is the median over pairs. Of NumPyro only its compiled loop is on the clock.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import arviz
import jax
import jax.numpy as jnp
import numpy as np
import posteriors
from pairs import Result, Run, beside, compiled, run_cases

import ebmlang as ebm

PROGRAM = Path(__file__).parent.parent / "examples" / "posteriors" / "eight_schools_noncentred.ebm"
Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SIGMA = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
DRAWS, WARMUP, CHAINS = posteriors.DRAWS, posteriors.WARMUP, posteriors.CHAINS
NAMES, PAIRS = ("mu", "tau", "theta"), 15


def effective(found: dict[str, Any]) -> float:
    """Bulk effective draws of the worst number of arrays [chain, draw, ...]."""
    sizes = arviz.ess(arviz.from_dict({n: np.asarray(v, float) for n, v in found.items()}))
    return min(float(sizes[n].min()) for n in found)


def ours(sampler: str) -> Run:
    """`ebm.sample`, from the call to the draws."""
    model = ebm.load(PROGRAM, sigma=SIGMA)
    settings: dict[str, Any] = {"draws": DRAWS, "warmup": WARMUP, "chains": CHAINS}

    def go(turn: int) -> Any:
        return ebm.sample(
            model, {}, clamp={"y": Y}, sampler=sampler, seed=turn, progress=False, **settings
        )

    return compiled(go, lambda found: effective({n: found[n] for n in NAMES}))


def by_numpyro() -> Run:
    """NumPyro's kernel over the density written by hand, warm-up and draws one compiled loop."""
    run = posteriors.theirs("eight_schools_noncentred", {"y": Y, "sigma": SIGMA})
    return Run(run, lambda x: effective({n: x[0][n] for n in NAMES}), seconds=lambda x: float(x[2]))


def by_blackjax() -> Run:
    """BlackJAX's NUTS after its window adaptation, chains vectorised, one compiled program."""
    import blackjax

    def log_density(x: Any) -> Any:
        tau = jnp.exp(x["log_tau"])
        theta = x["mu"] + tau * x["z"]
        prior = -(x["mu"] ** 2) / 50 - jnp.sum(x["z"] ** 2) / 2 - jnp.log1p((tau / 5) ** 2)
        return prior + x["log_tau"] - jnp.sum(((Y - theta) / SIGMA) ** 2) / 2

    adaptation = blackjax.window_adaptation(blackjax.nuts, log_density)

    def one(key: Any) -> Any:
        first, second, third = jax.random.split(key, 3)
        at = jax.random.uniform(first, (10,), minval=-2.0, maxval=2.0)
        start = {"mu": at[0], "log_tau": at[1], "z": at[2:]}
        (state, parameters), _ = adaptation.run(second, start, num_steps=WARMUP)
        kernel = blackjax.nuts(log_density, **parameters)

        def step(state: Any, key: Any) -> Any:
            state, _ = kernel.step(key, state)
            return state, state.position

        return jax.lax.scan(step, state, jax.random.split(third, DRAWS))[1]

    program = jax.jit(jax.vmap(one))

    def go(turn: int) -> Any:
        return jax.block_until_ready(program(jax.random.split(jax.random.key(turn), CHAINS)))

    def work(x: Any) -> float:
        tau = jnp.exp(x["log_tau"])
        theta = x["mu"][..., None] + tau[..., None] * x["z"]
        return effective({"mu": x["mu"], "tau": tau, "theta": theta})

    return Run(go, work)


def schools() -> list[Result]:
    mine = ours("nuts")
    found = []
    peers: list[tuple[str, Callable[[], Run], float | None]] = [
        ("NumPyro", by_numpyro, 0.95),
        ("BlackJAX", by_blackjax, None),
    ]
    for peer, make, goal in peers:
        found += beside("eight schools, NUTS", "effective draw", mine, peer, make, goal, PAIRS)
    return found


CASES = {f.__name__: f for f in (schools,)}


if __name__ == "__main__":
    run_cases(CASES, sys.argv[1:])
