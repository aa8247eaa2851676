"""Small random programs, each with values for everything it declares."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EDGES = np.array([[1, 0], [1, 2]])
SIZES = {"a": 3, "w": 4, "q": 3}
HEADER = """model random
dim base = 1
dim a = base + 2
dim w = 4 cyclic
dim q = "ABC"
dim count = a + 1
graph g on a
"""
UNKNOWNS = {
    "x": "real[a]", "s": "spin[w]", "t": "binary[a]", "d": "binary[a, a] symmetric hollow",
    "c": "category(q)[a]",
}  # fmt: skip
PARAMS = {
    "J": ("real[a, a]", (3, 3)), "K": ("real[w]", (4,)), "U": ("real[a, q]", (3, 3)),
    "T": ("real[q, q]", (3, 3)), "G": ("real[g]", (2,)), "V": ("real[count]", (4,)),
    "D": ("real[a, a] symmetric hollow", (3, 3)),
}  # fmt: skip


@dataclass
class Program:
    """A text with parameters; states are drawn by `state`."""

    text: str
    params: dict[str, np.ndarray]
    unknowns: tuple[str, ...]

    def state(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A random configuration."""
        upper = np.triu(rng.integers(0, 2, (3, 3)), 1).astype(float)
        every = {
            "x": rng.normal(size=3), "s": rng.choice([-1.0, 1.0], 4),
            "t": rng.integers(0, 2, 3).astype(float), "d": upper + upper.T,
            "c": rng.integers(0, 3, 3),
        }  # fmt: skip
        return {n: every[n] for n in self.unknowns}


@dataclass
class Writer:
    """Writes expressions; `unknowns` are those it may read."""

    rng: np.random.Generator
    unknowns: tuple[str, ...]
    lets: dict[str, bool] = field(default_factory=dict)
    number: int = 0

    def pick(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def leaf(self, indices: dict[str, str]) -> str:
        """One number or one element of an array, or a comparison of categories."""
        on = {dim: [i for i, d in indices.items() if d == dim] for dim in ("a", "w")}

        def a() -> str:
            return (
                self.pick(*on["a"]) if on["a"] and self.rng.random() < 0.9 else self.pick("0", "2")
            )

        def w() -> str:
            if not on["w"] or self.rng.random() < 0.1:
                return self.pick("0", "3", "5")
            return self.pick(*on["w"]) + self.pick("", "", "+1", "-1", "+2", "+3")

        found = [lambda: self.pick("2", "0.5", "1.5"), lambda: f"J[{a()}, {a()}]",
                 lambda: f"K[{w()}]", lambda: f"D[{a()}, {a()}]"]  # fmt: skip
        reads = {
            "x": [lambda: f"x[{a()}]"],
            "s": [lambda: f"s[{w()}]", lambda: f"s[{w()}]"],
            "t": [lambda: f"t[{a()}]", lambda: f"t[{a()}]", lambda: "V[sum(t)]",
                  lambda: f"(sum(n1 in g[{self.pick(*on['a'])}]) t[n1])" if on["a"] else "t[1]"],
            "d": [lambda: f"d[{a()}, {a()}]", lambda: f"d[{a()}, {a()}]"],
            "c": [lambda: f"U[{a()}, c[{a()}]]", lambda: f"T[c[{a()}], c[{a()}]]",
                  lambda: f"(c[{a()}] == c[{a()}])", lambda: f'(c[{a()}] != "B")',
                  lambda: f"(sum(z1) U[{a()}, z1] * (c[{a()}] == z1))"],
        }  # fmt: skip
        for name in self.unknowns:
            found += reads[name] * 2
        for name, headed in self.lets.items():
            found += [lambda n=name, h=headed: f"{n}[{a()}]" if h else n]
        if indices:
            found.append(lambda: self.pick(*indices))
        return self.pick(*found)()

    def expression(self, depth: int, indices: dict[str, str]) -> str:
        """A number, in parentheses unless it is an atom."""
        if depth == 0:
            return self.leaf(indices)
        kind = self.rng.integers(12)
        one = lambda: self.expression(depth - 1, indices)  # noqa: E731
        if kind < 2:
            return f"({one()} {self.pick('+', '-')} {one()})"
        if kind < 5:
            return f"({one()} * {one()})"
        if kind == 5:
            return f"({one()} ^ {self.pick(2, 2, 3)})"
        if kind == 6:
            return self.pick("tanh", "cos", "sigmoid", "abs", "relu") + f"({one()})"
        if kind == 7:
            return f"(if {one()} {self.pick('<', '>=', '==')} {one()} then {one()} else {one()})"
        if kind == 8:
            return f"sq({one()}, {one()})"
        return self.reduction(depth, indices)

    def reduction(self, depth: int, indices: dict[str, str]) -> str:
        """A reduction over one or two new indices, or over the edges of the graph."""
        self.number += 1
        i, j = f"i{self.number}", f"j{self.number}"
        reducer = self.pick("sum", "sum", "sum", "sum", "sum", "mean", "prod", "max", "logsumexp")
        dim = self.pick("a", "w")
        kind = self.rng.integers(5)
        if kind == 0:
            head, new = f"{i} in {dim}", {i: dim}
        elif kind == 1:
            low = self.pick("", f", {i} > 0", f", {i} != 1", f", {i} + 1 < {dim}")
            head, new = f"{i} in {dim}{low}", {i: dim}
        elif kind == 2:
            condition = self.pick(f"{i} < {j}", f"{i} != {j}", f"abs({i} - {j}) == 1")
            head, new = f"{i} in {dim}, {j} in {dim}, {condition}", {i: dim, j: dim}
        elif kind == 3:
            head, new = f"({i}, {j}) in g", {i: "a", j: "a"}
        else:
            head, new = f"{i} in 0..{dim}-1", {i: dim}
        body = self.expression(depth - 1, indices | new)
        idle = [
            k
            for k in new
            if kind != 3 and not re.search(rf"\b{k}\b", (head[len(k) :] if kind else "") + body)
        ]
        if idle:  # an index that stands nowhere is refused
            body = f"({body} * {f'K[{i}]' if dim == 'w' else f'J[0, {i}]'})"
        if kind == 3 and self.rng.random() < 0.7:
            body = f"(G[{self.pick(f'{i}, {j}', f'{j}, {i}')}] * {body})"
        return f"({reducer}({head}) {body})"


def random_program(seed: int, *, discrete: bool = False, depth: int = 3) -> Program:
    """A program of one to three energies with a `fn` and two `let`s."""
    rng = np.random.default_rng(seed)
    names = [n for n in UNKNOWNS if n != "x"] if discrete else list(UNKNOWNS)
    chosen = tuple(sorted(rng.choice(names, 2 if discrete else 3, replace=False)))
    writer = Writer(rng, chosen)
    lines = [HEADER]
    lines += [f"visible {n} : {UNKNOWNS[n]}" for n in chosen]
    lines += [f"param {n} : {kind}" for n, (kind, _) in PARAMS.items()]
    lines.append(f"fn sq(p1, p2) = {writer.pick('p1 * p2 + p1', 'p1 * p1 - p2', 'tanh(p1) * p2')}")
    headed = writer.expression(1, {"l1": "a"})
    lines.append(f"let r[l1] = {headed} + 0.5 * J[l1, 0]")
    writer.lets["r"] = True
    lines.append(f"let m = {writer.expression(2, {})}")
    writer.lets["m"] = False
    lines += [f"energy e{k} = {writer.expression(depth, {})}" for k in range(rng.integers(1, 4))]
    params = {n: rng.normal(size=shape).round(2) for n, (_, shape) in PARAMS.items()}
    params["D"] = np.triu(params["D"], 1) + np.triu(params["D"], 1).T
    return Program("\n".join(lines), params, chosen)
