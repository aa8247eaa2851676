"""The Gibbs block of a discrete variable in the lowering that its couplings make cheapest."""

from __future__ import annotations

import numpy as np

from ..analysis.lowering import Lowering, Shape, gathered, lowerings
from ..backend.energy import Target
from ..backend.pairwise import QuadraticForm, quadratic_form
from ..backend.sites import Sites
from .block import Block
from .dense import DenseWay
from .gibbs import GradientGibbs
from .paired import Fields, PairedGibbs, stays
from .rows import RowWay
from .sparse import SparseWay


def shape_of(form: QuadraticForm, colours: int) -> Shape:
    """The shape of a quadratic form whose sites have so many colours."""
    world = form.target.world
    instances = sum(int(np.prod([world.length(a) for a in c.axes])) for c in form.couplings)
    edges = len(form.edges)
    return Shape(
        form.sites.number, form.labels, edges, colours, instances, gathered(form.couplings)
    )


def cheapest(form: QuadraticForm | None, colours: int) -> tuple[Lowering, Shape] | None:
    """The cheapest lowering of a form, with the shape that decided; None if no two sites meet."""
    if form is None or not form.couplings or not len(form.edges):
        return None
    shape = shape_of(form, colours)
    return lowerings(shape)[0], shape


def exact_block(
    target: Target, name: str, sites: Sites, colours: np.ndarray, midpoint: bool
) -> Block:
    """The block for a variable of first or second degree in its sites."""
    slope = GradientGibbs(target, name, sites, colours, midpoint)
    facts = target.structure.variables[name]
    # Couplings read the state itself, the slope of the energy what is known of it.
    paired = facts.couples and name not in target.partly
    form = quadratic_form(target, name, sites) if paired else None
    found = cheapest(form, slope.number)
    if form is None or found is None or found[0].name == "slope":
        return slope
    fields = Fields(form, stays(form, facts.meets))
    if found[0].name == "fields":
        return PairedGibbs(form, fields, DenseWay(form))
    way = (SparseWay if form.labels == 1 else RowWay)(form, colours)
    return PairedGibbs(form, fields, way)
