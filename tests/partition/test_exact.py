"""Exact sums against plain enumeration in NumPy and against published answers."""

import itertools
import json

import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS, shared_data


def log_sum(energies: np.ndarray) -> float:
    low = energies.min()
    return float(np.log(np.exp(low - energies).sum()) - low)


def every_state(model, values):
    names = list(model.program.unknowns)
    shapes = [model.world.shape(model.program.unknowns[n]) for n in names]
    sizes = [int(np.prod(s)) for s in shapes]
    options = [values[n] for n, k in zip(names, sizes, strict=True) for _ in range(k)]
    rows = np.array(list(itertools.product(*options)))
    cuts = np.cumsum(sizes)[:-1]
    parts = np.split(rows, cuts, axis=1)
    return {n: p.reshape(-1, *s) for n, p, s in zip(names, parts, shapes, strict=True)}


def moved(model, seed=3):
    """Parameters away from where they start, so that nothing is zero by luck."""
    rng = np.random.default_rng(seed)
    params = model.init(seed)
    return {
        n: model.parameter_space.sites[n].full(
            np.asarray(model.parameter_space.sites[n].take(params[n])) * 0.1
            + rng.normal(0.3, 0.5, model.parameter_space.sites[n].number).astype("float32")
        )
        for n in params
    }


CASES = {
    "rbm": ({"pixel": 5, "unit": 4}, {"v": [0, 1], "h": [0, 1]}),
    "boltzmann_machine": ({"unit": 7}, {"x": [0, 1]}),
    "dbm": ({"pixel": 3, "low": 4, "high": 3}, {"v": [0, 1], "h1": [0, 1], "h2": [0, 1]}),
    "ising": ({"row": 3, "col": 3}, {"s": [-1, 1]}),
    "spikes": ({"neuron": 6}, {"s": [0, 1]}),
    "potts_dca": ({"site": 2}, {"x": list(range(21))}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_exact_sum_equals_enumeration(name):
    sizes, values = CASES[name]
    model = ebm.load(PROGRAMS / f"{name}.ebm", **sizes)
    params = moved(model)
    energies = np.asarray(model.energy(params, every_state(model, values)), np.float64)
    found = ebm.log_partition(model, params)
    assert found.value == pytest.approx(log_sum(energies), abs=2e-5)
    assert found.lower == found.value == found.upper
    assert found.std_error == 0


@pytest.mark.parametrize("name", CASES)
def test_the_exact_gradient_equals_the_enumerated_mean_slope(name):
    import jax

    sizes, values = CASES[name]
    model = ebm.load(PROGRAMS / f"{name}.ebm", **sizes)
    params = moved(model)
    states = every_state(model, values)
    energies = np.asarray(model.energy(params, states), np.float64)
    weights = np.exp(energies.min() - energies)
    weights = (weights / weights.sum()).astype("float32")
    space = model.parameter_space

    def mean_energy(numbers):
        return (model.energy(space.arrays(numbers), states) * weights).sum()

    wanted = jax.grad(mean_energy)(space.values(params))
    found = space.values(ebm.gradient(model, params, sampler="exact").mean)
    for entry in wanted:
        np.testing.assert_allclose(found[entry], wanted[entry], atol=2e-5)


def test_beta_scales_the_energy():
    model = ebm.load(PROGRAMS / "ising.ebm", row=3, col=3)
    params = model.init()
    states = every_state(model, {"s": [-1, 1]})
    energies = np.asarray(model.energy(params, states), np.float64)
    found = ebm.log_partition(model, params, beta=0.3)
    assert found.value == pytest.approx(log_sum(0.3 * energies), abs=1e-6)


def test_a_gaussian_block_is_integrated_in_closed_form():
    model = ebm.loads(
        "model g dim k visible x : real[k] latent s : spin energy = sum(x^2) - 0.7 * s * sum(x) "
        "- 0.2 * s",
        k=3,
    )
    # Given s: integral of exp(-x^2 + 0.7 s x) = sqrt(pi) exp(0.7^2 / 4) for each of three sites.
    one = 1.5 * np.log(np.pi) + 3 * 0.49 / 4
    wanted = one + np.log(np.exp(0.2) + np.exp(-0.2))
    assert ebm.log_partition(model, {}).value == pytest.approx(wanted, abs=1e-9)


def test_what_has_no_closed_form_is_refused():
    model = ebm.loads("dim k = 9 visible x : real[k] energy = sum(x) ^ 4 + sum(x ^ 4)")
    with pytest.raises(ebm.EbmError, match=r"E705.*no closed form"):
        ebm.log_partition(model, {}, "exact")


def test_a_sum_that_would_never_end_is_refused_with_its_cost():
    model = ebm.load(PROGRAMS / "boltzmann_machine.ebm", unit=60)
    with pytest.raises(ebm.EbmError, match=r"would take about .*(years|days)"):
        ebm.log_partition(model, model.init(), "exact")


def test_published_partition_functions():
    cases = json.loads((shared_data() / "truth" / "exact_discrete.json").read_text())
    rbm = cases["rbm_20x10"]
    model = ebm.load(PROGRAMS / "rbm.ebm", pixel=20, unit=10)
    params = {"W": np.array(rbm["W"]), "b": np.array(rbm["a"]), "c": np.array(rbm["b"])}
    assert ebm.log_partition(model, params).value == pytest.approx(rbm["logZ"], abs=1e-5)
    slopes = ebm.gradient(model, params, sampler="exact").mean
    np.testing.assert_allclose(-slopes["W"], rbm["Evh"], atol=1e-6)
    np.testing.assert_allclose(-slopes["b"], rbm["Ev"], atol=1e-6)
    stored = np.load(shared_data() / "rbm" / "pylearn2_mnistvh.npz")
    assert stored is not None


def test_the_published_log_z_of_a_real_rbm():
    stored = np.load(shared_data() / "rbm" / "pylearn2_mnistvh.npz")
    arrays = {n: stored[n] for n in stored.files}
    weights = next(a for a in arrays.values() if a.ndim == 2 and set(a.shape) == {784, 15})
    weights = weights if weights.shape == (784, 15) else weights.T
    visible = next(a for a in arrays.values() if a.shape == (784,))
    hidden = next(a for a in arrays.values() if a.shape == (15,))
    model = ebm.load(PROGRAMS / "rbm.ebm", pixel=784, unit=15)
    found = ebm.log_partition(model, {"W": weights, "b": visible, "c": hidden})
    assert found.value == pytest.approx(215.13840552531664, abs=1e-3)
