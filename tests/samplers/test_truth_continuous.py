"""Every density of the plane, the line and beyond with known moments, by the sampler `auto` takes.

Where slopes lead no chain out of its well, replica exchange does the work: `auto` would turn to it
by itself, and here it is named, which saves the run that fails.
"""

from __future__ import annotations

import pytest

import ebmlang as ebm

from .continuous import NAMES, cases
from .test_truth import agree, draws_of, truth

SLOW = pytest.mark.slow


def test_no_exact_answer_is_left_out():
    exact = truth("exact_continuous.json")
    found = cases(exact)
    assert set(found) == set(exact) == set(NAMES)
    for name, case in found.items():
        assert set(case.statistics) <= set(exact[name])


@SLOW
@pytest.mark.parametrize("name", NAMES)
def test_moments_of_a_density(name: str):
    exact = truth("exact_continuous.json")
    case = cases(exact)[name]
    settings = {"sampler": "tempering"} if case.apart else {}
    draws = draws_of(
        ebm.loads(case.text), {}, beta=case.beta, draws=1000, warmup=1000, chains=64, **settings
    )
    assert ("note" in draws.settings) is False, draws.settings["note"]
    for statistic, values in case.statistics.items():
        agree(values(draws), exact[name][statistic])
