"""What a sampler's means and modes are held to: exact answers, else a long tempered run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import numpy as np

from ..partition.exact import ExactAnswer, exact
from ..samplers.settings import MALA, Auto, Clusters, Sampler, Tempering
from ..samplers.tempering import untempered
from ..syntax.diagnostics import EbmError
from .cells import Cells, cells_of
from .enumerated import exact_draws
from .record import Series
from .running import Setting, loop_for, piece_of, ready, taken_in_turn
from .sizes import believed, errors_of
from .spending import until_known
from .watched import Watched

if TYPE_CHECKING:
    from ..model import Model

EXACT_SECONDS = 20.0
SAMPLE = 10_000  # independent draws, where they can be had exactly
ENOUGH = 4000  # effective draws of the worst statistic, at least
TIMES = 4  # as many draws as a row has, at most
STEP = 1e-4  # of beta, over which log Z is differenced: E[E] = -d log Z / d beta
Kind = Literal["exact", "tempered", "long", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Means [statistic] and their errors, NaN where unknown; cells of its draws; where they are from.

    `kind`: `exact` for exact means or exact draws, `tempered` for replica exchange, `long` for
    another exact sampler where replica exchange cannot be had, `none`.
    """

    kind: Kind
    words: str
    means: np.ndarray
    errors: np.ndarray
    cells: Cells | None = None


class Asked(NamedTuple):
    """The law that a reference is wanted for, as it was handed to `compare`."""

    params: Mapping[str, Any]
    beta: float
    clamp: Any
    given: Any


def reference_of(setting: Setting, asked: Asked, draws: int, *, wanted: bool) -> Reference:
    """Exact means and draws where they can be had, else those of a long run, else why there is none."""
    if not wanted:
        return _nothing(setting.watched, "no reference was asked for")
    means, errors, gradient, words = _means(setting, asked)
    sample = _exactly_drawn(setting) or _long(setting, draws)
    kind: Kind = "exact" if gradient else "none"
    if isinstance(sample, str):
        return Reference(kind, f"{words}; {sample}", means, errors)
    known = np.isfinite(means)
    return Reference(
        "exact" if gradient else sample.kind,
        f"{words}; {_the_rest(setting.watched, gradient)} against {sample.words}",
        np.where(known, means, sample.means),
        np.where(known, errors, sample.errors),
        sample.cells,
    )


def _the_rest(watched: Watched, gradient: bool) -> str:
    """What is held to a sample, where the gradient is known exactly or not."""
    if not gradient:
        return "bias and modes"
    return "quantities and modes" if watched.quantities else "modes"


def _nothing(watched: Watched, words: str) -> Reference:
    unknown = np.full(watched.energy + 1, np.nan)
    return Reference("none", words, unknown, unknown)


def _means(setting: Setting, asked: Asked) -> tuple[np.ndarray, np.ndarray, bool, str]:
    """Exact means [statistic] and their errors, NaN where there are none; whether of the gradient; words."""
    watched = setting.watched
    found, errors = np.full((2, watched.energy + 1), np.nan)
    try:
        energy = _energy(setting.model, asked)
        found[watched.energy], errors[watched.energy] = energy.value, energy.error
        if not watched.parameters:
            return found, errors, False, f"the mean energy against the exact one ({energy.how})"
        answer = _exact(setting.model, asked, asked.beta, True)
    except EbmError as error:
        says = f"no exact answer to compare with: {error.diagnostics[0].says}"
        return found, errors, False, says
    assert answer.gradient is not None
    values = setting.model.parameter_space.values(answer.gradient)
    flat = [np.asarray(x, np.float64).reshape(-1) for x in jax.tree.leaves(values)]
    found[watched.entries] = np.concatenate(flat)[watched.picked]
    errors[watched.entries] = 0.0
    words = f"bias is the distance from the exact gradient ({answer.how})"
    return found, errors, True, words


def _exact(model: Model, asked: Asked, beta: float, gradient: bool) -> ExactAnswer:
    return exact(
        model, asked.params, beta=beta, clamp=asked.clamp, given=asked.given, gradient=gradient,
        most_seconds=EXACT_SECONDS,
    )  # fmt: skip


class _Energy(NamedTuple):
    value: float
    error: float
    how: str


def _energy(model: Model, asked: Asked) -> _Energy:
    """E[E] in nats from log Z at two betas, NaN at a beta of 0; and how that was had."""
    step = STEP * asked.beta
    low, high = (_exact(model, asked, asked.beta + s, False) for s in (-step, step))
    if not step:
        return _Energy(float("nan"), float("nan"), low.how)
    value = (low.log_z - high.log_z) / (2 * step)
    return _Energy(value, max(low.error, high.error) / abs(step), low.how)


class _Sample(NamedTuple):
    kind: Kind
    words: str
    means: np.ndarray
    errors: np.ndarray
    cells: Cells | None


def _exactly_drawn(setting: Setting) -> _Sample | None:
    """Means of independent exact draws, with cells; None where there are none."""
    watched, situation = setting.watched, setting.situation
    found = exact_draws(setting.model, situation, setting.held, SAMPLE, setting.seed + 1)
    if found is None:
        return None
    states, how = found
    told = setting.model.made(
        ("followed", watched.signature),
        lambda: jax.jit(jax.vmap(lambda where, state: watched.of(where, state, None), (None, 0))),
    )
    rows = told(situation, states)
    values = np.asarray(rows, np.float64)
    if not np.all(np.isfinite(values)):
        return None
    told = values[:, watched.statistics]
    errors = told.std(axis=0, ddof=1) / np.sqrt(SAMPLE)
    words = f"{SAMPLE} independent exact draws ({how})"
    cells = cells_of(values[:, watched.view], setting.seed)
    return _Sample("exact", words, told.mean(axis=0), errors, cells)


def _long(setting: Setting, draws: int) -> _Sample | str:
    """A run by replica exchange until it is known well; by `auto` where that cannot be had."""
    watched = setting.watched
    piece = piece_of(watched, len(watched.features), setting.chains, draws)
    fresh = replace(setting, seed=setting.seed + 1, piece=piece)
    for sampler, kind in _ways(setting):
        try:
            runner = ready(fresh, loop := loop_for(setting, sampler), None)
        except EbmError:
            continue
        taken_in_turn(
            [runner], until_known(TIMES * draws, watched, max(ENOUGH, draws * setting.chains / 2))
        )
        series = runner.record.series
        if not runner.finite or not believed(series.of(watched.statistics)):
            continue
        number = series.number * setting.chains
        methods = ", ".join(dict.fromkeys(b.method for b in untempered(loop.plan).blocks))
        how = f"replica exchange around {methods}" if kind == "tempered" else methods
        words = f"{number} draws of {how}, an exact sampler"
        return _told(series, watched, kind, words, setting.seed)
    return "a long run by replica exchange is not to be trusted either"


def _ways(setting: Setting) -> list[tuple[Sampler, Kind]]:
    """Samplers to try in turn: where `auto` would take NUTS, the quick steps of MALA first."""
    sloped = any(block.method == "nuts" for block in loop_for(setting, Auto()).plan.blocks)
    quick: list[tuple[Sampler, Kind]] = [(Tempering(MALA()), "tempered")] if sloped else []
    clusters = Tempering(Clusters())
    return [*quick, (Tempering(), "tempered"), (clusters, "tempered"), (Auto(), "long")]


def _told(series: Series, watched: Watched, kind: Kind, words: str, seed: int) -> _Sample:
    told = series.of(watched.statistics)
    places = series.draws[..., watched.view]
    return _Sample(
        kind,
        words,
        told.means.mean(axis=(0, 1), dtype=np.float64),
        errors_of(told),
        cells_of(places.reshape(-1, places.shape[-1]), seed),
    )
