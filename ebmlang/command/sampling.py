"""What `ebm sample` keeps and tells: draws, or moments alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pandas import DataFrame

from ..evaluation.draws import Draws
from ..evaluation.moments import Moments


def keep_of(text: str) -> Literal["all", "moments"] | list[str]:
    """`all`, `moments`, or names with commas between."""
    match text:
        case "all" | "moments":
            return text
        case names:
            return names.split(",")


def store(drawn: Draws | Moments, out: Path) -> None:
    """Draws by name, or moments as `mean.v` and `std.v`, in a .npz file."""
    arrays = drawn.arrays() if isinstance(drawn, Moments) else dict(drawn.items())
    np.savez(out, allow_pickle=False, **arrays)


def told(drawn: Draws | Moments) -> str:
    """What was drawn and whether it can be trusted; of moments, the table too."""
    found = drawn.diagnostics
    note = [drawn.settings["note"]] if "note" in drawn.settings else []
    every = dict.fromkeys(f"{drawn!r}\n{found}".split("\n"))  # what both say is said once
    lines = ["\n".join(every)] if found.trusted else [*note, str(found)]
    if isinstance(drawn, Moments):
        table = DataFrame(drawn.summary())  # what speaks against it is said once, below
        lines.insert(0, table.to_string(float_format=lambda x: f"{x:.4g}", max_rows=40))
    if drawn.tempering is not None:
        lines.append(str(drawn.tempering))
    return "\n".join(lines)


def facts_of(drawn: Draws | Moments) -> dict[str, Any]:
    """Means and diagnostics for machines; of moments, deviations and errors too."""
    found = drawn.diagnostics
    facts: dict[str, Any] = {"model": drawn.program.name}
    if isinstance(drawn, Moments):
        facts |= {"mean": drawn.mean, "std": drawn.std, "std_error": drawn.std_error}
    else:
        facts["mean"] = {n: v.mean(axis=(0, 1)) for n, v in drawn.items()}
    facts |= {
        "rhat": found.rhat,
        "ess": found.ess,
        "acceptance": found.acceptance,
        "divergences": found.divergences,
        "tail": found.tail,
        "bfmi": found.bfmi,
        "trusted": found.trusted,
        "problems": found.problems,
    }
    if found.bias:
        facts["bias"] = found.bias
    if "note" in drawn.settings:
        facts["note"] = drawn.settings["note"]
    told = drawn.tempering
    if told is not None:
        facts["tempering"] = {
            "betas": told.betas,
            "acceptance": told.acceptance,
            "barrier": told.barrier,
            "round_trips": told.round_trips,
        }
    return facts
