"""Moments of chains as they run: no draw leaves the compiled loop, whose size knows no length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation, constant_of
from ..backend.energy import State, Target
from ..evaluation.tally import Piece, Tally, lengths, merged, wide
from ..progress import Progress
from ..semantics.terms import Kind
from .abreast import Abreast
from .beginning import not_finite
from .block import Plan
from .gaussian import complaint_of
from .sweep import Chain, Report, no_changes, nothing, prepared, sweeps, with_changes
from .tempering import untempered

if TYPE_CHECKING:
    from ..model import Model

LONGEST = 1024  # draws between two merges in float64: what rounding in float32 can add up over


def observed(target: Target, situation: Situation, state: State) -> dict[str, Any]:
    """What is averaged: values, frequencies of labels, cosine and sine of angles, the energy."""
    real = jnp.result_type(float)
    found = {}
    for name, value in state.items():
        symbol = target.program.unknowns[name]
        if symbol.domain.labels is not None:
            size = target.world.size(symbol.domain.labels)
            found[name] = jax.nn.one_hot(value, size, dtype=real)
        elif symbol.domain.kind is Kind.ANGLE:
            found[name] = jnp.stack([jnp.cos(value), jnp.sin(value)], axis=-1)
        else:
            found[name] = value.astype(real)
    named = target.quantities(situation.params, state, situation.given)
    found |= {n: jnp.asarray(v, real) for n, v in named.items()}
    return found | {"energy": target.relative.whole(situation.params, state, situation.given)}


def streaming(target: Target, plan: Plan) -> Any:
    """Compiled: so many draws of every chain, and their moments relative to where they began.

    Gives the chains, the anchor, mean and squares by name [chain, …], the report, and which entries
    changed. One step at a time moves the mean (Welford 1962), so that nothing large is ever subtracted.
    """

    def piece(situation: Situation, chain: Chain, thin: Any, number: Any) -> Any:
        ready = prepared(plan, situation)
        anchor = observed(target, situation, chain.state)
        zero = jax.tree.map(jnp.zeros_like, anchor)
        none, first = nothing(), chain.state

        def one(k: Any, carry: Any) -> Any:
            chain, mean, squares, total, changes = carry
            chain, report = sweeps(plan, ready, chain, thin)
            found = observed(target, situation, chain.state)
            value = jax.tree.map(jnp.subtract, found, anchor)
            moved = jax.tree.map(lambda m, v: m + (v - m) / (k + 1), mean, value)
            squares = jax.tree.map(
                lambda s, v, old, new: s + (v - old) * (v - new), squares, value, mean, moved
            )
            changes = with_changes(changes, first, chain.state)
            return chain, moved, squares, Report(*map(jnp.add, total, report)), changes

        begun = (chain, zero, zero, none, no_changes(plan))
        chain, *told = jax.lax.fori_loop(0, number, one, begun)
        return chain, (anchor, *told)

    return jax.jit(jax.vmap(piece, in_axes=(None, 0, None, None)))


def streaming_of(model: Model, plan: Plan) -> Any:
    """The compiled moments of a plan, kept with the model."""
    return model.made(
        ("moments", id(plan)), lambda: Abreast(streaming(model.target, plan), along=(1,))
    )


def streamed(
    model: Model,
    plan: Plan,
    situation: Situation,
    chain: Chain,
    draws: int,
    thin: int,
    bar: Progress,
) -> tuple[Chain, Tally]:
    """Chains after so many draws, and the tally of their moments.

    Raises EbmError E703 where an energy is not finite.
    """
    run = streaming_of(model, plan)
    constant = constant_of(model.target, situation)
    tally = Tally()
    for number, half in lengths(draws):
        batch: Piece | None = None
        for begun in range(0, number, LONGEST):
            now = min(LONGEST, number - begun)
            before = chain
            chain, (anchor, mean, squares, report, changes) = run(situation, chain, thin, now)
            anchor["energy"] = np.asarray(anchor["energy"], np.float64) + constant
            piece = wide(now, anchor, mean, squares)
            _check(model, plan, situation, piece, (before, chain))
            batch = merged(batch, piece)
            tally.change(changes)
            tally.report(
                now,
                float(np.mean(report.acceptance)) / now,
                int(np.asarray(report.gradients).sum(dtype=np.int64)),
                int(np.sum(report.diverged)),
            )
            bar.advance(now * thin)
        assert batch is not None
        tally.add(batch, half)
    return chain, tally


def _check(
    model: Model, plan: Plan, situation: Situation, piece: Piece, ends: tuple[Chain, Chain]
) -> None:
    """Refuse energies that are not finite, as a run that keeps its draws does."""
    fine = np.isfinite(piece.mean["energy"])
    if np.all(fine):
        return
    which = int(np.argmin(fine))
    before, last = (jax.tree.map(lambda x: x[which], c.state) for c in ends)
    raise complaint_of(untempered(plan).blocks, situation, (last, before)) or not_finite(
        model.target, situation, last, f"chain {which} left the finite energies"
    )
