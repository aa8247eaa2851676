"""Priors of parameters, as `~` says them: they join the training objective and never the energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..backend.lower import Lowering

if TYPE_CHECKING:
    from ..model import Model


def log_prior(model: Model, params: Any) -> Any:
    """Log density of all parameters under their priors, in nats."""
    program = model.program
    priors = [program.parameter_facts[n].prior for n in program.params]
    if not any(prior is not None for prior in priors):
        return jnp.zeros(())
    lowering = Lowering(model.world, {n: params[n] for n in program.params})
    return sum((lowering.scalar(p) for p in priors if p is not None), jnp.zeros(()))
