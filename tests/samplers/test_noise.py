"""The random numbers of sweeps: known answers, their laws, and a battery that bad generators fail.

The battery has twelve tests on five ways in which sweeps lay out their words, three seeds each. A
good generator fails one at P_LIMIT once in 50 000 runs of the whole (180 p-values at 1e-7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, kstest, logistic, norm, uniform

from ebmlang.samplers import noise

from .battery import judged

P_LIMIT = 1e-7
LANES, SITES = 64, 256
SIZE = 1 << 22
ONES, PI = (0xFFFFFFFF,) * 2, (0x243F6A88, 0x85A308D3)
KNOWN = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, ONES, ONES, (0xFD36D048, 0x2D17272C)),
    (13, (0x13198A2E, 0x03707344), PI, (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, ONES, ONES, (0x1CB996FC, 0xBB002BE7)),
    (20, (0x13198A2E, 0x03707344), PI, (0xC4923A9C, 0x483DF7A0)),
]


def words(pair: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.array([pair[0]], np.uint32), np.array([pair[1]], np.uint32)


def keys_of(seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The words of so many keys split from the key of a seed."""
    split = jax.random.split(jax.random.key(seed), number)
    data = np.asarray(noise.seed_of(split))
    return data[:, 0].copy(), data[:, 1].copy()


def counters(seed: int, rounds: int, size: int) -> np.ndarray:
    """One key, as one chain draws a long row of numbers."""
    count = np.arange(size // 2, dtype=np.uint32)
    return np.concatenate(noise.threefry(words((0, seed)), (count, count * 0), rounds))


def keys(seed: int, rounds: int, size: int) -> np.ndarray:
    """The first word of each of many keys, as short rows follow each other."""
    nothing = np.zeros(size, np.uint32)
    return noise.threefry(keys_of(seed, size), (nothing, nothing), rounds)[0]


def lanes(seed: int, rounds: int, size: int) -> np.ndarray:
    """Chains side by side, each with a key of its own, flat."""
    first, second = keys_of(seed, LANES)
    count = np.arange(size // LANES // 2, dtype=np.uint32)[:, None]
    key = (first[None], second[None])
    return np.concatenate(noise.threefry(key, (count, count * 0), rounds)).reshape(-1)


def chains(seed: int, rounds: int, size: int) -> np.ndarray:
    """One chain after the other, each with a key of its own."""
    return lanes(seed, rounds, size).reshape(-1, LANES).T.reshape(-1).copy()


def sweeps(seed: int, rounds: int, size: int) -> np.ndarray:
    """Chains side by side in sweep after sweep: the second counter is twice the number of the sweep."""
    first, second = keys_of(seed, LANES)
    site = np.arange(SITES // 2, dtype=np.uint32)[None, :, None]
    sweep = np.arange(size // LANES // SITES, dtype=np.uint32)[:, None, None]
    counter = (site + 0 * sweep, 2 * sweep + 0 * site)
    pair = noise.threefry((first[None, None], second[None, None]), counter, rounds)
    return np.concatenate(pair, axis=1).reshape(-1)


LAYOUTS: tuple[Callable[[int, int, int], np.ndarray], ...] = (
    counters, keys, lanes, chains, sweeps,
)  # fmt: skip


def xorshift(seed: int, size: int) -> np.ndarray:
    """Marsaglia's xorshift32 in lanes of their own starts, one lane after the other."""
    state = keys_of(seed, LANES)[0] | np.uint32(1)
    found = np.empty((size // LANES, LANES), np.uint32)
    for row in found:
        state ^= state << np.uint32(13)
        state ^= state >> np.uint32(17)
        state ^= state << np.uint32(5)
        row[:] = state
    return found.T.reshape(-1).copy()


# ------------------------------------------------------------------------- known answers


@pytest.mark.parametrize(("rounds", "key", "counter", "wanted"), KNOWN)
def test_threefry_gives_the_known_answers_of_random123(
    rounds: int, key: Any, counter: Any, wanted: Any
):
    with np.errstate(over="ignore"):
        found = noise.threefry(words(key), words(counter), rounds)
    assert tuple(int(w[0]) for w in found) == wanted


def test_twenty_rounds_are_those_of_jax():
    key = jax.random.key(9)
    wanted = np.asarray(jax.random.key_data(jax.random.split(key, 5)))
    count = np.arange(5, dtype=np.uint32)
    pair = np.asarray(jax.random.key_data(key))
    found = np.stack(noise.threefry(words(pair), (count * 0, count), 20), axis=1)
    np.testing.assert_array_equal(found, wanted)


def test_the_words_of_sweeps_are_those_that_the_battery_reads():
    one = noise.bits(noise.seed_of(jax.random.key(7)), 64)
    np.testing.assert_array_equal(one, counters(7, noise.ROUNDS, 64))
    split = noise.seed_of(jax.random.split(jax.random.key(7), LANES)).T
    np.testing.assert_array_equal(noise.bits(split, 1)[0], keys(7, noise.ROUNDS, LANES))
    many = noise.bits(split, 10)
    np.testing.assert_array_equal(many.reshape(-1), lanes(7, noise.ROUNDS, 10 * LANES))
    rows = [noise.bits(split, SITES, 2 * sweep).reshape(-1) for sweep in range(3)]
    size = 3 * SITES * LANES
    np.testing.assert_array_equal(np.concatenate(rows), sweeps(7, noise.ROUNDS, size))
    for chain in (0, 63):
        np.testing.assert_array_equal(many[:, chain], noise.bits(split[:, chain], 10))


def test_a_key_gives_its_numbers_again_and_another_gives_others():
    first, again, other = (noise.logistic(jax.random.key(k), (1000,)) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.count_nonzero(np.asarray(first) == np.asarray(other)) < 5
    seed = noise.seed_of(jax.random.key(1))
    apart = np.asarray(noise.bits(seed, 1000)) == np.asarray(noise.bits(seed, 1000, stream=1))
    assert not apart.any()
    jitted = jax.jit(lambda k: noise.logistic(k, (1000,)))(jax.random.key(1))
    np.testing.assert_allclose(jitted, first, rtol=1e-6)


# ---------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("wide", [False, True])
def test_uniform_and_logistic_keep_their_laws_and_their_tails(wide: bool):
    """Kolmogorov's test, and numbers beyond 2^-8 … 2^-18 on both sides, false alarms at 1e-6."""
    number = 1 << 21
    with jax.enable_x64(wide):
        dtype = jnp.float64 if wide else jnp.float32
        u = np.asarray(noise.uniform(jax.random.key(3), (number,), dtype), np.float64)
        x = np.asarray(noise.logistic(jax.random.key(4), (number,), dtype), np.float64)
    assert np.all((u > 0) & (u < 1))
    assert np.all(np.isfinite(x))
    for values, law in ((u, uniform), (x, logistic)):
        assert kstest(values, law.cdf).pvalue > 1e-6
        for power in (8, 12, 16, 18):
            tail = 0.5**power
            for beyond in (values < law.ppf(tail), values > law.isf(tail)):
                spread = np.sqrt(number * tail * (1 - tail))
                assert abs(np.count_nonzero(beyond) - number * tail) < 5 * spread + 3
    if wide:
        assert len(np.unique(u)) == number, "64-bit numbers are 64 bits fine"


def test_the_tails_of_float32_are_finer_than_its_steps_near_one():
    """A rare event keeps its probability: logistic noise is symmetric to the last word."""
    x = np.asarray(noise.logistic(jax.random.key(5), (1 << 22,)))
    assert x.max() > 13
    assert x.min() < -13
    assert len(np.unique(x[x > 10])) > 0.95 * np.count_nonzero(x > 10)


@pytest.mark.parametrize("odds", [-11.0, -6.0, -0.4, 0.0, 2.0, 6.0, 11.0])
def test_a_site_rises_as_often_as_its_odds_say(odds: float):
    number = 1 << 22
    coins = noise.coins_rows(noise.seed_of(jax.random.key(11)), number, jnp.float32, sweep=5)
    seen = np.count_nonzero(np.asarray(noise.rises(coins, jnp.full(number, odds, jnp.float32))))
    chance = 1 / (1 + np.exp(-odds))
    assert abs(seen - number * chance) < 5 * np.sqrt(number * chance * (1 - chance)) + 3


@pytest.mark.parametrize("first", [True, False])
def test_pick_follows_the_weights(first: bool):
    chance = np.array([0.5, 0.0, 0.3, 1e-3, 0.199])
    number = 200_000
    at = noise.uniform(jax.random.key(8), (number,))
    with np.errstate(divide="ignore"):
        weights = np.log(chance)[:, None] + np.linspace(-90, 90, number)
    if first:
        found = noise.pick_first(jnp.asarray(weights), at)
    else:
        found = noise.pick(jnp.asarray(weights.T), at)
    counts = np.bincount(np.asarray(found), minlength=5)
    assert counts[1] == 0
    kept = chance > 0
    statistic = np.sum((counts - number * chance)[kept] ** 2 / (number * chance[kept]))
    assert statistic < chi2.isf(1e-6, 3)


# ------------------------------------------------------------------------------- battery


def worst(found: dict[str, float]) -> tuple[str, float]:
    return min(found.items(), key=lambda item: item[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_words_of_sweeps_pass_the_battery(layout: Callable[..., np.ndarray], seed: int):
    found = judged(layout(seed, noise.ROUNDS, SIZE))
    name, p = worst(found)
    assert p > P_LIMIT, f"{name} has p = {p:.2g}"


@pytest.mark.parametrize("layout", [w for w in LAYOUTS if w is not keys])
def test_the_battery_rejects_three_rounds(layout: Callable[..., np.ndarray]):
    """A test of the tests, on fewer words. Words of many keys are as random as JAX's keys by then."""
    assert worst(judged(layout(1, 3, SIZE >> 3)))[1] < P_LIMIT


def test_the_battery_rejects_xorshift():
    found = judged(xorshift(1, SIZE >> 3))
    assert worst(found)[1] < P_LIMIT


def test_the_battery_passes_a_generator_of_another_kind():
    """PCG64 of NumPy: a battery that fails everything would say nothing."""
    fair = np.random.default_rng(2).integers(0, 1 << 32, SIZE >> 3, dtype=np.uint32)
    assert worst(judged(fair))[1] > P_LIMIT


def avalanche(rounds: int, number: int = 4096) -> float:
    """The p-value that one flipped bit of key or counter flips every output bit half of the time."""
    rng = np.random.default_rng(6)
    start = rng.integers(0, 1 << 32, (4, number), dtype=np.uint32)
    plain = noise.threefry((start[0], start[1]), (start[2], start[3]), rounds)
    total = 0.0
    for word in range(4):
        for bit in range(32):
            other = start.copy()
            other[word] ^= np.uint32(1 << bit)
            moved = noise.threefry((other[0], other[1]), (other[2], other[3]), rounds)
            for a, b in zip(plain, moved, strict=True):
                turned = (a ^ b)[:, None] >> np.arange(32, dtype=np.uint32) & np.uint32(1)
                total += np.sum((turned.sum(0) - number / 2) ** 2) / (number / 4)
    free = 128 * 64
    return float(2 * min(chi2.sf(total, free), chi2.cdf(total, free), 0.5))


def test_one_flipped_bit_flips_half_of_the_output():
    assert avalanche(noise.ROUNDS) > P_LIMIT
    assert avalanche(3) < P_LIMIT


@pytest.mark.parametrize("wide", [False, True])
def test_normal_numbers_are_normal_to_the_tails_and_apart(wide: bool):
    dtype = jnp.float64 if wide else jnp.float32
    with jax.enable_x64(wide):
        seeds = noise.seed_of(jax.random.split(jax.random.key(7), 4096))
        found = np.asarray(noise.normal_rows(jnp.asarray(seeds).T, 65, dtype), np.float64)
    assert found.shape == (65, 4096)
    assert kstest(found.ravel(), norm.cdf).pvalue > P_LIMIT
    far = np.sum(np.abs(found) > 3.5)
    wanted = 2 * norm.sf(3.5) * found.size
    assert abs(far - wanted) < 5.5 * wanted**0.5
    pairs = np.corrcoef(found) - np.eye(65)
    assert np.abs(pairs).max() < 5.5 / 4096**0.5
    squares = np.corrcoef(found**2) - np.eye(65)
    assert np.abs(squares).max() < 7 / 4096**0.5
