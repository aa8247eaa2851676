"""NumPyro's distributions as the densities of the language.

The checker must know their names without importing NumPyro, so the table is written once by
`python -m ebmlang.backend.densities` and a test compares it with the NumPyro that is installed.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions.constraints import Constraint

from ..semantics.densities import table
from .probing import LENGTHS, Probe, annotation, parameters, public

TABLE = Path(__file__).parent.parent / "semantics" / "densities.json"

# What an argument's type in NumPyro says that no expression of the language is.
_NO_EXPRESSION = (
    ("Callable", "takes a function, and arguments are numbers and arrays"),
    ("Constraint", "is no density: it is 1 wherever a constraint holds"),
    ("istribution", "takes another distribution, and arguments are numbers and arrays"),
    ("continuous.Gamma", "takes another distribution, and arguments are numbers and arrays"),
)
# What a support says that no type holds.
_NO_TYPE = {
    "positive_definite": "one draw is a positive definite matrix",
    "lower_cholesky": "one draw is the Cholesky factor of a positive definite matrix",
    "corr_matrix": "one draw is a matrix of correlations",
    "corr_cholesky": "one draw is the Cholesky factor of a matrix of correlations",
    "sphere": "one draw is a point of a sphere",
}
_NO_DENSITY = {
    "Delta": "has no density: all of its probability is at one value",
    "Distribution": "is what all distributions have in common",
    "Unit": "has no density: it has no values",
    "HurdleGamma": "has no density: it gives the one value 0 a probability",
    "HurdleLogNormal": "has no density: it gives the one value 0 a probability",
    "ZeroSumNormal": "one draw sums to zero, and no type holds just these",
}


def snake(name: str) -> str:
    """`HalfCauchy` becomes `half_cauchy`, `StudentT` `student_t`, `NegativeBinomial2` `negative_binomial2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@cache
def _constructors() -> dict[str, Any]:
    return {snake(name): made for name, made in public().items()}


def constructor(name: str) -> Any:
    """The distribution of a snake-case name. A function such as NumPyro's `Bernoulli` serves too."""
    return _constructors()[name]


def log_density(name: str, values: Mapping[str, Any]) -> Any:
    """The log density of `values[""]` under the distribution with the other values as arguments.

    One number for one draw; a distribution of numbers also takes arrays, number by number. An
    argument that lacks the axes of a draw is the same for all of it.
    """
    row, given = table()[name], dict(values)
    value = given.pop("")
    made = distribution(name, given, value.shape[value.ndim - row["event"] :])
    if row["support"]["kind"] == "circular":
        value = jnp.mod(value + jnp.pi, 2 * jnp.pi) - jnp.pi
    if row["discrete"]:
        value = jnp.rint(value).astype(jnp.int32)
    return made.log_prob(value)


def distribution(name: str, given: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    """NumPyro's distribution with these arguments, one draw of which has this shape.

    An argument that lacks the axes of a draw is the same for all of it.
    """
    row, given = table()[name], dict(given)
    for label, argument in given.items():
        tied = row["axes"][label]
        if tied and not argument.ndim:
            given[label] = jnp.broadcast_to(argument, [shape[int(k)] for k in tied])
    return constructor(name)(**given, **dict.fromkeys(row["sizes"], shape[0] if shape else 0))


def build() -> dict[str, dict[str, Any]]:
    """The table: `densities`, name -> facts, and `out`, name -> why it is none of the language's."""
    table: dict[str, dict[str, Any]] = {"densities": {}, "out": {}}
    for name in public():
        reason = left_out(name)
        if reason is None:
            table["densities"][snake(name)] = _row(name)
        else:
            table["out"][snake(name)] = reason
    return table


def left_out(name: str) -> str | None:
    """Why a distribution of NumPyro is no density of the language; None if it is one."""
    made = public()[name]
    if name in _NO_DENSITY:
        return _NO_DENSITY[name]
    for parameter in parameters(made):
        for part, reason in _NO_EXPRESSION:
            if part in annotation(parameter):
                return reason
    reason = _NO_TYPE.get(_kind(inspect.getattr_static(made, "support", None)))
    return f"{reason}, and no type holds just these" if reason else None


def _row(name: str) -> dict[str, Any]:
    """What the checker must know of a distribution.

    `arguments` in order, those that are `optional`, of which exactly `one_of` is needed; for each
    the `axes` it shares with a draw, and which values it `takes`; `sizes`: those that the shape of
    the variable decides.
    """
    probe = _probe(name)
    given = [p for p in probe.arguments if p.name in probe.axes]
    empty = inspect.Parameter.empty
    made = probe.build(_some(probe))
    return {
        "arguments": [p.name for p in given],
        "optional": [p.name for p in given if p.default is not empty],
        "one_of": probe.one_of,
        "discrete": bool(made.support.is_discrete),
        "event": len(made.event_shape),
        "axes": {p.name: list(probe.axes[p.name]) for p in given},
        "takes": {p.name: _taken(probe.constraints[p.name]) for p in given},
        "defaults": {p.name: p.default for p in given if p.default is not empty},
        "sizes": probe.sizes,
        "support": _support(probe),
    }


def _probe(name: str) -> Probe:
    for event in (0, 1, 2):
        for lengths in LENGTHS:
            try:
                return Probe(name, event, lengths)
            except ValueError:
                continue
    raise ValueError(f"no arguments were found that make {name} a density")


def _some(probe: Probe) -> dict[str, Any]:
    """The arguments with one of those of which one is needed."""
    return {k: axes for k, axes in probe.axes.items() if k not in probe.one_of[1:]}


def _kind(constraint: object) -> str:
    return snake(type(_base(constraint)).__name__.strip("_"))


def _base(constraint: Any) -> Any:
    """The constraint of one number, of those that are the same for each number of an array."""
    while type(constraint).__name__ == "_IndependentConstraint":
        constraint = constraint.base_constraint
    return constraint


def _taken(constraint: Constraint) -> list[Any]:
    """The kind of values that an argument takes, the least and the greatest."""
    ends = [getattr(_base(constraint), f"{end}_bound", None) for end in ("lower", "upper")]
    return [_kind(constraint), *(None if bound is None else float(bound) for bound in ends)]


def _support(probe: Probe) -> dict[str, Any]:
    """The kind of a support and its ends: a number, the name of the argument that it is, null for
    none, or "?" where it follows from the arguments in another way."""
    axes = _some(probe)
    kind = _kind(probe.build(axes).support)
    if kind == "boolean":
        return {"kind": kind, "low": 0.0, "high": 1.0}
    ends: dict[str, Any] = {}
    for end, field in (("low", "lower_bound"), ("high", "upper_bound")):
        found = [
            _end(_base(probe.build(axes, seed).support), field, probe.given(axes, seed))
            for seed in (0, 1)
        ]
        ends[end] = found[0] if found[0] == found[1] else "?"
    return {"kind": kind, **ends}


def _end(support: Any, field: str, given: dict[str, Any]) -> float | str | None:
    bound = getattr(support, field, None)
    if bound is None:
        return None
    bound = np.asarray(bound, float)
    if bound.ndim:
        return "?"
    for name, value in given.items():
        if jnp.ndim(value) == 0 and float(value) == float(bound):
            return name
    return float(bound)


if __name__ == "__main__":
    made = build()
    TABLE.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{TABLE}: {len(made['densities'])} distributions, {len(made['out'])} out")
