"""What is averaged out of a draw: by enumeration the same mean, and never a larger variance."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.backend.conditionals import states_of
from ebmlang.backend.energy import stored_type
from ebmlang.backend.sites import sites_of
from ebmlang.partition.covers import covers_of, described
from ebmlang.partition.gradient import slope_of
from ebmlang.partition.pilot import Costs, decided, weights_of
from ebmlang.samplers.run import clamped, situation_of

RING = """dim site = 6 cyclic, label = 3
visible x : category(label)[site]
param h : real[site, label]
param J : real
energy = -sum(i) h[i, x[i]] - J * sum(i) (x[i] == x[i+1])"""
LATTICE = """dim row = 2, col = 4 cyclic
visible s : spin[row, col]
param J : real[row, col]
param B : real
energy = -sum(i, j) J[i, j] * s[i, j] * s[i, j+1] - B * sum(s) - B * s[0, 1] * s[1, 1]"""
CURVED = """dim unit = 6 cyclic
visible x : binary[unit]
latent z : integer<0, 2>[unit]
param a : real
param w : real[unit]
energy = a * sum(i) (x[i] + x[i+1] - z[i])^2 - w @ x"""
SYMMETRIC = """dim node = 4
visible y : binary[node, node] symmetric hollow
latent  h : binary[node]
param b : real[node]
param c : real
energy = -sum(i, j) b[i] * y[i, j] * h[j] + c * sum(i < j) y[i, j]"""
CASES = {
    "rbm": ((PROGRAMS / "rbm.ebm").read_text(), {"pixel": 4, "unit": 5}, "h and v"),
    "ring": (RING, {}, "2 colours of x"),
    "lattice": (LATTICE, {}, "2 colours of s"),
    "curved": (CURVED, {}, "z and 2 colours of x"),
    "symmetric": (SYMMETRIC, {}, "y and h"),
}


def states(model):
    """All configurations, stacked, as arrays of each variable."""
    target = model.target
    every, sites = [], {}
    for name, symbol in model.program.unknowns.items():
        sites[name] = sites_of(symbol, model.world)
        every += [states_of(symbol, target)] * sites[name].number
    rows = np.array(list(itertools.product(*every)))
    out, start = {}, 0
    for name, own in sites.items():
        kind = stored_type(own.symbol)
        part = jnp.asarray(rows[:, start : start + own.number], kind)
        out[name] = jax.vmap(own.full)(part)
        start += own.number
    return out


def strewn(model):
    rng = np.random.default_rng(3)
    sites = model.parameter_space.sites
    return {n: s.full(jnp.asarray(rng.normal(0, 0.7, s.number))) for n, s in sites.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_cover_has_the_mean_of_the_draws_and_no_larger_variance(name):
    text, sizes, told = CASES[name]
    model = ebm.loads(text, **sizes)
    covers = covers_of(model.target, {})
    assert described(covers) == told
    with jax.enable_x64(True):
        situation = situation_of(model, strewn(model), None, 0.8)
        every = states(model)

        @jax.jit
        def found(every):
            energy = jax.vmap(lambda s: model.target.energy(situation.params, s, {}))(every)
            slopes = [slope_of(model), *(cover.slope(model) for cover in covers)]
            return energy, [jax.vmap(lambda s, f=f: f(situation, s))(every) for f in slopes]

        energy, (plain, *given) = jax.tree.map(np.asarray, found(every))
    odds = np.exp(-0.8 * (energy - energy.min()))
    odds /= odds.sum()
    mean = odds @ plain
    spread = odds @ (plain - mean) ** 2
    for each in given:
        np.testing.assert_allclose(odds @ each, mean, rtol=1e-9, atol=1e-11)
        less = odds @ (each - mean) ** 2
        assert np.all(less <= spread * (1 + 1e-9) + 1e-12)
        assert less.sum() < 0.95 * spread.sum()


def test_what_interacts_everywhere_is_left_as_it_is():
    model = ebm.load(PROGRAMS / "boltzmann_machine.ebm", unit=8)
    assert covers_of(model.target, {}) == ()


def test_held_sites_are_in_no_cover_and_let_others_be_whole():
    model = ebm.loads(LATTICE)
    held = (np.add.outer(np.arange(2), np.arange(4)) % 2).astype(bool)
    (cover,) = covers_of(model.target, clamped(model, {"s": (np.ones((2, 4)), held)}).masks)
    assert cover.whole
    # With every second site held there is nothing to list either.
    found = ebm.log_partition(model, model.init(), "exact", clamp={"s": (np.ones((2, 4)), held)})
    assert "s summed in closed form" in found.method


def noisy(chains=6, batches=40):
    """A draw's estimate of two numbers and two covers', correlated, all of mean 3."""
    rng = np.random.default_rng(0)
    shared, one, two = rng.normal(size=(3, chains, batches, 2))
    draw = shared + one + two
    return 3 + np.stack([draw, shared + 0.5 * one, shared + two], axis=2)


def test_weights_sum_to_one_and_are_blind_to_their_own_chain():
    parts = noisy()
    weights = weights_of(parts)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    other = parts.copy()
    other[2] = 100 * np.random.default_rng(1).normal(size=other[2].shape)
    again = weights_of(other)
    np.testing.assert_allclose(weights[2], again[2], rtol=1e-9)
    assert not np.allclose(weights[0], again[0])


def test_weights_find_the_estimate_of_least_variance():
    parts = noisy(chains=8, batches=400)
    weights = weights_of(parts).mean(axis=0)
    errors = parts.reshape(-1, 3, 2) - 3
    for number in range(2):
        cov = np.cov(errors[:, :, number].T)
        best = np.linalg.solve(cov, np.ones(3))
        best /= best.sum()
        mine = weights[:, number]
        assert mine @ cov @ mine < 1.03 * best @ cov @ best


def test_the_pilot_weighs_variance_against_cost():
    parts, cover = noisy(), covers_of(ebm.loads(LATTICE).target, {})
    cheap, dear = Costs(1.0, 1.0, (1.0, 1.0, 1.0)), Costs(0.0, 0.0, (1.0, 50.0, 50.0))
    assert decided(parts, cover, cheap, 1, 0, anyway=False).slopes != (0,)
    assert decided(parts, cover, dear, 1, 0, anyway=False).slopes == (0,)
    assert decided(parts, cover, dear, 1, 0, anyway=True).slopes != (0,)
    broken = np.where(np.arange(3)[:, None] == 1, np.nan, parts)
    assert decided(broken, cover, cheap, 1, 0, anyway=True).slopes == (0,)
