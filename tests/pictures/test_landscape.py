"""Energies of two real numbers as contours: which models, where, and what is drawn on them."""

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.pictures import contours

BOWL = "visible x : real visible y : real energy = (x - 3)^2 / 2 + 2 * (y + 1)^2"


def bowl() -> ebm.Model:
    return ebm.loads(BOWL, check=False)


def filled(figure):
    return figure.axes[0].collections[0]


def test_without_bounds_all_within_ten_nats_is_shown_and_little_more():
    figure = contours(bowl(), {})
    (x0, x1), (y0, y1) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    wide, high = np.sqrt(20), np.sqrt(5)
    assert x0 < 3 - wide < 3 + wide < x1
    assert y0 < -1 - high < -1 + high < y1
    assert x1 - x0 < 2.2 * wide
    assert y1 - y0 < 2.2 * high


def test_lines_are_where_the_energy_is_that_much_above_the_lowest():
    figure = contours(bowl(), {}, bounds=((-1, 7), (-3, 1)))
    lines = figure.axes[0].collections[1]
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        x, y = path.vertices.T
        np.testing.assert_allclose((x - 3) ** 2 / 2 + 2 * (y + 1) ** 2, level, atol=0.02)


def test_numbers_of_an_array_and_values_that_are_bound():
    text = "dim k = 2 visible x : real[k] visible c : real[k] energy = sum(i) (x[i] - c[i])^2"
    model = ebm.loads(text, check=False).bind(c=[20.0, 5.0])
    axis = contours(model, {}).axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x[0]", "x[1]")
    assert axis.get_xlim()[0] < 20 < axis.get_xlim()[1]
    assert axis.get_ylim()[0] < 5 < axis.get_ylim()[1]


def test_limits_of_a_type_bound_the_picture():
    text = "visible r : positive visible q : real<100, 101> energy = r + q - 2 * log(r)"
    axis = contours(ebm.loads(text, check=False), {}).axes[0]
    assert axis.get_xlim()[0] == 0
    assert axis.get_ylim() == (100, 101)


def test_angles_go_once_round():
    text = "dim n = 2 visible a : angle[n] energy = -cos(a[0] - a[1])"
    axis = contours(ebm.loads(text, check=False), {}).axes[0]
    assert axis.get_xlim() == axis.get_ylim() == (0, 2 * np.pi)
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0", "π", "2π"]


def test_points_of_every_chain_are_drawn_and_none_is_outside():
    rng = np.random.default_rng(0)
    state = {"x": 3 + 4 * rng.normal(size=(2, 100)), "y": rng.normal(size=(2, 100))}
    axis = contours(bowl(), {}, state).axes[0]
    chains = [line for line in axis.get_lines() if line.get_label().startswith("chain")]
    assert [line.get_marker() for line in chains] == ["o", "s"]
    np.testing.assert_array_equal(chains[1].get_xdata(), state["x"][1])
    assert axis.get_xlim()[0] < state["x"].min()
    assert axis.get_xlim()[1] > state["x"].max()


def test_the_way_of_a_walk_of_small_steps_is_drawn_and_that_of_leaps_is_not():
    rng = np.random.default_rng(0)

    def ways(x):
        lines = contours(bowl(), {}, {"x": x[..., 0], "y": x[..., 1]}).axes[0].get_lines()
        return sum(line.get_label() == "_way" for line in lines)

    assert ways(0.05 * rng.normal(size=(1, 300, 2)).cumsum(axis=1)) == 1
    assert ways(rng.normal(size=(1, 300, 2))) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dim n = 3 visible x : real[n] energy = sum(x^2)", r"`waves` has x: real\[3\]"),
        ("visible x : real energy = x^2", "has x: real"),
        ("visible x : real visible s : spin energy = x^2 * s", "has x: real, s: spin"),
        ("dim k = 2 visible w : simplex[k] energy = sum(w)", r"has w: simplex\[2\]"),
    ],
)
def test_other_models_are_refused_with_their_sizes(text, says):
    with pytest.raises(ebm.EbmError, match=rf"E602.*two real unknown numbers; .*{says}"):
        contours(ebm.loads("model waves " + text, check=False), {})


def test_bounds_that_are_none_are_refused():
    with pytest.raises(ebm.EbmError, match=r"E602.*bounds are"):
        contours(bowl(), {}, bounds=((1, 1), (0, 1)))
