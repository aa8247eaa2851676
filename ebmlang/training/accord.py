"""What an optimiser does of its own accord: parameters that it holds still, and those that it decays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..syntax.diagnostics import complain
from .centring import Centring
from .likeness import likeness

if TYPE_CHECKING:
    from ..model import Model

STEPS = 3  # a schedule may begin at 0


@dataclass(frozen=True, slots=True)
class Accord:
    """Names of parameters: `still` in some entry whatever the slopes are; `drawn` by their own values."""

    still: frozenset[str] = frozenset()
    drawn: frozenset[str] = frozenset()


def check_optimizer(optimizer: Any) -> None:
    """Refuse what is no optimiser of optax. Raises EbmError E704."""
    fit = all(callable(getattr(optimizer, n, None)) for n in ("init", "update"))
    if optimizer is not None and not fit:
        raise complain(
            "E704",
            f"`optimizer` must be an optimiser of optax, not {optimizer!r}",
            helps=["optimizer=optax.adam(1e-3)"],
        )


def accord_of(model: Model, optimiser: optax.GradientTransformation, params: Any) -> Accord:
    """What an optimiser does of its own accord, tried at random parameters and slopes; kept."""
    return model.made(("accord", likeness(optimiser)), lambda: _tried(model, optimiser, params))


def without(model: Model, centring: Centring, names: frozenset[str]) -> Centring | None:
    """The centring of the other fields, kept with the model; None if none is left."""
    fields = tuple(f for f in centring.fields if f.parameter not in names)
    if len(fields) == len(centring.fields):
        return centring
    kept = tuple(f.parameter for f in fields)
    return (
        model.made(("centring", kept), lambda: replace(centring, fields=fields)) if kept else None
    )


def _tried(model: Model, optimiser: optax.GradientTransformation, params: Any) -> Accord:
    free = jax.tree.map(jnp.asarray, model.parameter_space.unconstrain(dict(params)))
    rng = np.random.default_rng(0)
    slopes, one, other = (jax.tree.map(lambda x: _like(rng, x), free) for _ in range(3))
    moved = [
        jax.tree.map(lambda u: np.asarray(u != 0), m) for m in _updates(optimiser, slopes, one)
    ]
    ever = jax.tree.map(lambda *m: np.logical_or.reduce(m), *moved)
    still = frozenset(n for n in free if not all(np.all(x) for x in jax.tree.leaves(ever[n])))
    none = jax.tree.map(jnp.zeros_like, free)
    pairs = zip(_updates(optimiser, none, one), _updates(optimiser, none, other), strict=True)
    apart = [jax.tree.map(lambda a, b: np.asarray(a != b), a, b) for a, b in pairs]
    drawn = frozenset(
        n for n in free if any(np.any(x) for m in apart for x in jax.tree.leaves(m[n]))
    )
    return Accord(frozenset() if still == free.keys() else still, drawn)


def _like(rng: np.random.Generator, array: Any) -> Any:
    return jnp.asarray(rng.normal(size=array.shape), array.dtype)


def _updates(
    optimiser: optax.GradientTransformation, slopes: Any, free: Any
) -> Iterator[Mapping[str, Any]]:
    state = optimiser.init(free)
    for _ in range(STEPS):
        updates, state = optimiser.update(slopes, state, free)
        yield updates  # pyright: ignore[reportReturnType]
