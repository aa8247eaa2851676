"""Blocks told to a person: how each finds its conditionals, and what a sweep costs."""

from __future__ import annotations

import math

import numpy as np

from ..analysis.lowering import Lowering, lowerings, spoken
from ..backend.pairwise import quadratic_form
from .block import Block
from .discrete import shape_of
from .gibbs import GaussianGibbs, GradientGibbs, TryingGibbs
from .local import LocalGibbs
from .paired import PairedGibbs


def told(block: Block) -> list[str]:
    """The lowering of an exact Gibbs block with the cost of a sweep, in sentences; else nothing."""
    match block:
        case PairedGibbs():
            return _paired(block)
        case GradientGibbs():
            return _sloped(block)
        case LocalGibbs():
            return _local(block)
        case TryingGibbs(sites=sites, together=together):
            how = "all sites at once" if together else "one site after another"
            return [f"by the whole energy at every value, {how}: {_many(sites.number, 'site')}"]
        case GaussianGibbs(number=number):
            return [f"by slope and curvature of E: {_many(2 * number, 'slope')} of E a sweep"]
        case _:
            return []


def _paired(block: PairedGibbs) -> list[str]:
    shape = shape_of(block.form, block.number)
    found = lowerings(shape)
    chosen = next(each for each in found if each.name == block.way.name)
    return [f"by {spoken(chosen, shape)}", *_instead(found, chosen)]


def _sloped(block: GradientGibbs) -> list[str]:
    form = quadratic_form(block.target, block.name, block.sites)
    slopes = f"by the slope of E: {_many(block.number, 'slope')} of E a sweep"
    if form is None or not form.couplings:
        return [slopes]
    shape = shape_of(form, block.number)
    found = lowerings(shape)
    chosen = next(each for each in found if each.name == "slope")
    return [f"by {spoken(chosen, shape)}", *_instead(found, chosen)]


def _instead(found: list[Lowering], chosen: Lowering) -> list[str]:
    """What the next best way would cost."""
    others = [each for each in found if each is not chosen]
    if not others:
        return []
    names = {
        "slope": "the slope of E",
        "neighbours": "tables of neighbours",
        "fields": "local fields",
    }
    times = others[0].cost / chosen.cost
    return [f"{names[others[0].name]} would cost {times:.3g} times as much"] if times > 1 else []


def _local(block: LocalGibbs) -> list[str]:
    values = 2 if block.sites.symbol.domain.labels is None else block.pieces[0].labels
    touched = [piece.touched.valid.sum(axis=1) for piece in block.pieces]
    most = sum(int(t.max(initial=0)) for t in touched)
    every = sum(int(t.sum()) for t in touched)
    lines = [
        f"by differences on the {_many(most, 'instance')} that a site touches at most: about "
        f"{_short(values * every)} evaluations a sweep and chain"
    ]
    if block.flat:
        how = (
            "local fields"
            if block.fields is not None
            else f"{_many(block.number, 'slope')} a sweep"
        )
        lines.append(f"the rest is linear in every site: {how}")
    return lines


def _many(number: int, what: str) -> str:
    return f"{_short(number)} {what}{'s' * (number != 1)}"


def _short(number: float) -> str:
    if number < 10_000:
        return f"{number:.0f}"
    digits = math.floor(np.log10(number))
    name, size = next(
        (n, s) for n, s in (("billion", 9), ("million", 6), ("thousand", 3)) if digits >= s
    )
    return f"{number / 10**size:.3g} {name}"
