"""Subscripts that stay inside by what is proved of them: conditions, branches, limits of values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebmlang as ebm

R = np.random.default_rng(11)
N = 5
RANGE = range(N)
PAIRS = list(itertools.combinations(RANGE, 2))
W = [1.0, 2.0, 3.0, 4.0, 5.0]
HEADER = "dim n = 5, lag = 3, cap = 4, two = 2, links = n * (n - 1) / 2 + 1 "
TABLES = "param J : real[n] param K : real[lag] param V : real[cap] param T : real[two] param U : real[links] "
SPINS = "visible s : spin[n] "
LINKS = "visible a : binary[n, n] symmetric hollow "
Energy = Callable[[dict[str, np.ndarray], dict[str, np.ndarray]], float]

INSIDE: dict[str, tuple[str, str, Energy]] = {
    "j above i": (SPINS, "sum(i < j) J[j - i] * s[i] * s[j]",
        lambda p, v: sum(p["J"][j - i] * v["s"][i] * v["s"][j] for i, j in PAIRS)),
    "the ends of a triple": (SPINS, "sum(i < j < k) J[k - i] * s[i] * s[j] * s[k]",
        lambda p, v: sum(p["J"][k - i] * v["s"][i] * v["s"][j] * v["s"][k]
                         for i, j, k in itertools.combinations(RANGE, 3))),
    "near pairs": (SPINS, "sum(i < j, j - i < 3) K[j - i] * s[i] * s[j]",
        lambda p, v: sum(p["K"][j - i] * v["s"][i] * v["s"][j] for i, j in PAIRS if j - i < 3)),
    "distances": (SPINS, "sum(i != j, abs(i - j) < lag) K[abs(i - j)] * s[i] * s[j] / 2",
        lambda p, v: sum(p["K"][j - i] * v["s"][i] * v["s"][j] for i, j in PAIRS if j - i < 3)),
    "lags that fit": (SPINS, "sum(i, d in 1..3, i + d < n) K[d] * s[i] * s[i + d]",
        lambda p, v: sum(p["K"][d] * v["s"][i] * v["s"][i + d]
                         for i in RANGE for d in (1, 2) if i + d < N)),
    "stopping short": (SPINS, "sum(i, i < n - 1) J[i + 1] * s[i] * s[i + 1]",
        lambda p, v: sum(p["J"][i + 1] * v["s"][i] * v["s"][i + 1] for i in range(4))),
    "a branch": (SPINS, "sum(i) (if i > 0 then s[i] * s[i - 1] else J[i] * s[i])",
        lambda p, v: v["s"][1:] @ v["s"][:-1] + p["J"][0] * v["s"][0]),
    "the other branch": (SPINS, "sum(i) (if i >= n - 1 then s[i] else s[i] * s[i + 1])",
        lambda p, v: v["s"][1:] @ v["s"][:-1] + v["s"][4]),
    "given data where they are": (SPINS, "sum(i, i + 1 < n) log(w[i + 1]) * s[i] * s[i + 1]",
        lambda p, v: sum(math.log(W[i + 1]) * v["s"][i] * v["s"][i + 1] for i in range(4))),
    "a capped count": ("visible t : binary[n] ", "V[min(sum(t), 3)]",
        lambda p, v: p["V"][min(int(v["t"].sum()), 3)]),
    "whole powers": (SPINS, "T[s[0] ^ 2] * s[1] + T[max(s[2], 0)]",
        lambda p, v: p["T"][1] * v["s"][1] + p["T"][max(int(v["s"][2]), 0)]),
    "degrees": (LINKS, "sum(i) J[sum(j) a[i, j]]",
        lambda p, v: sum(p["J"][int(d)] for d in v["a"].sum(1))),
    "links": (LINKS, "U[sum(i < j) a[i, j]]",
        lambda p, v: p["U"][int(v["a"].sum()) // 2]),
    "neighbours": ("visible t : binary[n] graph g on n = ring() ", "sum(i) J[sum(j in g[i]) t[j]]",
        lambda p, v: sum(p["J"][int(v["t"][i - 1] + v["t"][(i + 1) % N])] for i in RANGE)),
}  # fmt: skip


def states(model: Any) -> dict[str, np.ndarray]:
    """Every configuration of one variable of 5 sites, or all graphs on 5 nodes."""
    (name,) = model.program.unknowns
    kind = model.program.unknowns[name].domain.kind
    low = -1 if kind == "spin" else 0
    if name == "a":
        links = np.array(list(itertools.product((0, 1), repeat=10)))
        every = np.zeros((len(links), N, N))
        i, j = np.triu_indices(N, 1)
        every[:, i, j] = every[:, j, i] = links
        return {name: every}
    return {name: np.array(list(itertools.product((low, 1), repeat=N)), float)}


def made(name: str) -> Any:
    declared, energy, _ = INSIDE[name]
    used = [line for line in TABLES.split("param ") if line and f"{line[0]}[" in energy]
    given = "given w : real[n] " if "w[" in energy else ""
    text = HEADER + declared + given + "".join(f"param {line}" for line in used)
    return ebm.loads(text + f"energy = {energy}", **({"w": W} if given else {}))


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_proved_to_stay_inside_has_the_value_and_the_sum_over_states_of_numpy(name: str):
    model = made(name)
    params = {n: R.normal(size=np.shape(v)) for n, v in model.init().items()}
    every = states(model)
    (key,) = every
    wanted = np.array([INSIDE[name][2](params, {key: state}) for state in every[key]])
    np.testing.assert_allclose(model.energy(params, every), wanted, atol=1e-5)
    log_z = np.log(np.exp(-wanted).sum())
    assert ebm.log_partition(model, params).value == pytest.approx(log_z, abs=1e-4)


@pytest.mark.parametrize("name", ["lags that fit", "a branch", "distances"])
def test_the_draws_of_such_a_program_follow_its_law(name: str):
    """Sampling checks the derived conditionals against the energy at its start."""
    model = made(name)
    params = {n: 0.3 * R.normal(size=np.shape(v)) for n, v in model.init().items()}
    every = states(model)
    energies = np.asarray(model.energy(params, every))
    weights = np.exp(-energies)
    draws = ebm.sample(model, params, draws=1500, chains=8, progress=False)
    wanted = (weights @ energies) / weights.sum()
    assert draws.energy.mean() == pytest.approx(wanted, abs=0.08)


OUTSIDE = {
    "no condition": "sum(i, j) J[j - i] * s[i]",
    "the wrong way": "sum(i < j) J[i - j] * s[i] * s[j]",
    "one too far": "sum(i, i + 1 <= n) s[i] * s[i + 1]",
    "only one of two": "sum(i, i > 0 or i < 3) s[i] * s[i - 1]",
    "the branch not taken": "sum(i) (if i > 0 then s[i] else s[i - 1])",
    "the last one only": "sum(i) (if i == n - 1 then s[i] else s[i + 1])",
    "after the sum": "(sum(i, i > 0) s[i - 1]) * sum(i) s[i - 1]",
    "a cap that is too high": "V[min(sum(s), 4)]",
    "a power that is too high": "T[(2 * s[0]) ^ 2]",
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_not_proved_is_refused(name: str):
    text = HEADER + SPINS + TABLES + f"energy = {OUTSIDE[name]}"
    with pytest.raises(ebm.EbmError, match="E305"):
        ebm.loads(text)


def test_a_proof_that_rests_on_a_size_is_asked_again_when_the_size_changes():
    text = """
    dim n = 6, lag = 3
    visible s : spin[n]
    param K : real[lag]
    energy = sum(i < j, j - i < 3) K[j - i] * s[i] * s[j]
    """
    assert ebm.loads(text, n=20, lag=5).world.sizes["n"] == 20
    with pytest.raises(ebm.EbmError, match="E602"):
        ebm.loads(text, lag=2)
