"""What a sampler's means are held to: exact answers, else a long run of a sampler that is exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ..partition.exact import exact
from ..samplers.run import loop_of
from ..samplers.settings import Auto, Tempering
from ..syntax.diagnostics import EbmError
from .diagnostics import ESS_LIMIT, RHAT_LIMIT, split_rhat
from .watched import Series, Setting

if TYPE_CHECKING:
    from ..model import Model

EXACT_SECONDS = 20.0
TIMES = 4  # as many draws as a row has, so that the reference's error is half as large


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Means [statistic] and their errors, the energy last, NaN where unknown; and where they are from."""

    means: np.ndarray
    errors: np.ndarray
    words: str


def reference(
    setting: Setting,
    params: Mapping[str, Any],
    beta: float,
    clamp: Any,
    given: Any,
    *,
    wanted: bool,
) -> tuple[Reference | None, str]:
    """The exact gradient; else, if `wanted`, a long run of an exact sampler; else why there is none."""
    model = setting.model
    if not model.program.params and not model.program.networks:
        reason = "no parameters, so no gradient to compare"
    else:
        try:
            found = _exact(model, params, beta, clamp, given)
        except EbmError as error:
            reason = f"no exact answer to compare with: {error.diagnostics[0].says}"
        else:
            if setting.watched.picked is not None:
                found = replace(found, means=found.means[[*setting.watched.picked, -1]])
            known = replace(found, errors=np.zeros_like(found.means))
            return known, found.words
    if not wanted:
        return None, reason
    ran = _long(setting)
    if ran is None:
        return None, f"{reason}; a long run of an exact sampler is not to be trusted either"
    return ran, f"{reason}; {ran.words}"


def _exact(
    model: Model, params: Mapping[str, Any], beta: float, clamp: Any, given: Any
) -> Reference:
    """The exact E[dE/dtheta] as a flat vector; the mean energy is left unknown."""
    answer = exact(
        model, params, beta=beta, clamp=clamp, given=given, gradient=True,
        most_seconds=EXACT_SECONDS,
    )  # fmt: skip
    assert answer.gradient is not None
    values = model.parameter_space.values(answer.gradient)
    flat = [np.asarray(x, np.float64).reshape(-1) for x in jax.tree.leaves(values)]
    words = f"bias is the distance from the exact gradient ({answer.how})"
    return Reference(np.append(np.concatenate(flat), np.nan), np.zeros(0), words)


def _long(setting: Setting) -> Reference | None:
    """Means of a run that is several times as long, by `auto`, or by replica exchange if that fails."""
    fresh = replace(setting, seed=setting.seed + 1)
    for sampler in (Auto(), Tempering()):
        try:
            loop = loop_of(setting.model, sampler, setting.held, setting.warmup)
        except EbmError:
            continue
        found = _pooled(fresh.run(loop, TIMES))
        if found is None:
            continue
        methods = ", ".join(dict.fromkeys(b.method for b in loop.plan.blocks))
        number = TIMES * setting.draws * setting.chains
        words = f"bias is the distance from {number} draws of {methods}, an exact sampler"
        return replace(found, words=words)
    return None


def _pooled(runs: list[Series]) -> Reference | None:
    """Means over runs in a row; None if chains disagree or have too few effective draws."""
    if not all(np.all(np.isfinite(run.values)) for run in runs):
        return None
    sizes = [run.sizes for run in runs]
    total = np.sum(sizes, axis=0)
    apart = max(float(np.nanmax(split_rhat(run.values), initial=1.0)) for run in runs)
    if apart > RHAT_LIMIT or np.nanmin(total, initial=np.inf) < ESS_LIMIT:
        return None
    means = np.mean([run.values.mean(axis=(0, 1)) for run in runs], axis=0)
    errors = [run.errors(size) for run, size in zip(runs, sizes, strict=True)]
    return Reference(means, np.sqrt(np.sum(np.square(errors), axis=0)) / len(runs), "")
