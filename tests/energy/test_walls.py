"""Energies that are infinite: every verb gives what enumeration of the allowed states gives."""

from __future__ import annotations

import itertools
import math
from typing import Any

import networkx as nx
import numpy as np
import pytest

import ebmlang as ebm

GAS = """dim row = 4 cyclic, col = 4 cyclic
visible n : binary[row, col]
param mu : real
energy = -mu * sum(n)
energy core = sum(i, j) (if n[i, j] * (n[i+1, j] + n[i, j+1]) > 0 then inf else 0)"""
COLOURS = """dim site, q = 3
graph g on site
visible c : category(q)[site]
energy = sum((i, j) in g) (if c[i] == c[j] then inf else 0)"""
PARITY = """dim n = 3
visible x : binary[n]
param h : real init 1
energy = -h * sum(x)
energy even = if x[0]+x[1]+x[2] == 0 or x[0]+x[1]+x[2] == 2 then 0 else inf"""
TABLE = np.array([[0.2, 0.3, 0.0], [0.0, 0.1, 0.4]])
PAIR = """dim a = 2, b = 3
given P : real<0, 1>[a, b]
visible x : category(a)
visible y : category(b)
energy = -log(P[x, y])"""
LOG_Z, MEAN_NUMBER = 11.319557229, 5.638652718  # of the gas at mu = 1, by listing 2^16 states
MU = {"mu": 1.0}


@pytest.fixture(scope="module")
def gas() -> ebm.Model:
    return ebm.loads(GAS)


@pytest.fixture(scope="module")
def pair() -> ebm.Model:
    return ebm.loads(PAIR, P=TABLE)


def test_a_forbidden_state_has_the_energy_inf_and_no_probability(gas: ebm.Model):
    full, empty = np.ones((4, 4)), np.zeros((4, 4))
    states = {"n": np.stack([full, empty])}
    np.testing.assert_array_equal(gas.energy(MU, states), [np.inf, 0])
    assert gas.energies(MU, {"n": full}) == {"energy": -16.0, "core": np.inf}
    found = ebm.log_prob(gas, MU, states).values
    assert found[0] == -np.inf
    np.testing.assert_allclose(found[1], -LOG_Z, atol=1e-8)


def test_exact_answers_of_a_gas_with_hard_cores(gas: ebm.Model):
    assert ebm.log_partition(gas, MU).value == pytest.approx(LOG_Z, abs=1e-8)
    exact = ebm.gradient(gas, MU, sampler="exact")
    assert exact.trusted
    assert float(exact.mean["mu"]) == pytest.approx(-MEAN_NUMBER, abs=1e-7)


@pytest.mark.parametrize("sampler", ["gibbs", "informed", "tempering"])
def test_chains_of_a_gas_with_hard_cores(gas: ebm.Model, sampler: str):
    drawn = ebm.sample(gas, MU, draws=1500, sampler=sampler, progress=False)
    number = drawn["n"].sum((2, 3))
    off = number.mean() - MEAN_NUMBER
    assert abs(off) < 5 * number.std() / math.sqrt(drawn.diagnostics.ess["n"])
    occupied = drawn["n"]
    assert not (occupied * np.roll(occupied, 1, 2)).any()
    assert not (occupied * np.roll(occupied, 1, 3)).any()


def test_chains_annealing_and_moments_where_the_energy_has_walls(gas: ebm.Model):
    found = ebm.gradient(gas, MU, sampler="gibbs", draws=1500)
    assert abs(float(found.mean["mu"]) + MEAN_NUMBER) < 5 * float(found.std_error["mu"])
    annealed = ebm.log_partition(gas, MU, "ais", seed=1)
    assert abs(annealed.value - LOG_Z) < 5 * annealed.std_error
    moments = ebm.sample(gas, MU, draws=1500, keep="moments", progress=False)
    assert moments.mean["n"].mean() == pytest.approx(MEAN_NUMBER / 16, abs=0.02)
    curves = ebm.thermodynamics(gas, MU, [0.5, 1.0])
    assert abs(curves.log_z[1] - LOG_Z) < 5 * curves.errors["log_z"][1]


def test_walls_hold_at_a_beta_of_zero(gas: ebm.Model):
    assert ebm.log_partition(gas, MU, beta=0.0).value == pytest.approx(math.log(743), abs=1e-8)
    drawn = ebm.sample(gas, MU, beta=0.0, draws=300, progress=False)["n"]
    assert not (drawn * np.roll(drawn, 1, 2)).any()


def test_fits_begin_at_the_data_and_refuse_forbidden_examples(gas: ebm.Model):
    rows = np.zeros((40, 4, 4), int)
    rows[::2, 0, 0] = 1
    exact = ebm.fit(gas, {"n": rows}, sampler="exact", epochs=60, progress=False)
    at = ebm.gradient(gas, exact.params, sampler="exact").mean["mu"]
    assert float(at) == pytest.approx(-0.5, abs=1e-5)
    sampled = ebm.fit(gas, {"n": rows}, epochs=2, progress=False)
    assert np.isfinite(sampled.params["mu"])
    rows[3, 0, :2] = 1
    for settings in ({}, {"sampler": "exact"}, {"objective": "pseudo"}):
        with pytest.raises(ebm.EbmError, match=r"E703.*example 3 is forbidden.*`core`"):
            ebm.fit(gas, {"n": rows}, epochs=1, progress=False, **settings)


def test_a_table_with_zeros_is_a_law(pair: ebm.Model):
    assert ebm.log_partition(pair, {}).value == pytest.approx(0, abs=1e-9)
    rows = {"x": np.array([0, 0, 1]), "y": np.array([0, 2, 2])}
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(
            ebm.log_prob(pair, {}, rows).values, np.log([*TABLE[0, [0, 2]].tolist(), 0.4])
        )
    drawn = ebm.sample(pair, {}, draws=4000, progress=False)
    counts = np.zeros((2, 3))
    np.add.at(counts, (drawn["x"].astype(int).ravel(), drawn["y"].astype(int).ravel()), 1)
    assert (counts[TABLE == 0] == 0).all()
    np.testing.assert_allclose(counts / counts.sum(), TABLE, atol=0.04)


def test_a_left_right_chain_is_what_the_forward_algorithm_says():
    step = np.array([[0.7, 0.3, 0], [0, 0.6, 0.4], [0, 0, 1.0]])
    emit = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    seen = np.array([0, 0, 1, 0, 1, 1])
    forward = np.array([1, 0, 0]) * emit[:, seen[0]]
    for value in seen[1:]:
        forward = (forward @ step) * emit[:, value]
    model = ebm.loads(
        """dim t = 6, k = 3, o = 2
        given A : real<0, 1>[k, k]
        given B : real<0, 1>[k, o]
        visible z : category(k)[t]
        visible y : category(o)[t]
        energy start = if z[0] == 0 then 0 else inf
        energy steps = -sum(i in 0..t-1) log(A[z[i], z[i+1]])
        energy emit = -sum(i) log(B[z[i], y[i]])""",
        A=step, B=emit,
    )  # fmt: skip
    clamp = {"y": seen}
    found = ebm.log_partition(model, {}, clamp=clamp)
    assert found.value == pytest.approx(math.log(forward.sum()), abs=1e-9)
    drawn = ebm.sample(model, {}, clamp=clamp, draws=500, progress=False)["z"]
    assert (np.diff(drawn, axis=2) >= 0).all()
    assert (drawn[..., 0] == 0).all()


def test_colourings_are_counted_and_no_allowed_state_is_said():
    ring = ebm.loads(COLOURS, g=nx.cycle_graph(6))
    assert ebm.log_partition(ring, {}).value == pytest.approx(math.log(66), abs=1e-9)
    drawn = ebm.sample(ring, {}, draws=500, progress=False)["c"]
    assert (drawn != np.roll(drawn, 1, axis=2)).all()
    complete = ebm.loads(COLOURS, g=nx.complete_graph(4))
    found = ebm.log_partition(complete, {})
    assert found.value == -np.inf
    assert "no state is allowed" in str(found)
    nowhere = {"c": np.zeros((1, 4), int)}
    for verb in (
        lambda: ebm.sample(complete, {}, draws=10, progress=False),
        lambda: ebm.log_prob(complete, {}, nowhere),
    ):
        with pytest.raises(ebm.EbmError, match=r"E703.*no state is allowed"):
            verb()


def test_starts_are_repaired_where_random_states_are_forbidden():
    graph = nx.random_regular_graph(4, 60, seed=1)
    model = ebm.loads(COLOURS.replace("q = 3", "q = 4"), g=graph)
    ends = np.array(list(graph.edges))
    drawn = ebm.sample(model, {}, draws=50, progress=False)["c"]
    assert (drawn[..., ends[:, 0]] != drawn[..., ends[:, 1]]).all()


def test_groups_of_states_that_gibbs_cannot_leave_are_said_and_tempering_crosses_walls():
    model = ebm.loads(PARITY)
    right = 6 * math.e**2 / (1 + 3 * math.e**2)
    stuck = ebm.sample(model, {"h": 1.0}, draws=300, progress=False)
    assert any("4 groups" in p and "tempering" in p for p in stuck.diagnostics.problems)
    assert not ebm.gradient(model, {"h": 1.0}, sampler="gibbs", draws=300).trusted
    crossed = ebm.sample(model, {"h": 1.0}, draws=3000, sampler="tempering", progress=False)
    assert not any("groups" in p for p in crossed.diagnostics.problems)
    assert crossed["x"].sum(-1).mean() == pytest.approx(right, abs=0.06)
    assert set(np.unique(crossed["x"].sum(-1))) == {0, 2}


@pytest.mark.parametrize(
    "verb", ["sample", "gradient", "compare", "log_partition", "thermodynamics", "fit"]
)
def test_every_verb_that_starts_chains_takes_init(gas: ebm.Model, verb: str):
    empty, full = {"n": np.zeros((4, 4))}, {"n": np.ones((4, 4))}
    rows = {"n": np.zeros((8, 4, 4))}
    calls: dict[str, Any] = {
        "sample": lambda init: ebm.sample(gas, MU, draws=5, init=init, progress=False),
        "gradient": lambda init: ebm.gradient(gas, MU, sampler="gibbs", draws=5, init=init),
        "compare": lambda init: ebm.compare(gas, MU, ["gibbs"], draws=100, warmup=10, init=init),
        "log_partition": lambda init: ebm.log_partition(gas, MU, "ais", target_error=1.0, init=init),
        "thermodynamics": lambda init: ebm.thermodynamics(gas, MU, [1.0], target_error=1.0, init=init),
        "fit": lambda init: ebm.fit(gas, rows, epochs=1, init=init, progress=False),
    }  # fmt: skip
    calls[verb](empty)
    with pytest.raises(ebm.EbmError, match=r"E703.*no finite energy"):
        calls[verb](full)


WEIGHTS = np.array([0.0, 1.0, 0.5, 0.2])
KINDS = {
    "a number": ("visible b : binary energy = if b == 1 then inf else 0", {}, 1.0),
    "a pole": ("visible b : binary visible c : binary energy = -log(1 - b*c)", {}, 3.0),
    "inf times": ("dim i = 6 cyclic visible n : binary[i] energy = inf * sum(k in i) n[k]*n[k+1]", {}, 18.0),
    "no weight": (
        "dim i = 4 visible n : binary[i] given p : real<0, 1>[i] "
        "energy = -sum(k) (n[k]*log(p[k]) + (1-n[k])*log(1-p[k]))", {"p": WEIGHTS}, 1.0,
    ),
    "a quotient": ("visible x : integer<0, 4> energy = 1/x", {}, sum(math.exp(-1 / x) for x in range(1, 5))),
    "a power": ("visible x : integer<0, 4> energy = x^-2", {}, sum(math.exp(-1 / x**2) for x in range(1, 5))),
    "log of whole numbers": ("visible x : integer<0, 4> energy = -log(x)", {}, 10.0),
    "spins": ("dim n = 3 visible x : spin[n] energy = sum(i<j) (if x[i]==x[j] then 0 else inf)", {}, 2.0),
    "a maximum": ("dim n = 3 visible x : spin[n] energy = max(i) (if x[i]==1 then inf else 0)", {}, 1.0),
    "a product": ("dim n = 3 visible x : spin[n] energy = -log(prod(i) (1-x[i])/2)", {}, 1.0),
    "a let": (
        "dim n = 3 visible x : binary[n] let e[i] = if x[i] == 1 then inf else 0 energy = e[0] + 2*e[2]",
        {}, 2.0,
    ),
    "logsumexp": (
        "dim n = 3 visible x : binary[n] energy = -logsumexp(i) (if x[i] == 1 then 0 else -inf)", {}, 12.0,
    ),
    "a density": ("given N : integer<0, 9> visible k : integer<0, 9> ~ binomial(N, 0.5)", {"N": 4}, 1.0),
    "a hidden unit": (
        "dim i = 2 visible v : binary[i] latent h : binary energy = if h == 0 and v[0] == 1 then inf else 0",
        {}, 6.0,
    ),
    "a penalty beside": (
        "dim n = 4 visible x : binary[n] energy = 1e7*(sum(x) - 2)^2 + (if x[0]*x[1] > 0 then inf else 0)",
        {}, 5.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_a_wall_weighs_nothing(kind: str):
    text, data, z = KINDS[kind]
    model = ebm.loads(text, **data)
    found = ebm.log_partition(model, {})
    assert found.value == pytest.approx(math.log(z), abs=1e-8)
    drawn = ebm.sample(model, {}, draws=60, progress=False)
    assert np.isfinite(drawn.energy).all()


def test_an_energy_of_minus_infinity_is_no_law():
    model = ebm.loads("dim n = 2 visible x : binary[n] energy = log(x[0])")
    for verb in (
        lambda: ebm.log_partition(model, {}),
        lambda: ebm.sample(model, {}, draws=20, progress=False),
    ):
        with pytest.raises(ebm.EbmError, match=r"E703.*(-inf|left the finite energies)"):
            verb()


def test_walls_over_real_unknowns():
    model = ebm.loads(
        "dim n = 1 visible x : real[n] param a : real energy = sum(x^2)/2 "
        "energy wall = if x[0] > a then inf else 0"
    )
    below = 0.5 * (1 + math.erf(0.7 / math.sqrt(2)))
    found = ebm.log_partition(model, {"a": 0.7})
    assert found.value == pytest.approx(0.5 * math.log(2 * math.pi) + math.log(below), abs=1e-5)
    assert abs(found.value - math.log(math.sqrt(2 * math.pi) * below)) <= 5 * found.std_error
    drawn = ebm.sample(model, {"a": 0.7}, draws=2000, progress=False)
    assert drawn["x"][..., 0].max() <= 0.7
    mean = -math.exp(-(0.7**2) / 2) / math.sqrt(2 * math.pi) / below
    error = drawn["x"][..., 0].std() / math.sqrt(drawn.diagnostics.ess["x"])
    assert abs(drawn["x"][..., 0].mean() - mean) < 5 * error
    assert "walls stand in `x`" in str(model.explain())


def test_what_explain_promises_of_a_chain_with_walls_the_call_does():
    model = ebm.loads(
        "dim i = 60 cyclic visible n : binary[i] param mu : real energy = -mu * sum(n) "
        "energy core = sum(k in i) (if n[k]*n[k+1] > 0 then inf else 0)"
    )
    assert "log Z: exact, n eliminated along a front" in str(model.explain())
    step = np.array([[1, math.exp(0.5)], [math.exp(0.5), 0]])
    right = math.log(np.trace(np.linalg.matrix_power(step, 60)))
    assert ebm.log_partition(model, MU).value == pytest.approx(right, abs=1e-8)


def test_a_compiled_model_without_walls_is_left_as_it_is():
    text = (
        "dim n = 4 visible s : spin[n] param J : real[n] energy = -J @ s - sum(i < j) s[i]*s[j]/n"
    )
    model = ebm.loads(text)
    assert model.walled is model.program


def enumerated(model: ebm.Model, params: dict[str, Any], sites: int) -> np.ndarray:
    states = np.array(list(itertools.product([0, 1], repeat=sites)))
    energy = np.asarray(model.energy(params, {"x": states}), float)
    weights = np.exp(-(energy - energy[np.isfinite(energy)].min()))
    return weights / weights.sum() @ states


@pytest.mark.parametrize("seed", range(2))
def test_random_clauses_are_satisfied_with_the_right_frequencies(seed: int):
    """Random 3-clauses as walls beside random fields, against listing."""
    rng = np.random.default_rng(seed)
    clauses = [rng.choice(5, 3, replace=False) for _ in range(4)]
    signs = rng.integers(0, 2, (4, 3))
    walls = " ".join(
        f"energy c{k} = if "
        + " and ".join(f"x[{i}] == {s}" for i, s in zip(clause, sign, strict=True))
        + " then inf else 0"
        for k, (clause, sign) in enumerate(zip(clauses, signs, strict=True))
    )
    model = ebm.loads(f"dim n = 5 visible x : binary[n] param h : real[n] energy = -h @ x {walls}")
    params = {"h": rng.normal(size=5)}
    wanted = enumerated(model, params, 5)
    exact = ebm.gradient(model, params, sampler="exact").mean["h"]
    np.testing.assert_allclose(-np.asarray(exact), wanted, atol=1e-6)
    drawn = ebm.sample(model, params, draws=3000, sampler="tempering", progress=False)
    np.testing.assert_allclose(drawn["x"].mean((0, 1)), wanted, atol=0.05)
