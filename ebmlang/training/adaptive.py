"""As many sweeps a step as the error of the model phase asks for.

A step that makes n sweeps of C chains averages the slopes of m = min(n, 64) states of each, n/m
sweeps apart. Let g be the slope of the free energy at one state, S the trace of its covariance over
chains, and rho(k) its autocorrelation over k sweeps. The mean of a step has the squared error

    S/C inside(n),  inside(n) = (1 + 2 sum_{0<j<m} (1 - j/m) rho(j n/m)) / m,

and counts for more where the errors of steps in a row are alike and do not average out:

    S/C around(n),  around(n) = (1 + 2 sum_{0<j} rho(j n/m)) / m.

The number of sweeps is the least power of two with S/C around(n) <= f^2 (R + S/C inside(n)), where
f is the fraction asked for and R the mean squared norm of steps less the share S/C inside(n) of the
model phase in it: the rule of Byrd, Chin, Nocedal & Wu (2012), "Sample size selection in
optimization methods for machine learning", equation 3.5, for draws that hang together. S and rho
come from products of slopes along random directions, less the mean over the chains, which have the
same law however it moves; what a chain keeps to itself for long shows at once (Hutchinson 1990 for
the trace). All of it stands in the learner: a change compiles nothing, and a fit resumes to the last bit.
"""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..arguments import check_counts, check_share, shown
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..samplers.sweep import Chain, prepared
from ..syntax.diagnostics import complain
from .phases import Phases, run_chains

WINDOW = 32  # steps that are measured before the number is chosen
REST = 96  # steps that are not, once it has stayed
TAKEN = 64  # states of a chain that a step averages, at most
LAGS = 128  # distances, in states taken, over which autocorrelations are measured
FASTER = 4  # times as many sweeps at once, at most
FEW, SOME = 16, 8  # free numbers that each are a direction; random directions where there are more
NOISE = 0.05  # an autocorrelation below is taken for none, as are those behind it
LEAST = 0.05  # of the squared step that R is, at least


@dataclass(frozen=True, slots=True)
class Adaptive:
    """As many sweeps a step, up to `most`, as keep the model phase's error below a part of the step.

    `fraction`: the root mean square error of the model phase over that of the whole step, the
    noise of its batch and of its chains included. At 0.71 the chains add as much noise as all
    else is; as many independent chains as the batch has rows are just about that good.
    """

    fraction: float = 0.75
    most: int = 64

    def __post_init__(self) -> None:
        check_share("fraction", self.fraction)
        check_counts(most=self.most)


class Gauge(NamedTuple):
    """How many sweeps a step makes, and what has been measured since that was chosen."""

    sweeps: Any  # scalar, int
    count: Any  # scalar, int: steps since it was chosen
    rest: Any  # scalar, int: how many of them are not measured
    begun: Any  # scalar, int: the step after which it was chosen, which draws directions
    recent: Any  # [lag, direction, chain]: slopes less their mean over chains, the last first
    seen: Any  # scalar, int: states of each chain that were measured
    products: Any  # [1 + lag]: sums of products of slopes so many states apart
    squares: Any  # scalar: sum of squared norms of the steps that were measured
    short: Any  # scalar, bool: at the last choice not even `most` sweeps were enough


def adaptive_of(sweeps: int | np.integer[Any] | str | Adaptive | None) -> Adaptive | None:
    """The rule behind `sweeps`, None for a number. Raises EbmError E704 for what is neither."""
    match sweeps:
        case Adaptive():
            return sweeps
        case str() if sweeps == "auto":
            return Adaptive()
        case None:
            return None
        case int() | np.integer():
            check_counts(sweeps=sweeps)
            return None
        case _:
            raise complain(
                "E704",
                f'`sweeps` must be a number, "auto" or ebm.Adaptive(fraction=…), not {shown(sweeps)}',
            )


def check_adaptive(rule: Adaptive | None, **against: bool) -> None:
    """Refuse a rule where something speaks against it, each by its name. Raises EbmError E704."""
    reasons = {
        "cd": "the walks of `cd` start at the data, and more sweeps change what it aims at",
        "buffer": "runs from a `buffer` are short, and have no law whose error could be told",
        "own": "with given data of each example every chain has a law of its own, and the spread "
        "of the chains is not their error",
        "alone": "the error of one chain cannot be told: chains=2 or more",
    }
    for name, speaks in against.items():
        if rule is not None and speaks:
            raise complain("E704", f"`sweeps` must be a number here: {reasons[name]}")


def fell_short(rule: Adaptive | None, gauge: Any) -> list[str]:
    """What to say where the most sweeps do not reach the fraction; nothing where they do."""
    if rule is None or not bool(gauge.short):
        return []
    most = 1 << (rule.most.bit_length() - 1)
    return [
        f"{most} sweeps a step, the most that `sweeps` allows, leave an error of the model phase above "
        f"{rule.fraction:g} of the step: take more chains, ebm.Adaptive(most=…), or a sampler that "
        "mixes faster"
    ]


def first_gauge(sweeps: int, free: Any, chains: int) -> Gauge:
    """A gauge that has measured nothing, for chains that begin with so many sweeps a step."""
    zero, number = jnp.zeros((), jnp.int32), ravel_pytree(free)[0].size
    recent = jnp.zeros((LAGS, number if number <= FEW else SOME, chains))
    empty = jnp.zeros(LAGS + 1), jnp.zeros(()), jnp.zeros((), bool)
    return Gauge(zero + sweeps, zero, zero, zero, recent, zero, *empty)


def first_sweeps(rule: Adaptive, usual: int) -> int:
    """The power of two to begin with: the largest up to the usual number, and to the most."""
    return 1 << (min(usual, rule.most).bit_length() - 1)


def walked(
    phases: Phases,
    situation: Situation,
    free: Any,
    chains: Chain,
    gauge: Gauge,
    slope_of: Callable[[State], tuple[Any, Any]],
) -> tuple[Chain, tuple[Any, Any], Gauge]:
    """The chains after the sweeps of a step, mean energy and slopes over the states taken, the gauge.

    `slope_of`: mean energy of states [chain, …], and its slope by all free numbers.
    """
    here = prepared(phases.free, situation)
    taken = jnp.minimum(gauge.sweeps, TAKEN)
    key = jax.random.fold_in(jax.random.key(0), gauge.begun)

    def one(_: Any, carry: Any) -> Any:
        chains, total, gauge = carry
        chains = run_chains(phases.free, here, chains, gauge.sweeps // taken, False)
        total = jax.tree.map(lambda a, b: a + b / taken, total, slope_of(chains.state))
        gauge = jax.lax.cond(
            gauge.count >= gauge.rest,
            lambda g: _measured(phases, situation, free, chains.state, g, key),
            lambda g: g,
            gauge,
        )
        return chains, total, gauge

    none = jax.tree.map(
        lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(slope_of, chains.state)
    )
    return jax.lax.fori_loop(0, taken, one, (chains, none, gauge))


def _measured(
    phases: Phases, situation: Situation, free: Any, states: State, gauge: Gauge, key: Any
) -> Gauge:
    """The gauge after one more state of each chain."""
    space = phases.model.parameter_space

    def energies(free: Any) -> Any:
        where = situation._replace(params=space.constrain(free))
        return jax.vmap(phases.free_energy, in_axes=(None, 0))(where, states)

    slopes = jax.vmap(lambda u: jax.jvp(energies, (free,), (u,))[1])(_directions(key, free))
    apart = (slopes - slopes.mean(axis=-1, keepdims=True)).astype(gauge.recent.dtype)
    every = jnp.concatenate([apart[None], gauge.recent])
    products = gauge.products + jnp.sum(apart * every, axis=(1, 2))
    return gauge._replace(recent=every[:-1], seen=gauge.seen + 1, products=products)


def _directions(key: Any, free: Any) -> Any:
    """Directions [direction, …] over which u u' has the mean 1: signs, or every axis in turn."""
    flat, back = ravel_pytree(free)
    if flat.size <= FEW:
        return jax.vmap(back)(np.sqrt(flat.size) * jnp.eye(flat.size, dtype=flat.dtype))
    return jax.vmap(back)(jax.random.rademacher(key, (SOME, flat.size), flat.dtype))


def chosen(rule: Adaptive, gauge: Gauge, norm: Any, step: Any) -> Gauge:
    """The gauge after a step of this norm: the number of sweeps is chosen anew after each window."""
    squares = gauge.squares + jnp.where(gauge.count >= gauge.rest, norm**2, 0.0)
    gauge = gauge._replace(squares=squares, count=gauge.count + 1)
    due = gauge.count >= gauge.rest + WINDOW
    best, short = _best(rule, gauge)
    number = jnp.where(due, best, gauge.sweeps)
    blank = jax.tree.map(jnp.zeros_like, gauge)
    rest = jnp.where(number == gauge.sweeps, REST, 0).astype(jnp.int32)
    begun = jnp.asarray(step + 1, jnp.int32)
    anew = blank._replace(sweeps=number, rest=rest, begun=begun, short=short)
    return jax.tree.map(lambda a, b: jnp.where(due, a, b), anew, gauge)


def _best(rule: Adaptive, gauge: Gauge) -> tuple[Any, Any]:
    """The least power of two whose error is small enough, and whether even the most is not.

    No more than so many times the last number.
    """
    options = 2 ** np.arange(rule.most.bit_length())
    stride = gauge.sweeps // jnp.minimum(gauge.sweeps, TAKEN)
    _, directions, chains = gauge.recent.shape
    pairs = jnp.maximum(gauge.seen - jnp.arange(LAGS + 1), 1)
    covariances = gauge.products / pairs / (directions * (chains - 1))
    variance = covariances[0] / chains
    inside, around = factors(options, stride, correlations(covariances))
    share = variance * jnp.interp(jnp.log2(gauge.sweeps), np.log2(options), inside)
    mean = gauge.squares / WINDOW
    others = jnp.maximum(mean - share, LEAST * mean)
    enough = variance * around <= rule.fraction**2 * (others + variance * inside)
    wanted = jnp.where(jnp.any(enough), jnp.asarray(options)[jnp.argmax(enough)], options[-1])
    short = ~jnp.any(enough) & (gauge.sweeps == options[-1])
    return jnp.minimum(wanted, FASTER * gauge.sweeps).astype(jnp.int32), short


def correlations(covariances: Any) -> Any:
    """Autocorrelations [1 + lag] from covariances, none from the first on that is mere noise."""
    found = covariances / jnp.where(covariances[0] > 0, covariances[0], 1.0)
    told = jnp.cumprod(found > NOISE) > 0
    return jnp.where(told, jnp.minimum(found, 1.0), 0.0)


def factors(options: np.ndarray, stride: Any, found: Any) -> tuple[Any, Any]:
    """`inside` and `around` [option] of the head of this module, for numbers of sweeps.

    `found` [1 + lag]: autocorrelations of states `stride` sweeps apart; between them they run straight.
    """
    taken = np.minimum(options, TAKEN)[:, None]
    apart = options[:, None] / taken
    place = np.arange(1, LAGS * int(options[-1] // min(options[-1], TAKEN)) + 1)
    grid = stride * jnp.arange(len(found))
    rho = jnp.where(place * apart <= grid[-1], jnp.interp(place * apart, grid, found), 0.0)
    weight = np.maximum(1 - place / taken, 0.0)
    # Within a step there may be states further apart than was measured: the last value stands for them.
    near = jnp.interp(place * apart, grid, found)
    inside = (1 + 2 * jnp.sum(weight * near, axis=1)) / taken[:, 0]
    around = (1 + 2 * jnp.sum(rho, axis=1)) / taken[:, 0]
    return inside, jnp.maximum(around, inside)
