"""Small models for informed proposals, and their proposals by the published formulas, in NumPy alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from structure.brute import Table, table

import ebmlang as ebm
from ebmlang.semantics.terms import Kind

BETA = 0.8
Opened = dict[str, np.ndarray]


@dataclass(frozen=True)
class Small:
    """A text, its parameters, and its energy of real numbers and one-hot arrays by hand."""

    text: str
    params: dict[str, Any]
    energy: Callable[[Opened, dict[str, Any]], float]


def binary(s: Opened, p: dict[str, Any]) -> float:
    t = s["t"]
    return -p["h"] @ t + np.exp(0.4 * t.sum()) - 1.3 * t[0] * t[1] * t[3]


def network(s: Opened, p: dict[str, Any]) -> float:
    first, last = p["f"]
    hidden = np.tanh(s["s"] @ first["weight"] + first["bias"])
    return float((hidden @ last["weight"] + last["bias"])[0])


def potts(s: Opened, p: dict[str, Any]) -> float:
    z = s["z"]
    pairs = sum(z[i] @ p["J"] @ z[j] for i, j in itertools.combinations(range(3), 2))
    return float(-(p["h"] * z).sum() - pairs)


def symmetric(s: Opened, p: dict[str, Any]) -> float:
    a = s["a"]
    upper = np.triu(a, 1).sum()
    return float(-0.5 * a[0, 1] - (p["h"] @ a).sum() + 0.2 * upper**3)


def symmetric_labels(s: Opened, p: dict[str, Any]) -> float:
    z = s["z"]
    singles = sum(z[i, j] @ p["h"][i] for i in range(2) for j in range(i, 2))
    return float(-singles - z[0, 1] @ p["J"] @ z[1, 1])


def integers(s: Opened, p: dict[str, Any]) -> float:
    k = s["k"]
    return float(0.3 * (k**2).sum() + 0.5 * (k[:-1] * k[1:]).sum() - p["h"] @ k)


def together(s: Opened, p: dict[str, Any]) -> float:
    """The square is of first degree in the one-hot of z[0]: the mean of its values at the labels."""
    t, z, k = s["t"], s["z"], s["k"]
    squares = np.array([(t.sum() + 0.5 * k[0] - (label == 2)) ** 2 for label in range(3)])
    return float(-(p["h"] * z).sum() + 0.7 * z[0] @ squares - 0.4 * t[0] * k[0])


def weights(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=shape)


LAYERS = [
    {"weight": weights(4, 6, seed=1), "bias": weights(6, seed=2)},
    {"weight": weights(6, 1, seed=3, scale=1.5), "bias": weights(1, seed=4)},
]
SMALL = {
    "binary": Small(
        "dim n = 4 visible t : binary[n] param h : real[n] "
        "energy = -h @ t + exp(0.4 * sum(t)) - 1.3 * t[0] * t[1] * t[3]",
        {"h": weights(4)}, binary,
    ),
    "network": Small(
        "dim n = 4 visible s : spin[n] net f : real[n] -> real = mlp(6, act=tanh) energy = f(s)",
        {"f": LAYERS}, network,
    ),
    "category": Small(
        "dim n = 3, q = 3 visible z : category(q)[n] param h : real[n, q] param J : real[q, q] "
        "energy = -sum(i) h[i, z[i]] - sum(i < j) J[z[i], z[j]]",
        {"h": weights(3, 3), "J": weights(3, 3, seed=1)}, potts,
    ),
    "symmetric": Small(
        "dim n = 3 visible a : binary[n, n] symmetric hollow param h : real[n] "
        "energy = -0.5 * a[0, 1] - sum(i, j) h[i] * a[i, j] + 0.2 * (sum(i < j) a[i, j]) ^ 3",
        {"h": weights(3)}, symmetric,
    ),
    "symmetric_category": Small(
        "dim n = 2, q = 3 visible z : category(q)[n, n] symmetric param h : real[n, q] "
        "param J : real[q, q] energy = -sum(i <= j) h[i, z[i, j]] - J[z[0, 1], z[1, 1]]",
        {"h": weights(2, 3), "J": weights(3, 3, seed=1)},
        symmetric_labels,
    ),
    "integer": Small(
        "dim n = 3 visible k : integer<-1, 2>[n] param h : real[n] "
        "energy = 0.3 * sum(k ^ 2) + 0.5 * sum(i in 0..n-1) k[i] * k[i+1] - h @ k",
        {"h": weights(3)}, integers,
    ),
    "together": Small(
        "dim n = 2, q = 3 visible t : binary[n] visible z : category(q)[n] visible k : integer<0, 2>[n] "
        "param h : real[n, q] energy = -sum(i) h[i, z[i]] - 0.4 * t[0] * k[0] "
        "+ 0.7 * (sum(t) + 0.5 * k[0] - (z[0] == 2)) ^ 2",
        {"h": weights(2, 3)}, together,
    ),
}  # fmt: skip


@cache
def every_state(name: str) -> Table:
    small = SMALL[name]
    return table(ebm.loads(small.text), small.params)


def opened(found: Table, numbers: tuple[int, ...]) -> Opened:
    """The arrays of a state, categories as one-hot, from the number of each site's state."""
    out: Opened = {}
    for name, symbol in found.model.program.unknowns.items():
        shape = found.model.world.shape(symbol)
        category = symbol.domain.kind is Kind.CATEGORY
        states = len(next(s.values for s in found.sites if s.name == name)) if category else 1
        array = np.zeros((int(np.prod(shape, dtype=int)), states))
        for site, number in zip(found.sites, numbers, strict=True):
            for place in site.places if site.name == name else ():
                array[place] = np.eye(states)[number] if category else site.values[number]
        out[name] = array.reshape((*shape, states) if category else shape)
    return out


def slope(
    name: str, found: Table, state: Opened, site: Any, label: int, width: float = 1e-5
) -> float:
    """A central difference of the energy by one site, both entries of a pair together."""
    energy, params = SMALL[name].energy, SMALL[name].params

    def moved(step: float) -> float:
        array = state[site.name].copy()
        width_of_label = array.shape[-1] if label >= 0 else 1
        flat = array.reshape(-1, width_of_label)
        flat[list(site.places), max(label, 0)] += step
        return energy(state | {site.name: array}, params)

    return (moved(width) - moved(-width)) / (2 * width)


@dataclass(frozen=True)
class Published:
    """Proposals, acceptance and the matrix of one step, by the formulas."""

    energies: np.ndarray
    proposals: np.ndarray
    acceptance: np.ndarray

    @property
    def law(self) -> np.ndarray:
        raised = np.exp(-BETA * (self.energies - self.energies.min()))
        return raised / raised.sum()

    @property
    def matrix(self) -> np.ndarray:
        moves = self.proposals * self.acceptance
        np.fill_diagonal(moves, 0.0)
        return moves + np.diag(1 - moves.sum(1))


def estimates(name: str, found: Table, numbers: tuple[int, ...]) -> list[np.ndarray]:
    """For each site, by first order, -beta times what each of its states would add."""
    state = opened(found, numbers)
    rows = []
    for site, now in zip(found.sites, numbers, strict=True):
        labels = found.model.program.unknowns[site.name].domain.kind is Kind.CATEGORY
        if labels:
            by = np.array([slope(name, found, state, site, k) for k in range(len(site.values))])
            rows.append(-BETA * (by - by[now]))
        else:
            by = slope(name, found, state, site, -1)
            rows.append(-BETA * by * (np.array(site.values) - site.values[now]))
    return rows


def distance(found: Table, site: Any, a: int, b: int) -> float:
    whole = found.model.program.unknowns[site.name].domain.kind is Kind.INTEGER
    return float((a - b) ** 2 if whole else a != b)


@cache
def published(name: str, kind: str, step: float) -> Published:
    """Gibbs with gradients (Grathwohl et al. 2021), or discrete Langevin (Zhang et al. 2022)."""
    found = every_state(name)
    states = list(itertools.product(*(range(len(s.values)) for s in found.sites)))
    proposals = np.zeros((len(states), len(states)))
    for row, now in enumerate(states):
        told = estimates(name, found, now)
        if kind == "gwg":
            proposals[row] = one_site(found, states, now, told)
        else:
            proposals[row] = every_site(found, states, now, told, step)
    energies = np.array([SMALL[name].energy(opened(found, n), SMALL[name].params) for n in states])
    weight = np.exp(-BETA * (energies - energies.min()))
    flow = weight[:, None] * proposals
    with np.errstate(divide="ignore", invalid="ignore"):
        acceptance = np.where(flow > 0, np.minimum(1.0, flow.T / flow), 0.0)
    return Published(energies, proposals, acceptance)


def one_site(
    found: Table, states: list, now: tuple[int, ...], told: list[np.ndarray]
) -> np.ndarray:
    row = np.zeros(len(states))
    for column, then in enumerate(states):
        moved = [k for k in range(len(now)) if now[k] != then[k]]
        if (
            len(moved) == 1
            and distance(found, found.sites[moved[0]], now[moved[0]], then[moved[0]]) == 1
        ):
            row[column] = np.exp(told[moved[0]][then[moved[0]]] / 2)
    return row / row.sum()


def every_site(
    found: Table, states: list, now: tuple[int, ...], told: list[np.ndarray], step: float
) -> np.ndarray:
    rows = []
    for site, here, d in zip(found.sites, now, told, strict=True):
        gaps = np.array([distance(found, site, here, k) for k in range(len(d))])
        weight = np.exp(d / 2 - gaps / (2 * step))
        rows.append(weight / weight.sum())
    return np.array([np.prod([r[k] for r, k in zip(rows, then, strict=True)]) for then in states])
