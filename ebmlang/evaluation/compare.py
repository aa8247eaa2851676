"""Samplers side by side on one model: the same chains, warm-up and budget, clocks stopped when done."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ..arguments import check_samplers, checked
from ..samplers.caveats import caveat_of
from ..samplers.run import Loop, clamped, situation_of
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init
from ..syntax.diagnostics import EbmError
from .budget import Budget, budget_of
from .cells import AXES
from .comparison import Comparison
from .figures import Judge
from .reference import Asked, Reference, reference_of
from .row import Row
from .running import Runner, Setting, loop_for, peak_memory, piece_of, ready, taken_in_turn
from .sizes import believed, errors_of, size
from .spending import PIECES, spending
from .watched import View, Watched

if TYPE_CHECKING:
    from ..model import Model

TARGET = (
    0.01  # of the size of the gradient: the error that seconds are told to, if none is asked for
)


@checked(samplers=check_samplers)
def compare(
    model: Model,
    params: Mapping[str, Any],
    samplers: Sequence[str | Sampler] = ("gibbs", "langevin", "hmc"),
    *,
    draws: int | None = None,
    seconds: float | None = None,
    gradients: int | None = None,
    target_error: float | None = None,
    chains: int = 4,
    warmup: int = 1000,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    reference: bool = True,
    init: Init = None,
    seed: int = 0,
) -> Comparison:
    """Run each sampler where it applies, say why where it does not, and which one to use.

    One budget for each: `draws` of each chain (2000 if nothing is said), `seconds` of sampling,
    `gradients` of all chains together, or draws until the root mean square error of the gradient is
    below `target_error`, at most 128 000 of each chain. Warm-up and compilation are timed apart and
    are no part of a budget. Samplers take turns, piece by piece, so that a machine that slows down
    slows down all alike. The same seed gives the same chains; with `seconds` the machine says how long
    they are.

    The statistics are the entries of dE/dtheta (the values of the unknowns if there are no
    parameters), the quantities and the energy. They are held to exact answers where those can be had,
    else to a long run by replica exchange; `reference=False` leaves that out. `init`: where chains
    begin, as for `ebm.sample`.

    Raises EbmError: E704 for two budgets or one that is none, E701 for a sampler that is none, E601
    to E609 for data that do not fit.
    """
    budget = budget_of(draws, seconds, gradients, target_error)
    model = model.settled(given)
    model.check_params(params)
    held = clamped(model, clamp)
    situation = situation_of(model, params, given, beta, held)
    watched = Watched(model, situation, budget.draws * chains)
    longest = max(1, -(-budget.draws // PIECES)) if budget.kind == "draws" else budget.draws
    piece = piece_of(watched, AXES, chains, longest)
    setting = Setting(model, situation, held, watched, chains, warmup, seed, piece, init)
    chosen = [sampler_of(named) for named in samplers]
    loops = [_loop(setting, sampler) for sampler in chosen]
    asked = Asked(params, beta, clamp, given)
    wanted = reference and not all(isinstance(loop, str) for loop in loops)
    truth = reference_of(setting, asked, budget.draws, wanted=wanted)
    runs = [_ready(setting, loop, truth) for loop in loops]
    taken_in_turn([r for r in runs if isinstance(r, Runner)], spending(budget, watched))
    target = _target(budget, truth, watched, runs)
    judge = Judge(watched, truth, target, seed)
    rows = tuple(
        _row(judge, name, loop, run, budget)
        for name, loop, run in zip(labels(chosen), loops, runs, strict=True)
    )
    words = f"{target:g}" if budget.kind == "error" else f"{100 * TARGET:g} %"
    return Comparison(
        model.name, rows, truth.words, budget.draws, chains, warmup, seed, watched.describe(),
        model.source.text, str(model.explain()), truth.kind, str(budget), target, words, watched.parameters,
        jax.local_devices()[0].device_kind, peak_memory(),
    )  # fmt: skip


def _loop(setting: Setting, sampler: Sampler) -> Loop | str:
    """The functions of a sampler, or why it does not apply."""
    try:
        return loop_for(setting, sampler)
    except EbmError as error:
        return error.diagnostics[0].says.split(": ", 1)[-1]


def _ready(setting: Setting, loop: Loop | str, truth: Reference) -> Runner | str:
    """Chains after their warm-up, or why there are none."""
    if isinstance(loop, str):
        return loop
    if truth.cells is not None:
        return ready(setting, loop, truth.cells.view)
    features = len(setting.watched.features)
    return ready(setting, loop, View(np.zeros(features), np.zeros((features, 0))))


def _row(judge: Judge, name: str, loop: Loop | str, run: Runner | str, budget: Budget) -> Row:
    """The figures of one sampler, or why it has none."""
    if isinstance(loop, str) or isinstance(run, str):
        return Row(name, refused=str(run))
    reached = None
    if budget.kind == "error" and run.finite:
        series = run.record.series.of(judge.watched.statistics)
        error = size(errors_of(series)[judge.watched.entries])
        reached = error <= budget.amount and believed(series)
    return judge.row(name, run, caveat_of(loop.plan), reached)


def _target(
    budget: Budget, truth: Reference, watched: Watched, runs: Sequence[Runner | str]
) -> float:
    """The error that is asked for, or a hundredth of the size of the gradient.

    Without a reference that size is the median over the samplers.
    """
    if budget.kind == "error":
        return budget.amount
    if not watched.parameters:
        return float("nan")
    found = size(truth.means[watched.entries])
    if np.isfinite(found):
        return TARGET * found
    every = [r.record.series.means[..., watched.entries] for r in runs if isinstance(r, Runner)]
    sizes = [size(means.mean(axis=(0, 1), dtype=np.float64)) for means in every]
    return TARGET * float(np.median(sizes)) if sizes else float("nan")


def labels(samplers: Sequence[Sampler]) -> list[str]:
    """Names of samplers; with settings that are not the usual where one stands twice, and numbered."""
    often = Counter(sampler.name for sampler in samplers)
    found: list[str] = []
    for sampler in samplers:
        name = sampler.name
        if often[name] > 1:
            usual = [(f.name, f.default) for f in fields(sampler)]
            own = [(n, getattr(sampler, n)) for n, _ in usual]
            told = [f"{n}={v}" for (n, v), (_, u) in zip(own, usual, strict=True) if v != u]
            name += f"({', '.join(told)})" if told else ""
        number = 1 + sum(label == name or label.startswith(f"{name} #") for label in found)
        found.append(name if number == 1 else f"{name} #{number}")
    return found
