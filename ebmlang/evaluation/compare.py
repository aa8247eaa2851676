"""Samplers side by side on one model: the same chains, warm-up and draws, clocks stopped when done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..samplers.caveats import caveat_of
from ..samplers.run import Loop, check_counts, clamped, loop_of, situation_of, verified
from ..samplers.settings import Sampler, sampler_of
from ..syntax.diagnostics import EbmError
from .comparison import BIAS_ERRORS, Comparison, Row
from .diagnostics import split_rhat
from .reference import Reference, reference
from .watched import Series, Setting, Watched

if TYPE_CHECKING:
    from ..model import Model


def compare(
    model: Model,
    params: Mapping[str, Any],
    samplers: Sequence[str | Sampler] = ("gibbs", "langevin", "hmc"),
    *,
    draws: int = 2000,
    chains: int = 4,
    warmup: int = 1000,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Comparison:
    """Run each sampler where it applies, and say why where it does not.

    The statistics are the entries of dE/dtheta (the values of the unknowns if there are no
    parameters) and the energy. Where the model is small enough the gradient of log Z is compared
    with the exact answer; else an unadjusted walk is compared with a long run of a sampler that is
    exact. Chains, warm-up and draws are the same; compilation is timed apart.
    """
    check_counts(draws=draws, chains=chains)
    model = model.settled(given)
    model.check_params(params)
    held = clamped(model, clamp)
    situation = situation_of(model, params, given, beta)
    watched = Watched(model, situation, draws * chains, seed)
    setting = Setting(model, situation, held, watched, draws, chains, warmup, seed)
    chosen = [sampler_of(named) for named in samplers]
    loops = [_loop(setting, sampler) for sampler in chosen]
    unadjusted = any(not isinstance(loop, str) and caveat_of(loop.plan) for loop in loops)
    truth, words = reference(setting, params, beta, clamp, given, wanted=unadjusted)
    rows = []
    for sampler, loop in zip(chosen, loops, strict=True):
        if isinstance(loop, str):
            rows.append(Row(sampler.name, refused=loop))
            continue
        if model.checks:
            key = ("verified", sampler, held.signature)
            model.made(key, lambda loop=loop: verified(model, loop, situation))
        (series,) = setting.run(loop)
        rows.append(_row(sampler.name, series, truth, caveat_of(loop.plan)))
    return Comparison(
        model.name, tuple(rows), words, draws, chains, warmup, seed, watched.describe()
    )


def _loop(setting: Setting, sampler: Sampler) -> Loop | str:
    """The compiled functions of a sampler, or why it does not apply."""
    try:
        return loop_of(setting.model, sampler, setting.held, setting.warmup)
    except EbmError as error:
        return error.diagnostics[0].says.split(": ", 1)[-1]


def _row(name: str, series: Series, truth: Reference | None, caveat: str) -> Row:
    """The figures of one sampler's run."""
    if not np.all(np.isfinite(series.values)):
        return Row(name, refused="its chains left the finite energies")
    sizes = series.sizes
    worst = float(np.nanmin(sizes)) if np.isfinite(sizes).any() else float("nan")
    gradients = float(np.sum(series.report.gradients))
    errors = series.errors(sizes)
    return Row(
        name,
        ess=worst,
        ess_per_second=worst / series.seconds,
        ess_per_gradient=worst / max(gradients, 1.0),
        rhat=float(np.nanmax(split_rhat(series.values), initial=1.0)),
        acceptance=float(np.mean(series.report.acceptance)),
        compile_seconds=series.compile_seconds,
        seconds=series.seconds,
        gradients=gradients,
        error=_size(errors[:-1]),
        diverged=int(np.sum(series.report.diverged)),
        caveat=caveat,
        **_biases(series.values.mean(axis=(0, 1)), errors, truth),
    )


def _biases(means: np.ndarray, errors: np.ndarray, truth: Reference | None) -> dict[str, Any]:
    """How far means are from the reference, in the statistics and in the energy; nothing without one."""
    if truth is None:
        return {}
    gap, error = means - truth.means, np.hypot(errors, truth.errors)
    known = np.isfinite(error[:-1]) & np.isfinite(gap[:-1])
    away = np.abs(gap[:-1][known]) > BIAS_ERRORS * error[:-1][known]
    with np.errstate(invalid="ignore", divide="ignore"):
        energy = float(gap[-1] / error[-1])
    return {
        "bias": _size(gap[:-1]),
        "bias_error": _size(error[:-1]),
        "off": float(np.mean(away)) if known.any() else float("nan"),
        "energy_errors": energy,
    }


def _size(values: np.ndarray) -> float:
    """Root mean square of those that are known."""
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")
