"""Which series of draws get a panel, and by what names they are asked for."""

import numpy as np
import pytest
from by_hand import draws_of, spins

import ebmlang as ebm
from ebmlang.pictures.series import MOST_PANELS, series_of


def test_without_names_come_the_energy_then_quantities_then_the_entries_that_agree_least():
    labels = [one.label for one in series_of(spins(), None)]
    assert labels[:3] == ["energy (nats)", "m", "s[1, 2]"]
    assert len(labels) == 4


def test_names_and_entries_give_the_very_values():
    draws = spins()
    energy, entry, m = series_of(draws, ["energy", "s[3, 0]", "m"])
    np.testing.assert_array_equal(energy.values, draws.energy)
    np.testing.assert_array_equal(entry.values, draws["s"][:, :, 3, 0])
    np.testing.assert_array_equal(m.values, draws["m"])


def test_a_large_array_asked_for_by_name_is_cut_to_a_page():
    assert len(series_of(spins(), ["s"])) == MOST_PANELS


def test_what_never_varies_gets_no_panel_unless_it_is_asked_for():
    x = np.zeros((2, 10))
    draws = draws_of("visible x : real energy = x ^ 2", {"x": x}, np.zeros((2, 10)))
    assert [one.label for one in series_of(draws, None)] == ["energy (nats)"]
    assert [one.label for one in series_of(draws, ["x"])] == ["x"]


def test_an_array_without_an_entry_is_passed_over():
    text = "dim n = 3 visible x : real[n] energy = sum(x^2) quantity q[i in 3..n] = x[i]"
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=(2, 10, 3)), "q": np.zeros((2, 10, 0))}
    draws = draws_of(text, values, rng.normal(size=(2, 10)))
    assert {one.label[0] for one in series_of(draws, None)} == {"e", "x"}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["enrgy"], r"E606.*no `enrgy`[\s\S]*did you mean `energy`"),
        (["s[4, 0]"], r"E602.*`s` has the shape \[4, 4\], and no entry \[4, 0\]"),
        (["s[1]"], r"E602.*no entry \[1\]"),
        ([], r"E606.*no name"),
    ],
)
def test_names_that_are_none_are_told(names, says):
    with pytest.raises(ebm.EbmError, match=says):
        series_of(spins(), names)
