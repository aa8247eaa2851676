"""Maximum likelihood: samples from the model against data, until low energy means data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import optax

from ..partition.examples import prepare
from ..samplers.replay import RESTART
from ..samplers.run import check_counts
from ..samplers.settings import Sampler, sampler_of
from ..syntax.diagnostics import complain
from .centring import centring_of, fields_from_means
from .loop import Diverged as Diverged
from .loop import Run
from .phases import make_phases
from .stored import Fit

if TYPE_CHECKING:
    from ..model import Model

OBJECTIVES = ("mle",)


def fit(
    model: Model,
    data: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    *,
    objective: str = "mle",
    sampler: str | Sampler = "auto",
    epochs: int = 20,
    batch_size: int = 100,
    chains: int = 100,
    sweeps: int | None = None,
    buffer: int | None = None,
    restart: float = RESTART,
    optimizer: optax.GradientTransformation | None = None,
    centred: bool = True,
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[dict[str, float]], None] | None = None,
) -> Fit:
    """Fit parameters to examples by the gradient of the log-likelihood.

    data[name] [example, dims]. The model phase runs `chains` persistent chains, `sweeps` sweeps a
    step (1, or 10 where a block follows slopes); with given data of each example, one chain for
    each. With a `buffer` of so many states the chains of a step are drawn from it and go back to
    their slots; the share `restart` of them begins anew (Du & Mordatch 2019). Latents that sum in
    closed form are summed in both phases, else sampled given the data. `optimizer`: any optax
    optimiser, Adam at 1e-3 if not said. `centred`: where discrete variables have fields of their
    own, follow the centred gradient (Melchior et al. 2016), and start fields that `init` leaves at
    0 from the data's means. `params`: where to start instead of `init`. `callback` gets
    each epoch's row of the history.

    Raises EbmError for data that do not fit; Diverged, with the last good state, if an energy or
    a gradient is not finite.
    """
    if objective not in OBJECTIVES:
        raise complain(
            "E707", f"there is no objective `{objective}`", notes=["the objectives are mle"]
        )
    check_counts(epochs=epochs, batch_size=batch_size, chains=chains)
    model, examples = prepare(model, data, given)
    if not model.program.params and not model.program.networks:
        raise complain(
            "E707",
            f"`{model.name}` has no parameters to fit",
            helps=["to draw its unknowns given data: ebm.sample(model, {}, clamp=data)"],
        )
    start = dict(params) if params is not None else model.init(seed)
    model.check_params(start)
    centring = centring_of(model) if centred and not examples.own else None
    if centring is not None and params is None:
        start = fields_from_means(centring, start, examples.data)
    phases = make_phases(model, tuple(examples.data), sampler_of(sampler))
    if sampler_of(sampler).name == "annealed":
        raise complain(
            "E704",
            "`annealed` follows its schedule in warm-up, and the chains of a fit have none",
            helps=['sampler="langevin" walks at one temperature'],
        )
    run = Run(model, examples, phases, optimizer or optax.adam(1e-3), sweeps, batch_size, seed)
    if centring is not None:
        run.centre(centring)
    if buffer is not None:
        run.replay_from(buffer, chains, restart)
    return run.train(start, epochs, chains, progress, callback)
