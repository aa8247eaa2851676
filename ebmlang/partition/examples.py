"""Data: checked against the model, sizes learnt from them, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_mapping
from ..backend.arrays import is_table
from ..backend.binding import learn_from_data
from ..backend.checks import check_values
from ..semantics.context import nearest
from ..semantics.terms import Symbol
from ..syntax.diagnostics import complain
from .exact import split_given
from .files import arrays_for, is_path, only_rows
from .gaps import checked, ever_missing, gaps_of, refuse_gaps, with_gaps
from .iterables import Stream, by_name, is_stream
from .sources import Rows, check_rows, in_memory, pieces_of, rows_of, spans, whole

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Visible data [example, dims], given data shared by all, and given data one an example.

    NaN in the data is what is missing; `missing`: masks [dims] of what some example lacks.
    `stream`: where examples come one after another; `data` and `own` are then its first ones.
    """

    data: dict[str, Rows]
    shared: dict[str, np.ndarray]
    own: dict[str, Rows]
    missing: dict[str, np.ndarray] = field(default_factory=dict)
    stream: Stream | None = None

    @property
    def number(self) -> int:
        """How many examples there are; of an iterator that passes once, how many have passed."""
        return len(next(iter(self.data.values()))) if self.stream is None else self.stream.counted()

    def batch(self, wanted: int) -> int:
        """How many examples a batch has of which so many are wanted."""
        return wanted if self.once else min(wanted, self.number)

    @property
    def once(self) -> bool:
        """Whether the examples pass once, and are not known before."""
        return self.stream is not None and self.stream.once

    def pieces(self) -> Iterator[dict[str, np.ndarray]]:
        """All visible data in their own order, in pieces [example, dims] that fit in memory."""
        if self.stream is None:
            for span in spans(self.data):
                yield {n: v[span] for n, v in self.data.items()}
        else:
            for rows in self.stream.parts():
                yield {n: rows[n] for n in self.data}

    def groups(self) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Row numbers of the examples with the same given data, and those data; for each such data."""
        own = in_memory(self.own)
        if not own:
            return [(np.arange(self.number), dict(self.shared))]
        flat = np.concatenate([v.reshape(self.number, -1) for v in own.values()], axis=1)
        _, first, which, counts = np.unique(
            flat, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(which.reshape(-1), kind="stable")
        rows = np.split(order, np.cumsum(counts)[:-1])
        givens = ({**self.shared, **{n: v[at] for n, v in own.items()}} for at in first)
        return list(zip(rows, givens, strict=True))


def prepare(model: Model, data: Any, given: Mapping[str, Any] | None) -> tuple[Model, Examples]:
    """The model with sizes learnt from the data, and the data checked against their types.

    Given data may stand in `given` or beside the visible data. Visible entries may be missing: NaN,
    masked, or not held in a pair (values, mask).

    Raises EbmError: E606 for names that are not visible, E602 and E607 for shapes that do not
    fit, E603 and E604 for values outside a type, with the row and the column.
    """
    data = arrays_for(model.program, data) if is_path(data) else by_name(model.program, data)
    if not is_table(data) and is_stream(data):
        return _streaming(model, Stream(model.program, data), given)
    _must_have_names(data)
    check_mapping("data", data)
    beside = {n: v for n, v in data.items() if n in model.program.givens}
    twice = beside.keys() & (given or {}).keys()
    if twice:
        raise complain("E606", f"the given `{min(twice)}` stands in the data and in `given` too")
    unknowns, givens = model.program.unknowns, model.program.givens
    arrays = {n: _rows(n, v, unknowns.get(n)) for n, v in data.items() if n not in beside}
    if not arrays:
        raise complain("E601", "there are no data to fit to", helps=['fit(model, {"v": X})'])
    for name in arrays:
        _must_be_visible(model, name)
    every = (*beside.items(), *(given or {}).items())
    known = {n: _known(n, v, givens.get(n)) for n, v in every}
    bound = learn_from_data(model.program, model.bindings, arrays)
    own = {n: v for n, v in known.items() if n in givens and v.ndim == len(givens[n].dims) + 1}
    bound = learn_from_data(model.program, bound, own)
    shared = {n: whole(v) for n, v in known.items() if n not in own}
    kept = {n: v for n, v in bound.givens.items() if n not in own}
    model = model.with_bindings(replace(bound, givens=kept)).bind(shared)
    _must_be_as_long({n: len(v) for n, v in (*arrays.items(), *own.items())})
    arrays = {n: _checked(model, unknowns[n], v) for n, v in arrays.items()}
    for name, array in own.items():
        check_rows(givens[name], array, model.world)
    fixed, _ = split_given(model, own)
    return model, Examples(arrays, fixed, own, ever_missing(arrays))


def _must_have_names(data: Any) -> None:
    if is_table(data):
        raise complain(
            "E606",
            "no column of the table is called like a variable of the model",
            helps=['a table of rows goes by the name of its variable: fit(model, {"v": table})'],
        )
    if not isinstance(data, Mapping):
        raise complain(
            "E606", "data come by the names of their variables", helps=['fit(model, {"v": X})']
        )


def _must_be_as_long(lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{size} of `{n}`" for n, size in lengths.items())
        raise complain("E602", f"the data do not have the same number of examples: {text}")
    if 0 in lengths.values():
        raise complain("E601", "the data hold no examples")


def _streaming(
    model: Model, stream: Stream, given: Mapping[str, Any] | None
) -> tuple[Model, Examples]:
    """What `prepare` gives for examples that come one after another: sizes are those of the first."""
    model, examples = prepare(model, stream.first, given)
    stream.world = model.world
    return model, replace(examples, stream=stream)


def _known(name: str, values: Any, symbol: Symbol | None) -> Rows:
    """Rows of a file, of an array that lies elsewhere, or in memory. Raises E604 for masked entries."""
    refuse_gaps(name, values)
    return only_rows(values, name) if is_path(values) else rows_of(name, values, symbol)


def _rows(name: str, values: Any, symbol: Symbol | None) -> Rows:
    """Rows of visible data; in memory NaN is made of whatever says that an entry is missing."""
    if isinstance(values, np.ndarray | list | tuple):
        return with_gaps(name, values, symbol)
    return _known(name, values, symbol)


def _checked(model: Model, symbol: Symbol, rows: Rows) -> Rows:
    """Rows that fit a type, looked at piece by piece; all of them in memory if entries are missing."""
    for part, span in pieces_of(rows):
        if gaps_of(part).any():
            return checked(model, symbol, whole(rows))
        check_values(symbol, part, model.world, rows=span)
    return rows


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
