"""What is followed of every chain when samplers are compared: the gradient, quantities, the energy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..partition.gradient import slope_of
from ..samplers.streaming import observed
from .record import MOST_KEPT

if TYPE_CHECKING:
    from ..model import Model

FEWEST = 100  # entries that are followed however long the chains are
MOST_FEATURES = 256


class View(NamedTuple):
    """Where the unknowns are looked at from: axes [feature, axis] through their mean [feature]."""

    mean: Any
    axes: Any


class Watched:
    """The statistics of a draw, in this order: entries of dE/dtheta, the quantities, the energy.

    Without parameters the values of the unknowns stand for the entries. Of too many entries a part
    is drawn, `picked`. Behind them stands where the unknowns are, on the axes of a view.
    """

    def __init__(self, model: Model, situation: Situation, draws: int) -> None:
        self.model = model
        self.situation = situation
        shapes = jax.eval_shape(self._every, *self._arguments())
        entries, quantities, features = shapes
        self.parameters = bool(jax.tree.leaves(model.parameter_space.values(situation.params)))
        self.number = entries.size
        self.quantities = {n: int(np.prod(q.shape, dtype=int)) for n, q in quantities.items()}
        random = np.random.default_rng(0)  # the same part for every seed: one compiled program
        self.picked = _part(random, entries.size, max(FEWEST, MOST_KEPT // draws))
        self.features = _part(random, features.size, MOST_FEATURES)

    def _arguments(self) -> tuple[Situation, Any]:
        from ..samplers.beginning import random_state

        return self.situation, jax.eval_shape(
            lambda: random_state(self.model.target, jax.random.key(0))
        )

    @property
    def signature(self) -> tuple[bytes, bytes]:
        """Which entries and features are followed: what a compiled program depends on."""
        return self.picked.tobytes(), self.features.tobytes()

    @cached_property
    def entries(self) -> slice:
        """The columns of the gradient, or of the values of the unknowns."""
        return slice(0, len(self.picked))

    @cached_property
    def columns(self) -> Mapping[str, slice]:
        """The columns of each quantity."""
        found, begun = {}, self.entries.stop
        for name, size in self.quantities.items():
            found[name] = slice(begun, begun + size)
            begun += size
        return found

    @property
    def energy(self) -> int:
        """The column of the energy."""
        return self.entries.stop + sum(self.quantities.values())

    @property
    def statistics(self) -> slice:
        """All columns but those of the view."""
        return slice(0, self.energy + 1)

    @property
    def view(self) -> slice:
        """The columns of the view."""
        return slice(self.energy + 1, None)

    def describe(self) -> str:
        """What ESS, R-hat and errors speak of."""
        what = "entries of dE/dtheta" if self.parameters else "values of the unknowns"
        number = f"{self.number} {what}"
        if len(self.picked) < self.number:
            number = f"{len(self.picked)} {what} drawn from {self.number}"
        also = [*(f"of `{name}`" for name in self.quantities), "of the energy"]
        return f"ESS and R-hat: the worst of {', '.join([number, *also[:-1]])} and {also[-1]}"

    def of(self, situation: Situation, state: Any, view: View | None) -> Any:
        """The statistics of one configuration, and its place in the view, or its features without one."""
        real = jnp.result_type(float)
        entries, quantities, features = self._every(situation, state)
        energy = self.model.target.whole(situation.params, state, situation.given)
        seen = features[self.features]
        if view is not None:
            seen = (seen - view.mean) @ view.axes
        named = [value.reshape(-1) for value in quantities.values()]
        parts = [entries[self.picked], *named, energy.reshape(1), seen]
        return jnp.concatenate([part.astype(real) for part in parts])

    def _every(self, situation: Situation, state: Any) -> tuple[Any, dict[str, Any], Any]:
        """All entries, the quantities by name, and all features of one configuration."""
        model = self.model
        found = observed(model.target, situation, state)
        quantities = {q.name: found[q.name] for q in model.program.quantities}
        features = jnp.concatenate([found[n].reshape(-1) for n in model.program.unknowns])
        free = jax.tree.leaves(model.parameter_space.values(situation.params))
        entries = slope_of(model)(situation, state) if free else features
        return entries, quantities, features


def _part(random: np.random.Generator, number: int, most: int) -> np.ndarray:
    """All of so many numbers, or as many as may be, drawn at random and in order."""
    if number <= most:
        return np.arange(number)
    return np.sort(random.choice(number, most, replace=False))
