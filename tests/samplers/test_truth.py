"""Moments of draws against exact answers from other programs and by enumeration.

Chains are independent, so the standard error of a moment is the spread of the chains' own means
over the root of their number: no autocorrelation has to be guessed. A moment may lie off by as many
standard errors as Student's t allows at a false-alarm rate of 1e-6 over all moments of a test.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from energy.formulas import PROGRAMS
from scipy.stats import t as student

import ebmlang as ebm

FALSE_ALARM = 1e-6
SLOW = pytest.mark.slow
BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("EBMLANG_DATA", BESIDE))


def truth(name: str) -> dict[str, Any]:
    """A file of exact answers."""
    path = DATA / "truth" / name
    if not path.exists():
        pytest.skip(f"no exact answers at {path}: set EBMLANG_DATA")
    return json.loads(path.read_text())


def agree(found: np.ndarray, wanted: Any) -> None:
    """Draws [chain, draw, …] of statistics have these means."""
    found = np.asarray(found, float)
    wanted = np.broadcast_to(np.asarray(wanted, float), found.shape[2:])
    means = found.mean(axis=1)
    chains = len(means)
    error = means.std(axis=0, ddof=1) / np.sqrt(chains)
    gap = np.abs(means.mean(axis=0) - wanted)
    limit = student.isf(FALSE_ALARM / max(wanted.size, 1) / 2, chains - 1)
    floor = 1e-5 * (1 + np.abs(wanted))  # statistics that never change have no spread
    worst = np.max(gap - limit * error - floor)
    assert worst <= 0, f"off by {np.max(gap / np.maximum(error, 1e-12)):.1f} standard errors"


def draws_of(model: ebm.Model, params: dict[str, Any], **settings: Any) -> Any:
    usual: dict[str, Any] = {"draws": 400, "chains": 100, "warmup": 200, "seed": 5}
    return ebm.sample(model, params, **(usual | {"progress": False} | settings))


def test_a_wrong_mean_is_noticed():
    """A test of the tests: ten standard errors are too many."""
    found = np.random.default_rng(0).normal(size=(100, 400))
    agree(found, 0.0)
    with pytest.raises(AssertionError, match="standard errors"):
        agree(found, 0.05)


SK = """
dim n
visible s : spin[n]
param J : real[n, n]
param h : real[n]
energy = -sum(i < j) J[i, j] * s[i] * s[j] - h @ s
"""


@pytest.mark.parametrize("beta", ["1.0", pytest.param("0.5", marks=SLOW)])
def test_the_sherrington_kirkpatrick_glass(beta: str):
    exact = truth("exact_discrete.json")[f"sk16_beta{beta}"]
    params = {"J": np.array(exact["J_upper"]), "h": np.array(exact["h"])}
    draws = draws_of(ebm.loads(SK, n=16), params, beta=float(beta))
    s = draws["s"].astype(float)
    agree(s, exact["mean"])
    agree(np.einsum("cdi,cdj->cdij", s, s), exact["second_moment"])
    agree(draws.energy, exact["U"])


POTTS = """
dim n, q
graph bonds on n
visible x : category(q)[n]
param J : real[bonds]
param field : real[n, q]
energy = -sum((i, j) in bonds) J[i, j] * (x[i] == x[j]) - sum(i) field[i, x[i]]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("potts3_ring9_nofield", marks=SLOW),
        pytest.param("potts3_torus3x3_ferro", marks=SLOW),
        "potts3_torus3x3_random",
    ],
)
def test_potts_models(name: str):
    exact = truth("exact_discrete.json")[name]
    edges = np.array(exact["edges"])
    model = ebm.loads(POTTS, n=9, q=3, bonds=edges)
    params = {"J": np.array(exact["J"]), "field": np.array(exact["field"])}
    draws = draws_of(model, params, beta=exact["beta"])
    x = draws["x"]
    agree(x[..., None] == np.arange(3), exact["one_point"])
    agree(x[..., :, None] == x[..., None, :], exact["prob_equal"])
    agree(draws.energy, exact["U"])
    for a, b in edges:
        hot = np.eye(3)[x]
        agree(
            np.einsum("cdk,cdl->cdkl", hot[:, :, a], hot[:, :, b]), exact["edge_joint"][f"{a}-{b}"]
        )


@pytest.mark.parametrize("name", ["rbm_12x6", pytest.param("rbm_20x10", marks=SLOW)])
@pytest.mark.slow
def test_restricted_boltzmann_machines(name: str):
    exact = truth("exact_discrete.json")[name]
    params = {"W": np.array(exact["W"]), "b": np.array(exact["a"]), "c": np.array(exact["b"])}
    shape = params["W"].shape
    model = ebm.load(PROGRAMS / "rbm.ebm", pixel=shape[0], unit=shape[1])
    draws = draws_of(model, params)
    v, h = draws["v"].astype(float), draws["h"].astype(float)
    agree(v, exact["Ev"])
    agree(h, exact["Eh"])
    agree(np.einsum("cdi,cdj->cdij", v, h), exact["Evh"])
    agree(np.einsum("cdi,cdj->cdij", h, h), exact["Ehh"])


def test_a_categorical_with_a_gaussian():
    exact = truth("exact_discrete.json")["mixed_cat_gauss"]
    model = ebm.loads(
        "dim k visible z : category(k) visible x : real param alpha : real[k] param mu : real[k] "
        "param s : positive[k] energy = -alpha[z] + (x - mu[z]) ^ 2 / (2 * s[z] ^ 2)",
        k=4,
    )
    params = {n: np.array(exact[n]) for n in ("alpha", "mu", "s")}
    draws = draws_of(model, params, sampler="gibbs", draws=2000, warmup=1000)
    agree(draws["z"][..., None] == np.arange(4), exact["p_k"])
    agree(draws["x"], exact["E_x"])
    agree((draws["x"] - exact["E_x"]) ** 2, exact["Var_x"])


@pytest.mark.slow
def test_spins_with_a_category_and_gaussians():
    exact = truth("exact_discrete.json")["mixed_spins_cat_gauss2"]
    model = ebm.loads(
        "dim n = 2, xy = 2, k = 3 visible s : spin[n] visible c : category(k) visible x : real[xy] "
        "param A : real[xy, xy] param B : real[xy, n] param D : real[xy, k] param d0 : real[xy] "
        "param h : real[n] param J : real param theta : real[k] "
        "energy discrete = -h @ s - J * s[0] * s[n-1] - theta[c] "
        "energy bowl = x @ A @ x / 2 "
        "energy drive = -x @ B @ s - sum(i) x[i] * (D[i, c] + d0[i])"
    )
    params = {n: np.array(exact[n]) for n in ("A", "B", "D", "d0", "h", "J", "theta")}
    draws = draws_of(model, params, sampler="gibbs", draws=1000)
    s, x = draws["s"].astype(float), draws["x"].astype(float)
    agree(s, exact["E_s"])
    agree(s[..., 0] * s[..., 1], exact["E_s1s2"])
    agree(draws["c"][..., None] == np.arange(3), exact["p_c"])
    agree(x, exact["E_x"])
    centred = x - np.array(exact["E_x"])
    agree(np.einsum("cdi,cdj->cdij", centred, centred), exact["Cov_x"])


@SLOW
@pytest.mark.parametrize("sampler", ["gibbs", "nuts"])
def test_the_gaussian_bernoulli_machine(sampler: str):
    exact = truth("exact_discrete.json")["gb_rbm_5x4"]
    model = ebm.load(PROGRAMS / "gaussian_rbm.ebm", pixel=5, unit=4)
    params = {"W": np.array(exact["W"]), "b": np.array(exact["a"]), "c": np.array(exact["b"]),
              "sigma": np.array(exact["sigma"])}  # fmt: skip
    draws = draws_of(model, params, sampler=sampler)
    v = draws["v"].astype(float)
    agree(v, exact["Ev"])
    agree(draws["h"], exact["Eh"])
    centred = v - np.array(exact["Ev"])
    agree(np.einsum("cdi,cdj->cdij", centred, centred), exact["Cov_v"])


@SLOW
def test_a_gaussian_field_on_a_torus():
    exact = truth("exact_discrete.json")["gmrf16"]
    model = ebm.loads(
        "dim r = 16 cyclic, c = 16 cyclic visible x : real[r, c] param b : real[r, c] "
        "energy = 2.1 * sum(x ^ 2) - sum(i, j) x[i, j] * (x[i+1, j] + x[i, j+1]) - sum(b * x)"
    )
    draws = draws_of(model, {"b": np.reshape(exact["b"], (16, 16))}, sampler="gibbs", draws=300)
    x = draws["x"].astype(float).reshape(100, 300, 256)
    mean = np.array(exact["mean"])
    agree(x, mean)
    centred = (x - mean).reshape(100, 300, 16, 16)
    agree((centred**2).mean((-1, -2)), exact["marginal_var"])
    agree((centred * np.roll(centred, 1, -1)).mean((-1, -2)), exact["cov_nn"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "theta",
    [
        "(-1.0, 0.1, 0.3)",
        *(pytest.param(t, marks=SLOW) for t in ("(-0.5, -0.2, 0.5)", "(0.0, 0.0, 0.0)")),
    ],
)
def test_exponential_random_graphs(theta: str):
    """Edges, two-stars and triangles of graphs on six nodes; the statistics are read off the file."""
    exact = truth("exact_discrete.json")[f"ergm6_theta{theta}"]
    terms = {
        "edges": "sum(i < j) a[i, j]",
        "two": "sum(i) sum(j < k) a[i, j] * a[i, k]",
        "triangles": "sum(i < j < k) a[i, j] * a[j, k] * a[i, k]",
    }
    order = [
        next(t for t in terms if str(name).lower().startswith(t[:3])) for name in exact["stats"]
    ]
    text = "dim n = 6 visible a : binary[n, n] symmetric hollow\n"
    for k, name in enumerate(order):
        text += f"param p{k} : real\nenergy e{k} = -p{k} * {terms[name]}\n"
        text += f"quantity q{k} = {terms[name]}\n"
    params = {f"p{k}": np.float32(v) for k, v in enumerate(exact["theta"])}
    draws = draws_of(ebm.loads(text), params)
    found = np.stack([draws[f"q{k}"] for k in range(3)], -1)
    agree(found, exact["mean"])
    centred = found - np.array(exact["mean"])
    agree(np.einsum("cdi,cdj->cdij", centred, centred), exact["cov"])


@pytest.mark.parametrize(
    ("side", "beta"),
    [
        (4, "beta_c"),
        pytest.param(4, "0.2", marks=SLOW),
        pytest.param(8, "0.3", marks=SLOW),
        pytest.param(8, "beta_c", marks=SLOW),
    ],
)
def test_the_ising_model_on_a_torus(side: int, beta: str):
    exact = truth("ising_exact.json")
    row = exact["values"][f"L={side},beta={beta}"]
    model = ebm.load(PROGRAMS / "ising.ebm", row=side, col=side)
    draws = draws_of(model, model.init(), beta=float(row["beta"]), draws=1000, warmup=500)
    agree(draws.energy, float(row["U"]))
    agree((draws.energy - float(row["U"])) ** 2 * float(row["beta"]) ** 2, float(row["C"]))
    agree(draws["magnetisation"], exact["magnetisation"][f"L={side},beta={beta}"]["abs_m"])


PLANE = "dim one = 1, xy = one + 1 visible z : real[xy] let x = z[0] let y = z[xy-1] "
CONTINUOUS = {
    "double_well": "energy = 3 * (x ^ 2 - 1) ^ 2 + (y - x / 2) ^ 2 / (2 * 0.25)",
    "ring": "energy = (sqrt(x ^ 2 + y ^ 2) - 2) ^ 2 / (2 * 0.2 ^ 2)",
}


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        ("double_well", "mala"),
        pytest.param("double_well", "nuts", marks=SLOW),
        pytest.param("double_well", "hmc", marks=SLOW),
        pytest.param("ring", "nuts", marks=SLOW),
        pytest.param("ring", "mala", marks=SLOW),
    ],
)
def test_densities_of_the_plane(name: str, sampler: str):
    """No bananas: NumPyro's own NUTS is off by as many standard errors in their long tails."""
    exact = truth("exact_continuous.json")[name]
    thin = 10 if sampler == "mala" else 1
    draws = draws_of(
        ebm.loads(PLANE + CONTINUOUS[name]), {}, sampler=sampler, draws=1000, warmup=1000, thin=thin
    )
    x, y = draws["z"][..., 0].astype(float), draws["z"][..., 1].astype(float)
    agree(x, exact["E_x"])
    agree(y, exact["E_y"])
    agree((x - exact["E_x"]) ** 2, exact["Var_x"])
    agree((y - exact["E_y"]) ** 2, exact["Var_y"])
    agree(draws.energy, exact["E_energy"])


@SLOW
def test_rotors_on_a_ring():
    exact = truth("exact_continuous.json")["xy_chain12_beta2"]
    model = ebm.load(PROGRAMS / "rotors.ebm", site=12)
    draws = draws_of(model, {"J": np.float32(1)}, beta=2.0, draws=1000)
    phi = draws["phi"].astype(float)
    assert np.all((phi >= 0) & (phi < 2 * np.pi + 1e-6))
    agree(np.cos(phi - np.roll(phi, 1, -1)).mean(-1), exact["E_cos_nn"])


@pytest.mark.parametrize("sampler", ["mala", pytest.param("nuts", marks=SLOW)])
def test_bounded_and_positive_unknowns_keep_their_law(sampler: str):
    """A gamma law, a uniform tilted on an interval and a Dirichlet, whose moments are known."""
    model = ebm.loads(
        "dim k = 3 visible g : positive visible u : real<-1, 2> visible w : simplex[k] "
        "energy a = 3 * g - 2 * log(g) energy b = 0 * u energy c = -sum(log(w))"
    )
    draws = draws_of(model, {}, sampler=sampler, draws=1000, warmup=1000)
    g, u, w = (draws[n].astype(float) for n in "guw")
    agree(g, 1.0)
    agree((g - 1) ** 2, 1 / 3)
    agree(u, 0.5)
    agree((u - 0.5) ** 2, 0.75)
    agree(w, 1 / 3)
    agree((w - 1 / 3) ** 2, (1 / 3) * (2 / 3) / 7)


@pytest.mark.slow
def test_the_bias_of_langevin_is_what_the_step_makes_it():
    """On E = x^2 / 2 the walk is x (1 - a / 2) + N(0, a): its variance is 1 / (1 - a / 4), exactly."""
    model = ebm.loads("dim n = 50 visible x : real[n] energy = sum(x ^ 2) / 2")
    for step in (0.4, 1.6):
        draws = draws_of(model, {}, sampler=ebm.Langevin(step_size=step), draws=500)
        agree((draws["x"].astype(float) ** 2).mean(-1), 1 / (1 - step / 4))
