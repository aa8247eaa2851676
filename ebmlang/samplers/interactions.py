"""The interaction graph of a bound model: its sites, which of them interact, and what moves together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.adjacency import site_graph, starts_of
from ..analysis.choice import Choice
from ..analysis.colouring import number_of
from ..analysis.joint import Entries
from ..syntax.diagnostics import complain
from .plan import colours_of, entries_of, make_plan
from .settings import Auto

if TYPE_CHECKING:
    from ..model import Model
    from .block import Plan

# Ways of moving a block that take its sites colour by colour; the others take all of them at once.
BY_COLOUR = frozenset({"gradient", "midpoint", "trying", "gaussian", "clusters"})


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Sites numbered one variable after another, those that may interact, and the blocks of a sweep.

    `variables`: names in turn, with `shapes` of their arrays; `variable` [site] says which, `entry`
    [site] the flat number of its entry. `pairs` [pair, 2]: sites that have a term in common, or
    could not be shown not to. `block` [site]: the number in `blocks` of those that move at once, in
    the order of a sweep; each is told by its variables and, if it has several, its colour.
    """

    variables: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    variable: np.ndarray
    entry: np.ndarray
    pairs: np.ndarray
    block: np.ndarray
    blocks: tuple[str, ...]


def interactions(model: Model) -> Interactions:
    """The interaction graph of what `auto` moves; sites that are bound to data are left out.

    Raises EbmError E601 while sizes are missing, E702 if nothing is left to move, E705 for more
    than four million pairs.
    """
    target = model.target
    held = {
        n: np.ones(model.world.shape(model.program.unknowns[n]), bool) for n in model.bindings.held
    }
    plan = make_plan(target, Auto(), held)
    entries = {n: e for n, e in entries_of(target, held).items() if len(e.free)}
    pairs = _pairs(model, entries)
    sizes = [len(own.free) for own in entries.values()]
    block, blocks = _blocks(plan, model, starts_of(entries), sum(sizes))
    return Interactions(
        tuple(entries),
        {n: own.shape for n, own in entries.items()},
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([own.free for own in entries.values()]),
        pairs,
        block,
        blocks,
    )


def _pairs(model: Model, entries: Mapping[str, Entries]) -> np.ndarray:
    """Pairs of sites [pair, 2] that may interact."""
    graph = site_graph(model.structure, model.program, entries)
    if graph is None:
        raise complain(
            "E705", f"`{model.name}` has too many pairs of sites that interact to list them"
        )
    return graph.pairs


def _blocks(
    plan: Plan, model: Model, starts: Mapping[str, int], number: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The block of every site, and what each block is called."""
    block = np.full(number, -1)
    names: list[str] = []
    for choice in plan.choices:
        several = 1
        for name in choice.variables:
            colours = _colours(choice, name, plan, model)
            block[starts[name] : starts[name] + len(colours)] = len(names) + colours
            several = number_of(colours)
        whole = ", ".join(choice.variables)
        names += [whole] if several == 1 else [f"{whole}, colour {k}" for k in range(several)]
    return block, tuple(names)


def _colours(choice: Choice, name: str, plan: Plan, model: Model) -> np.ndarray:
    """The colour of every site of a variable; 0 where all move at once."""
    sites = plan.sites[name]
    if choice.way not in BY_COLOUR:
        return np.zeros(sites.number, np.int64)
    return colours_of(model.structure.variables[name], sites).reshape(-1)[sites.free]
