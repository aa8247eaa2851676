"""Whether chains can be trusted: split R-hat, effective sample size, divergences, in words too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .exchange import Exchange

RHAT_LIMIT = 1.05
# Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), "Rank-normalization, folding, and
# localization", section 4: with fewer, neither R-hat nor the effective size itself can be believed.
ESS_LIMIT = 400


def split_rhat(x: np.ndarray) -> np.ndarray:
    """Split R-hat of [chain, draw, …]; 1 where nothing varies, infinite where chains are stuck apart.

    Source: Gelman et al., Bayesian Data Analysis (3rd ed.), section 11.4.
    """
    x = np.asarray(x, np.float64)
    half = x.shape[1] // 2
    if half < 2:
        return np.full(x.shape[2:], np.nan)
    halves = np.concatenate([x[:, :half], x[:, -half:]])
    return rhat_of(halves.var(axis=1, ddof=1), halves.mean(axis=1), half)


def rhat_of(variances: np.ndarray, means: np.ndarray, number: int) -> np.ndarray:
    """R-hat from the variances and means [half chain, …] of so many draws each."""
    within, between = variances.mean(axis=0), means.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = np.sqrt((number - 1) / number + between / within)
    same = (within == 0) & (between == 0)
    return np.where(same, 1.0, np.where(within == 0, np.inf, rhat))


def effective_size(x: np.ndarray) -> np.ndarray:
    """Effective sample size of [chain, draw, …] by Geyer's initial monotone sequence; NaN if constant.

    Autocovariances within chains and the variance between them, as in Stan; NumPyro's own.
    """
    from numpyro.diagnostics import effective_sample_size

    x = np.asarray(x, np.float64)
    if x.shape[1] < 4:
        return np.full(x.shape[2:], np.nan)
    flat = x.reshape(*x.shape[:2], -1)
    moving = flat.max(axis=(0, 1)) > flat.min(axis=(0, 1))
    found = np.full(flat.shape[2], np.nan)
    if moving.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            found[moving] = np.atleast_1d(effective_sample_size(flat[:, :, moving]))
    return found.reshape(x.shape[2:])


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """Worst split R-hat and effective sample size of each name, and what is wrong in words."""

    rhat: Mapping[str, float]
    ess: Mapping[str, float]
    acceptance: float
    divergences: int
    problems: tuple[str, ...]

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the draws."""
        return not self.problems

    def __str__(self) -> str:
        lines = [
            f"{name:>12}  R-hat {self.rhat[name]:.3f}  ESS {self.ess[name]:.0f}"
            for name in self.rhat
        ]
        lines.append(f"acceptance {self.acceptance:.2f}, {self.divergences} divergent transitions")
        lines += [f"not to be trusted: {problem}" for problem in self.problems]
        return "\n".join(lines)


def diagnose(
    values: Mapping[str, np.ndarray],
    energy: np.ndarray,
    report: Any,
    held: tuple[str, ...],
    exchange: Exchange | None = None,
) -> Diagnostics:
    """Diagnostics of [chain, draw, …] arrays, of the energy, and of replica exchange."""
    watched = {n: v for n, v in values.items() if n not in held} | {"energy": energy}
    frozen = (np.ptp(energy, axis=1) == 0) & (energy.shape[1] > 1)
    return judge(
        {n: split_rhat(v) for n, v in watched.items()},
        {n: effective_size(v) for n, v in watched.items()},
        float(np.mean(report.acceptance)),
        int(np.sum(report.diverged)),
        int(frozen.sum()),
        exchange,
    )


def judge(
    rhats: Mapping[str, np.ndarray],
    sizes: Mapping[str, np.ndarray],
    acceptance: float,
    divergences: int,
    frozen: int,
    exchange: Exchange | None,
) -> Diagnostics:
    """The worst R-hat and effective size of each name, and what they say against the chains.

    `frozen`: how many chains never changed their energy.
    """
    rhat: dict[str, float] = {}
    ess: dict[str, float] = {}
    problems = []
    for name, found in rhats.items():
        rhat[name] = float(np.nanmax(found, initial=1.0)) if found.size else 1.0
        known = sizes[name][np.isfinite(sizes[name])]
        ess[name] = float(known.min()) if known.size else float("nan")
        if rhat[name] > RHAT_LIMIT:
            problems.append(
                f"the chains of `{name}` disagree: split R-hat {rhat[name]:.2f}, above {RHAT_LIMIT}"
            )
        elif ess[name] < ESS_LIMIT:
            problems.append(
                f"`{name}` has only {ess[name]:.0f} effective draws at its worst, below {ESS_LIMIT}"
            )
    if divergences:
        problems.append(f"{divergences} transitions diverged; smaller steps may help")
    if frozen:
        problems.append(f"{frozen} chains never moved")
    problems += exchange.problems if exchange is not None else ()
    return Diagnostics(rhat, ess, acceptance, divergences, tuple(problems))
