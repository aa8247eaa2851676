"""Integrals on grids and on lines of nodes against exact answers, and refusals of what has none."""

import json
from typing import Any

import jax
import numpy as np
import pytest
from samplers.continuous import NAMES, cases
from scipy.special import gamma, i0, iv

import ebmlang as ebm
from conftest import shared_data
from ebmlang.partition.exact import exact

QUICK = ("double_well", "four_gaussians", "two_moons", "quartic_1d", "phi4_chain16")


def log_z(text: str, params: Any = None, **more: Any) -> float:
    return exact(ebm.loads(text), params or {}, **more).log_z


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]
)
def test_every_case_with_a_known_integral(name: str):
    stored = json.loads((shared_data() / "truth" / "exact_continuous.json").read_text())
    case = cases(stored)[name]
    found = exact(ebm.loads(case.text), {}, beta=case.beta)
    assert found.log_z == pytest.approx(stored[name]["logZ"], abs=1e-8)
    assert found.error == 0


QUARTIC = "dim k visible x : real[k] energy = sum(i < j) x[i] ^ 2 * x[j] ^ 2 + sum(x ^ 4)"
KNOWN = (
    ("visible x : positive energy = x - 0.5 * log(x)", np.log(gamma(1.5))),
    ("visible x : real energy = log(1 + x ^ 2)", np.log(np.pi)),
    ("visible x : real energy = (x - 1000) ^ 4", np.log(2 * gamma(1.25))),
    ("visible x : real energy = 1e8 * (x + 7) ^ 4", np.log(2 * gamma(1.25) / 100)),
    ("visible x : angle energy = -3 * cos(x - 1)", np.log(2 * np.pi * i0(3.0))),
    ("visible x : real<-1, 2> energy = x + 0 * abs(x)", np.log(np.exp(1) - np.exp(-2))),
    (
        "dim k = 3 visible p : simplex[k] energy = -sum(i) (i + 1) * log(p[i])",
        np.log(gamma(2) * gamma(3) * gamma(4) / gamma(9)),
    ),
)


@pytest.mark.parametrize(("text", "wanted"), KNOWN)
def test_every_type_of_real_number(text: str, wanted: float):
    assert log_z(text) == pytest.approx(wanted, abs=1e-8)


def test_a_mixed_model_and_its_gradient():
    text = (
        "visible x : real visible s : spin visible y : real param a : real param b : positive "
        "energy = b * x ^ 4 - a * s * x + (y - x) ^ 2 / 2"
    )
    t = np.linspace(-6, 6, 20001)
    weight = 2 * np.cosh(0.7 * t) * np.exp(-1.3 * t**4)
    wanted = np.log(weight.sum() * (t[1] - t[0])) + np.log(2 * np.pi) / 2
    found = exact(ebm.loads(text), {"a": 0.7, "b": 1.3}, gradient=True)
    assert found.log_z == pytest.approx(wanted, abs=1e-9)
    assert found.gradient is not None
    share = weight / weight.sum()
    np.testing.assert_allclose(found.gradient["b"], (share * t**4).sum(), atol=1e-8)
    slope = -(share * t * np.tanh(0.7 * t)).sum()
    np.testing.assert_allclose(found.gradient["a"], slope, atol=1e-8)
    assert "quadrature over x" in found.how


def test_three_numbers_at_once():
    found = exact(
        ebm.loads(
            "dim k = 3 visible x : real[k] energy = sum(i) x[i] ^ 4 + x[0] * x[1] * x[2] / 4"
        ),
        {},
    )
    t = np.linspace(-4, 4, 121)
    x, y, z = np.meshgrid(t, t, t, indexing="ij")
    cube = np.exp(-(x**4) - y**4 - z**4 - x * y * z / 4)
    assert found.log_z == pytest.approx(np.log(cube.sum()) + 3 * np.log(t[1] - t[0]), abs=1e-8)
    assert "a grid of 64 x 64 x 64" in found.how


@pytest.mark.slow
def test_a_kink_leaves_an_error_that_is_told():
    text = "visible x : real visible y : real energy = 3 * abs(x - 2 * y) + abs(y) + x ^ 2 * y ^ 2"
    found = ebm.log_partition(ebm.loads(text), {}, "exact")
    t = np.linspace(-16, 16, 2001)
    inner = np.exp(-3 * np.abs(t[:, None] - 2 * t) - np.abs(t) - t[:, None] ** 2 * t**2)
    wanted = np.log(inner.sum()) + 2 * np.log(t[1] - t[0])
    assert found.value == pytest.approx(wanted, abs=1e-3)


def test_part_of_a_variable_held_leaves_the_rest_to_integrate():
    model = ebm.loads(QUARTIC, k=5)
    held = {"x": (np.array([0.5, 0, 0, -0.5, 0]), np.array([True, False, True, True, False]))}
    found = exact(model, {}, clamp=held).log_z
    t = np.linspace(-4, 4, 801)
    a, b = np.meshgrid(t, t, indexing="ij")
    energy = a**4 + b**4 + 0.125 + a**2 * b**2 + 0.5 * (a**2 + b**2) + 0.0625
    wanted = np.log(np.exp(-energy).sum()) + 2 * np.log(t[1] - t[0])
    assert found == pytest.approx(wanted, abs=1e-8)


def test_a_chain_of_rotors_equals_its_transfer_operator():
    text = """dim n = 20 visible t : angle[n] param J : real
    energy = -J * sum(i in 0..n-1) cos(t[i + 1] - t[i])"""
    found = exact(ebm.loads(text), {"J": 1.4}, gradient=True)
    assert found.log_z == pytest.approx(20 * np.log(2 * np.pi) + 19 * np.log(i0(1.4)), rel=1e-11)
    assert found.gradient is not None
    np.testing.assert_allclose(found.gradient["J"], -19 * iv(1, 1.4) / i0(1.4), rtol=1e-9)
    assert "eliminated along a front of 1 site" in found.how


def test_a_chain_of_real_sites_with_labels():
    text = """dim n = 5, q = 2 visible x : real[n] visible c : category(q)[n] param a : real
    energy = sum(i in 0..n-1) (x[i + 1] - x[i]) ^ 2 * (if c[i] == 0 then 1 else 2)
             + sum(i) (x[i] ^ 4 - a * x[i] * (c[i] == 1))"""
    found = exact(ebm.loads(text), {"a": 0.8}, gradient=True)
    t = np.linspace(-3.5, 3.5, 141)
    site = np.exp(-(t**4))[None] * np.exp(0.8 * t * np.array([[0.0], [1.0]]))
    link = np.exp(-((t[:, None] - t) ** 2) * np.array([1.0, 2.0])[:, None, None])
    row = site.sum(0)  # the last site has no link
    for _ in range(4):
        row = np.einsum("cx,cxy,y->x", site, link, row)
    wanted = np.log(row.sum()) + 5 * np.log(t[1] - t[0])
    assert found.log_z == pytest.approx(wanted, abs=1e-8)
    assert found.gradient is not None


def test_weights_that_do_not_fall_off_are_refused():
    for text in ("visible x : real energy = tanh(x)", "visible x : real energy = log(2 + cos(x))"):
        with pytest.raises(ebm.EbmError, match=r"E70[58]"):
            ebm.log_partition(ebm.loads(text), {}, "exact")


def test_an_infinite_weight_is_refused():
    model = ebm.loads("visible x : real energy = x ^ 2 + 3 * log(abs(x))")
    with pytest.raises(ebm.EbmError, match=r"E70[38]"):
        ebm.log_partition(model, {}, "exact")


def test_too_many_numbers_are_refused_with_what_was_considered():
    model = ebm.loads(QUARTIC, k=12)
    with pytest.raises(ebm.EbmError, match=r"E705[\s\S]*quadrature[\s\S]*elimination[\s\S]*ais"):
        ebm.log_partition(model, {}, "exact")


def test_a_second_call_compiles_nothing():
    model = ebm.loads("visible x : real param a : positive energy = a * x ^ 4")
    first = exact(model, {"a": 1.0}, gradient=True)
    whole, traced = type(model.target).lowering, []
    with pytest.MonkeyPatch.context() as patch:
        spy = lambda *a: (traced.append(a), whole(*a))[1]  # noqa: E731
        patch.setattr(type(model.target), "lowering", spy)
        second = exact(model, {"a": 16.0}, gradient=True)
    assert not traced
    assert first.log_z - second.log_z == pytest.approx(np.log(2), abs=1e-9)
    assert not jax.config.jax_enable_x64  # type: ignore[attr-defined]


def test_a_narrow_peak_far_away_is_seen():
    line = (
        "visible x : real visible z : binary energy = z * (x - 50) ^ 2 * 5e5 "
        "+ (1 - z) * (x + 3) ^ 2 * 50 + 0.1 * sqrt(1 + x ^ 2)"
    )
    t = np.linspace(-9, 9, 4001)
    parts = [
        np.exp(-(t**2) - 0.1 * np.sqrt(1 + (at + t / width**0.5) ** 2)).sum() * (t[1] - t[0])
        for at, width in ((50, 5e5), (-3, 50))
    ]
    wanted = np.log(parts[0] / 5e5**0.5 + parts[1] / 50**0.5)
    assert log_z(line) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.slow
def test_a_peak_narrower_than_the_finest_grid_is_refused():
    plane = (
        "visible x : real visible y : real visible z : binary "
        "energy = z * (x ^ 2 + y ^ 2) * 5e8 + (1 - z) * ((x - 30) ^ 2 + (y - 20) ^ 2) * 100 "
        "+ 0.1 * sqrt(1 + x ^ 2 + y ^ 2)"
    )
    with pytest.raises(ebm.EbmError, match=r"E705[\s\S]*narrower than a cell"):
        ebm.log_partition(ebm.loads(plane), {}, "exact")
