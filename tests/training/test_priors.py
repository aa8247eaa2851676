"""Priors of parameters that read given data."""

from typing import Any

import numpy as np
import optax
import pytest
from scipy.optimize import minimize_scalar

import ebmlang as ebm
from ebmlang import EbmError

TEXT = "given w : positive{default} visible s : spin param r : real ~ normal(0, w) energy = -r * s"
SPINS = np.array([1, 1, -1])


def best(width: float) -> float:
    """The mode by hand: three spins, and the density of r."""

    def loss(r: float) -> float:
        return -r * SPINS.sum() + 3 * np.log(2 * np.cosh(r)) + (r / width) ** 2 / 2

    return float(minimize_scalar(loss).x)


@pytest.mark.parametrize(
    "settings", [{"sampler": "exact"}, {"objective": "pseudo"}, {"chains": 3000}]
)
def test_every_fit_reads_them(settings: dict[str, Any]):
    rule = {} if "sampler" in settings else {"optimizer": optax.adam(0.03)}
    fit = ebm.fit(ebm.loads(TEXT.format(default="")), {"s": SPINS}, {"w": 0.5}, epochs=300,
                  progress=False, **rule, **settings)  # fmt: skip
    near = 0.05 if "chains" in settings else 1e-4
    assert fit.params["r"] == pytest.approx(best(0.5), abs=near)


def test_a_default_is_read_too():
    model = ebm.loads(TEXT.format(default=" = 2"))
    fit = ebm.fit(model, {"s": SPINS}, sampler="exact", epochs=100, progress=False)
    assert fit.params["r"] == pytest.approx(best(2.0), abs=1e-4)


def test_a_prior_for_each_example_is_refused():
    with pytest.raises(EbmError, match=r"E704.*prior of `r` reads `w`"):
        ebm.fit(ebm.loads(TEXT.format(default="")), {"s": SPINS}, {"w": SPINS**2}, progress=False)
