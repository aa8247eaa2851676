"""Random numbers for sweeps: Threefry with 13 rounds, unrolled so that it runs inside the update itself.

Random numbers are most of the cost of a Gibbs sweep. Thirteen rounds of Threefry-2x32 are the
fewest that pass BigCrush (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
table 2); JAX does twenty, in a loop of its own. A key gives the same numbers everywhere.
"""

from __future__ import annotations

from typing import Any

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


def bits(seed: Any, number: int, stream: int = 0) -> Any:
    """So many uniform 32-bit words for each seed. Shapes: seed [2, …] -> [number, …]."""
    half = -(-number // 2)
    counter = jax.lax.iota(jnp.uint32, half).reshape((half,) + (1,) * (seed.ndim - 1))
    second = jnp.full_like(counter, np.uint32(stream))
    return jnp.concatenate(threefry((seed[0], seed[1]), (counter, second)))[:number]


def _tail(seed: Any, number: int, dtype: Any) -> tuple[Any, Any]:
    """Numbers in (0, 1/2], fine near 0, and a fair coin for each."""
    words = bits(seed, number)
    size = (words >> np.uint32(1)).astype(dtype)
    half = jnp.asarray(0.5, dtype)
    if jnp.dtype(dtype) == jnp.float64:
        more = bits(seed, number, stream=1).astype(dtype)
        size, half = size + more * 2.0**-32, half * 2.0**-32
    return (size + half) * 2.0**-32, (words & np.uint32(1)) == 1


def uniform_rows(seed: Any, number: int, dtype: Any = None) -> Any:
    """Uniform in (0, 1). Shapes: seed [2, …] -> [number, …]."""
    low, upper = _tail(seed, number, dtype or jnp.result_type(float))
    largest = 1 - jnp.finfo(low.dtype).epsneg
    return jnp.minimum(jnp.where(upper, 1 - low, low), largest)


def logistic_rows(seed: Any, number: int, dtype: Any = None) -> Any:
    """Standard logistic: a site goes up where this is below its log-odds. Exact in both tails.

    Shapes: seed [2, …] -> [number, …].
    """
    low, upper = _tail(seed, number, dtype or jnp.result_type(float))
    size = jnp.log(low / (1 - low))
    return jnp.where(upper, -size, size)


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
