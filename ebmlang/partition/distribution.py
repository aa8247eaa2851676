"""A model as a NumPyro distribution: its density up to log Z, its slopes, and draws by Markov chains."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpyro.distributions import Distribution
from numpyro.distributions.util import validate_sample

from ..arguments import CHECKS, check_number, checked
from ..backend.arrays import as_array
from ..backend.checks import check_values
from ..backend.conditionals import Situation, with_walls
from ..backend.energy import State, stored_type
from ..backend.parameters import check_params
from ..evaluation.diagnostics import Judged, not_finite
from ..samplers.beginning import starter
from ..samplers.clamping import refuse_hot
from ..samplers.plan import make_plan
from ..samplers.run import clamped
from ..samplers.settings import Sampler, sampler_of
from ..samplers.starting import begin_states
from ..samplers.sweep import begin, prepared, sweeps
from ..samplers.verify import verify
from ..semantics.terms import Kind, Role
from ..syntax.diagnostics import complain
from .summation import plan_sum
from .supports import support_of

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """What of a distribution is no array: kept with the model, so that equal ones are the same."""

    model: Model
    variable: str
    sampler: Sampler
    sweeps: int
    masks: Mapping[str, np.ndarray]

    @property
    def summed(self) -> bool:
        """Whether other unknowns are left to be summed out."""
        names = set(self.model.program.unknowns) - set(self.masks)
        return names != {self.variable}

    def log_weight(self) -> Callable[[Situation, State, Any], Any]:
        """-beta E of one value, or the log of the sum of exp(-beta E) over what is summed out."""
        return self.model.made(("density", self), self._compile_weight)

    def walk(self) -> Callable[..., Any]:
        """Values [chain, dims] at the ends of chains [chain], and whether each began well."""
        return self.model.made(("ends", self), self._compile_walk)

    def _compile_weight(self) -> Callable[[Situation, State, Any], Any]:
        target, name = self.model.target, self.variable
        if not self.summed:

            def plain(situation: Situation, held: State, value: Any) -> Any:
                state = {**held, name: value}
                energy = target.whole(situation.params, state, situation.given)
                forbidden = jnp.isposinf(energy)  # at every beta
                return jnp.where(
                    forbidden, -jnp.inf, -situation.beta * jnp.where(forbidden, 0.0, energy)
                )

            return jax.jit(plain)
        symbols = target.program.unknowns
        masks = dict(self.masks)
        masks[name] = np.ones(target.world.shape(symbols[name]), bool)
        summation = plan_sum(target, masks)
        if summation.chunks > 1:
            raise complain(
                "E705",
                f"the density of `{name}` alone would list {summation.states:.3g} states",
                notes=[summation.describe()],
                helps=["clamp more of the others"],
            )
        others = {
            n: jnp.zeros(target.world.shape(s), stored_type(s))
            for n, s in symbols.items()
            if n not in masks
        }

        def free(situation: Situation, held: State, value: Any) -> Any:
            state = {**others, **held, name: value}
            return summation.log_sum(situation, state, jnp.zeros(0))

        return jax.jit(free)

    def _compile_walk(self) -> Callable[..., Any]:
        target = self.model.target
        plan = make_plan(target, self.sampler, self.masks)
        first = starter(target, self.masks)
        half = self.sweeps // 2

        def ends(situation: Situation, held: State, keys: Any) -> tuple[Any, Any]:
            states, fine = first(situation, keys, held, {})
            ready = prepared(plan, situation)

            def one(key: Any, state: State) -> Any:
                chain = begin(plan, jax.random.fold_in(key, 1), situation, state, half)
                return sweeps(plan, ready, chain, self.sweeps)[0].state[self.variable]

            return jax.vmap(one)(keys, states), fine

        return jax.jit(ends)


class ModelDistribution(Distribution, Judged):
    """The law of one variable of a model at some parameters; made by `ebm.distribution`.

    `log_prob` is -beta E - log_partition: normalised only if log_partition is log Z. Parameters and
    given data may have leading axes, which make the batch shape.
    """

    pytree_data_fields: tuple[str, ...] = ("params", "given", "held", "beta", "log_partition")
    pytree_aux_fields: tuple[str, ...] = ("recipe",)

    def __init__(
        self,
        recipe: Recipe,
        params: Mapping[str, Any],
        given: Mapping[str, Any],
        held: State,
        beta: Any,
        log_partition: Any,
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.recipe = recipe
        self.params: dict[str, Any] = dict(params)
        self.given: dict[str, Any] = dict(given)
        self.held = held
        self.beta = beta
        self.log_partition = log_partition
        world, symbol = recipe.model.world, recipe.model.program.unknowns[recipe.variable]
        leads = [np.shape(v)[: np.ndim(v) - k] for v, k in self._ranked()]
        batch = np.broadcast_shapes(np.shape(log_partition), *leads)
        Distribution.__init__(self, batch, world.shape(symbol), validate_args=validate_args)

    @property
    def support(self) -> Any:
        """The values of the variable's type."""
        model = self.recipe.model
        return support_of(model.program.unknowns[self.recipe.variable], model.world)

    @property
    def problems(self) -> tuple[str, ...]:
        """NaN and infinite entries of what the density is of, in words; none while they are traced."""
        named = {f"`{n}`": v for n, v in {**self.params, **self.given, **self.held}.items()}
        named |= {"beta": self.beta, "log_partition": self.log_partition}
        return not_finite({n: v for n, v in named.items() if not _traced(v)})

    def _ranked(self) -> list[tuple[Any, int]]:
        """Arrays that may have leading axes, with how many axes are declared."""
        program = self.recipe.model.program
        arrays = [(self.params[n], len(s.dims)) for n, s in program.params.items()]
        return arrays + [(v, len(program.givens[n].dims)) for n, v in self.given.items()]

    def _situations(self) -> tuple[Situation, Any]:
        """Situations with all batch axes made one, and which of their arrays have it."""
        program, batch = self.recipe.model.program, self.batch_shape
        size = math.prod(batch)

        def flat(value: Any, declared: int) -> tuple[Any, int | None]:
            value = jnp.asarray(value)
            if value.ndim == declared:
                return value, None
            shape = value.shape[value.ndim - declared :]
            return jnp.broadcast_to(value, batch + shape).reshape(size, *shape), 0

        params = {n: flat(self.params[n], len(s.dims)) for n, s in program.params.items()}
        given = {n: flat(v, len(program.givens[n].dims)) for n, v in self.given.items()}
        weights = {n: self.params[n] for n in program.networks}
        situation = Situation(
            {n: v for n, (v, _) in params.items()} | weights,
            {n: v for n, (v, _) in given.items()},
            self.beta,
        )
        axes = Situation(
            {n: axis for n, (_, axis) in params.items()} | dict.fromkeys(weights),
            {n: axis for n, (_, axis) in given.items()},
            None,
        )
        walled = with_walls(self.recipe.model.target, situation)
        added = dict.fromkeys(walled.given.keys() - situation.given.keys())
        return walled, axes._replace(given={**axes.given, **added})

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """-beta E - log_partition of values […, batch, dims], with what others sum to.

        Shapes: […, batch]. Angles may be of any turn.
        """
        symbol = self.recipe.model.program.unknowns[self.recipe.variable]
        return self._scored(_turned(value) if symbol.domain.kind is Kind.ANGLE else value)

    @validate_sample
    def _scored(self, value: Any) -> Any:
        batch, event = self.batch_shape, self.event_shape
        symbol = self.recipe.model.program.unknowns[self.recipe.variable]
        value = jnp.asarray(value).astype(stored_type(symbol))
        if symbol.domain.kind is Kind.ANGLE:
            value = jnp.mod(value, 2 * np.pi)
        lead = np.broadcast_shapes(value.shape[: value.ndim - len(event)], batch)
        outer = lead[: len(lead) - len(batch)]
        rows = jnp.broadcast_to(value, lead + event)
        rows = rows.reshape(math.prod(outer), math.prod(batch), *event)
        situation, axes = self._situations()
        weight = self.recipe.log_weight()
        own = jax.vmap(weight, in_axes=(None, None, 0))
        across = jax.vmap(own, in_axes=(axes, None, 1), out_axes=1, axis_size=math.prod(batch))
        return across(situation, self.held, rows).reshape(lead) - self.log_partition

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Values [sample, batch, dims], each the end of a Markov chain of its own.

        Raises EbmError E703 if no start of finite energy is found, outside of `jit`.
        """
        assert key is not None
        number, batch = math.prod(sample_shape), self.batch_shape
        situation, axes = self._situations()
        self._check(situation, axes)
        keys = jax.random.split(key, (number, math.prod(batch)))
        across = jax.vmap(self.recipe.walk(), in_axes=(axes, None, 1), out_axes=1)
        values, fine = across(situation, self.held, keys)
        if not _traced(fine) and not bool(jnp.all(fine)):
            self._refuse(situation, axes, key)
        symbol = self.recipe.model.program.unknowns[self.recipe.variable]
        if symbol.domain.kind is Kind.ANGLE:
            values = _turned(values)
        return values.reshape(sample_shape + batch + self.event_shape)

    def _first(self, situation: Situation, axes: Any) -> Situation:
        """The situation of the first of the batch."""

        def one(axis: Any, value: Any) -> Any:
            return value if axis is None else value[0]

        one_beta = axes._replace(beta=None)
        return jax.tree.map(one, one_beta, situation, is_leaf=lambda x: x is None)

    def _check(self, situation: Situation, axes: Any) -> None:
        """Derived conditionals against brute force, once, where the values are known."""
        known = not _traced(situation)
        recipe, model = self.recipe, self.recipe.model
        if known and model.checks:
            plan = make_plan(model.target, recipe.sampler, recipe.masks)
            first = self._first(situation, axes)
            model.made(("verified", recipe), lambda: (verify(model.target, plan, first), True)[1])

    def _refuse(self, situation: Situation, axes: Any, key: Any) -> None:
        model, recipe = self.recipe.model, self.recipe
        first = self._first(situation, axes)
        begin_states(starter(model.target, recipe.masks), first, key, 1, self.held)
        raise complain("E703", "no start with a finite energy was found for some parameters")


def _check_known(name: str, value: Any) -> None:
    """Refuse what are no finite numbers, if they are known. There is one beta."""
    if isinstance(value, Tracer) and not (name == "beta" and value.ndim):
        return
    real = getattr(getattr(value, "dtype", None), "kind", "") in ("i", "u", "f")
    if name == "beta" or not (real and np.isfinite(value).all()):
        check_number(name, value)


@checked(sweeps=CHECKS["draws"], beta=_check_known, log_partition=_check_known)
def distribution(
    model: Model,
    params: Mapping[str, Any],
    variable: str | None = None,
    *,
    sampler: str | Sampler = "auto",
    sweeps: int = 1000,
    beta: Any = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    log_partition: Any = 0.0,
    validate_args: bool | None = None,
) -> ModelDistribution:
    """The law of one variable of a model, as a NumPyro distribution.

    `log_prob` is -beta E, up to log Z, which may be passed as `log_partition`. `params` may be traced
    values, and may have leading axes, as `given` may. `variable`: which one, if there are more; others
    are held by `clamp`, or summed out where that has a closed form or few states. `sample` runs a
    chain of `sweeps` sweeps for each value, the first half of which adapt.

    Raises EbmError: E704 if several variables could be meant, E705 if the others cannot be summed
    out, E601 to E609 for what does not fit.
    """
    model = model.settled(given)
    held = clamped(model, clamp)
    if not isinstance(beta, Tracer):
        refuse_hot(model, held, float(beta))
    name = _variable(model, variable, held.masks)
    known = {n: _given(model, n, v) for n, v in model.given(given).items()}
    _check_shapes(model, params)
    chosen = sampler_of(sampler)
    key = ("recipe", name, chosen, sweeps, held.signature)
    recipe = model.made(key, lambda: Recipe(model, name, chosen, sweeps, held.masks))
    recipe.log_weight()
    heat = jnp.asarray(beta, jnp.result_type(float))
    return ModelDistribution(
        recipe, params, known, held.values, heat, log_partition, validate_args=validate_args
    )


def _turned(angle: Any) -> Any:
    """Angles from -pi to pi, as NumPyro has them."""
    return jnp.mod(jnp.asarray(angle) + np.pi, 2 * np.pi) - np.pi


def _traced(tree: Any) -> bool:
    """Whether values are only known when compiled code runs."""
    return any(isinstance(x, Tracer) for x in jax.tree.leaves(tree))


def _variable(model: Model, wanted: str | None, masks: Mapping[str, np.ndarray]) -> str:
    """The variable that the distribution is of. Raises EbmError E606 or E704."""
    program = model.program
    if wanted is not None and wanted not in program.unknowns:
        raise complain("E606", f"the model has no variable `{wanted}`")
    for name, mask in masks.items():
        if not mask.all() or name == wanted:
            part = "held" if mask.all() else "held in part"
            raise complain(
                "E704",
                f"`{name}` is {part}, and a distribution is of a whole variable",
                helps=["ebm.sample draws the free part of what is held in part"],
            )
    free = [n for n in program.unknowns if n not in masks]
    if not free:
        raise complain("E704", f"every variable of `{model.name}` is held: a distribution has none")
    visible = (
        [n for n in free if program.unknowns[n].role is Role.VISIBLE] if len(free) > 1 else free
    )
    if wanted is not None:
        return wanted
    if len(visible) != 1:
        raise complain(
            "E704",
            f"a NumPyro distribution is of one array, and `{model.name}` has "
            f"`{'`, `'.join(visible or free)}`",
            helps=[
                f'ebm.distribution(model, params, "{free[0]}") sums the others out where it can',
                'numpyro.factor("energy", -model.energy(params, state)) takes all of them',
            ],
        )
    return visible[0]


def _given(model: Model, name: str, value: Any) -> Any:
    """Given data [batch, dims] as an array. Raises EbmError for what does not fit, if it is known."""
    symbol = model.program.givens[name]
    shape = model.world.shape(symbol)
    array = value if isinstance(value, Tracer) else as_array(name, value)
    if array.shape[array.ndim - len(shape) :] != shape or array.ndim < len(shape):
        has = f"the given `{name}` has shape {list(array.shape)}"
        raise complain("E602", f"{has}, and {list(shape) or 'one number'} is wanted")
    if not isinstance(array, Tracer):
        check_values(symbol, array, model.world)
    return jnp.asarray(array, stored_type(symbol))


def _check_shapes(model: Model, params: Mapping[str, Any]) -> None:
    """Parameters by name and declared shape; their values too where they are known and not batched."""
    program, world = model.program, model.world
    traced = _traced(dict(params))
    first = dict(params)
    for name, symbol in program.params.items():
        if name not in first:
            continue
        shape = world.shape(symbol)
        if not _traced(first[name]):
            first[name] = as_array(name, first[name])
        lead = np.ndim(first[name]) - len(shape)
        if lead > 0 and np.shape(first[name])[lead:] == shape and np.size(first[name]):
            if not traced:
                check_values(symbol, first[name], world, where="the parameters hold")
            first[name] = np.ones(shape) if traced else np.asarray(first[name])[(0,) * lead]
        elif traced and np.shape(first[name]) == shape:
            with jax.ensure_compile_time_eval():
                first[name] = model.made(("start", 0), model.init)[name]
    check_params(program, world, first)
