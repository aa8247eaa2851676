"""Bindings from `--set name=value`, and data from files as a command line names them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..partition.files import ENDINGS, arrays_for, only_rows
from ..partition.sources import Rows, whole
from ..semantics.context import nearest
from ..semantics.terms import Program
from ..syntax.diagnostics import complain


def read_settings(program: Program, settings: Sequence[str]) -> dict[str, Any]:
    """`pixel=64`, `tau=0.5`, `bonds=edges.npy`: numbers, or files with arrays.

    Raises EbmError E708 for something that is not of that form.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or not name or not text:
            raise complain(
                "E708", f"`{setting}` is not of the form name=value", helps=["--set pixel=64"]
            )
        found[name] = _value(program, name, text)
    return found


def _value(program: Program, name: str, text: str) -> Any:
    if text.lower().endswith(ENDINGS):
        return np.array(whole(only_rows(text, name)))
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return [float(part) for part in text.split(",")] if "," in text else float(text)
    except ValueError:
        raise complain(
            "E708",
            f"`{name}={text}` is neither a number nor a file of {', '.join(ENDINGS)}",
        ) from None


def read_data(program: Program, items: Sequence[str]) -> dict[str, Rows]:
    """Rows by name from `v=images.npy` or `data.npz`; a lone array belongs to the lone visible.

    Those of .npy and .h5 stay in their file. Raises EbmError E608 for a file that cannot be read,
    E606 for names that fit nothing.
    """
    found: dict[str, Rows] = {}
    for item in items:
        name, sign, text = item.partition("=")
        if sign and not Path(item).exists():
            _must_be_known(program, name)
            found[name] = only_rows(text, name)
        else:
            found |= arrays_for(program, item)
    return found


def _must_be_known(program: Program, name: str) -> None:
    """Refuse data for a name that is neither a variable nor given data."""
    known = [*program.unknowns, *program.givens]
    if name not in known:
        near = nearest(name, known)
        raise complain(
            "E606",
            f"the model has no variable or given data `{name}`",
            notes=["it has " + ", ".join(known)],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
