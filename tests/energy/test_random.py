"""Random programs: the compiled energy against the interpreter over the tree."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import ebmlang as ebm

from .random_programs import EDGES, random_program
from .reference import Reference


def differences(seed: int, depth: int) -> tuple[str, list[tuple[float, float]]]:
    """The text, and at two states the energy as compiled and as interpreted."""
    program = random_program(seed, depth=depth)
    model = ebm.loads(program.text, g=EDGES)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        state = program.state(rng)
        judge = Reference(program.text, program.params | state, graphs={"g": EDGES})
        judge.on = {"g": "a"}
        wanted = judge.energy()
        with jax.enable_x64(True):
            found.append((float(model.energy(program.params, state)), wanted))
    return program.text, found


def agrees(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 1e-11 * max(1.0, abs(wanted)) or (
        not np.isfinite(found) and not np.isfinite(wanted)
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_compiled_energy_is_that_of_the_interpreter(seed: int):
    text, found = differences(seed, 3)
    assert all(agrees(*pair) for pair in found), (text, found)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 500))
def test_the_compiled_energy_is_that_of_the_interpreter_for_many_programs(seed: int):
    text, found = differences(seed, 4)
    assert all(agrees(*pair) for pair in found), (text, found)
