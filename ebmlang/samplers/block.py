"""What a block of variables needs to be moved: pure functions of the situation and the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..analysis.choice import Choice
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.sites import Sites

Key = Any


class Moved(NamedTuple):
    """A step of one block. `acceptance` in [0, 1]; `gradients`: energy gradients it cost.

    `hamiltonian`: of a Hamiltonian block, what its path kept, in nats.
    """

    state: State
    inner: Any
    acceptance: Any
    gradients: Any
    diverged: Any
    hamiltonian: Any = 0.0


class Block(Protocol):
    """Variables that move together, by one method; several blocks in turn make a sweep."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the block."""
        ...

    @property
    def method(self) -> str:
        """The name of the sampler, as in the table."""
        ...

    def tables(self, situation: Situation) -> Any:
        """What follows from parameters and given data alone, whatever beta is; () if nothing does.

        Made once for many sweeps, and read as `situation.tables` in a move.
        """
        ...

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        """What the block remembers between steps: step sizes, adaptation."""
        ...

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        """One step that leaves the conditional of the block given the rest unchanged.

        The unadjusted Langevin walk does so only in the limit of small steps.
        """
        ...


class Walk(NamedTuple):
    """Sweeps to be done: the seed [2] of the chain, the number of the first, and how many."""

    seed: Any
    first: Any
    number: Any


@runtime_checkable
class Resident(Protocol):
    """A block with a layout of its own, in which it stays through many sweeps where it moves alone.

    What it remembers is the number of sweeps done: with the seed it decides the random numbers.
    """

    def walk(self, walk: Walk, situation: Situation, state: State, inner: Any) -> Moved:
        """Several moves in a row; the memory is then the number of the next sweep."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The blocks of a sweep in turn, and the choices behind them."""

    blocks: tuple[Block, ...]
    choices: tuple[Choice, ...]
    sites: Mapping[str, Sites]
