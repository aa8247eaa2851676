"""The scalar series of draws that are worth a panel: the energy, quantities, entries of arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..semantics.context import nearest
from ..semantics.terms import Kind
from ..syntax.diagnostics import complain

MOST_PANELS = 6
MOST_ENTRIES = 2  # of one array, where names are not given
ENTRY = re.compile(r"(?P<name>\w+)\s*\[(?P<place>[\d,\s]*)\]")


class Drawn(Protocol):
    """What pictures read of draws: a mapping of arrays [chain, draw, dims], the energy, the program."""

    @property
    def program(self) -> Any:
        """The checked program: unknowns by name."""
        ...

    @property
    def energy(self) -> np.ndarray:
        """Energies [chain, draw] in nats."""
        ...

    @property
    def diverging(self) -> np.ndarray:
        """Whether a transition before a draw diverged [chain, draw]."""
        ...

    def __getitem__(self, name: str, /) -> np.ndarray: ...

    def __iter__(self) -> Iterator[str]: ...


class Series(NamedTuple):
    """One scalar over draws. `note`: why this entry of its array; `kind` of a variable's values."""

    label: str
    values: np.ndarray  # [chain, draw]
    note: str = ""
    kind: Kind | None = None


def series_of(draws: Drawn, names: Sequence[str] | None) -> list[Series]:
    """The series with these names, each a name, an entry as `s[0, 3]`, or `energy`.

    Without names: the energy, then quantities, then variables; of an array with many entries those
    whose chains agree least. Raises EbmError E606 for a name the draws lack, E602 for no entry.
    """
    if names is not None:
        names = [names] if isinstance(names, str) else names
        if not names:
            raise complain("E606", "there is no name of what to show", helps=['names=["energy"]'])
        return [one for name in names for one in _named(draws, name)]
    unknowns = draws.program.unknowns
    found = [Series("energy (nats)", np.asarray(draws.energy))]
    moving = [n for n in draws if np.size(draws[n]) and np.ptp(np.asarray(draws[n], float)) > 0]
    order = sorted(moving, key=lambda name: name in unknowns)
    for name in order:
        room = MOST_PANELS - len(found)
        found += _worst(name, draws[name], _kind(draws, name), min(MOST_ENTRIES, room))
    return found


def _kind(draws: Drawn, name: str) -> Kind | None:
    symbol = draws.program.unknowns.get(name)
    return None if symbol is None else symbol.domain.kind


def _named(draws: Drawn, text: str) -> list[Series]:
    """The series of one name or entry."""
    if text == "energy":
        return [Series("energy (nats)", np.asarray(draws.energy))]
    entry = ENTRY.fullmatch(text.strip())
    name = entry["name"] if entry else text
    if name not in list(draws):
        near = nearest(name, [*draws, "energy"])
        raise complain(
            "E606", f"the draws have no `{name}`", helps=[f"did you mean `{near}`?"] if near else []
        )
    values = np.asarray(draws[name])
    if entry is None:
        return _worst(name, values, _kind(draws, name), MOST_PANELS)
    place = tuple(int(word) for word in entry["place"].replace(",", " ").split())
    shape = values.shape[2:]
    if len(place) != len(shape) or any(p >= n for p, n in zip(place, shape, strict=True)):
        raise complain("E602", f"`{name}` has the shape {list(shape)}, and no entry {list(place)}")
    return [Series(_label(name, place), values[:, :, *place], "", _kind(draws, name))]


def _worst(name: str, values: np.ndarray, kind: Kind | None, most: int) -> list[Series]:
    """The entries of an array whose chains agree least; all entries where there are few."""
    if most < 1:
        return []
    values = np.asarray(values)
    shape = values.shape[2:]
    total = math.prod(shape)
    flat = values.reshape(*values.shape[:2], total)
    places = (
        [tuple(int(i) for i in np.unravel_index(k, shape)) for k in range(total)] if total else []
    )
    if total <= most:
        return [Series(_label(name, p), flat[:, :, k], "", kind) for k, p in enumerate(places)]
    order = np.argsort(-_apart(flat), kind="stable")[:most]
    notes = [f"its chains agree least, of {total} entries", *["the next of these"] * (most - 1)]
    return [
        Series(_label(name, places[k]), flat[:, :, k], note, kind)
        for k, note in zip(order, notes, strict=True)
    ]


def _apart(flat: np.ndarray) -> np.ndarray:
    """How far the halves of chains lie apart, against how far each ranges: what R-hat grows with.

    Shapes: [chain, draw, entry] -> [entry].
    """
    flat = np.asarray(flat, float)
    half = max(flat.shape[1] // 2, 1)
    halves = np.concatenate([flat[:, :half], flat[:, -half:]])
    within = halves.var(axis=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.where(between > 0, between / within, 0.0), posinf=1e300)


def _label(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if place else name
