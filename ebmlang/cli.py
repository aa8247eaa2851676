"""The `ebm` command: check, explain, fit, sample, compare, logz and fmt.

A fault in model or data is told and exits 1, a wrong command line exits 2; never a traceback.
"""

# pyright: strict, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .syntax.diagnostics import EbmError, InternalError, Severity, render_all, shown

app = typer.Typer(
    name="ebm",
    help="Energy functions, written down and put to work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(metavar="FILE.ebm", help="the model", show_default=False)]
FileOrCode = Annotated[
    Path, typer.Argument(metavar="FILE.ebm|CODE", help="a model, or a code such as E302")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="a size, or a file with a graph or given data"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="for machines: one JSON object")]
Seed = Annotated[int, typer.Option(help="the same seed gives the same numbers")]
Fitted = Annotated[
    Path | None,
    typer.Option("--fit", metavar="FOLDER", help="take model and parameters from a fit"),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar")]


def main() -> None:
    """Run the command. Faults are told in words on standard error."""
    try:
        app()
    except EbmError as error:
        _tell(error)
        _leave(1)
    except InternalError as error:
        print(error, file=sys.stderr)
        _leave(1)
    except BrokenPipeError:
        _leave(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        _leave(130)


def _leave(code: int) -> None:
    """Exit at once where output was cut off, without Python's own complaint about it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _tell(error: EbmError) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"diagnostics": [d.to_dict() for d in error.diagnostics]}, indent=1))
    else:
        print(render_all(error.diagnostics), file=sys.stderr)


def _say(text: Any, facts: Callable[[], Any], as_json: bool) -> None:
    print(json.dumps(_plain(facts()), indent=1) if as_json else shown(str(text)))


def _plain(value: Any) -> Any:
    """Arrays as lists and not-a-number as null, so that any reader of JSON can follow."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):
        return None
    return value


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.ebm…", help="the models")],
    as_json: Json = False,
    with_notes: Annotated[
        bool, typer.Option("--notes", help="also what is no fault and worth knowing")
    ] = False,
) -> None:
    """Find every mistake in a model before anything runs."""
    from .command.checking import check_files

    found, told = check_files(files, with_notes)
    wrong = any(d.severity is Severity.ERROR for d in found)
    if as_json:
        print(json.dumps({"ok": not wrong, "diagnostics": [d.to_dict() for d in found]}, indent=1))
    else:
        if found:
            print(render_all(found), file=sys.stderr)
        print(shown("\n".join(told))) if told else None
    if wrong:
        raise typer.Exit(1)


@app.command()
def fmt(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.ebm…", help="the models")],
    check_only: Annotated[
        bool, typer.Option("--check", help="change nothing; exit 1 if a file would change")
    ] = False,
) -> None:
    """Bring models into the one layout; comments are kept."""
    from .model import read_text
    from .syntax.formatter import format_text

    changed = False
    for file in files:
        text = read_text(file)
        new = format_text(text)
        if new == text:
            continue
        changed = True
        if check_only:
            print(shown(f"{file} would change"))
        else:
            file.write_text(new, encoding="utf-8")
            print(shown(f"{file} changed"))
    if changed and check_only:
        raise typer.Exit(1)


def _load(file: Path, settings: list[str] | None, data: Any = None) -> Any:
    from .command.inputs import read_settings
    from .model import load

    model = load(file)
    return model.bind(read_settings(model.program, settings or []))


@app.command()
def explain(
    file: FileOrCode,
    settings: Set = None,
    why: Annotated[str | None, typer.Option(metavar="VARIABLE", help="one variable only")] = None,
    as_json: Json = False,
) -> None:
    """What the compiler proved, the sampler it chooses, and why; or the page of a code."""
    from .semantics.pages import is_code, page, plain

    code = str(file)
    if is_code(code) and not file.exists():
        text = page(code)
        _say(plain(text), lambda: {"code": code.upper(), "page": text}, as_json)
        return
    told = _load(file, settings).explain(why=why)
    _say(told, told.to_dict, as_json)


def _parameters(model: Any, fitted: Path | None, params: Path | None, seed: int) -> tuple[Any, Any]:
    """Model and parameters: of a fit, of a file of arrays, or where the text starts."""
    if fitted is not None:
        from .training.stored import load_fit

        fit = load_fit(fitted)
        return fit.model, fit.params
    if params is not None:
        from .partition.files import read_arrays

        return model, read_arrays(params)
    return model, model.init(seed)


Params = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="parameters by name, instead of `init`")
]


@app.command(name="fit")
def fit_command(
    file: File,
    data: Annotated[list[str], typer.Argument(metavar="DATA…", help="data.npz, or v=images.npy")],
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="keep the fit here")] = None,
    test: Annotated[
        list[str] | None, typer.Option(metavar="DATA", help="data to score, as DATA")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 100,
    chains: Annotated[int, typer.Option(min=1)] = 100,
    rate: Annotated[float, typer.Option(help="Adam's learning rate")] = 1e-3,
    sampler: Annotated[str, typer.Option()] = "auto",
    objective: Annotated[
        str,
        typer.Option(help="mle, cd, pseudo, score, sliced_score, denoising_score, ratio or nce"),
    ] = "mle",
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="keep checkpoints; go on from the last")
    ] = None,
    every: Annotated[int | None, typer.Option(min=1, help="steps between checkpoints")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin anew beside checkpoints")] = False,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="a row of numbers for each epoch")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="the same as events for TensorBoard")
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit the parameters of a model to data by maximum likelihood, or another --objective.

    Ctrl-C ends with the fit so far; with --checkpoint the same command goes on from there.
    """
    from .command.fitting import Asked, fit_files

    model = _load(file, settings)
    asked = Asked(
        epochs, batch_size, chains, rate, sampler, seed, checkpoint, every, not fresh, objective,
        history, tensorboard,
    )  # fmt: skip
    lines, facts, code = fit_files(model, data, test or [], out, asked, not quiet and not as_json)
    _say("\n".join(lines), lambda: facts, as_json)
    if code:
        raise typer.Exit(code)


@app.command(name="sample")
def sample_command(
    file: File,
    settings: Set = None,
    fitted: Fitted = None,
    params: Params = None,
    clamp: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="hold a variable at a value")
    ] = None,
    draws: Annotated[int, typer.Option(min=1)] = 1000,
    chains: Annotated[int, typer.Option(min=1)] = 4,
    warmup: Annotated[int | None, typer.Option(min=0)] = None,
    thin: Annotated[int, typer.Option(min=1)] = 1,
    sampler: Annotated[str, typer.Option()] = "auto",
    beta: Annotated[float, typer.Option()] = 1.0,
    keep: Annotated[
        str, typer.Option(metavar="WHAT", help="all, moments, or names with commas between")
    ] = "all",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="keep the draws or moments here")
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw from a model and say whether the chains can be trusted."""
    from .command.inputs import read_settings
    from .command.sampling import facts_of, keep_of, store, told
    from .samplers.run import sample

    model, start = _parameters(_load(file, settings), fitted, params, seed)
    drawn = sample(
        model,
        start,
        draws=draws,
        chains=chains,
        warmup=warmup,
        thin=thin,
        sampler=sampler,
        beta=beta,
        clamp=read_settings(model.program, clamp or []),
        seed=seed,
        keep=keep_of(keep),
        progress=not quiet and not as_json,
    )
    if out is not None:
        store(drawn, out)
    _say(told(drawn), lambda: facts_of(drawn), as_json)
    if "stopped" in drawn.settings:
        _leave(130)


@app.command(name="compare")
def compare_command(
    file: File,
    settings: Set = None,
    samplers: Annotated[
        str,
        typer.Option(help="names, with commas between; settings in brackets: mala(step_size=1)"),
    ] = "gibbs,langevin,hmc",
    fitted: Fitted = None,
    params: Params = None,
    draws: Annotated[
        int | None, typer.Option(min=1, help="of each chain; 2000 without another budget")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="of sampling for each sampler, instead of --draws")
    ] = None,
    gradients: Annotated[
        int | None, typer.Option(min=1, help="of the energy for each sampler, instead of --draws")
    ] = None,
    target_error: Annotated[
        float | None, typer.Option(help="of the gradient, until which each samples")
    ] = None,
    chains: Annotated[int, typer.Option(min=1)] = 4,
    warmup: Annotated[int, typer.Option(min=0)] = 1000,
    beta: Annotated[float, typer.Option()] = 1.0,
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="no exact answer and no long run to hold them to")
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="keep a report")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="png, svg or pdf")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run samplers side by side on one model and say which to use.

    One budget for each: --draws, --seconds, --gradients or --target-error.
    """
    from .command.comparing import Asked, compared
    from .command.keeping import keep, refuse

    refuse(html, plot)
    model, start = _parameters(_load(file, settings), fitted, params, seed)
    asked = Asked(
        samplers, draws, seconds, gradients, target_error, chains, warmup, beta, not no_reference,
        seed,
    )  # fmt: skip
    table = compared(model, start, asked)
    keep(table, html, plot)
    _say(table, table.to_dict, as_json)


@app.command()
def logz(
    file: File,
    settings: Set = None,
    fitted: Fitted = None,
    params: Params = None,
    method: Annotated[str, typer.Option(help="auto, exact or ais")] = "auto",
    beta: Annotated[float, typer.Option()] = 1.0,
    betas: Annotated[str | None, typer.Option(help="a curve over these, with commas")] = None,
    target_error: Annotated[float, typer.Option(help="of an annealed log Z, in nats")] = 0.05,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """log Z, exactly where the structure allows, else annealed between two bounds."""
    from .command.partition import log_z

    model, start = _parameters(_load(file, settings), fitted, params, seed)
    found, facts = log_z(
        model, start, seed=seed, method=method, beta=beta, betas=betas, target_error=target_error
    )
    _say(found, lambda: facts, as_json)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True)
    ] = False,
) -> None:
    """Energy functions, written down and put to work."""
    if show:
        from . import __version__

        print(f"ebm {__version__}")
        raise typer.Exit


@app.command()
def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="over standard input and output, as always")
    ] = True,
) -> None:
    """Serve an editor: faults while typing, fixes, names, completion, layout."""
    from .command.serving import serve

    serve()


if __name__ == "__main__":
    main()
