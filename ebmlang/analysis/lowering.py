"""Three ways to the same conditionals, and what a sweep of each costs: the shape of a variable decides.

Regular couplings are read best by the slope of the energy, sparse ones from tables of neighbours,
dense ones by carrying local fields. The costs are measured, in operations of about a nanosecond on
one core, for each chain; only their order matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..semantics.subscripts import shifted
from .couplings import Coupling

SLOPE_SITE = 3.0
SLOPE_INSTANCE = 0.5
SLOPE_GATHERED = 10.0
TABLE_SITE = 4.0
TABLE_EDGE = 0.7
FIELD_SITE = 10.0
FIELD_ENTRY = 0.03
MOST_ENTRIES = 6144
MOST_COLOURS = 48
MOST_ROWS = 20_000_000


@dataclass(frozen=True, slots=True)
class Lowering:
    """A way to conditionals: `slope`, `neighbours` or `fields`; operations of a sweep of one chain."""

    name: str
    cost: float


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides: free sites, entries (sites times labels), coupled pairs, colours, instances.

    `instances`: products written out by the sums; `gathered`: whether they are looked up one by one.
    """

    sites: int
    labels: int
    edges: int
    colours: int
    instances: int
    gathered: bool


def gathered(couplings: Sequence[Coupling]) -> bool:
    """Whether some coupling reads its sites by other subscripts than shifted indices with an axis."""
    for coupling in couplings:
        for read in coupling.monomial.reads:
            for subscript in read.subscripts:
                found = shifted(subscript)
                if found is None or not found[0].has_axis:
                    return True
    return False


def lowerings(shape: Shape) -> list[Lowering]:
    """The ways that apply, the cheapest first."""
    sites, entries = shape.sites, shape.sites * shape.labels
    each = SLOPE_GATHERED if shape.gathered else SLOPE_INSTANCE
    slope = shape.colours * (SLOPE_SITE * entries + each * shape.instances)
    found = [Lowering("slope", slope)]
    if shape.colours <= MOST_COLOURS and shape.edges * shape.labels**2 <= MOST_ROWS:
        tables = TABLE_SITE * entries + 2 * TABLE_EDGE * shape.edges * shape.labels
        found.append(Lowering("neighbours", tables))
    if entries <= MOST_ENTRIES:
        fields = sites * shape.labels * (FIELD_SITE + FIELD_ENTRY * entries)
        found.append(Lowering("fields", fields))
    return sorted(found, key=lambda lowering: lowering.cost)


def spoken(lowering: Lowering, shape: Shape) -> str:
    """A lowering and its cost in words, for `explain`."""
    match lowering.name:
        case "neighbours":
            how = f"tables of neighbours, {shape.colours} colours in turn"
        case "fields":
            how = "local fields carried along, one site after another"
        case _:
            times = "once" if shape.colours == 1 else f"{shape.colours} times"
            how = f"the slope of E, {times}"
    return f"{how}: about {_short(lowering.cost)} operations a sweep and chain"


def _short(cost: float) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if cost >= size:
            return f"{cost / size:.2g} {name}" if cost < 10 * size else f"{cost / size:.0f} {name}"
    return f"{cost:.0f}"
