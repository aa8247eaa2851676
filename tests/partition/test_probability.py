"""Log probabilities of data: exact ones by enumeration, annealed ones against them."""

import itertools

import numpy as np
import pytest

import ebmlang as ebm

DEEP = """dim pixel = 6, low = 4, high = 3
visible v  : binary[pixel]
latent  h1 : binary[low]
latent  h2 : binary[high]
param W1 : real[pixel, low] init normal(0, 1)
param W2 : real[low, high]  init normal(0, 1)
energy = -v @ W1 @ h1 - h1 @ W2 @ h2"""
FIELD = """dim n = 4
given   g : real[n]
visible s : spin[n]
param a : real init 0.5
energy = -sum(i) g[i] * s[i] - a * sum(i in 0..n-1) s[i] * s[i+1]"""


def test_given_data_of_each_example_have_a_log_z_each():
    rng = np.random.default_rng(0)
    g, s = rng.normal(size=(5, 4)), rng.choice([-1.0, 1.0], size=(5, 4))
    g[4] = g[1]
    model = ebm.loads(FIELD)
    found = ebm.log_prob(model, model.init(), {"s": s}, given={"g": g})
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))

    def energies(x: np.ndarray, g: np.ndarray) -> np.ndarray:
        return -(x @ g) - 0.5 * (x[:, :-1] * x[:, 1:]).sum(axis=1)

    wanted = [-energies(s[k : k + 1], g[k])[0] - np.logaddexp.reduce(-energies(every, g[k]))
              for k in range(5)]  # fmt: skip
    assert np.allclose(found, wanted, atol=1e-9)
    assert len(found.log_z) == 4
    assert found.mean_error == 0


def test_probabilities_of_all_states_add_up_to_one():
    model = ebm.loads(DEEP)
    every = np.array(list(itertools.product([0.0, 1.0], repeat=6)))
    found = ebm.log_prob(model, model.init(seed=1), {"v": every})
    assert np.exp(found.values).sum() == pytest.approx(1.0, abs=1e-9)
    assert "exact" in str(found)


def test_a_fit_tells_the_same_with_the_mean():
    model = ebm.loads(DEEP)
    params = model.init(seed=1)
    v = np.random.default_rng(2).integers(0, 2, (7, 6)).astype(float)
    told = ebm.Fit(model, params, {}).log_likelihood({"v": v})
    found = ebm.log_prob(model, params, {"v": v})
    assert float(told) == found.mean
    assert told.estimation_error == 0
    assert told.log_z == found.log_z[0].value


@pytest.mark.slow
def test_annealed_latents_agree_with_summed_ones():
    model = ebm.loads(DEEP)
    params = model.init(seed=1)
    v = np.random.default_rng(2).integers(0, 2, (60, 6)).astype(float)
    exact = ebm.log_prob(model, params, {"v": v})
    found = ebm.log_prob(model, params, {"v": v}, method="ais", target_error=0.01)
    own = np.sqrt(np.maximum(found.std_error**2 - found.shared_error**2, 1e-12))
    off = (found.values + found.log_z[0].value - exact.values - exact.log_z[0].value) / own
    assert abs(off.mean()) < 0.6
    assert 0.6 < off.std() < 1.5
    assert abs(found.mean - exact.mean) < 5 * found.mean_error
    assert found.shared_error > 0
