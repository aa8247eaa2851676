"""The objectives as a user names them: one row each, with its settings."""

# pyright: strict

from __future__ import annotations

from dataclasses import dataclass

from ..semantics.context import nearest
from ..syntax.diagnostics import complain
from .contrast import NoiseContrast as NoiseContrast
from .contrastive import ContrastiveDivergence as ContrastiveDivergence
from .objective import Objective
from .pseudo import PseudoLikelihood as PseudoLikelihood
from .pseudo import RatioMatching as RatioMatching
from .score import DenoisingScore as DenoisingScore
from .score import ScoreMatching as ScoreMatching
from .score import SlicedScore as SlicedScore
from .visible import Visible


@dataclass(frozen=True, slots=True)
class Likelihood:
    """-log likelihood by its gradient: energies of the data less those of samples of the model."""

    name = "mle"
    needs = "a sampler for the model"


ROWS: tuple[type[Objective], ...] = (
    PseudoLikelihood,
    *(ScoreMatching, SlicedScore, DenoisingScore),
    RatioMatching,
    NoiseContrast,
)
WALKED = (Likelihood, ContrastiveDivergence)  # by chains, whatever the model
Walked = Likelihood | ContrastiveDivergence
TABLE: dict[str, type[Walked] | type[Objective]] = {str(row.name): row for row in (*WALKED, *ROWS)}


def objective_of(named: str | Walked | Objective) -> Walked | Objective:
    """An objective by name with its usual settings, or as it is. Raises EbmError E707."""
    if not isinstance(named, str):
        if type(named) not in TABLE.values():
            raise complain("E707", f"{named!r} is not an objective", notes=[_names()])
        return named
    if named not in TABLE:
        near = nearest(named, list(TABLE))
        raise complain(
            "E707",
            f"there is no objective `{named}`",
            notes=[_names()],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    return TABLE[named]()


def _names() -> str:
    return "the objectives are " + ", ".join(TABLE)


def check_fits(objective: Objective, visible: Visible) -> None:
    """Refuse an objective that does not fit the model, and say which do. Raises EbmError E707."""
    obstacle = objective.obstacle(visible)
    if obstacle is None:
        return
    fitting = [row().name for row in ROWS if row().obstacle(visible) is None]
    raise complain(
        "E707",
        f"`{objective.name}` cannot fit `{visible.model.name}`: {obstacle}",
        helps=["what fits: " + ", ".join([*(row.name for row in WALKED), *fitting])],
    )


def check_chainless(objective: Objective, **settings: object) -> None:
    """Refuse settings of chains, where an objective draws none. Raises EbmError E704."""
    for name, value in settings.items():
        if value is not None:
            raise complain(
                "E704",
                f"`{objective.name}` draws no samples, and `{name}` has nothing to say to it",
            )
