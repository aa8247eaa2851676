"""Random numbers for sweeps: Threefry with 13 rounds, unrolled so that it runs inside the update itself.

Random numbers are most of the cost of a Gibbs sweep. Thirteen rounds of Threefry-2x32 are the
fewest that pass BigCrush (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
table 2); JAX does twenty, in a loop of its own. A key gives the same numbers everywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

ROUNDS = 13
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = np.uint32(0x1BD11BDA)


def threefry(key: tuple[Any, Any], counter: tuple[Any, Any], rounds: int = ROUNDS) -> Any:
    """Two words for every counter of two words: Threefry-2x32 (Salmon et al. 2011, section 4.2)."""
    schedule = (*key, key[0] ^ key[1] ^ PARITY)
    a, b = counter[0] + schedule[0], counter[1] + schedule[1]
    for number in range(rounds):
        turn = ROTATIONS[number % 8]
        a = a + b
        b = ((b << np.uint32(turn)) | (b >> np.uint32(32 - turn))) ^ a
        if number % 4 == 3:
            done = number // 4 + 1
            a = a + schedule[done % 3]
            b = b + schedule[(done + 1) % 3] + np.uint32(done)
    return a, b


def bits(seed: Any, number: int, stream: Any = 0) -> Any:
    """So many uniform 32-bit words for each seed and stream. Shapes: seed [2, …] -> [number, …]."""
    half = -(-number // 2)
    counter = jax.lax.iota(jnp.uint32, half).reshape((half,) + (1,) * (seed.ndim - 1))
    words = threefry((seed[0], seed[1]), (counter, jnp.asarray(stream, jnp.uint32)))
    return jnp.concatenate(words)[:number]


def _tail(seed: Any, number: int, dtype: Any, sweep: Any = 0) -> tuple[Any, Any]:
    """Numbers in (0, 1/2], fine near 0, and a fair coin for each."""
    return _halved(*coins_rows(seed, number, dtype, sweep), dtype)


def _halved(words: Any, more: Any, dtype: Any) -> tuple[Any, Any]:
    """Numbers in (0, 1/2] of 31 bits of a word, and of 32 more where there are any; its last bit."""
    size = (words >> np.uint32(1)).astype(dtype)
    half = jnp.asarray(0.5, dtype)
    if more is not None:
        size, half = size + more.astype(dtype) * 2.0**-32, half * 2.0**-32
    return (size + half) * 2.0**-32, (words & np.uint32(1)) == 1


def uniform_rows(seed: Any, number: int, dtype: Any = None, sweep: Any = 0) -> Any:
    """Uniform in (0, 1). Shapes: seed [2, …] -> [number, …]."""
    low, upper = _tail(seed, number, dtype or jnp.result_type(float), sweep)
    largest = 1 - jnp.finfo(low.dtype).epsneg
    return jnp.minimum(jnp.where(upper, 1 - low, low), largest)


def logistic_rows(seed: Any, number: int, dtype: Any = None) -> Any:
    """Standard logistic: a site goes up where this is below its log-odds. Exact in both tails.

    Shapes: seed [2, …] -> [number, …].
    """
    low, upper = _tail(seed, number, dtype or jnp.result_type(float))
    size = jnp.log(low / (1 - low))
    return jnp.where(upper, -size, size)


def normal_rows(seed: Any, number: int, dtype: Any = None, sweep: Any = 0) -> Any:
    """Standard normal, two of each pair of words (Box & Muller 1958). Shapes: seed [2, …] -> [number, …].

    The radius is fine in the tail: in 32 bits it reaches 6.7 standard deviations.
    """
    half = -(-number // 2)
    coins = coins_rows(seed, 2 * half, dtype or jnp.result_type(float), sweep)
    low, upper = _halved(*coins, dtype or jnp.result_type(float))
    level, turn = 2 * low[:half], jnp.where(upper[half:], 0.5 + low[half:], low[half:])
    radius, angle = jnp.sqrt(-2 * jnp.log(level)), 2 * np.pi * turn
    return jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)])[:number]


class Coins(NamedTuple):
    """Random words for as many sites: `words`, and `more` where numbers have 64 bits."""

    words: Any
    more: Any

    def at(self, rows: Any) -> Coins:
        """Those of some sites."""
        return Coins(self.words[rows], None if self.more is None else self.more[rows])


def coins_rows(seed: Any, number: int, dtype: Any = None, sweep: Any = 0) -> Coins:
    """Words for so many sites in a sweep of that number. Shapes: seed [2, …] -> [number, …]."""
    wide = jnp.dtype(dtype or jnp.result_type(float)) == jnp.float64
    stream = 2 * jnp.asarray(sweep, jnp.uint32)
    return Coins(bits(seed, number, stream), bits(seed, number, stream + 1) if wide else None)


def rises(coins: Coins, odds: Any) -> Any:
    """Whether each site goes up, given its log-odds: one exponential a site, exact in both tails.

    With v in (0, 1/2] and u = v or 1 - v by the toss of a coin, u < sigmoid(z) is v (1 + exp(-z)) < 1
    or v (1 + exp(z)) > 1.
    """
    low, upper = _halved(coins.words, coins.more, odds.dtype)
    level = low * (1 + jnp.exp(jnp.where(upper, odds, -odds)))
    return jnp.where(upper, level > 1, level < 1)


def seed_of(key: Any) -> Any:
    """The two words of a key, from which its numbers follow."""
    return jax.random.key_data(key)[..., :2]


def uniform(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Uniform in (0, 1) of a shape."""
    number = int(np.prod(shape, dtype=int))
    return uniform_rows(seed_of(key), number, dtype).reshape(shape)


def logistic(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Standard logistic numbers of a shape."""
    number = int(np.prod(shape, dtype=int))
    return logistic_rows(seed_of(key), number, dtype).reshape(shape)


def pick(log_weights: Any, at: Any) -> Any:
    """An index of the last axis, with probability proportional to the weights; `at` in (0, 1)."""
    return jnp.minimum(jnp.sum(_passed(log_weights, at, -1), axis=-1), log_weights.shape[-1] - 1)


def pick_first(log_weights: Any, at: Any) -> Any:
    """As `pick`, for an index of the first axis."""
    return jnp.minimum(jnp.sum(_passed(log_weights, at, 0), axis=0), log_weights.shape[0] - 1)


def _passed(log_weights: Any, at: Any, axis: int) -> Any:
    weights = jnp.exp(log_weights - jnp.max(log_weights, axis=axis, keepdims=True))
    reached = jnp.cumsum(weights, axis=axis)
    last = jax.lax.slice_in_dim(reached, reached.shape[axis] - 1, None, axis=axis)
    return reached <= jnp.expand_dims(at, axis) * last
