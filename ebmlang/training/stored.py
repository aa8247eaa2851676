"""What a fit gives: parameters, history, chains; kept in a folder of safetensors and JSON."""

# pyright: strict, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from ..arguments import checked
from ..evaluation.diagnostics import Judged, not_finite, together
from ..evaluation.draws import Draws
from ..partition.probability import LogProb, log_prob
from ..samplers.run import sample
from ..syntax.diagnostics import complain
from .checkpoint import PARTIAL, content_of, write_files
from .history import write_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..model import Model

FORMAT = 2
ARRAYS, FACTS = "arrays.safetensors", "fit.json"


class LogLikelihood(float, Judged):
    """Mean log-likelihood in nats an example; `each` [example], `std_error` of the mean, `log_z`.

    `std_error`: over examples. `estimation_error`: what sums that were estimated leave in the mean,
    0 where all are exact; `problems`: what speaks against them.
    """

    each: np.ndarray
    std_error: float
    log_z: float
    method: str
    estimation_error: float
    problems: tuple[str, ...]

    @staticmethod
    def of(found: LogProb) -> LogLikelihood:
        """The mean of the values of the examples, with its standard error over examples."""
        each = found.values
        made = LogLikelihood(each.mean())
        made.each = each
        made.std_error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0
        made.log_z = found.log_z[0].value
        made.method = found.method
        made.estimation_error = found.mean_error
        made.problems = found.problems
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Fit(Judged):
    """A fitted model. `history`: arrays over epochs; `chains`: the model's last samples [chain, dims].

    `problems`: what speaks against the fit, in words; `stopped`: why it ended early, None if not.
    `log_z_estimate`: log Z in nats where the objective learnt it beside the parameters (`nce`).
    """

    model: Model
    params: dict[str, Any]
    history: Mapping[str, np.ndarray]
    chains: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    steps: int = 0
    log_z_estimate: float | None = None
    problems: tuple[str, ...] = ()
    stopped: str | None = None

    def __post_init__(self) -> None:
        named = {f"`{n}`": value for n, value in self.params.items()}
        named |= {f"the chains of `{n}`": value for n, value in self.chains.items()}
        if self.log_z_estimate is not None:
            named["the estimate of log Z"] = self.log_z_estimate
        object.__setattr__(self, "problems", together(self.problems, not_finite(named)))

    def __repr__(self) -> str:
        last = {n: float(v[-1]) for n, v in self.history.items() if len(v)}
        gap = f", energy gap {last['gap']:+.3f} nats" if "gap" in last else ""
        gap = f", loss {last['loss']:.4g}" if "loss" in last else gap
        stopped = f", {self.stopped}" if self.stopped else ""
        return f"<fit of {self.model.name}: {self.steps} steps{gap}{stopped}>"

    def log_likelihood(
        self, data: Mapping[str, Any], given: Mapping[str, Any] | None = None, **settings: Any
    ) -> LogLikelihood:
        """Log-likelihood of data, mean nats an example; a float with more beside it.

        Latents and log Z are summed exactly where that can be, else annealed, with the errors told;
        `settings` as in `ebm.log_prob`. Raises EbmError as it does.
        """
        found = log_prob(self.model, self.params, data, given, **settings)
        return LogLikelihood.of(found)

    def sample(self, **settings: Any) -> Draws:
        """Draws from the fitted model; settings as in `ebm.sample`."""
        return sample(self.model, self.params, **settings)

    @checked()
    def to_csv(self, path: str | Path) -> None:
        """Write the history as a table: a row for each epoch, a column for each number.

        Raises EbmError E608 where that cannot be; a file that was there is then as it was.
        """
        try:
            _put_table(self.history, Path(path))
        except OSError as error:
            says = f"the history cannot be written to {path}: {error.strerror or error}"
            raise complain("E608", says) from None

    @checked()
    def plot(self, path: str | Path | None = None) -> Figure:
        """How the fit went, epoch by epoch, as a figure; saved if there is a path (png, svg or pdf).

        Raises EbmError E704 for a history without an epoch.
        """
        from ..pictures.history import curves

        return curves(self, path)

    @checked()
    def to_html(self, path: str | Path) -> None:
        """Write a report in one HTML file: curves, parameters, the model and what is known of it.

        Raises EbmError E608 where that cannot be.
        """
        from ..pictures.page import keep
        from ..pictures.report import fit_report

        keep(fit_report(self), path)

    def _repr_html_(self) -> str:
        from ..pictures.report import fit_fragment

        return fit_fragment(self)

    @checked()
    def save(self, path: str | Path) -> None:
        """Keep the fit in a folder: arrays in safetensors, all else as JSON; no code is stored.

        Raises EbmError E608 where that cannot be; a fit that was there is then as it was.
        """
        folder = Path(path)
        arrays = save({n: np.ascontiguousarray(v) for n, v in self._arrays().items()})
        facts = {**self._facts(), "arrays": _digest(arrays)}
        written = json.dumps({**facts, "digest": _digest(_plain(facts))}, indent=1).encode()
        made: list[Path] = []
        try:
            made = [each for each in (folder, *folder.parents) if not each.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            write_files({folder / ARRAYS: arrays, folder / FACTS: written})
        except OSError as error:
            with contextlib.suppress(OSError):
                for each in made:
                    each.rmdir()
            raise complain(
                "E608", f"the fit cannot be kept in {folder}: {error.strerror or error}"
            ) from None

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array of the fit by what it is and by name."""
        bound = self.model.bindings
        groups = {
            "history": self.history,
            "chain": self.chains,
            "graph": bound.graphs,
            "given": bound.givens,
            "held": bound.held,
        }
        arrays = {f"param.{n}": v for n, v in _flat(self.params)}
        return arrays | {
            f"{kind}.{n}": np.asarray(v) for kind, group in groups.items() for n, v in group.items()
        }

    def _facts(self) -> dict[str, Any]:
        """All that is no array, for JSON."""
        return {
            "format": FORMAT,
            "name": self.model.source.name,
            "text": self.model.source.text,
            "files": dict(self.model.program.imported),
            "sizes": dict(self.model.bindings.sizes),
            "externals": sorted(self.model.bindings.externals),
            "steps": self.steps,
            "log_z_estimate": self.log_z_estimate,
            "problems": list(self.problems),
            "stopped": self.stopped,
        }


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _plain(facts: Mapping[str, Any]) -> bytes:
    """Facts as bytes that are the same after they were written as JSON and read."""
    return json.dumps(facts, sort_keys=True).encode()


def _put_table(history: Mapping[str, np.ndarray], path: Path) -> None:
    """A table in a file, whole or not at all; what is no file, as /dev/stdout, is written into."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        write_csv(history, path)
        return
    partial = path.with_name(path.name + PARTIAL)
    try:
        write_csv(history, partial)
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _flat(params: Mapping[str, Any]) -> list[tuple[str, np.ndarray]]:
    """Arrays by path: `W`, or `f.0.weight` within a network."""
    found: list[tuple[str, np.ndarray]] = []
    for name, value in params.items():
        if isinstance(value, Mapping):
            found += [(f"{name}.{k}", v) for k, v in _flat(value)]
        elif isinstance(value, list | tuple):
            found += [
                (f"{name}.{k}", v) for k, v in _flat({str(i): x for i, x in enumerate(value)})
            ]
        else:
            found.append((name, np.asarray(value)))
    return found


@checked()
def load_fit(path: str | Path, /, **externals: Any) -> Fit:
    """A fit that was saved; functions of external networks are given again by name.

    Raises EbmError E608 for a folder that holds no fit, or not the one that was saved.
    """
    from ..backend.binding import together
    from ..model import loads

    written, arrays = _read(Path(path))

    def group(prefix: str) -> dict[str, np.ndarray]:
        return {n[len(prefix) + 1 :]: v for n, v in arrays.items() if n.startswith(prefix + ".")}

    known = {**group("graph"), **group("given"), **group("held")}
    model = loads(written["text"], {}, name=written["name"], files=written["files"])
    model = model.bind(written["sizes"])
    model = model.bind(together(known, externals))
    start = model.init(0) if model.program.networks else {}
    params = {
        n: _like(start.get(n), n, group("param"))
        for n in (*model.program.params, *model.program.networks)
    }
    return Fit(model, params, group("history"), group("chain"), written["steps"],
               written["log_z_estimate"], tuple(written["problems"]),
               written["stopped"])  # fmt: skip


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of a saved fit, exactly as they were written. Raises EbmError E608."""
    again = ["a whole copy of the folder, or the fit saved anew: fit.save(folder)"]
    try:
        written = json.loads(content_of(folder / FACTS))
        content = content_of(folder / ARRAYS)
    except FileNotFoundError as error:
        raise complain(
            "E608", f"there is no fit in {folder}: {Path(error.filename).name} is missing"
        ) from None
    except OSError as error:
        says = f"the fit in {folder} cannot be read: {error.strerror or error}"
        raise complain("E608", says) from None
    except (ValueError, RecursionError) as error:
        says = f"the fit in {folder} is damaged: {FACTS} cannot be read: {error}"
        raise complain("E608", says, helps=again) from None
    facts: dict[str, Any] = written if isinstance(written, dict) else {}
    if facts.get("format") != FORMAT:
        says = f"the fit in {folder} has format {facts.get('format')}, not {FORMAT}"
        raise complain("E608", says, helps=["the version that saved it reads it"])
    found = {
        FACTS: facts.pop("digest", None) == _digest(_plain(facts)),
        ARRAYS: facts.get("arrays") == _digest(content),
    }
    for name, whole in found.items():
        if not whole:
            says = f"the fit in {folder} is damaged: {name} is not as it was written"
            raise complain("E608", says, helps=again)
    return facts, load(content)


def _like(shape: Any, path: str, arrays: Mapping[str, np.ndarray]) -> Any:
    """The arrays under a path in the form of a starting value."""
    match shape:
        case dict():
            return {k: _like(v, f"{path}.{k}", arrays) for k, v in shape.items()}
        case list() | tuple():
            return type(shape)(_like(v, f"{path}.{k}", arrays) for k, v in enumerate(shape))
        case _:
            return arrays[path]
