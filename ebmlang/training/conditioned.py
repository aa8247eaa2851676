"""log p of each visible site given all others, all sites at once wherever one slope tells all.

The slope of the multilinear extension is, in every site of first degree, the exact difference of
energies of its two states with all others where they are: one gradient gives the conditionals of
all sites, whether they interact or not. Sites of second degree are put half way colour by colour;
what is curved is tried on the pieces that it touches. Where latents are summed out, every visible
site is changed in turn and the free energy taken anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.choice import Refusal, gibbs_way
from ..analysis.colouring import number_of
from ..backend.conditionals import Situation, by_trying, gaussian, logits, states_of
from ..backend.energy import State
from ..backend.sites import Sites
from ..samplers.local import LocalGibbs, local_block
from ..samplers.plan import colours_of
from ..semantics.terms import Kind
from .visible import Visible

Key = Any
Conditionals = Callable[[Situation, State, Key], Any]
TOGETHER = 64  # changed configurations at a time


def conditionals_of(visible: Visible, picked: int | None = None) -> Conditionals:
    """Of a situation, a state and a key: for each variable log p [site], and what stands before its sum.

    `picked`: where latents are summed out, so many random sites of each variable only, with a
    factor that makes them stand for all. The key draws them.
    """
    hidden = bool(visible.hidden)
    ways = [_by_change(visible, n, picked) if hidden else _at_once(visible, n)
            for n in visible.sites]  # fmt: skip

    def found(situation: Situation, state: State, key: Key) -> Any:
        keys = jax.random.split(key, len(ways))
        return [way(situation, state, k) for way, k in zip(ways, keys, strict=True)]

    return found


def obstacle_to_conditionals(visible: Visible) -> str | None:
    """Why some visible site has no exact conditional, in words; None if all have one."""
    if visible.unsummed:
        return visible.unsummed
    for name, symbol in visible.symbols.items():
        if symbol.domain.discrete:
            continue
        way = gibbs_way(visible.model.structure.variables[name])
        if isinstance(way, Refusal):
            return f"`{name}` has no exact conditional: {way.reason}"
        if visible.hidden:
            names = "`, `".join(visible.hidden)
            return f"`{name}` is real, and with `{names}` summed out it has no exact conditional"
    return None


def _at_once(visible: Visible, name: str) -> Conditionals:
    target = visible.model.target
    facts = target.structure.variables[name]
    sites = visible.sites[name]
    way = gibbs_way(facts)
    assert not isinstance(way, Refusal)
    match way[0]:
        case "gradient":
            return lambda situation, state, key: (
                _chosen(sites, logits(target, name, situation, state), state[name]), 1.0
            )  # fmt: skip
        case "midpoint":
            return _by_colour(visible, name, _midpoint)
        case "trying":
            return _by_trying(visible, name)
        case _:
            return _by_colour(visible, name, _normal)


def _chosen(sites: Sites, odds: Any, value: Any) -> Any:
    """log p [site] of the values that sites have, from log odds [dims] or log weights [dims, label]."""
    now = sites.take(value)
    match sites.symbol.domain.kind:
        case Kind.CATEGORY:
            weights = odds.reshape(-1, odds.shape[-1])[sites.free]
            return _picked(weights, now.astype(jnp.int32))
        case Kind.BINARY:
            return -jax.nn.softplus(-(2 * now - 1) * sites.take(odds))
        case _:
            return -jax.nn.softplus(-now * sites.take(odds))


def _picked(weights: Any, index: Any) -> Any:
    return jnp.take_along_axis(jax.nn.log_softmax(weights, axis=-1), index[:, None], axis=1)[:, 0]


def _midpoint(visible: Visible, name: str, situation: Situation, state: State, mask: Any) -> Any:
    odds = logits(visible.model.target, name, situation, state, at_middle=mask)
    return _chosen(visible.sites[name], odds, state[name])


def _normal(visible: Visible, name: str, situation: Situation, state: State, mask: Any) -> Any:
    mean, precision = gaussian(visible.model.target, name, situation, state, mask)
    sites = visible.sites[name]
    away = sites.take(state[name] - mean)
    own = sites.take(precision)
    return 0.5 * (jnp.log(own / (2 * jnp.pi)) - own * away**2)


def _by_colour(visible: Visible, name: str, of: Callable[..., Any]) -> Conditionals:
    """All sites of a colour at a time: they do not interact."""
    sites = visible.sites[name]
    colours = colours_of(visible.model.structure.variables[name], sites)
    own = jnp.asarray(colours.reshape(-1)[sites.free])

    def found(situation: Situation, state: State, key: Key) -> Any:
        @jax.checkpoint
        def one(total: Any, colour: Any) -> Any:
            each = of(visible, name, situation, state, jnp.asarray(colours) == colour)
            return jnp.where(own == colour, each, total), None

        start = jnp.zeros(sites.number, jnp.result_type(float))
        total, _ = jax.lax.scan(one, start, jnp.arange(number_of(colours)))
        return total, 1.0

    return found


def _by_trying(visible: Visible, name: str) -> Conditionals:
    """Every value of every site, on the pieces that it touches where these can be listed."""
    target, sites = visible.model.target, visible.sites[name]
    values = jnp.asarray(states_of(sites.symbol, target))
    local = local_block(target, name, sites, colours_of(target.structure.variables[name], sites))
    places, mirrors = _places(sites)

    def found(situation: Situation, state: State, key: Key) -> Any:
        if isinstance(local, LocalGibbs):
            situation = situation._replace(tables=local.tables(situation))
            weights = local.odds(situation, state)
        else:
            weights = jax.lax.map(
                jax.checkpoint(lambda at: by_trying(target, name, situation, state, *at)),
                (places, mirrors),
                batch_size=TOGETHER,
            )
        now = sites.take(state[name]).astype(values.dtype)
        return _picked(weights, jnp.searchsorted(values, now)), 1.0

    return found


def _places(sites: Sites) -> tuple[Any, Any]:
    places = jnp.asarray(sites.free)
    return places, places if sites.mirror is None else jnp.asarray(sites.mirror)


def _by_change(visible: Visible, name: str, picked: int | None) -> Conditionals:
    """Every other value of a visible site in turn, and the free energy of each."""
    sites = visible.sites[name]
    values = jnp.asarray(states_of(sites.symbol, visible.model.target))
    others = np.arange(1, len(values))
    few = sites.number if picked is None else min(picked, sites.number)
    places, mirrors = _places(sites)

    def found(situation: Situation, state: State, key: Key) -> Any:
        here = visible.energy(situation, state)
        flat = state[name].reshape(-1)

        @jax.checkpoint
        def risen(change: tuple[Any, Any]) -> Any:
            site, step = change
            now = jnp.searchsorted(values, flat[places[site]].astype(values.dtype))
            value = values[(now + step) % len(values)].astype(flat.dtype)
            moved = flat.at[places[site]].set(value).at[mirrors[site]].set(value)
            return here - visible.energy(situation, state | {name: moved.reshape(sites.shape)})

        chosen = jnp.arange(few)
        if few < sites.number:
            chosen = jax.random.choice(key, sites.number, (few,), replace=False)
        changes = jnp.repeat(chosen, len(others)), jnp.tile(jnp.asarray(others), few)
        rises = jax.lax.map(risen, changes, batch_size=TOGETHER).reshape(few, len(others))
        log_p = -jax.nn.logsumexp(jnp.pad(rises, ((0, 0), (1, 0))), axis=1)
        return log_p, sites.number / few

    return found
