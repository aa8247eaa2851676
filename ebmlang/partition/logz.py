"""log Z of a model, with how it was had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..syntax.diagnostics import complain
from .exact import exact

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True)
class LogPartition:
    """log Z in nats between two bounds; an exact value has no error and closes them."""

    value: float
    std_error: float
    lower: float
    upper: float
    method: str

    def __str__(self) -> str:
        return f"log Z = {self.value:.6f} ({self.method})"


def log_partition(
    model: Model,
    params: Mapping[str, Any],
    method: str = "auto",
    *,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
) -> LogPartition:
    """log of the sum (or integral) over all unknowns of exp(-beta E), in nats.

    `exact` and `auto` sum in closed form what the structure allows and list the rest.
    Raises EbmError E705 for a sum that has no closed form or would take too long.
    """
    if method not in ("auto", "exact"):
        raise complain(
            "E706",
            f"there is no method `{method}` for log Z",
            notes=["the methods are auto, exact"],
        )
    model.check_params(params)
    answer = exact(model, params, beta=beta, clamp=clamp, given=given)
    return LogPartition(answer.log_z, 0.0, answer.log_z, answer.log_z, f"exact: {answer.how}")
