"""Free simplices beside discrete unknowns: a whole row is one site, for proofs, sums and samplers."""

import numpy as np
import pytest
from scipy.special import digamma, gammaln

import ebmlang as ebm

ROWS = np.array([[0, 0, 1, 2], [1, 1, 1, 1], [2, 0, 2, 1]])
URN = """
model urn
dim colour = 3, draw = 4
param a : positive init 1.5
latent theta : simplex[colour] ~ dirichlet(a)
visible z : category(colour)[draw] ~ categorical(theta)
"""


def counts(row: np.ndarray) -> np.ndarray:
    return np.bincount(row, minlength=3)


def dirichlet_multinomial(a: float, row: np.ndarray) -> float:
    """log p of a sequence of draws, theta integrated: the closed form."""
    c = counts(row)
    total = gammaln(3 * a) - gammaln(3 * a + len(row))
    return float(total + (gammaln(a + c) - gammaln(a)).sum())


def test_a_dirichlet_multinomial_has_its_closed_form():
    model = ebm.loads(URN)
    params = model.init()
    assert "quadrature over theta" in str(model.explain())
    assert ebm.log_partition(model, params, "exact").value == pytest.approx(0, abs=1e-6)
    for row in ROWS:
        found = ebm.log_partition(model, params, "exact", clamp={"z": row})
        assert found.value == pytest.approx(dirichlet_multinomial(1.5, row), abs=1e-6)


def test_its_posterior_and_its_gradient_are_those_of_the_closed_form():
    model, a = ebm.loads(URN), 1.5
    held = {"z": ROWS[0]}
    draws = ebm.sample(model, model.init(), clamp=held, draws=200, chains=16, progress=False)
    wanted = (a + counts(ROWS[0])) / (3 * a + 4)
    assert draws["theta"].mean((0, 1)) == pytest.approx(wanted, abs=0.03)
    grad = ebm.gradient(model, model.init(), clamp=held, draws=100, chains=10)
    c = counts(ROWS[0])
    slope = 3 * digamma(3 * a) - 3 * digamma(3 * a + 4) + (digamma(a + c) - digamma(a)).sum()
    assert abs(grad.mean["a"] + slope) < 5 * grad.std_error["a"]


# Each energy with a lone row of three: log Z from a fine grid of its own, in NumPy.
LONE = {
    "an entry chosen by a category": (
        "visible z : category(k) energy = -2 * th[z]",
        lambda t: np.log(np.exp(2 * t).sum(-1)),
    ),
    "a product with binary sites": (
        "visible s : binary[k] energy = -2 * th @ s",
        lambda t: np.log1p(np.exp(2 * t)).sum(-1),
    ),
    "one-hot": (
        "visible z : category(k) energy = -dot(th, onehot(z))",
        lambda t: np.log(np.exp(t).sum(-1)),
    ),
    "two entries in one product": (
        "visible s : spin energy = -3 * s * th[0] * th[2]",
        lambda t: np.log(2 * np.cosh(3 * t[..., 0] * t[..., 2])),
    ),
}


@pytest.mark.parametrize(("text", "log_sum"), LONE.values(), ids=LONE)
def test_a_lone_row_beside_discrete_sites(text, log_sum):
    model = ebm.loads(f"dim k = 3 visible th : simplex[k] {text}")
    m = 400
    x, y = np.meshgrid((np.arange(m) + 0.5) / m, (np.arange(m) + 0.5) / m, indexing="ij")
    t = np.stack([x, (1 - x) * y, (1 - x) * (1 - y)], axis=-1)
    wanted = np.log((np.exp(log_sum(t)) * (1 - x)).mean())
    assert ebm.log_partition(model, {}, "exact").value == pytest.approx(wanted, abs=1e-4)
    assert "th" in str(model.explain())


def test_rows_meet_what_reads_them_and_each_other_only_in_common_terms():
    model = ebm.loads(
        "dim r = 3, k = 2 visible th : simplex[r, k] visible s : spin[r] "
        "energy = -sum(i in 0..r-1, c) th[i, c] * th[i + 1, c] * s[i]"
    )
    pairs = {tuple(pair) for pair in model.interactions().pairs.tolist()}
    assert pairs == {(0, 1), (1, 2), (0, 3), (1, 3), (1, 4), (2, 4)}
    assert "not proven" not in str(model.explain()).split("about s")[0]


def test_a_row_that_is_held_leaves_the_other_free():
    model = ebm.loads(
        "dim r = 2, k = 3, n = 4 latent th : simplex[r, k] ~ dirichlet(1) "
        "visible g : category(r)[n] visible z : category(k)[n] "
        "energy = -sum(i) log(th[g[i], z[i]])"
    )
    rows = np.array([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    held = {"th": (rows, np.array([[True] * 3, [False] * 3]))}
    # each site sums to (sum of th[0]) + (sum of th[1]) = 2, and the held row has density 2
    wanted = np.log(2.0**4 * 2)
    found = ebm.log_partition(model, {}, "exact", clamp=held)
    assert found.value == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("sampler", ["nuts", "mala"])
def test_samplers_move_a_row_beside_a_category(sampler):
    model = ebm.loads(
        "dim k = 3 given al : positive[k] visible th : simplex[k] ~ dirichlet(al) "
        "visible z : category(k) energy = -log(th[z])",
        al=[3, 1, 2],
    )
    draws = ebm.sample(model, {}, draws=500, chains=16, sampler=sampler, progress=False)
    # summed over z the weight is the prior's, and E th = al / 6; p(z) is that too
    assert draws["th"].mean((0, 1)) == pytest.approx(np.array([3, 1, 2]) / 6, abs=0.04)
    share = [(draws["z"] == label).mean() for label in range(3)]
    assert share == pytest.approx(np.array([3, 1, 2]) / 6, abs=0.05)
