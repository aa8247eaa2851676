"""Maximum likelihood by chains: a task for the loop of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..arguments import check_counts
from ..backend.conditionals import Situation
from ..backend.energy import stored_type
from ..partition.examples import Examples
from ..samplers.replay import replaying
from ..samplers.run import Clamped
from ..samplers.settings import Sampler, Tempering, sampler_of
from ..samplers.starting import Init
from ..samplers.sweep import Chain
from ..syntax.diagnostics import complain
from . import runaway
from .adaptive import Adaptive, adaptive_of, check_adaptive, fell_short, first_sweeps
from .centring import Centring
from .checkpoint import digest, flat
from .contrastive import ContrastiveDivergence, hidden_plan
from .devices import Spread
from .diverged import unwell
from .feed import every_batch, refuse_each
from .first import first_learner
from .likeness import told as in_words
from .pace import paced
from .phases import Phases
from .reuse import same_epoch
from .standing import Standing, Told
from .step import Batch, Learner, Settings
from .stored import Fit
from .watch import WINDOW, Sign, chains_rhat, frozen, standing_still

if TYPE_CHECKING:
    from ..model import Model

SLOPE_SWEEPS = 10
RATE = 1e-3  # Adam's, if no optimiser is said


def walker_of(sampler: str | Sampler) -> Sampler:
    """The sampler of the model phase. Raises EbmError E701, or E704 if it cannot follow a fit."""
    walker = sampler_of(sampler)
    moves = sampler_of(walker.inner) if isinstance(walker, Tempering) else walker
    if moves.name == "annealed":
        raise complain(
            "E704",
            "`annealed` follows its schedule in warm-up, and the chains of a fit have none",
            helps=['sampler="langevin" walks at one temperature'],
        )
    return walker


class LikelihoodTask:
    """Energies of the data less those of persistent chains, or of short runs from a buffer."""

    def __init__(
        self,
        phases: Phases,
        examples: Examples,
        sampler: Sampler,
        optimizer: optax.GradientTransformation | None,
        sweeps: int | str | Adaptive | None,
        batch_size: int,
        seed: int,
    ) -> None:
        refuse_each(phases, examples)
        self.model: Model = phases.model
        self.examples = examples
        self.phases = phases
        self.sampler = sampler
        self.batch = examples.batch(batch_size)
        self.seed = seed
        self.optimiser = optimizer or optax.adam(RATE)
        self.start: tuple[Mapping[str, Any], int] = ({}, 0)
        self.init: Init = None
        sloped = any(c.way == "slope" for c in phases.free.choices)
        givens = self.model.program.givens
        shared = {n: jnp.asarray(v, stored_type(givens[n])) for n, v in examples.shared.items()}
        rule, usual = adaptive_of(sweeps), SLOPE_SWEEPS if sloped else 1
        number = first_sweeps(rule, usual) if rule is not None else cast(int, sweeps or usual)
        own = bool(examples.own)
        self.settings = Settings(
            paced(self.optimiser), number, examples.number, own, shared, adaptive=rule
        )

    def centre(self, centring: Centring) -> None:
        """Follow the centred gradient."""
        self.settings = replace(self.settings, centring=centring)

    def walk_from_data(self) -> None:
        """Start the model phase at the data of each step: contrastive divergence."""
        check_adaptive(self.settings.adaptive, cd=True)
        hidden = self.model.made(("hidden", self.phases), lambda: hidden_plan(self.phases))
        self.settings = replace(self.settings, contrastive=True, hidden=hidden)

    def replay_from(self, slots: int, chains: int, restart: float) -> None:
        """Take the chains of each step from a buffer. Raises EbmError E704 where that cannot be."""
        check_counts(buffer=slots)
        check_adaptive(self.settings.adaptive, buffer=True)
        if self.settings.own_given:
            raise complain(
                "E704",
                "with given data of each example every example has a chain of its own, and a "
                "`buffer` has no place",
            )
        held, number = Clamped({}, {}), self.settings.sweeps
        short = replaying(self.model, self.phases.free, slots, chains, number, restart, held)
        self.settings = replace(self.settings, replay=short, seed=self.seed)

    def starting(
        self,
        params: Mapping[str, Any],
        chains: int,
        spread: Spread | None = None,
        init: Init = None,
    ) -> LikelihoodTask:
        """The task, to begin at these parameters with so many chains, spread over devices.

        `init`: where chains begin, as for `ebm.sample`.
        Raises EbmError E704 for counts that cannot be parted among them.
        """
        check_adaptive(self.settings.adaptive, own=self.settings.own_given, alone=chains < 2)
        self.start = (params, chains)
        self.init = init
        if spread is not None:
            each = self.settings.own_given or self.settings.contrastive
            spread.check(batch_size=self.batch, chains=self.batch if each else chains)
            self.settings = replace(self.settings, spread=spread)
        return self

    def settings_told(self) -> Mapping[str, Any]:
        """What a checkpoint is made for, beside model and data."""
        params, chains = self.start
        replay = self.settings.replay
        short = "" if replay is None else f"{replay.slots} slots, {replay.restart} begin anew"
        return {
            "objective": ContrastiveDivergence.name if self.settings.contrastive else "mle",
            "sampler": self.sampler,
            "optimizer": in_words(self.optimiser),
            "batch_size": self.batch,
            "chains": "one a row" if self.settings.contrastive else chains,
            "sweeps": self.settings.adaptive or self.settings.sweeps,
            "buffer": short,
            "centred": self.settings.centring is not None,
            "start": digest(flat(dict(params), "")),
            "seed": self.seed,
            "numbers": jnp.result_type(float),
        }

    def begin(self) -> Learner:
        """The learner before the first step. Raises EbmError E703 as samplers do."""
        params, chains = self.start
        number = self.batch if self.settings.contrastive else chains
        return first_learner(
            self.phases, self.settings, self.examples, params, number, self.seed, self.init
        )

    def passed(self, learner: Learner, batches: Batch, first: int, end: int) -> tuple[Learner, Any]:
        """The learner after some of the batches, and what each step told."""
        epoch = same_epoch(self.phases, self.settings, self.optimiser)
        return epoch(learner, batches, first, end)

    def row(self, told: Told) -> dict[str, float]:
        """Mean energies and gradient of an epoch, with the gap that they leave."""
        names = ("data_energy", "model_energy", "gradient_norm")
        row = {n: float(np.mean(told[n])) for n in names}
        if self.settings.adaptive is not None:
            row["sweeps"] = float(np.mean(told["sweeps"]))
        return {**row, "gap": row["data_energy"] - row["model_energy"]}

    def ended(self, before: Standing, standing: Standing) -> tuple[Standing, list[Sign]]:
        """The standing with R-hat in its row, and whether its chains have moved at all."""
        learner, old = standing.learner, before.learner
        rhat = float("nan")
        energies, still = standing.energies, standing.still
        if isinstance(learner.chains, Chain):
            steps = int(learner.step) - int(old.step)
            still = standing_still(
                old.chains.state, learner.chains.state, steps * self.settings.sweeps, still
            )
            if not self.settings.own_given and not self.settings.contrastive:
                now = np.asarray(self._energies(learner), float)[None]
                energies = np.concatenate([energies.reshape(-1, now.shape[1]), now])[-WINDOW:]
                rhat = chains_rhat(energies)
        row = {**standing.history[-1], "rhat": rhat}
        params = self.model.parameter_space.constrain(learner.free)
        plain = {n: params[n] for n in self.model.program.params}
        earlier = runaway.remembered(standing.earlier, standing.epochs, plain)
        history = (*standing.history[:-1], row)
        after = replace(standing, history=history, energies=energies, still=still, earlier=earlier)
        return after, frozen(still)

    def _energies(self, learner: Learner) -> Any:
        """The (free) energy of each chain [chain]."""

        def made() -> Any:
            energy = jax.vmap(self.phases.free_energy, in_axes=(None, 0))
            return jax.jit(energy)

        energies = self.model.made(("chain energies", self.phases), made)
        return energies(self._situation(learner), learner.chains.state)

    def _situation(self, learner: Learner) -> Situation:
        params = self.model.parameter_space.constrain(learner.free)
        return Situation(params, dict(self.settings.shared), jnp.ones(()))

    def words(self, row: Mapping[str, float]) -> str:
        """Gap, gradient, R-hat and speed, for the progress bar."""
        speed = self.examples.number // self.batch / row["seconds"] if row["seconds"] else 0.0
        rhat = f", R-hat {row['rhat']:.2f}" if np.isfinite(row["rhat"]) else ""
        rate = f", steps times {row['rate']:g}" if row["rate"] != 1 else ""
        return (
            f"gap {row['gap']:+.2f} nats, gradient {row['gradient_norm']:.3g}{rhat}, "
            f"{speed:.3g} steps/s{rate}"
        )

    def unwell(self, learner: Learner, batches: Batch, told: Told, place: int) -> list[str]:
        """What was not finite at this batch: values, energies, what the step told."""
        params = jax.tree.map(np.asarray, self.model.parameter_space.constrain(learner.free))
        shared = None if self.settings.own_given else self.settings.shared
        partly = self.phases.partly
        data = {n: np.asarray(v[place]) for n, v in batches.data.items() if n not in partly}
        samples = {n: np.asarray(v) for n, v in learner.chains.state.items()}
        notes = unwell(self.model, params, data, shared, "data")
        notes += unwell(self.model, params, samples, shared, "samples")
        for name in ("data_energy", "model_energy", "gradient_norm"):
            value = float(told[name][place])
            if not np.isfinite(value):
                notes.append(f"{name.replace('_', ' ')} of that step: {value:g}")
        return notes

    def doubts(self, standing: Standing) -> list[str]:
        """Sweeps that are too few, and parameters that run away."""
        short = fell_short(self.settings.adaptive, standing.learner.gauge)
        return short + self._running(standing)

    def _running(self, standing: Standing) -> list[str]:
        """Parameters that run away."""
        learner, program = standing.learner, self.model.program
        if self.settings.own_given or self.phases.partly:
            return []
        where = self._situation(learner)
        free = [n for n in program.params if program.parameter_facts[n].prior is None]
        params = {n: np.asarray(where.params[n]) for n in program.params}
        masks = runaway.growing(standing.earlier, standing.epochs, params)
        masks = {n: mask for n, mask in masks.items() if n in free}
        if not masks:
            return []
        data = self._all_data(learner)
        found = runaway.unbounded(masks, self.phases, where, data, learner.chains.state)
        return runaway.told(found, params)

    def _all_data(self, learner: Learner) -> Iterator[dict[str, Any]]:
        """Every example as a configuration, in pieces of batches [batch, row, …]."""
        for batches in every_batch(self.model, self.examples, self.batch):
            rows = np.asarray(batches.rows)
            if self.phases.latents is not None:
                hidden = {n: v[rows] for n, v in learner.latents.state.items()}
            else:
                hidden = {
                    n: jnp.zeros((*rows.shape, *v.shape[1:]), v.dtype)
                    for n, v in learner.chains.state.items()
                }
            yield self.phases.data_state(batches.data, hidden)

    def result(self, standing: Standing, stopped: str | None) -> Fit:
        """The fit as it stands."""
        learner, history = standing.learner, standing.history
        params = jax.tree.map(np.asarray, self.model.parameter_space.constrain(learner.free))
        names = list(history[0]) if history else []
        arrays = {n: np.array([row[n] for row in history]) for n in names}
        chains = {n: np.asarray(v) for n, v in learner.chains.state.items()}
        return Fit(
            self.model.unconditioned, params, arrays, chains, int(learner.step),
            problems=standing.problems, stopped=stopped,
        )  # fmt: skip
