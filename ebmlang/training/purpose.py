"""What a checkpoint was made for, so that a fit never goes on with another model, data or settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..partition.sources import fingerprint
from ..syntax.diagnostics import complain

LONGEST = 60  # characters of a value that are shown

if TYPE_CHECKING:
    from ..model import Model
    from ..partition.examples import Examples


@dataclass(frozen=True, slots=True)
class Purpose:
    """The model, the data and the settings of a fit, as text that can be compared."""

    text: str
    files: Mapping[str, str]
    sizes: Mapping[str, int]
    arrays: Mapping[str, str]  # graphs, given data and the examples: name to fingerprint
    settings: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The purpose for JSON."""
        return asdict(self)


def purpose_of(model: Model, examples: Examples, settings: Mapping[str, Any]) -> Purpose:
    """The purpose of a fit of a model to examples."""
    bound = model.bindings
    data = examples.data if examples.stream is None else {}
    groups = {
        "data": data,
        "given": {**bound.givens, **examples.shared, **examples.own},
        "graph": bound.graphs,
        "held": bound.held,
    }
    arrays = {
        f"{kind} {name}": fingerprint(value)
        for kind, group in groups.items()
        for name, value in group.items()
    }
    externals = {
        f"function {n}": getattr(f, "__qualname__", "") for n, f in bound.externals.items()
    }
    if examples.stream is not None:
        arrays |= {f"data {n}": _streamed(v) for n, v in examples.stream.first.items()}
    sizes = {n: int(v) for n, v in bound.sizes.items()}
    told = {n: str(v) for n, v in settings.items()} | externals
    return Purpose(model.source.text, dict(model.program.imported), sizes, arrays, told)


def _streamed(first: Any) -> str:
    """What is known of data that come one after another without going through them."""
    return f"rows of an iterable {first.dtype} {list(first.shape[1:])}"


def compare(path: Path, before: Mapping[str, Any], now: Purpose) -> None:
    """Refuse a checkpoint that was made for something else. Raises EbmError E711 with what differs."""
    wanted = now.to_dict()
    notes = [
        f"{what}: {_at_first_difference(before[what], wanted[what])}"
        for what in ("text", "files")
        if before[what] != wanted[what]
    ]
    for group in ("sizes", "arrays", "settings"):
        old, new = before[group], wanted[group]
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                notes.append(f"`{name}`: {_apart(old.get(name), new.get(name))}")
    if notes:
        raise complain(
            "E711",
            f"the checkpoint {path} was made for another fit",
            notes=notes,
            helps=[
                "another folder for this fit, or resume=False to begin anew in this one",
                "to begin at the parameters of a fit: params=fit.params",
            ],
        )


def _at_first_difference(old: Any, new: Any) -> str:
    """The first line that differs, or only that it does."""
    if not isinstance(old, str) or not isinstance(new, str):
        return "an imported file differs"
    before, after = old.splitlines(), new.splitlines()
    for number, pair in enumerate(zip(before, after, strict=False), 1):
        if pair[0] != pair[1]:
            return f"line {number} of the model was `{pair[0].strip()}`, is `{pair[1].strip()}`"
    return f"the model had {len(before)} lines and has {len(after)}"


def _apart(old: Any, new: Any) -> str:
    """Two values where they differ, with a little before."""
    if old is None or new is None:
        return f"{_short(old)} then, {_short(new)} now"
    before, after = str(old), str(new)
    pairs = enumerate(zip(before, after, strict=False))
    first = next((k for k, (a, b) in pairs if a != b), min(len(before), len(after)))
    if max(len(before), len(after)) <= LONGEST:
        first = 0
    place = max(0, first - LONGEST // 2)
    dots = "…" if place else ""
    return f"{dots}{_short(before[place:])} then, {dots}{_short(after[place:])} now"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
