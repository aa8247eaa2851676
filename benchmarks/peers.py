"""Other libraries and plain code on the same models: what ebmlang's Gibbs sampler is held to.

Each function sets a peer up and gives back a run of some sweeps over all chains, together with the
number of site updates that a run does. What is not installed raises ImportError and is left out.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Run = Callable[[], Any]


def thrml(
    sites: int, edges: np.ndarray, colours: np.ndarray, weights: Any, chains: int, sweeps: int
) -> Run:
    """Extropic's thrml on any graph of spins, blocks by colour."""
    from thrml import Block, SamplingSchedule, SpinNode, sample_states
    from thrml.models import IsingEBM, IsingSamplingProgram, hinton_init

    nodes = [SpinNode() for _ in range(sites)]
    pairs = [(nodes[a], nodes[b]) for a, b in edges]
    energy = IsingEBM(nodes, pairs, jnp.zeros(sites), jnp.asarray(weights), jnp.array(1.0))
    blocks = [
        Block([nodes[k] for k in np.flatnonzero(colours == c)]) for c in range(colours.max() + 1)
    ]
    program = IsingSamplingProgram(energy, blocks, [])
    start = hinton_init(jax.random.key(0), energy, blocks, (chains,))
    plan = SamplingSchedule(n_warmup=sweeps, n_samples=1, steps_per_sample=1)
    run = jax.jit(jax.vmap(lambda k, s: sample_states(k, program, plan, s, [], [Block(nodes)])))
    keys = jax.random.split(jax.random.key(1), chains)
    return lambda: jax.block_until_ready(run(keys, start))


def numba_lattice(side: int, beta: float, chains: int, sweeps: int) -> Run:
    """A compiled loop over the two colours of a periodic square lattice, spins one by one."""
    import numba

    @numba.njit(fastmath=True)
    def one(spins: Any, sweeps: int, rise: Any, seed: Any) -> None:
        side = spins.shape[0]
        for _ in range(sweeps):
            for colour in range(2):
                for i in range(side):
                    up, down = (i - 1) % side, (i + 1) % side
                    for j in range((i + colour) % 2, side, 2):
                        left, right = (j - 1) % side, (j + 1) % side
                        field = spins[up, j] + spins[down, j] + spins[i, left] + spins[i, right]
                        seed ^= seed << np.uint32(13)
                        seed ^= seed >> np.uint32(17)
                        seed ^= seed << np.uint32(5)
                        spins[i, j] = 1 if seed < rise[(field + 4) >> 1] else -1

    @numba.njit(parallel=True, fastmath=True)
    def many(spins: Any, sweeps: int, rise: Any, seeds: Any) -> None:
        for chain in numba.prange(spins.shape[0]):
            one(spins[chain], sweeps, rise, seeds[chain])

    rng = np.random.default_rng(0)
    spins = np.where(rng.random((chains, side, side)) < 0.5, 1, -1).astype(np.int8)
    odds = np.array([1 / (1 + np.exp(-2 * beta * field)) for field in (-4, -2, 0, 2, 4)])
    rise = (odds * (2**32 - 1)).astype(np.uint32)
    seeds = rng.integers(1, 2**31, chains).astype(np.uint32)
    return lambda: many(spins, sweeps, rise, seeds)


def slope_of_all(weights: np.ndarray, chains: int, sweeps: int) -> Run:
    """Dense spins, the slope of the whole energy for every site: the way without a compiler."""
    sites = len(weights)
    couplings = jnp.asarray(weights)
    slope = jax.vmap(jax.grad(lambda s: -0.5 * s @ couplings @ s))

    def sweep(spins: Any, key: Any) -> Any:
        level = jax.random.uniform(key, spins.shape)

        def site(k: Any, spins: Any) -> Any:
            rise = jax.nn.sigmoid(-2 * slope(spins)[:, k])
            return spins.at[:, k].set(jnp.where(level[:, k] < rise, 1.0, -1.0))

        return jax.lax.fori_loop(0, sites, site, spins), None

    run = jax.jit(lambda s, k: jax.lax.scan(sweep, s, jax.random.split(k, sweeps))[0])
    start = jnp.where(jax.random.bernoulli(jax.random.key(0), shape=(chains, sites)), 1.0, -1.0)
    return lambda: jax.block_until_ready(run(start, jax.random.key(1)))


def sklearn_rbm(weights: np.ndarray, chains: int, sweeps: int) -> Run:
    """scikit-learn's own Gibbs steps of a BernoulliRBM."""
    from sklearn.neural_network import BernoulliRBM

    visible, hidden = weights.shape
    machine = BernoulliRBM(hidden)
    machine.components_ = weights.T.astype(np.float32)
    machine.intercept_hidden_ = np.zeros(hidden, np.float32)
    machine.intercept_visible_ = np.zeros(visible, np.float32)
    rng = np.random.RandomState(0)
    start = (rng.random_sample((chains, visible)) < 0.5).astype(np.float32)

    def run() -> Any:
        x = start
        for _ in range(sweeps):
            x = machine._sample_visibles(machine._sample_hiddens(x, rng), rng).astype(np.float32)
        return x

    return run


def bare_products(weights: np.ndarray, chains: int, sweeps: int) -> Run:
    """The two matrix products of a sweep of a restricted Boltzmann machine, and nothing else."""
    matrix = jnp.asarray(weights, jnp.float32)

    def sweep(v: Any, _: None) -> Any:
        return (v @ matrix) @ matrix.T * 1e-3, None

    run = jax.jit(lambda v: jax.lax.scan(sweep, v, None, length=sweeps)[0])
    start = jnp.ones((chains, weights.shape[0]), jnp.float32)
    return lambda: jax.block_until_ready(run(start))


def potts_products(weights: np.ndarray, chains: int, sweeps: int) -> Run:
    """One product of all couplings [entry, entry] with all one-hot chains a sweep: the floor."""
    matrix = jnp.asarray(weights, jnp.float32)
    run = jax.jit(
        lambda x: jax.lax.scan(lambda x, _: (matrix @ x * 1e-3, None), x, None, length=sweeps)[0]
    )
    start = jnp.ones((weights.shape[0], chains), jnp.float32)
    return lambda: jax.block_until_ready(run(start))


def numpyro_ising(side: int, beta: float, sweeps: int) -> Run:
    """NumPyro's DiscreteHMCGibbs on a periodic lattice: one energy a value of every site."""
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS, DiscreteHMCGibbs

    def model() -> None:
        numpyro.sample("x", dist.Normal(0.0, 1.0))
        with numpyro.plate("site", side * side):
            bits = numpyro.sample("bits", dist.Bernoulli(0.5).mask(False))
        spins = (2.0 * bits - 1).reshape(side, side)
        pulls = jnp.roll(spins, 1, 0) + jnp.roll(spins, 1, 1)
        numpyro.factor("energy", beta * jnp.sum(spins * pulls))

    sampler = MCMC(
        DiscreteHMCGibbs(NUTS(model), modified=False),
        num_warmup=1,
        num_samples=sweeps,
        progress_bar=False,
    )
    sampler.run(jax.random.key(0))
    return lambda: jax.block_until_ready(
        (sampler.run(jax.random.key(1)), sampler.get_samples()["bits"])[1]
    )
