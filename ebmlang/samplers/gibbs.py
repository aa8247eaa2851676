"""Gibbs: exact draws of sites given all others, colour by colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import number_of
from ..backend.conditionals import Situation, by_trying, gaussian, logits, states_of
from ..backend.energy import State, Target
from ..backend.sites import Sites
from ..semantics.terms import Kind
from .block import Key, Moved
from .noise import coins_rows, logistic, pick, rises, seed_of, uniform

MOST_UNROLLED = 4


@dataclass(frozen=True, slots=True, eq=False)
class GradientGibbs:
    """Discrete sites, all of a colour at once, by one gradient of the energy.

    `colours` [dims] numbers the colour of each free site, -1 where a value is held. The noise of
    a sweep is drawn once: each site uses only its own, when its colour has its turn.
    """

    target: Target
    name: str
    sites: Sites
    colours: np.ndarray
    midpoint: bool
    method: str = "gibbs"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def number(self) -> int:
        """How many colours there are."""
        return number_of(self.colours)

    def tables(self, situation: Situation) -> Any:
        return ()

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        noise = self._noise(key, state)
        moved = by_colour(self.colours, state, lambda s, mask: self._one(s, mask, noise, situation))
        return exactly(moved, inner, self.number)

    def _noise(self, key: Key, state: State) -> Any:
        value = state[self.name]
        if self.sites.symbol.domain.kind is Kind.CATEGORY:
            noise = uniform(key, value.shape)
        elif self.number > 1:
            noise = logistic(key, value.shape)
        else:
            rows = coins_rows(seed_of(key), value.size)
            noise = jax.tree.map(lambda words: words.reshape(value.shape), rows)
        return jax.tree.map(mirrored, noise) if self.sites.symbol.symmetric else noise

    def _one(self, state: State, mask: Any, noise: Any, situation: Situation) -> State:
        odds = logits(
            self.target, self.name, situation, state, at_middle=mask if self.midpoint else None
        )
        value = state[self.name]
        match self.sites.symbol.domain.kind:
            case Kind.CATEGORY:
                new = pick(odds, noise).astype(value.dtype)
            case kind:
                low = 0.0 if kind is Kind.BINARY else -1.0
                up = noise < odds if self.number > 1 else rises(noise, odds)
                new = jnp.where(up, 1.0, low).astype(value.dtype)
        return state | {self.name: jnp.where(mask, new, value)}


@dataclass(frozen=True, slots=True, eq=False)
class GaussianGibbs:
    """Real sites in which the energy is quadratic: exact normal draws, colour by colour."""

    target: Target
    name: str
    sites: Sites
    colours: np.ndarray
    method: str = "gibbs"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def number(self) -> int:
        """How many colours there are."""
        return number_of(self.colours)

    def tables(self, situation: Situation) -> Any:
        return ()

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        noise = jax.random.normal(key, state[self.name].shape, state[self.name].dtype)
        noise = mirrored(noise) if self.sites.symbol.symmetric else noise

        def one(state: State, mask: Any) -> State:
            mean, precision = gaussian(self.target, self.name, situation, state, mask)
            # A negative precision is no density: its root is NaN, and the run says so.
            new = mean + noise / jnp.sqrt(precision)
            return state | {self.name: jnp.where(mask, new, state[self.name])}

        return exactly(by_colour(self.colours, state, one), inner, 2 * self.number)


@dataclass(frozen=True, slots=True, eq=False)
class TryingGibbs:
    """Discrete sites one after another, each by the energy at every one of its values.

    Exact for any energy. If no two sites interact, all are tried and drawn at once.
    """

    target: Target
    name: str
    sites: Sites
    together: bool
    method: str = "gibbs"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.name,)

    def tables(self, situation: Situation) -> Any:
        return ()

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        values = jnp.asarray(states_of(self.sites.symbol, self.target), state[self.name].dtype)
        places = jnp.asarray(self.sites.free)
        mirrors = places if self.sites.mirror is None else jnp.asarray(self.sites.mirror)
        noise = jax.random.gumbel(key, (self.sites.number, len(values)))

        def draw(state: State, place: Any, mirror: Any, own: Any) -> Any:
            weights = by_trying(self.target, self.name, situation, state, place, mirror)
            return values[jnp.argmax(weights + own)]

        if self.together:
            new = jax.vmap(draw, in_axes=(None, 0, 0, 0))(state, places, mirrors, noise)
            moved = state | {self.name: self.sites.put(state[self.name], new)}
            return exactly(moved, inner, 1)

        def visit(state: State, site: tuple[Any, Any, Any]) -> tuple[State, None]:
            place, mirror, own = site
            value = draw(state, place, mirror, own)
            shape = state[self.name].shape
            flat = state[self.name].reshape(-1).at[place].set(value).at[mirror].set(value)
            return state | {self.name: flat.reshape(shape)}, None

        moved, _ = jax.lax.scan(visit, state, (places, mirrors, noise))
        return exactly(moved, inner, self.sites.number)


def mirrored(noise: Any) -> Any:
    """The same noise at both entries of each pair: a symmetric array stays so."""
    side = noise.shape[0]
    upper = jnp.triu(jnp.ones((side, side), bool)).reshape((side, side) + (1,) * (noise.ndim - 2))
    return jnp.where(upper, noise, jnp.swapaxes(noise, 0, 1))


def by_colour(colours: np.ndarray, state: State, move: Any) -> State:
    """The state after every colour has moved in turn; many colours share one compiled step."""
    number = number_of(colours)
    if number <= MOST_UNROLLED:
        for colour in range(number):
            state = move(state, colours == colour)
        return state
    numbers = jnp.asarray(colours)
    moved, _ = jax.lax.scan(
        lambda s, colour: (move(s, numbers == colour), None), state, jnp.arange(number)
    )
    return moved


def exactly(state: State, inner: Any, gradients: int) -> Moved:
    """A step that is always accepted."""
    return Moved(state, inner, jnp.ones(()), jnp.asarray(gradients), jnp.zeros((), bool))
