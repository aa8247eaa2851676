"""Posteriors by NUTS: ours beside the same density given to NumPyro by hand.

    python benchmarks/posteriors.py FOLDER [posterior …]

FOLDER has the data of posteriordb as one JSON file for each posterior. Judged by effective draws a
second (bulk, of the worst number), warm-up counted, compilation apart. Both have the same settings, four
vectorised chains, and take turns; effective draws and seconds are summed over the rounds. `gradient`: the
ratio of gradients a second, free of luck in adaptation. `auto`: what our own choice of sampler gives.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arviz
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.infer import NUTS

import ebmlang as ebm

PROGRAMS = Path(__file__).parent.parent / "examples" / "posteriors"
DRAWS, WARMUP, CHAINS, ROUNDS = 2000, 1000, 4, 12
FLAT = dist.ImproperUniform(constraints.real, (), ())
WIDE = dist.ImproperUniform(constraints.positive, (), ())


def ark(d: Mapping[str, Any]) -> None:
    """An autoregression of order five, its past as a matrix."""
    lag, y = 5, d["y"]
    alpha = numpyro.sample("alpha", dist.Normal(0, 10))
    beta = numpyro.sample("beta", dist.Normal(0, 10).expand([lag]))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    past = jnp.stack([y[lag - k - 1 : len(y) - k - 1] for k in range(lag)], axis=1)
    numpyro.sample("later", dist.Normal(alpha + past @ beta, sigma), obs=y[lag:])


def centred(d: Mapping[str, Any]) -> None:
    """Eight schools, centred."""
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    theta = numpyro.sample("theta", dist.Normal(mu, tau).expand([8]))
    numpyro.sample("y", dist.Normal(theta, d["sigma"]), obs=d["y"])


def noncentred(d: Mapping[str, Any]) -> None:
    """Eight schools, not centred."""
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    z = numpyro.sample("z", dist.Normal(0, 1).expand([8]))
    theta = numpyro.deterministic("theta", mu + tau * z)
    numpyro.sample("y", dist.Normal(theta, d["sigma"]), obs=d["y"])


def garch(d: Mapping[str, Any]) -> None:
    """GARCH(1, 1) by a scan over time."""
    y = d["y"]
    mu = numpyro.sample("mu", FLAT)
    alpha0 = numpyro.sample("alpha0", WIDE)
    share: Any = numpyro.sample("share", dist.Dirichlet(jnp.ones(3)))

    def step(variance: Any, before: Any) -> Any:
        after = alpha0 + share[0] * (before - mu) ** 2 + share[1] * variance
        return after, after

    first = d["sigma1"] ** 2
    _, later = jax.lax.scan(step, first, y[:-1])
    variance = jnp.append(first, later)
    numpyro.sample("y", dist.Normal(mu, jnp.sqrt(variance)), obs=y)


def kidscore(d: Mapping[str, Any]) -> None:
    """A straight line."""
    intercept = numpyro.sample("intercept", FLAT)
    slope = numpyro.sample("slope", FLAT)
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    numpyro.sample("y", dist.Normal(intercept + slope * d["mom_iq"], sigma), obs=d["kid_score"])


class Repeatable(NUTS):
    """NumPyro's NUTS for a second run: its own `init` would vectorise the step once more (0.22)."""

    def init(self, *arguments: Any, **named: Any) -> Any:
        """The state to begin with."""
        known = self._sample_fn
        state = super().init(*arguments, **named)
        self._sample_fn = self._sample_fn if known is None else known
        return state


@dataclass(frozen=True)
class Posterior:
    """A program, the file of its data, which of them are given and which clamped, the peer's model."""

    file: str
    given: tuple[str, ...]
    clamped: tuple[str, ...]
    peer: Callable[..., None]
    judged: tuple[str, ...]


POSTERIORS: Mapping[str, Posterior] = {
    "ark": Posterior("arK-arK", ("y",), (), ark, ("alpha", "beta", "sigma")),
    "eight_schools_centred": Posterior(
        "eight_schools-eight_schools_centered", ("sigma",), ("y",), centred, ("mu", "tau", "theta")
    ),
    "eight_schools_noncentred": Posterior(
        "eight_schools-eight_schools_noncentered",
        ("sigma",), ("y",), noncentred, ("mu", "tau", "theta"),
    ),
    "garch11": Posterior("garch-garch11", ("y", "sigma1"), (), garch, ("mu", "alpha0", "share")),
    "kidscore_momiq": Posterior(
        "kidiq-kidscore_momiq",
        ("mom_iq",), ("kid_score",), kidscore, ("intercept", "slope", "sigma"),
    ),
}  # fmt: skip
Found = tuple[Mapping[str, np.ndarray], int, float]


def ours(name: str, data: Mapping[str, Any], sampler: str) -> Callable[[int], Found]:
    """A run of ours by its seed: draws by name, gradients after warm-up, seconds."""
    row = POSTERIORS[name]
    given, clamp = ({n: data[n] for n in names} for names in (row.given, row.clamped))
    model = ebm.load(PROGRAMS / f"{name}.ebm", **given)
    settings = {"draws": DRAWS, "warmup": WARMUP, "chains": CHAINS, "progress": False}

    def run(seed: int) -> Found:
        clock = time.perf_counter()
        found = ebm.sample(model, {}, clamp=clamp, sampler=sampler, seed=seed, **settings)
        return found, int(found.report.gradients.sum()), time.perf_counter() - clock

    return run


def theirs(name: str, data: Mapping[str, Any]) -> Callable[[int], Found]:
    """The same of NumPyro: warm-up and draws as one compiled loop over its kernel, its start not counted.

    Its `MCMC` would compile the loop anew for every run.
    """
    kernel = Repeatable(POSTERIORS[name].peer)
    known = ({n: jnp.asarray(v) for n, v in data.items()},)

    def start(seed: int) -> Any:
        return kernel.init(jax.random.split(jax.random.key(seed), CHAINS), WARMUP, None, known, {})

    @jax.jit
    def loop(state: Any) -> Any:
        def one(state: Any, _: None) -> Any:
            state = kernel.sample(state, known, {})
            return state, (state.z, state.num_steps)

        state = jax.lax.fori_loop(0, WARMUP, lambda _, s: kernel.sample(s, known, {}), state)
        return jax.lax.scan(one, state, length=DRAWS)[1]

    def run(seed: int) -> Found:
        begun = jax.block_until_ready(start(seed))
        clock = time.perf_counter()
        free, steps = jax.block_until_ready(loop(begun))
        seconds = time.perf_counter() - clock
        values = jax.vmap(jax.vmap(kernel.postprocess_fn(known, {})))(free)
        found = {n: np.swapaxes(np.asarray(v), 0, 1) for n, v in values.items()}
        return found, int(np.asarray(steps).sum()), seconds

    return run


def effective(found: Mapping[str, np.ndarray], names: tuple[str, ...]) -> float:
    """Bulk effective draws of the worst number."""
    sizes = arviz.ess(arviz.from_dict({n: np.asarray(found[n], float) for n in names}))
    return min(float(sizes[n].min()) for n in names)


def data_of(folder: Path, name: str) -> dict[str, Any]:
    """The data of a posterior, numbers and arrays as floats."""
    text = (folder / f"{POSTERIORS[name].file}.json").read_text()
    data = {n: np.asarray(v, float) for n, v in json.loads(text)["data"].items()}
    return {n: data[n] for n in (*POSTERIORS[name].given, *POSTERIORS[name].clamped)}


def measured(name: str, data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """For each way: seconds of the first run, then effective draws, gradients and seconds over the rounds."""
    ways = {"numpyro": theirs(name, data)}
    ways |= {sampler: ours(name, data, sampler) for sampler in ("nuts", "auto")}
    totals = {way: np.zeros(4) for way in ways}
    for seed in range(ROUNDS + 1):
        for way, run in ways.items():
            found, gradients, seconds = run(seed)
            if seed:
                size = effective(found, POSTERIORS[name].judged)
                totals[way] += (0, size, gradients, seconds)
            else:
                totals[way][0] = seconds
    return totals


def main(folder: Path, names: list[str]) -> None:
    """Print one line for each posterior."""
    print(
        f"{'posterior':26}{'NumPyro ESS/s':>14}{'nuts ESS/s':>12}{'ratio':>7}{'gradient':>10}"
        f"{'auto ESS/s':>12}{'first run, s: NumPyro, nuts, auto':>36}"
    )
    for name in names or list(POSTERIORS):
        totals = measured(name, data_of(folder, name))
        rate = {way: t[1] / t[3] for way, t in totals.items()}
        speed = {way: t[2] / t[3] for way, t in totals.items()}
        first = ", ".join(f"{t[0]:.1f}" for t in totals.values())
        print(
            f"{name:26}{rate['numpyro']:14.0f}{rate['nuts']:12.0f}"
            f"{rate['nuts'] / rate['numpyro']:7.2f}{speed['nuts'] / speed['numpyro']:10.2f}"
            f"{rate['auto']:12.0f}{first:>36}",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
