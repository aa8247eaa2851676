"""A fit to 3 GB in a process that may hold 1.25 GB more than it starts with."""

import resource
import tempfile
from pathlib import Path

import jax
import numpy as np

import ebmlang as ebm

ROWS, SITES, ALLOWED = 48 * 1024, 16 * 1024, 5 << 28


def held() -> int:
    """Private memory of this process in bytes, of which a mapped file is no part."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmData")))


model = ebm.loads("dim n visible v : real[n] param m : real energy = sum((v - m)^2) / 2")
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "v.npy"
    data = np.lib.format.open_memmap(path, "w+", np.float32, (ROWS, SITES))  # sparse: no disk
    data[::1024] = 32.0
    data.flush()
    del data
    jax.block_until_ready(jax.numpy.zeros(1) + 1)
    resource.setrlimit(resource.RLIMIT_DATA, (held() + ALLOWED, resource.RLIM_INFINITY))
    assert path.stat().st_size > 2 * ALLOWED
    fit = ebm.fit(model, path, objective="score", epochs=1, batch_size=256, progress=False)
    assert fit.steps == ROWS // 256
    print("trained", float(fit.params["m"]))
