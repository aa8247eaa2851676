"""Samplers as users meet them: NumPyro kernels, seeds, compilations, clamps, given data, refusals."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from energy.formulas import PROGRAMS
from numpyro.infer import MCMC

import ebmlang as ebm

RBM = {"W": np.array([[1.0, -0.5], [0.3, 0.8], [-1.2, 0.4]]), "b": np.array([0.1, -0.2, 0.3]),
       "c": np.array([0.5, -0.5])}  # fmt: skip
BOWL = "dim n = 2 visible x : real[n] energy = sum(x ^ 2) / 2 + 0.1 * sum(x ^ 4)"
MIXED = (
    "dim n = 2 visible x : real[n] visible s : spin[n] visible p : positive "
    "energy a = sum(i) (x[i] - s[i]) ^ 2 energy b = p - log(p) + 0.1 * sum(x ^ 4)"
)
SLOW = pytest.mark.slow
KERNELS = [
    pytest.param("rbm", "gibbs", id="rbm-gibbs"),
    pytest.param("rbm", "tempering", id="rbm-tempering", marks=SLOW),
    pytest.param(MIXED, "tempering", id="mixed-tempering", marks=SLOW),
    *(pytest.param(BOWL, s, id=f"bowl-{s}") for s in ("langevin", "mala")),
    *(pytest.param(BOWL, s, id=f"bowl-{s}", marks=SLOW) for s in ("hmc", "nuts", "auto")),
    pytest.param(MIXED, "mala", id="mixed-mala"),
    *(pytest.param(MIXED, s, id=f"mixed-{s}", marks=SLOW) for s in ("nuts", "auto")),
]


@pytest.fixture(scope="module")
def rbm() -> ebm.Model:
    return ebm.load(PROGRAMS / "rbm.ebm", pixel=3, unit=2)


@pytest.fixture(scope="module")
def models(rbm: ebm.Model) -> dict[str, tuple[ebm.Model, dict]]:
    return {"rbm": (rbm, RBM), BOWL: (ebm.loads(BOWL), {}), MIXED: (ebm.loads(MIXED), {})}


@pytest.mark.parametrize("method", [pytest.param("sequential", marks=SLOW), "vectorized"])
@pytest.mark.parametrize(("name", "sampler"), KERNELS)
def test_every_kernel_runs_under_numpyro(models, name: str, sampler: str, method: str):
    model, params = models[name]
    run = MCMC(
        ebm.kernel(model, params, sampler), num_warmup=20, num_samples=15, num_chains=2,
        chain_method=method, progress_bar=False,
    )  # fmt: skip
    run.run(jax.random.PRNGKey(3))
    found = run.get_samples(group_by_chain=True)
    assert set(found) == set(model.program.unknowns)
    for variable, symbol in model.program.unknowns.items():
        values = np.asarray(found[variable])
        assert values.shape == (2, 15, *model.world.shape(symbol))
        assert np.all(np.isfinite(values))
        assert not np.array_equal(values[0], values[1])


def test_a_kernel_draws_from_the_law(rbm: ebm.Model):
    """Means of 64 independent chains; five and a half standard errors of them are the limit."""
    run = MCMC(ebm.kernel(rbm, RBM, "gibbs"), num_warmup=50, num_samples=300, num_chains=64,
               chain_method="vectorized", progress_bar=False)  # fmt: skip
    run.run(jax.random.key(1))
    v = np.asarray(run.get_samples(group_by_chain=True)["v"], float)
    states = np.array(list(np.ndindex(2, 2, 2, 2, 2)), float)
    weight = np.exp(-np.asarray(rbm.energy(RBM, {"v": states[:, :3], "h": states[:, 3:]}), float))
    exact = weight @ states[:, :3] / weight.sum()
    means = v.mean(1)
    assert np.all(np.abs(means.mean(0) - exact) < 5.5 * means.std(0, ddof=1) / 8)


@pytest.mark.parametrize(("name", "sampler"), KERNELS)
def test_the_same_seed_gives_the_same_draws(models, name: str, sampler: str):
    model, params = models[name]
    settings = {"draws": 10, "chains": 2, "warmup": 10, "sampler": sampler, "progress": False}
    first, again, other = (ebm.sample(model, params, seed=s, **settings) for s in (1, 1, 2))
    for variable in model.program.unknowns:
        assert np.array_equal(first[variable], again[variable])
        assert not np.array_equal(first[variable], other[variable])


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["mala", "hmc", pytest.param("nuts", marks=SLOW)])
def test_what_was_sampled_before_does_not_change_the_draws(sampler: str):
    """Warm-up must end where this call says, not where an earlier one did."""
    settings = {"draws": 30, "chains": 2, "sampler": sampler, "progress": False}
    model, fresh = ebm.loads(BOWL), ebm.loads(BOWL)
    ebm.sample(model, {}, warmup=300, **settings)
    found = ebm.sample(model, {}, warmup=20, **settings)
    wanted = ebm.sample(fresh, {}, warmup=20, **settings)
    np.testing.assert_array_equal(found["x"], wanted["x"])


@pytest.mark.parametrize(("name", "sampler"), KERNELS)
def test_a_second_call_compiles_nothing(models, name: str, sampler: str):
    model, params = models[name]
    settings = {"draws": 6, "chains": 2, "warmup": 5, "sampler": sampler, "progress": False}
    ebm.sample(model, params, seed=0, **settings)
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        traced: list[object] = []
        whole = model.target.__class__.parts
        patch.setattr(model.target.__class__, "parts", lambda *a: (traced.append(a), whole(*a))[1])
        moved = jax.tree.map(lambda value: value * 0.5, params)
        ebm.sample(model, moved, seed=1, beta=0.7, **settings)
    known = len(traced)
    assert known <= 1, f"the energy was traced {known} times again"


def conditional(model: ebm.Model, held: np.ndarray) -> np.ndarray:
    """p(h = 1 | v) of the machine of two features, by enumeration."""
    h = np.array(list(np.ndindex(2, 2)), float)
    energy = np.asarray(model.energy(RBM, {"v": np.tile(held, (4, 1)), "h": h}), float)
    weight = np.exp(-energy)
    return weight @ h / weight.sum()


def within(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Chains' means within six of their standard errors."""
    means = np.asarray(found, float).mean(1)
    return bool(
        np.all(np.abs(means.mean(0) - wanted) < 6 * means.std(0, ddof=1) / len(means) ** 0.5)
    )


def test_a_clamped_variable_stays_and_the_rest_follows_its_conditional(rbm: ebm.Model):
    held = np.array([1.0, 0.0, 1.0])
    draws = ebm.sample(rbm, RBM, draws=200, chains=64, clamp={"v": held}, progress=False)
    assert np.all(draws["v"] == held)
    assert within(draws["h"], conditional(rbm, held))


def test_a_masked_clamp_holds_only_the_masked(rbm: ebm.Model):
    value, mask = np.array([1.0, 0.0, 0.0]), np.array([True, False, False])
    draws = ebm.sample(rbm, RBM, draws=300, chains=64, clamp={"v": (value, mask)}, progress=False)
    assert np.all(draws["v"][..., 0] == 1)
    states = np.array([s for s in np.ndindex(2, 2, 2, 2, 2) if s[0] == 1], float)
    energy = rbm.energy(RBM, {"v": states[:, :3], "h": states[:, 3:]})
    weight = np.exp(-np.asarray(energy, float))
    assert within(draws["v"][..., 1:], (weight @ states[:, 1:3]) / weight.sum())


@pytest.mark.parametrize("sampler", ["mala", pytest.param("nuts", marks=SLOW)])
def test_gradient_samplers_hold_masked_entries(sampler: str):
    model = ebm.loads("dim n = 3 visible x : real[n] energy = sum(x ^ 2) + 0.5 * sum(x) ^ 2")
    mask = np.array([False, True, False])
    draws = ebm.sample(model, {}, draws=400, chains=32, warmup=300, sampler=sampler, thin=5,
                       clamp={"x": (np.array([0.0, 2.0, 0.0]), mask)}, progress=False)  # fmt: skip
    assert np.all(draws["x"][..., 1] == 2.0)
    # minimum of x^2 + z^2 + (x + z + 2)^2 / 2: both are -1/2
    assert within(draws["x"][..., [0, 2]], np.array([-0.5, -0.5]))


def test_a_clamp_of_one_half_of_a_symmetric_array_holds_the_pair():
    model = ebm.loads(
        "dim n = 3 visible a : binary[n, n] symmetric hollow energy = -2 * sum(i < j) a[i, j]"
    )
    for i, j in ((0, 1), (1, 0)):
        mask = np.zeros((3, 3), bool)
        mask[i, j] = True
        try:
            draws = ebm.sample(
                model, {}, draws=50, clamp={"a": (np.zeros((3, 3)), mask)}, progress=False
            )
        except ebm.EbmError:
            continue
        assert np.all(draws["a"] == np.swapaxes(draws["a"], -1, -2))
        assert np.all(draws["a"][..., i, j] == 0)


def test_a_hollow_array_can_be_held_whatever_its_type():
    off = np.ones((3, 3)) - np.eye(3)
    spins = ebm.loads(
        "dim n = 3 visible s : spin[n, n] symmetric hollow visible t : spin "
        "energy = -0.3 * t * sum(i < j) s[i, j]"
    )
    draws = ebm.sample(spins, {}, draws=5, clamp={"s": off}, progress=False)
    assert np.all(draws["s"] == off)


def test_a_mask_of_all_that_can_move_leaves_nothing_to_move():
    model = ebm.loads(
        "dim n = 3 visible a : binary[n, n] symmetric hollow visible t : binary "
        "energy = t * sum(i < j) a[i, j]"
    )
    off = np.ones((3, 3)) - np.eye(3)
    draws = ebm.sample(model, {}, draws=5, clamp={"a": (off, off > 0)}, progress=False)
    assert np.all(draws["a"] == off)


def test_a_positive_hollow_parameter_starts_positive_off_its_diagonal():
    model = ebm.loads(
        "dim n = 3 visible s : spin[n] param W : positive[n, n] symmetric hollow init 1 "
        "energy = sum(i < j) W[i, j] * s[i] * s[j]"
    )
    np.testing.assert_array_equal(model.init()["W"], np.ones((3, 3)) - np.eye(3))


def test_a_symmetric_array_of_categories_stays_symmetric():
    model = ebm.loads(
        "dim n = 3, q = 3 visible a : category(q)[n, n] symmetric hollow param h : real[q] "
        "energy = sum(i < j) h[a[i, j]]"
    )
    draws = ebm.sample(
        model, {"h": np.array([0.0, 1.0, -1.0])}, draws=400, chains=32, progress=False
    )
    a = draws["a"]
    assert np.array_equal(a, np.swapaxes(a, -1, -2))
    weight = np.exp([0.0, -1.0, 1.0])
    assert within(a[..., 0, 1, None] == np.arange(3), weight / weight.sum())


def test_beta_scales_the_energy(rbm: ebm.Model):
    model = ebm.loads("visible s : spin param h : real energy = -h * s")
    draws = ebm.sample(model, {"h": 0.5}, draws=200, chains=64, beta=3.0, progress=False)
    assert within(draws["s"], np.tanh(1.5))


@pytest.mark.parametrize("sampler", ["gibbs", "mala", pytest.param("nuts", marks=SLOW)])
def test_beta_scales_densities_of_unknowns_too(sampler: str):
    model = ebm.loads("visible x : real ~ normal(0, 2)")
    draws = ebm.sample(
        model, {}, draws=300, chains=64, beta=4.0, sampler=sampler, thin=3, progress=False
    )
    assert within(draws["x"].astype(float) ** 2, 1.0)


def test_given_data_may_come_with_the_call():
    model = ebm.load(PROGRAMS / "segment.ebm", row=2, col=2)
    params = {"smooth": 1e-3, "contrast": 1.0, "level": 0.5}
    image = np.array([[0.0, 0.5], [1.0, 2.0]])
    draws = ebm.sample(model, params, draws=200, chains=64, given={"image": image}, progress=False)
    np.testing.assert_allclose(draws["label"].mean((0, 1)), np.tanh(image - 0.5), atol=0.05)
    with pytest.raises(ebm.EbmError, match="E601"):
        ebm.sample(model, params, progress=False)


REFUSED = (
    ("visible x : real energy = x ^ 2 + x ^ 4", "gibbs", "E702", "not quadratic"),
    ("visible x : positive energy = x", "gibbs", "E702", "positive"),
    ("visible s : spin energy = s", "hmc", "E702", "discrete"),
    ("visible x : real energy = x ^ 2 + floor(x)", "nuts", "E702", "jumps"),
    ("visible x : real energy = x ^ 2", "gibs", "E701", "gibbs"),
)


@pytest.mark.parametrize(("text", "sampler", "code", "reason"), REFUSED)
def test_a_sampler_that_cannot_apply_says_why(text: str, sampler: str, code: str, reason: str):
    with pytest.raises(ebm.EbmError, match=rf"{code}[\s\S]*{reason}"):
        ebm.sample(ebm.loads(text), {}, sampler=sampler, draws=2, progress=False)


@pytest.mark.parametrize(
    "text",
    ["visible x : real energy = sqrt(-1 - x ^ 2)", "visible s : spin energy = log(0 * s)",
     "visible x : real energy = -x ^ 4"],
)  # fmt: skip
def test_energies_that_are_not_finite_are_an_error(text: str):
    sampler = ebm.Langevin(step_size=0.5) if "4" in text else "auto"
    with pytest.raises(ebm.EbmError, match="E703"):
        ebm.sample(ebm.loads(text), {}, sampler=sampler, draws=50, progress=False)


def test_progress_changes_no_draw():
    model = ebm.loads(BOWL)
    settings = {"draws": 23, "chains": 2, "warmup": 11, "sampler": "mala", "thin": 2}
    quiet = ebm.sample(model, {}, progress=False, **settings)
    loud = ebm.sample(model, {}, progress=True, **settings)
    np.testing.assert_array_equal(quiet["x"], loud["x"])
