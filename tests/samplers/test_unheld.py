"""Entries that nobody holds: whatever stands there in a clamp, in data or in a start is not looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import ebmlang as ebm

HELD = np.zeros((3, 3), bool)
HELD[0, 1] = HELD[1, 0] = True


@pytest.mark.parametrize("rubbish", [0, 99, np.nan, np.inf, None, "?"])
@pytest.mark.parametrize(
    ("kind", "states"),
    [("integer<0, 1>", 2), ("integer<-1, 0>", 2), ("integer<-2, 3>", 6), ("integer<1, 3>", 3),
     ("binary", 2), ("spin", 2)],
)  # fmt: skip
def test_a_partial_clamp_of_a_hollow_array_looks_at_what_it_holds(
    kind: str, states: int, rubbish: Any
) -> None:
    model = ebm.loads(
        f"model m dim n = 3 visible s : {kind}[n, n] symmetric hollow param K : real "
        "energy = K * sum(i < j) s[i, j]"
    )
    value = np.full((3, 3), rubbish, object if rubbish in (None, "?") else float)
    value[HELD] = kind != "integer<-1, 0>"
    found = ebm.log_partition(model, {"K": 0.0}, clamp={"s": (value, HELD)})
    assert found.value == pytest.approx(2 * math.log(states), abs=1e-12)
    pair = np.triu(np.ones((3, 3), bool), 1) & HELD
    found = ebm.log_partition(model, {"K": 0.0}, clamp={"s": (value, pair)})
    assert found.value == pytest.approx(2 * math.log(states), abs=1e-12)
    masked = np.ma.masked_array(np.where(HELD, kind != "integer<-1, 0>", 7), ~HELD)
    assert ebm.log_partition(model, {"K": 0.0}, clamp={"s": masked}).value == found.value


def test_rubbish_beside_held_entries_of_other_types_is_not_looked_at() -> None:
    model = ebm.loads(
        "model m dim n = 2, k = 3 visible p : simplex[n, k] ~ dirichlet(1) visible z : category(k)[n] "
        "visible x : positive[n] ~ gamma(2, 1) energy = 0 * sum(i) p[i, z[i]] * x[i]"
    )
    one = np.array([True, False])
    clamp = {
        "p": (np.array([[0.2, 0.3, 0.5], [7.0, np.nan, -1.0]]), one[:, None] & np.ones(3, bool)),
        "z": (np.array([2, -5]), one),
        "x": (np.array([1.5, -np.inf]), one),
    }
    draws = ebm.sample(model, {}, draws=4, chains=2, warmup=4, clamp=clamp, progress=False)
    assert np.all(draws["z"][..., 0] == 2)
    assert np.all(draws["x"][..., 0] == 1.5)
    assert np.allclose(draws["p"][..., 0, :], [0.2, 0.3, 0.5])
    clamp["z"] = (np.array([-5, 2]), one)
    with pytest.raises(ebm.EbmError) as caught:
        ebm.sample(model, {}, draws=4, clamp=clamp, progress=False)
    assert caught.value.diagnostics[0].code == "E603"


def test_rubbish_where_data_are_not_held_is_not_looked_at() -> None:
    model = ebm.loads(
        "model m dim n = 2 visible s : integer<1, 3>[n, n] symmetric hollow param K : real "
        "energy = K * s[0, 1]"
    )
    held = np.array([[[False, True], [False, False]]])
    for rubbish in (9, np.nan, None):
        values = np.where(held, 2, rubbish)
        found = ebm.log_prob(model, {"K": 0.0}, {"s": (values, held)})
        assert found.values[0] == pytest.approx(-math.log(3), abs=1e-12)


def test_a_start_has_any_value_where_a_clamp_holds_another() -> None:
    model = ebm.loads("model m dim n = 2 visible s : spin[n] param h : real energy = -h * sum(s)")
    clamp = {"s": ([1, 1], [True, False])}
    draws = ebm.sample(model, {"h": 0.1}, draws=4, clamp=clamp, init={"s": [np.nan, -1.0]},
                       progress=False)  # fmt: skip
    assert np.all(draws["s"][..., 0] == 1)
