"""The sixteen programs of the contract against their formulas, and what JAX may do with an energy."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm

from .formulas import CASES, PROGRAMS, Case, random_params

BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def models() -> dict[str, ebm.Model]:
    return {}


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def model(case: Case, models: dict[str, ebm.Model]) -> ebm.Model:
    if case.name not in models:
        models[case.name] = ebm.load(case.path, **case.bound)
    return models[case.name]


def draw(case: Case, model: ebm.Model, seed: int):
    rng = np.random.default_rng(seed)
    params = random_params(model.init(seed), rng)
    return params, case.state(rng), case.given(rng)


def test_every_program_of_the_contract_has_a_formula():
    assert {case.path for case in CASES} == set(PROGRAMS.glob("*.ebm"))


def test_the_energy_is_the_formula(case: Case, model: ebm.Model):
    for seed in range(4):
        params, state, given = draw(case, model, seed)
        wanted = case.formula(params, state, given)
        assert float(model.energy(params, state, given)) == pytest.approx(
            wanted, rel=1e-5, abs=1e-5
        )


def test_the_named_energies_add_up(case: Case, model: ebm.Model):
    params, state, given = draw(case, model, 7)
    parts = model.energies(params, state, given)
    assert float(sum(parts.values())) == pytest.approx(
        case.formula(params, state, given), rel=1e-5, abs=1e-5
    )


def test_in_double_precision_the_energy_is_the_formula_to_twelve_digits(
    case: Case, model: ebm.Model
):
    params, state, given = draw(case, model, 11)
    with jax.enable_x64(True):
        found = model.energy(params, state, given)
        assert found.dtype == jnp.float64
    assert float(found) == pytest.approx(case.formula(params, state, given), rel=1e-12, abs=1e-12)


def test_leading_axes_are_examples(case: Case, model: ebm.Model):
    params, _, given = draw(case, model, 3)
    states = [[case.state(np.random.default_rng(10 * i + j)) for j in range(3)] for i in range(2)]
    stacked = {
        name: np.array([[state[name] for state in row] for row in states]) for name in states[0][0]
    }
    found = model.energy(params, stacked, given)
    assert found.shape == (2, 3)
    wanted = [[case.formula(params, state, given) for state in row] for row in states]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_jit_and_vmap_change_nothing(case: Case, model: ebm.Model):
    params, _, given = draw(case, model, 5)
    states = [case.state(np.random.default_rng(k)) for k in range(3)]
    stacked = {name: jnp.asarray(np.array([s[name] for s in states])) for name in states[0]}
    one = jax.jit(lambda p, s: model.energy(p, s, given))
    found = jax.vmap(one, in_axes=(None, 0))(params, stacked)
    wanted = [case.formula(params, state, given) for state in states]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_the_gradient_by_parameters_is_the_slope_of_the_formula(case: Case, model: ebm.Model):
    """Central differences in float64: error about h^2 = 1e-10 times the third derivative."""
    params, state, given = draw(case, model, 9)
    direction = random_params(model.init(1), np.random.default_rng(2))
    if not params:
        pytest.skip("no parameters")

    def along(t: float):
        return jax.tree.map(lambda a, b: np.asarray(a + t * b), params, direction)

    with jax.enable_x64(True):
        slope = jax.grad(lambda t: model.energy(
            jax.tree.map(lambda a, b: a + t * b, params, direction), state, given))(0.0)  # fmt: skip
    h = 1e-5
    wanted = (case.formula(along(h), state, given) - case.formula(along(-h), state, given)) / (
        2 * h
    )
    assert float(slope) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["gaussian_rbm", "rings", "experts", "eight_schools", "rotors"])
def test_the_gradient_by_the_state_is_the_slope_of_the_formula(name: str, models):
    case = BY_NAME[name]
    model = models.setdefault(name, ebm.load(case.path, **case.bound))
    params, state, given = draw(case, model, 9)
    real = [n for n in state if n != "h"]
    rng = np.random.default_rng(0)
    direction = {n: rng.normal(size=np.shape(state[n])) for n in real}
    with jax.enable_x64(True):
        slope = jax.grad(lambda t: model.energy(
            params, state | {n: state[n] + t * direction[n] for n in real}, given))(0.0)  # fmt: skip
    h = 1e-5
    up, down = (
        case.formula(params, state | {n: state[n] + t * direction[n] for n in real}, given)
        for t in (h, -h)
    )
    assert float(slope) == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-6)


def equations(jaxpr) -> int:
    """How many equations a jaxpr has, those of inner jaxprs included."""
    total = 0
    for equation in jaxpr.eqns:
        total += 1
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                if hasattr(inner, "eqns"):
                    total += equations(inner)
                elif hasattr(inner, "jaxpr"):
                    total += equations(inner.jaxpr)
    return total


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.grown is not None], ids=lambda case: case.name
)
def test_nothing_is_unrolled(case: Case):
    counts = []
    for bound in (case.bound, case.grown):
        model = ebm.load(case.path, **bound)
        params = model.init(0)
        target = model.target
        state = {
            n: jnp.zeros(model.world.shape(symbol), jnp.int32 if symbol.domain.labels else float)
            for n, symbol in model.program.unknowns.items()
        }
        given = {n: jnp.ones(model.world.shape(s)) for n, s in model.program.givens.items()}
        counts.append(equations(jax.make_jaxpr(target.energy)(params, state, given).jaxpr))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_double_precision_by_the_environment_gives_double_energies():
    code = (
        "import numpy as np, ebmlang as ebm\n"
        f"m = ebm.load({str(PROGRAMS / 'rbm.ebm')!r}, pixel=3, unit=2)\n"
        "p = m.init(0)\n"
        "assert p['W'].dtype == np.float64, p['W'].dtype\n"
        "e = m.energy(p, {'v': np.ones(3), 'h': np.ones(2)})\n"
        "assert e.dtype == np.float64\n"
        "assert abs(float(e) + float(np.sum(p['W']))) < 1e-14\n"
        "d = ebm.sample(m, p, draws=5, chains=2, progress=False)\n"
        "assert d['v'].shape == (2, 5, 3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"JAX_ENABLE_X64": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
