"""Drawing from a model: chains side by side, warm-up, then draws, all in compiled loops."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnnecessaryIsInstance=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.closing import Wish, wish_of
from ..arguments import check_names, check_number, checked
from ..backend.arrays import as_array
from ..backend.checks import check_values
from ..backend.conditionals import Situation, with_walls
from ..backend.energy import State, Target, stored_type
from ..evaluation.draws import Draws
from ..evaluation.moments import Moments
from ..evaluation.tally import Tally
from ..progress import Progress
from ..semantics.context import nearest
from ..semantics.terms import Program
from ..syntax.diagnostics import complain
from .abreast import Abreast
from .beginning import Starter, starter
from .caveats import caveat_of
from .clamping import Clamp, Clamped, clamped, refuse_hot
from .clusters import refuse_repelled
from .pace import Pace, in_room, walked
from .plan import Plan, make_plan
from .reach import cut_off, reach_of
from .rescue import rescued
from .results import Kept, result_of
from .settings import Sampler, Tempering, sampler_of
from .starting import Init, started
from .streaming import streamed, streaming_of, untold
from .sweep import Chain, Report, begin, no_changes, prepared, sweeps, with_changes
from .telling import Telling
from .tempering import untempered
from .undefined import neighbourhood
from .verify import verify

if TYPE_CHECKING:
    from ..model import Model

MOST_DRAWS, MOST_NUMBERS = 1 << 14, 1 << 23  # of a compiled call: draws of a chain, numbers of all


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """The compiled functions of one plan; made once a model, a sampler and a set of held entries.

    `draw` takes the numbers of sweeps [draw] before each draw; after none nothing is told. It gives
    the chains, what is told of the draws, and which entries changed in them. Warm-up is a long way
    to a first draw, so that a run compiles its sweep once. `pace`: of its calls.
    """

    plan: Plan
    first: Starter
    begin: Callable[..., Chain]
    warm: Callable[..., tuple[Chain, Report]]
    draw: Callable[..., tuple[Chain, Any]]
    pace: Pace = field(default_factory=Pace)


def loop_of(
    model: Model, sampler: Sampler, held: Clamped, warmup: int, wish: Wish = "auto"
) -> Loop:
    """The loop for a sampler, kept with the model so that later calls compile nothing.

    NumPyro's kernels build the length of their warm-up in, so that each length has its own.
    """
    smooth = any(not s.domain.discrete for s in model.program.unknowns.values())
    length = warmup if smooth and sampler.name in ("auto", "hmc", "nuts", "tempering") else None
    key = ("loop", sampler, held.signature, length, wish)
    return model.made(key, lambda: _compile(model.target, sampler, held, wish))


def _compile(target: Target, sampler: Sampler, held: Clamped, wish: Wish) -> Loop:
    plan = make_plan(target, sampler, held.masks, wish=wish)

    def start(key: Any, situation: Situation, state: State, warmup: int) -> Chain:
        return begin(plan, key, situation, state, warmup)

    def warm(situation: Situation, chain: Chain, number: Any) -> tuple[Chain, Report]:
        return sweeps(plan, situation, chain, number)

    def draw(
        situation: Situation, chain: Chain, numbers: Any, names: tuple[str, ...]
    ) -> tuple[Chain, Any]:
        ready = prepared(plan, situation)
        telling = Telling(target, situation, names)
        first = chain.state

        def one(carry: tuple[Chain, Any], number: Any) -> tuple[Any, Any]:
            chain, report = sweeps(plan, ready, carry[0], number)
            changes = with_changes(carry[1], first, chain.state)
            return (chain, changes), telling.now(chain, report)

        (chain, changes), kept = in_room(one, (chain, no_changes(plan)), numbers)
        return chain, (telling.after(kept, numbers), changes)

    def drawn(situation: Situation, chain: Chain, numbers: Any, names: Any) -> Any:
        return jax.vmap(lambda c: draw(situation, c, numbers, names))(chain)

    return Loop(
        plan,
        starter(target, held.masks),
        jax.jit(jax.vmap(start, in_axes=(0, None, 0, None)), static_argnums=3),
        Abreast(jax.jit(jax.vmap(warm, in_axes=(None, 0, None))), along=(1,)),
        Abreast(jax.jit(drawn, static_argnums=3), along=(1,), static=(3,)),
    )


@overload
def sample(
    model: Model, params: Mapping[str, Any], *, keep: Literal["moments"], draws: int = ...,
    chains: int = ..., warmup: int | None = ..., thin: int = ..., sampler: str | Sampler = ...,
    beta: float = ..., clamp: Clamp | None = ..., given: Mapping[str, Any] | None = ...,
    marginalise: str | bool | Sequence[str] = ..., init: Init = ..., seed: int = ...,
    progress: bool = ...,
) -> Moments:  # fmt: skip
    """Moments alone."""


@overload
def sample(
    model: Model, params: Mapping[str, Any], *,
    keep: Literal["all"] | list[str] | tuple[str, ...] = ..., draws: int = ..., chains: int = ...,
    warmup: int | None = ..., thin: int = ..., sampler: str | Sampler = ...,
    beta: float = ..., clamp: Clamp | None = ..., given: Mapping[str, Any] | None = ...,
    marginalise: str | bool | Sequence[str] = ..., init: Init = ..., seed: int = ...,
    progress: bool = ...,
) -> Draws:  # fmt: skip
    """Draws of every name, or of some."""


@checked(keep=check_names)
def sample(
    model: Model,
    params: Mapping[str, Any],
    *,
    draws: int = 1000,
    chains: int = 4,
    warmup: int | None = None,
    thin: int = 1,
    sampler: str | Sampler = "auto",
    beta: float = 1.0,
    clamp: Clamp | None = None,
    given: Mapping[str, Any] | None = None,
    keep: str | Sequence[str] = "all",
    marginalise: str | bool | Sequence[str] = "auto",
    init: Init = None,
    seed: int = 0,
    progress: bool = True,
) -> Draws | Moments:
    """Draws from p(unknowns | clamp, given) = exp(-beta E) / Z.

    `warmup` sweeps are thrown away (half as many as are kept if not said, at least 100), then
    every `thin`-th is kept. `clamp`: a value for a variable, or (value, mask) to hold only the
    entries where the mask is true. `keep`: "all", the names of the variables and quantities whose
    draws are wanted, or "moments" for means and errors alone, at a size that no length of run
    changes. `marginalise`: unknowns that are summed out in closed form of the energy whose slope
    others follow, and drawn right after: "auto" where that is cheaper, True all that can be, False
    none, or names. `init`: where chains begin, a dict of values (of one state, or [chain, …]), "prior"
    for draws of the densities after `~`, "uniform", "median", "feasible", or a strategy of NumPyro;
    what it leaves out is uniform. The same seed gives the same draws.

    Ctrl-C ends a run within a second, compilation apart: with the draws so far, which are not
    trusted, or with KeyboardInterrupt where there are none and for moments.

    Raises EbmError: E702 if the sampler cannot move a variable, E703 for energies that are not
    finite, E601 to E609 for data that do not fit.
    """
    model = model.settled(given)
    model.check_params(params)
    names = kept_names(model.program, keep)
    chosen, held = sampler_of(sampler), clamped(model, clamp)
    situation = situation_of(model, params, given, beta, held)
    warmup = max(draws * thin // 2, 100) if warmup is None else warmup
    loop = loop_of(model, chosen, held, warmup, wish := wish_of(model.program, marginalise))
    verify_once(model, loop, (chosen, held.signature, wish), situation)
    refuse_repelled(untempered(loop.plan).blocks, situation)
    begun = time.perf_counter()
    key, sub = jax.random.split(jax.random.key(seed))
    states = started(model, situation, sub, chains, held, init, loop.first)
    refuse_undefined(model, held, situation, states)
    chain = loop.begin(jax.random.split(key, chains), situation, states, warmup)
    bar = Progress(warmup + draws * thin, f"sampling {model.name}", progress)
    with bar:
        chain, kept, warmed = _drawn(
            model, loop, situation, chain, (warmup, draws, thin), names, bar
        )  # fmt: skip
    stopped = _cut_short(kept, draws)
    settings = {
        "sampler": chosen.name, "beta": float(beta), "seed": seed, "thin": thin, "warmup": warmup,
        "held": tuple(n for n, m in held.masks.items() if m.all()),
        "doubts": (*unreached_of(model, loop.plan, held, situation, states), *stopped.values()),
        "methods": tuple(block.method for block in loop.plan.blocks), "bias": caveat_of(loop.plan),
        "warm_seconds": warmed - begun, "seconds": time.perf_counter() - warmed,
        **stopped,
    }  # fmt: skip
    drawn = result_of(model, loop.plan, situation, chain, kept, settings)
    refuse_undefined(model, held, situation, chain.state)
    again = partial(
        _tempered, model, params, draws=draws, chains=chains, warmup=warmup, thin=thin, beta=beta,
        clamp=clamp, given=given, keep=keep, marginalise=marginalise, init=init, seed=seed,
        progress=progress,
    )  # fmt: skip
    return rescued(drawn, loop.plan, again) if chosen.name == "auto" and not stopped else drawn


def _tempered(model: Model, params: Mapping[str, Any], **settings: Any) -> Draws | Moments:
    """The same run by replica exchange."""
    return sample(model, params, sampler=Tempering(), **settings)


def kept_names(program: Program, keep: str | Sequence[str]) -> tuple[str, ...] | None:
    """The variables and quantities whose draws are kept, None for moments alone.

    Raises EbmError E606 for a name that the model lacks, E704 for what is none.
    """
    known = [*program.unknowns, *(q.name for q in program.quantities)]
    if isinstance(keep, str):
        if keep in ("all", "moments"):
            return tuple(known) if keep == "all" else None
        raise complain(
            "E704",
            f'`keep` is "all", "moments" or a list of names, not {keep!r}',
            helps=[f'keep=["{keep}"]'] if keep in known else [],
        )
    for name in keep:
        if name not in known:
            near = nearest(str(name), known)
            raise complain(
                "E606",
                f"the model has no variable or quantity `{name}` to keep",
                helps=[f"did you mean `{near}`?"] if near else [],
            )
    return tuple(n for n in known if n in keep)


def verify_once(model: Model, loop: Loop, key: object, situation: Situation) -> None:
    """Compare the derived conditionals with brute force, once for a key, if the model has its checks on.

    Raises InternalError.
    """

    def done() -> bool:
        verify(model.target, loop.plan, situation)
        return True

    if model.checks:
        model.made(("verified", key), done)


def refuse_undefined(model: Model, held: Clamped, situation: Situation, states: State) -> None:
    """Raise EbmError E703 where an energy is no number at states around those of chains [chain]."""
    key = ("neighbourhood", held.signature)
    around = model.made(key, lambda: neighbourhood(model.target, held.masks))
    if around is not None:
        around.refuse(situation, states)


def unreached_of(
    model: Model, plan: Plan, held: Clamped, situation: Situation, states: State
) -> tuple[str, ...]:
    """What walls say against a plan: allowed states that it does not reach from states [chain]."""
    if not model.target.walled or untempered(plan) is not plan:
        return ()
    reach = model.made(("reach", held.signature), lambda: reach_of(model.target, held.masks))
    first = jax.tree.map(lambda x: x[0], states)
    return () if reach is None else cut_off(reach.groups(situation, first))


def situation_of(
    model: Model,
    params: Mapping[str, Any],
    given: Mapping[str, Any] | None,
    beta: float,
    held: Clamped | None = None,
) -> Situation:
    """Parameters, given data and beta as arrays.

    Raises EbmError E704 for a beta that is none, or at which what is not `held` has no law.
    """
    beta = check_number("beta", beta)
    if held is not None:
        refuse_hot(model, held, beta)
    real = jnp.result_type(float)
    known: dict[str, Any] = {}
    for name, value in model.given(given).items():
        symbol, array = model.program.givens[name], as_array(name, value)
        if array.shape != model.world.shape(symbol):
            raise complain(
                "E602",
                f"the given `{name}` has shape {list(array.shape)}, and "
                f"{list(model.world.shape(symbol)) or 'one number'} is wanted",
            )
        check_values(symbol, array, model.world)
        known[name] = jnp.asarray(array, stored_type(symbol))
    arrays = {
        n: params[n] if n in model.program.networks else jnp.asarray(params[n], real)
        for n in params
    }
    return with_walls(model.target, Situation(arrays, known, jnp.asarray(beta, real)))


def _drawn(
    model: Model, loop: Loop, situation: Situation, chain: Chain, lengths: tuple[int, int, int],
    names: tuple[str, ...] | None, bar: Progress,
) -> tuple[Chain, Kept | Tally, float]:  # fmt: skip
    """Chains, what is kept of them, and when they were warm. `lengths`: warm-up, draws, thin."""
    warmup, draws, thin = lengths
    slots = _slots(chain, draws)
    advance = _advance(model, loop, situation, slots, names)
    chain = walked(advance, chain, warmup, bar, loop.pace)
    warmed = time.perf_counter()
    run = (situation, chain, draws, thin)
    if names is None:
        return *streamed(model, loop.plan, *run, bar), warmed
    return *_collect(loop, *run, slots, names, bar), warmed


def _advance(
    model: Model, loop: Loop, situation: Situation, slots: int, names: tuple[str, ...] | None
) -> Callable[[Chain, int], Chain]:
    """Chains after so many sweeps, by what draws them later."""
    if names is None:
        run = streaming_of(model, loop.plan)

        def stream(chain: Chain, number: int) -> Chain:
            before = untold(model.target, loop.plan, situation, chain)
            return run(situation, chain, number, 1, before, 0)[0]

        return stream

    def advance(chain: Chain, number: int) -> Chain:
        numbers = jnp.zeros(slots, jnp.int32).at[0].set(number)
        return loop.draw(situation, chain, numbers, names)[0]

    return advance


def _slots(chain: Chain, draws: int) -> int:
    """How many draws a compiled call has room for: all, unless they are very large."""
    size = sum(v.size for v in jax.tree.leaves(chain.state))
    return max(1, min(draws, MOST_DRAWS, MOST_NUMBERS // max(size, 1)))


def _collect(
    loop: Loop, situation: Situation, chain: Chain, draws: int, thin: int, slots: int,
    names: tuple[str, ...], bar: Progress,
) -> tuple[Chain, Kept]:  # fmt: skip
    """The draws; fewer if Ctrl-C comes after the first of them."""
    parts: list[Any] = []
    changed: list[Any] = []
    done = 0

    def call(number: int) -> tuple[Chain, Any]:
        # What is not drawn stands in front: a call tells of its last draws.
        numbers = np.repeat(np.array([0, thin], np.int32), (slots - number, number))
        return loop.draw(situation, chain, numbers, names)

    try:
        while done < draws:
            now, (chain, (kept, changes)) = loop.pace.run(call, min(draws - done, slots), thin)
            parts.append(jax.tree.map(lambda x, n=now: np.asarray(x)[:, slots - n :], kept))
            changed.append(jax.tree.map(np.asarray, changes))
            done += now
            bar.advance(now * thin)
    except KeyboardInterrupt:
        if not parts:
            raise
    joined = jax.tree.map(lambda *xs: np.concatenate(xs, axis=1), *parts)
    return chain, (*joined, jax.tree.map(lambda *xs: np.any(xs, axis=0), *changed))


def _cut_short(kept: Kept | Tally, draws: int) -> dict[str, str]:
    """What the settings of a run say that Ctrl-C ended, nothing if none did."""
    done = draws if isinstance(kept, Tally) else kept[2].shape[1]
    says = f"interrupted after {done} of {draws} draws of each chain"
    return {"stopped": says} if done < draws else {}
