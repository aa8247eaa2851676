"""Arguments that a NumPyro distribution accepts, found by trying: what the table of densities rests on.

NumPyro says of each argument which values it takes (`arg_constraints`), but not which axes it shares
with a draw, which of several arguments is needed, or how a support follows from the arguments.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import Distribution, biject_to, constraints
from numpyro.distributions.distribution import DistributionMeta

# Lengths of the axes of one draw, and of an axis that a draw does not have: all different. The
# second row is for draws that are always pairs.
LENGTHS = ((3, 4, 2), (2, 4, 3))
Constructor = Any
Axes = tuple[str, ...]


def public() -> dict[str, Constructor]:
    """Every distribution that NumPyro exports: classes, and functions that choose among them."""
    found = {}
    for name in sorted(dir(dist)):
        made = getattr(dist, name)
        if isinstance(made, DistributionMeta) or (inspect.isfunction(made) and name[0].isupper()):
            found[name] = made
    return found


def parameters(made: Constructor) -> list[inspect.Parameter]:
    """The arguments that decide a density: none that only say how to compute, check or draw."""
    return [
        p for p in inspect.signature(made).parameters.values()
        if p.name not in ("self", "validate_args") and annotation(p) not in _ASIDE
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]  # fmt: skip


_ASIDE = ("bool", "Optional[int]", "tuple[int, ...]")


def annotation(parameter: inspect.Parameter) -> str:
    """A parameter's type as text."""
    given = parameter.annotation
    if isinstance(given, type):
        return f"{given.__module__}.{given.__name__}".removeprefix("builtins.")
    return str(given).replace("typing.", "")


def constraint_of(name: str, argument: str) -> constraints.Constraint:
    """The values that an argument takes; of a function those that the classes it chooses from take.

    Raises KeyError if no distribution has such an argument.
    """
    alike: list[Any] = sorted(
        (made for other, made in public().items() if isinstance(made, DistributionMeta)),
        key=lambda made: (made.__name__ != name, not made.__name__.startswith(name)),
    )
    for made in alike:
        known = made.arg_constraints
        if isinstance(known, Mapping) and argument in known:
            return known[argument]
    raise KeyError(f"{name}: {argument}")


def example(constraint: constraints.Constraint, lengths: tuple[int, ...], place: int) -> Any:
    """A value that meets a constraint. `place`: the number of the argument, so that values differ."""
    if isinstance(constraint, type(constraints.dependent)) or type(constraint).__name__ in (
        "dependent_property", "_Dependent",
    ):  # fmt: skip
        if constraint.event_dim == 2:
            return jnp.ones(lengths) - jnp.eye(lengths[0], lengths[1])
        return jnp.asarray(place + 1.0) + (0.0 if constraint.is_discrete else 0.25)
    if constraint.is_discrete:
        return jnp.full(lengths, place + 5)
    if type(constraint).__name__ == "_PositiveDefiniteCirculantVector":
        return jnp.asarray([2.0, 0.5, 0.5, 0.5][: lengths[0]])
    transform = biject_to(constraint)
    free = np.random.default_rng(place).normal(size=transform.inverse_shape(lengths)) / 2
    return transform(jnp.asarray(free + 0.1 * place, float))


def draw_of(made: Distribution) -> Any:
    """A value that one draw can take; of a continuous one away from the edges of its support."""
    support = made.support
    assert support is not None
    if support.is_discrete:
        return made.sample(jax.random.key(0))
    return example(support, made.event_shape, 2)


def _in_order(axes: Axes) -> list[str]:
    """Axes in the order of a draw, those that it does not have last."""
    return sorted(axes, key=lambda axis: axis or "9")


class Probe:
    """A distribution with arguments that work: `axes` names for each argument the axis of a draw
    ("0", "1") with which each of its own last axes is shared, or "" where it is another."""

    def __init__(self, name: str, event: int, lengths: tuple[int, int, int] = LENGTHS[0]) -> None:
        self.name = name
        self.made: Constructor = public()[name]
        self.event, self.lengths = lengths[:event], lengths
        every = parameters(self.made)
        self.sizes = [p.name for p in every if annotation(p) == "int"]
        self.arguments = [p for p in every if annotation(p) != "int" and _described(name, p)]
        self.constraints = {p.name: constraint_of(name, p.name) for p in self.arguments}
        self.tried: dict[Any, bool] = {}
        self.one_of, self.axes = self._found()

    def build(self, axes: Mapping[str, Axes], seed: int = 0) -> Any:
        """The distribution with examples of these axes; raises whatever NumPyro does."""
        return self.made(**self.given(axes, seed))

    def given(self, axes: Mapping[str, Axes], seed: int = 0) -> dict[str, Any]:
        """Examples of the arguments; other ones, and as many more, for another seed."""
        length = {"": self.lengths[2] + seed, "0": self.lengths[0], "1": self.lengths[1]}
        given: dict[str, Any] = dict.fromkeys(self.sizes, self.lengths[0])
        for place, parameter in enumerate(self.arguments):
            if parameter.name in axes:
                shape = tuple(length[a] for a in axes[parameter.name])
                constraint = self.constraints[parameter.name]
                given[parameter.name] = example(constraint, shape, place + seed)
        if {"low", "high"} <= set(given):
            given["low"], given["high"] = sorted((given["low"], given["high"]))
        return given

    def works(self, axes: Mapping[str, Axes]) -> bool:
        """Whether the density of one draw of the event's lengths is one finite number."""
        key = tuple(sorted(axes.items()))
        if key not in self.tried:
            self.tried[key] = self._works(axes)
        return self.tried[key]

    def _works(self, axes: Mapping[str, Axes]) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = self.build(axes)
                if made.event_shape != self.event or made.batch_shape:
                    return False
                return bool(jnp.isfinite(made.log_prob(draw_of(made))))
        except (AssertionError, TypeError, ValueError, NotImplementedError, IndexError):
            return False
        except AttributeError:
            return False  # NumPyro reads a field before it is set where shapes do not match

    def _found(self) -> tuple[list[str], dict[str, Axes]]:
        needed = {p.name for p in self.arguments if p.default is not None}
        loose = [p.name for p in self.arguments if p.default is None]
        sets: list[tuple[list[str], set[str]]] = [([], needed)] if self._quick(needed) else []
        sets = sets or [(loose, needed | {one}) for one in loose]
        found: dict[str, Axes] = {}
        for _, chosen in sets:
            axes = next((a for a in self._ways(chosen) if self.works(a)), None)
            if axes is not None:
                found |= {k: self._loosened(axes, k) for k in axes}
                found |= {k: own for k in axes if (own := self._lifted(axes, k))}
        if not found and self.arguments:
            raise ValueError(f"no arguments make a density of {self.name}")
        one_of = [k for k in sets[0][0] if k in found]
        if not one_of:
            found |= dict.fromkeys(loose, ())
        return one_of, found

    def _quick(self, chosen: set[str]) -> bool:
        return any(self.works(axes) for axes in self._ways(chosen))

    def _ways(self, chosen: set[str]) -> Iterator[dict[str, Axes]]:
        """Every way to share the axes of the arguments with those of a draw, all shared first."""
        names = [p.name for p in self.arguments if p.name in chosen]
        own = [str(k) for k in range(len(self.event))]
        options = []
        for name in names:
            dims = self.constraints[name].event_dim
            every = itertools.product([*own, ""], repeat=dims)
            whole = [tuple(own)] if 0 < dims < len(own) else []
            options.append([a for a in every if list(a) == _in_order(a)] + whole)
        for picked in itertools.product(*options):
            yield dict(zip(names, picked, strict=True))

    def _lifted(self, axes: Mapping[str, Axes], name: str) -> Axes:
        """All axes of a draw, where an argument that is one number may have them too."""
        own = tuple(str(k) for k in range(len(self.event)))
        return own if not axes[name] and self.works({**axes, name: own}) else ()

    def _loosened(self, axes: Mapping[str, Axes], name: str) -> Axes:
        """An argument's axes, those that may as well be of another length named so."""
        tied = list(axes[name])
        for k, axis in enumerate(tied):
            if axis and self.works({**axes, name: (*tied[:k], "", *tied[k + 1 :])}):
                tied[k] = ""
        return tuple(tied)


def _described(name: str, parameter: inspect.Parameter) -> bool:
    """Whether NumPyro says what an argument takes; one that it does not may be left out."""
    try:
        constraint_of(name, parameter.name)
    except KeyError:
        if parameter.default is inspect.Parameter.empty:
            raise
        return False
    return True
