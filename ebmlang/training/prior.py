"""Priors of parameters, as `~` says them: they join the training objective and never the energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..backend.energy import State
from ..partition.examples import Examples
from ..semantics.traverse import symbols
from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from ..model import Model


def log_prior(model: Model, params: Any, given: State) -> Any:
    """Log density of all parameters under their priors, which may read given data; in nats."""
    program = model.program
    priors = [program.parameter_facts[n].prior for n in program.params]
    if not any(prior is not None for prior in priors):
        return jnp.zeros(())
    lowering = model.target.lowering(params, {}, given)
    return sum((lowering.scalar(p) for p in priors if p is not None), jnp.zeros(()))


def refuse_own_priors(model: Model, examples: Examples) -> None:
    """Refuse a prior that reads given data of which every example has its own. Raises EbmError E704."""
    for name, facts in model.program.parameter_facts.items():
        read = {s.name for s in symbols(facts.prior)} if facts.prior is not None else set()
        for own in sorted(read & examples.own.keys()):
            raise complain(
                "E704",
                f"the prior of `{name}` reads `{own}`, of which every example has its own, and one "
                "prior is wanted",
                helps=[f"a density of `{own}` itself belongs in the energy"],
            )
