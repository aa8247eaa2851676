"""What is compiled for a fit stays with the model, for fits that repeat or resume it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..samplers.replay import Replay
from ..samplers.settings import Sampler
from .adaptive import Adaptive
from .checkpoint import digest
from .devices import Spread
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


def same_phases(
    model: Model,
    observed: tuple[str, ...],
    sampler: Sampler,
    missing: Mapping[str, np.ndarray] | None = None,
) -> Phases:
    """The phases of a model with these variables in the data, made once."""
    key = ("phases", observed, sampler, digest(missing or {}))
    return model.made(key, lambda: make_phases(model, observed, sampler, missing))


def same_epoch(phases: Phases, settings: Settings, optimiser: Any) -> Callable[..., Any]:
    """The compiled pass over batches for these settings; `optimiser` as it was given to the fit."""
    names = [f.name for f in fields(settings) if f.name not in ("optimiser", "seed")]
    own = tuple(_key(getattr(settings, n)) for n in names)
    key = ("epoch", phases, likeness(optimiser), own)
    compiled = phases.model.made(key, lambda: make_epoch(phases, settings))
    return partial(compiled, seed=np.uint32(settings.seed))


def _key(value: Any) -> Hashable:
    """A setting as part of a key: equal only for what compiles alike."""
    match value:
        case Spread():
            return value
        case Replay():
            return "replay", value.slots, value.chains, value.sweeps, value.restart
        case Adaptive():
            return value
        case Mapping():
            return digest({n: np.asarray(v) for n, v in value.items()})
        case bool() | int() | float() | str() | None:
            return type(value).__name__, value
        case _:
            return Same(value)
