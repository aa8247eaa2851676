"""What transitions told, draw by draw, under the names that ArviZ has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def sample_stats(
    energy: np.ndarray, report: Any, settings: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """ArviZ's sample stats [chain, draw].

    `lp` is -beta E, up to log Z the log probability; `energy` is the Hamiltonian where HMC or NUTS
    alone moves everything, as ArviZ's E-BFMI wants it, else E. `tree_depth` belongs to a NUTS that
    moves everything, and to draws that are one transition apart.
    """
    steps = np.asarray(report.gradients)
    stats = {
        "lp": -settings["beta"] * np.asarray(energy),
        "energy": np.asarray(energy),
        "acceptance_rate": np.asarray(report.acceptance),
        "diverging": np.asarray(report.diverged) > 0,
        "n_steps": steps,
    }
    methods = settings.get("methods", ())
    if methods in (("hmc",), ("nuts",)):
        stats["energy"] = np.asarray(report.hamiltonian)
    if methods == ("nuts",) and settings["thin"] == 1:
        stats["tree_depth"] = np.floor(np.log2(np.maximum(steps, 1))).astype(int) + 1
    return stats
