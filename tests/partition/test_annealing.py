"""Annealed importance sampling: against exact answers, its errors by repetition, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from samplers.test_truth import DATA, truth

import ebmlang as ebm
from ebmlang.partition.weights import estimate

SLOW = pytest.mark.slow
ISING = """dim row = {0} cyclic, col = {0} cyclic
visible s : spin[row, col]
energy = -sum(i, j) s[i, j] * (s[i+1, j] + s[i, j+1])"""
CRITICAL = 0.44068679350977151
RBM = """dim pixel, unit
visible v : binary[pixel]
latent  h : binary[unit]
param W : real[pixel, unit]
param b : real[pixel]
param c : real[unit]
energy = -v @ W @ h - b @ v - c @ h"""


def annealed(text: str, params: dict[str, Any] | None = None, **settings: Any) -> Any:
    sizes = settings.pop("sizes", {})
    return ebm.log_partition(ebm.loads(text, **sizes), params or {}, "ais", **settings)


def near(found: Any, wanted: float, errors: float = 5.0) -> None:
    """The value within so many of its errors, and nothing said against it."""
    assert abs(found.value - wanted) < errors * found.std_error
    assert found.std_error < 0.2
    assert not found.problems
    assert found.lower < found.upper
    assert found.effective > 10


def test_the_mean_of_log_normal_weights_is_estimated_with_its_error():
    rng = np.random.default_rng(0)
    found = [estimate(rng.normal(1.0, 0.5, 200), 2.0) for _ in range(400)]
    off = np.array([(f.log_mean - 3.125) / f.std_error for f in found])
    assert abs(off.mean()) < 0.25
    assert 0.85 < off.std() < 1.15


def test_weights_that_do_not_count_are_told():
    heavy = estimate(np.append(np.zeros(99), 50.0), 0.0)
    assert heavy.effective < 1.01
    assert not heavy.sound


def test_an_ising_lattice_as_by_enumeration():
    text = ISING.format(4)
    first = annealed(text, beta=CRITICAL, seed=1)
    near(first, 15.521915458755283)
    assert annealed(text, beta=CRITICAL, seed=1).value == first.value
    assert "annealed importance sampling" in str(first)


KINDS = {
    "positive": ("visible a : positive energy = 2 * a - 1.5 * log(a)",
                 math.lgamma(2.5) - 2.5 * math.log(2)),
    "simplex": ("dim k = 3 visible w : simplex[k] energy = -sum(i) 2 * log(w[i])",
                3 * math.lgamma(3) - math.lgamma(9)),
    "symmetric": ("dim n = 3 visible a : real[n, n] symmetric energy = sum(i <= j) a[i, j]^4",
                  6 * math.log(2 * math.gamma(1.25))),
    "categories": ("dim k = 3, n = 4 cyclic visible x : category(k)[n]"
                   " energy = -sum(i) 1.2 * (x[i] == x[i+1])",
                   math.log((math.exp(1.2) + 2) ** 4 + 2 * (math.exp(1.2) - 1) ** 4)),
    "integers": ("dim n = 2 visible k : integer<0, 4>[n] energy = 0.5 * sum(k ^ 2) - 1.0 * k[0] * k[1]",
                 math.log(sum(math.exp(-0.5 * (a * a + b * b) + a * b)
                              for a in range(5) for b in range(5)))),
    "clamped": ("dim n = 4 visible s : spin[n] energy = -sum(i in 0..n-1) s[i] * s[i+1]",
                3 * math.log(2 * math.cosh(1.0))),
}  # fmt: skip


@pytest.mark.parametrize("kind", [pytest.param(k, marks=SLOW)
                                  for k in KINDS])  # fmt: skip
def test_every_kind_of_site_has_its_base(kind: str):
    text, wanted = KINDS[kind]
    clamp = {"s": (np.ones(4), [True, False, False, False])} if kind == "clamped" else None
    near(annealed(text, clamp=clamp, seed=3), wanted)


def test_what_nothing_confines_is_refused_by_name():
    with pytest.raises(ebm.EbmError, match=r"E709.*`x` stands in no energy"):
        ebm.log_partition(ebm.loads("visible x : real visible s : spin energy = -s"), {})
    with pytest.raises(ebm.EbmError, match=r"E709.*falls without limit as `x`"):
        ebm.log_partition(ebm.loads("visible x : real energy = -x"), {})


@SLOW
def test_standard_errors_cover_the_truth_at_their_rate():
    model = ebm.loads(ISING.format(4))
    found = [ebm.log_partition(model, {}, "ais", beta=CRITICAL, seed=s, chains=64, target_error=1)
             for s in range(100)]  # fmt: skip
    off = np.array([(z.value - 15.521915458755283) / z.std_error for z in found])
    assert 88 <= np.sum(np.abs(off) < 2) <= 100
    assert 0.75 < off.std() < 1.3
    assert np.mean([z.lower < 15.521915458755283 < z.upper for z in found]) > 0.9


@SLOW
def test_a_critical_lattice_of_256_spins():
    exact = float(truth("ising_exact.json")["values"]["L=16,beta=beta_c"]["logZ"])
    found = annealed(ISING.format(16), beta=CRITICAL, target_error=0.02)
    near(found, exact)
    assert abs(found.value - exact) < 0.05


@SLOW
def test_a_trained_machine_of_784_pixels():
    path = DATA / "rbm" / "pylearn2_mnistvh.npz"
    if not path.exists():
        pytest.skip(f"no trained machine at {path}: set EBMLANG_DATA")
    stored = np.load(path)
    params = {"W": stored["W"], "b": stored["bv"], "c": stored["bh"]}
    found = annealed(RBM, params, sizes={"pixel": 784, "unit": 15})
    assert abs(found.value - float(stored["logZ_exact"])) < 0.1
    assert not found.problems


@SLOW
@pytest.mark.parametrize("case", ["phi4_chain16", "xy_chain12_beta2"])
def test_chains_of_real_sites(case: str):
    texts = {
        "phi4_chain16": ("dim n = 16 cyclic visible p : real[n] energy = sum(i) "
                         "(0.5 * (p[i] - p[i+1])^2 + 0.25 * p[i]^4 - 0.5 * p[i]^2)", 1.0),
        "xy_chain12_beta2": ("dim n = 12 cyclic visible t : angle[n] "
                             "energy = -sum(i) cos(t[i+1] - t[i])", 2.0),
    }  # fmt: skip
    text, beta = texts[case]
    near(annealed(text, beta=beta), truth("exact_continuous.json")[case]["logZ"])


@SLOW
@pytest.mark.parametrize("side", [4, 8])
def test_thermodynamics_of_the_ising_table(side: int):
    table = truth("ising_exact.json")["values"]
    rows = [r for key, r in table.items() if key.startswith(f"L={side},")]
    betas = [CRITICAL if r["beta"].startswith("beta_c") else float(r["beta"]) for r in rows]
    found = ebm.thermodynamics(ebm.loads(ISING.format(side)), {}, betas)
    order = np.argsort(betas)
    for name, key in (("log_z", "logZ"), ("energy", "U"), ("heat_capacity", "C")):
        wanted = np.array([float(rows[k][key]) for k in order])
        assert np.all(np.abs(found.values[name] - wanted) < 5 * found.errors[name]), name
    wanted = np.array([betas[k] * float(rows[k]["U"]) + float(rows[k]["logZ"]) for k in order])
    assert np.all(np.abs(found.entropy - wanted) < 5 * found.errors["entropy"])
    assert not found.problems


def test_thermodynamics_refuses_what_is_no_beta():
    with pytest.raises(ebm.EbmError, match="E704"):
        ebm.thermodynamics(ebm.loads("visible s : spin energy = -s"), {}, [-0.5, 1.0])
