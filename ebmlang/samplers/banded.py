"""Cholesky factors of block-tridiagonal matrices, and what is solved with them.

A = L L^T with L of blocks on and under the diagonal. A dense matrix is the case of one block.
Source: Golub & Van Loan, Matrix Computations (4th ed.), section 4.5.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

ROUNDINGS = 8  # a pivot of fewer roundings of its diagonal entry is no pivot


class Factor(NamedTuple):
    """A factor L made ready for solving: shapes [block, width, width].

    `inverse`: of the blocks on the diagonal; `down`: inverse times the block to the left, which
    carries a forward solution on; `up`: transposed inverse times the transposed block below.
    """

    inverse: Any
    down: Any
    up: Any


def factored(diagonal: Any, below: Any) -> tuple[Factor, Any]:
    """The factor of a symmetric matrix, and whether it is positive definite to working precision.

    `diagonal` [block, width, width]; `below` alike: each block's tie to the one before, the first
    unused. If the matrix is not positive definite every number of the factor is NaN.
    """
    eye = jnp.eye(diagonal.shape[-1], dtype=diagonal.dtype)

    def step(before: Any, here: tuple[Any, Any]) -> tuple[Any, Any]:
        block, tie = here
        left = tie @ before.T
        root = jnp.linalg.cholesky(block - left @ left.T)
        inverse = jax.scipy.linalg.solve_triangular(root, eye, lower=True)
        return inverse, (inverse, left, jnp.diagonal(root))

    if len(diagonal) == 1:
        _, parts = step(jnp.zeros_like(eye), (diagonal[0], jnp.zeros_like(eye)))
        inverse, left, roots = (part[None] for part in parts)
    else:
        _, (inverse, left, roots) = jax.lax.scan(step, jnp.zeros_like(eye), (diagonal, below))
    least = ROUNDINGS * jnp.finfo(diagonal.dtype).eps
    entries = jnp.diagonal(diagonal, axis1=-2, axis2=-1)
    sound = jnp.all(roots**2 > least * entries)
    inverse = jnp.where(sound, inverse, jnp.nan)
    following = jnp.concatenate([left[1:], jnp.zeros_like(left[:1])])
    turned = jnp.swapaxes(inverse, -1, -2)
    return Factor(inverse, inverse @ left, turned @ jnp.swapaxes(following, -1, -2)), sound


def forward(factor: Factor, right: Any) -> Any:
    """The solution y of L y = right. Shapes: [block, width]."""
    own = jnp.einsum("kij,kj->ki", factor.inverse, right)
    return _carried(factor.down, own, reverse=False)


def backward(factor: Factor, right: Any) -> Any:
    """The solution x of L^T x = right. Shapes: [block, width]."""
    own = jnp.einsum("kji,kj->ki", factor.inverse, right)
    return _carried(factor.up, own, reverse=True)


def _carried(matrices: Any, own: Any, reverse: bool) -> Any:
    """x[k] = own[k] - matrices[k] @ x[k - 1], from the first block or from the last."""
    if len(own) == 1:
        return own

    def step(before: Any, here: tuple[Any, Any]) -> tuple[Any, Any]:
        matrix, term = here
        now = term - matrix @ before
        return now, now

    _, solved = jax.lax.scan(step, jnp.zeros_like(own[0]), (matrices, own), reverse=reverse)
    return solved


def times(diagonal: Any, below: Any, vector: Any) -> Any:
    """The matrix times a vector. Shapes: [block, width]."""
    own = jnp.einsum("kij,kj->ki", diagonal, vector)
    left = jnp.einsum("kij,kj->ki", below[1:], vector[:-1])
    right = jnp.einsum("kji,kj->ki", below[1:], vector[1:])
    zero = jnp.zeros_like(own[:1])
    return own + jnp.concatenate([zero, left]) + jnp.concatenate([right, zero])
