"""Every claim of the table of functions, probed numerically: a row without its facts is not told apart."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ebmlang.backend.elementwise import JAX, NUMPY
from ebmlang.semantics.functions import FUNCTIONS, Function, Smoothness

STEP = 2.0**-8
# Whole numbers, halves and what lies between, all exact in binary; others are held at these.
LINE = np.arange(-3.0, 3.0 + STEP, STEP / 8)
HELD = (0.5, -1.25, 2.0, 0.0, -1.0)
WHOLE = np.arange(-3.0, 4.0)
# Where a function that is not finite everywhere is probed for being smooth.
GOOD = {"tan": (-1.0, 1.0), "lgamma": (0.75, 3.0)}
SINGULAR = {"tan": np.pi / 2}
ROWS = list(FUNCTIONS.values())


def value(row: Function, *arguments: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        found = JAX[row.name](*(jnp.asarray(a, float) for a in np.broadcast_arrays(*arguments)))
    return np.asarray(found, float)


def line_of(row: Function, place: int) -> np.ndarray:
    """Where one argument goes: all of the line, or what lies well inside where the row is finite."""
    low, high = GOOD.get(row.name, (0.75, 3.0) if row.partial or row.name == "mod" else (-3.0, 3.0))
    return LINE[(low <= LINE) & (high >= LINE)]


def bends(row: Function, place: int, width: float) -> float:
    """The largest second difference in one argument, the others held at several values."""
    line, worst = line_of(row, place), 0.0
    for held in HELD:
        others = [np.float64(max(held, 0.5) if row.partial else held + k) for k in range(row.arity)]
        if row.name == "mod" and place == 0:
            others[1] = np.float64(2.0)
        moved = [
            value(row, *(line + shift if k == place else others[k] for k in range(row.arity)))
            for shift in (-width, 0.0, width)
        ]
        worst = max(worst, float(np.abs(moved[0] - 2 * moved[1] + moved[2]).max()))
    return worst


def order(row: Function, place: int) -> float:
    """How second differences shrink with the width: as its square where smooth, 1 for kinks, 0 for jumps."""
    wide, narrow = bends(row, place, STEP), bends(row, place, STEP / 2)
    return np.inf if narrow < 1e-9 else float(np.log2(wide / narrow))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_function_is_as_smooth_as_its_row_says(row: Function):
    """mod jumps in its first argument; that its second is a whole number is seen to elsewhere."""
    places = [0] if row.name == "mod" else range(row.arity)
    worst = min(order(row, place) for place in places)
    wanted = {Smoothness.SMOOTH: 2.0, Smoothness.KINKED: 1.0, Smoothness.JUMPING: 0.0}
    assert worst == np.inf or round(min(worst, 2.0)) == wanted[row.smoothness]
    assert worst != np.inf or row.smoothness is Smoothness.SMOOTH


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_function_is_affine_in_each_argument_just_if_its_row_says_so(row: Function):
    straight = all(bends(row, place, STEP) < 1e-12 for place in range(row.arity))
    assert straight == row.affine


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_whole_numbers_give_whole_numbers_just_if_its_row_says_so(row: Function):
    given = list(np.meshgrid(*[WHOLE] * row.arity))
    if row.name in ("^", "mod"):
        given[1] = np.abs(given[1]) + (row.name == "mod")
    found = value(row, *given)
    found = found[np.isfinite(found)]
    assert bool((found == np.rint(found)).all()) == row.integer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_function_is_finite_everywhere_just_if_its_row_says_so(row: Function):
    """`mod` is asked of positive numbers only: the checker sees to that."""
    line = np.append(LINE[:: len(LINE) // 48], [*WHOLE, SINGULAR.get(row.name, 0.0)])
    given = list(np.meshgrid(*[line] * row.arity))
    if row.name == "mod":
        given[1] = np.abs(given[1]) + 0.5
    found = value(row, *given)
    assert bool((np.abs(found) < 1e12).all()) != row.partial


@pytest.mark.parametrize("name", NUMPY)
def test_both_meanings_of_a_function_are_the_same(name: str):
    row = FUNCTIONS[name]
    given = np.meshgrid(*[np.array([0.25, 0.5, 1.0, 2.0, 3.0])] * row.arity)
    np.testing.assert_allclose(NUMPY[name](*given), value(row, *given), rtol=1e-12)
