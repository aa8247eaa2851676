"""Chains as pictures: traces with their histograms, autocorrelations, energies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..arguments import checked
from ..semantics.terms import Kind
from ..syntax.diagnostics import complain
from .series import Drawn, Series, series_of
from .style import (
    GREY,
    INK,
    PALE,
    SMALL,
    THIN,
    WIDTH,
    dash,
    dress,
    legend,
    picture,
    saved,
    shades,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CHAINS = 8  # drawn one by one; of more, evenly chosen ones
MOST_POINTS = 2000  # along one trace
MOST_BINS = 50
MOST_STEPS = 400  # different values that may be steps apart
FEW_BARS = 6
FADED = 0.1  # a correlation at which draws are nearly independent
SHORTEST = 20  # lags
LEAST_LAGS = 4  # draws that have an autocorrelation at all


@checked(draws=None)
def traces(
    draws: Drawn, names: Sequence[str] | None = None, path: str | Path | None = None
) -> Figure:
    """The chains of variables, quantities and the energy over draws, with their histograms.

    `names`: variables, quantities, entries as `s[0, 3]`, or `energy`. Without them the energy,
    quantities and variables, of a large array the two entries whose chains agree least. Ticks below
    a panel are draws before which a transition diverged. Raises EbmError E606, E602 for wrong names.
    """
    series = series_of(draws, names)
    figure = picture(WIDTH, 1.35 * len(series) + 0.7)
    axes = figure.subplots(len(series), 2, squeeze=False, sharey="row", width_ratios=(5, 1))
    for left in axes[:-1, 0]:
        left.sharex(axes[-1, 0])
        left.tick_params(labelbottom=False)
    shown = _chosen(series[0].values.shape[0])
    diverging = np.asarray(draws.diverging)
    step = max(1, -(-series[0].values.shape[1] // MOST_POINTS))
    for (left, right), one in zip(axes, series, strict=True):
        _trace(left, one, shown, step)
        _scale(left, one)
        _beside(right, one, shown)
        places = np.flatnonzero(diverging.any(axis=0))
        if len(places):
            left.plot(places, np.zeros(len(places)), "|", color=INK, ms=5, clip_on=False,
                      transform=left.get_xaxis_transform(), label="_diverged")  # fmt: skip
    thinned = f", one in {step} is shown" if step > 1 else ""
    axes[-1, 0].set_xlabel(f"draw{thinned}", fontsize=9)
    axes[0, 1].set_title(_which(series[0].values.shape[0]), fontsize=SMALL, loc="right")
    return saved(figure, path)


def _chosen(chains: int) -> np.ndarray:
    return np.unique(np.linspace(0, chains - 1, min(chains, MOST_CHAINS)).round().astype(int))


def _which(chains: int) -> str:
    if chains <= MOST_CHAINS:
        return f"{chains} chains" if chains > 1 else "1 chain"
    return f"{MOST_CHAINS} of {chains} chains"


def _trace(axis: Axes, one: Series, shown: np.ndarray, step: int) -> None:
    """The lines of one panel, a point every so many draws."""
    draws = one.values.shape[1]
    places = np.arange(0, draws, step)
    for colour, chain in zip(shades(len(shown)), shown, strict=True):
        axis.plot(places, one.values[chain, ::step], color=colour, lw=0.6, label=f"chain {chain}",
                  marker="" if len(places) > 1 else "o")  # fmt: skip
    dress(axis, title=one.label)
    if one.note:
        axis.set_title(one.note, loc="right", fontsize=7, color=GREY)
    axis.set_xlim(0, max(draws - 1, 1))
    axis.margins(y=0.08)


def _scale(axis: Axes, one: Series) -> None:
    """Ticks where values have names of their own."""
    match one.kind:
        case Kind.BINARY:
            axis.set_yticks([0, 1])
        case Kind.SPIN:
            axis.set_yticks([-1, 1])
        case Kind.ANGLE:
            axis.set_ylim(0, 2 * np.pi)
            axis.set_yticks([0, np.pi, 2 * np.pi], labels=["0", "π", "2π"])
        case Kind.CATEGORY | Kind.INTEGER:
            axis.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        case _:
            axis.yaxis.set_major_locator(MaxNLocator(nbins=4))


def _beside(axis: Axes, one: Series, shown: np.ndarray) -> None:
    """The histogram of every chain, lying on its side; bars side by side where values are few."""
    edges = bins_of(one.values)
    middles = (edges[1:] + edges[:-1]) / 2
    colours = shades(len(shown))
    shares = [_shares(one.values[chain], edges) for chain in shown]
    for k, share in enumerate(shares):
        if len(share) <= FEW_BARS:
            aside = (k - (len(shown) - 1) / 2) * 0.35 * (edges[1] - edges[0]) / len(shown)
            axis.hlines(middles - aside, 0, share, color=colours[k], lw=1.5)
        else:
            axis.stairs(share, edges, orientation="horizontal", color=colours[k], lw=THIN)
    dress(axis)
    axis.set_xticks([])
    axis.set_xlim(0, 1.05 * max(float(share.max()) for share in shares))
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(labelleft=False, left=False)


def bins_of(values: np.ndarray) -> np.ndarray:
    """The edges of bins of one width: whole steps where values are steps apart, as energies of spins.

    Else by the rule of Freedman and Diaconis.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    known = np.unique(np.round((values - low) / ((high - low) or 1.0), 5)) * (high - low) + low
    if len(known) == 1:
        return np.array([known[0] - 0.5, known[0] + 0.5])
    step = float(np.diff(known).min())
    steps = np.diff(known) / step
    if len(known) <= MOST_STEPS and np.abs(steps - np.round(steps)).max() < 0.05:
        number = round((high - low) / step) + 1
        wide = -(-number // MOST_BINS)
        return low + step * (np.arange(-(-number // wide) + 1) * wide - 0.5)
    quarter = np.subtract(*np.quantile(values, (0.75, 0.25)))
    width = 2 * quarter / len(values) ** (1 / 3)
    number = int(np.clip((high - low) / width, 8, MOST_BINS)) if width > 0 else MOST_BINS
    return np.linspace(low, high, number + 1)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of values in every bin."""
    return np.histogram(values, edges)[0] / max(np.size(values), 1)


@checked(draws=None)
def autocorrelation(
    draws: Drawn, names: Sequence[str] | None = None, path: str | Path | None = None
) -> Figure:
    """How like draws some lags apart are: each chain thin, the mean of the chains thick.

    The lag at which the mean first falls below 0.1 is marked. Deviations are from the mean of all
    chains, so that chains that disagree stay correlated. An angle is taken as a point of the circle.
    `names` as in `traces`. Raises EbmError as it does, and E704 for fewer than four draws.
    """
    series = series_of(draws, names)
    if series[0].values.shape[1] < LEAST_LAGS:
        raise complain("E704", "an autocorrelation needs four draws or more")
    found = [autocorrelations(_centred(one)) for one in series]
    last = min(max(SHORTEST, 3 * max(_fades(f.mean(axis=0)) for f in found)), found[0].shape[1] - 1)
    columns = 1 if len(series) == 1 else 2
    rows = -(-len(series) // columns)
    figure = picture(WIDTH, 1.6 * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).reshape(-1)
    for axis, one, curve in zip(axes, series, found, strict=False):
        _lags(axis, one, curve, last)
    for axis in axes[len(series) :]:
        axis.remove()
    for axis in axes[max(len(series) - columns, 0) : len(series)]:
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axis.set_xlabel("lag (draws)", fontsize=9)
        axis.tick_params(labelbottom=True)
    return saved(figure, path)


def _lags(axis: Axes, one: Series, curve: np.ndarray, last: int) -> None:
    """One panel of autocorrelations."""
    dress(axis, title=one.label)
    for chain in _chosen(len(curve)):
        axis.plot(curve[chain, : last + 1], color="0.7", lw=0.5)
    mean = curve.mean(axis=0)
    axis.plot(mean[: last + 1], color=INK, lw=1.3)
    axis.axhline(0, color=GREY, lw=0.6)
    axis.set_xlim(0, last)
    axis.set_ylim(min(-0.1, float(mean[: last + 1].min()) * 1.1), 1.02)
    lag = _fades(mean)
    faded = lag <= last and mean[lag] < FADED
    if faded:
        axis.plot([lag, lag], [axis.get_ylim()[0], FADED], color=INK, lw=0.6, ls=dash(2))
    text = f"below {FADED} from lag {lag}" if faded else f"above {FADED} at every lag shown"
    axis.text(0.98, 0.93, text, transform=axis.transAxes, ha="right", va="top", fontsize=SMALL)


def _centred(one: Series) -> np.ndarray:
    """Deviations from the mean over all chains; of points on the circle for an angle."""
    values = np.exp(1j * one.values) if one.kind is Kind.ANGLE else np.asarray(one.values, float)
    return values - values.mean()


def autocorrelations(deviations: np.ndarray) -> np.ndarray:
    """Correlations of [chain, draw] at lags 0 to half the draws, by Fourier transforms; NaN-free.

    Each lag's sum is over the pairs there are, divided by their number and by the variance of all
    chains. Chains that never move have correlation 1 at every lag. Shapes: [chain, lag].
    """
    draws = deviations.shape[1]
    padded = np.fft.fft(deviations, 2 * draws, axis=1)
    sums = np.fft.ifft(np.abs(padded) ** 2, axis=1).real[:, : draws // 2 + 1]
    variance = float(np.mean(np.abs(deviations) ** 2))
    if variance == 0:
        return np.ones_like(sums)
    return sums / (draws - np.arange(sums.shape[1])) / variance


def _fades(mean: np.ndarray) -> int:
    """The first lag at which a correlation is small; the last one if there is none."""
    small = np.flatnonzero(mean < FADED)
    return int(small[0]) if len(small) else len(mean) - 1


@checked(draws=None)
def energies(draws: Drawn, data: Any = None, path: str | Path | None = None) -> Figure:
    """Histograms of the energy: a line a chain, and the energies of data hatched behind them.

    A fitted model gives its own draws the energies of the data. `data`: energies in nats
    [example], `model.energy(params, {"v": images})`. Raises EbmError E604 for data that are not finite.
    """
    energy = np.asarray(draws.energy, float)
    beside = None if data is None else np.asarray(data, float).reshape(-1)
    if beside is not None and not (beside.size and np.isfinite(beside).all()):
        raise complain("E604", "the energies of the data must be finite numbers, one or more")
    everything = energy.reshape(-1) if beside is None else np.append(energy, beside)
    edges = bins_of(everything)
    figure = picture(WIDTH, 3.0)
    axis = figure.subplots()
    dress(axis, "energy (nats)", "share")
    if beside is not None:
        axis.stairs(_shares(beside, edges), edges, fill=True, facecolor=PALE, edgecolor=GREY,
                    hatch="////", lw=0, label=f"data, {len(beside)}")  # fmt: skip
    shown = _chosen(len(energy))
    for k, (colour, chain) in enumerate(zip(shades(len(shown)), shown, strict=True)):
        axis.stairs(_shares(energy[chain], edges), edges, color=colour, lw=1.1, ls=dash(k),
                    label=f"chain {chain}")  # fmt: skip
    axis.set_ylim(bottom=0)
    legend(axis)
    return saved(figure, path)
