"""What `ebm check` finds in files, and what it says of those that are fine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..model import read, read_text
from ..semantics.notes import notes
from ..syntax.diagnostics import Diagnostic, EbmError
from ..syntax.source import Source


def check_files(files: Sequence[Path], with_notes: bool) -> tuple[list[Diagnostic], list[str]]:
    """Every diagnostic of the files, and a line for each file without an error."""
    found: list[Diagnostic] = []
    told = []
    for file in files:
        try:
            program, warnings = read(Source(read_text(file), str(file)))
        except EbmError as error:
            found += error.diagnostics
            continue
        found += warnings
        found += notes(program) if with_notes else []
        declared = len(program.unknowns) + len(program.params) + len(program.givens)
        told.append(
            f"{file}: {program.name} is fine: {declared} arrays, {len(program.energies)} energies"
        )
    return found, told
