"""Maximum likelihood: samples from the model against data, until low energy means data."""

# pyright: strict, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optax

from ..arguments import CHECKS, checked
from ..partition.examples import Examples, prepare
from ..samplers.replay import RESTART
from ..samplers.settings import Auto, Sampler
from ..samplers.starting import Init
from ..syntax.diagnostics import complain
from .accord import Accord, accord_of, check_optimizer, without
from .adaptive import Adaptive
from .callbacks import Callbacks, together
from .centring import Centring, centring_of, fields_from_means
from .contrastive import ContrastiveDivergence, check_walks, sweeps_of
from .descent import DescentTask
from .devices import Devices, spread_over
from .exactly import check_exact, fit_exactly
from .feed import refuse_forbidden, refuse_passing, refuse_unseen
from .likelihood import LikelihoodTask, walker_of
from .loop import Care, Loop
from .loop import Diverged as Diverged
from .missing import refuse_missing
from .objective import Objective
from .objectives import Walked, check_chainless, objective_of
from .prior import refuse_own_priors
from .reuse import same_model, same_phases
from .stored import Fit

if TYPE_CHECKING:
    from ..model import Model


@checked(keep=CHECKS["draws"])
def fit(
    model: Model,
    data: Any,
    given: Mapping[str, Any] | None = None,
    *,
    objective: str | Walked | Objective = "mle",
    sampler: str | Sampler = "auto",
    epochs: int = 20,
    batch_size: int = 100,
    chains: int = 100,
    sweeps: int | str | Adaptive | None = None,
    buffer: int | None = None,
    restart: float = RESTART,
    optimizer: optax.GradientTransformation | None = None,
    centred: bool = True,
    params: Mapping[str, Any] | None = None,
    init: Init = None,
    seed: int = 0,
    progress: bool = True,
    callback: Callbacks = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    keep: int = 3,
    every: int | None = None,
    on_divergence: str = "stop",
    devices: Devices = None,
) -> Fit:
    """Fit parameters to examples: by the gradient of the log-likelihood, or another `objective`.

    `objective`: a name or its settings, as `ebm.DenoisingScore(noise=0.2)`; those other than `mle`
    and `cd` draw no chains, and what follows speaks of these two. `cd` starts a chain at every row
    of the batch, whatever `chains` is.

    data[name] [example, dims], where NaN, a masked entry or one that a pair (values, mask) does not
    hold is missing: a latent of its example. In place of arrays: paths of .npy and .h5 files, h5py
    datasets and whatever else has a shape and is sliced, of which a few rows are in memory at a
    time; one path for all; or an iterable of dicts, or a function that makes one for each epoch.
    Variables that the model holds (`bind`) are given, at the values in the data if they stand there.

    The model phase runs `chains` persistent chains, `sweeps` sweeps a step (1, or 10 where a block
    follows slopes); with given data of each example, one chain for each. With a `buffer` of so many
    states the chains of a step are drawn from it and go back to
    their slots; the share `restart` of them begins anew (Du & Mordatch 2019). Latents that sum in
    closed form are summed in both phases, else sampled given the data. `sampler="exact"`: exact
    gradients of all examples and L-BFGS, which chooses its own steps, at most `epochs` evaluations.
    `optimizer`: any optax optimiser, Adam at 1e-3 if not said. `centred`: where discrete variables
    have fields of their own, follow the centred gradient (Melchior et al. 2016), and start fields
    that `init` leaves at 0 from the data's means; fields that the optimiser holds still or decays
    are not centred. `params`: where to start instead of the file's `init`. `init`: where the chains
    of the model phase begin, as for `ebm.sample`; where the energy has walls, at examples if not
    said. `callback`, or each of a list, gets each epoch's row of the history.

    `checkpoint`: a folder in which the last `keep` checkpoints stay, one after each epoch or after
    `every` so many steps; with `resume` the fit goes on from the newest, to the last bit as if it
    had never stopped. Ctrl-C or SIGTERM ends with the fit as it stands, and says so in `stopped`;
    a second one raises. `on_divergence`: "stop", or "lower" to go back to the last good state and
    make steps a tenth as long, three times at most.

    `devices`: "all", so many, or some of `jax.devices()`, among which chains and rows of batches are
    parted; the fit is that of one device up to the order of sums. With "all" the processes that
    `jax.distributed` has joined make one fit together: each calls this with the same data.

    Raises EbmError for data that do not fit, E711 for a checkpoint of another fit; Diverged, with
    the last good state, if an energy or a gradient is not finite (E710) or grows out of hand (E712).
    """
    chosen = objective_of(objective)
    check_optimizer(optimizer)
    care, callback = Care(checkpoint, resume, keep, every, on_divergence), together(callback)
    spread = spread_over(devices)
    loop = partial(Loop, care=care, epochs=epochs, progress=progress, callback=callback)
    model, examples = _bound(model.conditioned, data, given)
    start = dict(params) if params is not None else model.init(seed)
    model.check_params(start)
    refuse_forbidden(model, examples, start)
    if not isinstance(chosen, Walked):
        refuse_missing(chosen, examples.missing)
        walked = None if sampler == "auto" else sampler
        check_chainless(chosen, sampler=walked, sweeps=sweeps, buffer=buffer, init=init)
        descent = DescentTask(chosen, model, examples, optimizer, batch_size, start, seed, spread)
        return loop(descent, spread=spread).train()
    check_walks(chosen, sampler, buffer)
    sweeps = sweeps_of(chosen, sweeps)
    centring = None
    if centred and not examples.own:
        centring, start = _centred(model, examples, optimizer, start, set_out=params is None)
    if sampler == "exact":
        check_exact(optimizer=optimizer, sweeps=sweeps, buffer=buffer, init=init)
        care.refuse("exact gradients make a fit of a few seconds")
        refuse_passing(examples, spread)
        return fit_exactly(
            same_phases(model, tuple(examples.data), Auto()), examples, start, epochs, progress,
            callback,
        )  # fmt: skip
    walker = walker_of(sampler)
    phases = same_phases(model, tuple(examples.data), walker, examples.missing)
    task = LikelihoodTask(phases, examples, walker, optimizer, sweeps, batch_size, seed)
    if centring is not None:
        task.centre(centring)
    if isinstance(chosen, ContrastiveDivergence):
        task.walk_from_data()
    if buffer is not None:
        task.replay_from(buffer, chains, restart)
    return loop(task.starting(start, chains, spread, init), spread=spread).train()


def _centred(
    model: Model,
    examples: Examples,
    optimizer: optax.GradientTransformation | None,
    start: dict[str, Any],
    set_out: bool,
) -> tuple[Centring | None, dict[str, Any]]:
    """The centring that goes with an optimiser, and the start, with fields from means if `set_out`.

    Centring ends where slopes vanish, and moves fields beside the optimiser: those that this holds
    still are left alone, and those that it decays are followed as they are.
    """
    centring = centring_of(model)
    if centring is None:
        return None, start
    accord = Accord() if optimizer is None else accord_of(model, optimizer, start)
    moved = without(model, centring, accord.still)
    if moved is not None and set_out:
        start = fields_from_means(moved, start, examples)
    return without(model, centring, accord.still | accord.drawn), start


def _bound(model: Model, data: Any, given: Mapping[str, Any] | None) -> tuple[Model, Examples]:
    """The model bound to its data, with all that an earlier fit to data like them has compiled."""
    prepared, examples = prepare(model, data, given)
    model = same_model(model, prepared)
    if not model.program.params and not model.program.networks:
        raise complain(
            "E707",
            f"`{model.name}` has no parameters to fit",
            helps=["to draw its unknowns given data: ebm.sample(model, {}, clamp=data)"],
        )
    refuse_unseen(model, examples)
    refuse_own_priors(model, examples)
    return model, examples
