"""A sampler that is timed: compiled ahead of the clock, warmed up, then run piece by piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..samplers.abreast import Abreast, groups_of
from ..samplers.clusters import refuse_repelled
from ..samplers.pace import walked
from ..samplers.plan import Plan
from ..samplers.run import Clamped, Loop, loop_of, verify_once
from ..samplers.settings import Sampler
from ..samplers.starting import Init, started
from ..samplers.sweep import Chain, Report, nothing, prepared, sweeps
from ..samplers.tempering import untempered
from .record import MOST_KEPT, Record
from .watched import View, Watched

if TYPE_CHECKING:
    from ..model import Model

MOST_AT_ONCE = 1_000_000  # numbers that one compiled call hands over


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What all samplers of a comparison share. `piece`: draws that one compiled call can make."""

    model: Model
    situation: Situation
    held: Clamped
    watched: Watched
    chains: int
    warmup: int
    seed: int
    piece: int
    init: Init = None


@dataclass(slots=True, eq=False)
class Runner:
    """Chains of one sampler that have been warmed up, and what they have spent since.

    `pieces`: draws of each chain and seconds of every compiled call. `memory`: bytes of the
    compiled program with its arguments and results, NaN where the compiler does not tell.
    """

    advance: Callable[[Chain, int, int], tuple[Chain, tuple[Any, Report]]]
    chain: Chain
    record: Record
    piece: int
    compile_seconds: float
    warmup_seconds: float
    memory: float
    pieces: list[tuple[int, float]] = field(default_factory=list)
    gradients: int = 0
    acceptance: float = 0.0
    diverged: int = 0
    finite: bool = True

    @property
    def draws(self) -> int:
        """Draws of each chain so far."""
        return self.record.number

    @property
    def elapsed(self) -> float:
        """Seconds of sampling so far, by the clock."""
        return sum(seconds for _, seconds in self.pieces)

    @property
    def seconds(self) -> float:
        """Seconds of all draws at the pace of the median piece, which no interruption changes."""
        numbers, seconds = np.array(self.pieces, float).T
        return self.draws * float(paces(numbers[None], seconds[None])[0])

    def run(self, number: int) -> None:
        """So many draws more of each chain, at most a piece. The clock stops when they are done."""
        begun = time.perf_counter()
        self.chain, (values, report) = jax.block_until_ready(self.advance(self.chain, number, 1))
        self.pieces.append((number, time.perf_counter() - begun))
        found = np.asarray(values)[:, :number]
        self.finite = self.finite and bool(np.all(np.isfinite(found)))
        self.record.add(found)
        self.gradients += int(np.asarray(report.gradients).sum(dtype=np.int64))
        self.diverged += int(np.sum(report.diverged))
        mean = float(np.mean(report.acceptance)) / number
        self.acceptance += (mean - self.acceptance) * number / self.record.number


def loop_for(setting: Setting, sampler: Sampler) -> Loop:
    """The functions of a sampler, its conditionals compared with brute force once.

    Raises EbmError E702 if it does not apply.
    """
    model, held, situation = setting.model, setting.held, setting.situation
    loop = loop_of(model, sampler, held, setting.warmup)
    refuse_repelled(untempered(loop.plan).blocks, situation)
    verify_once(model, loop, (sampler, held.signature, "auto"), situation)
    return loop


def ready(setting: Setting, loop: Loop, view: View | None, most: int = MOST_KEPT) -> Runner:
    """Chains that have been warmed up, by the program that later draws from them.

    Raises EbmError E703 if no start has a finite energy.
    """
    model, situation, chains = setting.model, setting.situation, setting.chains
    program = model.made(
        ("compared", id(loop), setting.piece, setting.watched.signature),
        lambda: _Program(loop.plan, setting.watched, setting.piece),
    )
    begun = time.perf_counter()
    key, sub = jax.random.split(jax.random.key(setting.seed))
    states = started(model, situation, sub, chains, setting.held, setting.init, loop.first)
    chain = loop.begin(jax.random.split(key, chains), situation, states, setting.warmup)
    advance = partial(program.advance, situation, view)
    chain, _ = jax.block_until_ready(advance(chain, 0, 1))
    compiled = time.perf_counter()
    if setting.warmup:
        chain = walked(lambda c, n: advance(c, 1, n)[0], chain, setting.warmup)
    warmed = time.perf_counter()
    return Runner(
        advance,
        chain,
        Record(most),
        setting.piece,
        program.compile_seconds(compiled - begun),
        warmed - compiled,
        program.memory * groups_of(chains),
    )


def paces(numbers: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Seconds of one draw: the median over draws, each at the pace of its piece.

    Shapes: draws and seconds of pieces [run, piece] -> [run].
    """
    each = seconds / numbers
    order = np.argsort(each, axis=1)
    done = np.take_along_axis(numbers, order, axis=1).cumsum(axis=1)
    half = np.argmax(done >= done[:, -1:] / 2, axis=1)
    return np.take_along_axis(np.take_along_axis(each, order, axis=1), half[:, None], axis=1)[:, 0]


def piece_of(watched: Watched, view: int, chains: int, draws: int) -> int:
    """Draws of one compiled call: few enough that what they hand over is small."""
    return max(1, min(draws, MOST_AT_ONCE // (chains * (watched.energy + 1 + view))))


def peak_memory() -> float:
    """Bytes that an accelerator has had in use at most since it started; NaN on a processor."""
    told = jax.local_devices()[0].memory_stats() or {}
    return float(told.get("peak_bytes_in_use", float("nan")))


class _Program:
    """The compiled walk of a plan, kept with the model; what compiling took is told again later."""

    def __init__(self, plan: Plan, watched: Watched, piece: int) -> None:
        self.ahead = _Ahead(_walk(plan, watched, piece))
        self.walk = Abreast(self.ahead, along=(1,))
        self.known: tuple[int, float] = (0, 0.0)

    def advance(
        self, situation: Situation, view: View | None, chain: Chain, number: int, thin: int
    ) -> Any:
        """Chains after so many draws, and what they are."""
        return self.walk(situation, chain, view, jnp.asarray(number), jnp.asarray(thin))

    def compile_seconds(self, spent: float) -> float:
        """What was just spent if something new was compiled; else what that took when it was."""
        if len(self.ahead.programs) > self.known[0]:
            self.known = len(self.ahead.programs), spent
        return self.known[1]

    @property
    def memory(self) -> float:
        """Bytes of arguments, results and all between, NaN where the compiler does not tell."""
        try:
            found = self.ahead.programs[-1].memory_analysis()
        except (AttributeError, NotImplementedError, RuntimeError):
            return float("nan")
        if found is None:
            return float("nan")
        return float(
            found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
        )


class _Ahead:
    """A jitted function compiled before it is called, once for arguments of a kind: `programs`."""

    def __init__(self, jitted: Any) -> None:
        self.jitted = jitted
        self.programs: list[Any] = []
        self.known: dict[Any, Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        leaves, shape = jax.tree.flatten(arguments)
        key = (shape, tuple(map(jax.typeof, leaves)))
        if key not in self.known:
            self.known[key] = self.lower(*arguments).compile()
        return self.known[key](*arguments)

    def lower(self, *arguments: Any) -> _Lowered:
        """What `jit` lowers, whose program is kept when it is compiled."""
        return _Lowered(self, self.jitted.lower(*arguments))


class _Lowered(NamedTuple):
    ahead: _Ahead
    lowered: Any

    def compile(self, options: Any = None) -> Any:
        """The compiled program."""
        self.ahead.programs.append(self.lowered.compile(options))
        return self.ahead.programs[-1]


def _walk(plan: Plan, watched: Watched, piece: int) -> Any:
    """Compiled: `number` draws, `thin` sweeps before each, in a buffer of a whole piece."""

    def one_chain(
        situation: Situation, chain: Chain, view: View | None, number: Any, thin: Any
    ) -> Any:
        steady = prepared(plan, situation)

        def told(chain: Chain) -> Any:
            return watched.of(situation, chain.state, view)

        def one(k: Any, carry: Any) -> Any:
            chain, kept, total = carry
            chain, report = sweeps(plan, steady, chain, thin)
            kept = jax.lax.dynamic_update_index_in_dim(kept, told(chain), k, 0)
            return chain, kept, Report(*map(jnp.add, total, report))

        shape = jax.eval_shape(told, chain)
        empty = jnp.zeros((piece, *shape.shape), shape.dtype)
        chain, kept, total = jax.lax.fori_loop(0, number, one, (chain, empty, nothing()))
        return chain, (kept, total)

    return jax.jit(jax.vmap(one_chain, in_axes=(None, 0, None, None, None)))


def taken_in_turn(runners: Sequence[Runner], wanted: Callable[[Runner], int]) -> None:
    """Runs all, piece by piece in turn, so that a machine that slows down slows down all alike.

    `wanted`: how many draws of each chain a runner makes next, 0 when it has spent its budget.
    """
    going = list(runners)
    while going:
        going = [runner for runner in going if (number := wanted(runner)) and _ran(runner, number)]


def _ran(runner: Runner, number: int) -> bool:
    """Run a piece; whether there is a use in going on."""
    runner.run(min(number, runner.piece))
    return runner.finite
