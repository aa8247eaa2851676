"""A battery of tests of random words, in NumPy and SciPy: each gives a p-value, small if they are not.

After Knuth, The Art of Computer Programming 2, section 3.3.2, Marsaglia's Diehard (1995) and
L'Ecuyer & Simard (2007), "TestU01". Words are uint32; p-values are two-sided where both tails tell.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from scipy.stats import chi2, norm, poisson

Test = Callable[[np.ndarray], float]
RANKS = np.array([0.2887880952, 0.5775761902, 0.1283502645, 0.0052854502])  # 32, 31, 30, fewer


def from_counts(counts: np.ndarray, expected: np.ndarray) -> float:
    """Pearson's chi-square of counts that add up to what is expected, both tails."""
    statistic = np.sum((counts - expected) ** 2 / expected)
    free = len(counts) - 1
    return float(2 * min(chi2.sf(statistic, free), chi2.cdf(statistic, free), 0.5))


def from_normal(z: float) -> float:
    """A standard normal, both tails."""
    return float(2 * norm.sf(abs(z)))


def even(cells: np.ndarray, number: int) -> float:
    """Cells that should be equally likely."""
    counts = np.bincount(cells, minlength=number)
    return from_counts(counts, np.full(number, len(cells) / number))


def monobit(words: np.ndarray) -> float:
    """Every bit of the word is set half of the time."""
    ones = np.array([np.count_nonzero(words >> np.uint32(k) & np.uint32(1)) for k in range(32)])
    z = (ones - len(words) / 2) / np.sqrt(len(words) / 4)
    return float(2 * min(chi2.sf(np.sum(z**2), 32), chi2.cdf(np.sum(z**2), 32), 0.5))


def bytes_even(words: np.ndarray) -> float:
    """All bytes are equally likely."""
    return even(words.view(np.uint8), 256)


def patterns(words: np.ndarray) -> float:
    """All patterns of sixteen bits are equally likely."""
    return even(words.view(np.uint16), 1 << 16)


def serial_high(words: np.ndarray) -> float:
    """All pairs of top bytes of one word and the next are equally likely."""
    top = (words >> np.uint32(24)).astype(np.int64)
    return even(top[0::2] * 256 + top[1::2], 1 << 16)


def serial_low(words: np.ndarray) -> float:
    """All pairs of last bytes of one word and the next are equally likely."""
    last = (words & np.uint32(255)).astype(np.int64)
    return even(last[0::2] * 256 + last[1::2], 1 << 16)


def gaps(words: np.ndarray) -> float:
    """Words until one falls again into the lowest sixteenth: a geometric law."""
    found = np.diff(np.flatnonzero(words < np.uint32(1 << 28))) - 1
    longest = 80
    chance = (1 / 16) * (15 / 16) ** np.arange(longest)
    chance = np.append(chance, 1 - chance.sum())
    counts = np.bincount(np.minimum(found, longest), minlength=longest + 1)
    return from_counts(counts, len(found) * chance)


def runs(words: np.ndarray) -> float:
    """Lengths of runs of equal bits, low bits of one word after another: a geometric law."""
    bits = words & np.uint32(1)
    lengths = np.diff(np.flatnonzero(np.diff(bits)))
    longest = 14
    chance = 0.5 ** np.arange(1, longest + 1)
    chance[-1] *= 2
    counts = np.bincount(np.minimum(lengths, longest), minlength=longest + 1)[1:]
    return from_counts(counts, len(lengths) * chance)


def birthdays(words: np.ndarray) -> float:
    """Equal spacings between 4096 birthdays in a year of 2^32 days: four a year, by Poisson's law."""
    years = words[: len(words) // 4096 * 4096].reshape(-1, 4096).astype(np.int64)
    spacings = np.sort(np.diff(np.sort(years, axis=1), axis=1), axis=1)
    equal = int(np.count_nonzero(np.diff(spacings, axis=1) == 0))
    wanted = 4096**3 / 2**34 * len(years)
    return float(2 * min(poisson.sf(equal - 1, wanted), poisson.cdf(equal, wanted), 0.5))


def collisions(words: np.ndarray) -> float:
    """Balls that fall into taken urns: 2^16 balls, 2^20 urns, by the top bits."""
    balls, urns = 1 << 16, 1 << 20
    throws = (words[: len(words) // balls * balls] >> np.uint32(12)).reshape(-1, balls)
    taken = sum(balls - len(np.unique(throw)) for throw in throws)
    load = balls / urns
    mean = balls - urns + urns * (1 - 1 / urns) ** balls
    spread = urns * np.exp(-load) * (1 - (1 + load) * np.exp(-load))
    return from_normal((taken - len(throws) * mean) / np.sqrt(len(throws) * spread))


def ranks(words: np.ndarray) -> float:
    """The ranks of 32 x 32 matrices of bits."""
    rows = words[: min(len(words) // 32, 40_000) * 32].reshape(-1, 32).copy()
    rank = np.zeros(len(rows), np.int64)
    every = np.arange(len(rows))
    for bit in range(32):
        has = (rows >> np.uint32(bit) & np.uint32(1)).astype(bool)
        has[np.arange(32) < rank[:, None]] = False
        there, first = has.any(axis=1), has.argmax(axis=1)
        pivot = rows[every, first].copy()
        rows[every[there], first[there]] = rows[every[there], np.minimum(rank, 31)[there]]
        rows[every[there], np.minimum(rank, 31)[there]] = pivot[there]
        set_here = (rows >> np.uint32(bit) & np.uint32(1)).astype(bool)
        below = set_here & (np.arange(32) > rank[:, None]) & there.reshape(-1, 1)
        rows ^= np.where(below, pivot[:, None], np.uint32(0))
        rank += there
    counts = np.bincount(np.minimum(32 - rank, 3), minlength=4)
    return from_counts(counts, len(rows) * RANKS)


def weight_of(words: np.ndarray) -> np.ndarray:
    """How many bits are set in each word."""
    return np.bitwise_count(words).astype(np.int64)


def weights(words: np.ndarray) -> float:
    """Few, usual or many bits set, in five words in turn: independent of each other."""
    return _weights(words, 1)


def weights_apart(words: np.ndarray) -> float:
    """As `weights`, for words 64 places apart: the same lane where 64 chains lie side by side."""
    return _weights(words, 64)


def _weights(words: np.ndarray, apart: int) -> float:
    table = np.array([comb(32, k) for k in range(33)], float)
    law = np.array([table[:15].sum(), table[15:18].sum(), table[18:].sum()]) / 2.0**32
    kind = np.searchsorted([14, 17], weight_of(words))
    rows = kind[: len(kind) // (5 * apart) * 5 * apart].reshape(-1, 5, apart)
    cells = np.tensordot(3 ** np.arange(5), rows, axes=(0, 1)).reshape(-1)
    chance = np.ones(1)
    for _ in range(5):
        chance = np.outer(law, chance).reshape(-1)
    return from_counts(np.bincount(cells, minlength=243), len(cells) * chance)


BATTERY: tuple[Test, ...] = (
    monobit, bytes_even, patterns, serial_high, serial_low, gaps, runs, birthdays, collisions, ranks,
    weights, weights_apart,
)  # fmt: skip


def judged(words: np.ndarray) -> dict[str, float]:
    """The p-value of every test."""
    return {test.__name__: test(words) for test in BATTERY}
