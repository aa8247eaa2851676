"""Examples that come one after another: any iterable, gone through anew for each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from ..analysis.world import World
from ..backend.arrays import as_array, columns_of_table, is_table
from ..backend.checks import check_values
from ..semantics.terms import Program, Symbol
from ..syntax.diagnostics import complain

Part = dict[str, np.ndarray]  # rows by name, [row, dims]


class Stream:
    """Examples of an iterable, in the order in which it gives them.

    Its items are dicts by the names of variables, of one example or of rows of them; where one
    variable is visible, arrays alone. A function without arguments makes a new iterator for each
    pass; an iterator passes once. `number`: examples of the last pass that came to its end.
    """

    def __init__(self, program: Program, data: Any) -> None:
        self.program = program
        self.once: bool = isinstance(data, Iterator)
        self.world: World | None = None
        self.number: int | None = None
        self.passed: int = 0
        opens: Any = data if callable(data) else lambda: data
        self._opens: Callable[[], Iterable[Any]] = opens
        self._again: Iterator[Any] | None = None
        self.first: Part = self._first()

    def _first(self) -> Part:
        items = iter(self._opens())
        try:
            item = next(items)
        except StopIteration:
            raise complain("E601", "the iterable of data is empty") from None
        if self.once:
            self._again = chain([item], items)
        elif iter(self._opens()) is items:
            raise complain(
                "E601",
                "the function that makes the data gives the same iterator again, and every epoch "
                "goes through all of them",
                helps=["a function that makes a new one: fit(model, lambda: read_rows(file))"],
            )
        return self._rows(item)

    def parts(self) -> Iterator[Part]:
        """A new pass, item by item, each checked against the types once sizes are known.

        Raises EbmError: E601 for an iterator that has passed, E602 and E606 for items unlike the
        first, E603 and E604 for values outside a type.
        """
        items = self._opened()
        number = 0
        for item in items:
            rows = self._rows(item)
            self._must_be_like_the_first(rows, number)
            size = len(next(iter(rows.values())))
            if self.world is not None:
                for name, values in rows.items():
                    check_values(
                        self._symbol(name), values, self.world, rows=slice(number, number + size)
                    )
            number += size
            self.passed = max(self.passed, number)
            yield rows
        self.number = number

    def batches(self, size: int, rest: bool = False) -> Iterator[Part]:
        """A new pass in batches of so many rows; what is left over at its end is the `rest`."""
        held: list[Part] = []
        number = 0
        for rows in self.parts():
            held.append(rows)
            number += len(next(iter(rows.values())))
            if number < size:
                continue
            joined = {n: np.concatenate([part[n] for part in held]) for n in rows}
            for start in range(0, number - size + 1, size):
                yield {n: v[start : start + size] for n, v in joined.items()}
            left = number % size
            held = [{n: v[number - left :].copy() for n, v in joined.items()}] if left else []
            number = left
        if rest and held:
            yield {n: np.concatenate([part[n] for part in held]) for n in held[0]}

    def counted(self) -> int:
        """How many examples there are, gone through once to know if no pass has ended yet."""
        if self.number is None and not self.once:
            for _ in self.parts():
                pass
        return self.number or max(1, self.passed)

    def _opened(self) -> Iterator[Any]:
        if not self.once:
            return iter(self._opens())
        items, self._again = self._again, None
        if items is None:
            raise complain(
                "E601",
                "the iterator of data has passed, and passes only once",
                helps=["a function that makes a new one: fit(model, lambda: read_rows(file))"],
            )
        return items

    def _symbol(self, name: str) -> Symbol:
        found = self.program.unknowns.get(name) or self.program.givens.get(name)
        assert found is not None
        return found

    def _rows(self, item: Any) -> Part:
        """An item as rows by name: an example alone is one row."""
        item = by_name(self.program, item)
        if not isinstance(item, Mapping):
            item = {self._lone(item): item}
        rows = {}
        for name, value in item.items():
            symbol = self.program.unknowns.get(name) or self.program.givens.get(name)
            array = as_array(name, value, symbol)
            alone = symbol is not None and array.ndim == len(symbol.dims)
            rows[name] = array[None] if alone else array
        return rows

    def _lone(self, item: Any) -> str:
        visible = [n for n, s in self.program.unknowns.items() if s.role == "visible"]
        if len(visible) != 1 or isinstance(item, tuple | str | bytes):
            name = visible[0] if visible else "v"
            raise complain(
                "E606",
                f"the data come as {type(item).__name__}, and dicts by the names of variables are "
                f"wanted: {', '.join(visible)}",
                helps=[f'fit(model, lambda: ({{"{name}": x}} for x in …))'],
            )
        return visible[0]

    def _must_be_like_the_first(self, rows: Part, number: int) -> None:
        if rows.keys() != self.first.keys():
            raise complain(
                "E606",
                f"example {number} holds {', '.join(rows)}, and the first {', '.join(self.first)}",
            )
        lengths = {n: len(v) for n, v in rows.items()}
        if len(set(lengths.values())) > 1:
            text = ", ".join(f"{size} of `{n}`" for n, size in lengths.items())
            raise complain("E602", f"an item does not have the same number of examples: {text}")
        for name, values in rows.items():
            wanted = self.first[name].shape[1:]
            if values.shape[1:] != wanted:
                raise complain(
                    "E602",
                    f"`{name}` has shape {list(values.shape[1:])} in example {number}, and "
                    f"{list(wanted)} in the first",
                )


def by_name(program: Program, data: Any) -> Any:
    """A table with a column that is called like a variable as its columns by name; other data as they are."""
    if not is_table(data):
        return data
    columns = columns_of_table("data", data)
    names = [label for label, _ in columns]
    if not {*program.unknowns, *program.givens} & set(names):
        return data
    twice = next((label for k, label in enumerate(names) if label in names[:k]), None)
    if twice is not None:
        raise complain("E606", f"two columns of the table are called `{twice}`")
    return dict(columns)


def is_stream(data: Any) -> bool:
    """Whether data come one after another, and not by name or from a file."""
    if isinstance(data, Mapping | str | bytes) or isinstance(getattr(data, "shape", None), tuple):
        return False
    if isinstance(data, list | tuple):
        return bool(data) and isinstance(data[0], Mapping)
    return callable(data) or isinstance(data, Iterable)
