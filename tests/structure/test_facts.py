"""What the analysis must know of the programs of the contract, and of programs made to mislead it."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from energy.formulas import PROGRAMS

import ebmlang as ebm
from ebmlang.backend.conditionals import gaussian, logits
from ebmlang.backend.sites import sites_of
from ebmlang.samplers.plan import colours_of
from ebmlang.semantics.functions import Smoothness

from .brute import table

EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [3, 4]])


def load(name: str, **bound: object) -> ebm.Model:
    return ebm.load(PROGRAMS / f"{name}.ebm", **bound)


def colours(model: ebm.Model, name: str) -> int:
    """How many colours the sites of a variable need by the plan."""
    facts = model.structure.variables[name]
    return int(colours_of(facts, sites_of(facts.symbol, model.world)).max()) + 1


@pytest.mark.parametrize(
    ("name", "bound", "variable", "degree", "wanted"),
    [
        ("ising", {"row": 4, "col": 6}, "s", 1, 2),
        ("ising", {"row": 64, "col": 64}, "s", 1, 2),
        ("ising", {"row": 5, "col": 5}, "s", 1, 3),
        ("rbm", {"pixel": 7, "unit": 5}, "v", 1, 1),
        ("rbm", {"pixel": 7, "unit": 5}, "h", 1, 1),
        ("dbm", {"pixel": 7, "low": 5, "high": 4}, "h1", 1, 1),
        ("segment", {"row": 6, "col": 5}, "label", 1, 2),
        ("spin_glass", {"site": 5, "bonds": EDGES}, "s", 1, 2),
        ("potts_dca", {"site": 5}, "x", 1, 5),
        ("boltzmann_machine", {"unit": 6}, "x", 1, 6),
        ("gaussian_rbm", {"pixel": 5, "unit": 4}, "h", 1, 1),
        ("gaussian_rbm", {"pixel": 5, "unit": 4}, "v", 2, 1),
        ("mixture", {"point": 6}, "z", 1, 1),
    ],
)
def test_degrees_and_colours_of_the_programs(
    name: str, bound: dict, variable: str, degree: int, wanted: int
):
    model = load(name, **bound)
    assert model.structure.variables[variable].site_degree == degree
    assert colours(model, variable) == wanted


def test_friendships_of_twenty_need_about_one_colour_a_node():
    model = load("friendship", node=20)
    assert 19 <= colours(model, "a") <= 23


def test_every_spike_train_site_meets_every_other():
    facts = load("spikes", neuron=6).structure.variables["s"]
    assert facts.couples
    assert facts.site_degree == np.inf


def test_experts_are_smooth_and_not_quadratic():
    facts = load("experts", row=4, col=4, filter=2).structure.variables["x"]
    assert facts.smoothness is Smoothness.SMOOTH
    assert facts.joint_degree == np.inf


def test_layers_two_apart_do_not_meet():
    structure = load("dbm", pixel=4, low=3, high=2).structure
    assert structure.variables["v"].meets == {"h1"}
    assert structure.variables["h2"].meets == {"h1"}


def test_the_centres_of_a_mixture_are_quadratic_and_apart():
    facts = load("mixture", point=5).structure.variables["centre"]
    assert facts.joint_degree == 2
    assert not facts.couples


MISLEADING = {
    # Programs that invite a false claim: (text, bindings).
    "a cyclic dimension of two": (
        "dim r = 2 cyclic visible s : binary[r] energy = sum(i) s[i] * s[i+1]", {}),
    "a cyclic step of the whole circle": (
        "dim r = 3 cyclic visible s : binary[r] energy = sum(i) s[i] * s[i+3]", {}),
    "a cyclic step that meets itself half way": (
        "dim r = 4 cyclic visible s : spin[r] energy = sum(i) s[i] * s[i+2] * s[i+1]", {}),
    "both orders of a symmetric array": (
        "dim r = 3 visible a : binary[r, r] symmetric hollow "
        "energy = sum(i < j) (2 * a[i, j] * a[j, i] - a[i, j])", {}),
    "a symmetric array with a diagonal": (
        "dim r = 2 visible a : binary[r, r] symmetric "
        "energy = sum(i, j) a[i, j] * a[j, j] + 0.3 * sum(i) a[i, i] ^ 2", {}),
    "a square of a sum": (
        "dim r = 4 visible t : binary[r] energy = 0.7 * (sum(t) - 2) ^ 2", {}),
    "a square inside a let": (
        "dim r = 4 visible t : binary[r] let m = sum(i in 0..r-1) t[i] * t[i+1] energy = m * m", {}),
    "a product of one sum with itself through a function": (
        "dim r = 3 visible t : binary[r] fn two(p) = p * p energy = two(sum(t)) - two(t[0])", {}),
    "a site that the index meets once": (
        "dim r = 4 visible t : binary[r] energy = sum(i) t[i] * t[0] * (i + 1)", {}),
    "a cube": ("dim r = 3 visible s : spin[r] energy = (sum(s)) ^ 3 / 4", {}),
    "a power of a spin": ("dim r = 3 visible s : spin[r] energy = sum(i) s[i] ^ 3 * i + s[0] ^ 2", {}),
    "equal bits": (
        "dim r = 2 visible a : binary[r] visible b : binary[r] energy = sum(i) (a[i] == b[i]) * (i + 1)",
        {}),
    "bits compared by their sum": (
        "dim r = 2 visible a : binary[r] visible b : binary[r] energy = sum(i) (a[i] + b[i] == 1)", {}),
    "three bits in one condition": (
        "dim r = 2 visible a : binary[r] visible b : binary[r] visible c : binary[r] "
        "energy = sum(i) (if a[i] * b[i] == c[i] then a[i] else 2 * b[i])", {}),
    "a category read twice": (
        "dim r = 3, q = 3 visible z : category(q)[r] param U : real[q] param T : real[q, q] "
        "energy = sum(i) U[z[i]] ^ 2 + sum(i) T[z[i], z[i]] * U[z[i]] + T[z[0], z[0]]", {}),
    "categories that may be one site": (
        "dim r = 3, q = 3 visible z : category(q)[r] param T : real[q, q] "
        "energy = sum(i, j) T[z[i], z[j]] + sum(i, j) (z[i] == z[j])", {}),
    "a category compared beyond its labels": (
        "dim r = 2, q = 3 visible z : category(q)[r] param U : real[q] "
        "energy = sum(i, k in 0..q) U[k] * (z[i] == k + 1)", {}),
    "a category compared beyond its labels beside a bit": (
        "dim r = 2, q = 3 visible z : category(q)[r] visible t : binary[r] param U : real[q] "
        "energy = sum(i, k in 0..q) U[k] * t[i] * (z[i] == k + 1)", {}),
    "a category compared with a number that is no label": (
        "dim r = 2, q = 3 visible z : category(q)[r] visible t : binary[r] given k : integer<-2, 9>[r] "
        "energy = sum(i) t[i] * (z[i] == k[i])", {"k": np.array([7, -1])}),
    "a table at a count": (
        "dim r = 4, c = r + 1 visible t : binary[r] param V : real[c] energy = V[sum(t)] * t[0]", {}),
    "neighbours of neighbours": (
        "dim r graph g on r visible s : spin[r] "
        "energy = sum(i) (sum(j in g[i]) s[j]) ^ 2 + sum(i, j in g[i], k in g[j]) s[k] * s[i] / 3",
        {"r": 5, "g": EDGES}),
    "the largest neighbour": (
        "dim r graph g on r visible t : binary[r] energy = sum(i) max(j in g[i]) t[j]",
        {"r": 5, "g": EDGES}),
    "a condition on an unknown": (
        "dim r = 3 visible t : binary[r] param K : real[r] energy = sum(i, t[i] == 1) K[i] * t[r-1]", {}),
    "a mean over a condition on an unknown": (
        "dim r = 3 visible t : binary[r] param K : real[r] "
        "energy = (sum(i) t[i] * K[i]) / (1 + sum(t))", {}),
    "a given subscript": (
        "dim r = 4 given k : integer<0, r-1>[r] visible s : spin[r] energy = sum(i) s[i] * s[k[i]]",
        {"k": np.array([2, 2, 0, 3])}),
    "integers": (
        "dim r = 2 visible k : integer<-1, 2>[r] energy = 0.3 * sum(k ^ 2) + 0.2 * k[0] * k[r-1]", {}),
    "a product of reductions": (
        "dim r = 3 visible t : binary[r] param K : real[r] "
        "energy = (sum(i) K[i] * t[i]) * (sum(i in 0..r-1) t[i+1]) + prod(i) (1 - t[i] * K[i])", {}),
    "a range beyond a cyclic dimension": (
        "dim r = 3 cyclic visible t : binary[r] energy = sum(i in 0..r+1, j in 0..r+1, i < j) t[i] * t[j]",
        {}),
    "one pair of indices under two conditions": (
        "dim r = 5, k = 2 visible s : spin[r] param A : real[k] param B : real[k] "
        "energy = sum(i in r, j in r) (sum(p, abs(i - j) == 1) A[p] * s[i] * s[j] "
        "+ sum(q, abs(i - j) == 2) B[q] * s[i] * s[j])", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MISLEADING)
def test_no_claim_on_misleading_programs_is_false(name: str):
    from .test_random import check_conditionals, check_interactions

    text, bound = MISLEADING[name]
    model = ebm.loads(text, **bound)
    rng = np.random.default_rng(1)
    params = {n: rng.normal(size=np.shape(v)) for n, v in model.init().items()}
    found = table(model, params)
    check_interactions(found)
    check_conditionals(found)


GAUSSIANS = {
    "independent": "sum(i) K[i] ^ 2 * (x[i] - L[i]) ^ 2 + 0.1 * sum(x ^ 2)",
    "a chain": "sum(x ^ 2) + 0.4 * sum(i in 0..n-1) x[i] * x[i+1] - L @ x",
    "all to all": "sum(x ^ 2) + 0.1 * sum(x) ^ 2 - L @ x",
    "through a let": "sum(i) (x[i] - b) ^ 2 + sum(i in 0..n-1) (d[i] - d[i+1]) ^ 2",
    "a quotient": "sum(i) (x[i] / (1 + K[i] ^ 2)) ^ 2 / 2 + L @ x * b",
}


@pytest.mark.parametrize("name", GAUSSIANS)
def test_gaussian_conditionals_are_those_of_the_energy(name: str):
    """E along each site is a parabola: its vertex and curvature by three energies, in float64."""
    model = ebm.loads(
        "dim n = 4 visible x : real[n] visible b : binary param K : real[n] param L : real[n] "
        f"let d[i] = 2 * x[i] + K[i] energy = {GAUSSIANS[name]}"
    )
    facts = model.structure.variables["x"]
    assert facts.joint_degree == 2
    rng = np.random.default_rng(3)
    params = {n: rng.normal(size=4) for n in "KL"}
    state = {"x": rng.normal(size=4), "b": 1.0}
    numbers = colours_of(facts, sites_of(facts.symbol, model.world))
    from ebmlang.backend.conditionals import Situation

    with jax.enable_x64(True):
        for colour in range(numbers.max() + 1):
            mask = numbers == colour
            mean, precision = gaussian(model.target, "x", Situation(params, {}, 0.7), state, mask)
            for i in np.flatnonzero(mask):
                low, middle, high = (
                    float(model.energy(params, state | {"x": np.where(np.arange(4) == i, v, state["x"])}))
                    for v in (-1.0, 0.0, 1.0)
                )  # fmt: skip
                bend = high + low - 2 * middle
                assert float(precision[i]) == pytest.approx(0.7 * bend, rel=1e-10)
                assert float(mean[i]) == pytest.approx(
                    (low - high) / (2 * bend), rel=1e-9, abs=1e-12
                )


def test_a_network_over_categories_leaves_the_conditionals_of_others_right():
    model = ebm.loads(
        "dim n = 2, q = 3 visible z : category(q)[n] visible y : binary "
        "net f : category(q)[n] -> real = external() energy = -y * f(z) - 0.2 * y",
        f=lambda z: (z[0] + 2 * z[1]) * 0.1,
    )
    found = table(model, model.init())
    with jax.enable_x64(True):
        odds = jax.vmap(lambda s: logits(model.target, "y", found.situation(), s))(found.states)
    wanted = 0.1 * (found.states["z"][:, 0] + 2 * found.states["z"][:, 1]) + 0.2
    np.testing.assert_allclose(odds, wanted, rtol=1e-9)


def test_a_choice_of_subscripts_stays_inside_only_if_both_do():
    with pytest.raises(ebm.EbmError, match="E305"):
        ebm.loads(
            "dim n, m dim c = n + 1 visible a : binary[n] visible b : binary[m] param V : real[c] "
            "energy = V[(if a[0] == 1 then sum(a) else sum(b))]"
        )


def test_unsound_colours_cannot_hide_behind_a_rebound_given():
    """The colouring may use given data only where a call cannot replace them."""
    model = ebm.loads(
        "dim r = 4 given k : integer<0, r-1>[r] visible s : spin[r] energy = -0.5 * sum(i) s[i] * s[k[i]]",
        k=np.array([1, 0, 3, 2]),
    )
    ebm.sample(model, {}, draws=10, progress=False)
    other = np.array([2, 3, 0, 1])
    try:
        draws = ebm.sample(model, {}, draws=2000, given={"k": other}, progress=False)
    except (ebm.EbmError, ebm.InternalError):
        return
    s = draws["s"].astype(float)
    # Sites 0 and 2 share a bond of strength 1: E[s0 s2] = tanh 1. 8000 draws nearly independent of
    # one another: five standard errors are below 0.06.
    assert np.mean(s[..., 0] * s[..., 2]) == pytest.approx(np.tanh(1.0), abs=0.06)
