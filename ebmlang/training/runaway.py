"""Parameters that run away: entries on which the data put no bound, so that no optimum exists.

The slope of -log likelihood by an entry is E[s | data] - E[s], with s the slope of the energy. If s
has one value c on every example and lies on one side of c everywhere else, the slope keeps its sign
whatever the entry is, and the likelihood rises for ever: a pair of neurons that never fires
together, a pixel that is never lit. The gain is soon too small to see, and the entry still grows.

Source: Fienberg & Rinaldo (2012), "Maximum likelihood estimation in log-linear models", section 3:
the estimate exists if and only if the observed statistics lie inside the convex support.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..samplers.beginning import random_state
from .phases import Phases

LARGE = 1.0  # an entry below it has hardly begun to run
GROWTH = 0.05  # of itself, at least, since a quarter or half of the fit
STREWN = 256  # random configurations of each kind, to see what slopes there are at all
NEAR = 1e-5  # relative: slopes of one value, summed in another order
EPOCHS = 8
Earlier = tuple[tuple[int, dict[str, np.ndarray]], ...]


def remembered(earlier: Earlier, epoch: int, params: Mapping[str, Any]) -> Earlier:
    """The last two moments whose epoch is a power of two, this one among them if it is."""
    if epoch & (epoch - 1):
        return earlier
    now = {n: np.array(v) for n, v in params.items() if not isinstance(v, dict | list | tuple)}
    return (*earlier, (epoch, now))[-3:]


def growing(earlier: Earlier, epoch: int, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The entries that are large and have grown all along, as masks by parameter; none with priors."""
    past = [values for number, values in earlier if number < epoch]
    if epoch < EPOCHS or len(past) < 2:
        return {}
    masks = {}
    for name in past[-1]:
        first, half, now = (np.abs(v[name]) for v in (past[-2], past[-1], params))
        mask = (now > LARGE) & (now - half > 0) & (half > first) & (now - first > GROWTH * now)
        if mask.any():
            masks[name] = mask
    return masks


def unbounded(
    masks: Mapping[str, np.ndarray],
    phases: Phases,
    where: Situation,
    data: Iterable[State],
    chains: State,
) -> dict[str, np.ndarray]:
    """Those of the entries on which the data put no bound.

    data: pieces [batch, row, …] of it; chains [chain, …].
    """
    ranges = phases.model.made(("slopes", phases), lambda: _ranges(phases))
    lows, highs = zip(
        *(jax.tree.map(np.asarray, ranges(where, piece)) for piece in data), strict=True
    )
    low = jax.tree.map(lambda *parts: np.min(parts, axis=0), *lows)
    high = jax.tree.map(lambda *parts: np.max(parts, axis=0), *highs)
    flat = {n: _same(low[n], high[n]) & mask for n, mask in masks.items()}
    if not any(mask.any() for mask in flat.values()):
        return {}
    keys = jax.random.split(jax.random.key(0), STREWN)
    target = phases.model.target
    strewn, alike = (
        jax.vmap(lambda key, a=a: random_state(target, key, alike=a))(keys) for a in (False, True)
    )
    states = {n: jnp.concatenate([chains[n], strewn[n], alike[n]])[:, None] for n in strewn}
    least, most = (jax.tree.map(np.asarray, found) for found in ranges(where, states))
    found = {}
    for name, mask in flat.items():
        slack = NEAR * (1 + np.abs(low[name]))
        above, below = least[name] >= low[name] - slack, most[name] <= high[name] + slack
        # Where all other configurations have the larger slope, the likelihood rises with the entry.
        mask = mask & (above ^ below) & ((np.asarray(where.params[name]) > 0) == above)
        if mask.any():
            found[name] = mask
    return found


def _same(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return high - low <= NEAR * (1e-3 + np.abs(low))


def _ranges(phases: Phases) -> Callable[[Situation, State], tuple[Any, Any]]:
    """Compiled: the least and the greatest of the mean slopes of batches [batch, row, dims]."""

    def slope(where: Situation, states: State) -> Any:
        def mean(params: Any) -> Any:
            at = where._replace(params=params)
            return jnp.mean(jax.vmap(lambda s: phases.free_energy(at, s))(states))

        return jax.grad(mean)(where.params)

    def ranges(where: Situation, states: State) -> tuple[Any, Any]:
        first = slope(where, {n: v[0] for n, v in states.items()})

        def one(carry: tuple[Any, Any], batch: State) -> tuple[tuple[Any, Any], None]:
            now = slope(where, batch)
            return (jax.tree.map(jnp.minimum, carry[0], now),
                    jax.tree.map(jnp.maximum, carry[1], now)), None  # fmt: skip

        return jax.lax.scan(one, (first, first), states)[0]

    return jax.jit(ranges)


def told(found: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> list[str]:
    """A sentence for each parameter: its largest entry, and how many more there are."""
    says = []
    for name, mask in found.items():
        values = np.where(mask, np.abs(np.asarray(params[name])), 0)
        place = np.unravel_index(int(values.argmax()), values.shape)
        entry = f"{name}[{', '.join(str(int(i)) for i in place)}]" if place else name
        more = int(mask.sum()) - 1
        others = f" and {more} more entr{'y' if more == 1 else 'ies'} of `{name}`" if more else ""
        says.append(
            f"`{entry}`{others} run{'' if more else 's'} away: "
            f"{float(np.asarray(params[name])[place]):.3g} and still growing, because its energy has "
            "one value on all data, at the edge of what there is, and no optimum exists; "
            f"give `{name}` a prior"
        )
    return says
