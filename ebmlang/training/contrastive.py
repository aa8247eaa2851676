"""Contrastive divergence: the model phase starts at the data of each step, and walks a little.

Source: Hinton (2002), "Training products of experts by minimizing contrastive divergence", section 3.
"""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..arguments import check_counts
from ..backend.conditionals import Situation
from ..backend.energy import State
from ..samplers.plan import Plan, make_plan
from ..samplers.settings import Gibbs, Sampler
from ..samplers.sweep import Chain, begin, sweep
from ..syntax.diagnostics import complain
from .phases import Phases


@dataclass(frozen=True, slots=True)
class ContrastiveDivergence:
    """The likelihood's gradient with the model's samples replaced by short walks from the data.

    `sweeps` of the model's sampler from each example of the batch, the k of CD-k; None for as many
    as `mle` takes, 1, or 10 where a block follows slopes. Biased: the walks are too short to
    forget the data, and no number of them mends that.
    """

    sweeps: int | None = None
    name = "cd"
    needs = "a sampler for the model"

    def __post_init__(self) -> None:
        if self.sweeps is not None:
            check_counts(sweeps=self.sweeps)


def sweeps_of(objective: Any, sweeps: Any) -> Any:
    """How many sweeps a step makes, as the objective and `fit` say. Raises EbmError E704 for two."""
    if not isinstance(objective, ContrastiveDivergence):
        return sweeps
    own = objective.sweeps
    if own is not None and sweeps is not None and own != sweeps:
        raise complain(
            "E704", f"the objective says sweeps={own} and the fit sweeps={sweeps}: say one of them"
        )
    return sweeps if own is None else own


def check_walks(objective: Any, sampler: str | Sampler, buffer: int | None) -> None:
    """Refuse what keeps states through the steps, where walks start at the data. Raises E704."""
    if not isinstance(objective, ContrastiveDivergence):
        return
    if buffer is not None:
        raise complain(
            "E704", "`cd` starts its walks at the data, and a `buffer` would start them elsewhere"
        )
    name = sampler if isinstance(sampler, str) else sampler.name
    if name == "tempering":
        raise complain(
            "E704",
            "`cd` starts its walks at the data, and tempering keeps a ladder through the steps",
            helps=['objective="mle" keeps the chains, and with them their ladders'],
        )
    if name == "exact":
        raise complain(
            "E704", '`cd` walks from the data, and sampler="exact" sums over all configurations'
        )


def hidden_plan(phases: Phases) -> Plan | None:
    """A plan whose one sweep draws, given the data, all latents that sum in closed form.

    None where no latents do. They do not meet each other, so that each block draws exactly.
    """
    if phases.closed is None or not phases.closed.closed:
        return None
    model = phases.model
    unknowns = model.program.unknowns
    masks = {n: np.ones(model.world.shape(unknowns[n]), bool) for n in phases.observed}
    return make_plan(model.target, Gibbs(), masks, carried=False)


def at_the_data(
    hidden: Plan | None, situation: Situation, chains: Chain, data: State, per_chain_given: bool
) -> Chain:
    """The chains [chain] put at the data's configurations [chain, …], with latents drawn given them.

    Latents that do not sum in closed form stand in `data` as they were drawn.
    """
    chains = chains._replace(state=data)
    if hidden is None:
        return chains
    axes = Situation(None, 0 if per_chain_given else None, None)

    def drawn(where: Situation, chain: Chain) -> Chain:
        key, start, walk = jax.random.split(chain.key, 3)
        own = begin(hidden, start, where, chain.state, 0)
        after, _ = sweep(hidden, where, own._replace(key=walk))
        return chain._replace(key=key, state=after.state)

    return jax.vmap(drawn, in_axes=(axes, 0))(situation, chains)
