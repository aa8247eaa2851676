"""The figures of one sampler's run, from what was recorded of it and what it is held to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .merit import spread
from .record import Series
from .reference import Reference
from .row import BIAS_ERRORS, Row
from .running import Runner
from .sizes import Sizes, least, middle, size, sizes_of
from .watched import Watched

POINTS = 32  # of a curve
FEWEST = 4  # draws of a chain, without which nothing can be said


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What all rows are worked out with. `target`: an error, to which the seconds are told."""

    watched: Watched
    reference: Reference
    target: float
    seed: int

    def row(self, name: str, runner: Runner, caveat: str, reached: bool | None) -> Row:
        """The figures of a run."""
        if not runner.finite:
            return Row(name, refused="its chains left the finite energies", failed=True)
        if runner.draws < FEWEST:
            spent = f"its budget was spent after {runner.draws} draws"
            return Row(name, refused=spent, failed=True)
        watched, whole = self.watched, runner.record.series
        series = whole.of(watched.statistics)
        sizes = sizes_of(series)
        means = series.means.mean(axis=(0, 1), dtype=np.float64)
        chains, draws = series.chains, series.number
        gradients = float(runner.gradients)
        worst = least(sizes.bulk)
        found = self._biases(means, sizes.errors)
        return Row(
            name,
            ess=worst,
            ess_per_second=worst / runner.seconds,
            ess_per_gradient=worst / max(gradients, 1.0),
            rhat=float(np.nanmax(sizes.rhat, initial=1.0)),
            acceptance=runner.acceptance,
            compile_seconds=runner.compile_seconds,
            warmup_seconds=runner.warmup_seconds,
            seconds=runner.seconds,
            elapsed=runner.elapsed,
            gradients=gradients,
            diverged=runner.diverged,
            caveat=caveat,
            curve=self._curve(series, sizes.errors, runner),
            draws=draws,
            tau=chains * draws / worst,
            energy_tau=chains * draws / float(sizes.bulk[watched.energy]),
            reached=reached,
            coverage=self._coverage(whole),
            memory=runner.memory,
            quantities=self._quantities(sizes, means),
            **_sized(sizes, watched),
            **found,
            **self._merits(series, sizes, runner, found, bool(caveat)),
        )

    def _biases(self, means: np.ndarray, errors: np.ndarray) -> dict[str, Any]:
        """Errors of the entries, and how far they and the energy are from the reference."""
        entries, at = self.watched.entries, self.watched.energy
        told = {"error": size(errors[entries])}
        gap, error = self._gaps(means, errors)
        known = np.isfinite(error[entries]) & np.isfinite(gap[entries])
        if known.any():
            away = np.abs(gap[entries][known]) > BIAS_ERRORS * error[entries][known]
            told |= {
                "bias": size(gap[entries][known]),
                "bias_error": size(error[entries][known]),
                "off": float(np.mean(away)),
            }
        with np.errstate(invalid="ignore", divide="ignore"):
            return told | {
                "energy_bias": float(gap[at]), "energy_errors": float(gap[at] / error[at])
            }  # fmt: skip

    def _gaps(self, means: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return means - self.reference.means, np.hypot(errors, self.reference.errors)

    def _quantities(self, sizes: Sizes, means: np.ndarray) -> dict[str, dict[str, float]]:
        """Of each quantity: effective draws and R-hat, and how many errors its mean is off, the worst."""
        gap, error = self._gaps(means, sizes.errors)
        found = {}
        for name, columns in self.watched.columns.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                off = np.abs(gap[columns] / error[columns])
            found[name] = {
                "ess": least(sizes.bulk[columns]),
                "tail": least(sizes.tail[columns]),
                "rhat": float(np.nanmax(sizes.rhat[columns], initial=1.0)),
                "error": size(sizes.errors[columns]),
                "bias": size(gap[columns]),
                "errors": float(np.max(off[np.isfinite(off)], initial=0.0)),
            }
        return found

    def _coverage(self, whole: Series) -> float:
        cells = self.reference.cells
        if cells is None:
            return math.nan
        return cells.reached(whole.draws[..., self.watched.view])

    def _merits(
        self, series: Series, sizes: Sizes, runner: Runner, found: dict[str, Any], walk: bool
    ) -> dict[str, Any]:
        """The error after one second and the ESS a second, with intervals, and seconds to the target."""
        watched = self.watched
        every = series.chains * series.number
        entries = np.flatnonzero(np.isfinite(sizes.errors[watched.entries]))
        told: dict[str, Any] = {}
        if len(entries):
            remembered = every / middle(sizes.bulk[watched.entries])
            low, high = spread(series, entries, remembered, runner.pieces, self.seed)
            cost = found["error"] ** 2 * runner.seconds
            bias = _known_bias(found) if walk or found.get("off", 0.0) > 0 else 0.0
            told = {
                "error_at_one_second": math.sqrt(bias + cost),
                "error_low": math.sqrt(bias + low * cost),
                "error_high": math.sqrt(bias + high * cost),
                "seconds_to_target": _seconds(cost, bias, self.target),
            }
        if np.isfinite(sizes.bulk).any():
            worst = int(np.nanargmin(sizes.bulk))
            remembered = every / float(sizes.bulk[worst])
            low, high = spread(series, np.array([worst]), remembered, runner.pieces, self.seed)
            rate = float(sizes.bulk[worst]) / runner.seconds
            told |= {"ess_low": rate / high, "ess_high": rate / low}
        return told

    def _curve(
        self, series: Series, errors: np.ndarray, runner: Runner
    ) -> tuple[tuple[float, float], ...]:
        """Seconds and the error of the running mean by then; its own standard error without a reference."""
        blocks, entries = series.means.shape[1], self.watched.entries
        stops = np.unique(np.geomspace(1, blocks, POINTS).astype(int))
        at = stops * series.width * (runner.seconds / series.number)
        truth = self.reference.means[entries]
        if np.isfinite(truth).any():
            sums = np.cumsum(series.means[..., entries].mean(axis=0, dtype=np.float64), axis=0)
            off = [size(sums[k - 1] / k - truth) for k in stops]
        else:
            off = [size(errors[entries]) * math.sqrt(blocks / k) for k in stops]
        return tuple((float(t), float(e)) for t, e in zip(at, off, strict=True))


def _sized(sizes: Sizes, watched: Watched) -> dict[str, Any]:
    """Effective draws of the median statistic, in the tails, and of the energy."""
    return {
        "ess_median": middle(sizes.bulk),
        "tail": least(sizes.tail),
        "tail_median": middle(sizes.tail),
        "energy_ess": float(sizes.bulk[watched.energy]),
        "energy_tail": float(sizes.tail[watched.energy]),
    }


def _known_bias(found: dict[str, Any]) -> float:
    """The squared bias beyond what the errors explain; 0 where nothing is known of it."""
    if "bias" not in found:
        return 0.0
    return max(0.0, found["bias"] ** 2 - found["bias_error"] ** 2)


def _seconds(cost: float, bias: float, target: float) -> float:
    """Seconds of sampling until bias and error together are below a target; infinite if never."""
    if not math.isfinite(target):
        return math.nan
    left = target**2 - bias
    return cost / left if left > 0 else math.inf
