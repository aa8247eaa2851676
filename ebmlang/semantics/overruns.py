"""E305 in words: which subscripts run off the end, and how far to stop short."""

from __future__ import annotations

from dataclasses import dataclass

from ..syntax.source import Span
from .context import Context, Obligation
from .repairs import with_range
from .sizes import Size
from .terms import (
    Apply,
    Between,
    Constant,
    Dimension,
    Index,
    Position,
    Reduce,
    Term,
    Whole,
)


@dataclass(frozen=True, slots=True)
class Overrun:
    """A subscript that leaves its dimension: how far, on which side, and what values it takes."""

    duty: Obligation
    by: Size
    below: bool
    limits: tuple[Size, Size]

    @property
    def index(self) -> Index | None:
        """The index of `i + 1` that takes every value of the dimension."""
        alone = shifted(self.duty.subscript)
        return alone[0] if alone is not None and isinstance(alone[0].range, Whole) else None

    @property
    def reach(self) -> str:
        """`reaches one past the last site`."""
        where = "before the first site" if self.below else "past the last site"
        if self.by.constant is None:
            return f"may reach {where}"
        return f"reaches {_count(abs(int(self.by.constant)))} {where}"


def runs_off(faults: list[Overrun], context: Context) -> None:
    """E305 for each fault; those of one index and dimension are told together."""
    groups: dict[object, list[Overrun]] = {}
    for fault in faults:
        key = (fault.index, fault.duty.dim.name) if fault.index else fault
        groups.setdefault(key, []).append(fault)
    for group in groups.values():
        index = group[0].index
        if index is None:
            _alone(group[0], context)
        else:
            _together(index, group, context)


def _together(index: Index, group: list[Overrun], context: Context) -> None:
    """Several subscripts of one index: one complaint, one range that suits them all."""
    first, *others = group
    name, dim = index.name, first.duty.dim
    marks = [(index.span, f"`{name}` takes every value of `{dim.name}`")]
    marks += [(fault.duty.span, fault.reach) for fault in others]
    shifts = [shift for fault in group for _, shift in [shifted(fault.duty.subscript) or (0, 0)]]
    low, high = max(0, -min(shifts)), max(0, max(shifts))
    limits = f"{low}..{dim.name}{f'-{high}' if high else ''}"
    sides = " at each end" if low and high else ""
    steps = _count(max(low, high)) if not (low and high and low != high) else "that much"
    context.error(
        "E305",
        first.duty.span,
        f"`{first.duty.whole.text}` runs off the end of `{dim.name}`",
        first.reach,
        marks=marks,
        helps=[
            f"stop {steps} short{sides}: {_narrowed(index, limits, dim, context)}",
            f"or let the lattice close on itself: dim {dim.name} cyclic" if not dim.part else None,
        ],
    )


def _narrowed(index: Index, limits: str, dim: Dimension, context: Context) -> str:
    """The brackets that bind an index, with its range narrowed."""
    head = context.heads.get(index)
    if head is None:
        return f"{index.name} in {limits}"
    written = (f" in {dim.name}", f" in 0..{dim.name}")
    return with_range(head, index.span, limits, written)


def _alone(fault: Overrun, context: Context) -> None:
    duty, dim = fault.duty, fault.duty.dim
    says = f"`{duty.whole.text}` runs off the end of `{dim.name}`"
    marks: list[tuple[Span, str]] = [(dim.span, _size_text(dim, context))]
    helps: list[str | None] = []
    low, high = fault.limits
    notes = [f"`{duty.span.text}` lies between {low} and {high}"] if low != high else []
    match duty.subscript:
        case Constant(value=value) if not fault.below:
            helps = [
                f"the last position: {duty.whole.text.replace(duty.span.text, f'{dim.name}-1')}"
            ]
            if dim.size is None:
                helps.append(f"or say how many there are: dim {dim.name} = {int(value) + 1}")
        case Constant() | Apply(function="negate"):
            base = duty.whole.text.partition("[")[0]
            helps = [f"there is no counting from the end: {base}[{dim.name}{duty.span.text}]"]
        case Reduce(reducer="sum") if not fault.below and low == Size.number(0):
            helps = [f"a dimension for every value of the sum: dim count = {high} + 1"]
        case term if (alone := shifted(term)) is not None:
            helps = [_inside(*alone, dim)]
        case _:
            pass
    context.error("E305", duty.span, says, fault.reach, marks=marks, notes=notes, helps=helps)


def _inside(index: Index, shift: int, dim: Dimension) -> str | None:
    """The range of an index that was given one, cut to what stays inside."""
    if not isinstance(index.range, Between):
        return None
    low = index.range.lower
    first = max(-shift, 0)
    start = first if low.constant is not None and low.constant < first else low
    return f"stay inside: {index.name} in {start}..{dim.name}{f'-{shift}' if shift > 0 else ''}"


def _size_text(dim: Dimension, context: Context) -> str:
    size = dim.size if dim.size is not None and dim.size.constant is not None else None
    size = size or context.size_of(dim)
    if size.constant is None and dim.size is None:
        return "its size comes with the data"
    return f"positions 0 to {size - 1}"


def _count(number: int) -> str:
    return {1: "one", 2: "two", 3: "three"}.get(number, str(number))


def shifted(term: Term) -> tuple[Index, int] | None:
    """(index, constant) if the term is an index plus or minus a whole number."""
    match term:
        case Position(index=index):
            return index, 0
        case Apply(function="+", arguments=(a, Constant(value=value))) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift + int(value)) if index else None
        case Apply(function="+", arguments=(Constant(value=value), a)) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift + int(value)) if index else None
        case Apply(function="-", arguments=(a, Constant(value=value))) if shifted(a):
            index, shift = shifted(a) or (None, 0)
            return (index, shift - int(value)) if index else None
        case _:
            return None
