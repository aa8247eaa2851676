"""When `auto` takes informed proposals, what it says of them, and that everything runs on them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpyro.infer import MCMC

import ebmlang as ebm
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.settings import Auto

SPINS = "dim n visible s : spin[n] net f : real[n] -> real = mlp(8, act=tanh)\nenergy shape = f(s)"
MIXED = (
    "dim n = 2, m = 200 visible x : real[n] visible s : spin[m] net f : real[m] -> real = mlp(4) "
    "energy bowl = sum(x ^ 2) / 2 + 0.1 * sum(x ^ 4) energy shape = x[0] * f(s)"
)


def methods(model: ebm.Model, held: dict[str, Any] | None = None) -> list[tuple[str, ...]]:
    return [(b.method, *b.variables) for b in make_plan(model.target, Auto(), held or {}).blocks]


def test_a_network_over_few_spins_is_tried_and_over_many_informed():
    assert methods(ebm.loads(SPINS, n=128)) == [("gibbs", "s")]
    assert methods(ebm.loads(SPINS, n=129)) == [("informed", "s")]
    held = np.arange(129) == 0
    assert methods(ebm.loads(SPINS, n=129), {"s": held}) == [("gibbs", "s")]


def test_explain_names_the_network_and_its_line():
    many = ebm.loads(SPINS, n=300).explain()
    (row,) = many.to_dict()["sampler"]
    assert (row["sampler"], row["way"]) == ("informed", "informed")
    for said in ("informed proposals", "`f(s)` (line 2, `shape`)", "600 of its energies"):
        assert said in str(many)
    assert ebm.loads(SPINS, n=20).explain().to_dict()["sampler"][0]["sampler"] == "gibbs"


def test_an_external_function_is_a_network_too():
    text = "dim n = 300 visible s : spin[n] net f : real[n] -> real = external() energy = f(s)"
    model = ebm.loads(text, f=lambda x: jnp.sin(jnp.sum(x)))
    assert methods(model) == [("informed", "s")]


@pytest.mark.parametrize(
    "text",
    [
        "dim n = 300 visible s : spin[n] param h : real[n] energy = -h @ s",
        "dim n = 300 visible s : spin[n] net f : real[n] -> real[n] = mlp(4) given x : real[n] "
        "energy = -f(x) @ s",
        "dim n = 200, q = 3 visible z : category(q)[n] net f : category(q)[n] -> real = mlp(4) "
        "energy = f(z)",
        "dim row = 2, col = 2, class = 300 visible x : real[row, col] visible y : category(class) "
        "net f : real[row, col] -> real[class] = mlp(4) energy = -f(x)[y] + sum(x ^ 2)",
    ],
)
def test_what_one_gradient_tells_exactly_or_not_at_all_stays_gibbs(text: str):
    given: dict[str, Any] = {"x": np.zeros(300)} if "given" in text else {}
    plan = methods(ebm.loads(text, **given))
    assert not [block for block in plan if block[0] == "informed"]


def test_continuous_variables_keep_their_own_sampler():
    assert methods(ebm.loads(MIXED)) == [("nuts", "x"), ("informed", "s")]
    model = ebm.loads(MIXED.replace("m = 200", "m = 2"))
    plan = make_plan(model.target, ebm.Informed(), {})
    assert [b.method for b in plan.blocks] == ["nuts", "informed"]
    with pytest.raises(ebm.EbmError, match=r"E702[\s\S]*continuous"):
        ebm.sample(ebm.loads("visible x : real energy = x ^ 2 + x ^ 4"), {}, sampler="informed")


@pytest.fixture(scope="module")
def small() -> tuple[ebm.Model, dict[str, Any]]:
    model = ebm.loads("dim n = 4 visible s : spin[n] param h : real[n] param c : real "
                      "energy = -h @ s + c * (sum(s)) ^ 4 / 50")  # fmt: skip
    return model, {"h": np.array([0.3, -0.2, 0.5, 0.1]), "c": 1.0}


@pytest.mark.slow
def test_gradient_and_comparison_agree_with_the_exact_answer(small):
    model, params = small
    found = ebm.gradient(model, params, sampler="informed", draws=500, chains=16)
    exact = ebm.gradient(model, params, sampler="exact")
    for name in ("h", "c"):
        gap = np.abs(np.asarray(found.mean[name]) - np.asarray(exact.mean[name]))
        assert np.all(gap < 6 * np.asarray(found.std_error[name]))
    table = ebm.compare(model, params, ["informed"], draws=200, warmup=100)
    (row,) = table.rows
    assert row.refused == ""
    assert row.trusted
    assert row.ess > 50


@pytest.mark.slow
def test_it_is_a_numpyro_kernel(small):
    model, params = small
    run = MCMC(ebm.kernel(model, params, "informed"), num_warmup=20, num_samples=200, num_chains=16,
               chain_method="vectorized", progress_bar=False)  # fmt: skip
    run.run(jax.random.key(3))
    s = np.asarray(run.get_samples(group_by_chain=True)["s"], float)
    exact = -np.asarray(ebm.gradient(model, params, sampler="exact").mean["h"])
    means = s.mean(1)
    assert np.all(np.abs(means.mean(0) - exact) < 6 * means.std(0, ddof=1) / 4)


def bars_and_stripes(side: int, number: int, seed: int) -> np.ndarray:
    """Images of whole rows or whole columns, each on or off. Shapes: [image, row, col]."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(0, 2, (number, side, 1)) * np.ones((1, 1, side))
    upright = rng.integers(0, 2, (number, 1, 1)).astype(bool)
    return np.where(upright, lines, np.swapaxes(lines, 1, 2))


@pytest.mark.slow
def test_a_network_energy_of_bars_and_stripes_is_fitted_by_auto():
    """After a few epochs new bars and stripes lie lower than the same images with pixels flipped."""
    model = ebm.loads(
        "dim row = 12, col = 12 visible v : binary[row, col] "
        "net f : real[row, col] -> real = mlp(32) energy shape = f(v)"
    )
    assert methods(model) == [("informed", "v")]
    images = bars_and_stripes(12, 500, 0)
    fit = ebm.fit(model, {"v": images}, epochs=6, batch_size=50, chains=50, sweeps=2, progress=False,
                  optimizer=optax.adam(3e-3))  # fmt: skip
    unseen = bars_and_stripes(12, 200, 1)
    flips = np.random.default_rng(2).random(unseen.shape) < 0.15
    spoilt = np.where(flips, 1 - unseen, unseen)
    gap = np.asarray(
        model.energy(fit.params, {"v": spoilt}) - model.energy(fit.params, {"v": unseen})
    )
    assert np.mean(gap > 0) > 0.8
    assert set(np.unique(fit.chains["v"])) <= {0.0, 1.0}
