"""The centred gradient, for any energy whose fields have parameters of their own.

Write E(x; theta, b) = E1(x; theta) + k b.x, with b a field of the sites x. At offsets m the linear part
of E1 is its slope there. With b = b' - slope(m; theta) / k the interactions act on x - m alone, as
in (x - m) W (h - n), whatever the energy is; following the slope in (theta, b') is the centred
gradient. The law does not change: only the direction of a step does.

Source: Melchior, Fischer & Wiskott (2016), "How to center deep Boltzmann machines", sections 2 and
4: the offsets are running means over the data phase, and the parameters move so that a change of
offsets changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, both
from ..backend.energy import Target
from ..backend.parameters import ParameterSpace
from ..backend.sites import Sites, sites_of
from ..partition.examples import Examples
from ..partition.gaps import gaps_of
from ..samplers.beginning import random_state
from ..semantics.terms import Kind, NamedEnergy

if TYPE_CHECKING:
    from ..model import Model

SLIDING = 0.01  # how fast offsets follow the data phase, as in the source
TRIES = 4
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter that is the field of a variable: dE/d(parameter) = `factor` times its sites."""

    variable: str
    parameter: str
    factor: float


@dataclass(frozen=True, slots=True, eq=False)
class Centring:
    """The fields of a model, and the energies whose linear parts they take over."""

    target: Target
    space: ParameterSpace
    fields: tuple[Field, ...]
    energies: tuple[NamedEnergy, ...]
    sites: Mapping[str, Sites]

    def offsets(self, slopes: Any) -> dict[str, Any]:
        """Means of the sites of each field, from the slope of a mean energy by all free numbers."""
        return {f.variable: slopes[f.parameter] / f.factor for f in self.fields}

    def none(self, free: Any) -> dict[str, Any]:
        """Offsets before anything is seen."""
        return {f.variable: jnp.zeros_like(free[f.parameter]) for f in self.fields}

    def absorbed(self, free: Any, offsets: Mapping[str, Any], given: Any) -> dict[str, Any]:
        """What each field takes over from the interactions at these offsets: -slope / k."""
        none = {f.parameter: jnp.zeros_like(free[f.parameter]) for f in self.fields}
        params = self.space.constrain({**free, **none})
        situation = Situation(params, given, jnp.ones(()))
        middle = {n: jnp.zeros(self._shape(n)) for n in self.target.program.unknowns}
        for field in self.fields:
            name, own = field.variable, self.sites[field.variable]
            labels = middle[name].shape[len(own.shape) :]
            middle[name] = own.put_opened(middle[name], offsets[name].reshape(-1, *labels))

        def energy(values: Any) -> Any:
            return self.target.extended(
                situation.params, {**middle, **values}, situation.given, self.energies
            )

        names = [f.variable for f in self.fields]
        slopes = jax.grad(energy)({n: middle[n] for n in names})
        found = {}
        for field in self.fields:
            own = self.sites[field.variable]
            slope = own.take_opened(both(own.symbol, slopes[field.variable]))
            found[field.parameter] = -slope.reshape(-1) / field.factor
        return found

    def turned(self, slopes: Any, free: Any, offsets: Mapping[str, Any], given: Any) -> Any:
        """The centred gradient from the plain one, both over free numbers."""
        _, pull = jax.vjp(lambda x: self.absorbed(x, offsets, given), free)
        (more,) = pull({f.parameter: slopes[f.parameter] for f in self.fields})
        return jax.tree.map(jnp.add, slopes, more)

    def shifted(self, free: Any, moved: Any, offsets: Mapping[str, Any], given: Any) -> Any:
        """The fields after a step in the centred parameters: they follow what interactions changed."""
        before, after = (self.absorbed(x, offsets, given) for x in (free, moved))
        return {n: moved[n] + after[n] - before[n] for n in before}

    def _shape(self, name: str) -> tuple[int, ...]:
        symbol = self.target.program.unknowns[name]
        shape = self.target.world.shape(symbol)
        if symbol.domain.kind is Kind.CATEGORY and symbol.domain.labels is not None:
            shape = (*shape, self.target.world.sizes[symbol.domain.labels.name])
        return shape


def centring_of(model: Model) -> Centring | None:
    """The centring of a model, kept with it; None if no discrete variable has fields of its own."""
    return model.made("centring", lambda: _centring(model))


def _centring(model: Model) -> Centring | None:
    target = model.target
    fields = []
    for name, symbol in target.program.unknowns.items():
        if symbol.domain.discrete and symbol.domain.kind is not Kind.INTEGER:
            found = _field(model, name)
            fields += [found] if found is not None else []
    energies = tuple(e for e in target.structure.extended if _multilinear(target, e.name))
    if not fields or not energies:
        return None
    sites = {
        f.variable: sites_of(target.program.unknowns[f.variable], target.world) for f in fields
    }
    return Centring(target, model.parameter_space, tuple(fields), energies, sites)


def _multilinear(target: Target, energy: str) -> bool:
    """Whether an energy is of first degree in every site, so that its extension has slopes anywhere."""
    facts = target.structure.by_energy[energy]
    return all(degree <= 1 for degree in facts.site_degree.values())


def _field(model: Model, name: str) -> Field | None:
    """The parameter that is a field of a variable: found by shape, shown by differences.

    An energy is linear in it with the sites as slopes if that holds at random states, parameters
    and shifts: a polynomial that vanishes at random points vanishes.
    """
    target, program = model.target, model.program
    symbol = program.unknowns[name]
    labels = () if symbol.domain.labels is None else (symbol.domain.labels,)
    for parameter, own in program.params.items():
        alike = own.dims == (*symbol.dims, *labels) and own.domain.whole_line
        if alike and own.symmetric == symbol.symmetric and own.hollow == symbol.hollow:
            factor = _factor(target, model, name, parameter)
            if factor is not None:
                return Field(name, parameter, factor)
    return None


def _factor(target: Target, model: Model, name: str, parameter: str) -> float | None:
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        start = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), model.init(0))
        given = {
            n: jnp.asarray(rng.normal(size=target.world.shape(s)), jnp.float64)
            if not s.domain.discrete and n not in model.bindings.givens
            else jnp.asarray(model.bindings.givens.get(n, np.zeros(target.world.shape(s))))
            for n, s in target.program.givens.items()
        }
        energy = jax.jit(target.energy)
        own = sites_of(target.program.params[parameter], target.world)
        sites = sites_of(target.program.unknowns[name], target.world)
        found = []
        for key in jax.random.split(jax.random.key(0), TRIES):
            state = random_state(target, key)
            opened = sites.take_opened(target.opened(state)[name])
            shift = rng.normal(size=(own.number,))
            moved = {**start, parameter: start[parameter] + own.full(jnp.asarray(shift))}
            change = float(energy(moved, state, given)) - float(energy(start, state, given))
            found.append((change, float(shift @ np.asarray(opened).reshape(-1))))
            start = {n: v if n in target.program.networks else v + 0.1 for n, v in moved.items()}
    changes, sums = np.array(found).T
    if not np.all(np.isfinite(changes)) or not np.any(sums):
        return None
    factor = float(np.round(changes @ sums / (sums @ sums), 9))
    close = np.allclose(changes, factor * sums, rtol=1e-6, atol=TOLERANCE)
    return factor if close and factor != 0 else None


def fields_from_means(
    centring: Centring, params: Mapping[str, Any], examples: Examples
) -> dict[str, Any]:
    """Parameters with the fields of the data's variables such that alone they give the data's means.

    Means are of the examples that know an entry; of an iterator that passes once there are none
    beforehand. Only fields that start at 0 are set. Source: Hinton
    (2012), "A practical guide to training restricted Boltzmann machines", section 8.
    """
    found = dict(params)
    starts = {f: np.asarray(params[f.parameter]) for f in centring.fields}
    wanted = {f: x for f, x in starts.items() if f.variable in examples.data and not np.any(x)}
    if examples.once:
        return found
    for field, (total, number) in _totals(centring, wanted, examples).items():
        start = wanted[field]
        symbol = centring.target.program.unknowns[field.variable]
        low, high = (-1.0, 1.0) if symbol.domain.kind is Kind.SPIN else (0.0, 1.0)
        # Half an example of either kind: no field runs off to infinity.
        mean = (total + 0.5 * (low + high)) / (number + 1)
        match symbol.domain.kind:
            case Kind.SPIN:
                field_of = np.arctanh(mean)
            case Kind.CATEGORY:
                field_of = np.log(mean) - np.log(mean).mean(axis=-1, keepdims=True)
            case _:
                field_of = np.log(mean) - np.log1p(-mean)
        found[field.parameter] = jnp.asarray(-field_of / field.factor, start.dtype)
    return found


def _totals(
    centring: Centring, starts: Mapping[Field, np.ndarray], examples: Examples
) -> dict[Field, tuple[Any, Any]]:
    """For each field the sum over examples that know an entry, and how many these are."""
    totals: dict[Field, tuple[Any, Any]] = {}
    for piece in examples.pieces() if starts else ():
        for field, start in starts.items():
            symbol = centring.target.program.unknowns[field.variable]
            rows = np.asarray(piece[field.variable])
            gaps = gaps_of(rows)
            number: Any = len(rows)
            if some := gaps.any():
                number = (~gaps).sum(axis=0)
                rows = np.where(gaps, 0, rows)
            if symbol.domain.kind is Kind.CATEGORY:
                rows = np.eye(start.shape[-1])[rows.astype(int)]
                if some:
                    rows *= ~gaps[..., None]
                    number = number[..., None]
            before = totals.get(field, (0.0, 0))
            totals[field] = before[0] + rows.sum(axis=0, dtype=float), before[1] + number
    return totals
