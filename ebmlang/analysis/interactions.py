"""Which sites interact: by proof on the subscripts where that suffices, else by listing instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..semantics.subscripts import shifted
from ..semantics.terms import (
    Apply,
    Between,
    Dimension,
    EdgeEnd,
    Index,
    Neighbour,
    Position,
    Read,
    Symbol,
    Term,
)
from ..semantics.traverse import fingerprint, free_indices, same, symbols
from .instances import BUDGET, Undecided, axes_of, count, evaluate
from .occurrences import Meeting
from .world import World, site_dims


@dataclass(frozen=True, slots=True)
class Setting:
    """What proofs may use beside the text: sizes and graphs if known, given data if bound."""

    world: World | None
    data: Mapping[str, np.ndarray]
    used: set[str] = field(default_factory=set)

    def evaluate(self, term: Term, axes: Sequence[Index]) -> np.ndarray:
        """A term at every instance; the given data that it rests on are noted in `used`."""
        assert self.world is not None
        found = evaluate(term, axes, self.world, self.data)
        self.used.update(s.name for s in symbols(term) if s.name in self.data)
        return found


def site_subscripts(read: Read, sites: Mapping[str, Symbol]) -> tuple[Term, ...]:
    """The subscripts that name the site.

    The last of a one-hot array names its state, the last of a simplex an entry of the site.
    """
    declared = sites[read.symbol.name]
    return read.subscripts[: len(site_dims(declared))]


def always_same(meeting: Meeting) -> bool:
    """Whether both reads are one site, whatever the indices."""
    first, second = meeting.first.read, meeting.second.read
    if first.symbol is not second.symbol:
        return False
    number, moving = len(site_dims(first.symbol)), set(meeting.second.bound)
    places = zip(first.subscripts[:number], second.subscripts[:number], strict=True)
    return all(same(p, q) and moving.isdisjoint(free_indices(q)) for p, q in places)


# ------------------------------------------------------------- symbolic proofs


def apart(meeting: Meeting, sites: Mapping[str, Symbol], setting: Setting) -> bool:
    """Whether the subscripts alone prove that the two reads are never one site."""
    a = site_subscripts(meeting.first.read, sites)
    b = site_subscripts(meeting.second.read, sites)
    declared = sites[meeting.first.read.symbol.name]
    order = _strict_order(meeting.conditions)

    def differ(left: Sequence[Term], right: Sequence[Term]) -> bool:
        places = zip(left, right, site_dims(declared), strict=True)
        return any(_differ(p, q, dim, order, setting) for p, q, dim in places)

    if declared.symmetric:
        return differ(a, b) and differ(a, tuple(reversed(b)))
    return differ(a, b)


def _differ(
    p: Term, q: Term, dim: object, order: set[tuple[Index, Index]], setting: Setting
) -> bool:
    left, right = shifted(p), shifted(q)
    if left is None or right is None:
        return False
    (i, a), (j, b) = left, right
    if i is j:
        if a == b:
            return False
        cyclic = isinstance(dim, Dimension) and dim.cyclic
        if not cyclic or setting.world is None:
            return True
        assert isinstance(dim, Dimension)
        return (a - b) % setting.world.sizes[dim.name] != 0
    if a != b or not (_within(i, dim) and _within(j, dim)):
        return False
    if (i, j) in order or (j, i) in order:
        return True
    return _joined(i, j) or _joined(j, i)


def _within(index: Index, dim: object) -> bool:
    """Whether an index takes each site of a dimension at most once: no range that wraps around."""
    cyclic = isinstance(dim, Dimension) and dim.cyclic
    return not (cyclic and isinstance(index.range, Between))


def _joined(i: Index, j: Index) -> bool:
    """Whether two indices are the two ends of an edge, or a site and its neighbour: no loops."""
    match i.range, j.range:
        case EdgeEnd(edge=e, end=0), EdgeEnd(edge=f, end=1):
            return e is f
        case Neighbour(site=Position(index=site)), _:
            return site is j
        case _:
            return False


def _strict_order(conditions: Sequence[Term]) -> set[tuple[Index, Index]]:
    """Pairs of indices that differ by the conditions in force; `<` is transitive."""
    below: set[tuple[Index, Index]] = set()
    unequal: set[tuple[Index, Index]] = set()
    for condition in conditions:
        match condition:
            case Apply(
                function="<" | ">" | "!=" as sign,
                arguments=(Position(index=i), Position(index=j)),
            ):
                if sign == "<":
                    below.add((i, j))
                elif sign == ">":
                    below.add((j, i))
                else:
                    unequal.add((i, j))
            case _:
                continue
    grown = True
    while grown:
        more = {(i, k) for i, j in below for m, k in below if j is m} - below
        below |= more
        grown = bool(more)
    return below | unequal


# ------------------------------------------------------------ listed instances


def may_coincide(meeting: Meeting, sites: Mapping[str, Symbol], setting: Setting) -> bool:
    """Whether two reads of one variable can be one site. Without a proof the answer is yes."""
    if always_same(meeting):
        return True
    if apart(meeting, sites, setting):
        return False
    try:
        first, second = listed(meeting, sites, setting)
    except Undecided:
        return True
    return bool(np.any(first == second))


def listed(
    meeting: Meeting, sites: Mapping[str, Symbol], setting: Setting
) -> tuple[np.ndarray, np.ndarray]:
    """Site numbers of both reads at every instance. Raises Undecided if it cannot be listed."""
    if setting.world is None:
        raise Undecided
    a = site_subscripts(meeting.first.read, sites)
    b = site_subscripts(meeting.second.read, sites)
    axes = axes_of((*a, *b))
    if count(axes, setting.world) > BUDGET:
        raise Undecided
    first, valid = site_numbers(meeting.first.read, a, axes, sites, setting)
    second, inside = site_numbers(meeting.second.read, b, axes, sites, setting)
    valid = valid & inside
    for condition in meeting.conditions:
        if set(axes_of([condition])) <= set(axes):
            try:
                held = setting.evaluate(condition, axes)
            except Undecided:
                continue
            valid = valid & (held != 0)
    for index in {i for s in (*a, *b) for i in free_indices(s)}:
        if isinstance(index.range, Neighbour):
            place = Position(index, index.span)
            valid = valid & (setting.evaluate(place, axes) >= 0)
    first, second, valid = np.broadcast_arrays(first, second, valid)
    return first[valid], second[valid]


def site_numbers(
    read: Read,
    subscripts: Sequence[Term],
    axes: Sequence[Index],
    sites: Mapping[str, Symbol],
    setting: Setting,
) -> tuple[np.ndarray, np.ndarray]:
    """The number of the site at each instance, and whether there is one: conditions leave out others."""
    world = setting.world
    assert world is not None
    declared = sites[read.symbol.name]
    places = [setting.evaluate(s, axes).astype(np.int64) for s in subscripts]
    for k, dim in enumerate(site_dims(declared)):
        if isinstance(dim, Dimension) and dim.cyclic:
            places[k] = np.mod(places[k], world.sizes[dim.name])
    if declared.symmetric:
        i, j = np.broadcast_arrays(*places)
        places = [np.minimum(i, j), np.maximum(i, j)]
    number, inside = np.asarray(0), np.asarray(True)
    for place, length in zip(places, world.site_shape(declared), strict=True):
        number = number * length + place
        inside = inside & (place >= 0) & (place < length)
    return number, inside


def edges_between(
    meetings: Sequence[Meeting], sites: Mapping[str, Symbol], setting: Setting
) -> np.ndarray | None:
    """Pairs [edges, 2] of sites of one variable that interact, each once; None if it must be all."""
    total = 0
    found = []
    seen: set[object] = set()
    for meeting in meetings:
        key = (
            fingerprint(meeting.first.read),
            fingerprint(meeting.second.read),
            *map(fingerprint, meeting.conditions),
        )
        if always_same(meeting) or (key in seen and not meeting.second.bound):
            continue
        seen.add(key)
        try:
            first, second = listed(meeting, sites, setting)
        except Undecided:
            return None
        different = first != second
        low = np.minimum(first[different], second[different])
        high = np.maximum(first[different], second[different])
        pairs = np.unique(np.stack([low, high], axis=-1).reshape(-1, 2), axis=0)
        total += len(pairs)
        found.append(pairs)
    if not found:
        return np.zeros((0, 2), np.int64)
    return np.unique(np.concatenate(found), axis=0)
