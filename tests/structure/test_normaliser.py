"""Whether Z exists: what is said of every program, and what must never be called proven."""

from __future__ import annotations

from pathlib import Path

import pytest

import ebmlang as ebm
from ebmlang.analysis.normaliser import normaliser

PROGRAMS = Path(__file__).parent.parent / "programs"
BOUNDED = (
    "Z exists whatever the parameters are: every variable is bounded, and the energy is finite"
)
BOWL = "Z exists whatever the parameters are: a bowl outgrows all else in "
SENTENCES = {
    "boltzmann_machine": BOUNDED, "dbm": BOUNDED, "friendship": BOUNDED, "ising": BOUNDED,
    "jem": BOUNDED, "potts_dca": BOUNDED, "rbm": BOUNDED, "rotors": BOUNDED, "segment": BOUNDED,
    "spikes": BOUNDED, "spin_glass": BOUNDED,
    "eight_schools": "Z = 1: every variable has a density given earlier ones",
    "experts": BOWL + "x", "gaussian_rbm": BOWL + "v", "rings": BOWL + "x",
    "mixture": BOWL + "x, and centre has a density",
}  # fmt: skip


def test_every_program_has_its_sentence():
    assert {path.stem for path in PROGRAMS.glob("*.ebm")} == set(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_said_of_a_program(name: str):
    model = ebm.load(PROGRAMS / f"{name}.ebm")
    assert normaliser(model.program).says == SENTENCES[name]
    assert SENTENCES[name] in str(model.explain()).splitlines()


ONE = (
    "visible x : real ~ normal(0, 1) visible y : real ~ normal(x, exp(x))",
    "visible x : positive ~ gamma(2, 1) visible y : real ~ normal(0, 1 / sqrt(x))",
    "visible k : integer<0, 9> ~ binomial(9, 0.5)",
    "visible x : real<-1, 2> ~ truncated_normal(0, 1, low=-1, high=2)",
    "dim k = 3 visible w : simplex[k] ~ dirichlet(1)",
    "visible a : angle ~ von_mises(1, 2)",
    "param p : real<0, 1> visible b : binary ~ bernoulli(p)",
    "param l : real visible b : binary ~ bernoulli(logits=l)",
)

EXISTS = (
    "visible k : integer<0, 2> ~ poisson(5)",
    "visible x : real<0, 1> ~ normal(0, 1)",
    "visible x : real energy = x^4 - 5 * x",
    "visible x : real energy = (x - 3)^2 / 2 + abs(x)",
    "visible x : real ~ cauchy(0, 1) energy more = x^2",
    "param a : positive visible x : real energy = a * x^2 - 3 * x",
    "visible x : real visible y : real energy = x^2 energy other = (y - x)^2 * 0.5",
    "visible x : real<0, 1> energy = log(1 + x) / (2 + x)",
    "visible x : real visible s : spin energy = x^2 - s * x",
    "dim n = 3 visible x : real[n] energy = sum(x^2) energy more = sum(i < j) cos(x[i] - x[j])",
)

NOT_PROVEN = (
    ("visible x : real<0, 1> energy = -1 / x", "`1 / x`"),
    ("visible x : real<0, 1> energy = log(x)", "`log(x)`"),
    ("visible x : real<0, 1> energy = -1 / (x - 0.5)^2", "`1 / (x - 0.5)^2`"),
    ("visible x : binary energy = -1 / x", "`1 / x`"),
    ("visible x : real<-1, 1> energy = -tan(2 * x)", "`tan(2 * x)`"),
    ("param a : real visible s : spin energy = s / a", "`s / a`"),
    ("param a : real visible x : real energy = a * x^2", "`x^2`"),
    ("param s : real visible x : real energy = (x / s)^2", "`(x / s)^2`"),
    ("visible x : real energy = -x^2", "`x^2`"),
    ("visible x : real energy = x^2 - x^3", "`x^3`"),
    ("visible x : real energy = x^2 energy other = -exp(x)", "`exp(x)`"),
    ("visible x : real visible y : real energy = x^2 + y^2 - 3 * x * y", "`3 * x * y`"),
    ("visible x : real visible y : real energy = (x - y)^2", "y is unbounded"),
    ("visible x : real visible y : real energy = (x - y)^2 energy b = y^2 energy t = -x", "x"),
    ("dim n = 3 visible x : real[n] energy = sum(i in 0..2) x[i]^2", "x is unbounded"),
    ("dim n = 3 visible x : real[n, n] energy = sum(i) x[i, i]^2", "x is unbounded"),
    ("dim n = 3 visible x : real[n] let d[i in 0..2] = x[i]^2 energy = sum(d)", "x is unbounded"),
    ("dim n = 3 cyclic visible x : real[n] energy = sum(i, j in n) (x[i] + x[j])^2", "not proven"),
    ("dim n = 3 visible x : real[n] energy = sum(x)^2", "x is unbounded"),
    ("dim n = 3 visible x : binary[n] energy = max(i, x[i] == 1) x[i]", "`max(i, x[i] == 1) x[i]`"),
    ("visible x : real ~ cauchy(0, 1) energy tilt = -0.1 * x", "no bowl of its own holds x"),
    ("visible x : real ~ normal(y, 1) visible y : real ~ normal(x, 1)", "in a circle"),
    ("param s : real visible x : real ~ normal(0, s)", "`s`"),
    ("param m : real visible x : real ~ normal(log(m), 1)", "`log(m)`"),
    ("param p : real visible b : binary ~ bernoulli(p)", "`p`"),
    ("dim n = 2 given c : real[n, n] visible x : real[n] ~ multivariate_normal(0, c)",
     "`covariance_matrix`"),
    ("visible k : integer<7, 9> ~ discrete_uniform(0, 5)", "a probability"),
    ("param n : positive visible k : integer<7, 9> ~ beta_binomial(1, 1, n)", "`total_count`"),
    ("net f : real -> real = external() visible x : real<0, 1> energy = f(x)", "`f(x)`"),
    ("net f : real -> real = mlp(8) visible x : real energy = f(x)", "x is unbounded"),
)  # fmt: skip


def program(text: str):
    """A checked program; warnings are of no matter here."""
    return ebm.loads(text, check=False).program


@pytest.mark.parametrize("text", ONE)
def test_ordered_densities_over_their_whole_types_have_z_1(text: str):
    found = normaliser(program(text))
    assert found.proven, found.says
    assert found.one, found.says


@pytest.mark.parametrize("text", EXISTS)
def test_what_is_held_is_proven_and_not_called_1(text: str):
    found = normaliser(program(text))
    assert found.proven, found.says
    assert not found.one


@pytest.mark.parametrize(("text", "reason"), NOT_PROVEN, ids=lambda p: p[:60])
def test_what_can_diverge_is_not_proven_and_says_where(text: str, reason: str):
    found = normaliser(program(text))
    assert not found.proven
    assert not found.one
    assert found.says.startswith("that Z exists is not proven: ")
    assert reason in found.says


def test_the_place_is_told():
    text = "visible x : real<0, 1>\nenergy bowl = x^2\nenergy pole = -1 / x"
    assert "(line 3)" in str(ebm.loads(text).explain())
