"""The samplers as a user names them: one row each, with its settings."""

# pyright: strict, reportUnnecessaryIsInstance=false

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from ..arguments import (
    check_above_zero,
    check_counts,
    check_list,
    check_number,
    check_share,
    check_text,
    shown,
)
from ..semantics.context import nearest
from ..syntax.diagnostics import complain
from .slopes import HMC as HMC
from .slopes import MALA as MALA
from .slopes import NUTS as NUTS
from .slopes import Annealed as Annealed
from .slopes import Langevin as Langevin
from .slopes import Underdamped as Underdamped

INFORMED_KINDS = ("both", "langevin", "gwg")


@dataclass(frozen=True, slots=True)
class Auto:
    """The sampler that fits the structure, block by block."""

    name = "auto"


@dataclass(frozen=True, slots=True)
class Gibbs:
    """Exact draws from conditionals, block by block."""

    name = "gibbs"


@dataclass(frozen=True, slots=True)
class Informed:
    """Proposals for discrete variables that follow the slope of the energy, accepted or refused: exact.

    `kind`: `langevin` proposes for every site at once (Zhang et al. 2022), `gwg`, Gibbs with
    gradients, changes one site (Grathwohl et al. 2021), `both` ends a sweep of the first with one of
    the second, for sites that would all change at once for ever. `steps` proposals make one sweep.
    `step_size` is the alpha of `langevin`, adapted in warm-up to `target_acceptance` unless given.
    """

    kind: str = "both"
    steps: int = 10
    step_size: float | None = None
    target_acceptance: float = 0.574
    name = "informed"

    def __post_init__(self) -> None:
        check_text("kind", self.kind, "E701")
        if self.kind not in INFORMED_KINDS:
            raise complain(
                "E701",
                f"there is no kind of informed proposal {self.kind!r}",
                notes=["the kinds are " + ", ".join(INFORMED_KINDS)],
            )
        check_counts(steps=self.steps)
        if self.kind == "both" and self.steps < 2:
            raise complain(
                "E704", "`steps` must be 2 or more where both kinds of proposals are made"
            )
        check_above_zero(step_size=self.step_size)
        check_share("target_acceptance", self.target_acceptance)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of binary, spin or category sites that turn as one (Swendsen & Wang 1987); exact.

    For variables coupled in pairs; others keep their samplers. Of great use where neighbours that
    align are about to order. Couplings that compete are sampled right as well, but clusters hardly
    help there; labels that repel each other are refused. `sweeps` of Gibbs follow each cluster move.
    """

    sweeps: int = 1
    name = "clusters"

    def __post_init__(self) -> None:
        check_counts(0, sweeps=self.sweeps)


@dataclass(frozen=True, slots=True)
class Tempering:
    """Replica exchange around the sampler `inner`: copies from hot to cold that swap their states.

    `hottest`: the beta of the hottest of `replicas`, in units of the beta asked for; 0 where every
    variable is bounded, else 0.1. Warm-up moves the others until all neighbours swap equally often.
    `ladder`: betas to keep as they are, from hot to cold, the last of them 1.
    """

    inner: str | Sampler = "auto"
    replicas: int = 8
    hottest: float | None = None
    ladder: tuple[float, ...] | None = None
    name = "tempering"

    def __post_init__(self) -> None:
        if sampler_of(self.inner).name == self.name:
            raise complain("E701", "tempering goes around another sampler, not around itself")
        check_counts(2, replicas=self.replicas)
        if self.hottest is not None:
            check_number("hottest", self.hottest, "from 0 to below 1", lambda x: 0 <= x < 1)
        if self.ladder is not None:
            betas = check_list("ladder", self.ladder)
            ladder = tuple(check_number("ladder", beta) for beta in betas)
            pairs = pairwise(ladder)
            if len(ladder) < 2 or ladder[0] < 0 or ladder[-1] != 1 or any(a >= b for a, b in pairs):
                raise complain("E704", f"`ladder` must rise from 0 or above to 1, not {ladder}")
            object.__setattr__(self, "ladder", ladder)


Sloped = Langevin | Annealed | Underdamped | MALA | HMC | NUTS
Sampler = Auto | Gibbs | Clusters | Informed | Sloped | Tempering
ROWS = (
    *(Auto, Gibbs, Clusters, Informed),
    *(Langevin, Annealed, Underdamped, MALA, HMC, NUTS),
    Tempering,
)
TABLE: dict[str, type[Any]] = {row.name: row for row in ROWS}


def sampler_of(named: str | Sampler) -> Sampler:
    """A sampler by name with its usual settings, or as it is. Raises EbmError E701."""
    if not isinstance(named, str):
        if type(named) not in TABLE.values():
            raise complain("E701", f"{shown(named)} is not a sampler")
        return named
    if named not in TABLE:
        near = nearest(named, list(TABLE))
        raise complain(
            "E701",
            f"there is no sampler `{named}`",
            notes=["the samplers are " + ", ".join(TABLE)],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    return TABLE[named]()


def as_dict(sampler: Sampler) -> dict[str, Any]:
    """The settings by name."""
    return {f.name: getattr(sampler, f.name) for f in fields(sampler)}
