"""`ebm logz`: one log Z, or its curve over betas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..partition.logz import log_partition
from ..partition.thermodynamics import thermodynamics
from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from ..model import Model


def log_z(
    model: Model,
    params: Mapping[str, Any],
    *,
    method: str,
    beta: float,
    betas: str | None,
    target_error: float,
    seed: int,
) -> tuple[Any, dict[str, Any]]:
    """The answer and its facts. Raises EbmError E708 for betas that are not numbers with commas."""
    if betas is not None:
        curve = thermodynamics(model, params, _numbers(betas), target_error=target_error, seed=seed)
        return curve, curve.to_dict()
    found = log_partition(model, params, method, beta=beta, target_error=target_error, seed=seed)
    return found, asdict(found)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise complain(
            "E708", f"`{text}` is not a list of betas", helps=["--betas 0.1,0.2,0.4"]
        ) from None
