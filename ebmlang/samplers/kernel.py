"""Every sampler as a NumPyro kernel: `numpyro.infer.MCMC(ebm.kernel(model, params, "gibbs"), …)`."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from numpyro.infer.mcmc import MCMCKernel
from numpyro.util import is_prng_key

from ..analysis.closing import Wish, wish_of
from ..arguments import checked
from ..backend.conditionals import Situation
from .beginning import starter
from .block import Block
from .clusters import refuse_repelled
from .plan import make_plan
from .run import Clamped, clamped, situation_of
from .settings import Sampler, sampler_of
from .starting import Init, started
from .sweep import Chain, begin, prepared, sweep
from .tempering import untempered
from .verify import verify

if TYPE_CHECKING:
    from ..model import Model


class KernelState(NamedTuple):
    """What NumPyro carries: the configuration, its energy, and where the chain stands."""

    z: Any  # dict of arrays [dims], every variable in its own values
    energy: Any  # scalar, nats
    accept_prob: Any  # scalar in [0, 1]
    diverging: Any  # bool
    num_steps: Any  # scalar, gradients of the energy
    chain: Chain
    rng_key: Any  # the chain's key, which NumPyro replaces where a run goes on


class Kernel(MCMCKernel):
    """One sweep of a sampler at fixed parameters, as an MCMCKernel with every chain method."""

    def __init__(
        self,
        model: Model,
        situation: Situation,
        sampler: Sampler,
        held: Clamped,
        wish: Wish = "auto",
        init: Init = None,
    ) -> None:
        self.model = model
        self._asked = init
        self._situation = situation
        self._held = held
        self._plan = make_plan(model.target, sampler, held.masks, wish=wish)
        self._ready = prepared(self._plan, situation)
        self._first = starter(model.target, held.masks)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What moves in a sweep, in turn."""
        return untempered(self._plan).blocks

    def check(self) -> None:
        """Compare the derived conditionals with brute force."""
        verify(self.model.target, self._plan, self._situation)

    @property
    def sample_field(self) -> str:
        """The field of the state that holds the configuration."""
        return "z"

    @property
    def default_fields(self) -> tuple[Any, ...]:
        """What NumPyro keeps of every draw."""
        return (self.sample_field, "diverging")

    def get_diagnostics_str(self, state: KernelState) -> Any:
        """What NumPyro's progress bar shows."""
        return f"acceptance {float(jnp.mean(state.accept_prob)):.2f}"

    def init(
        self,
        rng_key: Any,
        num_warmup: int,
        init_params: Any,
        model_args: tuple[Any, ...],
        model_kwargs: Mapping[str, Any],
    ) -> KernelState:
        """A state for one key, or for each of a row of keys; `init_params` are starting values."""
        single = is_prng_key(rng_key)
        keys = rng_key[None] if single else rng_key
        keys = (
            keys
            if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
            else jax.vmap(jax.random.wrap_key_data)(keys)
        )
        if init_params is None:
            states = started(
                self.model,
                self._situation,
                keys[0],
                len(keys),
                self._held,
                self._asked,
                self._first,
            )
        else:
            states = init_params if not single else jax.tree.map(lambda x: x[None], init_params)
        made = jax.vmap(lambda k, s: self._state(k, s, num_warmup))(keys, states)
        return jax.tree.map(lambda x: x[0], made) if single else made

    def _state(self, key: Any, state: Any, warmup: int) -> KernelState:
        chain = begin(self._plan, key, self._situation, state, warmup)
        one = jnp.ones(())
        return KernelState(
            state,
            self._energy(state),
            one,
            jnp.zeros((), bool),
            jnp.zeros((), jnp.int32),
            chain,
            jax.random.key_data(chain.key),
        )

    def _energy(self, state: Any) -> Any:
        return self.model.target.whole(self._situation.params, state, self._situation.given)

    def sample(
        self, state: KernelState, model_args: tuple[Any, ...], model_kwargs: Mapping[str, Any]
    ) -> KernelState:
        """The next state, or states where there is a row of them."""
        if jnp.ndim(state.energy):
            return jax.vmap(self._step)(state)
        return self._step(state)

    def _step(self, state: KernelState) -> KernelState:
        key = state.rng_key
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        begun = state.chain._replace(key=key if typed else jax.random.wrap_key_data(key))
        chain, report = sweep(self._plan, self._ready, begun)
        return KernelState(
            chain.state,
            self._energy(chain.state),
            report.acceptance,
            report.diverged > 0,
            report.gradients,
            chain,
            chain.key if typed else jax.random.key_data(chain.key),
        )


@checked()
def kernel(
    model: Model,
    params: Mapping[str, Any],
    sampler: str | Sampler = "auto",
    *,
    beta: float = 1.0,
    clamp: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    marginalise: str | bool | Sequence[str] = "auto",
    init: Init = None,
) -> Kernel:
    """A sampler of a model at these parameters for `numpyro.infer.MCMC`.

    `init`: where chains begin, as for `ebm.sample`; `MCMC.run(init_params=…)` has the last word.

    Raises EbmError E702 if the sampler cannot move a variable.
    """
    model = model.settled(given)
    model.check_params(params)
    chosen, held = sampler_of(sampler), clamped(model, clamp)
    situation = situation_of(model, params, given, beta, held)
    wish = wish_of(model.program, marginalise)
    made = Kernel(model, situation, chosen, held, wish, init)
    refuse_repelled(made.blocks, situation)
    if model.checks:
        made.check()
    return made
