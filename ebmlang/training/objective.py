"""What an objective is: which models it fits, and its loss of one example."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..partition.examples import Examples
from .visible import Visible

Key = Any
Facts = Mapping[str, Any]
Each = Callable[[Situation, State, Mapping[str, Any], Key], Any]
Start = Callable[[Situation, Facts], Mapping[str, Any]]


def no_more(situation: Situation, facts: Facts) -> Mapping[str, Any]:
    """The start of an objective that learns nothing beside the parameters."""
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """An objective on one model and its data.

    `facts`: all that it knows of the data, arrays by names that no parameter can have. `each` gives
    the loss of one example: of the situation (parameters and given data), the whole configuration,
    the facts with what is learnt beside the parameters, and a key. `start` gives where what is learnt,
    numbers by name, begins. Both are compiled once, and must do alike for all data of one shape.
    """

    each: Each
    start: Start = no_more
    facts: Facts = field(default_factory=dict[str, Any])


class Objective(Protocol):
    """A way of fitting that draws no chains: settings, and what it makes of a model."""

    @property
    def name(self) -> str:
        """The name by which `fit` takes it."""
        ...

    @property
    def needs(self) -> str:
        """What it asks of a model, in words."""
        ...

    def obstacle(self, visible: Visible) -> str | None:
        """Why it cannot fit this model, a sentence without its stop; None if it can."""
        ...

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        """The loss, for a model without obstacle."""
        ...
