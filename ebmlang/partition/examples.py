"""Data: checked against the model, sizes learnt from them, in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.binding import learn_from_data
from ..backend.checks import as_array, check_values
from ..semantics.context import nearest
from ..syntax.diagnostics import complain
from .exact import split_given

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Visible data [example, dims], given data shared by all, and given data one an example."""

    data: dict[str, np.ndarray]
    shared: dict[str, np.ndarray]
    own: dict[str, np.ndarray]

    @property
    def number(self) -> int:
        """How many examples there are."""
        return len(next(iter(self.data.values())))


def prepare(
    model: Model, data: Mapping[str, Any], given: Mapping[str, Any] | None
) -> tuple[Model, Examples]:
    """The model with sizes learnt from the data, and the data checked against their types.

    Given data may stand in `given` or beside the visible data.

    Raises EbmError: E606 for names that are not visible, E602 and E607 for shapes that do not
    fit, E603 and E604 for values outside a type, with the row and the column.
    """
    if not isinstance(data, Mapping):
        raise complain(
            "E606", "data come by the names of their variables", helps=['fit(model, {"v": X})']
        )
    beside = {n: v for n, v in data.items() if n in model.program.givens}
    twice = beside.keys() & (given or {}).keys()
    if twice:
        raise complain("E606", f"the given `{min(twice)}` stands in the data and in `given` too")
    arrays = {n: as_array(n, v) for n, v in data.items() if n not in beside}
    if not arrays:
        raise complain("E601", "there are no data to fit to", helps=['fit(model, {"v": X})'])
    for name in arrays:
        _must_be_visible(model, name)
    known = {n: as_array(n, v) for n, v in (*beside.items(), *(given or {}).items())}
    bound = learn_from_data(model.program, model.bindings, arrays)
    own = {
        n: v
        for n, v in known.items()
        if n in model.program.givens and v.ndim == len(model.program.givens[n].dims) + 1
    }
    bound = learn_from_data(model.program, bound, own)
    shared = {n: v for n, v in known.items() if n not in own}
    kept = {n: v for n, v in bound.givens.items() if n not in own}
    model = model.with_bindings(replace(bound, givens=kept)).bind(**shared)
    lengths = {n: len(v) for n, v in (*arrays.items(), *own.items())}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{size} of `{n}`" for n, size in lengths.items())
        raise complain("E602", f"the data do not have the same number of examples: {text}")
    if 0 in lengths.values():
        raise complain("E601", "the data hold no examples")
    for name, array in arrays.items():
        check_values(model.program.unknowns[name], array, model.world)
    for name, array in own.items():
        check_values(model.program.givens[name], array, model.world)
    fixed, _ = split_given(model, own)
    return model, Examples(arrays, fixed, own)


def _must_be_visible(model: Model, name: str) -> None:
    symbol = model.program.unknowns.get(name)
    if symbol is None:
        visible = [n for n, s in model.program.unknowns.items() if s.role == "visible"]
        near = nearest(name, visible)
        raise complain(
            "E606",
            f"the model has no variable `{name}`",
            notes=["its visible variables are " + ", ".join(visible)],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    if symbol.role != "visible":
        raise complain(
            "E606",
            f"`{name}` is latent: it is sampled and never in the data",
            helps=[f"declare it visible {name}, if it is in the data"],
        )
