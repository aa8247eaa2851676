"""Facts and plan told to a person: what was proved, which sampler follows, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .analysis.choice import Choice, Refusal, choose, gibbs_way
from .analysis.colouring import colour
from .analysis.ferromagnet import advice
from .analysis.structure import Structure, VariableFacts
from .semantics.functions import Smoothness
from .semantics.terms import (
    Constant,
    Dimension,
    Domain,
    Draw,
    NamedEnergy,
    ParameterFacts,
    Symbol,
)
from .semantics.traverse import unknowns
from .syntax.diagnostics import EbmError, complain

if TYPE_CHECKING:
    from .model import Model
    from .samplers.block import Plan

POWERS = {1: "linear", 2: "quadratic", 3: "cubic"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation as text, and the same facts for machines."""

    text: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Facts, choices and reasons by name."""
        return self.facts


def explain(model: Model, why: str | None = None) -> Explanation:
    """What the compiler knows of a model. `why`: one variable, with every step of its proof."""
    structure = model.structure
    if why is not None and why not in structure.variables:
        raise complain("E606", f"the model has no variable `{why}` to explain")
    free = [n for n in model.program.unknowns if n not in model.bindings.held]
    plan = _plan(model)
    choices, refusals = (
        choose(structure, "auto", free) if plan is None else (list(plan.choices), [])
    )
    names = [why] if why else list(structure.variables)
    lines = [] if why else _head(model)
    for name in names:
        lines += ["", *_proved(model, structure, structure.variables[name])]
    lowered = _lowered(plan)
    lines += ["", *_samplers(model, choices, refusals, names, lowered)]
    if not why:
        lines += _sums(model, free, {n for c in choices for n in c.closed})
        lines += _missing(model)
    facts = {
        "model": model.name,
        "energies": {e.name: _what(e) for e in model.program.energies},
        "variables": {n: _facts(model, structure.variables[n]) for n in names},
        "sampler": [
            {
                "variables": list(c.variables),
                "sampler": c.sampler,
                "way": c.way,
                "reason": c.reason,
                "summed_out": list(c.closed),
                "lowering": lowered.get(c.variables, []),
            }
            for c in choices
        ],
        "refused": [{"variable": r.variable, "reason": r.reason} for r in refusals],
    }
    return Explanation("\n".join(lines).strip("\n"), facts)


# --------------------------------------------------------------------- the head


def _head(model: Model) -> list[str]:
    program = model.program
    unknown = [n for n, s in program.unknowns.items()]
    given = f" | {', '.join(program.givens)}" if program.givens else ""
    arguments = ", ".join(unknown)
    lines = [
        f"{program.name}: p({arguments}{given}) = exp(-beta * E({arguments})) / Z.  "
        "Low energy is likely.  beta is 1 unless you say otherwise."
    ]
    if program.doc:
        lines.append(program.doc)
    lines += ["", *_columns(declarations(model))]
    lines += ["", "energy = " + " + ".join(e.name for e in program.energies)]
    lines += _columns([(e.name, _what(e)) for e in program.energies])
    return lines


def declarations(model: Model) -> list[tuple[str, str, str, str]]:
    """Of each array and network its name, type, how many numbers it has and what it is for."""
    program = model.program
    groups = (program.unknowns, program.givens, program.params)
    rows = [_declared(model, symbol) for group in groups for symbol in group.values()]
    nets = program.networks.items()
    return rows + [(n, net.architecture, "", "weights, fitted") for n, net in nets]


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    return [
        "  " + "   ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _declared(model: Model, symbol: Symbol) -> tuple[str, str, str, str]:
    number = _number(model, symbol)
    unit = "site" if symbol.unknown else "number"
    count = "" if number is None else f"{_spaced(number)} {unit}{'s' * (number != 1)}"
    role = str(symbol.role)
    if role == "param":
        role = "fitted, starts " + _start(model.program.parameter_facts[symbol.name])
    if symbol.name in model.bindings.held:
        role += ", held at its data"
    return symbol.name, type_text(symbol), count, role


def _start(facts: ParameterFacts) -> str:
    match facts.init:
        case None:
            text = "at its neutral value"
        case Draw(span=span):
            text = f"as {span.text}"
        case Constant(value=value):
            text = f"at {value:g}"
        case term:
            text = f"at {term.span.text}"
    return text + (", with a prior" if facts.prior is not None else "")


def type_text(symbol: Symbol) -> str:
    """A type as it is written: `category(aa)[site]`, `real[unit, unit] symmetric hollow`."""
    text = domain_text(symbol.domain)
    if symbol.dims:
        text += "[" + ", ".join(d.name for d in symbol.dims) + "]"
    return text + " symmetric" * symbol.symmetric + " hollow" * symbol.hollow


def domain_text(domain: Domain) -> str:
    """A type without its dimensions."""
    if domain.labels is not None:
        return f"{domain.kind}({domain.labels.name})"
    if domain.lower is None and domain.upper is None:
        return str(domain.kind)
    low, high = (
        none if bound is None else f"{bound:g}" if isinstance(bound, float) else str(bound)
        for bound, none in ((domain.lower, "-inf"), (domain.upper, "inf"))
    )
    return f"{domain.kind}<{low}, {high}>"


def _number(model: Model, symbol: Symbol) -> int | None:
    """How many free numbers an array has, if its sizes are known."""
    total = 1
    sizes = model.bindings.sizes
    for dim in symbol.dims:
        if not isinstance(dim, Dimension) or dim.name not in sizes:
            return None
        total *= sizes[dim.name]
    if symbol.symmetric:
        side = sizes[symbol.dims[0].name]
        total = side * (side - 1) // 2 if symbol.hollow else side * (side + 1) // 2
    return total


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _what(energy: NamedEnergy) -> str:
    """The energy as written, and the unknowns it joins."""
    text = " ".join(energy.term.span.text.split())
    if energy.density:
        text = f"{energy.name} ~ {' '.join(energy.span.text.split())}"
    text = text if len(text) <= 70 else text[:69] + "…"
    names = sorted(s.name for s in unknowns(energy.term))
    return f"{text}    of {', '.join(names)}" if names else f"{text}    of no variable"


# ------------------------------------------------------------------- the proofs


def proved(model: Model, name: str) -> list[str]:
    """What is proved of an unknown, row by row: its power, its interactions. Needs no JAX."""
    return _proved(model, model.structure, model.structure.variables[name])[1:]


def _proved(model: Model, structure: Structure, facts: VariableFacts) -> list[str]:
    symbol = facts.symbol
    lines = [f"what the compiler proved about {symbol.name}"]
    rows = [(_degree(facts), _consequence(facts))]
    rows.append(_interactions(model, facts))
    if facts.meets:
        rows.append((f"meets {', '.join(sorted(facts.meets))}", "in a product or a function"))
    if not symbol.domain.discrete:
        rows.append(_smooth(facts))
    return [*lines, *_columns(rows)]


def _degree(facts: VariableFacts) -> str:
    if facts.site_degree <= 3:
        power = POWERS.get(int(facts.site_degree), "constant")
        return f"{power} in every site"
    return "not a polynomial"


def _consequence(facts: VariableFacts) -> str:
    found = gibbs_way(facts)
    reason = found.reason if isinstance(found, Refusal) else found[1]
    return reason.removeprefix(_degree(facts) + ": ").removeprefix("quadratic: ")


def _interactions(model: Model, facts: VariableFacts) -> tuple[str, str]:
    name = facts.symbol.name
    if not facts.couples:
        return f"no two sites of {name} interact", "all can move at once"
    if facts.complete:
        return "sites may all interact", "not proven otherwise: one site at a time"
    if facts.edges is None:
        return "sites interact", "which ones is found when sizes are known"
    shape = model.world.site_shape(facts.symbol)
    sites = int(np.prod(shape, dtype=int))
    colours = colour(facts.edges, sites, shape)
    degree = np.bincount(facts.edges.reshape(-1), minlength=sites)
    active = degree[degree > 0] if facts.symbol.symmetric else degree
    least, most = int(active.min()), int(active.max())
    met = f"{most}" if least == most else f"{least} to {most}"
    number = int(colours.max()) + 1
    if number == len(active):
        return f"interacts with {met} others", f"{number} colours: one site at a time"
    return f"interacts with {met} others", f"{number} colours{_board(colours, shape)}"


def _board(colours: np.ndarray, shape: tuple[int, ...]) -> str:
    total = np.indices(shape).sum(axis=0).reshape(-1) if shape else colours
    chess = len(shape) == 2 and np.array_equal(colours, total % 2)
    return ": a chessboard" if chess else ", each of which moves at once"


def _smooth(facts: VariableFacts) -> tuple[str, str]:
    match facts.smoothness:
        case Smoothness.SMOOTH:
            return "smooth", "gradients tell the whole slope"
        case Smoothness.KINKED:
            return "has kinks", "gradient samplers stay right, and slow down a little"
        case _:
            return "jumps", "gradients do not see it"


# ----------------------------------------------------------------- the samplers


def _samplers(
    model: Model,
    choices: Sequence[Choice],
    refusals: Sequence[Refusal],
    names: Sequence[str],
    lowered: Mapping[tuple[str, ...], list[str]],
) -> list[str]:
    lines = ["sampler"]
    for choice in choices:
        if not set(choice.variables) & set(names):
            continue
        lines.append(f"  {', '.join(choice.variables)}   {_named(choice)}")
        lines.append(f"      since   {choice.reason}")
        if choice.closed:
            lines.append(f"      {_summed(choice.closed)}")
        lines += [f"      {text}" for text in lowered.get(choice.variables, [])]
    for refusal in refusals:
        lines.append(f"  {refusal.variable}   no sampler: {refusal.reason}")
    discrete = [
        c.variables[0] for c in choices if c.way in ("gradient", "midpoint", "trying", "informed")
    ]
    if discrete:
        text = ", ".join(discrete)
        verb = "is" if len(discrete) == 1 else "are"
        lines.append(f"      not possible: hmc, nuts, langevin, mala   {text} {verb} discrete")
    for choice in choices:
        if choice.way in ("gradient", "midpoint", "trying"):
            lines += _clusters(model, choice.variables[0])
    for name, reason in _not_gibbs(model.structure, choices):
        lines.append(f"      not possible: gibbs   {reason}" if name else "")
    order = " then ".join(", ".join(c.variables) for c in choices)
    if len(choices) > 1:
        lines.append(f"  a sweep = {order}")
    return lines


def _clusters(model: Model, name: str) -> list[str]:
    found = advice(model.structure, name, model.program.parameter_facts)
    return [f"      {found[0]}: clusters   {found[1]}"] if found is not None else []


def _plan(model: Model) -> Plan | None:
    """The plan of `auto` with what the model holds; None while sizes are missing or nothing fits."""
    from .samplers.plan import make_plan
    from .samplers.settings import Auto

    try:
        shapes = {n: model.world.shape(model.program.unknowns[n]) for n in model.bindings.held}
        return make_plan(model.target, Auto(), {n: np.ones(s, bool) for n, s in shapes.items()})
    except EbmError:
        return None


def _lowered(plan: Plan | None) -> dict[tuple[str, ...], list[str]]:
    """For the variables of each block how its conditionals are found, and the cost of a sweep."""
    from .samplers.told import told

    return {} if plan is None else {block.variables: told(block) for block in plan.blocks}


def _named(choice: Choice) -> str:
    ways = {
        "gradient": "exact Gibbs, colour by colour",
        "midpoint": "exact Gibbs, colour by colour",
        "trying": "exact Gibbs, every value of a site tried",
        "gaussian": "exact Gaussian draws, colour by colour",
        "joint": "exact Gaussian draws, all sites at once",
        "informed": "informed proposals, all sites at once, accepted or refused",
    }
    return ways.get(choice.way, choice.sampler.upper())


def _not_gibbs(structure: Structure, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    found = []
    for choice in choices:
        if choice.way != "slope":
            continue
        for name in choice.variables:
            way = gibbs_way(structure.variables[name])
            if isinstance(way, Refusal):
                found.append((name, way.reason))
    return found


def _sums(model: Model, free: Sequence[str], closed: Collection[str]) -> list[str]:
    from .partition.told import told

    return ["", *told(model, free, closed)]


def _summed(names: Sequence[str]) -> str:
    text, verb = ", ".join(names), "is" if len(names) == 1 else "are"
    return f"{text} {verb} summed out: it follows the slope of the free energy; {text} drawn right after"


def _missing(model: Model) -> list[str]:
    try:
        _ = model.world
    except EbmError as error:
        says = error.diagnostics[0].says
        return ["", f"{says}; colours and counts follow when it is bound"]
    return []


def _facts(model: Model, facts: VariableFacts) -> dict[str, Any]:
    known = np.isfinite(facts.site_degree)
    return {
        "type": type_text(facts.symbol),
        "sites": _number(model, facts.symbol),
        "site_degree": facts.site_degree if known else None,
        "joint_degree": facts.joint_degree if np.isfinite(facts.joint_degree) else None,
        "interactions": None if facts.edges is None else len(facts.edges),
        "meets": sorted(facts.meets),
        "consequence": _consequence(facts),
    }
