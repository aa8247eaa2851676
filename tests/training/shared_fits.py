"""Fits by several devices or processes, for tests to run beside one that has a single device.

python shared_fits.py eight OUT          eight virtual devices in one process
python shared_fits.py 0 OUT PORT FOLDER  one of two processes, each with two virtual devices
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROLE, OUT = sys.argv[1:3]
os.environ["JAX_PLATFORMS"] = "cpu"
count = 8 if ROLE == "eight" else 2
flags = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={count}"
sys.path[:0] = [str(HERE), str(HERE.parent)]

import jax  # noqa: E402
import numpy as np  # noqa: E402
from shared_cases import CASES, EXTRA, case, flat  # noqa: E402

import ebmlang as ebm  # noqa: E402
from ebmlang.training.loop import Loop  # noqa: E402

learners = []
passed = Loop._passed


def watched(loop, standing):
    after = passed(loop, standing)
    learners.append(after.learner)
    return after


Loop._passed = watched


def cut(name):
    """How many devices hold a part of their own of the chains at the end of the last fit."""
    array = learners[-1].chains.state[name]
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(learners[-1].free))
    return len({shard.index[0].start for shard in array.global_shards})


def eight():
    found = {}
    for name in (*CASES, *EXTRA):
        found |= flat(name, case(name, devices="all"))
        if name in CASES:
            found[f"{name} parts"] = cut("v")
    np.savez(OUT, **found)


def one_of_two(number, port, folder):
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
    assert jax.device_count() == 4
    fit = case("chains", devices="all", checkpoint=folder, epochs=2)
    found = {"chains parts": cut("v")}
    fit = case("chains", devices="all", checkpoint=folder)
    np.savez(OUT, **found, **flat("chains", fit))


if __name__ == "__main__":
    if ROLE == "eight":
        eight()
    else:
        one_of_two(int(ROLE), *sys.argv[3:5])
    assert ebm.__file__
