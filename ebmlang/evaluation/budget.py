"""What every sampler of a comparison may spend: draws, seconds, gradients, or until an error is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..arguments import check_above_zero, check_counts
from ..syntax.diagnostics import complain

DRAWS = 2000
MOST_FACTOR = 64  # times as many draws as the usual number, at most, for a target error
Kind = Literal["draws", "seconds", "gradients", "error"]


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of one kind: draws of each chain, seconds of sampling, gradients of all chains, an error.

    `most`: draws of each chain after which a target error is given up.
    """

    kind: Kind
    amount: float

    @property
    def draws(self) -> int:
        """Draws of each chain, the usual number where the budget is of another kind."""
        return int(self.amount) if self.kind == "draws" else DRAWS

    @property
    def most(self) -> int:
        """Draws of each chain at which a target error is given up."""
        return MOST_FACTOR * DRAWS

    def __str__(self) -> str:
        match self.kind:
            case "draws":
                return f"{int(self.amount)} draws"
            case "seconds":
                return f"{self.amount:g} s of sampling"
            case "gradients":
                return f"{int(self.amount)} gradients"
            case "error":
                return f"draws until the error is {self.amount:g}"


def budget_of(
    draws: int | None, seconds: float | None, gradients: int | None, target_error: float | None
) -> Budget:
    """The one budget that is given, 2000 draws if none is. Raises EbmError E704 for two, or one of 0."""
    asked = {
        "draws": draws, "seconds": seconds, "gradients": gradients, "target_error": target_error,
    }  # fmt: skip
    given = {name: amount for name, amount in asked.items() if amount is not None}
    if len(given) > 1:
        names = "` and `".join(given)
        raise complain(
            "E704",
            f"`{names}` are two budgets, and samplers are compared under one",
            helps=["leave one of them; without any, each chain makes 2000 draws"],
        )
    check_above_zero(seconds=seconds, target_error=target_error)
    if seconds is not None:
        return Budget("seconds", float(seconds))
    if target_error is not None:
        return Budget("error", float(target_error))
    if gradients is not None:
        check_counts(gradients=gradients)
        return Budget("gradients", gradients)
    number = DRAWS if draws is None else draws
    check_counts(draws=number)
    return Budget("draws", number)
