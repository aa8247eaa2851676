"""Any entry of any variable can be held: it never moves, and the others follow their conditional.

The exact conditional is a sum over all values of the free entries, or over a fine grid of them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest

import ebmlang as ebm

from .test_truth import agree

SLOW = pytest.mark.slow
CHAIN = "sum(i in 0..n-1)"


@dataclass(frozen=True)
class Case:
    """A program over `x`, the values that are held and where, and the values of each free entry."""

    text: str
    value: Any
    held: Any
    grid: np.ndarray
    samplers: tuple[str, ...]

    @property
    def mask(self) -> np.ndarray:
        return np.asarray(self.held, bool)


def middles(low: float, high: float, number: int = 300) -> np.ndarray:
    """The middles of cells of equal width."""
    return low + (high - low) * (np.arange(number) + 0.5) / number


DISCRETE = ("auto", "informed", "clusters", "tempering")
SMOOTH = ("mala", "nuts", "hmc", "tempering")
HALF = np.pi / 2
CASES = {
    "binary": Case(
        f"dim n = 4 visible x : binary[n] energy = -1.5 * {CHAIN} x[i] * x[i+1] + 0.7 * sum(x)",
        [1, 0, 0, 1], [1, 0, 0, 1], np.array([0, 1]), DISCRETE,
    ),
    "spin": Case(
        f"dim n = 4 visible x : spin[n] energy = -0.8 * {CHAIN} x[i] * x[i+1] - 0.2 * x[1]",
        [1, np.nan, np.nan, -1], [1, 0, 0, 1], np.array([-1, 1]), DISCRETE,
    ),
    "category": Case(
        f"dim n = 4, q = 3 visible x : category(q)[n] energy = -1.2 * {CHAIN} (x[i] == x[i+1])",
        [2, 0, 0, 1], [1, 0, 0, 1], np.arange(3), DISCRETE,
    ),
    "integer": Case(
        f"dim n = 4 visible x : integer<1, 5>[n] energy = 0.3 * {CHAIN} (x[i] - x[i+1]) ^ 2",
        [5, 1, 1, 3], [1, 0, 0, 1], np.arange(1, 6), ("auto", "informed", "tempering"),
    ),
    "real": Case(
        f"dim n = 4 visible x : real[n] energy = {CHAIN} (x[i] - x[i+1]) ^ 2 + 0.3 * sum(x ^ 2)",
        [2.0, 0, 0, -1.0], [1, 0, 0, 1], middles(-6, 6), ("gibbs", *SMOOTH),
    ),
    "quartic": Case(
        f"dim n = 4 visible x : real[n] energy = {CHAIN} (x[i] - x[i+1]) ^ 2 + 0.3 * sum(x ^ 4)",
        [1.0, 0, 0, 0.5], [1, 0, 0, 1], middles(-4, 4), SMOOTH,
    ),
    "bounded": Case(
        f"dim n = 4 visible x : real<-1, 2>[n] energy = 2 * {CHAIN} (x[i] - x[i+1]) ^ 2",
        [2.0, 0, 0, -1.0], [1, 0, 0, 1], middles(-1, 2), SMOOTH,
    ),
    "positive": Case(
        f"dim n = 4 visible x : positive[n] energy = {CHAIN} x[i] * x[i+1] + sum(x)",
        [2.0, np.nan, np.nan, 0.5], [1, 0, 0, 1], middles(0, 12, 1000), SMOOTH,
    ),
    "angle": Case(
        f"dim n = 4 visible x : angle[n] energy = -2 * {CHAIN} cos(x[i] - x[i+1])",
        [0.0, 0, 0, HALF], [1, 0, 0, 1], middles(0, 2 * np.pi), ("mala",),
    ),
    "graph": Case(
        "dim n = 3 visible x : binary[n, n] symmetric hollow "
        "energy = 0.4 * sum(i < j) x[i, j] - 1.5 * x[0, 1] * x[1, 2] * x[0, 2]",
        [[0, 0, 0], [1, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
        np.array([0, 1]), ("auto", "informed", "tempering"),
    ),
    "matrix": Case(
        "dim n = 2 visible x : real[n, n] symmetric "
        "energy = sum(i <= j) x[i, j] ^ 2 - x[0, 0] * x[0, 1] - x[0, 1] * x[1, 1]",
        [[0, 1.5], [0, 0]], [[0, 1], [0, 0]], middles(-6, 6), ("gibbs", "mala", "nuts"),
    ),
}  # fmt: skip
QUICK = {("spin", "auto"), ("integer", "auto"), ("real", "gibbs"), ("positive", "mala")}
ROWS = [
    pytest.param(n, s, marks=() if (n, s) in QUICK else SLOW)
    for n, case in CASES.items()
    for s in case.samplers
]


def conditional(case: Case, model: ebm.Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All states in which the held entries have their values [state, dims], and their chances."""
    value = np.where(case.mask, case.value, 0)
    tied = model.program.unknowns["x"].symmetric
    mask = case.mask | case.mask.T if tied else case.mask
    if tied:
        value = np.where(case.mask, value, value.T)
    free = np.argwhere(~mask)
    if tied:
        hollow = model.program.unknowns["x"].hollow
        free = free[free[:, 0] + hollow <= free[:, 1]]
    grid = np.array(list(itertools.product(case.grid, repeat=len(free))))
    states = np.broadcast_to(value, (len(grid), *value.shape)).astype(float)
    for place, values in zip(free, grid.T, strict=True):
        states[:, *place] = values
        if tied:
            states[:, *place[::-1]] = values
    with jax.enable_x64(True):
        energy = np.asarray(ebm.loads(case.text).energy({}, {"x": states}))
    weight = np.exp(-(energy - energy.min()))
    return states, weight / weight.sum(), mask


def statistics(x: np.ndarray, kind: str) -> list[np.ndarray]:
    """What is compared: values and squares, labels for categories, sides of the circle for angles."""
    match kind:
        case "category":
            return [x == k for k in range(3)]
        case "angle":
            return [np.cos(x), np.sin(x), np.cos(x[..., 1] - x[..., 2])]
        case "graph" | "matrix":
            return [
                x,
                x[..., 0, 1] * x[..., 1, 1],
                x[..., 0, 0] ** 2,
                x[..., -1, 0] * x[..., -1, 1],
            ]
        case _:
            return [x, x**2, x[..., 1] * x[..., 2]]


def stays(x: np.ndarray, value: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the held entries of all draws are the value, to the last bit."""
    return bool(np.all(x[..., mask] == value[mask].astype(np.float32)))


@pytest.mark.parametrize(("name", "sampler"), ROWS)
def test_held_entries_stay_and_the_others_follow_their_conditional(name: str, sampler: str):
    case = CASES[name]
    model = ebm.loads(case.text)
    states, chance, mask = conditional(case, model)
    draws = ebm.sample(
        model, {}, sampler=sampler, clamp={"x": (np.asarray(case.value), case.mask)}, draws=500,
        chains=64, warmup=300, thin=3 if sampler == "mala" else 1, seed=3, progress=False,
    )  # fmt: skip
    x = draws["x"].astype(float)
    assert stays(x, states[0], mask)
    if model.program.unknowns["x"].symmetric:
        np.testing.assert_array_equal(x, np.swapaxes(x, -1, -2))
    for found, wanted in zip(statistics(x, name), statistics(states, name), strict=True):
        agree(found, np.tensordot(chance, wanted.astype(float), 1))


@SLOW
@pytest.mark.parametrize("name", ["real", "quartic", "bounded", "positive", "angle", "matrix"])
def test_the_plain_langevin_walk_holds_too(name: str):
    case = CASES[name]
    value = np.asarray(case.value)
    draws = ebm.sample(ebm.loads(case.text), {}, sampler="langevin", draws=50, progress=False,
                       clamp={"x": (value, case.mask)})  # fmt: skip
    assert stays(draws["x"], value, case.mask)
    assert np.ptp(draws["x"][..., ~(case.mask | (case.mask.T & (name == "matrix")))]) > 0


SIMPLEX = (
    "dim row = 2, k = 3 visible x : simplex[row, k] energy = -sum(i, j) (i + j) * log(x[i, j])"
)


@pytest.mark.parametrize("sampler", ["mala", pytest.param("nuts", marks=SLOW)])
def test_a_simplex_is_held_whole(sampler: str):
    value = np.array([[0.2, 0.3, 0.5], [np.nan] * 3])
    mask = np.array([[True], [False]])
    draws = ebm.sample(ebm.loads(SIMPLEX), {}, sampler=sampler, clamp={"x": (value, mask)},
                       draws=400, chains=64, warmup=300, thin=3, progress=False)  # fmt: skip
    held = draws["x"][..., 0, :]
    np.testing.assert_array_equal(held, np.broadcast_to(value[0].astype(np.float32), held.shape))
    agree(draws["x"][..., 1, :], np.array([2, 3, 4]) / 9)  # Dirichlet


def test_a_simplex_cannot_be_held_in_part():
    value = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    mask = np.array([[True, True, True], [True, False, False]])
    with pytest.raises(ebm.EbmError, match=r"E602[\s\S]*whole[\s\S]*row 1"):
        ebm.sample(ebm.loads(SIMPLEX), {}, clamp={"x": (value, mask)}, progress=False)


def test_masks_that_do_not_fit_are_refused():
    model = ebm.loads(CASES["spin"].text)
    ones = np.ones(4)
    for clamp in (
        (ones, np.ones(3, bool)),
        (ones, np.ones((2, 4), bool)),
        (ones,),
        (ones, ones, 1),
    ):
        with pytest.raises(ebm.EbmError, match=r"E602[\s\S]*mask"):
            ebm.sample(model, {}, clamp={"x": clamp}, progress=False)
    with pytest.raises(ebm.EbmError, match=r"E603|E604"):
        ebm.sample(model, {}, clamp={"x": (ones * np.nan, ones)}, progress=False)


def test_a_symmetric_array_held_at_two_values_is_refused():
    model = ebm.loads(CASES["matrix"].text)
    with pytest.raises(ebm.EbmError, match=r"E609[\s\S]*symmetric"):
        ebm.sample(model, {}, clamp={"x": np.array([[0.0, 1.0], [2.0, 0.0]])}, progress=False)


@SLOW
def test_a_mask_of_nothing_holds_nothing():
    case = CASES["binary"]
    model = ebm.loads(case.text)
    settings: dict[str, Any] = {"draws": 20, "progress": False}
    free = ebm.sample(model, {}, **settings)
    held = ebm.sample(model, {}, clamp={"x": (np.ones(4), np.zeros(4, bool))}, **settings)
    np.testing.assert_array_equal(free["x"], held["x"])


def test_inpainting_of_a_given_image():
    """A hidden pixel between two known ones, in a field given for the call."""
    model = ebm.loads(
        "dim row = 1, col = 3 given field : real[row, col] visible x : spin[row, col] "
        "energy = -sum(i, j in 0..col-1) x[i, j] * x[i, j+1] - sum(field * x)"
    )
    field = np.array([[0.0, -0.5, 0.0]])
    draws = ebm.sample(
        model, {}, given={"field": field}, draws=300, chains=64, progress=False,
        clamp={"x": (np.array([[1, np.nan, 1]]), np.array([[True, False, True]]))},
    )  # fmt: skip
    assert np.all(draws["x"][..., [0, 2]] == 1)
    agree(draws["x"][..., 0, 1], np.tanh(2 - 0.5))


def test_what_a_masked_array_masks_is_free():
    model = ebm.loads("dim site = 3\nvisible s : spin[site]\nenergy = -sum(s)")
    held = np.ma.masked_array([1, -1, -1], mask=[True, False, True])
    settings = {"draws": 50, "chains": 2, "seed": 0, "progress": False}
    drawn = ebm.sample(model, {}, clamp={"s": held}, **settings)["s"]
    pair = ebm.sample(model, {}, clamp={"s": (held.data, ~held.mask)}, **settings)["s"]
    assert np.array_equal(drawn, pair)
    assert np.all(drawn[..., 1] == -1)
    assert np.all(np.ptp(drawn[..., [0, 2]], axis=(0, 1)) == 2)
