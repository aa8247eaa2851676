"""Gaussian blocks: all sites of real variables in which the energy is one quadratic form, drawn at once.

The draw is x - H^-1 g + (beta H)^(-1/2) z, with the gradient g at the present x and the Hessian
H = L L^T: independent of what stood there before. That the mean is reached from the present x is
one step of iterative refinement a sweep: rounding is in proportion to the step, not to the mean.
Source: Rue (2001), "Fast sampling of Gaussian Markov random fields", section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.elimination import Elimination
from ..backend.conditionals import Situation, in_float64
from ..backend.curvature import Curvature
from ..backend.energy import State, Target
from ..backend.sites import Sites
from ..syntax.diagnostics import complain
from .banded import Factor, backward, factored, forward
from .beginning import random_state
from .block import Block, Key, Moved
from .gibbs import exactly


@dataclass(frozen=True, slots=True, eq=False)
class JointGaussian:
    """Real variables drawn jointly from their Gaussian given all else.

    `matrix`: the order and the blocks in which the Hessian is factored. `fixed`: the Hessian rests
    on parameters and given data alone, so that one factor serves every sweep.
    """

    target: Target
    sites: Mapping[str, Sites]
    matrix: Elimination
    fixed: bool
    method: str = "gibbs"

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.sites)

    @property
    def curvature(self) -> Curvature:
        """The energy along the sites of the block."""
        return Curvature(self.target, self.sites)

    def tables(self, situation: Situation) -> Any:
        return self.factor(situation, None)[0] if self.fixed else ()

    def start(self, key: Key, situation: Situation, state: State, warmup: int) -> Any:
        return ()

    def move(self, key: Key, situation: Situation, state: State, inner: Any) -> Moved:
        at = self.curvature.take(state)
        noise = jax.random.normal(key, at.shape, at.dtype)
        cost = 1 if self.fixed else 1 + int(self.matrix.probes.max()) + 1
        return exactly(self.drawn(noise, situation, state), inner, cost)

    def drawn(self, noise: Any, situation: Situation, state: State) -> State:
        """The state with the block at its mean plus a root of its covariance times noise [site]."""
        factor: Factor = situation.tables if self.fixed else self.factor(situation, state)[0]
        at = self.curvature.take(state)
        slope = self.curvature.slope(situation, state)(at)
        scaled = self.laid(noise / jnp.sqrt(situation.beta)) - forward(factor, self.laid(slope))
        return self.curvature.put(state, at + self.lifted(backward(factor, scaled)))

    def integrated(self, situation: Situation, state: State) -> tuple[State, Any]:
        """The state with the block at its mean, and the log of the integral of exp(-beta (E - E there)).

        For n sites n/2 log(2 pi / beta) - log det L, where the Hessian is L L^T. NaN if there is none.
        """
        still = jnp.zeros(self.curvature.number, jnp.result_type(float))
        mean = self.drawn(still, situation, state)
        factor: Factor = situation.tables if self.fixed else self.factor(situation, state)[0]
        root = -jnp.sum(jnp.log(jnp.diagonal(factor.inverse, axis1=-2, axis2=-1)))
        return mean, 0.5 * len(still) * jnp.log(2 * jnp.pi / situation.beta) - root

    def factor(self, situation: Situation, state: State | None) -> tuple[Factor, Any]:
        """The factor of the Hessian, and whether it is positive definite.

        A fixed Hessian needs no state: any will do.
        """
        return factored(*self.hessian(situation, state))

    def hessian(self, situation: Situation, state: State | None) -> tuple[Any, Any]:
        """The Hessian of E in blocks: on the diagonal, and below it [block, width, width]."""
        if state is None:
            state = random_state(self.target, jax.random.key(0))
        matrix = self.matrix
        probes = matrix.probes
        seeds = np.equal(probes, np.arange(int(probes.max()) + 1)[:, None])
        shown = self.curvature.bends(situation, state, seeds)
        if matrix.edges is None:
            return shown[None], jnp.zeros_like(shown)[None]
        near, rows, places, padding = _layout(matrix)
        values = shown[probes[rows[1]], rows[0]]
        empty = jnp.zeros((matrix.blocks, matrix.width, matrix.width), shown.dtype)
        inside = tuple(p[near] for p in places)
        beside = tuple(p[~near] for p in places)
        diagonal = empty.at[inside].set(values[near]).at[padding].set(1.0)
        return diagonal, empty.at[beside].set(values[~near])

    def laid(self, values: Any) -> Any:
        """Sites [site] in the order of elimination, in blocks [block, width], filled up with zeros."""
        matrix = self.matrix
        missing = matrix.blocks * matrix.width - matrix.number
        ordered = values[matrix.order]
        return jnp.pad(ordered, (0, missing)).reshape(matrix.blocks, matrix.width)

    def lifted(self, blocks: Any) -> Any:
        """The inverse of `laid`."""
        return blocks.reshape(-1)[np.argsort(self.matrix.order)]

    def complaint(self, situation: Situation, state: State | None) -> Exception | None:
        """E703 if the energy is not a bowl in the block at these parameters, None if it is."""
        if state is not None:
            state = self.curvature.put(state, jnp.zeros(self.curvature.number))
        if bool(jax.jit(self.factor)(situation, state)[1]):
            return None
        with jax.enable_x64(True):
            bowl = bool(jax.jit(self.factor)(*in_float64((situation, state)))[1])
        names = "`, `".join(self.variables)
        if bowl:
            return complain(
                "E703",
                f"the energy is too flat in some direction of `{names}` for 32-bit numbers",
                notes=["its precision matrix is so near singular that rounding decides its factor"],
                helps=['compute in 64 bits: jax.config.update("jax_enable_x64", True)',
                       'or follow slopes: sampler="nuts"'],
            )  # fmt: skip
        return complain(
            "E703",
            f"the energy is not a bowl in `{names}` at these parameters",
            notes=["there is a direction in which it does not rise, so that no Gaussian follows"],
            helps=[f"hold `{self.variables[0]}` by a square that outgrows the rest"],
        )


def complaint_of(
    blocks: Sequence[Block], situation: Situation, states: Sequence[State]
) -> Exception | None:
    """E703 for the first Gaussian block that has no Gaussian in one of these states of a chain."""
    for block, state in product(blocks, states):
        if not isinstance(block, JointGaussian):
            continue
        others = [np.asarray(v) for n, v in state.items() if n not in block.variables]
        if block.fixed or all(np.all(np.isfinite(v)) for v in others):
            found = block.complaint(situation, None if block.fixed else state)
            if found is not None:
                return found
    return None


def _layout(matrix: Elimination) -> tuple[np.ndarray, np.ndarray, tuple[Any, ...], tuple[Any, ...]]:
    """Where entries go: those inside a block, (row, column) of each, places in blocks, padding."""
    assert matrix.edges is not None
    every = np.arange(matrix.number)
    ends = np.concatenate([np.stack([every, every]), matrix.edges.T, matrix.edges.T[::-1]], axis=1)
    place = np.argsort(matrix.order)[ends]
    block, inside = place // matrix.width, place % matrix.width
    kept = (block[0] == block[1]) | (block[0] == block[1] + 1)
    ends, block, inside = ends[:, kept], block[:, kept], inside[:, kept]
    spare = np.arange(matrix.number, matrix.blocks * matrix.width)
    padding = (spare // matrix.width, spare % matrix.width, spare % matrix.width)
    return block[0] == block[1], ends, (block[0], inside[0], inside[1]), padding
