"""Whole numbers beyond 2^24 decide exactly, as enumeration in Python's integers has it."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm

RNG = np.random.default_rng(5)
A = RNG.integers(10**7, 10**8, 10)
X = RNG.integers(0, 2, (6, 10))
T = int(A @ X[0])
BAG = (
    "dim n given a : integer<0, 100000000>[n] given t : integer<0, 2000000000> "
    "visible x : binary[n] energy = "
)


@pytest.mark.parametrize(
    ("energy", "right"),
    [
        ("if sum(i) a[i] * x[i] == t then 0 else 5", lambda x, t: 0 if A @ x == t else 5),
        ("if a @ x < t + 1 then 2 else 5", lambda x, t: 2 if A @ x < t + 1 else 5),
        ("if not (a @ x - t) then 1 else 0", lambda x, t: int(A @ x == t)),
        ("if a @ x != t and t >= a @ x then 1 else 0", lambda x, t: int(A @ x < t)),
        ("if abs(a @ x - t) < 3 then 1 else 0", lambda x, t: int(abs(A @ x - t) < 3)),
        ("abs(a @ x - t)", lambda x, t: float(np.float32(abs(A @ x - t)))),
        ("1e-3 * (a @ x - t)^2", lambda x, t: float((A @ x - t) ** 2) * 1e-3),
        ("floor((a @ x) / 7) - floor(t / 7)", lambda x, t: A @ x // 7 - t // 7),
        ("sum(i, a[i] * x[i] > t - 1) 1", lambda x, t: int((A * x > t - 1).sum())),
        ("max(i) (a[i] * x[i]) - t", lambda x, t: float((A * x).max() - t)),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_sums_of_given_integers(energy: str, right, wide: bool) -> None:
    with jax.enable_x64(wide):
        for t in (T, T - 1, T + 20):
            model = ebm.loads(BAG + energy, a=A, t=t)
            found = np.asarray(model.energy({}, {"x": X}))
            wanted = [right(x, t) for x in X]
            np.testing.assert_allclose(found, wanted, rtol=3e-7)


def test_energy_and_log_z_are_of_one_law() -> None:
    model = ebm.loads(BAG + "if a @ x == t then 0 else 5", a=A, t=T)
    states = np.array(list(itertools.product([0, 1], repeat=10)))
    energies = np.where(states @ A == T, 0.0, 5.0)
    np.testing.assert_array_equal(model.energy({}, {"x": states}), energies)
    z = float(np.log(np.exp(-energies).sum()))
    assert abs(ebm.log_partition(model, {}).value - z) < 1e-9
    found = ebm.sample(model, {}, draws=100, chains=64, sampler="gibbs", progress=False)
    hits = found["x"].reshape(-1, 10) @ A == T
    np.testing.assert_array_equal(found.energy.reshape(-1), np.where(hits, 0, 5))
    assert 0.05 < hits.mean() < 0.25  # 1 / (1 + 1023 exp(-5)) = 0.127


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "subscript", ["y * y", "y^3 + 5", "-3 * y * y - 1", "sum(k in 0..50) y * y * k"]
)
def test_cyclic_subscripts(subscript: str, wide: bool) -> None:
    values = (5, 4097, 46341, 99999)
    python = subscript.replace("^", "**").replace("sum(k in 0..50) y * y * k", "y * y * 1225")
    with jax.enable_x64(wide):
        model = ebm.loads(
            "dim n = 12 cyclic visible y : integer<0, 100000> param V : real[n] "
            f"energy = V[{subscript}]"
        )
        found = [float(model.energy({"V": np.arange(12.0)}, {"y": v})) for v in values]
    assert found == [eval(python, {"y": v}) % 12 for v in values]


@pytest.mark.parametrize("size", [7, 70_000, 1_000_003])
def test_products_beyond_32_bits_on_long_cycles(size: int) -> None:
    model = ebm.loads(
        "dim n cyclic visible y : integer<0, 100000> param V : real[n] "
        "energy = V[(if y > 3 then y^4 else y) - y * y * y]",
        n=size,
    )
    for y in (2, 46341, 99991, 99999):
        right = ((y**4 if y > 3 else y) - y**3) % size
        assert float(model.energy({"V": np.arange(size, dtype=float)}, {"y": y})) == right


@pytest.mark.parametrize("wide", [False, True])
def test_comparisons_beyond_the_width_of_an_integer(wide: bool) -> None:
    text = "visible y : integer<0, 1000000> visible z : integer<0, 1000000> energy = "
    pairs = [(999_999, 999_998), (999_999, 999_999), (3, 3), (65_536, 65_536), (7, 900_000)]
    with jax.enable_x64(wide):
        equal = ebm.loads(text + "if y * y == z * z then 1 else 0")
        above = ebm.loads(text + "if y * y > z * z + 1 then 1 else 0")
        for y, z in pairs:
            state = {"y": y, "z": z}
            assert float(equal.energy({}, state)) == (y == z)
            assert float(above.energy({}, state)) == (y * y > z * z + 1)


def test_what_no_integer_holds_is_refused() -> None:
    model = ebm.loads("visible y : integer<0, 1000000> energy = if y^4 == y^3 + 7 then 1 else 0")
    with pytest.raises(ebm.EbmError, match="E705") as refused:
        model.energy({}, {"y": 3})
    assert "jax_enable_x64" in str(refused.value)


def test_positions_multiply_exactly() -> None:
    model = ebm.loads(
        "dim n = 100000, k = 12 cyclic visible s : binary param V : real[k] "
        "energy = s * (sum(i in n, i * i == 9999800001) 1) + V[99999 * 99999] "
        "+ s * (sum(i in n, i > 99990) V[i * i])"
    )
    right = 1 + 99999**2 % 12 + sum(i * i % 12 for i in range(99991, 100000))
    assert float(model.energy({"V": np.arange(12.0)}, {"s": 1})) == right


def test_slopes_pass_through_exact_sums() -> None:
    model = ebm.loads(BAG + "1e-12 * (a @ x - t)^2", a=A, t=T)
    slope = jax.grad(lambda x: model.energy({}, {"x": x}))(jnp.asarray(X[1], jnp.float32))
    right = 2e-12 * (A @ X[1] - T) * A
    np.testing.assert_allclose(slope, right, rtol=1e-5)


def test_given_integers_that_are_not_stored_are_refused() -> None:
    text = "given g : integer<0, 100000000000> visible x : binary energy = if g == 5 then x else 0"
    with pytest.raises(ebm.EbmError, match="E603"):
        ebm.loads(text, g=2**32 + 5).energy({}, {"x": 1})


@pytest.mark.parametrize("sampler", ["gibbs", "informed", "tempering"])
def test_a_partition_of_large_numbers_is_drawn_by_its_law(sampler: str) -> None:
    a = np.array([9001, 8009, 7013, 6007, 5003, 4001])
    model = ebm.loads(
        "dim n given a : integer<0, 10000000>[n] visible s : spin[n] energy = abs(a @ s) / 8000 "
        "+ (a @ s)^2 / 1e9",
        a=a,
    )
    states = np.array(list(itertools.product([-1, 1], repeat=6)))
    law = np.exp(-np.abs(states @ a) / 8000 - (states @ a) ** 2 / 1e9)
    law /= law.sum()
    drawn = ebm.sample(model, {}, draws=200, chains=64, sampler=sampler, progress=False)
    codes = (drawn["s"].reshape(-1, 6) > 0) @ (1 << np.arange(6)[::-1])
    found = np.bincount(codes, minlength=64) / len(codes)
    assert np.abs(found - law).sum() / 2 < 0.06
