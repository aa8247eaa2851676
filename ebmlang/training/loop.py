"""The loop of training: batches in a new order each epoch, and what each of them told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..backend.conditionals import Situation
from ..backend.energy import stored_type
from ..partition.examples import Examples
from ..progress import Progress
from ..samplers.beginning import begin_states, starter
from ..samplers.plan import Plan
from ..samplers.replay import replaying
from ..samplers.run import Clamped, check_counts
from ..samplers.sweep import Chain, begin
from ..samplers.verify import verify
from ..syntax.diagnostics import Diagnostic, EbmError, complain
from .centring import Centring
from .phases import Phases
from .step import Batch, Learner, Settings, make_epoch
from .stored import Fit

if TYPE_CHECKING:
    from ..model import Model

ALWAYS = 1 << 30
SLOPE_SWEEPS = 10


class Diverged(EbmError):
    """A fit that left the finite numbers; `fit` holds the last good state."""

    def __init__(self, diagnostic: Diagnostic, fit: Fit) -> None:
        super().__init__(diagnostic)
        self.fit = fit


class Run:
    """One call of fit: its compiled epoch, its order of examples, its history."""

    def __init__(
        self,
        model: Model,
        examples: Examples,
        phases: Phases,
        optimizer: optax.GradientTransformation,
        sweeps: int | None,
        batch_size: int,
        seed: int,
    ) -> None:
        self.model = model
        self.examples = examples
        self.phases = phases
        self.batch = min(batch_size, examples.number)
        self.order = np.random.default_rng(seed)
        self.seed = seed
        sloped = any(c.way == "slope" for c in phases.free.choices)
        shared = {
            n: jnp.asarray(v, stored_type(model.program.givens[n]))
            for n, v in examples.shared.items()
        }
        self.settings = Settings(
            optimizer,
            sweeps or (SLOPE_SWEEPS if sloped else 1),
            examples.number,
            bool(examples.own),
            shared,
        )
        self.epoch = make_epoch(phases, self.settings)

    def centre(self, centring: Centring) -> None:
        """Follow the centred gradient."""
        self.settings = replace(self.settings, centring=centring)
        self.epoch = make_epoch(self.phases, self.settings)

    def replay_from(self, slots: int, chains: int, restart: float) -> None:
        """Take the chains of each step from a buffer. Raises EbmError E704 where that cannot be."""
        check_counts(buffer=slots)
        if self.settings.own_given:
            raise complain(
                "E704",
                "with given data of each example every example has a chain of its own, and a "
                "`buffer` has no place",
            )
        held, number = Clamped({}, {}), self.settings.sweeps
        short = replaying(self.model, self.phases.free, slots, chains, number, restart, held)
        self.settings = replace(self.settings, replay=short, seed=self.seed)
        self.epoch = make_epoch(self.phases, self.settings)

    def train(
        self,
        params: Mapping[str, Any],
        epochs: int,
        chains: int,
        progress: bool,
        callback: Callable[[dict[str, float]], None] | None,
    ) -> Fit:
        learner = self._begin(params, chains)
        history: list[dict[str, float]] = []
        bar = Progress(epochs, f"fitting {self.model.name}", progress)
        with bar:
            for number in range(epochs):
                begun = time.perf_counter()
                batches = self._batches()
                learner, told = self.epoch(learner, batches)
                row = {
                    "epoch": number + 1,
                    "data_energy": float(np.mean(told.data_energy)),
                    "model_energy": float(np.mean(told.model_energy)),
                    "gradient_norm": float(np.mean(told.gradient_norm)),
                }
                row["gap"] = row["data_energy"] - row["model_energy"]
                row["seconds"] = time.perf_counter() - begun
                if int(learner.bad) >= 0:
                    raise self._diverged(learner, batches, told, history)
                history.append(row)
                bar.advance(1, f"gap {row['gap']:+.2f} nats, gradient {row['gradient_norm']:.3g}")
                if callback is not None:
                    callback(row)
        return self._result(learner, history)

    def _begin(self, params: Mapping[str, Any], chains: int) -> Learner:
        model = self.model
        real = jnp.result_type(float)
        free = model.parameter_space.unconstrain(
            jax.tree.map(lambda x: jnp.asarray(x, real), dict(params))
        )
        first, second = jax.random.split(jax.random.key(self.seed))
        number = self.examples.number if self.settings.own_given else chains
        situation = Situation(
            model.parameter_space.constrain(free), dict(self.settings.shared), jnp.ones(())
        )
        probe = situation._replace(given={**situation.given, **self._own(slice(0, 1), 0)})
        if model.checks:
            verify(model.target, self.phases.free, probe)
        walkers = (
            self._chains(self.phases.free, first, situation, number)
            if self.settings.replay is None
            else self.settings.replay.begun(first, situation)
        )
        latents: Any = ()
        if self.phases.latents is not None:
            latents = self._chains(self.phases.latents, second, situation, self.examples.number)
        optimiser = self.settings.optimiser.init(free)
        zero = jnp.zeros((), jnp.int32)
        offsets = () if self.settings.centring is None else self.settings.centring.none(free)
        return Learner(free, optimiser, walkers, latents, zero, zero - 1, offsets)

    def _own(self, rows: slice, pick: int | None = None) -> dict[str, Any]:
        own = {
            n: jnp.asarray(v[rows], stored_type(self.model.program.givens[n]))
            for n, v in self.examples.own.items()
        }
        return own if pick is None else {n: v[pick] for n, v in own.items()}

    def _chains(self, plan: Plan, key: Any, situation: Situation, number: int) -> Chain:
        """Persistent chains at random finite states, adapting as long as training lasts."""
        key, sub = jax.random.split(key)
        model = self.model
        own = self._own(slice(None)) if self.settings.own_given else {}
        probe = situation._replace(given={**situation.given, **{n: v[0] for n, v in own.items()}})
        states = begin_states(model.target, starter(model.target, {}), probe, sub, number, {})
        if number == self.examples.number and plan is self.phases.latents:
            states = self.phases.data_state(
                {n: jnp.asarray(v) for n, v in self.examples.data.items()}, states
            )
        axes = Situation(None, 0 if own else None, None)
        per_chain = situation._replace(given={**situation.given, **own}) if own else situation
        if own:
            per_chain = per_chain._replace(
                given={n: jnp.broadcast_to(v, (number, *v.shape)) if n not in own else v
                       for n, v in per_chain.given.items()}
            )  # fmt: skip
        return jax.vmap(lambda k, s, state: begin(plan, k, s, state, ALWAYS), in_axes=(0, axes, 0))(
            jax.random.split(key, number), per_chain, states
        )

    def _batches(self) -> Batch:
        """A new order of the examples in batches [batch, row, …]; a remainder waits for the next order."""
        number = self.examples.number // self.batch
        rows = self.order.permutation(self.examples.number)[: number * self.batch]
        rows = rows.reshape(number, self.batch)
        data = {n: jnp.asarray(v[rows]) for n, v in self.examples.data.items()}
        own = {
            n: jnp.asarray(v[rows], stored_type(self.model.program.givens[n]))
            for n, v in self.examples.own.items()
        }
        return Batch(data, own, jnp.asarray(rows, jnp.int32))

    def _result(self, learner: Learner, history: list[dict[str, float]]) -> Fit:
        params = jax.tree.map(np.asarray, self.model.parameter_space.constrain(learner.free))
        names = list(history[0]) if history else []
        arrays = {n: np.array([row[n] for row in history]) for n in names}
        chains = {n: np.asarray(v) for n, v in learner.chains.state.items()}
        return Fit(self.model, params, arrays, chains, int(learner.step))

    def _diverged(
        self, learner: Learner, batches: Batch, told: Any, history: list[dict[str, float]]
    ) -> Diverged:
        step = int(learner.bad)
        kept = self._result(learner, history)
        place = step % batches.rows.shape[0]
        notes = []
        for what, states in (
            ("data", {n: np.asarray(v[place]) for n, v in batches.data.items()}),
            ("samples", dict(kept.chains)),
        ):
            notes += self._unwell(kept.params, states, what)
        for name in ("data_energy", "model_energy", "gradient_norm"):
            value = float(np.asarray(getattr(told, name))[place])
            if not np.isfinite(value):
                notes.append(f"{name.replace('_', ' ')} of that step: {value:g}")
        says = f"the fit left the finite numbers at step {step}"
        helps = ("a smaller learning rate: optimizer=optax.adam(1e-4)",
                 "the last good state is in the exception's `fit`")  # fmt: skip
        return Diverged(Diagnostic("E710", says, (), tuple(notes), helps), kept)

    def _unwell(self, params: Any, states: dict[str, Any], what: str) -> list[str]:
        """Which energies are not finite on these states, at the last good parameters."""
        notes = [f"`{n}` of the {what} is not finite" for n, v in states.items()
                 if not np.all(np.isfinite(v))]  # fmt: skip
        if set(states) != set(self.model.program.unknowns) or self.settings.own_given:
            return notes
        for name, values in self.model.energies(params, states, self.settings.shared).items():
            wrong = int(np.sum(~np.isfinite(np.asarray(values))))
            if wrong:
                notes.append(f"energy `{name}` is not finite on {wrong} of the {what}")
        return notes
