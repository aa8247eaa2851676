"""Chains that hold what examples know, beside sums and integrals written out in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ebmlang as ebm
from ebmlang.backend.conditionals import Situation
from ebmlang.training.first import own_given
from ebmlang.training.likelihood import LikelihoodTask, walker_of
from ebmlang.training.missing import run_held
from ebmlang.training.phases import make_phases

CHAINS = 2000  # of each example


def completions(
    model: ebm.Model,
    params: dict[str, Any],
    data: dict[str, np.ndarray],
    sweeps: int,
    sampler: str = "auto",
    given: dict[str, Any] | None = None,
    chains: int = CHAINS,
) -> dict[str, np.ndarray]:
    """What many chains of each example make of what it lacks: [example, chain, dims]."""
    from ebmlang.partition.examples import prepare

    number = len(next(iter(data.values())))
    many = {n: np.repeat(v, chains, axis=0) for n, v in data.items()}
    model, examples = prepare(model, many, given)
    phases = make_phases(model, tuple(data), walker_of(sampler), examples.missing)
    task = LikelihoodTask(phases, examples, walker_of(sampler), None, None, 10, 0)
    learner = task.starting(params, 10).begin()
    rows = {n: jnp.asarray(v) for n, v in examples.data.items()}
    own = own_given(model, examples)
    situation = Situation(jax.tree.map(jnp.asarray, params), task.settings.shared, jnp.ones(()))

    @jax.jit
    def run(latents: Any) -> Any:
        moved = run_held(phases, situation, latents, sweeps, rows, own)
        return phases.data_state(rows, moved.state)

    state = run(learner.latents)
    return {n: np.asarray(v).reshape(number, chains, *v.shape[1:]) for n, v in state.items()}


def z_scores(draws: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How many standard errors the means of independent chains [example, chain, …] are off."""
    error = draws.std(axis=1) / np.sqrt(draws.shape[1])
    return (draws.mean(axis=1) - wanted) / np.maximum(error, 1e-9)


def posterior_means(
    states: np.ndarray,
    energy: Callable[[np.ndarray], float],
    rows: np.ndarray,
    features: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Exact means of features [example, feature] over the states that agree with what each row knows."""
    weights = np.array([-energy(s) for s in states])
    table = np.array([features(s) for s in states])
    agree = np.array([[np.all(np.isnan(r) | (r == s)) for s in states] for r in rows])
    logs = np.where(agree, weights, -np.inf)
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)) @ table
