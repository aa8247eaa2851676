"""Gibbs in every lowering, tempering and clusters against tables of exact answers.

What each case takes from the compiler: the glass on a grid its tables of neighbours, the dense
glass its carried fields, a path of categories a slope a variable, the Ising table its diagonals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from energy.formulas import PROGRAMS

import ebmlang as ebm
from ebmlang.samplers.dense import DenseWay
from ebmlang.samplers.diagonals import Diagonals
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.settings import Gibbs
from ebmlang.samplers.sparse import SparseWay
from samplers.test_truth import SK, agree, draws_of, truth

GRID = """
dim r = 10, c = 10
visible s : spin[r, c]
param Jh : real[r, c]
param Jv : real[r, c]
param h  : real[r, c]
energy across = -sum(i, j in 0..c-1) Jh[i, j] * s[i, j] * s[i, j+1]
energy down   = -sum(i in 0..r-1, j) Jv[i, j] * s[i, j] * s[i+1, j]
energy field  = -sum(h * s)
"""
SLOW = pytest.mark.slow


def block_of(model: ebm.Model) -> Any:
    """The one block that exact Gibbs takes."""
    (block,) = make_plan(model.target, Gibbs(), {}).blocks
    return block


def seen(found: np.ndarray, wanted: Any) -> None:
    """As `agree`, for products of spins that turn more often than once in 2000 draws."""
    often = np.abs(wanted) < 0.999
    agree(found[..., often], np.asarray(wanted)[often])


@pytest.mark.parametrize(
    ("beta", "sampler"),
    [
        ("0.5", "gibbs"),
        pytest.param("1.0", "gibbs", marks=SLOW),
        pytest.param("2.0", "tempering", marks=SLOW),
    ],
)
def test_a_glass_on_an_open_grid(beta: str, sampler: str):
    exact = truth("exact_discrete.json")[f"grid10_glass_beta{beta}"]
    model = ebm.loads(GRID)
    assert isinstance(block_of(model).way, SparseWay)
    params = {
        "Jh": np.pad(exact["Jh"], ((0, 0), (0, 1))),
        "Jv": np.pad(exact["Jv"], ((0, 1), (0, 0))),
        "h": np.array(exact["h"]),
    }
    more = {"draws": 1000, "warmup": 1000} if beta != "0.5" else {}
    draws = draws_of(model, params, beta=float(beta), sampler=sampler, **more)
    s = draws["s"].astype(float)
    seen(s, exact["mean"])
    seen(s[..., :-1, :] * s[..., 1:, :], exact["corr_vertical"])
    seen(s[..., :, :-1] * s[..., :, 1:], exact["corr_horizontal"])
    agree(draws.energy, exact["U"])


@SLOW
@pytest.mark.parametrize("beta", ["2.0", "4.0"])
def test_a_dense_glass_in_the_cold_by_tempering(beta: str):
    exact = truth("exact_discrete.json")[f"sk16_beta{beta}"]
    params = {"J": np.array(exact["J_upper"]), "h": np.array(exact["h"])}
    draws = draws_of(
        ebm.loads(SK, n=16), params, beta=float(beta), sampler="tempering", draws=1000, warmup=1000
    )
    s = draws["s"].astype(float)
    agree(s, exact["mean"])
    agree(np.einsum("cdi,cdj->cdij", s, s), exact["second_moment"])
    agree(draws.energy, exact["U"])


def test_a_dense_glass_by_carried_fields():
    """Sixty-four spins that all meet: the fields are carried, and agree with the slope's own run."""
    text = (
        "dim n = 64 visible s : spin[n] param J : real[n, n] symmetric hollow param h : real[n] "
        "energy = -sum(i < j) J[i, j] * s[i] * s[j] - h @ s"
    )
    model = ebm.loads(text)
    assert isinstance(block_of(model).way, DenseWay)
    rng = np.random.default_rng(3)
    half = np.triu(rng.normal(size=(64, 64)) / 16, 1)
    params = {"J": half + half.T, "h": 0.3 * rng.normal(size=64)}
    s = draws_of(model, params)["s"].astype(float)
    # At any law of this kind E[s_i] = E[tanh(h_i + sum_j J_ij s_j)] (Callen 1963).
    agree(s - np.tanh(params["h"] + s @ params["J"]), 0.0)
    agree(s[..., :1] * (s - np.tanh(params["h"] + s @ params["J"]))[..., 1:], 0.0)


@SLOW
def test_a_path_of_categories_of_different_sizes():
    exact = truth("exact_discrete.json")["categorical_path_mixed_card"]
    sizes = exact["card"]
    lines = [f"dim k{i} = {n}\nvisible x{i} : category(k{i})" for i, n in enumerate(sizes)]
    lines += [f"param t{i} : real[k{i}]\nenergy site{i} = -t{i}[x{i}]" for i in range(len(sizes))]
    for i in range(len(sizes) - 1):
        lines.append(f"param W{i} : real[k{i}, k{i + 1}]\nenergy pair{i} = -W{i}[x{i}, x{i + 1}]")
    params = {f"t{i}": np.array(t) for i, t in enumerate(exact["theta"])}
    params |= {f"W{i}": np.array(w) for i, w in enumerate(exact["W"])}
    draws = draws_of(ebm.loads("\n".join(lines)), params)
    for i, wanted in enumerate(exact["one_point"]):
        agree(draws[f"x{i}"][..., None] == np.arange(sizes[i]), wanted)
    first, last = np.eye(sizes[0])[draws["x0"]], np.eye(sizes[5])[draws["x5"]]
    agree(np.einsum("cdk,cdl->cdkl", first, last), exact["joint_0_5"])


BETAS = ("0.1", "0.2", "0.3", "0.4", "beta_c", "0.45", "0.5", "0.6", "1.0")


@SLOW
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("side", [3, 4, 6, 8, 10, 12, 16])
def test_the_whole_table_of_the_ising_model(side: int, beta: str):
    """Energy and heat capacity. From beta 0.5 on by clusters: stripes hold single spins for ages."""
    row = truth("ising_exact.json")["values"][f"L={side},beta={beta}"]
    model = ebm.load(PROGRAMS / "ising.ebm", row=side, col=side)
    way = block_of(model).way
    assert isinstance(way, SparseWay)
    assert isinstance(way.layout, Diagonals) or side % 2
    cold = float(row["beta"]) >= 0.5
    draws = draws_of(
        model, model.init(), beta=float(row["beta"]), draws=1000, warmup=1500,
        sampler="clusters" if cold else "gibbs",
    )  # fmt: skip
    agree(draws.energy, float(row["U"]))
    agree((draws.energy - float(row["U"])) ** 2 * float(row["beta"]) ** 2, float(row["C"]))
