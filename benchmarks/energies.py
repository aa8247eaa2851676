"""Energy and gradient of each program beside JAX written by hand: ratios of times in one run.

    python benchmarks/energies.py [program …]

Each pair computes the energies of a batch of configurations and their gradient by parameters and by
the continuous or relaxed configuration. A ratio of 1.2 means that ebmlang takes 1.2 times as long; it
is the median over pairs of runs in turn.
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import ebmlang as ebm

EXAMPLES = Path(__file__).parent.parent / "examples"
CHAINS = 64
PAIRS = 40


def log_normal(x, mu, sigma):
    return -(((x - mu) / sigma) ** 2) / 2 - jnp.log(sigma) - 0.5 * np.log(2 * np.pi)


def rbm(p, s):
    return -(p["b"] @ s["v"]) - p["c"] @ s["h"] - s["v"] @ p["W"] @ s["h"]


def ising(p, s):
    x = s["s"]
    return -p["J"] * jnp.sum(x * (jnp.roll(x, -1, 0) + jnp.roll(x, -1, 1))) - p["B"] * jnp.sum(x)


def boltzmann_machine(p, s):
    x = s["x"]
    return -0.5 * x @ p["J"] @ x - p["b"] @ x


def potts_dca(p, s):
    x, (i, j) = s["x"], np.triu_indices(53, 1)
    return -p["h"][np.arange(53), x].sum() - p["J"][i, j, x[i], x[j]].sum()


def dbm(p, s):
    biases = -p["a"] @ s["v"] - p["b1"] @ s["h1"] - p["b2"] @ s["h2"]
    return biases - s["v"] @ p["W1"] @ s["h1"] - s["h1"] @ p["W2"] @ s["h2"]


def gaussian_rbm(p, s):
    v = s["v"]
    bowl = jnp.sum((v - p["b"]) ** 2 / (2 * p["sigma"] ** 2))
    return bowl - (v / p["sigma"]) @ p["W"] @ s["h"] - p["c"] @ s["h"]


def spikes(p, s):
    x = s["s"]
    total = jnp.rint(x.sum()).astype(jnp.int32)
    return -p["h"] @ x - 0.5 * x @ p["J"] @ x - p["V"][total]


def friendship(p, s):
    a = jnp.triu(s["a"], 1)
    degree = s["a"].sum(1)
    triangles = jnp.sum((a @ a) * a)
    stars = jnp.sum(1 - jnp.exp(-0.5 * degree))
    return -p["density"] * a.sum() - p["closure"] * triangles - p["popularity"] * stars


def experts(p, s):
    x = jnp.pad(s["x"], (0, 2), mode="wrap")[None, None]
    r = jax.lax.conv(x, p["F"][:, None], (1, 1), "VALID")[0]
    return jnp.sum(p["alpha"][:, None, None] * jnp.log(1 + r**2 / 2)) + 5e-4 * jnp.sum(s["x"] ** 2)


def rotors(p, s):
    return -p["J"] * jnp.sum(jnp.cos(jnp.roll(s["phi"], -1) - s["phi"]))


def rings(p, s):
    x = s["x"]
    for layer in p["f"][:-1]:
        x = jax.nn.silu(x @ layer["weight"] + layer["bias"])
    out = (x @ p["f"][-1]["weight"] + p["f"][-1]["bias"])[0]
    return out + jnp.sum(s["x"] ** 2) / 32


def spin_glass(p, s):
    return -jnp.sum(p["J"] * s["s"][EDGES[:, 0]] * s["s"][EDGES[:, 1]])


def segment(p, s):
    x = s["label"]
    evidence = -p["contrast"] * jnp.sum((IMAGE - p["level"]) * x)
    smooth = jnp.sum(x[:-1] * x[1:]) + jnp.sum(x[:, :-1] * x[:, 1:])
    return evidence - p["smooth"] * smooth


def jem(p, s):
    x = s["x"].reshape(-1)
    for layer in p["f"][:-1]:
        x = jax.nn.silu(x @ layer["weight"] + layer["bias"])
    return -(x @ p["f"][-1]["weight"] + p["f"][-1]["bias"])[s["y"]]


def eight_schools(p, s):
    cauchy = np.log(2 / np.pi) - np.log(5.0) - jnp.log1p((s["tau"] / 5) ** 2)
    means = log_normal(s["mu"], 0, 5.0) + jnp.sum(log_normal(s["theta"], s["mu"], s["tau"]))
    return -cauchy - means - jnp.sum(log_normal(s["y"], s["theta"], SIGMA))


def mixture(p, s):
    gap = (s["x"] - s["centre"][s["z"]]) / p["width"]
    return jnp.sum(gap**2) / 2 - jnp.sum(log_normal(s["centre"], 0, 5.0))


RNG = np.random.default_rng(0)
EDGES = np.unique(np.sort(RNG.integers(0, 4096, (12288, 2)), axis=1), axis=0)
EDGES = EDGES[EDGES[:, 0] != EDGES[:, 1]]
IMAGE = RNG.random((64, 64))
SIGMA = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
CASES = {
    "rbm": (rbm, {"pixel": 784}),
    "ising": (ising, {"row": 128, "col": 128}),
    "boltzmann_machine": (boltzmann_machine, {"unit": 256}),
    "potts_dca": (potts_dca, {"site": 53}),
    "dbm": (dbm, {"pixel": 784}),
    "gaussian_rbm": (gaussian_rbm, {"pixel": 784}),
    "spikes": (spikes, {"neuron": 100}),
    "friendship": (friendship, {"node": 100}),
    "experts": (experts, {}),
    "rotors": (rotors, {"site": 4096}),
    "rings": (rings, {}),
    "spin_glass": (spin_glass, {"site": 4096, "bonds": EDGES}),
    "segment": (segment, {"image": IMAGE}),
    "mixture": (mixture, {"point": 1000}),
    "jem": (jem, {}),
    "eight_schools": (eight_schools, {"sigma": SIGMA}),
}


def seconds(function, *arguments):
    """Seconds until a call is done."""
    begun = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - begun


def side_by_side(own, peer, *arguments):
    """Seconds of both in turn, A B A B …: a busy machine slows both alike. Shapes: [pair, 2]."""
    return np.array([[seconds(f, *arguments) for f in (own, peer)] for _ in range(PAIRS)])


def states_of(model):
    """A batch of random configurations."""
    from ebmlang.samplers.beginning import random_state

    keys = jax.random.split(jax.random.key(0), CHAINS)
    return jax.vmap(lambda key: random_state(model.target, key))(keys)


def pair(model, hand):
    """Both functions: energies of a batch with gradients by parameters and real configurations."""

    def graded(energy):
        def total(params, moving, fixed):
            each = jax.vmap(lambda m, f: energy(params, {**m, **f}))(moving, fixed)
            return each.sum(), each

        return jax.jit(jax.value_and_grad(total, argnums=(0, 1), has_aux=True))

    given = {n: jnp.asarray(v) for n, v in model.given().items()}
    own = graded(lambda p, s: model.target.energy(p, s, given))
    return own, graded(hand)


def main():
    names = sys.argv[1:] or list(CASES)
    print(
        f"{'program':>18} {'ratio':>6} {'ours ms':>9} {'hand ms':>9} {'compile s':>10} {'hand':>6}"
    )
    for name in names:
        hand, bindings = CASES[name]
        model = ebm.load(EXAMPLES / f"{name}.ebm", **bindings)
        params, state = model.init(0), states_of(model)
        moving = {n: v for n, v in state.items() if v.dtype.kind == "f"}
        fixed = {n: v for n, v in state.items() if n not in moving}
        own, peer = pair(model, hand)
        compiled = [seconds(f, params, moving, fixed) for f in (own, peer)]
        a, b = (f(params, moving, fixed)[0][1] for f in (own, peer))
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-2)
        times = side_by_side(own, peer, params, moving, fixed)
        ratio = np.median(times[:, 0] / times[:, 1])
        ours, theirs = 1e3 * np.median(times, axis=0)
        print(f"{name:>18} {ratio:6.2f} {ours:9.3f} {theirs:9.3f} {compiled[0]:10.2f} "
              f"{compiled[1]:6.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
