"""The history of a fit as a table in a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_csv(history: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write a history as a table: a row for each epoch, numbers to the last digit."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(history)
        writer.writerows(zip(*(v.tolist() for v in history.values()), strict=True))
