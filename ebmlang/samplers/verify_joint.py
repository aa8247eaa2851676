"""Joint Gaussian draws against differences of the energy: what a draw must be if it is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import Situation
from ..backend.energy import State
from ..syntax.diagnostics import InternalError
from .banded import factored, times
from .gaussian import JointGaussian

TOLERANCE = 1e-6
CLAIMS = (
    "its second derivative along a random direction",
    "the centre of its Gaussian",
    "the spread of its Gaussian",
)


def verify_joint(
    block: JointGaussian, cases: Sequence[tuple[Situation, State]], given: Situation, seed: int
) -> None:
    """Compare the Hessian, mean and root of the covariance with energies, in the precision in force.

    Raises EbmError E703 if the energy is not a bowl at the parameters given, whatever the other
    unknowns are; InternalError naming the variables if a difference of energies is not as claimed.
    """
    probe = jax.jit(lambda where, state, noise: _gaps(block, where, state, noise))
    rng = np.random.default_rng(seed)
    for where, state in cases:
        noise = rng.normal(size=(2, block.matrix.number))
        gaps, scale, sound = (np.asarray(x) for x in probe(where, state, noise))
        if not sound and block.fixed and where is given:
            complaint = block.complaint(where, None)
            if complaint is not None:
                raise complaint
        checked = len(CLAIMS) if sound else 1
        for claim, gap in zip(CLAIMS[:checked], gaps[:checked], strict=True):
            if not abs(gap) <= TOLERANCE * scale:
                names = "`, `".join(block.variables)
                raise InternalError(f"{claim} in `{names}` is off by {abs(gap):.3g} nats")


def _gaps(block: JointGaussian, where: Situation, state: State, noise: Any) -> Any:
    """By how many nats each claim fails, the size of the energies, whether there is a factor."""
    diagonal, below = block.hessian(where, None if block.fixed else state)
    factor, sound = factored(diagonal, below)
    ready = where._replace(tables=factor if block.fixed else ())
    curvature = block.curvature

    def energy(values: Any) -> Any:
        moved = curvature.put(state, values)
        return where.beta * block.target.energy(where.params, moved, where.given)

    at, (direction, spread) = curvature.take(state), noise
    centre = curvature.take(block.drawn(jnp.zeros_like(at), ready, state))
    drawn = curvature.take(block.drawn(spread, ready, state))
    middle = energy(at)
    ends = [energy(at + direction), energy(at - direction)]
    laid = block.laid(direction)
    bend = where.beta * jnp.sum(laid * times(diagonal, below, laid))
    gaps = [
        ends[0] + ends[1] - 2 * middle - bend,
        energy(centre + direction) - energy(centre - direction),
        energy(drawn) - energy(centre) - jnp.sum(spread**2) / 2,
    ]
    scale = 1 + jnp.abs(middle) + jnp.abs(bend) + jnp.sum(spread**2)
    return jnp.stack(gaps), scale, sound
