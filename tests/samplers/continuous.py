"""Densities whose moments are known exactly: their programs, and which statistics are compared.

Every case of the file of exact answers, with its formula as it stands there under `convention`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NAMES = (
    "double_well",
    "double_well_asym_barrier6",
    "ring",
    "banana",
    "rosenbrock_b20",
    "four_gaussians",
    "mueller_brown_0.1",
    "two_moons",
    "neal_funnel_10d",
    "quartic_1d",
    "tilted_double_well_1d",
    "phi4_chain16",
    "xy_chain12_beta2",
)
Statistics = dict[str, Callable[[Any], np.ndarray]]


@dataclass(frozen=True)
class Case:
    """A program, and for each exact answer the statistic [chain, draw, …] of draws that has it.

    `beta`: what the answers are at. `apart`: whether chains that follow slopes stay in the well
    they begin in, so that only replica exchange has the right answer.
    """

    text: str
    statistics: Statistics
    beta: float = 1.0
    apart: bool = False


def _values(name: str) -> Callable[[Any], np.ndarray]:
    return lambda draws: draws[name].astype(float)


_x, _y = _values("x"), _values("y")


def _energy(draws: Any) -> np.ndarray:
    return draws.energy.astype(float)


def _plane(means: Mapping[str, float]) -> Statistics:
    """The statistics of a density of the plane; variances are taken about the exact means."""
    at_x, at_y = means["E_x"], means["E_y"]
    return {
        "E_x": _x,
        "E_y": _y,
        "Var_x": lambda d: (_x(d) - at_x) ** 2,
        "Var_y": lambda d: (_y(d) - at_y) ** 2,
        "Cov_xy": lambda d: (_x(d) - at_x) * (_y(d) - at_y),
        "E_energy": _energy,
        "E_x4": lambda d: _x(d) ** 4,
        "E_absx": lambda d: np.abs(_x(d)),
        "P_x_gt0": lambda d: _x(d) > 0,
        "E_r2": lambda d: _x(d) ** 2 + _y(d) ** 2,
        "E_r": lambda d: np.hypot(_x(d), _y(d)),
    }


_LINE: Statistics = {
    "E_x": _x,
    "E_x2": lambda d: _x(d) ** 2,
    "E_x4": lambda d: _x(d) ** 4,
    "E_energy": _energy,
}
_FUNNEL: Statistics = {
    "E_v": _values("v"),
    "Var_v": lambda d: _values("v")(d) ** 2,
    "E_x": _x,
}
_PHI4: Statistics = {
    "E_phi": lambda d: _values("phi")(d).mean(-1),
    "E_phi2": lambda d: (_values("phi")(d) ** 2).mean(-1),
    "E_phi4": lambda d: (_values("phi")(d) ** 4).mean(-1),
    **{
        f"corr_{k}": lambda d, k=k: (_values("phi")(d) * np.roll(_values("phi")(d), k, -1)).mean(-1)
        for k in (1, 8)
    },
}
_ROTORS: Statistics = {
    "E_cos_nn": lambda d: np.cos(_values("theta")(d) - np.roll(_values("theta")(d), 1, -1)).mean(-1)
}

PLANE = "visible x : real visible y : real "
LINE = "visible x : real "
_MUELLER = " ".join(
    f"energy well{k} = 0.1 * {A} * exp({a} * (x - {p}) ^ 2 + {b} * (x - {p}) * (y - {q}) "
    f"+ {c} * (y - {q}) ^ 2)"
    for k, (A, a, b, c, p, q) in enumerate(
        (
            ("(-200)", "(-1)", "0", "(-10)", "1", "0"),
            ("(-100)", "(-1)", "0", "(-10)", "0", "0.5"),
            ("(-170)", "(-6.5)", "11", "(-6.5)", "(-0.5)", "1.5"),
            ("15", "0.7", "0.6", "0.7", "(-1)", "1"),
        )
    )
)


def cases(exact: Mapping[str, Any]) -> dict[str, Case]:
    """Every case by its name in the file of exact answers."""

    def plane(name: str, energies: str, apart: bool = False) -> Case:
        return Case(PLANE + energies, _plane(exact[name]), apart=apart)

    return {
        "double_well": plane(
            "double_well", "energy = 3 * (x ^ 2 - 1) ^ 2 + (y - x / 2) ^ 2 / (2 * 0.25)"
        ),
        "double_well_asym_barrier6": plane(
            "double_well_asym_barrier6",
            "energy = 6 * (x ^ 2 - 1) ^ 2 + 0.4 * x + y ^ 2 / 2",
            apart=True,
        ),
        "ring": plane("ring", "energy = (sqrt(x ^ 2 + y ^ 2) - 2) ^ 2 / (2 * 0.2 ^ 2)"),
        "banana": plane("banana", "energy = x ^ 2 / 8 + (y - x ^ 2 / 2 + 2) ^ 2 / 2"),
        "rosenbrock_b20": plane(
            "rosenbrock_b20", "energy = ((1 - x) ^ 2 + 20 * (y - x ^ 2) ^ 2) / 2"
        ),
        "four_gaussians": plane(
            "four_gaussians",
            "energy = -log(0.4 * exp(-((x + 3) ^ 2 + (y + 3) ^ 2) * 2) "
            "+ 0.3 * exp(-((x - 3) ^ 2 + (y - 3) ^ 2) * 2) "
            "+ 0.2 * exp(-((x + 3) ^ 2 + (y - 3) ^ 2) * 2) "
            "+ 0.1 * exp(-((x - 3) ^ 2 + (y + 3) ^ 2) * 2))",
            apart=True,
        ),
        "mueller_brown_0.1": plane("mueller_brown_0.1", _MUELLER, apart=True),
        "two_moons": plane(
            "two_moons",
            "energy ring = 0.5 * ((sqrt(x ^ 2 + y ^ 2) - 2) / 0.2) ^ 2 "
            "energy moons = -log(exp(-0.5 * ((x - 2) / 0.3) ^ 2) "
            "+ exp(-0.5 * ((x + 2) / 0.3) ^ 2))",
            apart=True,
        ),
        "neal_funnel_10d": Case(
            "dim n = 9 visible v : real visible x : real[n] "
            "energy = v ^ 2 / 18 + sum(i) (x[i] ^ 2 * exp(-v) / 2 + v / 2)",
            _FUNNEL,
        ),
        "quartic_1d": Case(LINE + "energy = x ^ 4 / 4 - x ^ 2", _LINE),
        "tilted_double_well_1d": Case(
            LINE + "energy = 4 * (x ^ 2 - 1) ^ 2 + x / 2", _LINE, apart=True
        ),
        "phi4_chain16": Case(
            "dim n = 16 cyclic visible phi : real[n] "
            "energy = sum(i) (0.5 * (phi[i] - phi[i+1]) ^ 2 + 0.25 * phi[i] ^ 4 "
            "- 0.5 * phi[i] ^ 2)",
            _PHI4,
        ),
        "xy_chain12_beta2": Case(
            "dim n = 12 cyclic visible theta : angle[n] energy = -sum(i) cos(theta[i+1] - theta[i])",
            _ROTORS,
            beta=2.0,
        ),
    }
