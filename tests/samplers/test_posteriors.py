"""Posteriors of posteriordb, written as programs: the moments of its reference draws are met."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import ebmlang as ebm
from conftest import ROOT, shared_data
from ebmlang.evaluation.diagnostics import split_rhat
from ebmlang.syntax.formatter import format_text

PROGRAMS = ROOT / "examples" / "posteriors"
CAREFUL = ebm.NUTS(target_accept_prob=0.99)


@dataclass(frozen=True)
class Posterior:
    """The file of a program and of its data, what is given and clamped, and names that differ there."""

    program: str
    file: str
    given: tuple[str, ...]
    clamped: tuple[str, ...] = ()
    called: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    nuts: Any = "nuts"
    draws: int = 2000


POSTERIORS = (
    Posterior("ark", "arK-arK", ("y",)),
    # Chains in the funnel forget slowly: small steps, and more of them.
    Posterior(
        "eight_schools_centred", "eight_schools-eight_schools_centered",
        ("sigma",), ("y",), nuts=CAREFUL, draws=20_000,
    ),
    Posterior(
        "eight_schools_noncentred", "eight_schools-eight_schools_noncentered", ("sigma",), ("y",)
    ),
    Posterior(
        "garch11", "garch-garch11", ("y", "sigma1"),
        called={"alpha1": ("share", (0,)), "beta1": ("share", (1,))},
    ),
    Posterior(
        "kidscore_momiq", "kidiq-kidscore_momiq", ("mom_iq",), ("kid_score",),
        called={"beta[1]": ("intercept", ()), "beta[2]": ("slope", ())},
    ),
)  # fmt: skip
NAMED = {p.program: p for p in POSTERIORS}


def loaded(row: Posterior) -> tuple[ebm.Model, dict[str, Any], dict[str, Any]]:
    """The model with its data, the clamp, and the moments of the reference draws."""
    found = json.loads((shared_data() / "posteriordb" / f"{row.file}.json").read_text())
    data = {n: np.asarray(found["data"][n], float) for n in (*row.given, *row.clamped)}
    model = ebm.load(PROGRAMS / f"{row.program}.ebm", **{n: data[n] for n in row.given})
    return model, {n: data[n] for n in row.clamped}, found["reference"]


def number(draws: ebm.Draws, row: Posterior, label: str) -> np.ndarray:
    """Draws [chain, draw] of what the reference calls `theta[1]`, which counts from 1."""
    stem, _, place = label.partition("[")
    entry = (int(place[:-1]) - 1,) if place else ()
    name, entry = row.called.get(label, (stem, entry))
    return draws[name][(..., *entry)].astype(float)


def judge(row: Posterior, sampler: Any, draws: int) -> None:
    """Means within a tenth of a deviation, deviations within a tenth, and chains that agree."""
    model, clamp, reference = loaded(row)
    found = ebm.sample(
        model, {}, clamp=clamp, sampler=sampler, draws=draws, warmup=1000, seed=1, progress=False
    )
    for label, known in reference.items():
        values = number(found, row, label)
        off = (values.mean() - known["mean"]) / known["sd"]
        assert abs(off) < 0.1, f"the mean of {label} is {off:.3f} deviations off"
        ratio = values.std() / known["sd"]
        assert abs(ratio - 1) < 0.1, f"the deviation of {label} is {ratio:.3f} of the reference"
        assert split_rhat(values) < 1.01, label


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_nuts_meets_the_reference_draws(name: str):
    judge(NAMED[name], NAMED[name].nuts, NAMED[name].draws)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_auto_meets_the_reference_draws(name: str):
    judge(NAMED[name], "auto", 2000)


@pytest.mark.slow
def test_the_funnel_is_told_of_where_transitions_diverge():
    model, clamp, _ = loaded(NAMED["eight_schools_centred"])
    draws = ebm.sample(model, {}, clamp=clamp, sampler="nuts", draws=1000, progress=False)
    (told,) = (p for p in draws.diagnostics.problems if "diverged" in p)
    assert "where `tau` is small" in told
    assert "not centred" in told


@pytest.mark.slow
def test_a_posterior_meets_the_reference_draws():
    judge(NAMED["kidscore_momiq"], "nuts", 2000)


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.ebm")), ids=lambda p: p.stem)
def test_every_posterior_is_sound_without_a_warning_and_laid_out(path):
    model = ebm.load(path)
    assert not model.warnings
    assert format_text(path.read_text()) == path.read_text()


def test_the_volatility_is_the_recurrence():
    """The unrolled sum against the loop of the textbook, in float64."""
    rng = np.random.default_rng(0)
    y, sigma1 = rng.normal(size=12), 0.7
    model = ebm.load(PROGRAMS / "garch11.ebm", y=y, sigma1=sigma1)
    mu, alpha0, share = 0.3, 0.8, np.array([0.5, 0.3, 0.2])
    variance = [sigma1**2]
    for before in y[:-1]:
        variance.append(alpha0 + share[0] * (before - mu) ** 2 + share[1] * variance[-1])
    wanted = np.sum((y - mu) ** 2 / variance + np.log(variance)) / 2
    found = model.energy({}, {"mu": mu, "alpha0": alpha0, "share": share})
    np.testing.assert_allclose(float(found), wanted, rtol=1e-5)
