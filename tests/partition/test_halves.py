"""Listings in two halves, exact answers of discrete models, and which way is taken."""

import json
from typing import Any

import numpy as np
import pytest
from partition.test_elimination import by, same
from samplers.test_truth import POTTS, SK

import ebmlang as ebm
from conftest import PROGRAMS, shared_data
from ebmlang.partition.choosing import ways_of
from ebmlang.partition.exact import exact
from ebmlang.samplers.run import clamped

MIXED = """dim n = 4, q = 3
visible s : spin[n] visible b : binary[n] visible c : category(q)[n] visible k : integer<-1, 1>[n]
param J : real[n, n] param K : real[n, q] param a : real
energy = -s @ J @ b - (sum(i, j) s[i] * K[j, c[j]]) + a * (sum(i, j) k[i] * k[j] * J[i, j]) - b @ J @ k"""


def mixed_params() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"J": rng.normal(size=(4, 4)), "K": rng.normal(size=(4, 3)), "a": 0.3}


def test_two_halves_equal_a_plain_listing():
    model, params = ebm.loads(MIXED), mixed_params()
    clamp = {"k": (np.array([0.0, 1, 0, -1]), np.array([False, True, False, True]))}
    more: dict[str, Any] = {"gradient": True, "clamp": clamp, "beta": 0.6}
    same(by("listing in two halves", model, params, **more), by("listing", model, params, **more))


def test_a_glass_of_sixteen_spins_at_four_temperatures():
    cases = json.loads((shared_data() / "truth" / "exact_discrete.json").read_text())
    model = ebm.loads(SK, n=16)
    for beta in ("0.5", "1.0", "2.0", "4.0"):
        case = cases[f"sk16_beta{beta}"]
        params = {"J": np.array(case["J_upper"]), "h": np.array(case["h"])}
        found = by("listing in two halves", model, params, beta=float(beta), gradient=True)
        assert found.log_z == pytest.approx(case["logZ"], rel=1e-11)
        assert found.gradient is not None
        np.testing.assert_allclose(-found.gradient["h"], case["mean"], atol=1e-9)
        pairs = np.triu(np.array(case["second_moment"]), 1)
        np.testing.assert_allclose(-np.triu(found.gradient["J"], 1), pairs, atol=1e-9)


@pytest.mark.parametrize("name", ["ring9_nofield", "torus3x3_ferro", "torus3x3_random"])
def test_potts_models(name: str):
    case = json.loads((shared_data() / "truth" / "exact_discrete.json").read_text())
    case = case[f"potts3_{name}"]
    edges = np.array(case["edges"])
    model = ebm.loads(POTTS, n=9, q=3, bonds=edges)
    params = {"J": np.array(case["J"]), "field": np.array(case["field"])}
    found = exact(model, params, beta=case["beta"], gradient=True)
    assert found.log_z == pytest.approx(case["logZ"], rel=1e-11)
    assert found.gradient is not None
    np.testing.assert_allclose(-found.gradient["field"], case["one_point"], atol=1e-9)


def test_small_random_graphs():
    cases = json.loads((shared_data() / "truth" / "exact_discrete.json").read_text())
    text = """dim n = 6 visible y : binary[n, n] symmetric hollow
    param a : real param b : real param c : real
    energy = -a * (sum(i < j) y[i, j])
             - b * (sum(i, j, k, j < k, i != j, i != k) y[i, j] * y[i, k])
             - c * (sum(i < j < k) y[i, j] * y[j, k] * y[i, k])"""
    model = ebm.loads(text)
    found = {}
    for name, case in cases.items():
        if name.startswith("ergm6"):
            params = dict(zip("abc", case["theta"], strict=True))
            found[name] = ebm.log_partition(model, params, "exact").value - case["logZ"]
    assert len(found) == 3
    np.testing.assert_allclose(list(found.values()), 0, atol=1e-9)


@pytest.mark.slow
def test_twenty_five_units_with_their_gradient():
    model = ebm.load(PROGRAMS / "boltzmann_machine.ebm", unit=25)
    rng = np.random.default_rng(0)
    params = {
        n: space.full(rng.normal(0, 0.3, space.number).astype(np.float32))
        for n, space in model.parameter_space.sites.items()
    }
    same(
        by("listing in two halves", model, params, gradient=True),
        by("listing", model, params, gradient=True),
    )


TAKEN = (
    ("dim n = 40 visible s : spin[n] param J : real energy = -J * sum(i in 0..n-1) s[i] * s[i+1]",
     "elimination"),
    ("dim n = 24 visible s : spin[n] param J : real energy = -J * sum(i < j) s[i] * s[j]",
     "listing in two halves"),
    ("dim n = 12, m = 300 visible v : binary[m] latent h : binary[n] param J : real[m, n] "
     "energy = -v @ J @ h", "listing"),
    ("visible x : real param J : real energy = x ^ 4 - J * x", "quadrature"),
    ("dim n = 30 visible t : angle[n] param J : real "
     "energy = -J * sum(i in 0..n-1) cos(t[i] - t[i+1])", "elimination"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), TAKEN)
def test_the_cheapest_way_is_taken_and_explain_names_it(text: str, wanted: str):
    model = ebm.loads(text)
    way = ways_of(model, clamped(model, None)).cheapest(gradient=False)[0]
    assert way.name == wanted
    assert f"log Z: exact, {way.says}" in str(model.explain())


def test_infinite_energies_are_eliminated_like_others():
    text = """dim n visible b : binary[n] param a : real
    energy = -a * sum(b) - sum(i in 0..n-1) log(1 - b[i] * b[i + 1])"""
    found = ebm.log_partition(ebm.loads(text, n=21), {"a": 0.0}, "exact")
    assert found.value == pytest.approx(np.log(28657), abs=1e-9)  # the 23rd of Fibonacci's numbers
    longer = ebm.log_partition(ebm.loads(text, n=60), {"a": 0.0}, "exact")
    assert "eliminated" in longer.method
    assert longer.value == pytest.approx(np.log(4052739537881), abs=1e-9)


def test_explain_says_that_a_wide_lattice_is_annealed():
    text = """dim n = 40 cyclic visible s : spin[n, n]
    energy = -sum(i, j) s[i, j] * s[i+1, j] - sum(i, j) s[i, j] * s[i, j+1]"""
    assert "log Z: by annealed importance sampling" in str(ebm.loads(text).explain())
