"""Every script of the gallery on small sizes, in a folder of its own, held to what it claims to show."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .gallery_page import EXAMPLES, ORDER, entry

# Means of the reference draws of posteriordb, eight_schools-eight_schools_noncentered.
MU, TAU = 4.41, 3.60
THETA = (6.15, 4.94, 3.90, 4.75, 3.58, 4.00, 6.31, 4.86)


@pytest.fixture(autouse=True)
def figures_are_closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `main` of a script in an empty folder and sees that it leaves a picture there."""
    pytest.importorskip("sklearn")
    pytest.importorskip("networkx")
    monkeypatch.chdir(tmp_path)

    def main(name: str, **sizes: Any) -> Any:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = module.main(**sizes)
        picture = tmp_path / "pictures" / entry(name).picture.removeprefix("gallery-")
        with Image.open(picture) as image:
            grey = np.asarray(image.convert("L"))
        assert grey.min() < 100 < 200 < grey.max()
        return found

    return main


def test_every_script_is_run_here():
    text = Path(__file__).read_text("utf-8")
    assert {name for name in ORDER if f'run("{name}", ' in text} == set(ORDER)


def test_ising_meets_onsager_away_from_the_transition(run):
    heats = (1.5, 1.7, 2.0, 2.2, 2.4, 3.0, 4.0, 5.0)
    (cold, *_, hot) = run("ising", side=12, draws=100, chains=8, heats=heats)
    m = (1 - np.sinh(2 / heats[0]) ** -4) ** (1 / 8)
    assert abs(cold[0, 0] - m) < 5 * cold[0, 1] + 1e-4
    # beta^2 d^2 log Z / d beta^2 of Onsager's solution at beta = 0.2, by numerical quadrature.
    assert abs(hot[1, 0] - onsager_heat_capacity(1 / heats[-1])) < 5 * hot[1, 1]


def onsager_heat_capacity(beta: float) -> float:
    """Of one spin of the infinite square lattice, from second differences of Onsager's double integral."""
    k = (np.arange(400) + 0.5) * np.pi / 400
    waves = np.cos(k)[:, None] + np.cos(k)

    def log_z(b: float) -> float:
        inside = np.cosh(2 * b) ** 2 - np.sinh(2 * b) * waves
        return float(np.log(2) + np.log(inside).mean() / 2)

    step = 1e-3
    return beta**2 * (log_z(beta + step) - 2 * log_z(beta) + log_z(beta - step)) / step**2


def test_spin_glass_tempering_meets_the_exact_mean_and_plain_gibbs_does_not(run):
    found = run("spin_glass", side=6, draws=400, chains=8, replicas=8)
    error = found["tempering"].std() / np.sqrt(7)
    assert abs(found["tempering"].mean() - found["exact"]) < 5 * error + 1e-5
    assert found["Gibbs"].mean() > found["exact"] + 0.01


def test_vortices_multiply_with_heat_and_stiffness_goes(run):
    found = run("vortices", side=8, draws=100, chains=4, heats=(0.4, 1.0, 2.5))
    (few, stiff), (_, _), (many, soft) = found[:, :, 0]
    assert few < 0.01 < 0.1 < many
    assert stiff > 2 * 0.4 / np.pi + 0.3
    assert abs(soft) < 0.15


def test_rbm_tells_digits_better_than_pixels_on_their_own(run):
    score, apart = run("rbm", unit=8, epochs=4, train=500, chains=2)
    assert score > apart + 1
    assert "log Z exact" in score.method


def test_dbm_draws_pixels_that_covary_as_in_digits_held_back(run):
    assert run("dbm", low=24, high=12, epochs=70, train=500, draws=60, chains=4) > 0.5


def test_inpainting_is_nearer_than_the_mean_digit(run):
    error, blind = run("inpainting", unit=24, epochs=40, train=500, digits=8, draws=30)
    assert error < 0.9 * blind


def test_jem_names_digits_held_back(run):
    right, fit = run("jem", epochs=25, train=600, chains=40, sweeps=5)
    assert right > 0.75
    assert np.all((fit.chains["x"] > 0) & (fit.chains["x"] < 1))


def test_two_moons_are_told_better_than_by_one_gaussian(run):
    score, x = run("two_moons", points=400, frames=3, epochs=6, chains=50)
    held, cov = x[400:], np.cov(x[:400].T)
    gap = held - x[:400].mean(axis=0)
    normal = -0.5 * np.mean(np.sum(gap @ np.linalg.inv(cov) * gap, axis=1))
    assert score > normal - 0.5 * np.linalg.slogdet(2 * np.pi * cov)[1]


def test_potts_finds_the_planted_contacts(run):
    found, chance = run("potts_dca", site=16, rows=800, epochs=8)
    assert found >= 0.85
    assert chance < 0.3


def test_spikes_triplets_follow_from_pairs(run):
    (held, drawn, alone), fit = run("spikes", neuron=8, bins=40000)
    assert np.corrcoef(held, drawn)[0, 1] > 0.9
    assert np.abs(alone).max() < 0.3 * np.abs(held).max()
    assert set(fit.params) == {"h", "J", "V"}


def test_karate_counts_what_is_known_of_the_club(run):
    seen, drawn = run("karate", epochs=2, chains=2, draws=4)
    assert (seen["ties"], seen["triangles"]) == (78, 45)
    assert seen["leaders"] == 16 + 17
    assert drawn["friends"].shape == (2, 4)


@pytest.mark.slow
def test_karate_networks_have_the_means_that_were_fitted(run):
    seen, drawn = run("karate", epochs=200, chains=8, draws=40)
    for name in ("ties", "factions", "leaders", "friends"):
        assert abs(np.mean(drawn[name]) - seen[name]) < 0.8 * np.std(drawn[name])


def test_eight_schools_have_the_means_of_the_reference(run):
    draws = run("eight_schools", draws=500, chains=4)
    assert abs(draws["mu"].mean() - MU) < 0.6
    assert abs(draws["tau"].mean() - TAU) < 0.6
    assert np.all(np.abs(draws["theta"].mean(axis=(0, 1)) - THETA) < 0.9)
    assert not draws.diverging.any()


def test_mixture_finds_the_species(run):
    draws, wrong = run("mixture", draws=100, chains=2)
    assert wrong.sum() <= 10
    # Means of the petals of setosa, versicolor and virginica: Fisher (1936).
    means = [(1.46, 0.25), (4.26, 1.33), (5.55, 2.03)]
    assert np.all(np.abs(draws["centre"].mean(axis=(0, 1)) - means) < 0.25)
