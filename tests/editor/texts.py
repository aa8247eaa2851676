"""Documents for the tests of the editor, and places in them written as `|`."""

from __future__ import annotations

from pathlib import Path

from ebmlang.editor.reading import Reading, read

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

LATTICE = """model lattice
## Spins on a lattice.
dim row = 4, col = 4
dim pixel, unit, aa = "ACD"
dim ring = 6 cyclic
graph bonds on pixel
## What is seen.
visible s : spin[row, col]
visible v : binary[pixel]
latent h : binary[unit]
visible x : category(aa)[pixel]
visible r : spin[ring]
param W : real[pixel, unit]
param b : real[pixel]
param T : real[pixel, aa]
## Twice a number.
fn double(a) = 2 * a
let total[k] = sum(j) W[k, j] * h[j]
quantity size = mean(v) / 2
"""


def at(text: str, sign: str = "|") -> tuple[Reading, int]:
    """A text read without its `|`, and where that stood."""
    before, _, after = text.partition(sign)
    return read(before + after), len(before)


def program(name: str) -> str:
    """The text of one of the programs."""
    return (PROGRAMS / f"{name}.ebm").read_text("utf-8")
