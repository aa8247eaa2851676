"""Where a fit stands: everything that the rest of it follows from, to be kept and gone back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .checkpoint import Arrays, Kept, flat, shaped

Row = dict[str, float]
Told = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A fit between two compiled pieces. `order`: the generator's state before the epoch's order.

    `place`: batches of this epoch that are done, `told` what they told, `seconds` what they took.
    `energies` [epoch, chain]: of the chains, at the ends of the last epochs. `earlier`: the epoch
    and the parameters of two moments before. `still`: for how many epochs a variable has not moved.
    """

    learner: Any
    order: Mapping[str, Any]
    epochs: int = 0
    place: int = 0
    told: Told | None = None
    seconds: float = 0.0
    history: tuple[Row, ...] = ()
    energies: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    earlier: tuple[tuple[int, dict[str, np.ndarray]], ...] = ()
    still: Mapping[str, int] = field(default_factory=dict)
    lowered: int = 0
    problems: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """How far the fit is, in words."""
        inside = f"{self.place} batches of epoch {self.epochs + 1}" if self.place else ""
        if not self.epochs:
            return inside or "the start"
        return f"epoch {self.epochs}" + (f" and {inside}" if inside else "")

    def with_problem(self, says: str) -> Standing:
        """The same with one problem more, told once."""
        return self if says in self.problems else replace(self, problems=(*self.problems, says))


def fresh(learner: Any, seed: int) -> Standing:
    """A fit before its first step."""
    return Standing(learner, np.random.default_rng(seed).bit_generator.state)


def order_of(state: Mapping[str, Any], number: int) -> tuple[np.ndarray, Mapping[str, Any]]:
    """A new order of so many examples, and the generator's state after it."""
    generator = np.random.default_rng()
    generator.bit_generator.state = dict(state)
    return generator.permutation(number), generator.bit_generator.state


def joined(before: Told | None, now: Told) -> Told:
    """What the steps of an epoch told, one behind the other."""
    if before is None:
        return now
    return {n: np.concatenate([before[n], v]) for n, v in now.items()}


def to_kept(standing: Standing, beside: Mapping[str, Standing | None] | None = None) -> Kept:
    """A standing as a checkpoint holds it. `beside`: others by name, None for this one again."""
    arrays: Arrays = flat(standing.learner, "learner")
    if standing.told is not None:
        arrays |= {f"told.{n}": np.asarray(v) for n, v in standing.told.items()}
    names = list(standing.history[0]) if standing.history else []
    arrays |= {f"history.{n}": np.array([row[n] for row in standing.history]) for n in names}
    arrays["energies"] = standing.energies
    for epoch, params in standing.earlier:
        arrays |= {f"earlier.{epoch}.{n}": v for n, v in params.items()}
    facts = {
        "order": dict(standing.order),
        "epochs": standing.epochs,
        "place": standing.place,
        "seconds": standing.seconds,
        "columns": names,
        "earlier": [epoch for epoch, _ in standing.earlier],
        "still": dict(standing.still),
        "lowered": standing.lowered,
        "problems": list(standing.problems),
        "beside": dict.fromkeys(beside or {}),
    }
    for name, other in (beside or {}).items():
        if other is not None:
            kept = to_kept(other)
            arrays |= {f"{_place(name)}{n}": v for n, v in kept.arrays.items()}
            facts["beside"][name] = kept.facts
    return Kept(arrays, facts)


def beside_of(kept: Kept, standing: Standing, like: Any) -> dict[str, Standing]:
    """The standings that a checkpoint holds beside its own. Raises EbmError E711 as `from_kept`."""
    found = {}
    for name, facts in kept.facts["beside"].items():
        place = _place(name)
        arrays = {n[len(place) :]: v for n, v in kept.arrays.items() if n.startswith(place)}
        found[name] = standing if facts is None else from_kept(Kept(arrays, facts), like)
    return found


def _place(name: str) -> str:
    """What the arrays of a standing beside are named after."""
    return f"beside.{name}."


def from_kept(kept: Kept, like: Any) -> Standing:
    """The standing of a checkpoint. Raises EbmError E711 if its arrays do not fit this fit."""
    facts, arrays = kept.facts, kept.arrays

    def group(prefix: str) -> dict[str, np.ndarray]:
        return {n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)}

    told, history = group("told."), group("history.")
    columns = [history[n].tolist() for n in facts["columns"]]
    rows = [dict(zip(facts["columns"], row, strict=True)) for row in zip(*columns, strict=True)]
    return Standing(
        learner=shaped(like, arrays, "learner"),
        order=facts["order"],
        epochs=facts["epochs"],
        place=facts["place"],
        told=told or None,
        seconds=facts["seconds"],
        history=tuple(rows),
        energies=arrays["energies"],
        earlier=tuple((epoch, group(f"earlier.{epoch}.")) for epoch in facts["earlier"]),
        still=facts["still"],
        lowered=facts["lowered"],
        problems=tuple(facts["problems"]),
    )
