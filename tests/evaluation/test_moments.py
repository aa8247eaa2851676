"""Moments without draws: the same numbers as from draws, at a size that no length changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.evaluation.diagnostics import split_rhat
from ebmlang.evaluation.tally import BATCHES, Piece, Tally, lengths, merged
from ebmlang.samplers import streaming
from ebmlang.samplers.run import clamped, loop_of, situation_of
from ebmlang.samplers.settings import MALA, Gibbs

MIXED = (
    'dim n = 3, aa = "ABC" visible z : category(aa)[n] visible x : real[n] visible t : angle '
    "latent s : spin[n] param h : real[aa] "
    "energy = 50000 + sum(i) h[z[i]] * s[i] + sum(x ^ 2) - 0.5 * sum(i) x[i] * s[i] - cos(t) "
    "quantity m = sum(s) / 3 quantity w[i] = x[i] ^ 2"
)
PARAMS = {"h": np.array([0.0, 1.0, -1.0])}


@pytest.fixture(scope="module")
def mixed() -> ebm.Model:
    return ebm.loads(MIXED)


def both(model: ebm.Model, draws: int, **more: Any) -> tuple[ebm.Draws, ebm.Moments]:
    settings: dict[str, Any] = {"draws": draws, "chains": 3, "warmup": 50, "sampler": "mala"}
    settings |= {"seed": 4, "progress": False} | more
    return (
        ebm.sample(model, PARAMS, **settings),
        ebm.sample(model, PARAMS, keep="moments", **settings),
    )


def as_averaged(draws: ebm.Draws) -> dict[str, np.ndarray]:
    """The draws as moments see them: labels as indicators, angles as cosine and sine."""
    found = {n: v.astype(float) for n, v in draws.items()}
    found["z"] = (draws["z"][..., None] == np.arange(3)).astype(float)
    found["t"] = np.stack([np.cos(found["t"]), np.sin(found["t"])], -1)
    return found


@pytest.mark.parametrize("draws", [1, 3, 9, 1500])
def test_moments_are_those_of_the_draws(mixed: ebm.Model, draws: int):
    kept, moments = both(mixed, draws)
    assert (moments.chains, moments.draws) == (3, draws)
    for name, values in as_averaged(kept).items():
        flat = values.reshape(3 * draws, *values.shape[2:])
        np.testing.assert_allclose(moments.mean[name], flat.mean(0), atol=1e-6)
        np.testing.assert_allclose(moments.std[name], flat.std(0, ddof=1), atol=1e-6)
        np.testing.assert_allclose(moments.rhat[name], split_rhat(values), rtol=1e-5)
    energy = kept.energy.astype(float)
    # Ten digits, though float32 holds seven: what is added up is the distance from the start.
    np.testing.assert_allclose(moments.energy[0], energy.mean(), rtol=1e-10)
    np.testing.assert_allclose(moments.energy[1], energy.std(ddof=1), rtol=1e-7)


def test_diagnostics_speak_as_those_of_draws(mixed: ebm.Model):
    kept, moments = both(mixed, 1500)
    assert moments.diagnostics.acceptance == pytest.approx(kept.diagnostics.acceptance, abs=1e-4)
    assert moments.diagnostics.divergences == kept.diagnostics.divergences
    assert moments.diagnostics.rhat["energy"] == pytest.approx(
        float(split_rhat(kept.energy)), abs=1e-4
    )
    assert set(moments.diagnostics.ess) == set(kept.diagnostics.ess)
    for name in ("x", "w", "energy"):
        assert 0.5 < moments.diagnostics.ess[name] / kept.diagnostics.ess[name] < 2


def test_stuck_chains_are_told():
    model = ebm.loads("dim n = 30 visible s : spin[n] energy = -sum(i < j) s[i] * s[j]")
    moments = ebm.sample(model, {}, draws=100, chains=8, keep="moments", progress=False)
    told = " ".join(moments.diagnostics.problems)
    assert "the chains of `s` disagree" in told
    assert "8 chains never moved" in told
    assert "not to be trusted" in repr(moments)
    assert np.all(np.isinf(moments.energy[2]) | (moments.energy[1] > 0))


def sizes_of(tally: Tally) -> int:
    arrays: list[np.ndarray] = []
    assert tally.whole is not None
    for piece in (tally.whole, *tally.halves.values()):
        arrays += [*piece.mean.values(), *piece.squares.values()]
    return sum(a.nbytes for a in arrays) + sum(
        a.nbytes for series in tally.batches.values() for a in series
    )


def test_nothing_grows_with_the_number_of_draws():
    """Neither the compiled loop, which is compiled once, nor what is kept outside it."""
    model = ebm.load(PROGRAMS / "ising.ebm", row=4, col=4)
    params = model.init()
    found = {}
    for draws in (64, 640, 6400):
        moments = ebm.sample(model, params, draws=draws, chains=2, keep="moments", progress=False)
        found[draws] = sizes_of(moments.tally)
    assert len(set(found.values())) == 1, found
    held = clamped(model, None)
    loop = loop_of(model, Gibbs(), held, 10)
    run = streaming.streaming(model.target, loop.plan)
    situation = situation_of(model, params, None, 1.0)
    states = {"s": np.ones((2, 4, 4), np.float32)}
    chain = loop.begin(jax.random.split(jax.random.key(0), 2), situation, states, 10)
    short, long = (run.lower(situation, chain, 1, number) for number in (1, 10**9))
    assert short.as_text() == long.as_text(), "the length of the run is built in"
    sizes = [leaf.size for leaf in jax.tree.leaves(long.out_info)]
    assert max(sizes) <= 2 * 16


def test_batches_share_the_draws_evenly():
    for draws in (1, 2, 5, 63, 64, 65, 1000, 12345):
        cut = list(lengths(draws))
        assert sum(number for number, _ in cut) == draws
        assert [sum(n for n, k in cut if k == half) for half in (0, 1)] == [draws // 2] * 2
        each = [number for number, half in cut if half != 2]
        assert len(each) <= BATCHES
        assert not each or max(each) - min(each) <= 1


def test_pieces_merge_to_the_whole():
    x = np.random.default_rng(0).normal(1e6, 1.0, (2, 1000, 3))

    def piece(part: np.ndarray) -> Piece:
        mean = part.mean(1)
        return Piece(part.shape[1], {"x": mean}, {"x": ((part - mean[:, None]) ** 2).sum(1)})

    together = None
    for a, b in ((0, 1), (1, 7), (7, 500), (500, 1000)):
        together = merged(together, piece(x[:, a:b]))
    assert together is not None
    assert together.number == 1000
    np.testing.assert_allclose(together.mean["x"], x.mean(1), rtol=1e-13)
    np.testing.assert_allclose(together.squares["x"] / 1000, x.var(1), rtol=1e-9)


def test_what_was_not_kept_is_refused_in_words(mixed: ebm.Model):
    _, moments = both(mixed, 3)
    with pytest.raises(ebm.EbmError, match=r"E704[\s\S]*`x` were not kept[\s\S]*\.mean"):
        moments["x"]
    for keep, code in (("moment", "E704"), (["y"], "E606"), ("x", "E704")):
        with pytest.raises(ebm.EbmError, match=code):
            ebm.sample(mixed, PARAMS, draws=2, keep=keep, progress=False)  # type: ignore[call-overload]


@pytest.mark.slow
def test_only_some_names_are_kept(mixed: ebm.Model):
    settings: dict[str, Any] = {"draws": 20, "warmup": 20, "sampler": "mala", "progress": False}
    whole = ebm.sample(mixed, PARAMS, **settings)
    some = ebm.sample(mixed, PARAMS, keep=["m", "z"], **settings)
    assert set(some) == {"m", "z"}
    assert set(some.state) == {"z"}
    for name in some:
        np.testing.assert_array_equal(some[name], whole[name])
    np.testing.assert_array_equal(some.energy, whole.energy)
    assert "x" not in some
    with pytest.raises(KeyError, match="not kept"):
        some["x"]
    assert isinstance(some, Mapping)
    assert set(some.to_arviz().posterior.data_vars) == {"m", "z"}
    assert len(ebm.sample(mixed, PARAMS, keep=[], **settings)) == 0


def test_the_table_names_labels_and_sides_of_angles(mixed: ebm.Model):
    _, moments = both(mixed, 9)
    table = moments.summary()
    assert {"z[0, A]", "z[2, C]", "t[cos]", "t[sin]", "x[1]", "m", "energy"} <= set(table.index)
    np.testing.assert_allclose(table.loc["z[1, B]", "mean"], moments.mean["z"][1, 1])
    np.testing.assert_allclose(moments.mean["z"].sum(-1), 1)


@pytest.mark.slow
def test_held_variables_have_no_error(mixed: ebm.Model):
    held = np.array([1.0, -1.0, 1.0])
    _, moments = both(mixed, 9, clamp={"s": held})
    np.testing.assert_array_equal(moments.mean["s"], held)
    np.testing.assert_array_equal(moments.std_error["s"], 0)
    assert "s" not in moments.diagnostics.rhat


def test_moments_of_energies_that_are_not_finite_are_an_error():
    model = ebm.loads("visible x : real energy = -x ^ 4")
    with pytest.raises(ebm.EbmError, match="E703"):
        ebm.sample(model, {}, sampler=ebm.Langevin(step_size=0.5), keep="moments", progress=False)


@pytest.mark.slow
def test_moments_of_replica_exchange_tell_of_the_ladder():
    model = ebm.load(PROGRAMS / "ising.ebm", row=3, col=3)
    moments = ebm.sample(model, model.init(), sampler=ebm.Tempering(replicas=3), draws=200,
                         keep="moments", progress=False)  # fmt: skip
    assert moments.tempering is not None
    assert moments.tempering.sweeps == 200


@pytest.mark.slow
def test_moments_work_in_float64(mixed: ebm.Model):
    with jax.enable_x64(True):
        kept, moments = both(ebm.loads(MIXED), 9)
        np.testing.assert_allclose(moments.mean["x"], kept["x"].mean((0, 1)), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Gibbs(), MALA()])
def test_standard_errors_are_the_spread_of_repeated_runs(sampler: Any):
    """Mean squared z-scores over 300 runs: 1, give or take 0.25 for an error of 10 % in the errors."""
    settings: dict[str, Any] = {"draws": 4000, "chains": 4, "warmup": 300, "progress": False}
    params: dict[str, Any] = {}
    if isinstance(sampler, Gibbs):
        model = ebm.load(PROGRAMS / "ising.ebm", row=4, col=4)
        params = model.init()
        settings["beta"] = 0.35
    else:
        model = ebm.loads("dim n = 2 visible x : real[n] energy = sum(x ^ 2) + x[0] * x[1]")
    runs = [
        ebm.sample(model, params, seed=seed, sampler=sampler, keep="moments", **settings)
        for seed in range(300)
    ]
    name = "s" if isinstance(sampler, Gibbs) else "x"
    for values in (
        [(r.mean[name].reshape(-1)[0], r.std_error[name].reshape(-1)[0]) for r in runs],
        [(r.energy[0], r.energy[2]) for r in runs],
    ):
        means, errors = np.array(values).T
        squares = (means - means.mean()) ** 2 / errors**2
        assert 0.75 < squares.mean() < 1.35
