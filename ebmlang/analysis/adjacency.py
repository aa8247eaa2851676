"""Which free sites of all variables interact, as one graph: what exact sums by elimination rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..semantics.terms import Program
from .elimination import among
from .instances import Undecided
from .interactions import listed
from .joint import Entries
from .occurrences import Meeting, Visitor
from .structure import Structure

MOST_EDGES = 4_000_000


@dataclass(frozen=True, eq=False)
class SiteGraph:
    """The free sites of several variables, numbered one variable after another.

    `starts`: the first number of each variable; `pairs` [edges, 2]: sites that may interact, each
    pair once, the lower number first. What is no pair provably has no common term.
    """

    entries: Mapping[str, Entries]
    starts: Mapping[str, int]
    pairs: np.ndarray

    @property
    def number(self) -> int:
        """How many free sites there are."""
        return sum(len(own.free) for own in self.entries.values())

    def numbers(self, name: str) -> range:
        """The numbers of the free sites of one variable."""
        return range(self.starts[name], self.starts[name] + len(self.entries[name].free))

    @cached_property
    def neighbours(self) -> list[set[int]]:
        """For each site those it may interact with."""
        found: list[set[int]] = [set() for _ in range(self.number)]
        for a, b in self.pairs.tolist():
            found[a].add(b)
            found[b].add(a)
        return found

    def without(self, names: Iterable[str]) -> SiteGraph | None:
        """The graph of the others once these are summed out; None if it has too many edges.

        All that a connected piece of lost sites met then meets each other.
        """
        names = set(names)
        lost = {site for name in names for site in self.numbers(name)}
        near = [others - lost for others in self.neighbours]
        total = 0
        for shore in self._shores(lost):
            total += len(shore) ** 2
            if total > MOST_EDGES:
                return None
            for site in shore:
                near[site] |= shore - {site}
        kept = [site for site in range(self.number) if site not in lost]
        place = {site: k for k, site in enumerate(kept)}
        pairs = [(place[a], place[b]) for a in kept for b in near[a] if a < b]
        left = {n: e for n, e in self.entries.items() if n not in names}
        return SiteGraph(left, starts_of(left), np.array(pairs, np.int64).reshape(-1, 2))

    def _shores(self, lost: set[int]) -> Iterator[set[int]]:
        """For each connected piece of the lost sites all others that it meets."""
        waiting = set(lost)
        while waiting:
            piece, shore = [waiting.pop()], set()
            while piece:
                others = self.neighbours[piece.pop()]
                shore |= others - lost
                inside = others & waiting
                waiting -= inside
                piece += inside
            yield shore


def starts_of(entries: Mapping[str, Entries]) -> dict[str, int]:
    """The number of each variable's first free site."""
    starts, total = {}, 0
    for name, own in entries.items():
        starts[name] = total
        total += len(own.free)
    return starts


def site_graph(
    structure: Structure, program: Program, entries: Mapping[str, Entries]
) -> SiteGraph | None:
    """The graph of all free sites; None if it has too many edges to be of use, or sizes lack."""
    starts = starts_of(entries)
    found: list[np.ndarray] = []
    for name, own in entries.items():
        facts = structure.variables[name]
        number = len(own.free)
        inside = None if facts.complete else among(facts.edges, own.free, own.total)
        if inside is None:
            if number**2 // 2 > MOST_EDGES:
                return None
            inside = np.stack(np.triu_indices(number, 1), axis=-1)
        found.append(inside + starts[name])
    for (a, b), meetings in _across(structure, entries).items():
        pairs = _between(meetings, a, b, structure, program, entries)
        if pairs is None:
            return None
        found.append(pairs + np.array([starts[a], starts[b]]))
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *found])
    if len(pairs) > MOST_EDGES:
        return None
    return SiteGraph(entries, starts, np.unique(np.sort(pairs, axis=1), axis=0))


def _across(
    structure: Structure, entries: Mapping[str, Entries]
) -> dict[tuple[str, str], list[Meeting]]:
    """The meetings of each two different variables that have free sites."""
    order = {name: k for k, name in enumerate(entries)}
    found: dict[tuple[str, str], list[Meeting]] = {}
    for energy in structure.extended:
        visitor = Visitor(lambda _: True)
        visitor.visit(energy.term)
        for meeting in visitor.meetings:
            a, b = meeting.first.read.symbol.name, meeting.second.read.symbol.name
            if a == b or not {a, b} <= set(entries):
                continue
            if order[a] > order[b]:
                meeting = Meeting(meeting.second, meeting.first, meeting.where, meeting.scope)
                a, b = b, a
            found.setdefault((a, b), []).append(meeting)
    return found


def _between(
    meetings: Sequence[Meeting],
    a: str,
    b: str,
    structure: Structure,
    program: Program,
    entries: Mapping[str, Entries],
) -> np.ndarray | None:
    """Pairs of free sites of two variables that may interact; None if there are too many."""
    sizes = len(entries[a].free), len(entries[b].free)
    found = [np.zeros((0, 2), np.int64)]
    try:
        for meeting in meetings:
            ends = listed(meeting, program.unknowns, structure.setting)
            places = [_free(e, entries[n]) for n, e in zip((a, b), ends, strict=True)]
            pairs = np.stack(places, axis=-1).reshape(-1, 2)
            found.append(np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0))
    except Undecided:
        if sizes[0] * sizes[1] > MOST_EDGES:
            return None
        every = np.indices(sizes).reshape(2, -1).T
        return every.astype(np.int64)
    return np.concatenate(found)


def _free(numbers: np.ndarray, own: Entries) -> np.ndarray:
    """Flat numbers of entries as numbers of free sites, -1 where an entry is not free."""
    place = np.full(own.total, -1, np.int64)
    place[own.free] = np.arange(len(own.free))
    return place[numbers]
