"""Reports in one HTML file, of a comparison, of draws and of a fit; and what a notebook shows of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .chains import LEAST_LAGS, autocorrelation, energies, traces
from .history import curves
from .page import (
    Illustration,
    Table,
    document,
    fragment,
    illustration,
    paragraph,
    points,
    preformatted,
    section,
    settings,
    table,
)
from .races import drawable, race
from .series import MOST_PANELS

TRUSTED = "Nothing speaks against these draws."
FITTED = "Nothing speaks against this fit."


# ----------------------------------------------------------------- a comparison

Words = Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]]  # of tables: heads, rows


def comparison_report(compared: Any, title: str, tables: Words, remarks: Sequence[str]) -> str:
    """The verdict, the tables, the race, then the model and all it takes to do it again."""
    parts = [paragraph(_sentence(compared.verdict), "verdict")]
    parts += [table(each) for each in _samplers(title, tables)]
    parts.append(points(remarks))
    if any(drawable(row) for row in compared.rows):
        parts.append(section("Error against time", illustration(_race(compared))))
    if compared.text:
        parts.append(section("The model", preformatted(compared.text)))
    if compared.explained:
        parts.append(section("What the compiler knows of it", preformatted(compared.explained)))
    kept = {
        "chains": compared.chains, "sweeps of warm-up": compared.warmup,
        "budget of each sampler": compared.budget or f"{compared.draws} draws of each chain",
        "seed": compared.seed, "device": compared.device,
    }  # fmt: skip
    parts.append(section("Settings", settings(_plain(kept), "the same for every sampler")))
    return document(f"Samplers compared on {compared.model}", parts)


def comparison_fragment(verdict: str, tables: Words, remarks: Sequence[str]) -> str:
    """The verdict and the tables, for a notebook."""
    return fragment(verdict, _samplers("", tables), remarks)


def _samplers(title: str, tables: Words) -> list[Table]:
    captions = [title, "what speaks for these figures"]
    return [
        Table(caption, heads, rows) for caption, (heads, rows) in zip(captions, tables, strict=True)
    ]


def _race(compared: Any) -> Illustration:
    ran = [row for row in compared.rows if drawable(row)]
    ends = "; ".join(
        f"{row.sampler} ends at {short(row.curve[-1][1])} after {short(row.curve[-1][0])} seconds"
        for row in ran
    )
    return Illustration(
        race(compared),
        f"Error of the gradient of log Z against wall-clock seconds on log axes, a line a sampler: {ends}.",
        "The lower and the further left, the better; an open circle is the error after one second, by "
        "which samplers are ranked. Below, the seconds of compilation and of warm-up.",
    )


# ------------------------------------------------------------------------ draws


def draws_report(draws: Any) -> str:
    """Whether the draws are to be trusted, diagnostics, traces, autocorrelations, energies, settings."""
    found = draws.diagnostics
    name = draws.program.name
    chains, number = draws.energy.shape
    told = f"{chains} chains of {number} draws"
    parts = [*_verdict(found.problems, TRUSTED), table(_diagnostics(found))]
    parts.append(points([*_noted(draws), _steps(found)]))
    shown = [
        Illustration(
            traces(draws), f"Traces of {told}, with histograms.",
            f"The chains over draws: at most {MOST_PANELS} series, the energy first.",
        ),
        Illustration(energies(draws), f"Histograms of the energy of {told}.", "The energy in nats."),
    ]  # fmt: skip
    if number >= LEAST_LAGS:
        shown.insert(1, Illustration(
            autocorrelation(draws), f"Autocorrelations of {told}.",
            "How like draws some lags apart are: each chain thin, their mean thick.",
        ))  # fmt: skip
    parts.append(section("Chains", *map(illustration, shown)))
    text = text_of(draws.program)
    if text:
        parts.append(section("The model", preformatted(text)))
    parts.append(section("Settings", settings(_plain(draws.settings), "of this run")))
    return document(f"Draws of {name}", parts)


def draws_fragment(drawn: Any, told: str) -> str:
    """Diagnostics of draws or moments, for a notebook."""
    found = drawn.diagnostics
    doubts = [f"not to be trusted: {problem}" for problem in found.problems]
    return fragment(told, [_diagnostics(found)], [*_noted(drawn), *doubts])


def _noted(drawn: Any) -> list[str]:
    """What is to be known of a run beside its numbers."""
    note = [drawn.settings["note"]] if "note" in drawn.settings else []
    return [*note, *([drawn.diagnostics.bias] if drawn.diagnostics.bias else [])]


def _steps(found: Any) -> str:
    told = f"acceptance {found.acceptance:.2f}, {found.divergences} divergent transitions"
    return told if math.isnan(found.bfmi) else f"{told}, E-BFMI {found.bfmi:.2f}"


def _diagnostics(found: Any) -> Table:
    rows = [
        (
            name,
            f"{found.rhat[name]:.3f}",
            short(found.ess[name]),
            short(found.tail.get(name, math.nan)),
        )
        for name in found.rhat
    ]
    heads = ("name", "R-hat", "effective draws", "in the tails")
    return Table("the worst of each name", heads, rows)


# ------------------------------------------------------------------------ a fit


def fit_report(fit: Any) -> str:
    """What speaks against the fit, its curves, its parameters, the model and what is known of it."""
    parts = _verdict(fit.problems, FITTED)
    parts.append(
        paragraph(f"{fit.steps} steps{'' if fit.stopped is None else f'; {fit.stopped}'}.")
    )
    if fit.history:
        parts.append(table(_last(fit)))
        parts.append(section("Epoch by epoch", illustration(_curves(fit))))
    parts.append(section("Parameters", table(_parameters(fit.params))))
    parts.append(section("The model", preformatted(fit.model.source.text)))
    parts.append(section("What the compiler knows of it", preformatted(str(fit.model.explain()))))
    return document(f"Fit of {fit.model.name}", parts)


def fit_fragment(fit: Any) -> str:
    """The last epoch and the parameters, for a notebook."""
    told = f"fit of {fit.model.name}: {fit.steps} steps{'' if fit.stopped is None else f', {fit.stopped}'}"
    shown = [_last(fit)] if fit.history else []
    return fragment(told, [*shown, _parameters(fit.params)], fit.problems)


def _last(fit: Any) -> Table:
    known = {n: np.asarray(v, float) for n, v in fit.history.items() if len(v)}
    rows = [
        (n.replace("_", " "), short(float(v[0])), short(float(v[-1]))) for n, v in known.items()
    ]
    return Table("the first and the last epoch", ("number", "first", "last"), rows)


def _curves(fit: Any) -> Illustration:
    epochs = len(fit.history["epoch"])
    return Illustration(
        curves(fit), f"Training curves over {epochs} epochs.",
        "A dotted line is what a number is to be compared with.",
    )  # fmt: skip


def _parameters(params: Mapping[str, Any]) -> Table:
    rows = [
        (
            name,
            str(list(np.shape(a))),
            *(short(float(f(a))) for f in (np.mean, np.std, np.min, np.max)),
        )
        for name, a in leaves(params)
        if np.size(a)
    ]
    return Table("their entries", ("parameter", "shape", "mean", "sd", "least", "most"), rows)


def leaves(params: Mapping[str, Any] | Sequence[Any]) -> Iterable[tuple[str, np.ndarray]]:
    """Arrays by path: `W`, or `f.0.weight` within a network."""
    items = params.items() if isinstance(params, Mapping) else enumerate(params)
    for name, value in items:
        if isinstance(value, Mapping | list | tuple):
            yield from ((f"{name}.{path}", a) for path, a in leaves(value))
        else:
            yield str(name), np.asarray(value)


# --------------------------------------------------------------------- a model


def model_fragment(model: Any, rows: Sequence[Sequence[str]]) -> str:
    """The declarations of a model, for a notebook: (name, type, how many, role) each."""
    sizes = ", ".join(f"{n} = {s}" for n, s in model.bindings.sizes.items())
    shown = Table("", ("name", "type", "", "role"), rows, frozenset({0, 1, 3}))
    notes = [model.program.doc] if model.program.doc else []
    return fragment(f"{model.name}({sizes})", [shown], notes)


# ------------------------------------------------------------------- all of them


def _verdict(problems: Sequence[str], good: str) -> list[str]:
    """The first thing a reader sees."""
    if not problems:
        return [paragraph(good, "verdict")]
    return [paragraph("Not to be trusted:", "verdict"), points(problems)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def text_of(program: Any) -> str:
    """The text of a checked program, without the files it imports; empty if it has no declaration."""
    symbols = (*program.unknowns.values(), *program.params.values())
    texts = [s.span.source.text for s in symbols]
    imported = set(program.imported.values())
    return next((text for text in texts if text not in imported), "")


def _plain(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings in words; what is empty is left out."""
    found = {}
    for name, value in values.items():
        if isinstance(value, tuple | list):
            value = ", ".join(map(str, value))
        if isinstance(value, float):
            value = short(value)
        if value is not None and str(value):
            found[name.replace("_", " ")] = str(value)
    return found


def short(value: float) -> str:
    """A number in three digits; a dash for none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"
