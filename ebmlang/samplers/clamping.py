"""What a call holds: values of some entries of some variables, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from ..analysis.growth import compact
from ..arguments import shown
from ..backend.arrays import as_array
from ..backend.checks import check_values
from ..backend.energy import stored_type
from ..semantics.terms import Kind, Symbol
from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from ..model import Model

Clamp = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Clamped:
    """Held entries: for each variable its values and the mask of entries that are held."""

    values: dict[str, Any]
    masks: dict[str, np.ndarray]

    @property
    def signature(self) -> tuple[tuple[str, bytes], ...]:
        """What decides the compiled loop: which entries are held, not their values."""
        return tuple((n, np.packbits(m).tobytes()) for n, m in sorted(self.masks.items()))


def clamped(model: Model, clamp: Clamp | None) -> Clamped:
    """The clamp of a call with what the model holds anyway. Raises EbmError for what does not fit."""
    values: dict[str, Any] = {}
    masks: dict[str, np.ndarray] = {}
    for name, given in (dict(model.bindings.held) | dict(clamp or {})).items():
        symbol = model.program.unknowns.get(name)
        if symbol is None:
            raise complain("E606", f"the model has no variable `{name}` to clamp")
        shape = model.world.shape(symbol)
        value, held = _value_and_mask(symbol, given, shape)
        array = as_array(name, value, symbol)
        if array.shape != shape:
            raise complain(
                "E602",
                f"`{name}` is clamped to shape {list(array.shape)}, and "
                f"{list(shape) or 'one number'} is wanted",
            )
        if symbol.symmetric:
            array, held = np.where(held, array, array.T), held | held.T
        array = _only_held(array, held)
        _refuse_gaps(symbol, array)
        inside = np.where(held, array, inside_values(symbol, model, shape))
        check_values(symbol, inside, model.world, where="the clamp holds")
        values[name] = jnp.asarray(array, stored_type(symbol))
        masks[name] = held
    return Clamped(values, masks)


def refuse_hot(model: Model, held: Clamped, beta: float) -> None:
    """Refuse a beta of 0 or below where a variable that moves is unbounded: there is no law then.

    Raises EbmError E704.
    """
    for name, symbol in model.program.unknowns.items():
        moves = name not in held.masks or not held.masks[name].all()
        if beta <= 0 and moves and not compact(symbol):
            raise complain(
                "E704",
                f"`beta` must be above 0, not {beta:g}: `{name}` is unbounded, and has no law there",
                helps=[f"a type with bounds has one: {name} : real<-1, 1>"],
            )


def _value_and_mask(symbol: Symbol, given: Any, shape: tuple[int, ...]) -> tuple[Any, np.ndarray]:
    """What a clamp holds, and where. Raises EbmError E602 for what is no value or no mask."""
    if isinstance(given, np.ma.MaskedArray):
        given = given.data, ~np.ma.getmaskarray(given)
    if not isinstance(given, tuple):
        return given, np.ones(shape, bool)
    wanted = (
        f"(value, mask) is wanted, the mask true where the value of shape "
        f"{list(shape) or 'one number'} holds"
    )
    if len(given) != 2:
        raise complain(
            "E602", f"`{symbol.name}` is clamped with a tuple of {len(given)}, and {wanted}"
        )
    mask = as_array(f"the mask of {symbol.name}", given[1])
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise complain(
            "E602", f"`{symbol.name}` is clamped with the mask {shown(given[1])}, and {wanted}"
        )
    try:
        held = np.broadcast_to(mask.astype(bool), shape)
    except ValueError:
        raise complain(
            "E602", f"`{symbol.name}` is clamped with a mask {list(mask.shape)}, and {wanted}"
        ) from None
    if symbol.domain.kind is Kind.SIMPLEX:
        _check_whole(symbol, held)
    return given[0], held


def _only_held(array: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The values that are held, and 0 elsewhere, whatever stands there."""
    if array.dtype.kind in "biuf":
        return np.where(held, array, 0)
    kept = np.array(array[held].tolist())
    if kept.dtype.kind not in "biuf":
        return array  # which is refused as what it is
    filled = np.zeros(array.shape, kept.dtype)
    filled[held] = kept
    return filled


def _refuse_gaps(symbol: Symbol, array: np.ndarray) -> None:
    """Refuse NaN where a value is held. Raises EbmError E604 that says how to leave entries free."""
    if array.dtype.kind == "f" and np.isnan(array).any():
        place = ", ".join(str(k) for k in np.argwhere(np.isnan(array))[0])
        raise complain(
            "E604",
            f"the clamp of `{symbol.name}` holds nan" + (f" at [{place}]" if place else ""),
            helps=[
                "to hold some entries and leave the others free: (value, mask), the mask true where "
                "the value holds"
            ],
        )


def _check_whole(symbol: Symbol, held: np.ndarray) -> None:
    """Refuse a simplex of which some entries are held: what is left sums to less than one."""
    parts = held.any(-1) & ~held.all(-1)
    if not np.any(parts):
        return
    row = ", ".join(str(k) for k in np.argwhere(parts)[0])
    raise complain(
        "E602",
        f"`{symbol.name}` is a simplex, which is held whole or not at all: "
        + (f"row {row} is held in part" if row else "it is held in part"),
        helps=["let the mask be true or false along the whole last dimension"],
    )


def inside_values(symbol: Symbol, model: Model, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the type of a variable, to stand where nothing is told: a hollow one is 0 on its diagonal."""
    from ..backend.parameters import _neutral

    usual = _first_state(symbol, model) if symbol.domain.discrete else _neutral(symbol, model.world)
    values = np.full(shape, np.asarray(usual))
    return np.where(np.eye(shape[-1], dtype=bool), 0, values) if symbol.hollow else values


def _first_state(symbol: Any, model: Model) -> float:
    from ..backend.conditionals import states_of

    return float(states_of(symbol, model.target)[0])
