"""What `ebm compare` asks for: names of samplers, with settings, and one budget."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ..evaluation.compare import compare
from ..evaluation.comparison import Comparison
from ..samplers.settings import Sampler, sampler_of
from ..semantics.context import nearest
from ..syntax.diagnostics import complain

if TYPE_CHECKING:
    from ..model import Model


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings of the command line."""

    samplers: str
    draws: int | None
    seconds: float | None
    gradients: int | None
    target_error: float | None
    chains: int
    warmup: int
    beta: float
    reference: bool
    seed: int


def compared(model: Model, params: Any, asked: Asked) -> Comparison:
    """The comparison. Raises EbmError E701 for a sampler that is none, E704 for settings that are none."""
    return compare(
        model, params, samplers_of(asked.samplers), draws=asked.draws, seconds=asked.seconds,
        gradients=asked.gradients, target_error=asked.target_error, chains=asked.chains,
        warmup=asked.warmup, beta=asked.beta, reference=asked.reference, seed=asked.seed,
    )  # fmt: skip


def samplers_of(text: str) -> list[Sampler]:
    """`gibbs,langevin(step_size=0.1),tempering(inner=mala)`: samplers with commas between."""
    return [_sampler(part.strip()) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    """The text cut at commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _sampler(text: str) -> Sampler:
    name, bracket, rest = text.partition("(")
    usual = sampler_of(name)
    if not bracket:
        return usual
    if not rest.endswith(")"):
        raise complain("E708", f"`{text}` lacks a closing bracket", helps=[f"{text})"])
    known = [f.name for f in fields(usual)]
    settings = {}
    for part in _parts(rest[:-1]):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not value:
            help = "langevin(step_size=0.1)"
            raise complain("E708", f"`{part.strip()}` is not of the form name=value", helps=[help])
        if key not in known:
            near = nearest(key, known)
            helps = [f"did you mean `{near}`?"] if near else []
            raise complain(
                "E701", f"{name} has no setting `{key}`", notes=[_listed(known)], helps=helps
            )
        settings[key] = _value(value)
    return type(usual)(**settings)


def _listed(known: list[str]) -> str:
    return "its settings are " + ", ".join(known) if known else "it has no settings"


def _value(text: str) -> Any:
    """A number, True, False or None; else a name."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
