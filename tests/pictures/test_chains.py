"""Traces, autocorrelations and energies: the numbers on the axes are those of the draws."""

import numpy as np
import pytest
from by_hand import draws_of, spins

import ebmlang as ebm
from ebmlang.pictures import autocorrelation, energies, traces
from ebmlang.pictures.chains import autocorrelations, bins_of


def walk(correlation: float, draws: int = 4000, chains: int = 2) -> np.ndarray:
    """A Gaussian walk with the autocorrelation correlation ** lag."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(chains, draws)) * np.sqrt(1 - correlation**2)
    x = np.zeros((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    for k in range(1, draws):
        x[:, k] = correlation * x[:, k - 1] + noise[:, k]
    return x


def real(x: np.ndarray, **other):
    return draws_of("visible x : real energy = x ^ 2 / 2", {"x": x}, x**2 / 2, **other)


def test_a_trace_is_a_line_a_chain_with_its_histogram_beside_it():
    draws = spins()
    figure = traces(draws, ["energy"])
    left, right = figure.axes
    assert len(left.get_lines()) == 3
    for chain, line in enumerate(left.get_lines()):
        np.testing.assert_array_equal(line.get_ydata(), draws.energy[chain])
    assert [p.get_data().values.sum() for p in right.patches] == pytest.approx([1, 1, 1])


def test_divergences_are_ticks_at_their_draws():
    diverged = np.zeros((2, 50))
    diverged[1, 17] = 1
    figure = traces(real(walk(0.5, 50), diverged=diverged), ["x"])
    (ticks,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "_diverged"]
    assert ticks.get_xdata().tolist() == [17]


def test_of_many_chains_some_are_shown_and_the_picture_says_so():
    figure = traces(real(walk(0.5, 20, chains=30)), ["x"])
    assert len(figure.axes[0].get_lines()) == 8
    assert figure.axes[1].get_title(loc="right") == "8 of 30 chains"


def test_a_long_trace_is_thinned_and_the_picture_says_so():
    figure = traces(real(walk(0.5, 5000, chains=1)), ["x"])
    assert len(figure.axes[0].get_lines()[0].get_xdata()) == 1667
    assert figure.axes[0].get_xlabel() == "draw, one in 3 is shown"


def test_correlations_are_those_of_the_walk():
    x = walk(0.8, 60000)
    found = autocorrelations(x - x.mean()).mean(axis=0)
    np.testing.assert_allclose(found[:10], 0.8 ** np.arange(10), atol=0.03)


def test_correlations_by_fourier_transforms_are_the_plain_sums():
    x = walk(0.5, 41)
    x = x - x.mean()
    plain = [[np.mean(c[: len(c) - lag] * c[lag:]) for lag in range(21)] for c in x]
    np.testing.assert_allclose(autocorrelations(x), np.array(plain) / np.mean(x**2), atol=1e-12)


def test_chains_that_disagree_stay_correlated():
    x = np.random.default_rng(1).normal(size=(2, 400)) + np.array([[-5.0], [5.0]])
    assert autocorrelations(x - x.mean()).mean(axis=0)[1:100].min() > 0.9


def test_the_lag_at_which_the_mean_fades_is_told():
    figure = autocorrelation(real(walk(0.8, 20000)), ["x"])
    (axis,) = figure.axes
    (told,) = [text.get_text() for text in axis.texts]
    lag = int(told.removeprefix("below 0.1 from lag "))
    assert abs(lag - np.log(0.1) / np.log(0.8)) < 2


def test_an_angle_that_goes_round_is_no_jump():
    turn = np.linspace(0, 40 * np.pi, 400)[None]
    text = "visible a : angle energy = -cos(a)"
    draws = draws_of(text, {"a": np.mod(turn, 2 * np.pi)}, -np.cos(turn))
    (axis,) = autocorrelation(draws, ["a"]).axes
    mean = axis.get_lines()[1].get_ydata()
    np.testing.assert_allclose(mean[:5], np.cos(turn[0, :5]), atol=0.01)


def test_three_draws_have_no_autocorrelation():
    with pytest.raises(ebm.EbmError, match=r"E704.*four draws"):
        autocorrelation(real(walk(0.5, 3)))


def test_energies_of_spins_fall_into_bins_of_whole_steps():
    draws = spins(draws=200)
    edges = bins_of(draws.energy)
    steps = np.diff(edges)
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] % 4 == pytest.approx(0)
    assert np.abs(np.unique(draws.energy)[:, None] - edges).min() > 0.1


@pytest.mark.parametrize(
    "values", [np.zeros(5), np.array([]), np.array([np.nan, 2.0]), np.arange(3)]
)
def test_bins_hold_every_value(values):
    edges = bins_of(values)
    assert np.all(np.diff(edges) > 0)
    known = values[np.isfinite(values)]
    assert np.histogram(known, edges)[0].sum() == len(known)


def test_energies_of_data_stand_beside_those_of_the_chains():
    draws = real(walk(0.5, 300))
    data = np.array([0.5, 0.5, 0.5, 3.0])
    (axis,) = energies(draws, data).axes
    first, *others = axis.patches
    assert first.get_hatch() == "////"
    assert first.get_data().values.max() == pytest.approx(0.75)
    assert len(others) == 2
    words = [text.get_text() for text in axis.get_legend().get_texts()]
    assert words == ["data, 4", "chain 0", "chain 1"]


def test_energies_of_data_that_are_not_finite_are_refused():
    with pytest.raises(ebm.EbmError, match=r"E604.*finite"):
        energies(real(walk(0.5, 300)), [np.nan])
