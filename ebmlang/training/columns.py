"""Tables with one row an example: which columns are which entries of which variables.

Variables stand side by side in the order of the file, each flattened with its last dimension
running fastest; a category takes one column of label numbers in data, one column a label in
expectations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..semantics.context import nearest
from ..semantics.terms import Dimension, Kind, Role, Symbol
from ..syntax.diagnostics import EbmError, complain

if TYPE_CHECKING:
    from ..model import Model


def label_of(model: Model) -> str | None:
    """The visible variable that a table leaves to its labels: the only lone category beside others."""
    visible = _visible(model)
    lone = [n for n, s in visible.items() if s.domain.kind is Kind.CATEGORY and not s.dims]
    return lone[0] if len(lone) == 1 and len(visible) > 1 else None


def latents_of(model: Model) -> tuple[str, ...]:
    """The latent variables that are not held."""
    held = model.bindings.held
    return tuple(
        n for n, s in model.program.unknowns.items() if s.role is Role.LATENT and n not in held
    )


def covered(model: Model, variable: str | Iterable[str] | None) -> tuple[str, ...]:
    """The visible variables that the columns of a table are, in the order of the file.

    All but the label if not said. Raises EbmError E606 for a name that is not visible.
    """
    visible = _visible(model)
    if variable is None:
        return tuple(n for n in visible if n != label_of(model))
    asked = tuple(variable) if _several(variable) else (variable,)
    for name in asked:
        if name not in visible:
            near = nearest(str(name), list(visible))
            raise complain(
                "E606",
                f"the model has no visible variable `{name}` for the columns of a table",
                notes=["its visible variables are " + ", ".join(visible)],
                helps=[f"did you mean `{near}`?"] if near else [],
            )
    return tuple(n for n in visible if n in asked)


def _several(names: str | Iterable[str]) -> bool:
    return isinstance(names, Iterable) and not isinstance(names, str)


def _visible(model: Model) -> dict[str, Symbol]:
    held = model.bindings.held
    return {
        n: s for n, s in model.program.unknowns.items() if s.role is Role.VISIBLE and n not in held
    }


def shapes_for(model: Model, names: Iterable[str], width: int) -> dict[str, tuple[int, ...]]:
    """The shape of each variable in a table of so many columns; one size may be unknown so far.

    Raises EbmError: E601 for more sizes that are unknown, E602 for a width that does not fit.
    """
    symbols = [model.program.unknowns[n] for n in names]
    missing = list(dict.fromkeys(n for s in symbols for n in _missing(model, s)))
    if len(missing) > 1:
        raise complain(
            "E601",
            f"{width} columns do not tell the sizes of `{'` and `'.join(missing)}`",
            helps=[f"bind all but one: ebm.load(…, {missing[0]}=…)"],
        )
    for known in _bound(model, missing, width):
        shapes = {s.name: _shape(known, s) for s in symbols}
        if sum(math.prod(shape) for shape in shapes.values()) == width:
            return shapes
    told = ", ".join(f"`{s.name}`[{', '.join(d.name for d in s.dims)}]" for s in symbols)
    if missing:
        raise complain("E602", f"no size of `{missing[0]}` makes {told} {width} columns")
    shapes = {s.name: _shape(model, s) for s in symbols}
    wanted = sum(math.prod(shape) for shape in shapes.values())
    each = ", ".join(f"{math.prod(shape)} of `{n}`" for n, shape in shapes.items())
    raise complain("E602", f"the table has {width} columns, and {wanted} are wanted: {each}")


def _missing(model: Model, symbol: Symbol) -> Iterator[str]:
    """Sizes that a variable needs and that nothing tells so far."""
    for dim in symbol.dims:
        if not isinstance(dim, Dimension) or dim.name in model.bindings.sizes:
            continue
        names = model.program.size_of(dim).names if dim.derived else {dim.name}
        yield from (n for n in sorted(names) if n not in model.bindings.sizes)


def _bound(model: Model, missing: list[str], width: int) -> Iterator[Model]:
    if not missing:
        yield model
    for size in range(1, width + 1) if missing else ():
        try:
            yield model.bind({missing[0]: size})
        except EbmError:
            continue


def _shape(model: Model, symbol: Symbol) -> tuple[int, ...]:
    sizes = model.bindings.sizes
    return tuple(
        sizes[d.name] if isinstance(d, Dimension) else len(model.world.graphs[d.name].edges)
        for d in symbol.dims
    )


def split(table: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Variables [example, dims] from a table [example, column]."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    parts = np.split(table, ends[:-1], axis=1)
    return {
        n: part.reshape(len(table), *shape)
        for (n, shape), part in zip(shapes.items(), parts, strict=True)
    }


def joined(values: Mapping[str, np.ndarray], names: Iterable[str]) -> np.ndarray:
    """A table [example, column] of variables [example, …] side by side."""
    parts = [np.asarray(values[n], float) for n in names]
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)


def columns_of(model: Model, names: Iterable[str]) -> list[str]:
    """Names of the columns of expectations: `h[0]`, `z[3]=A`, `cos a[0]`."""
    found = []
    for name in names:
        symbol = model.program.unknowns[name]
        labels = symbol.domain.labels if symbol.domain.kind is Kind.CATEGORY else None
        for place in itertools.product(*(_positions(model, d) for d in symbol.dims)):
            site = f"{name}[{', '.join(place)}]" if place else name
            if labels is not None:
                found += [f"{site}={label}" for label in _positions(model, labels)]
            elif symbol.domain.kind is Kind.ANGLE:
                found += [f"cos {site}", f"sin {site}"]
            else:
                found.append(site)
    return found


def _positions(model: Model, dim: object) -> list[str]:
    if isinstance(dim, Dimension) and dim.labels:
        return list(dim.labels)
    return [str(k) for k in range(model.world.size(dim))]  # type: ignore[arg-type]
