"""E[dE/dtheta] by Markov chains against exact enumeration, errors and all."""

import jax
import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS

TEXTS = {
    "boltzmann": (PROGRAMS / "boltzmann_machine.ebm", {"unit": 12}),
    "rbm": (PROGRAMS / "rbm.ebm", {"pixel": 7, "unit": 5}),
    "glass": (
        PROGRAMS / "spin_glass.ebm",
        {"site": 12, "bonds": [[i, (i + k) % 12] for i in range(12) for k in (1, 3)]},
    ),
    "potts": (
        "model p dim site = 6 dim c = 3 visible x : category(c)[site] param h : real[site, c] "
        "param J : real[site, site] symmetric hollow "
        "energy = -sum(i) h[i, x[i]] - sum(i < j) J[i, j] * (x[i] == x[j])",
        {},
    ),
    "spikes": (PROGRAMS / "spikes.ebm", {"neuron": 6}),
}


def model_of(name):
    source, bindings = TEXTS[name]
    return (
        ebm.loads(source, **bindings) if isinstance(source, str) else ebm.load(source, **bindings)
    )


def strewn(model, scale=0.5):
    """Random parameters on which no statistic is stuck."""
    rng = np.random.default_rng(1)
    sites = model.parameter_space.sites
    return {
        n: np.asarray(s.full(rng.normal(0, scale, s.number).astype("float32")))
        for n, s in sites.items()
    }


def misses(model, params, truth, seed, draws=2000):
    """How many entries are more than four standard errors off, and how many there are."""
    found = ebm.gradient(model, params, draws=draws, chains=4, seed=seed)
    space = model.parameter_space
    mean, error = (
        space.values({n: np.asarray(v) for n, v in a.items()})
        for a in (found.mean, found.std_error)
    )
    exact = space.values(truth.mean)
    far = [
        np.abs(np.asarray(mean[n]) - np.asarray(exact[n])) > 4 * np.asarray(error[n]) for n in mean
    ]
    flat = np.concatenate([f.reshape(-1) for f in far])
    return int(flat.sum()), flat.size


def test_a_gradient_is_within_four_errors_of_enumeration():
    model = model_of("boltzmann")
    params = strewn(model)
    truth = ebm.gradient(model, params, sampler="exact")
    # A false alarm of 4 errors has odds of 6e-5 an entry: 78 entries, at most one by chance.
    wrong, number = misses(model, params, truth, seed=0)
    assert number == 78
    assert wrong <= 1


@pytest.mark.slow
def test_errors_are_neither_too_small_nor_too_large():
    model = model_of("rbm")
    params = strewn(model)
    truth = model.parameter_space.values(ebm.gradient(model, params, sampler="exact").mean)
    scores = []
    for seed in range(8):
        found = ebm.gradient(model, params, draws=1000, chains=4, seed=seed)
        mean, error = (
            model.parameter_space.values(found.mean),
            model.parameter_space.values(found.std_error),
        )
        scores += [np.asarray((mean[n] - truth[n]) / error[n]).reshape(-1) for n in truth]
    spread = np.concatenate(scores).std()
    # 8 x 47 scores of about one standard deviation; entries are correlated, hence the wide band.
    assert 0.8 < spread < 1.25


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_at_least_99_of_100_entries_are_within_four_errors_over_repeated_runs(name):
    model = model_of(name)
    params = strewn(model)
    truth = ebm.gradient(model, params, sampler="exact")
    counts = [misses(model, params, truth, seed) for seed in range(20)]
    wrong, number = (sum(c) for c in zip(*counts, strict=True))
    assert wrong <= 0.01 * number


def test_the_gradient_is_shaped_as_the_parameters_and_symmetric_where_they_are():
    model = model_of("boltzmann")
    params = strewn(model)
    found = ebm.gradient(model, params, draws=200, seed=0)
    assert {n: np.shape(v) for n, v in found.mean.items()} == {
        n: np.shape(v) for n, v in params.items()
    }
    np.testing.assert_array_equal(found.mean["J"], found.mean["J"].T)
    assert np.all(np.diag(found.mean["J"]) == 0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    model = model_of("rbm")
    params = strewn(model)
    one, two, three = (ebm.gradient(model, params, draws=100, seed=s).mean["W"] for s in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_an_entry_that_never_moves_has_no_error_bar():
    model = ebm.loads("model m dim k = 3 visible x : binary[k] param b : real[k] energy = -b @ x")
    params = {"b": np.array([0.0, 0.0, -200.0])}
    found = ebm.gradient(model, params, draws=100, rao_blackwell=False)
    assert np.isinf(found.std_error["b"][2])
    assert np.all(np.isfinite(found.std_error["b"][:2]))


def test_where_all_is_averaged_out_nothing_is_drawn():
    model = ebm.loads("model m dim k = 3 visible x : binary[k] param b : real[k] energy = -b @ x")
    b = np.array([0.0, 1.0, -200.0])
    found = ebm.gradient(model, {"b": b})
    assert found.draws == 0
    assert found.how.startswith("exact")
    np.testing.assert_allclose(found.mean["b"], -1 / (1 + np.exp(-b)), atol=1e-12)


@pytest.fixture(scope="module")
def rbm():
    model = model_of("rbm")
    return model, strewn(model)


@pytest.mark.slow
def test_averaging_out_leaves_the_mean_and_halves_the_errors(rbm):
    model, params = rbm
    truth = model.parameter_space.values(ebm.gradient(model, params, sampler="exact").mean)
    fine, coarse = (
        ebm.gradient(model, params, draws=1000, rao_blackwell=how, seed=1) for how in (True, False)
    )
    assert "E[dE/dtheta | rest] over v and h" in fine.how
    assert fine.error_norm < 0.5 * coarse.error_norm
    for found in (fine, coarse):
        mean, error = (model.parameter_space.values(a) for a in (found.mean, found.std_error))
        scores = np.concatenate([np.ravel((mean[n] - truth[n]) / error[n]) for n in truth])
        # Odds of 5 errors: 6e-7 a number, of which there are 47.
        assert np.abs(scores).max() < 5


def test_targets_are_reached_by_drawing_on_with_one_program(rbm):
    model, params = rbm
    settings = {"draws": 200, "rao_blackwell": True, "seed": 0}
    first = ebm.gradient(model, params, **settings)
    fine = ebm.gradient(model, params, target_norm=0.6 * first.error_norm, **settings)
    assert fine.reached
    assert fine.draws > first.draws
    assert fine.error_norm <= 0.6 * first.error_norm
    again = ebm.gradient(model, params, target_norm=0.6 * first.error_norm, **settings)
    np.testing.assert_array_equal(fine.mean["W"], again.mean["W"])
    relative = 0.7 * first.relative_error
    part = ebm.gradient(model, params, target_relative=relative, **settings)
    assert part.reached
    assert part.error_norm <= relative * part.norm
    walks = [made for key, made in model._made.items() if key[0] == "slopes" and len(key[2]) > 1]
    assert walks
    assert all(walk._cache_size() <= 2 for walk in walks)  # of 1000 draws, and of 200


@pytest.mark.slow
def test_a_wanted_error_is_reached_by_drawing_on():
    model = model_of("rbm")
    params = strewn(model)
    found = ebm.gradient(model, params, draws=200, target_error=0.01, seed=0)
    assert found.reached
    assert found.draws > 200
    worst = max(np.max(e[np.isfinite(e)]) for e in found.std_error.values())
    assert worst <= 0.01


@pytest.mark.slow
def test_a_network_s_gradient_is_a_pytree_like_its_weights():
    model = ebm.load(PROGRAMS / "rings.ebm")
    params = model.init(0)
    found = ebm.gradient(model, params, draws=50, chains=2, warmup=50)
    assert jax.tree.structure(found.mean) == jax.tree.structure(params)


def test_chains_that_disagree_reach_nothing():
    model = ebm.loads("""dim site = 10
visible s : spin[site]
param h : real
energy = -2 * sum(i < j) s[i] * s[j] - h * sum(s)""")
    found = ebm.gradient(
        model, {"h": 0.1}, draws=50, warmup=20, target_norm=1e9, most_draws=150, seed=0
    )
    assert 100 <= found.draws <= 200
    assert not found.reached
    assert not found.trusted
    assert "the target was not reached" in str(found)


def test_a_target_must_be_above_zero():
    model = ebm.loads("visible x : spin param h : real energy = -h * x")
    with pytest.raises(ebm.EbmError, match="`target_norm` must be above 0"):
        ebm.gradient(model, {"h": 0.1}, target_norm=0.0)
    with pytest.raises(ebm.EbmError, match="`rao_blackwell` is"):
        ebm.gradient(model, {"h": 0.1}, rao_blackwell="always")


COVERED = {
    **{name: TEXTS[name] for name in ("rbm", "glass", "potts")},
    "ising": (PROGRAMS / "ising.ebm", {"row": 4, "col": 4}),
    "gaussian": (PROGRAMS / "gaussian_rbm.ebm", {"pixel": 5, "unit": 4}),
}
SEEDS = 48


@pytest.mark.slow
@pytest.mark.parametrize("how", [True, False])
@pytest.mark.parametrize("name", COVERED)
def test_errors_cover_the_truth_as_often_as_they_say(name, how):
    source, bindings = COVERED[name]
    model = (
        ebm.loads(source, **bindings) if isinstance(source, str) else ebm.load(source, **bindings)
    )
    strength = {"J": np.float32(0.3), "B": np.float32(0.05)}
    params = strength if name == "ising" else strewn(model)
    if name == "gaussian":
        params["sigma"] = np.exp(params["sigma"])
    space = model.parameter_space

    def flat(arrays):
        return np.concatenate([np.ravel(v) for v in space.values(arrays).values()])

    truth = flat(ebm.gradient(model, params, sampler="exact").mean)
    found = [
        ebm.gradient(model, params, draws=500, rao_blackwell=how, seed=s) for s in range(SEEDS)
    ]
    errors = np.array([flat(f.mean) - truth for f in found])
    scores = errors / np.array([flat(f.std_error) for f in found])
    within = {limit: np.mean(np.abs(scores) < limit) for limit in (1.0, 1.96, 3.0)}
    norms = np.mean(np.sum(errors**2, axis=1)) / np.mean([f.error_norm**2 for f in found])
    print(name, how, within, norms)
    # At worst all numbers of a run go together: 48 coins of odds 0.683 and 0.95, by 3.5 deviations.
    assert 0.683 - 0.235 < within[1.0] < 0.683 + 0.235
    assert within[1.96] > 0.95 - 0.11
    assert within[3.0] > 0.96
    assert 0.5 < norms < 1.7
