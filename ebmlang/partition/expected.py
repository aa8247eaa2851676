"""Expectations of what examples do not show, given what they do: E[h | v].

A field t on an unknown adds t h to the energy; minus the slope of log sum exp(-E) by t, at t = 0, is
E[h | v], whatever closed form the sum has: of an RBM the sigmoids of its fields. Where the sum has
none, chains run given each example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.structure import analyse
from ..arguments import CHECKS, checked
from ..backend.conditionals import Situation, in_float64
from ..backend.energy import State, Target, stored_type
from ..samplers.beginning import starter
from ..samplers.clamping import Clamped, clamped
from ..samplers.plan import Plan, make_plan
from ..samplers.run import situation_of
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import Init, started
from ..samplers.sweep import begin, prepared, sweeps
from ..semantics.context import nearest
from ..semantics.terms import Apply, Kind, NamedEnergy, Position, Read, Reduce, Role, Symbol, Term
from ..syntax.diagnostics import EbmError, complain
from .annealed import REAL, indices_of
from .examples import Examples
from .examples import prepare as prepared_data
from .sources import filled_up
from .summation import Summation, plan_sum

if TYPE_CHECKING:
    from ..model import Model

STATES = 1 << 20  # listed states of all examples of one compiled call
TOGETHER = 512  # examples of one compiled call
WALKERS = 4096  # chains of one compiled call


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """E[h | v] of each example: `values` by name [example, dims], of a category [example, dims, label].

    Of an angle there are its cosine and its sine on a last axis. `std_error`: of chains, 0 where the
    sum is exact. `method`: how it was had, in words.
    """

    values: Mapping[str, np.ndarray]
    std_error: Mapping[str, np.ndarray]
    method: str


@checked(warmup=CHECKS["draws"])
def expectations(
    model: Model,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    sampler: str | Sampler = "auto",
    chains: int = 8,
    warmup: int = 100,
    draws: int = 200,
    init: Init = None,
    seed: int = 0,
) -> Expected:
    """Expectations of unknowns given each example, all that it does not show if not said.

    data[name] [example, dims]. Exact where the sum over all that is not shown has a closed form, or
    few states; else by `chains` for each example, of `draws` sweeps after `warmup`, all examples with
    the same random numbers. `init`: where chains begin, as for `ebm.sample`.
    Raises EbmError E606 for a name that is unknown or stands in the data, and what `ebm.sample` raises.
    """
    chosen = sampler_of(sampler)
    model, examples = prepared_data(model, data, given)
    model.check_params(params)
    held = _held(model, examples)
    wanted = tuple(names) if names is not None else tuple(
        n for n in model.program.unknowns if n not in held.masks
    )  # fmt: skip
    _check_names(model, wanted, held)
    asking = _Asking(model, examples, held, wanted)
    if not wanted:
        return Expected({}, {}, "nothing is hidden")
    if (summation := asking.summation()) is not None:
        return asking.summed(params, summation)
    return asking.walked(params, chosen, (chains, warmup, draws), seed, init)


def _held(model: Model, examples: Examples) -> Clamped:
    """What each example shows, with what the model holds; values of the first example."""
    return clamped(model, {n: v[0] for n, v in examples.data.items()})


def _check_names(model: Model, names: Sequence[str], held: Clamped) -> None:
    for name in names:
        if name not in model.program.unknowns:
            near = nearest(name, list(model.program.unknowns))
            helps = [f"did you mean `{near}`?"] if near else []
            raise complain("E606", f"the model has no variable `{name}`", helps=helps)
        if name in held.masks:
            raise complain("E606", f"`{name}` stands in the data: nothing of it is expected")


@dataclass(frozen=True, slots=True, eq=False)
class _Asking:
    """One call: the model bound to its examples, what they show, and what is wanted."""

    model: Model
    examples: Examples
    held: Clamped
    names: tuple[str, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        return "expected", self.held.signature, self.names, tuple(self.examples.own)

    def summation(self) -> Summation | None:
        """The exact sum over all that is hidden, with a field on what is wanted; None for too long."""

        def made() -> Summation | None:
            try:
                found = plan_sum(with_fields(self.model, self.names), self.held.masks)
            except EbmError:
                return None
            angles = any(
                self.model.program.unknowns[n].domain.kind is Kind.ANGLE for n in self.names
            )
            return None if angles or found.chunks > 1 else found

        return self.model.made((*self.key, "sum"), made)

    def summed(self, params: Mapping[str, Any], summation: Summation) -> Expected:
        """By the slope of the log of the sum, in float64."""
        target = summation.target
        shapes = {n: target.world.shape(target.program.givens[field_of(n)]) for n in self.names}

        def one(situation: Situation, state: State, own: State) -> Any:
            def log_sum(fields: State) -> Any:
                given = {**situation.given, **own, **fields}
                return summation.log_sum(situation._replace(given=given), state, jnp.zeros(0))

            slopes = jax.grad(log_sum)({field_of(n): jnp.zeros(s) for n, s in shapes.items()})
            return {n: -slopes[field_of(n)] for n in shapes}

        together = max(1, min(TOGETHER, STATES // summation.states))
        with jax.enable_x64(True):
            situation = in_float64(self._situation(params))
            run = self.model.made(
                (*self.key, "slopes"), lambda: jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))
            )
            values = self._by_batches(lambda state, own: run(situation, state, own), together)
        none = {n: np.zeros_like(v) for n, v in values.items()}
        return Expected(values, none, summation.describe())

    def walked(
        self,
        params: Mapping[str, Any],
        sampler: Sampler,
        lengths: tuple[int, int, int],
        seed: int,
        init: Init,
    ) -> Expected:
        """By chains given each example. Raises EbmError E702 and E703 as `ebm.sample`."""
        model, target = self.model, self.model.target
        chains, warmup, draws = lengths
        situation = self._situation(params)
        first, second = jax.random.split(jax.random.key(seed))
        start = model.made((*self.key, "start"), lambda: starter(target, self.held.masks))
        states = started(model, situation, first, chains, self.held, init, start)
        keys = jax.random.split(second, chains)

        def made() -> Callable[..., Any]:
            plan = make_plan(target, sampler, self.held.masks)
            return jax.jit(
                jax.vmap(
                    _walk(plan, target, self.names, warmup, draws), in_axes=(None, None, None, 0, 0)
                )
            )

        run = model.made((*self.key, "chains", sampler, lengths), made)
        found = self._by_batches(
            lambda rows, own: run(situation, keys, states, {n: rows[n] for n in self.held.masks},
                                  own),
            max(1, WALKERS // chains),
        )  # fmt: skip
        values = {n: v.mean(axis=1) for n, v in found.items()}
        apart = {n: v.std(axis=1, ddof=1) if chains > 1 else np.full_like(values[n], np.nan)
                 for n, v in found.items()}  # fmt: skip
        errors = {n: v / np.sqrt(chains) for n, v in apart.items()}
        return Expected(values, errors, f"{chains} chains an example, {draws} sweeps each")

    def _situation(self, params: Mapping[str, Any]) -> Situation:
        own = {n: v[0] for n, v in self.examples.own.items()}
        return situation_of(self.model, params, {**self.examples.shared, **own}, 1.0)

    def _by_batches(
        self, run: Callable[[State, State], Mapping[str, Any]], together: int
    ) -> dict[str, np.ndarray]:
        """What `run` gives of states and given data [row, …], for all examples.

        Every batch has the same length, so that one program serves all; the last is filled up.
        """
        unknowns, givens = self.model.program.unknowns, self.model.program.givens
        number = self.examples.number
        size = min(together, 1 << (number - 1).bit_length())
        parts: list[Mapping[str, Any]] = []
        for rows in filled_up(number, size):
            state = {}
            for name, symbol in unknowns.items():
                kind, shape = stored_type(symbol), self.model.world.shape(symbol)
                if name in self.examples.data:
                    state[name] = jnp.asarray(self.examples.data[name][rows], kind)
                else:
                    value = self.held.values.get(name, jnp.zeros(shape))
                    state[name] = jnp.broadcast_to(jnp.asarray(value, kind), (size, *shape))
            own = {
                n: jnp.asarray(v[rows], stored_type(givens[n]))
                for n, v in self.examples.own.items()
            }
            parts.append(jax.tree.map(np.asarray, dict(run(state, own))))
        return {n: np.concatenate([p[n] for p in parts])[:number] for n in self.names}


def _walk(
    plan: Plan, target: Target, names: Sequence[str], warmup: int, draws: int
) -> Callable[..., Any]:
    """Means of each chain [chain, dims …] given one example."""

    def walk(situation: Situation, keys: Any, states: State, row: State, own: State) -> Any:
        here = situation._replace(given={**situation.given, **own})

        def one(key: Any, state: State) -> Any:
            chain = begin(plan, key, here, state | row, warmup)
            ready = prepared(plan, here)
            chain, _ = sweeps(plan, ready, chain, warmup)

            def draw(carry: Any, _: Any) -> tuple[Any, None]:
                chain, total = carry
                chain, _ = sweeps(plan, ready, chain, 1)
                told = _told(target, chain.state, names)
                return (chain, jax.tree.map(jnp.add, total, told)), None

            shapes = jax.eval_shape(lambda s: _told(target, s, names), chain.state)
            zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
            (_, total), _ = jax.lax.scan(draw, (chain, zero), None, length=draws)
            return jax.tree.map(lambda x: x / draws, total)

        return jax.vmap(one)(keys, states)

    return walk


def _told(target: Target, state: State, names: Sequence[str]) -> State:
    """What is averaged: numbers, one-hot labels, cosine and sine of angles."""
    opened = target.opened({n: state[n] for n in names})
    for name in names:
        if target.program.unknowns[name].domain.kind is Kind.ANGLE:
            angle = opened[name]
            opened[name] = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    return opened


def field_of(name: str) -> str:
    """The name of the given array in which the field on an unknown stands; no name of a program."""
    return f" expected {name}"


def with_fields(model: Model, names: Sequence[str]) -> Target:
    """The target of a model with the energy t x added for each of these unknowns, t a given array."""
    program, target = model.program, model.target
    givens, energies = {}, list(program.energies)
    for name in names:
        term, field = _field_on(program.unknowns[name])
        givens[field.name] = field
        energies.append(NamedEnergy(field.name, term, field.span))
    changed = replace(
        program, givens={**program.givens, **givens}, energies=tuple(energies), quantities=()
    )
    data = {n: np.asarray(v) for n, v in model.bindings.givens.items()}
    return Target(changed, target.world, analyse(changed, target.world, data), target.networks)


def _field_on(symbol: Symbol) -> tuple[Term, Symbol]:
    """The sum over all entries of t x, or of t[x] of a category, and t."""
    span, labels = symbol.span, symbol.domain.labels
    category = symbol.domain.kind is Kind.CATEGORY and labels is not None
    more = (labels,) if category and labels is not None else ()
    field = Symbol(field_of(symbol.name), Role.GIVEN, REAL, (*symbol.dims, *more), span)
    indices = tuple(indices_of(symbol))
    places: tuple[Term, ...] = tuple(Position(i, span) for i in indices)
    value: Term = Read(symbol, places, span)
    body: Term
    if category:
        body = Read(field, (*places, value), span)
    else:
        body = Apply("*", (Read(field, places, span), value), span)
    return (Reduce("sum", indices, (), body, span, span) if indices else body), field
