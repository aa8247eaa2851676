"""Small random programs with walls, zeros, large constants, large integers and overflow, and their truth.

A piece is a line of text with the same formula in Python, so that whole laws are had by enumeration
in float64, apart from anything that the compiler does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

State = dict[str, np.ndarray]
Formula = Callable[[State, dict[str, Any]], float]
TABLE = np.array([[0.2, 0.3, 0.0], [0.0, 0.1, 0.4], [0.3, 0.0, 0.7]])
WEIGHTS = np.array([30_000_001, 20_000_003, 50_000_007, 10_000_019])
HEADER = "dim n = 4, m = 3, q = 3, k = 2\ngiven P : real<0, 1>[q, q]\ngiven a : integer<0, 100000000>[n]\n"
VARIABLES = {
    "x": ("visible x : binary[n]", [0, 1], 4),
    "s": ("visible s : spin[m]", [-1, 1], 3),
    "c": ("visible c : category(q)[k]", [0, 1, 2], 2),
}


def _wall(forbidden: bool) -> float:
    return math.inf if forbidden else 0.0


def _minus_log(value: float) -> float:
    return math.inf if value == 0 else -math.log(value)


PIECES: dict[str, tuple[str, str, Formula]] = {
    "field": ("x", "-h @ x", lambda z, p: -float(p["h"] @ z["x"])),
    "pairs": ("x", "-J * sum(i < j) x[i] * x[j]",
              lambda z, p: -p["J"] * (z["x"].sum() ** 2 - z["x"].sum()) / 2),
    "core": ("x", "sum(i in 0..n-1) (if x[i] * x[i+1] > 0 then inf else 0)",
             lambda z, p: _wall(bool((z["x"][1:] * z["x"][:-1]).any()))),
    "not all": ("x", "if sum(x) == n then inf else 0", lambda z, p: _wall(z["x"].sum() == 4)),
    "clause": ("x", "inf * x[0] * (1 - x[3])", lambda z, p: _wall(z["x"][0] * (1 - z["x"][3]) > 0)),
    "pole": ("x", "-log(1 - x[1] * x[2])", lambda z, p: _minus_log(1 - z["x"][1] * z["x"][2])),
    "even": ("x", "if x[0] + x[1] == 1 then inf else 0",
             lambda z, p: _wall(z["x"][0] + z["x"][1] == 1)),
    "whole": ("x", "if sum(i) a[i] * x[i] == 50000004 then 0 else 3",
              lambda z, p: 0.0 if int(WEIGHTS @ z["x"].astype(int)) == 50_000_004 else 3.0),
    "penalty": ("x", "1e6 * (sum(x) - 2)^2", lambda z, p: 1e6 * (z["x"].sum() - 2.0) ** 2),
    "bonds": ("s", "-J * sum(i in 0..m-1) s[i] * s[i+1]",
              lambda z, p: -p["J"] * float((z["s"][1:] * z["s"][:-1]).sum())),
    "alike": ("s", "sum(i in 0..m-1) (if s[i] == s[i+1] then inf else 0)",
              lambda z, p: _wall(bool((z["s"][1:] == z["s"][:-1]).any()))),
    "one up": ("s", "-log((1 + s[0]) / 2)", lambda z, p: _minus_log((1 + z["s"][0]) / 2)),
    "largest": ("s", "max(i) (J * s[i])", lambda z, p: float((p["J"] * z["s"]).max())),
    "table": ("c", "-log(P[c[0], c[1]])", lambda z, p: _minus_log(TABLE[tuple(z["c"].astype(int))])),
    "proper": ("c", "if c[0] == c[1] then inf else 0", lambda z, p: _wall(z["c"][0] == z["c"][1])),
    "across": ("xc", "if x[0] == 1 and c[0] == 0 then inf else 0",
               lambda z, p: _wall(z["x"][0] == 1 and z["c"][0] == 0)),
    "huge": ("", "1e8", lambda z, p: 0.0),
    "level": ("", "3e6 * J", lambda z, p: 0.0),
    "overflow": ("x", "exp(60 * sum(x))", lambda z, p: math.exp(60 * z["x"].sum())),
}  # fmt: skip


@dataclass(frozen=True)
class Hard:
    """A text with its data, its parameters, and the formulas of its pieces."""

    text: str
    data: dict[str, np.ndarray]
    params: dict[str, Any]
    names: tuple[str, ...]
    pieces: tuple[str, ...]

    def states(self) -> State:
        """Every configuration, [state, …] by name."""
        options = [VARIABLES[n][1] for n in self.names for _ in range(VARIABLES[n][2])]
        rows = np.array(list(itertools.product(*options)), float)
        cuts = np.cumsum([VARIABLES[n][2] for n in self.names])[:-1]
        return dict(zip(self.names, np.split(rows, cuts, axis=1), strict=True))

    def energies(self) -> np.ndarray:
        """E of every configuration less its constant, in nats, in float64."""
        states = self.states()
        number = len(next(iter(states.values())))
        rows = [{n: v[k] for n, v in states.items()} for k in range(number)]
        return np.array([sum(PIECES[p][2](row, self.params) for p in self.pieces) for row in rows])

    @property
    def constant(self) -> float:
        """What the energy holds beside, in nats."""
        return 1e8 * ("huge" in self.pieces) + 3e6 * self.params["J"] * ("level" in self.pieces)


def hard_program(seed: int) -> Hard:
    """A random program: two to five pieces over one or two variables."""
    rng = np.random.default_rng(seed)
    names = tuple(sorted(rng.choice(list(VARIABLES), rng.integers(1, 3), replace=False)))
    able = [p for p, (reads, *_) in PIECES.items() if set(reads) <= set(names) and p != "overflow"]
    chosen = list(rng.choice(able, min(len(able), rng.integers(2, 6)), replace=False))
    for name in names:  # each variable stands in an energy
        if not any(name in PIECES[p][0] for p in chosen):
            chosen.append({"x": "field", "s": "bonds", "c": "table"}[name])
    lines = [VARIABLES[n][0] for n in names]
    lines += [f"energy e{k} = {PIECES[p][1]}" for k, p in enumerate(chosen)]
    text = HEADER + "param h : real[n]\nparam J : real\n" + "\n".join(lines)
    params = {"h": rng.normal(size=4).round(3), "J": round(float(rng.normal()), 3)}
    return Hard(text, {"P": TABLE, "a": WEIGHTS}, params, names, tuple(chosen))
