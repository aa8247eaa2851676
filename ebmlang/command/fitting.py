"""What `ebm fit` does: reads data, fits, scores, keeps, and ends well when it is interrupted."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optax

from ..model import Model
from ..syntax.diagnostics import EbmError
from ..training.callbacks import Callback
from ..training.fit import fit
from ..training.stored import Fit
from ..training.tensorboard import TensorBoard
from .inputs import read_data

# As a shell has it: 128 and the number of the signal.
CODES = {"interrupted": 130, "ended by SIGTERM": 143}


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings of the command line."""

    epochs: int
    batch_size: int
    chains: int
    rate: float
    sampler: str
    seed: int
    checkpoint: Path | None
    every: int | None
    resume: bool
    objective: str = "mle"
    history: Path | None = None
    tensorboard: Path | None = None


def fit_files(
    model: Model, data: list[str], test: list[str], out: Path | None, asked: Asked, progress: bool
) -> tuple[list[str], dict[str, Any], int]:
    """What to say of a fit to files, for people and for machines, and the exit code."""
    visible, given = _sorted(model, read_data(model.program, data))
    steps = None if asked.sampler == "exact" else optax.adam(asked.rate)
    with _warnings_on_stderr():
        fitted = fit(
            model, visible, given, epochs=asked.epochs, batch_size=asked.batch_size,
            chains=asked.chains, sampler=asked.sampler, optimizer=steps,
            seed=asked.seed, progress=progress, checkpoint=asked.checkpoint, every=asked.every,
            resume=asked.resume, objective=asked.objective, callback=_watchers(asked),
        )  # fmt: skip
    last = {n: float(v[-1]) for n, v in fitted.history.items()}
    facts: dict[str, Any] = {
        "model": fitted.model.name, "steps": fitted.steps, "stopped": fitted.stopped,
        "problems": list(fitted.problems), **last,
    }  # fmt: skip
    gap = f", energy gap {last['gap']:+.3f} nats" if "gap" in last else ""
    gap = f", loss {last['loss']:.5g}" if "loss" in last else gap
    lines = [f"{fitted.model.name}: {fitted.steps} steps{gap}"]
    if fitted.log_z_estimate is not None:
        facts["log_z_estimate"] = fitted.log_z_estimate
        lines.append(f"log Z {fitted.log_z_estimate:.4f} nats, learnt beside the parameters")
    if fitted.stopped is not None:
        lines.append(_how_to_go_on(fitted, asked, out))
    else:  # who interrupts does not want to wait for log Z
        for name, items in (("train", data), ("test", test)):
            if items:
                facts[name], line = _score(fitted, read_data(model.program, items), name)
                lines.append(line)
    if out is not None:
        fitted.save(out)
        lines.append(f"kept in {out}")
    lines += _keep_history(fitted, asked)
    return lines, facts, _code(fitted)


def _watchers(asked: Asked) -> list[Callback]:
    return [] if asked.tensorboard is None else [TensorBoard(asked.tensorboard)]


def _keep_history(fitted: Fit, asked: Asked) -> list[str]:
    """Write the history where that was asked for. Raises EbmError E608 if it cannot be written."""
    if asked.history is None:
        return []
    fitted.to_csv(asked.history)
    return [f"history in {asked.history}"]


def _code(fitted: Fit) -> int:
    said = fitted.stopped or ""
    return next((code for how, code in CODES.items() if said.startswith(how)), 0)


def _how_to_go_on(fitted: Fit, asked: Asked, out: Path | None) -> str:
    if asked.checkpoint is not None:
        return f"{fitted.stopped}; the same command goes on from {asked.checkpoint}"
    lost = "" if out is not None else ", and the fit is not kept: --out or --checkpoint would have"
    return f"{fitted.stopped}{lost}"


def _sorted(model: Model, arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays of unknowns, and arrays of given data."""
    visible = {n: v for n, v in arrays.items() if n in model.program.unknowns}
    return visible, {n: v for n, v in arrays.items() if n in model.program.givens}


def _score(fitted: Fit, arrays: dict[str, Any], name: str) -> tuple[Any, str]:
    visible, given = _sorted(fitted.model, arrays)
    try:
        value = fitted.log_likelihood(visible, given)
    except EbmError as error:
        return None, f"{name} log-likelihood: {error.diagnostics[0].says}"
    return float(value), f"{name} log-likelihood {value:.4f} nats an example ({value.method})"


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Warnings as sentences, without the place in Python that no user of a shell has written."""

    def show(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
