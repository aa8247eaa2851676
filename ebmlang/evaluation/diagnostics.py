"""Whether results can be trusted: R-hat, effective sizes, E-BFMI, divergences, NaN entries, in words too."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from scipy.special import ndtri

from .divergences import Divergences, divergences_of
from .exchange import Exchange

RHAT_LIMIT = 1.05
# Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), "Rank-normalization, folding, and
# localization", section 4: with fewer, neither R-hat nor the effective size itself can be believed.
ESS_LIMIT = 400
# Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo".
BFMI_LIMIT = 0.3
FEWEST_DRAWS = 4  # of a chain, without which neither R-hat nor an effective size is a number
MOST_RANKED = 2_000_000  # numbers of one name that are ranked: sorting more would be waited for
TAILS = (0.05, 0.95)


def split_rhat(x: np.ndarray) -> np.ndarray:
    """Split R-hat of [chain, draw, …]; 1 where nothing varies, infinite where chains are stuck apart.

    Source: Gelman et al., Bayesian Data Analysis (3rd ed.), section 11.4.
    """
    x = np.asarray(x, np.float64)
    half = x.shape[1] // 2
    if half < 2:
        return np.full(x.shape[2:], np.nan)
    return _rhat(_split(x))


def _split(x: np.ndarray) -> np.ndarray:
    """The halves of chains as chains of their own; an odd draw in the middle is in neither."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _rhat(halves: np.ndarray) -> np.ndarray:
    return rhat_of(halves.var(axis=1, ddof=1), halves.mean(axis=1), halves.shape[1])


def rhat_of(variances: np.ndarray, means: np.ndarray, number: int) -> np.ndarray:
    """R-hat from the variances and means [half chain, …] of so many draws each."""
    within, between = variances.mean(axis=0), means.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = np.sqrt((number - 1) / number + between / within)
    same = (within == 0) & (between == 0)
    return np.where(same, 1.0, np.where(within == 0, np.inf, rhat))


def rank_rhat(x: np.ndarray) -> np.ndarray:
    """R-hat of [chain, draw, …] that sees chains of unlike location, spread or tails, whatever the law.

    The larger of split R-hat of the draws' normal scores and of their distances' from the median.
    Plain split R-hat where only two values occur, for which it is the same, and for more numbers
    than can be sorted in passing.

    Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 4.1 and appendix A.
    """
    x = np.asarray(x, np.float64)
    half = x.shape[1] // 2
    if half < 2 or x.size > MOST_RANKED or not x.size or np.all((x == x.min()) | (x == x.max())):
        return split_rhat(x)
    halves = _split(x)
    flat = np.ascontiguousarray(halves.reshape(len(halves) * half, -1).T)
    folded = np.abs(flat - np.median(flat, axis=1, keepdims=True))
    found = [_rhat(_scores(f).T.reshape(len(halves), half, -1)) for f in (flat, folded)]
    return np.fmax(*found).reshape(x.shape[2:])


def _scores(flat: np.ndarray) -> np.ndarray:
    """Normal scores of each row: ranks to quantiles, by Blom's rule. Shapes: [number, draw]."""
    # Half a second, which nobody need wait who only loads a model.
    from scipy.stats import rankdata

    ranks = rankdata(flat, axis=1)
    return ndtri((ranks - 0.375) / (flat.shape[1] + 0.25))


def bulk_size(x: np.ndarray) -> np.ndarray:
    """Effective draws of [chain, draw, …] in the bulk: of the halves' normal scores; NaN if constant.

    Scores are left out where only two values occur, which they would not change, and for more
    numbers than can be sorted in passing.

    Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 4.3.
    """
    x = np.asarray(x, np.float64)
    if x.shape[1] < FEWEST_DRAWS:
        return np.full(x.shape[2:], np.nan)
    halves = _split(x)
    if halves.size > MOST_RANKED or not halves.size:
        return effective_size(halves)
    flat = halves.reshape(len(halves) * halves.shape[1], -1).T
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    many = ~np.all((flat == low) | (flat == high), axis=1)
    scored = flat.copy()
    if many.any():
        scored[many] = _scores(flat[many])
    return effective_size(scored.T.reshape(halves.shape))


def tail_size(x: np.ndarray) -> np.ndarray:
    """Effective draws of [chain, draw, …] for the 5 % and 95 % quantiles, the smaller; NaN if unknown.

    Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), section 4.3.
    """
    x = np.asarray(x, np.float64)
    if x.size > MOST_RANKED or not x.size or x.shape[1] < FEWEST_DRAWS:
        return np.full(x.shape[2:], np.nan)
    low, high = (effective_size(_split(x <= cut)) for cut in np.quantile(x, TAILS, axis=(0, 1)))
    return np.fmin(low, high)


def bfmi(energy: np.ndarray) -> np.ndarray:
    """E-BFMI of every chain [chain, draw]: how far the energy moves a draw, against how far it ranges.

    NaN where the energy never moves. The potential energy stands for the whole, which differs by
    the momenta that are drawn anew for every draw.

    Source: Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations", section 3.
    """
    energy = np.asarray(energy, np.float64)
    if energy.shape[1] < 4:
        return np.full(len(energy), np.nan)
    steps = np.square(np.diff(energy, axis=1)).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.ptp(energy, axis=1) > 0, steps / energy.var(axis=1, ddof=1), np.nan)


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


class _Doubted(Protocol):
    @property
    def problems(self) -> tuple[str, ...]: ...


class Judged:
    """A result that people read: `problems` says in words what speaks against it."""

    __slots__ = ()

    @property
    def trusted(self: _Doubted) -> bool:
        """Whether nothing speaks against the result."""
        return not self.problems


def not_finite(arrays: Mapping[str, Any], bottomless: Collection[str] = ()) -> tuple[str, ...]:
    """A sentence for each array or tree of arrays that has NaN or infinite entries, and for none at all.

    `arrays` by what they are, in words; those that are `bottomless` may be -inf, as the log of a
    probability of 0 is.
    """
    import jax

    found: list[str] = []
    for name, tree in arrays.items():
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        numbers = [leaf for leaf in leaves if leaf.dtype.kind in "fc" or leaf.dtype.kind == "V"]
        nan = sum(int(np.isnan(x).sum()) for x in numbers)
        infinite = [np.isinf(x) & ~((name in bottomless) & (x < 0)) for x in numbers]
        wrong = {"NaN": nan, "infinite": sum(int(x.sum()) for x in infinite)}
        total = sum(leaf.size for leaf in leaves)
        counted = [f"{count} {word}" for word, count in wrong.items() if count]
        if counted and total == 1:
            found.append(f"{name} is {'NaN' if nan else 'infinite'}")
        elif counted:
            found.append(f"{name}: {' and '.join(counted)} of {total} entries")
    return tuple(found)


def together(*problems: Iterable[str]) -> tuple[str, ...]:
    """Problems in the order in which they come, each once."""
    return tuple(dict.fromkeys(p for some in problems for p in some))


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics(Judged):
    """Worst R-hat and effective sample size of each name, and what is wrong in words.

    `tail`: effective draws for the 5 % and 95 % quantiles of names with real values. `bfmi`: the
    worst chain's E-BFMI where a block follows Hamiltonian paths, else NaN. `bias`: how an unadjusted
    walk is off, which no chain can show; empty where all moves are exact. `frozen`: in how many
    chains no free entry of any variable changed from draw to draw; `still`: how many free entries of
    all variables changed in no chain.
    """

    rhat: Mapping[str, float]
    ess: Mapping[str, float]
    acceptance: float
    divergences: int
    problems: tuple[str, ...]
    tail: Mapping[str, float] = field(default_factory=dict)
    bfmi: float = float("nan")
    bias: str = ""
    frozen: int = 0
    still: int = 0

    def told(self, settings: Mapping[str, Any]) -> Diagnostics:
        """With what the run itself knew: how an unadjusted walk is off, what rounding hides."""
        problems = (*self.problems, *settings.get("doubts", ()))
        return replace(self, bias=settings.get("bias", ""), problems=problems)

    def __str__(self) -> str:
        lines = []
        for name in self.rhat:
            line = f"{name:>12}  R-hat {self.rhat[name]:.3f}  ESS {self.ess[name]:.0f}"
            tail = self.tail.get(name, float("nan"))
            lines.append(line if np.isnan(tail) else f"{line}, in the tails {tail:.0f}")
        told = f"acceptance {self.acceptance:.2f}, {self.divergences} divergent transitions"
        lines.append(told if np.isnan(self.bfmi) else f"{told}, E-BFMI {self.bfmi:.2f}")
        lines += [self.bias] if self.bias else []
        return "\n".join([*lines, *doubts(self.problems)])


def doubts(problems: tuple[str, ...]) -> list[str]:
    """A line for each problem, in the words that every result uses."""
    return [f"not to be trusted: {problem}" for problem in problems]


def diagnose(
    values: Mapping[str, np.ndarray],
    energy: np.ndarray,
    report: Any,
    held: tuple[str, ...],
    exchange: Exchange | None = None,
    *,
    hamiltonian: bool = False,
    changed: Mapping[str, np.ndarray] | None = None,
) -> Diagnostics:
    """Diagnostics of [chain, draw, …] arrays, of the energy, and of replica exchange.

    `hamiltonian`: whether HMC or NUTS moved something, so that E-BFMI has a meaning. `changed`: as in
    `judge`; that of the values if it is not known.
    """
    watched = {n: v for n, v in values.items() if n not in held} | {"energy": energy}
    if changed is None:
        changed = {n: np.any(v != v[:, :1], axis=1) for n, v in watched.items()}
    real = {n: v for n, v in watched.items() if np.asarray(v).dtype.kind == "f"}
    with np.errstate(invalid="ignore"):  # of values that are not finite, which are named beside
        rhats = {n: rank_rhat(v) for n, v in watched.items()}
        sizes = {n: effective_size(v) for n, v in watched.items()}
        tails = {n: tail_size(v) for n, v in real.items()}
    return judge(
        rhats,
        sizes,
        float(np.mean(report.acceptance)) if energy.size else float("nan"),
        divergences_of({n: v for n, v in values.items() if n not in held}, report.diverged),
        changed,
        exchange,
        draws=energy.size // max(1, len(energy)),
        wrong=not_finite({_title(n): v for n, v in watched.items()}),
        tails=tails,
        energies=bfmi(energy) if hamiltonian else None,
    )


def judge(
    rhats: Mapping[str, np.ndarray],
    sizes: Mapping[str, np.ndarray],
    acceptance: float,
    divergences: Divergences,
    changed: Mapping[str, np.ndarray],
    exchange: Exchange | None,
    *,
    draws: int,
    wrong: tuple[str, ...] = (),
    tails: Mapping[str, np.ndarray] | None = None,
    energies: np.ndarray | None = None,
) -> Diagnostics:
    """The worst R-hat and effective size of each name, and what they say against the chains.

    `changed` [chain, …]: whether each free entry of each variable changed from draw to draw. `draws`:
    of each chain. `wrong`: entries that are not finite, in words. `energies`: E-BFMI of every chain.
    """
    rhat = {n: float(np.nanmax(f, initial=1.0)) if f.size else 1.0 for n, f in rhats.items()}
    ess = {n: _least(found) for n, found in sizes.items()}
    tail = {n: _least(found) for n, found in (tails or {}).items()}
    worst = float("nan") if energies is None else _least(energies)
    problems = [*wrong]
    if draws < FEWEST_DRAWS:
        few = f"only {draws} draws of each chain" if draws != 1 else "only one draw of each chain"
        problems.append(f"{few}: R-hat and effective draws need {FEWEST_DRAWS} at least")
    problems += [p for n in rhat if (p := _doubt(n, rhat[n], ess[n], tail.get(n))) is not None]
    if divergences.number:
        problems.append(str(divergences))
    frozen, still = _unmoved(changed)
    if frozen:
        problems.append(f"{frozen} chains never moved")
    if worst < BFMI_LIMIT:
        problems.append(
            f"the energy hardly moves from draw to draw: E-BFMI {worst:.2f}, below {BFMI_LIMIT}; "
            "the tails are seldom reached"
        )
    problems += exchange.problems if exchange is not None else ()
    number, found = divergences.number, tuple(problems)
    return Diagnostics(
        rhat, ess, acceptance, number, found, tail, worst, frozen=frozen, still=still
    )


def _title(name: str) -> str:
    return "the energy" if name == "energy" else f"`{name}`"


def _unmoved(changed: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """Chains [chain] in which no entry [chain, …] changed, and entries that changed in no chain."""
    every = [c.reshape(len(c), math.prod(c.shape[1:])) for c in changed.values()]
    moved = np.concatenate(every or [np.zeros((0, 0), bool)], axis=1)
    if not moved.size:
        return 0, 0
    return int((~moved.any(axis=1)).sum()), int((~moved.any(axis=0)).sum())


def _least(found: np.ndarray) -> float:
    known = found[np.isfinite(found)]
    return float(known.min()) if known.size else float("nan")


def _doubt(name: str, rhat: float, ess: float, tail: float | None) -> str | None:
    """What R-hat or the effective sizes say against a name, the worst first."""
    if rhat > RHAT_LIMIT:
        return f"the chains of `{name}` disagree: split R-hat {rhat:.2f}, above {RHAT_LIMIT}"
    if ess < ESS_LIMIT:
        return f"`{name}` has only {ess:.0f} effective draws at its worst, below {ESS_LIMIT}"
    if tail is not None and tail < ESS_LIMIT:
        return f"the tails of `{name}` have only {tail:.0f} effective draws, below {ESS_LIMIT}"
    return None
