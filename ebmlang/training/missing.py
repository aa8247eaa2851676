"""Missing entries: latents of their own example, in chains that hold what the example knows.

The gradient of -log p(what is known) is E[dE/dtheta | what is known] - E[dE/dtheta] under the model.
One plan moves every entry that some example lacks, on an energy that sees the known ones of each.

Source: Rubin (1976), "Inference and missing data": with entries missing at random the likelihood is
that of what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..backend.known import as_given, completed
from ..samplers.plan import Plan, make_plan
from ..samplers.settings import Auto, Sampler
from ..samplers.sweep import Chain, prepared, sweeps
from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from ..model import Model
    from .objective import Objective
    from .phases import Phases

HOLDING = ("gibbs", "informed", "langevin", "underdamped", "mala", "hmc", "nuts")


def held_plan(
    model: Model, sampler: Sampler, known: Mapping[str, np.ndarray], partly: tuple[str, ...]
) -> Plan:
    """The plan that moves all that is not `known` in every example, on an energy that sees the rest.

    Clusters and replica exchange move whole configurations of the model: `auto` stands in for them.
    """
    target = replace(model.target, partly=partly)
    mover = sampler if sampler.name in HOLDING else Auto()
    return make_plan(target, mover, known, fallback="mala", carried=False)


def held_given(phases: Phases, rows: State, own: State) -> State:
    """Given data of each example [example, …]: its own, and what it knows of what others lack."""
    return {**own, **as_given(rows, phases.partly)}


def run_held(
    phases: Phases, situation: Situation, chains: Chain, number: int, rows: State, own: State
) -> Chain:
    """So many sweeps of the chain of each example, with what it knows.

    Nothing reads a known entry of the chain itself. Real ones, which nothing leads, are put back
    before each sweep, so that they do not drift off.
    """
    plan, unknowns = phases.latents, phases.model.program.unknowns
    assert plan is not None
    whole = {n: v for n, v in rows.items() if n not in phases.partly}
    chains = chains._replace(state=phases.data_state(whole, chains.state))
    back = [n for n in phases.partly if not unknowns[n].domain.discrete]

    def one(given: State, row: State, chain: Chain) -> Chain:
        here = prepared(plan, situation._replace(given={**situation.given, **given}))

        def sweep(_: Any, chain: Chain) -> Chain:
            there = {n: completed(row[n], chain.state[n]) for n in back}
            chain = chain._replace(state=chain.state | there)
            return sweeps(plan, here, chain, 1)[0]

        return jax.lax.fori_loop(0, number, sweep, chain)

    return jax.vmap(one)(held_given(phases, rows, own), rows, chains)


def refuse_missing(objective: Objective, missing: Mapping[str, np.ndarray]) -> None:
    """Refuse missing entries where an objective scores whole examples. Raises EbmError E707."""
    if missing:
        name, mask = next(iter(missing.items()))
        raise complain(
            "E707",
            f"`{objective.name}` scores whole examples, and entries of `{name}` are missing",
            notes=[f"{int(mask.sum())} of {mask.size} entries are missing in some example"],
            helps=['objective="mle" samples what is missing, given what is known'],
        )
