"""Entries known in one example and unknown in another: masks and values that travel as given data.

An energy of which some variables are known in part is E at the configuration with its known entries
put in. It does not depend on what stands at a known entry of the configuration itself, so that
whatever moves the configuration draws the others from their law given what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ..semantics.terms import Symbol


def mask_of(name: str) -> str:
    """The name of the mask [dims], true where a variable is known; no declared name is like it."""
    return f"{name} known"


def value_of(name: str) -> str:
    """The name of the values [dims] of the known entries."""
    return f"{name} as known"


def as_given(rows: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Masks and values of these variables from rows in which NaN is what is not known."""
    found = {}
    for name in names:
        known = ~jnp.isnan(rows[name])
        found |= {mask_of(name): known, value_of(name): jnp.where(known, rows[name], 0)}
    return found


def completed(row: Any, value: Any) -> Any:
    """A value with the known entries of a row put in."""
    known = ~jnp.isnan(row)
    return jnp.where(known, jnp.where(known, row, 0).astype(value.dtype), value)


def filled(
    names: Iterable[str], state: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """A state, categories as numbers or one-hot, with the known entries of these variables put in."""
    found = dict(state)
    for name in names:
        if name in state and mask_of(name) in given:
            value, mask = jnp.asarray(state[name]), given[mask_of(name)]
            known = given[value_of(name)]
            if value.ndim > mask.ndim:
                known = jax.nn.one_hot(known.astype(jnp.int32), value.shape[-1])
                mask = mask[..., None]
            found[name] = jnp.where(mask, known.astype(value.dtype), value)
    return found


def tether(symbols: Iterable[Symbol], state: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """(x - known value)^2 / 2 of every known site of real variables: a law for what nothing holds."""
    total = jnp.zeros(())
    for symbol in symbols:
        name = symbol.name
        if symbol.domain.discrete or not symbol.domain.whole_line or name not in state:
            continue
        if mask_of(name) in given:
            away = jnp.where(given[mask_of(name)], state[name] - given[value_of(name)], 0.0)
            # Both entries of a pair are one site.
            share = 0.5 * (1 + jnp.eye(len(away))) if symbol.symmetric else 1.0
            total = total + 0.5 * jnp.sum(share * away**2)
    return total


def tethered_log_integral(beta: Any) -> Any:
    """log of the integral of exp(-beta tether) over one known site, in nats."""
    return 0.5 * jnp.log(2 * jnp.pi / beta)
