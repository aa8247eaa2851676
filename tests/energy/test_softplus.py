"""softplus in an energy: its value, slope and curvature, at 0 and far from it."""

import jax
import numpy as np
import pytest

import ebmlang as ebm

FAR = np.array([-800.0, -90.0, -20.0, -1.5, 0.0, 1.5, 20.0, 90.0, 800.0])


@pytest.mark.parametrize("wide", [False, True])
def test_value_slope_and_curvature(wide: bool):
    model = ebm.loads(f"dim n = {len(FAR)}\nvisible x : real[n]\nenergy = sum(softplus(x))")
    with jax.enable_x64(wide):
        kind = np.float64 if wide else np.float32

        def energy(x: jax.Array) -> jax.Array:
            return model.energy({}, {"x": x})

        x = FAR.astype(kind)
        each = np.array([energy(np.where(np.arange(len(x)) == 0, v, 0).astype(kind)) for v in x])
        slope = jax.grad(energy)(x)
        curvature = np.diag(jax.hessian(energy)(x))
    near = 1e-14 if wide else 2e-6
    rest = (len(FAR) - 1) * np.log(2)
    assert np.allclose(each, np.logaddexp(0, FAR) + rest, rtol=near)
    with np.errstate(over="ignore"):
        sigmoid = 1 / (1 + np.exp(-FAR))
    least = 1e-320 if wide else 1e-37
    assert np.allclose(slope, sigmoid, rtol=near, atol=least)
    assert np.allclose(
        curvature, sigmoid * np.exp(-np.logaddexp(0, FAR)), rtol=10 * near, atol=near
    )
    assert curvature[4] == pytest.approx(0.25)


def test_it_is_precise_where_it_is_small():
    """log(1 + exp(-20)) is exp(-20) and not 0, in 32 bits too."""
    model = ebm.loads("visible x : real\nenergy = softplus(x)")
    for x in (-20.0, -40.0, -80.0):
        assert float(model.energy({}, {"x": x})) == pytest.approx(np.exp(x), rel=1e-5)
