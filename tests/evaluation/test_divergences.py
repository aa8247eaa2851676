"""Where transitions diverged: found by ranks, told in words, and under ArviZ's names."""

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.evaluation.divergences import divergences_of

RNG = np.random.default_rng(3)
TAU = RNG.lognormal(size=(4, 500))
THETA = RNG.normal(size=(4, 500, 3))


def test_a_small_spread_is_found_and_named():
    found = divergences_of(
        {"tau": TAU, "theta": THETA}, (TAU < 0.3) & (RNG.random(TAU.shape) < 0.5)
    )
    (place,) = found.places
    assert (place.name, place.side) == ("tau", "small")
    assert place.there < 0.3 < place.elsewhere
    assert "where `tau` is small: median" in str(found)
    assert f"{found.number} of 2000 transitions diverged" in str(found)
    assert "`mu + tau * z`" in str(found)
    assert "target_accept_prob" in str(found)


def test_the_entry_and_the_side_are_told():
    found = divergences_of({"theta": THETA}, THETA[..., 1] > 1.5)
    assert [(p.name, p.side) for p in found.places] == [("theta[1]", "large")]
    narrow = divergences_of({"theta": THETA}, np.abs(THETA[..., 2]) < 0.1)
    assert [(p.name, p.side) for p in narrow.places] == [("theta[2]", "near")]
    assert "near its middle: median distance from its middle" in str(narrow)
    assert not narrow.spreads


@pytest.mark.parametrize("seed", range(5))
def test_divergences_anywhere_have_no_place(seed: int):
    anywhere = np.random.default_rng(seed).random(TAU.shape) < 0.03
    assert divergences_of({"tau": TAU, "theta": THETA}, anywhere).places == ()


def test_several_transitions_before_a_draw_are_told_apart():
    counts = np.zeros((2, 100), int)
    counts[0, :2] = 3
    assert str(divergences_of({}, counts)).startswith(
        "6 transitions diverged, before 2 of 200 draws; smaller steps may help"
    )


def test_arviz_has_energies_steps_and_divergences_under_its_names():
    model = ebm.loads("visible v : positive ~ half_normal(3) visible x : real ~ normal(0, v)")
    draws = ebm.sample(model, {}, draws=100, warmup=50, sampler="nuts", chains=2, progress=False)
    stats = draws.to_arviz().sample_stats
    assert set(stats) >= {"lp", "energy", "acceptance_rate", "diverging", "n_steps", "tree_depth"}
    np.testing.assert_array_equal(stats["diverging"], draws.diverging)
    np.testing.assert_allclose(stats["lp"], -draws.energy)
    depth, steps = stats["tree_depth"].values, stats["n_steps"].values
    assert np.all((steps >= 2 ** (depth - 1)) & (steps < 2**depth))
    # The Hamiltonian is E, less the log of the volume log v, and a kinetic energy of 0 or more.
    kinetic = stats["energy"].values - draws.energy + np.log(draws["v"])
    assert np.all(kinetic > -1e-2)
    assert 0.5 < kinetic.mean() < 1.6
