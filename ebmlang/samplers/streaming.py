"""Moments of chains as they run: no draw leaves the compiled loop, whose size knows no length."""

from __future__ import annotations

from functools import partial
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
from .pace import Pace
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
    changed. One step at a time moves the mean (Welford 1962), so that nothing large is ever
    subtracted. With what a call gave `before`, and how many draws that had `done`, it goes on there.
    """

    def piece(
        situation: Situation, chain: Chain, thin: Any, number: Any, before: Any, done: Any
    ) -> Any:
        ready = prepared(plan, situation)
        anchor = observed(target, situation, chain.state)
        zero = jax.tree.map(jnp.zeros_like, anchor)
        mean, squares, total, changes = zero, zero, nothing(), no_changes(plan)
        start = chain.state
        if before is not None:
            first, mean, squares, total, changes = before
            anchor = jax.tree.map(lambda a, b: jnp.where(done == 0, a, b), anchor, first)

        def one(k: Any, carry: Any) -> Any:
            chain, mean, squares, total, changes = carry
            chain, report = sweeps(plan, ready, chain, thin)
            found = observed(target, situation, chain.state)
            value = jax.tree.map(jnp.subtract, found, anchor)
            moved = jax.tree.map(lambda m, v: m + (v - m) / (k + 1), mean, value)
            squares = jax.tree.map(
                lambda s, v, old, new: s + (v - old) * (v - new), squares, value, mean, moved
            )
            changes = with_changes(changes, start, chain.state)
            return chain, moved, squares, Report(*map(jnp.add, total, report)), changes

        begun = (chain, mean, squares, total, changes)
        chain, *told = jax.lax.fori_loop(done, done + number, one, begun)
        return chain, (anchor, *told)

    def pieces(
        situation: Situation,
        chain: Chain,
        thin: Any,
        number: Any,
        before: Any = None,
        done: Any = 0,
    ) -> Any:
        axes = (None, 0, None, None, None if before is None else 0, None)
        return jax.vmap(piece, in_axes=axes)(situation, chain, thin, number, before, done)

    return jax.jit(pieces)


def untold(target: Target, plan: Plan, situation: Situation, chain: Chain) -> Any:
    """What goes into a compiled piece of which no draw has been made: zeros."""
    found = jax.eval_shape(jax.vmap(lambda s: observed(target, situation, s)), chain.state)
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), found)
    chains = chain.key.shape[0]
    total = jax.tree.map(lambda x: jnp.zeros(chains, x.dtype), nothing())
    changes = jax.tree.map(lambda x: jnp.zeros((chains, *x.shape), bool), no_changes(plan))
    return zero, zero, zero, total, changes


def streaming_of(model: Model, plan: Plan) -> Any:
    """The compiled moments of a plan, kept with the model."""
    return model.made(
        ("moments", id(plan)), lambda: Abreast(streaming(model.target, plan), along=(1, 4))
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
    none = untold(model.target, plan, situation, chain)
    tally, pace = Tally(), Pace()
    for number, half in lengths(draws):
        batch: Piece | None = None
        for begun in range(0, number, LONGEST):
            now = min(LONGEST, number - begun)
            before, told, done = chain, none, 0
            while done < now:
                call = partial(_on, run, situation, chain, thin, told, done)
                more, (chain, told) = pace.run(call, now - done)
                done += more
            anchor, mean, squares, report, changes = told
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


def _on(
    run: Any, situation: Situation, chain: Chain, thin: int, told: Any, done: int, number: int
) -> Any:
    return run(situation, chain, thin, number, told, done)


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
