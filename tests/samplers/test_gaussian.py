"""Joint Gaussian draws are affine in their noise: mean and covariance are read off, without chance.

The precision matrix to compare with comes from differences of the energy at unit steps, which for a
quadratic are its second derivatives up to rounding, and NumPy's own linear algebra.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.analysis.elimination import Elimination, Offers, columns
from ebmlang.backend.conditionals import Situation
from ebmlang.samplers import banded, gaussian
from ebmlang.samplers.beginning import random_state
from ebmlang.samplers.gaussian import JointGaussian
from ebmlang.samplers.plan import make_plan
from ebmlang.samplers.settings import Auto, Gibbs
from ebmlang.samplers.verify import verify

from .test_truth import truth

BETA = 0.7
CHAIN = "dim n visible x : real[n] param b : real[n] energy = 0.1 * sum(x^2) - b @ x + "
LINKS = CHAIN + "sum(i in 0..n-1) (x[i+1] - x[i])^2"
TORUS = (
    "dim r cyclic, c cyclic visible x : real[r, c] param b : real[r, c] "
    "energy = 2.1 * sum(x ^ 2) - sum(i, j) x[i, j] * (x[i+1, j] + x[i, j+1]) - sum(b * x)"
)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "chain": (LINKS, {"n": 90}),
    "torus": (TORUS, {"r": 12, "c": 6}),
    "complete": (CHAIN + "2 * sum(x^2) + 0.5 * (b @ x)^2", {"n": 7}),
    "symmetric": (
        "dim n visible x : real[n, n] symmetric param b : real[n] energy = sum(x ^ 2) "
        "+ sum(i) (sum(j) b[j] * x[i, j])^2 - sum(i, j) x[i, j] * b[i]",
        {"n": 5},
    ),
    "hollow": (
        "dim n visible x : real[n, n] symmetric hollow param b : real[n] energy = sum(x ^ 2) "
        "+ sum(i) (sum(j) b[j] * x[i, j])^2 - sum(i, j) x[i, j] * b[i]",
        {"n": 5},
    ),
    "two_that_meet": (
        "dim n latent m : real visible t : real[n] param b : real[n] "
        "energy far = sum(i) (t[i] - m)^2 energy near = sum((t - b)^2) + m^2",
        {"n": 5},
    ),
    "bent_by_a_spin": (
        "dim n visible s : spin[n] visible x : real[n] param b : real[n] energy = "
        "sum(i) (2 + s[i]) * x[i]^2 + sum(i in 0..n-1) x[i] * x[i+1] * s[i] - b @ x",
        {"n": 6},
    ),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """A joint block with a state and the ground to stand on."""

    model: ebm.Model
    block: JointGaussian
    situation: Situation
    state: dict[str, Any]

    def energy(self, values: np.ndarray) -> float:
        state = self.block.curvature.put(self.state, jnp.asarray(values))
        where = self.situation
        return float(where.beta * self.model.target.energy(where.params, state, where.given))

    def by_differences(self) -> tuple[np.ndarray, np.ndarray]:
        """The gradient at zero and the precision matrix."""
        number = self.block.matrix.number
        eye = np.eye(number)
        points = [np.zeros(number), *eye, *-eye]
        pairs = [(i, j) for i in range(number) for j in range(i)]
        points += [eye[i] + eye[j] for i, j in pairs]
        where = self.situation
        at = jax.vmap(lambda v: self.block.curvature.put(self.state, v))(jnp.asarray(points))
        energy = jax.jit(jax.vmap(lambda s: self.model.target.energy(where.params, s, where.given)))
        found = np.asarray(where.beta * energy(at))
        up, down, both = (
            found[1 : number + 1],
            found[number + 1 : 2 * number + 1],
            found[2 * number + 1 :],
        )
        precision = np.diag(up + down - 2 * found[0])
        for (i, j), value in zip(pairs, both, strict=True):
            precision[i, j] = precision[j, i] = value - up[i] - up[j] + found[0]
        return (up - down) / 2, precision

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean, and the matrix A of the draw mean + A @ noise."""

        def drawn(noise: Any) -> Any:
            ready = self.situation._replace(tables=self.block.tables(self.situation))
            return self.block.curvature.take(self.block.drawn(noise, ready, self.state))

        number = self.block.matrix.number
        noise = jnp.concatenate([jnp.zeros((1, number)), jnp.eye(number)])
        rows = np.asarray(jax.jit(jax.vmap(drawn))(noise))
        return rows[0], (rows[1:] - rows[0]).T


def found_of(name: str, held: dict[str, np.ndarray] | None = None) -> Found:
    text, sizes = MODELS[name]
    model = ebm.loads(text, **sizes)
    rng = np.random.default_rng(3)
    shapes = {s.name: model.world.shape(s) for s in model.program.params.values()}
    params = {n: jnp.asarray(rng.normal(size=shape)) for n, shape in shapes.items()}
    plan = make_plan(model.target, Gibbs(), held or {})
    (block,) = (b for b in plan.blocks if isinstance(b, JointGaussian))
    state = random_state(model.target, jax.random.key(5))
    return Found(model, block, Situation(params, {}, jnp.asarray(BETA)), state)


def assert_exact(found: Found, tolerance: float = 1e-10) -> None:
    slope, precision = found.by_differences()
    mean, root = found.affine()
    np.testing.assert_allclose(mean, -np.linalg.solve(precision, slope), rtol=0, atol=tolerance)
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(precision), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", MODELS)
def test_mean_and_covariance_are_exact(name: str):
    with jax.enable_x64(True):
        assert_exact(found_of(name))


def test_held_entries_stay_and_steer_the_others():
    held = {"x": np.zeros((12, 6), bool)}
    held["x"][2:4, 1:] = held["x"][7, 5] = True
    with jax.enable_x64(True):
        found = found_of("torus", held)
        assert found.block.matrix.number == 12 * 6 - 11
        assert_exact(found)
        ready = found.situation._replace(tables=found.block.tables(found.situation))
        moved = found.block.move(jax.random.key(0), ready, found.state, ()).state["x"]
    same = np.asarray(moved) == np.asarray(found.state["x"])
    np.testing.assert_array_equal(same, held["x"])


@pytest.mark.slow
def test_a_symmetric_array_stays_symmetric():
    with jax.enable_x64(True):
        found = found_of("symmetric")
        ready = found.situation._replace(tables=found.block.tables(found.situation))
        moved = np.asarray(found.block.move(jax.random.key(0), ready, found.state, ()).state["x"])
    np.testing.assert_array_equal(moved, moved.T)
    assert len(np.unique(moved)) == 15


@pytest.mark.parametrize("seed", range(4))
def test_random_quadratic_forms_are_those_of_numpy(seed: int):
    rng = np.random.default_rng(seed)
    number = int(rng.integers(2, 9))
    root = rng.normal(size=(number, number))
    precision, pull = root @ root.T + 0.3 * np.eye(number), rng.normal(size=number)
    with jax.enable_x64(True):
        model = ebm.loads(
            "dim n visible x : real[n] param A : real[n, n] param b : real[n] "
            "energy = x @ A @ x / 2 - b @ x",
            n=number,
        )
        (block,) = make_plan(model.target, Auto(), {}).blocks
        assert isinstance(block, JointGaussian)
        state = random_state(model.target, jax.random.key(seed))
        params = {"A": jnp.asarray(precision), "b": jnp.asarray(pull)}
        mean, found = Found(model, block, Situation(params, {}, jnp.asarray(1.0)), state).affine()
    np.testing.assert_allclose(mean, np.linalg.solve(precision, pull), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found @ found.T, np.linalg.inv(precision), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["chain", "torus"])
def test_blocks_along_the_diagonal_give_what_one_block_gives(name: str):
    with jax.enable_x64(True):
        found = found_of(name)
        edges, number = found.block.matrix.edges, found.block.matrix.number
        assert edges is not None
        offers = Offers(number, edges, (), fixed=True)
        assert offers.dense is not None
        assert offers.banded is not None
        assert offers.banded.blocks > 1
        several, single = (
            dataclasses.replace(found, block=dataclasses.replace(found.block, matrix=matrix))
            for matrix in (offers.banded, offers.dense)
        )
        for one, other in zip(several.affine(), single.affine(), strict=True):
            covariances = (
                one @ one.T if one.ndim > 1 else one,
                other @ other.T if other.ndim > 1 else other,
            )
            np.testing.assert_allclose(*covariances, rtol=0, atol=1e-12)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_block_tridiagonal_factors_solve(blocks: int):
    rng = np.random.default_rng(blocks)
    width, whole = 3, np.zeros((3 * blocks, 3 * blocks))
    diagonal = rng.normal(size=(blocks, width, width))
    diagonal = diagonal @ diagonal.swapaxes(1, 2) + 6 * np.eye(width)
    below = rng.normal(size=(blocks, width, width))
    for k in range(blocks):
        here = slice(3 * k, 3 * k + 3)
        whole[here, here] = diagonal[k]
        if k:
            whole[here, 3 * k - 3 : 3 * k] = below[k]
            whole[3 * k - 3 : 3 * k, here] = below[k].T
    right = rng.normal(size=(blocks, width))
    with jax.enable_x64(True):
        arrays = [jnp.asarray(x) for x in (diagonal, below, right)]
        factor, sound = banded.factored(*arrays[:2])
        down = np.asarray(banded.forward(factor, arrays[2])).reshape(-1)
        up = np.asarray(banded.backward(factor, arrays[2])).reshape(-1)
        product = np.asarray(banded.times(*arrays)).reshape(-1)
    root = np.linalg.cholesky(whole)
    assert bool(sound)
    np.testing.assert_allclose(down, np.linalg.solve(root, right.reshape(-1)), atol=1e-12)
    np.testing.assert_allclose(up, np.linalg.solve(root.T, right.reshape(-1)), atol=1e-12)
    np.testing.assert_allclose(product, whole @ right.reshape(-1), atol=1e-12)


def test_probes_show_every_entry_of_a_sparse_matrix_alone():
    rng = np.random.default_rng(0)
    pairs = np.unique(np.sort(rng.integers(0, 60, size=(110, 2)), axis=1), axis=0)
    edges = pairs[pairs[:, 0] != pairs[:, 1]]
    matrix = np.diag(rng.normal(size=60))
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = rng.normal(
        size=len(edges)
    )
    probes = columns(edges, 60)
    assert probes.max() < 30
    shown = matrix @ np.equal.outer(probes, np.arange(probes.max() + 1))
    rows, cols = np.nonzero(matrix)
    np.testing.assert_array_equal(shown[rows, probes[cols]], matrix[rows, cols])


def test_the_field_on_a_torus_is_the_one_in_the_file():
    exact = truth("exact_discrete.json")["gmrf16"]
    model = ebm.loads(TORUS, r=16, c=16)
    with jax.enable_x64(True):
        (block,) = make_plan(model.target, Auto(), {}).blocks
        assert isinstance(block, JointGaussian)
        params = {"b": jnp.asarray(exact["b"]).reshape(16, 16)}
        where = Situation(params, {}, jnp.asarray(1.0))
        found = Found(model, block, where, random_state(model.target, jax.random.key(0)))
        mean, root = found.affine()
    covariance = (root @ root.T).reshape(16, 16, 16, 16)
    np.testing.assert_allclose(mean, exact["mean"], atol=1e-10)
    np.testing.assert_allclose(np.einsum("ijij->ij", covariance), exact["marginal_var"], atol=1e-10)
    right = np.einsum("ijij->ij", np.roll(covariance, -1, axis=3))
    np.testing.assert_allclose(right, exact["cov_nn"], atol=1e-10)


# ------------------------------------------------------------------ wrong factors


def spoilt(found: Found, **changes: Any) -> Any:
    plan = make_plan(found.model.target, Gibbs(), {})
    blocks = tuple(
        dataclasses.replace(b, **changes) if isinstance(b, JointGaussian) else b
        for b in plan.blocks
    )
    return dataclasses.replace(plan, blocks=blocks)


def verified(found: Found, plan: Any) -> None:
    verify(found.model.target, plan, found.situation)


def test_an_interaction_left_out_of_the_factor_is_caught():
    found = found_of("torus")
    matrix = found.block.matrix
    assert matrix.edges is not None
    fewer = Elimination(matrix.number, matrix.order, matrix.width, matrix.edges[1:])
    with jax.enable_x64(True):
        wrong = dataclasses.replace(found, block=dataclasses.replace(found.block, matrix=fewer))
        with pytest.raises(AssertionError):
            assert_exact(wrong)
    verified(found, spoilt(found))
    with pytest.raises(ebm.InternalError, match="second derivative"):
        verified(found, spoilt(found, matrix=fewer))


def test_a_factor_kept_though_a_spin_bends_the_energy_is_caught():
    found = found_of("bent_by_a_spin")
    verified(found, spoilt(found))
    with pytest.raises(ebm.InternalError, match="second derivative"):
        verified(found, spoilt(found, fixed=True))


@pytest.mark.parametrize(
    ("wrong", "claim"),
    [
        (lambda factor, right: banded.backward(factor, 1.01 * right), "centre"),
        (lambda factor, right: banded.forward(factor, right), "centre"),
    ],
    ids=["a_solution_one_per_cent_long", "the_factor_turned_round"],
)
def test_a_wrong_solution_is_caught(monkeypatch: pytest.MonkeyPatch, wrong: Any, claim: str):
    found = found_of("complete")
    monkeypatch.setattr(gaussian, "backward", wrong)
    with pytest.raises(ebm.InternalError, match=claim):
        verified(found, spoilt(found))


def test_a_wrong_spread_is_caught(monkeypatch: pytest.MonkeyPatch):
    found = found_of("complete")
    right = JointGaussian.drawn
    monkeypatch.setattr(JointGaussian, "drawn", lambda self, z, *rest: right(self, 1.01 * z, *rest))
    with pytest.raises(ebm.InternalError, match="spread"):
        verified(found, spoilt(found))


# ------------------------------------------------------------------- no Gaussian


BOWL = "dim n = 20 visible x : real[n] param b : real energy = b * sum(x^2) + "


def sampled(text: str, b: float, **settings: Any) -> ebm.Draws:
    model = ebm.loads(text)
    return ebm.sample(model, {"b": b}, draws=20, warmup=10, progress=False, **settings)


def test_a_saddle_is_no_gaussian_and_is_said_aloud():
    text = BOWL + "sum(i in 0..n-1) x[i] * x[i+1]"
    with pytest.raises(ebm.EbmError, match=r"E703.*not a bowl in `x` at these parameters"):
        sampled(text, 0.9)


@pytest.mark.slow
def test_a_saddle_at_later_parameters_is_said_aloud():
    """The check at binding has passed: what says so is the draw itself."""
    model = ebm.loads(BOWL + "sum(i in 0..n-1) x[i] * x[i+1]")
    settings: dict[str, Any] = {"draws": 5, "warmup": 5, "progress": False}
    ebm.sample(model, {"b": 1.1}, **settings)
    with pytest.raises(ebm.EbmError, match="not a bowl in `x`"):
        ebm.sample(model, {"b": 0.9}, **settings)


def test_a_saddle_that_a_spin_makes_is_said_aloud():
    text = BOWL + "(1 + s) * sum(i in 0..n-1) x[i] * x[i+1] visible s : spin"
    model = ebm.loads(text)
    with pytest.raises(ebm.EbmError, match="not a bowl in `x`"):
        ebm.sample(model, {"b": 1.2}, draws=200, warmup=0, chains=8, progress=False)


@pytest.mark.slow
def test_what_is_too_flat_for_32_bits_is_said_aloud():
    text = BOWL + "sum(i in 0..n-1) (x[i] - x[i+1])^2"
    assert np.isfinite(sampled(text, 1e-3)["x"]).all()
    with pytest.raises(ebm.EbmError, match="too flat in some direction of `x` for 32-bit"):
        sampled(text, 1e-10)


# -------------------------------------------------------------------- the choice


def test_draws_of_a_gaussian_model_are_independent():
    """Lagged products of 40 000 independent draws: none lies five standard errors from 0."""
    model = ebm.loads(LINKS, n=40)
    draws = ebm.sample(model, {"b": np.ones(40)}, draws=10_000, chains=4, progress=False)
    x = draws["x"].astype(float)
    x = (x - x.mean((0, 1))) / x.std((0, 1))
    lagged = (x[:, 1:] * x[:, :-1]).mean((0, 1))
    assert np.abs(lagged).max() < 5 / np.sqrt(4 * 9_999)


@pytest.mark.parametrize(
    ("text", "variables", "fixed"),
    [
        (LINKS, ("x",), True),
        (MODELS["two_that_meet"][0], ("m", "t"), True),
        (MODELS["bent_by_a_spin"][0], ("x",), False),
        ("dim n visible k : positive latent m : real visible t : real[n] visible s : spin "
         "energy = sum(i) (t[i] - m)^2 * k + k + m^2 + s * m", ("m", "t"), False),
    ],
)  # fmt: skip
def test_what_is_quadratic_together_is_drawn_together(text: str, variables: Any, fixed: bool):
    model = ebm.loads(text, n=40)
    choices = make_plan(model.target, Auto(), {}).choices
    (choice,) = (c for c in choices if c.way == "joint")
    assert choice.variables == variables
    assert choice.joint is not None
    assert choice.joint.fixed is fixed
    assert "operations a draw" in choice.reason


def test_of_two_quadratic_in_each_but_not_in_both_one_is_integrated_and_one_follows_slopes():
    model = ebm.loads("visible x : real visible y : real energy = x^2 * y^2 + x^2 + y^2")
    choices = make_plan(model.target, Auto(), {}).choices
    assert [(c.sampler, c.variables, c.closed) for c in choices] == [
        ("nuts", ("y",), ("x",)),
        ("gibbs", ("x",), ()),
    ]
    whole = make_plan(model.target, Auto(), {}, wish=False).choices
    assert [(c.sampler, c.variables) for c in whole] == [("nuts", ("x", "y"))]
    assert [c.variables for c in make_plan(model.target, Gibbs(), {}).choices] == [("x",), ("y",)]


def test_a_large_lattice_is_factored_in_blocks_and_explain_says_so():
    model = ebm.loads(TORUS, r=32, c=32)
    (block,) = make_plan(model.target, Auto(), {}).blocks
    assert isinstance(block, JointGaussian)
    assert block.matrix.blocks > 4
    text = str(model.explain())
    assert "exact Gaussian draws, all sites at once" in text
    assert "blocks of" in text
    assert "dense" in text
