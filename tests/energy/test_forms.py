"""Every form of the language in small programs, against NumPy written by hand."""

# ruff: noqa: E501 -- the table below has a form and its NumPy side by side

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import numpy as np
import pytest

import ebmlang as ebm

from .reference import Reference

R = np.random.default_rng(5)
N, M, Q = 5, 4, 3
X, Y = R.normal(size=N), R.normal(size=N)
A, B = R.normal(size=(N, N)), R.normal(size=(N, M))
C = R.normal(size=M)
S, T = R.choice([-1.0, 1.0], N), R.integers(0, 2, N).astype(float)
Z = R.integers(0, Q, N)
H, JJ = R.normal(size=(N, Q)), R.normal(size=(N, N, Q, Q))
V = R.normal(size=N + 1)
EDGES = np.array([[3, 1], [0, 1], [2, 1], [2, 4]])
K = R.normal(size=len(EDGES))
NEXT = {i: [int(a + b - i) for a, b in EDGES if i in (a, b)] for i in range(N)}
EDGE = {(int(a), int(b)): e for e, (a, b) in enumerate(EDGES)}
EDGE |= {(b, a): e for (a, b), e in EDGE.items()}
D = A - np.diag(np.diag(A))
D = (D + D.T) / 2
RANGE = range(N)

HEADER = """
dim base = 1, n = base + 4, m = base + 3, q = "abc"
dim w = 5 cyclic
dim count = n + 1
graph bonds on n
visible x : real[n]
visible y : real[n]
visible s : spin[n]
visible t : binary[n]
visible z : category(q)[n]
visible u : real[w]
param A : real[n, n]
param B : real[n, m]
param c : real[m]
param h : real[n, q]
param J : real[n, n, q, q]
param V : real[count]
param K : real[bonds]
param D : real[n, n] symmetric hollow
net f : real[n] -> real[m] = external()
net g : real[n], real[m] -> real = external()
fn soft(a, b) = a * b + sum(k in 0..3) a ^ k
fn twice(a) = soft(a, a + 1)
let r[k, i] = B[i, k] * x[i]
let total = sum(x)
let shifted = x - y
let kind[i] = z[i]
"""
VALUES = {"x": X, "y": Y, "s": S, "t": T, "z": Z, "u": Y, "A": A, "B": B, "c": C, "h": H, "J": JJ,
          "V": V, "K": K, "D": D}  # fmt: skip
NETS = {
    "f": lambda x: np.array([x[0] * x[1], x[2], x[3] ** 2, x[4] - x[0]]),
    "g": lambda x, c: x[0] * c[1] + x[4] * c[3],
}


def soft(a: float, b: float) -> float:
    return a * b + 1 + a + a**2


def pairs(*conditions: Any) -> list[tuple[int, int]]:
    return [(i, j) for i in RANGE for j in RANGE if all(c(i, j) for c in conditions)]


FORMS: dict[str, float] = {
    # reductions
    "sum(i) x[i] * y[i] + 3": X @ Y + 3,
    "sum(i) (x[i] + y[i])": np.sum(X + Y),
    "-sum(i, j) A[i, j]": -A.sum(),
    "prod(i) x[i]": math.prod(X),
    "prod(i, x[i] > 0) x[i]": math.prod(X[X > 0]),
    "max(i) x[i]": X.max(), "min(i) x[i]": X.min(),
    "max(i, j) (A[i, j] - x[i])": (A - X[:, None]).max(),
    "min(i, i > 1) x[i]": X[2:].min(),
    "mean(i) x[i]": X.mean(), "mean(i, j, i < j) A[i, j]": np.mean([A[p] for p in pairs(lambda i, j: i < j)]),
    "logsumexp(i) x[i]": np.log(np.exp(X).sum()),
    "logsumexp(i, i != 2) x[i] * y[i]": np.log(np.exp(np.delete(X * Y, 2)).sum()),
    "sum(x)": X.sum(), "sum(x ^ 2)": (X**2).sum(), "max(x)": X.max(), "min(A)": A.min(),
    "mean(A)": A.mean(), "prod(x)": X.prod(), "logsumexp(x)": np.log(np.exp(X).sum()),
    "sum(i) x[i] * sum(j) A[i, j] * y[j]": X @ A @ Y,
    "(sum(i) x[i]) * (sum(i) y[i])": X.sum() * Y.sum(),
    "(sum(i) x[i] * y[i]) ^ 2": (X @ Y) ** 2,
    "sum(i) (sum(j) A[i, j] * x[j]) ^ 2": ((A @ X) ** 2).sum(),
    "sum(i) max(j) A[i, j] * x[i]": sum(max(A[i] * X[i]) for i in RANGE),
    "sum(i) x[i] / 2 - y[0]": X.sum() / 2 - Y[0],
    "2 * sum(i) x[i] * 3": 6 * X.sum(),
    "sum(k in 0..4) k ^ 2": 14.0, "sum(i in n) i": 10.0,
    "prod(k in 1..4) k": 6.0,
    # conditions
    "sum(i < j) A[i, j]": np.triu(A, 1).sum(), "sum(i > j) A[i, j]": np.tril(A, -1).sum(),
    "sum(i <= j) A[i, j]": np.triu(A).sum(), "sum(i != j) A[i, j]": A.sum() - np.trace(A),
    "sum(i < j < k) x[i] * y[j] * x[k]": sum(X[i] * Y[j] * X[k] for i, j, k in itertools.combinations(RANGE, 3)),
    "sum(i, j, abs(i - j) > 3) A[i, j]": A[0, 4] + A[4, 0],
    "sum(i, j, i < j, j != 2) A[i, j]": sum(A[p] for p in pairs(lambda i, j: i < j, lambda i, j: j != 2)),
    "sum(i, j, i == 0 or j == 1) A[i, j]": sum(A[p] for p in pairs(lambda i, j: i == 0 or j == 1)),
    "sum(i, j, not (i < j)) A[i, j]": np.tril(A).sum(),
    "sum(i, x[i] > 0) y[i]": Y[X > 0].sum(),
    "sum(i, i + 1 < n) x[i]": X[:-1].sum(),
    "sum(i in 0..n-1) x[i] * x[i+1]": X[:-1] @ X[1:],
    "sum(i in 1..n) x[i-1] * y[i]": X[:-1] @ Y[1:],
    "sum(i in 2..4) x[i]": X[2:4].sum(),
    "sum(i in 0..n-1, j in 0..n-2, i < j) A[i, j+2]": sum(A[i, j + 2] for i in range(4) for j in range(3) if i < j),
    # cyclic
    "sum(i) u[i] * u[i+1]": Y @ np.roll(Y, -1), "sum(i) u[i-1] * u[i]": Y @ np.roll(Y, 1),
    "sum(i) u[i+2] * u[i-1] * i": sum(Y[(i + 2) % 5] * Y[i - 1] * i for i in RANGE),
    "sum(i, k in 0..3) u[i + k] * k": sum(Y[(i + k) % 5] * k for i in RANGE for k in range(3)),
    "sum(i in 0..3) u[i+4]": Y[4] + Y[0] + Y[1], "u[7]": Y[2], "u[0-1]": Y[4],
    "sum(i in w) u[2 * i]": Y.sum(), "sum(i) u[i+7] * u[i]": Y @ np.roll(Y, -2),
    # subscripts
    "x[0] + x[4] + A[1, 2] + A[n-1, 0]": X[0] + X[4] + A[1, 2] + A[4, 0],
    "sum(i) A[i, i]": np.trace(A), "sum(i) A[0, i]": A[0].sum(), "sum(i, j) A[j, i] * x[i]": A.sum(0) @ X,
    "sum(A[:, 0])": A[:, 0].sum(), "A[1, :] @ x": A[1] @ X, "sum(i) sum(A[i, :] * x)": (A * X).sum(),
    "sum(i in 0..n-1, j in 0..2) x[i + j]": sum(X[i + j] for i in range(4) for j in range(2)),
    "V[sum(t)]": V[int(T.sum())],
    "V[n]": V[N], "sum(i) V[i + t[i]]": sum(V[i + int(T[i])] for i in RANGE),
    # categories
    "sum(i) h[i, z[i]]": sum(H[i, Z[i]] for i in RANGE),
    "sum(i < j) J[i, j, z[i], z[j]]": sum(JJ[i, j, Z[i], Z[j]] for i, j in itertools.combinations(RANGE, 2)),
    "sum(i, k) h[i, k] * (z[i] == k)": sum(H[i, Z[i]] for i in RANGE),
    "sum(i, k) h[i, k] * (z[i] != k)": H.sum() - sum(H[i, Z[i]] for i in RANGE),
    "sum(i < j) (z[i] == z[j])": float(sum(Z[i] == Z[j] for i, j in itertools.combinations(RANGE, 2))),
    'sum(i) h[i, "b"]': H[:, 1].sum(), 'sum(i) (z[i] == "c") * x[i]': X[Z == 2].sum(),
    "sum(onehot(z) * h)": sum(H[i, Z[i]] for i in RANGE), "onehot(z[1]) @ h[0, :]": H[0, Z[1]],
    "sum(i) h[i, kind[i]]": sum(H[i, Z[i]] for i in RANGE),
    "sum(i) h[i, z[i]] * h[i, z[i]]": sum(H[i, Z[i]] ** 2 for i in RANGE),
    "sum(i in 0..n-1) J[i, i+1, z[i], z[i+1]]": sum(JJ[i, i + 1, Z[i], Z[i + 1]] for i in range(4)),
    # graphs
    "sum((i, j) in bonds) K[i, j] * s[i] * s[j]": sum(K[e] * S[a] * S[b] for e, (a, b) in enumerate(EDGES)),
    "sum((i, j) in bonds) K[j, i] * x[i]": sum(K[e] * X[a] for e, (a, b) in enumerate(EDGES)),
    "sum(i) x[i] * sum(j in bonds[i]) s[j]": sum(X[i] * sum(S[j] for j in NEXT[i]) for i in RANGE),
    "sum(i) (sum(j in bonds[i]) K[i, j] * y[j]) ^ 2": sum(sum(K[EDGE[i, j]] * Y[j] for j in NEXT[i]) ** 2 for i in RANGE),
    "sum(i, j in bonds[i]) K[j, i] * A[i, j]": sum(K[EDGE[i, j]] * A[i, j] for i in RANGE for j in NEXT[i]),
    "sum(i) max(j in bonds[i]) x[j]": sum(max(X[j] for j in NEXT[i]) for i in RANGE),
    "sum(i) prod(j in bonds[i]) x[j]": sum(math.prod(X[j] for j in NEXT[i]) for i in RANGE),
    "sum(i) mean(j in bonds[i]) x[j]": sum(np.mean([X[j] for j in NEXT[i]]) for i in RANGE),
    "sum(i, j in bonds[i], i < j) A[i, j]": sum(A[min(e), max(e)] for e in EDGES),
    "sum(i, j in bonds[i], k in bonds[j]) x[k] * y[i]": sum(X[k] * Y[i] for i in RANGE for j in NEXT[i] for k in NEXT[j]),
    "sum(K)": K.sum(), "sum(K ^ 2)": (K**2).sum(),
    "sum((i, j) in bonds) abs(x[i] - x[j])": sum(abs(X[a] - X[b]) for a, b in EDGES),
    # lets, functions, networks
    "sum(k, i) r[k, i] ^ 2": sum((B[i, k] * X[i]) ** 2 for i in RANGE for k in range(M)),
    "sum(r)": (B.T * X).sum(), "sum(r @ y)": (B.T * X @ Y).sum(), "sum(k) r[k, 0] * c[k]": (B[0] * X[0]) @ C,
    "total ^ 2": X.sum() ** 2, "shifted @ shifted": (X - Y) @ (X - Y), "sum(i) shifted[i] * total": (X - Y).sum() * X.sum(),
    "soft(2, 3)": soft(2, 3), "sum(soft(x, y))": soft(X, Y).sum(), "sum(i) twice(x[i])": soft(X, X + 1).sum(),
    "sum(twice(x))": soft(X, X + 1).sum(), "sum(i, j) soft(x[i], y[j])": sum(soft(a, b) for a in X for b in Y),
    "sum(soft(x, 2))": soft(X, 2).sum(),
    "sum(f(x))": NETS["f"](X).sum(), "f(x)[2]": X[3] ** 2, "f(x) @ c": NETS["f"](X) @ C, "g(x, c)": NETS["g"](X, C),
    "sum(k in m) f(x)[k] * f(y)[k]": NETS["f"](X) @ NETS["f"](Y), "sum(i) g(A[i, :], c)": sum(NETS["g"](A[i], C) for i in RANGE),
    "sum(k in m) f(2 * x + y)[k] * k": NETS["f"](2 * X + Y) @ np.arange(M),
    # whole arrays
    "x @ A @ y": X @ A @ Y, "x @ B @ c": X @ B @ C, "sum(A @ B)": (A @ B).sum(), "sum(x * y)": X @ Y,
    "dot(x, y)": X @ Y, "dot(A, A)": (A * A).sum(), "norm(x)": np.linalg.norm(X), "norm(A)": np.linalg.norm(A),
    "sum(x + 2)": (X + 2).sum(), "x @ s / n": X @ S / N, "m ^ 2 + n": 21.0, "sum(-x)": -X.sum(),
    # if, comparisons, logic
    "sum(i) (if x[i] > y[i] then x[i] else y[i])": np.maximum(X, Y).sum(),
    "sum(i, j) (if i < j then A[i, j] else 1)": np.triu(A, 1).sum() + 15,
    "sum(if x > y then x else 2 * y)": np.where(X > Y, X, 2 * Y).sum(),
    "sum(i) (x[i] > 0) * y[i]": Y[X > 0].sum(), "(x[0] < x[1]) + (x[1] <= x[2])": float(X[0] < X[1]) + float(X[1] <= X[2]),
    "sum(i) (x[i] > 0 and y[i] > 0)": float(((X > 0) & (Y > 0)).sum()),
    "sum(i) (x[i] > 0 or not (y[i] > 0))": float(((X > 0) | (Y <= 0)).sum()),
    "sum(x > 0)": float((X > 0).sum()), "(0 < x[0] < 1) * 5": 5.0 * (0 < X[0] < 1),
    "sum(i) x[i] * (-1) ^ i": sum(X[i] * (-1) ** i for i in RANGE),
    # functions
    **{f"sum({name}(x))": sum(fn(v) for v in X) for name, fn in {
        "exp": math.exp, "expm1": math.expm1, "square": lambda v: v * v, "abs": abs,
        "sign": lambda v: int(v > 0) - int(v < 0), "sin": math.sin, "cos": math.cos, "tan": math.tan,
        "tanh": math.tanh, "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
        "softplus": lambda v: math.log(1 + math.exp(v)), "relu": lambda v: max(v, 0.0),
        "silu": lambda v: v / (1 + math.exp(-v)), "floor": math.floor,
        "gelu": lambda v: 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
    }.items()},
    "sum(log(x ^ 2 + 1))": sum(math.log(v * v + 1) for v in X), "sum(log1p(x ^ 2))": sum(math.log(v * v + 1) for v in X),
    "sum(sqrt(abs(x)))": sum(math.sqrt(abs(v)) for v in X), "sum(lgamma(abs(x) + 1))": sum(math.lgamma(abs(v) + 1) for v in X),
    "sum(max(x, y))": np.maximum(X, Y).sum(), "sum(i) min(x[i], 0.5)": np.minimum(X, 0.5).sum(),
    "sin(pi) + cos(2 * pi)": 1.0, "exp(-inf)": 0.0, "-2 ^ 2": -4.0, "2 ^ 3 ^ 2": 512.0, "2 - 3 - 4": -5.0,
    "8 / 4 / 2": 1.0, "sum(x ^ 3)": (X**3).sum(), "sum(abs(x) ^ 0.5)": np.sqrt(abs(X)).sum(), "sum(x ^ -2)": (X**-2.0).sum(),
    # symmetric, hollow
    "sum(i < j) D[i, j] * s[i] * s[j]": sum(D[i, j] * S[i] * S[j] for i, j in itertools.combinations(RANGE, 2)),
    "sum(i, j) D[i, j] * s[i] * s[j]": S @ D @ S, "sum(D)": D.sum(), "x @ D @ y": X @ D @ Y,
}  # fmt: skip


def test_every_form_has_the_value_that_numpy_gives():
    """All forms are compiled as one program: each is an energy of its own."""
    text = HEADER + "\n".join(f"energy e{k} = {form}" for k, form in enumerate(FORMS))
    model = ebm.loads(text, bonds=EDGES, **NETS_JAX)
    state = {n: VALUES[n] for n in model.program.unknowns}
    params = {n: VALUES[n] for n in model.program.params} | {"f": (), "g": ()}
    with jax.enable_x64(True):
        found = model.energies(params, state)
    wrong = {
        form: (float(found[f"e{k}"]), wanted)
        for k, (form, wanted) in enumerate(FORMS.items())
        if not math.isclose(float(found[f"e{k}"]), wanted, rel_tol=1e-11, abs_tol=1e-11)
    }
    assert not wrong


NETS_JAX = {
    "f": lambda x: jax.numpy.stack([x[0] * x[1], x[2], x[3] ** 2, x[4] - x[0]]),
    "g": lambda x, c: x[0] * c[1] + x[4] * c[3],
}


def reference(form: str) -> float:
    found = Reference(HEADER + f"energy = {form}", VALUES, graphs={"bonds": EDGES}, nets=NETS)
    found.on = {"bonds": "n"}
    return found.energy()


@pytest.mark.parametrize("form", FORMS)
def test_the_reference_interpreter_agrees_with_numpy(form: str):
    """A test of the tests: the interpreter that judges random programs knows every form."""
    assert reference(form) == pytest.approx(FORMS[form], rel=1e-12, abs=1e-12)


LONG_RANGE = (
    ("sum(i < j) s[i] * s[j] / abs(i - j) ^ 2",
     sum(S[i] * S[j] / (i - j) ** 2 for i, j in itertools.combinations(RANGE, 2))),
    ("sum(i != j) 1 / abs(x[i] - x[j])",
     sum(1 / abs(X[i] - X[j]) for i in RANGE for j in RANGE if i != j)),
    ("sum(i < j) log(abs(x[i] - x[j]))",
     sum(math.log(abs(X[i] - X[j])) for i, j in itertools.combinations(RANGE, 2))),
    ("sum(i, j in bonds[i]) 1 / abs(x[i] - x[j])",
     sum(1 / abs(X[i] - X[j]) for i in RANGE for j in NEXT[i])),
    ("sum(i, x[i] > 0) log(x[i])", sum(math.log(v) for v in X if v > 0)),
    ("max(i, x[i] > 0) log(x[i])", max(math.log(v) for v in X if v > 0)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "wanted"), LONG_RANGE, ids=lambda p: p if isinstance(p, str) else ""
)
def test_what_a_condition_leaves_out_is_never_computed_into_the_sum(form: str, wanted: float):
    """1 / 0 times a mask of 0 is not a number: the value and its gradient must not see it."""
    model = ebm.loads(HEADER + f"energy = {form}", bonds=EDGES, **NETS_JAX)
    params = {n: VALUES[n] for n in model.program.params} | {"f": (), "g": ()}
    state = {n: VALUES[n] for n in model.program.unknowns}
    assert float(model.energy(params, state)) == pytest.approx(wanted, rel=1e-5)
    slope = jax.grad(lambda x: model.energy(params, state | {"x": x}))(X)
    assert np.all(np.isfinite(slope))


SMALL = {
    "a cyclic range that runs beyond the end": (
        "dim w = 3 cyclic visible u : real[w] energy = sum(i in 0..w+2) u[i] * i",
        {"u": [1.0, 2.0, 4.0]}, 21.0),
    "a cyclic range that begins before the start": (
        "dim w = 3 cyclic visible u : real[w] energy = sum(i in 0-1..w+1) u[i] * i",
        {"u": [1.0, 2.0, 4.0]}, 9.0),
    "a let over a part of a dimension": (
        "dim r = 6 visible x : real[r] let d[i in 0..r-1] = x[i+1] - x[i] "
        "energy = sum(i in 0..r-1) d[i] ^ 2",
        {"x": np.arange(6.0) ** 2}, 165.0),
    "a density and an energy of one name": (
        "visible x : positive ~ exponential(1) energy x = 3 * x ^ 2",
        {"x": 2.0}, 14.0),
    "a batch without examples": (
        "dim r = 2 visible x : real[r] energy = sum(x)", {"x": np.zeros((0, 2))}, None),
    "the neighbours of one site": (
        "dim n = 3 graph g on n = complete() visible x : real[n] energy = sum(j in g[1]) x[j]",
        {"x": [1.0, 2.0, 4.0]}, 5.0),
    "energies without unknowns": ("visible x : real energy a = 3 energy b = x", {"x": 2.0}, 5.0),
}  # fmt: skip


def test_a_subscript_may_be_a_sum_over_an_index_of_its_own():
    """As LANGUAGE.md has it for `V[sum(s)]`."""
    model = ebm.loads(
        "dim n = 3, c = n + 1 visible t : binary[n] param V : real[c] energy = V[sum(i) t[i] * t[i]]"
    )
    found = model.energy({"V": [0.0, 1.0, 5.0, 7.0]}, {"t": [1.0, 0.0, 1.0]})
    assert float(found) == 5.0


@pytest.mark.parametrize("name", SMALL)
def test_small_programs(name: str):
    text, state, wanted = SMALL[name]
    found = np.asarray(ebm.loads(text).energy({}, state))
    if wanted is None:
        assert found.shape == (0,)
    else:
        assert float(found) == pytest.approx(wanted)


def test_quantities_are_functions_of_the_draws():
    text = """
    dim n = 4
    visible s : spin[n]
    energy = -0.3 * sum(i in 0..n-1) s[i] * s[i+1]
    quantity m = abs(mean(s))
    quantity corr[i, j] = s[i] * s[j]
    quantity up[i] = (s[i] == 1)
    """
    draws = ebm.sample(ebm.loads(text), {}, draws=7, chains=2, progress=False)
    s = draws["s"].astype(float)
    np.testing.assert_allclose(draws["m"], abs(s.mean(-1)), rtol=1e-6)
    np.testing.assert_allclose(draws["corr"], s[..., :, None] * s[..., None, :])
    np.testing.assert_allclose(draws["up"], (s + 1) / 2)


DENSITIES = (
    ("real", "normal(1, 2)", 0.3, 0.5 * (0.7 / 2) ** 2 + math.log(2) + 0.5 * math.log(2 * math.pi)),
    ("real", "laplace(1, 2)", 0.3, 0.35 + math.log(4)),
    ("positive", "exponential(3)", 0.3, 0.9 - math.log(3)),
    ("positive", "half_cauchy(5)", 0.3, -math.log(2 / (math.pi * 5 * (1 + 0.06**2)))),
    ("positive", "gamma(2, 3)", 0.3, -(2 * math.log(3) + math.log(0.3) - 0.9)),
    ("binary", "bernoulli(0.3)", 1.0, -math.log(0.3)),
    ("binary", "bernoulli(logits=0.3)", 0.0, math.log(1 + math.exp(0.3))),
    ("integer<0, 9>", "poisson(2)", 3, 2 - 3 * math.log(2) + math.lgamma(4)),
    ("real", "student_t(3, 0, 1)", 0.5,
     -(math.lgamma(2) - math.lgamma(1.5) - 0.5 * math.log(3 * math.pi) - 2 * math.log1p(0.25 / 3))),
    ("real<0, 1>", "beta(2, 3)", 0.4, -(math.log(12) + math.log(0.4) + 2 * math.log(0.6))),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "density", "value", "wanted"), DENSITIES, ids=lambda p: str(p))
def test_a_density_adds_minus_its_logarithm(kind: str, density: str, value: float, wanted: float):
    model = ebm.loads(f"visible x : {kind} ~ {density}")
    assert float(model.energy({}, {"x": value})) == pytest.approx(wanted, rel=1e-5)
    rows = ebm.loads(f"dim n = 2 visible x : {kind}[n] ~ {density}")
    assert float(rows.energy({}, {"x": [value, value]})) == pytest.approx(2 * wanted, rel=1e-5)


def test_a_density_of_a_symmetric_array_counts_each_pair_once():
    one = 0.5 + 0.5 * math.log(2 * math.pi)
    ones = np.ones((3, 3))
    symmetric = ebm.loads("dim n = 3 visible x : real[n, n] symmetric ~ normal(0, 1)")
    assert float(symmetric.energy({}, {"x": ones})) == pytest.approx(6 * one, rel=1e-6)
    hollow = ebm.loads("dim n = 3 visible x : real[n, n] symmetric hollow ~ normal(0, 1)")
    assert float(hollow.energy({}, {"x": ones - np.eye(3)})) == pytest.approx(3 * one, rel=1e-6)
