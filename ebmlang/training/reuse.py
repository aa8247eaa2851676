"""What is compiled for a fit stays with the model, for fits that repeat or resume it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..samplers.replay import Replay
from ..samplers.settings import Sampler
from .checkpoint import digest
from .likeness import Same, likeness
from .phases import Phases, make_phases
from .step import Settings, make_epoch

if TYPE_CHECKING:
    from ..model import Model


def same_model(model: Model, prepared: Model) -> Model:
    """The model as an earlier fit bound it to data that are alike, with all that it has compiled."""
    bound = prepared.bindings
    arrays = {
        f"{kind}.{name}": np.asarray(value)
        for kind in ("graphs", "givens", "held")
        for name, value in getattr(bound, kind).items()
    }
    sizes = tuple(sorted(bound.sizes.items()))
    functions = tuple((n, Same(f)) for n, f in sorted(bound.externals.items()))
    return model.made(("bound", digest(arrays), sizes, functions), lambda: prepared)


def same_phases(model: Model, observed: tuple[str, ...], sampler: Sampler) -> Phases:
    """The phases of a model with these variables in the data, made once."""
    return model.made(("phases", observed, sampler), lambda: make_phases(model, observed, sampler))


def same_epoch(phases: Phases, settings: Settings, optimiser: Any) -> Callable[..., Any]:
    """The compiled pass over batches for these settings; `optimiser` as it was given to the fit."""
    own = tuple(_key(getattr(settings, f.name)) for f in fields(settings) if f.name != "optimiser")
    key = ("epoch", phases, likeness(optimiser), own)
    return phases.model.made(key, lambda: make_epoch(phases, settings))


def _key(value: Any) -> Hashable:
    """A setting as part of a key: equal only for what compiles alike."""
    match value:
        case Replay():
            return "replay", value.slots, value.chains, value.sweeps, value.restart
        case Mapping():
            return digest({n: np.asarray(v) for n, v in value.items()})
        case bool() | int() | float() | str() | None:
            return type(value).__name__, value
        case _:
            return Same(value)
