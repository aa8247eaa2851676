"""A process that makes many models stays small; one that was forked is told what to do."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable

import jax
import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.backend import process

TEXT = """model m dim n visible s : spin[n] param J : real[n, n] symmetric hollow
param h : real[n] energy = -sum(i < j) J[i, j] * s[i] * s[j] - h @ s"""


def made(n: int) -> tuple[ebm.Model, dict[str, np.ndarray]]:
    return ebm.loads(TEXT, n=n, check=False), {"J": np.zeros((n, n)), "h": np.full(n, 0.1)}


def programs() -> int:
    gc.collect()
    return len(jax.local_devices()[0].client.live_executables())


VERBS: dict[str, Callable[[ebm.Model, dict[str, np.ndarray]], object]] = {
    "sample": lambda m, p: ebm.sample(m, p, draws=5, warmup=5, chains=2, progress=False),
    "log_partition": lambda m, p: ebm.log_partition(m, p),
    "gradient": lambda m, p: ebm.gradient(m, p, draws=16, warmup=16, sampler="gibbs"),
}


@pytest.mark.parametrize(
    "verb",
    ["sample", "log_partition", pytest.param("gradient", marks=pytest.mark.slow)],
)
def test_models_that_are_dropped_leave_nothing(verb: str) -> None:
    """Each of another size, so that JAX shares nothing between them."""
    counts, alive = [], []
    for n in range(3, 8):
        model, params = made(n)
        VERBS[verb](model, params)
        alive.append(weakref.ref(model))
        del model
        counts.append(programs())
    assert not any(ref() is not None for ref in alive)
    # A model leaves 20 to 50 programs, which are freed once they are 32.
    assert max(counts[3:]) - min(counts[:3]) <= 2 * process.FEW + 4 * len(counts)


def test_a_living_model_keeps_what_it_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    model, params = made(5)
    first = ebm.sample(model, params, draws=5, warmup=5, chains=2, progress=False)
    process.note_dropped()
    monkeypatch.setattr(process, "FEW", -(10**6))
    process.release_dropped()
    (loop,) = (v for k, v in model._made.items() if isinstance(k, tuple) and k[0] == "loop")
    before = len(loop.draw.programs)
    second = ebm.sample(model, params, draws=5, warmup=5, chains=2, progress=False)
    assert len(loop.draw.programs) == before
    assert np.array_equal(first["s"], second["s"])


@pytest.mark.slow
def test_forty_models_take_no_more_memory_than_ten() -> None:
    code = f"""
import ctypes, gc, numpy as np, ebmlang as ebm
for k in range(40):
    n = 4 + k
    model = ebm.loads({TEXT!r}, n=n, check=False)
    ebm.sample(model, {{"J": np.zeros((n, n)), "h": np.ones(n)}}, draws=5, warmup=5, progress=False)
    del model
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    if k in (9, 39):
        print(int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6)
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("needs /proc")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    early, late = map(float, told.stdout.split())
    assert late - early < 30 * 4


def code_in_child(call: Callable[[], object]) -> int:
    """How a forked child ends that makes a call: 1 if it is refused as forked."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            call()
            os._exit(0)
        except ebm.EbmError as error:
            os._exit(1 if error.diagnostics[0].code == "E713" else 2)
        finally:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore")
def test_a_forked_process_is_refused_in_every_verb() -> None:
    model, params = made(4)
    ebm.sample(model, params, draws=5, warmup=5, progress=False)
    state = {"s": np.ones((6, 4))}
    calls: list[Callable[[], object]] = [
        lambda: model.energy(params, state),
        lambda: model.energies(params, state),
        lambda: model.free_energy(params, {}),
        lambda: model.init(),
        lambda: ebm.sample(model, params, progress=False),
        lambda: ebm.gradient(model, params),
        lambda: ebm.log_partition(model, params),
        lambda: ebm.log_prob(model, params, state),
        lambda: ebm.distribution(model, params),
        lambda: ebm.thermodynamics(model, params, [1.0]),
        lambda: ebm.compare(model, params, draws=50),
        lambda: ebm.kernel(model, params),
        lambda: ebm.fit(model, state, epochs=1, progress=False),
        lambda: ebm.fit(model, state, epochs=1, sampler="exact", progress=False),
    ]
    assert [code_in_child(call) for call in calls] == [1] * len(calls)
    assert code_in_child(lambda: ebm.loads(TEXT)) == 0
    ebm.sample(model, params, draws=5, warmup=5, progress=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_before_jax_has_started_does_no_harm() -> None:
    code = f"""
import os, numpy as np, ebmlang as ebm
model = ebm.loads({TEXT!r}, n=3)
child = os.fork()
ebm.log_partition(model, {{"J": np.zeros((3, 3)), "h": np.ones(3)}})
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
