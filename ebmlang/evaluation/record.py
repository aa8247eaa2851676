"""Chains recorded at bounded size: draws, then means of blocks of draws and the last draw of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

MOST_KEPT = 8_000_000  # numbers of one run


class Series(NamedTuple):
    """A run: means of blocks of `width` draws in a row, and the last draw of each block.

    Shapes: [chain, block, statistic]. `number`: draws of each chain.
    """

    means: np.ndarray
    draws: np.ndarray
    width: int
    number: int

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return self.means.shape[0]

    def of(self, columns: slice) -> Series:
        """The same run with some of its statistics."""
        return self._replace(means=self.means[..., columns], draws=self.draws[..., columns])


@dataclass(slots=True, eq=False)
class Record:
    """Draws [chain, draw, statistic] as they come. Where they fill the memory, blocks are joined in pairs.

    Means lose nothing by it; of the draws every second one is left.
    """

    most: int = MOST_KEPT
    width: int = 1
    number: int = 0
    means: list[np.ndarray] = field(default_factory=list)
    draws: list[np.ndarray] = field(
        default_factory=list
    )  # as the means while blocks are of one draw
    left: np.ndarray | None = None  # [chain, statistic]: the sum over a block that is not full
    filled: int = 0  # draws in that sum

    def add(self, values: np.ndarray) -> None:
        """More draws of every chain."""
        self.number += values.shape[1]
        if self.width == 1:
            self.means.append(values)
            self.draws.append(values)
        else:
            self._add_blocks(values)
        while sum(part.size for part in self.means) > self.most and self._blocks > 2:
            self._join()

    @property
    def _blocks(self) -> int:
        return sum(part.shape[1] for part in self.means)

    def _add_blocks(self, values: np.ndarray) -> None:
        missing = self.width - self.filled
        first, rest = values[:, :missing], values[:, missing:]
        self._fill(first)
        full = rest.shape[1] // self.width
        if full:
            shape = (len(rest), full, self.width, rest.shape[2])
            blocks = rest[:, : full * self.width].reshape(shape)
            self.means.append(blocks.mean(axis=2, dtype=np.float64))
            self.draws.append(blocks[:, :, -1])
        self._fill(rest[:, full * self.width :])

    def _fill(self, values: np.ndarray) -> None:
        """Draws of the block that is not full, which they may fill."""
        if not values.shape[1]:
            return
        total = values.sum(axis=1, dtype=np.float64)
        total = total if self.left is None else self.left + total
        self.left = total
        self.filled += values.shape[1]
        if self.filled == self.width:
            self.means.append(total[:, None] / self.width)
            self.draws.append(values[:, -1:])
            self.left, self.filled = None, 0

    def _join(self) -> None:
        """Blocks in pairs; an odd last one is not full any more."""
        means, draws = np.concatenate(self.means, axis=1), np.concatenate(self.draws, axis=1)
        even = means.shape[1] // 2 * 2
        if even < means.shape[1]:
            total = means[:, -1].astype(np.float64) * self.width
            self.left = total if self.left is None else self.left + total
            self.filled += self.width
        shape = (len(means), even // 2, 2, means.shape[2])
        self.means = [means[:, :even].reshape(shape).mean(axis=2, dtype=np.float64)]
        self.draws = [draws[:, 1:even:2]]
        self.width *= 2

    @property
    def series(self) -> Series:
        """What has been recorded; a block that is not full is left out."""
        return Series(
            np.concatenate(self.means, axis=1),
            np.concatenate(self.draws, axis=1),
            self.width,
            self.number,
        )
