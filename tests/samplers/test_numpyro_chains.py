"""Kernels under every chain method of NumPyro, two devices included, and runs that go on."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import jax
import numpy as np
from numpyro.infer import MCMC
import ebmlang as ebm
model = ebm.loads({text!r})
for method in ("parallel", "vectorized", "sequential"):
    run = MCMC(ebm.kernel(model, {{}}, {sampler!r}), num_warmup=20, num_samples=15, num_chains=2,
               chain_method=method, progress_bar=False)
    run.run(jax.random.PRNGKey(3), extra_fields=("energy", "accept_prob", "num_steps"))
    fields = run.get_extra_fields(group_by_chain=True)
    assert all(v.shape == (2, 15) for v in fields.values()), fields
    run.post_warmup_state = run.last_state
    run.run(jax.random.PRNGKey(4))
    (values,) = run.get_samples(group_by_chain=True).values()
    assert values.shape == (2, 15, 2) and np.all(np.isfinite(values))
    assert not np.array_equal(values[0], values[1])
"""
BOWL = "dim n = 2 visible x : real[n] energy = sum(x ^ 2) / 2 + 0.1 * sum(x ^ 4)"
PAIR = "dim n = 2 visible s : spin[n] energy = -0.3 * s[0] * s[1]"
CASES = [("gibbs", PAIR), *((s, BOWL) for s in ("langevin", "mala", "hmc", "nuts"))]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "text"), CASES)
def test_a_kernel_runs_and_goes_on_by_every_chain_method(sampler: str, text: str):
    two = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(sampler=sampler, text=text)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": two},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
