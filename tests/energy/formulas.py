"""The energies of tests/programs, written out by hand with loops, from the text and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PROGRAMS = Path(__file__).parents[1] / "programs"
EDGES = np.array([[0, 1], [4, 2], [1, 2], [3, 0], [1, 4]])
AA = "-ACDEFGHIKLMNPQRSTVWY"
State = dict[str, Any]


def ising(p: Any, s: Any, g: Any) -> float:
    spins = s["s"]
    rows, columns = spins.shape
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            down, right = spins[(i + 1) % rows, j], spins[i, (j + 1) % columns]
            total += -p["J"] * spins[i, j] * (down + right) - p["B"] * spins[i, j]
    return total


def spin_glass(p: Any, s: Any, g: Any) -> float:
    return -sum(p["J"][e] * s["s"][i] * s["s"][j] for e, (i, j) in enumerate(EDGES))


def boltzmann_machine(p: Any, s: Any, g: Any) -> float:
    x = s["x"]
    total = 0.0
    for i in range(len(x)):
        total -= p["b"][i] * x[i]
        for j in range(i + 1, len(x)):
            total -= p["J"][i, j] * x[i] * x[j]
    return total


def potts_dca(p: Any, s: Any, g: Any) -> float:
    x = s["x"]
    total = 0.0
    for i in range(len(x)):
        total -= p["h"][i, x[i]]
        for j in range(i + 1, len(x)):
            total -= p["J"][i, j, x[i], x[j]]
    return total


def rbm(p: Any, s: Any, g: Any) -> float:
    v, h = s["v"], s["h"]
    total = 0.0
    for i in range(len(v)):
        total -= p["b"][i] * v[i]
        for j in range(len(h)):
            total -= v[i] * p["W"][i, j] * h[j]
    for j in range(len(h)):
        total -= p["c"][j] * h[j]
    return total


def dbm(p: Any, s: Any, g: Any) -> float:
    v, h1, h2 = s["v"], s["h1"], s["h2"]
    total = 0.0
    for i in range(len(v)):
        total -= p["a"][i] * v[i]
        for j in range(len(h1)):
            total -= v[i] * p["W1"][i, j] * h1[j]
    for j in range(len(h1)):
        total -= p["b1"][j] * h1[j]
        for k in range(len(h2)):
            total -= h1[j] * p["W2"][j, k] * h2[k]
    for k in range(len(h2)):
        total -= p["b2"][k] * h2[k]
    return total


def gaussian_rbm(p: Any, s: Any, g: Any) -> float:
    v, h = s["v"], s["h"]
    total = 0.0
    for i in range(len(v)):
        total += (v[i] - p["b"][i]) ** 2 / (2 * p["sigma"][i] ** 2)
        for j in range(len(h)):
            total -= v[i] / p["sigma"][i] * p["W"][i, j] * h[j]
    for j in range(len(h)):
        total -= p["c"][j] * h[j]
    return total


def perceptron(layers: Any, x: np.ndarray) -> np.ndarray:
    """Layers with silu between them."""
    for k, layer in enumerate(layers):
        weight, bias = np.asarray(layer["weight"], float), np.asarray(layer["bias"], float)
        out = [bias[b] + sum(x[a] * weight[a, b] for a in range(len(x))) for b in range(len(bias))]
        x = np.array(out)
        if k < len(layers) - 1:
            x = x / (1 + np.exp(-x))
    return x


def rings(p: Any, s: Any, g: Any) -> float:
    return perceptron(p["f"], s["x"])[0] + sum(a**2 for a in s["x"]) / 32


def jem(p: Any, s: Any, g: Any) -> float:
    return -perceptron(p["f"], s["x"].reshape(-1))[int(s["y"])]


def spikes(p: Any, s: Any, g: Any) -> float:
    x = s["s"]
    total = -p["V"][int(sum(x))]
    for i in range(len(x)):
        total -= p["h"][i] * x[i]
        for j in range(i + 1, len(x)):
            total -= p["J"][i, j] * x[i] * x[j]
    return total


def friendship(p: Any, s: Any, g: Any) -> float:
    a = s["a"]
    n = len(a)
    edges = sum(a[i, j] for i in range(n) for j in range(n) if i < j)
    triangles = sum(
        a[i, j] * a[j, k] * a[i, k] for i in range(n) for j in range(n) for k in range(n)
        if i < j < k
    )  # fmt: skip
    stars = sum(1 - math.exp(-0.5 * sum(a[i, j] for j in range(n))) for i in range(n))
    return -p["density"] * edges - p["closure"] * triangles - p["popularity"] * stars


def experts(p: Any, s: Any, g: Any) -> float:
    x, filters = s["x"], p["F"]
    rows, columns = x.shape
    total = 5e-4 * sum(x[i, j] ** 2 for i in range(rows) for j in range(columns))
    for k in range(len(filters)):
        for i in range(rows):
            for j in range(columns):
                response = sum(
                    filters[k, a, b] * x[(i + a) % rows, (j + b) % columns]
                    for a in range(3) for b in range(3)
                )  # fmt: skip
                total += p["alpha"][k] * math.log(1 + response**2 / 2)
    return total


def _normal(x: float, mean: float, scale: float) -> float:
    return 0.5 * ((x - mean) / scale) ** 2 + math.log(scale) + 0.5 * math.log(2 * math.pi)


def eight_schools(p: Any, s: Any, g: Any) -> float:
    tau = float(s["tau"])
    total = _normal(float(s["mu"]), 0, 5)
    total -= math.log(2 / (math.pi * 5 * (1 + (tau / 5) ** 2)))
    for k in range(len(s["y"])):
        total += _normal(s["theta"][k], float(s["mu"]), tau)
        total += _normal(s["y"][k], s["theta"][k], g["sigma"][k])
    return total


def rotors(p: Any, s: Any, g: Any) -> float:
    phi = s["phi"]
    n = len(phi)
    return -p["J"] * sum(math.cos(phi[(i + 1) % n] - phi[i]) for i in range(n))


def segment(p: Any, s: Any, g: Any) -> float:
    image, label = g["image"], s["label"]
    rows, columns = label.shape
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            total -= p["contrast"] * (image[i, j] - p["level"]) * label[i, j]
            if i + 1 < rows:
                total -= p["smooth"] * label[i, j] * label[i + 1, j]
            if j + 1 < columns:
                total -= p["smooth"] * label[i, j] * label[i, j + 1]
    return total


def mixture(p: Any, s: Any, g: Any) -> float:
    total = sum(_normal(c, 0, 5) for row in s["centre"] for c in row)
    for n in range(len(s["x"])):
        for d in range(2):
            total += ((s["x"][n, d] - s["centre"][s["z"][n], d]) / p["width"]) ** 2 / 2
    return total


@dataclass(frozen=True)
class Case:
    """A program at a small size: what is bound, and how a state and given data are drawn."""

    formula: Callable[[Any, Any, Any], float]
    bound: dict[str, Any]
    state: Callable[[np.random.Generator], State]
    given: Callable[[np.random.Generator], State] = lambda rng: {}
    grown: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The file without its ending."""
        return self.formula.__name__

    @property
    def path(self) -> Path:
        """The file."""
        return PROGRAMS / f"{self.name}.ebm"


def spins(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random spins."""
    return rng.choice([-1.0, 1.0], shape)


def bits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random zeros and ones."""
    return rng.integers(0, 2, shape).astype(float)


def friends(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random symmetric hollow matrix of zeros and ones."""
    upper = np.triu(bits(rng, n, n), 1)
    return upper + upper.T


CASES = (
    Case(ising, {"row": 3, "col": 4}, lambda r: {"s": spins(r, 3, 4)}, grown={"row": 9, "col": 7}),
    Case(spin_glass, {"site": 5, "bonds": EDGES}, lambda r: {"s": spins(r, 5)}),
    Case(boltzmann_machine, {"unit": 5}, lambda r: {"x": bits(r, 5)}, grown={"unit": 11}),
    Case(potts_dca, {"site": 4}, lambda r: {"x": r.integers(0, 21, 4)}, grown={"site": 9}),
    Case(rbm, {"pixel": 5, "unit": 3}, lambda r: {"v": bits(r, 5), "h": bits(r, 3)},
         grown={"pixel": 12, "unit": 9}),
    Case(dbm, {"pixel": 4, "low": 3, "high": 2},
         lambda r: {"v": bits(r, 4), "h1": bits(r, 3), "h2": bits(r, 2)},
         grown={"pixel": 9, "low": 8, "high": 7}),
    Case(gaussian_rbm, {"pixel": 4, "unit": 3}, lambda r: {"v": r.normal(size=4), "h": bits(r, 3)},
         grown={"pixel": 9, "unit": 8}),
    Case(rings, {}, lambda r: {"x": r.normal(size=2)}),
    Case(jem, {"row": 3, "col": 2, "class": 4},
         lambda r: {"x": r.uniform(size=(3, 2)), "y": r.integers(0, 4)},
         grown={"row": 5, "col": 6, "class": 9}),
    Case(spikes, {"neuron": 6}, lambda r: {"s": bits(r, 6)}, grown={"neuron": 13}),
    Case(friendship, {"node": 5}, lambda r: {"a": friends(r, 5)}, grown={"node": 9}),
    Case(experts, {"row": 4, "col": 5, "filter": 2}, lambda r: {"x": r.normal(size=(4, 5))},
         grown={"row": 9, "col": 8, "filter": 5}),
    Case(eight_schools, {"school": 4, "sigma": np.array([1.0, 2.0, 0.5, 3.0])},
         lambda r: {"mu": r.normal(), "tau": r.gamma(2.0), "theta": r.normal(size=4),
                    "y": r.normal(size=4)},
         lambda r: {"sigma": r.gamma(2.0, size=4)},
         grown={"school": 7, "sigma": np.ones(7)}),
    Case(rotors, {"site": 6}, lambda r: {"phi": r.uniform(0, 2 * np.pi, 6)}, grown={"site": 17}),
    Case(segment, {"row": 4, "col": 3}, lambda r: {"label": spins(r, 4, 3)},
         lambda r: {"image": r.normal(size=(4, 3))}, grown={"row": 9, "col": 8}),
    Case(mixture, {"point": 4, "cluster": 3},
         lambda r: {"centre": r.normal(size=(3, 2)), "z": r.integers(0, 3, 4),
                    "x": r.normal(size=(4, 2))},
         grown={"point": 9, "cluster": 7}),
)  # fmt: skip


def random_params(start: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Random numbers of the shapes of a model's starting parameters; all are above 0 where they were."""

    def like(value: Any) -> Any:
        if isinstance(value, list):
            return [{k: like(v) for k, v in layer.items()} for layer in value]
        made = rng.normal(size=np.shape(value))
        if np.ndim(value) == 2 and made.shape[0] == made.shape[1]:
            made = (made + made.T) / 2
            np.fill_diagonal(made, 0)
        return made

    params = {name: like(value) for name, value in start.items()}
    for name in ("sigma", "alpha", "J", "smooth", "contrast", "width"):
        if name in start and np.all(np.asarray(start[name]) > 0):
            params[name] = np.exp(params[name])
    return params
