"""A noise law fitted to data, for contrast: frequencies of discrete sites, a Gaussian of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import states_of
from ..backend.energy import State
from ..backend.sites import Sites
from ..partition.examples import Examples
from ..samplers.smooth import Smooth
from ..semantics.terms import Kind
from ..syntax.diagnostics import complain
from .visible import Visible

SHRINKAGE = 1e-3  # share of the variances in the covariance, so that it has an inverse
PSEUDOCOUNT = 0.5  # Krichevsky & Trofimov (1981)
FREQUENCIES, MEAN, FACTOR = " frequencies of {}", " mean", " factor"
Key = Any


@dataclass(frozen=True, slots=True, eq=False)
class NoiseLaw:
    """A law over the visible sites that can be drawn from and whose density is known.

    `frequencies`: log p [site, value] of discrete sites; `mean` [number] and `factor`, the lower
    Cholesky factor of the covariance, of the free numbers of all continuous variables but angles,
    which are uniform.
    """

    visible: Visible
    frequencies: Mapping[str, Any]
    smooth: Smooth
    mean: Any
    factor: Any

    @property
    def numbers(self) -> dict[str, Any]:
        """All that the law has of the data, by names that no parameter can have."""
        own = {FREQUENCIES.format(n): v for n, v in self.frequencies.items()}
        return {**own, MEAN: self.mean, FACTOR: self.factor}

    def with_numbers(self, numbers: Mapping[str, Any]) -> NoiseLaw:
        """The law with these numbers, which may hold more than its own."""
        own = {n: numbers[FREQUENCIES.format(n)] for n in self.frequencies}
        return replace(self, frequencies=own, mean=numbers[MEAN], factor=numbers[FACTOR])

    def draw(self, key: Key) -> State:
        """One configuration; what is held or hidden is as in the base."""
        state = dict(self.visible.base)
        for name, sites in self.visible.sites.items():
            key, own = jax.random.split(key)
            if name in self.frequencies:
                values = jnp.asarray(self._values(sites), state[name].dtype)
                drawn = jax.random.categorical(own, jnp.asarray(self.frequencies[name]), axis=-1)
                state[name] = sites.put(state[name], values[drawn])
            elif sites.domain.kind is Kind.ANGLE:
                turns = jax.random.uniform(own, (sites.number,), maxval=2 * np.pi)
                state[name] = sites.put(state[name], turns.astype(state[name].dtype))
        if not self.smooth.sites:
            return state
        real = jnp.result_type(float)
        steps = jnp.asarray(self.factor, real) @ jax.random.normal(key, self.mean.shape, real)
        return self.smooth.put(state, self._split(jnp.asarray(self.mean, real) + steps))

    def log_density(self, state: State) -> Any:
        """log of the density of a configuration's visible sites, in nats."""
        total = jnp.zeros(())
        for name, sites in self.visible.sites.items():
            if name in self.frequencies:
                values = jnp.asarray(self._values(sites))
                index = jnp.searchsorted(values, sites.take(state[name]).astype(values.dtype))
                table = jnp.asarray(self.frequencies[name], total.dtype)
                total = total + jnp.sum(jnp.take_along_axis(table, index[:, None], axis=1))
            elif sites.domain.kind is Kind.ANGLE:
                total = total - sites.number * np.log(2 * np.pi)
        if not self.smooth.sites:
            return total
        free = self.smooth.free(state)
        away = _flat(free) - jnp.asarray(self.mean, total.dtype)
        factor = jnp.asarray(self.factor, total.dtype)
        scaled = jax.scipy.linalg.solve_triangular(factor, away, lower=True)
        volume = jnp.sum(jnp.log(jnp.diagonal(factor))) + 0.5 * len(self.mean) * np.log(2 * np.pi)
        stretch = sum((s.log_volume(free[n]) for n, s in self.smooth.sites.items()), jnp.zeros(()))
        return total - 0.5 * jnp.sum(scaled**2) - volume - stretch

    def _values(self, sites: Sites) -> np.ndarray:
        return states_of(sites.symbol, self.visible.model.target)

    def _split(self, numbers: Any) -> dict[str, Any]:
        found, first = {}, 0
        for name, sites in self.smooth.sites.items():
            shape = _free_shape(sites)
            size = int(np.prod(shape))
            found[name] = numbers[first : first + size].reshape(shape)
            first += size
        return found


def noise_of(visible: Visible, examples: Examples) -> NoiseLaw:
    """The noise law with the frequencies, and the means and covariances, of the examples."""
    if examples.once:
        raise complain(
            "E704",
            "noise is fitted to all examples beforehand, and an iterator passes once",
            helps=["what makes a new iterator is gone through first: fit(model, lambda: rows())"],
        )
    frequencies = {
        n: _frequencies(n, sites, examples, states_of(sites.symbol, visible.model.target))
        for n, sites in visible.sites.items()
        if sites.domain.discrete
    }
    smooth = Smooth(
        visible.model.target,
        {n: s for n, s in visible.sites.items()
         if not s.domain.discrete and s.domain.kind is not Kind.ANGLE},
    )  # fmt: skip
    mean, factor = np.zeros(0), np.zeros((0, 0))
    if smooth.sites:
        mean, factor = _gaussian(lambda: _free_rows(smooth, examples))
    return NoiseLaw(visible, frequencies, smooth, mean, factor)


def _frequencies(name: str, sites: Sites, examples: Examples, values: np.ndarray) -> np.ndarray:
    counts = np.full((sites.number, len(values)), PSEUDOCOUNT)
    for piece in examples.pieces():
        rows = piece[name]
        shown = rows.reshape(len(rows), -1)[:, sites.free]
        counts += np.stack([(shown == value).sum(axis=0) for value in values], axis=1)
    return np.log(counts / counts.sum(axis=1, keepdims=True))


def _free_rows(smooth: Smooth, examples: Examples) -> Iterator[np.ndarray]:
    """Free numbers of the examples in pieces [example, number]."""
    free = jax.vmap(lambda row: _flat(smooth.free(row)))
    for piece in examples.pieces():
        rows = {n: jnp.asarray(piece[n], jnp.result_type(float)) for n in smooth.sites}
        yield np.asarray(free(rows)).astype(np.float64)


def _gaussian(pieces: Callable[[], Iterator[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and lower Cholesky factor of the covariance, of rows in pieces [example, number]."""
    sums = [(rows.sum(axis=0), len(rows)) for rows in pieces()]
    number = sum(count for _, count in sums)
    mean = np.sum([total for total, _ in sums], axis=0) / number
    covariance = np.sum([(rows - mean).T @ (rows - mean) for rows in pieces()], axis=0) / number
    variances = np.diag(covariance).copy()
    variances[variances <= 0] = 1.0  # a site that never moves in the data
    return mean, np.linalg.cholesky(covariance + SHRINKAGE * np.diag(variances))


def _free_shape(sites: Sites) -> tuple[int, ...]:
    event = (sites.event[0] - 1,) if sites.event else ()
    return (sites.number, *event)


def _flat(free: Mapping[str, Any]) -> Any:
    return jnp.concatenate([x.reshape(-1) for x in free.values()])
