"""Which way of moving suits each unknown, and the reason in words. Decided on facts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..semantics.functions import Smoothness
from ..semantics.terms import Kind, NetworkRead
from ..semantics.traverse import unknowns, walk
from .closing import Closing, Wish, closing, lone, not_closed
from .ferromagnet import obstacle_to_clusters
from .joint import Entries, Joint, joints
from .structure import Structure, VariableFacts

GRADIENT_SAMPLERS = ("langevin", "annealed", "underdamped", "mala", "hmc", "nuts")
MOST_MIXED_COLOURS = 16
MOST_TRIES = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """How some variables move: the sampler, its way of finding conditionals, and why.

    `way`: `gradient`, `midpoint`, `trying`, `gaussian`, `joint` for Gibbs, `informed`, `slope` for
    the others. `joint`: how a Gaussian block is drawn. `closed`: the unknowns that are summed out
    of the energy whose slope is followed, and drawn right after.
    """

    variables: tuple[str, ...]
    sampler: str
    way: str
    reason: str
    joint: Joint | None = None
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sampler that cannot move a variable, and what stands in the way."""

    variable: str
    sampler: str
    reason: str


def gibbs_way(facts: VariableFacts) -> tuple[str, str] | Refusal:
    """The way to a variable's exact conditionals, with the reason, or what stands in the way."""
    symbol = facts.symbol
    name = symbol.name
    if symbol.domain.discrete:
        if facts.site_degree <= 1 and symbol.domain.kind is not Kind.INTEGER:
            return "gradient", "linear in every site: one gradient gives every exact conditional"
        if facts.site_degree == 2 and symbol.domain.kind in (Kind.BINARY, Kind.SPIN):
            return "midpoint", (
                "of second degree in a site: the gradient at the midpoint is the exact difference"
            )
        return "trying", _because(facts, "exact by trying every value of a site")
    if not symbol.domain.whole_line:
        reason = f"`{name}` is {_type(facts)}, and its conditionals have no closed form"
        return Refusal(name, "gibbs", reason)
    if facts.joint_degree == 2 and not facts.walls and facts.smoothness is Smoothness.SMOOTH:
        return "gaussian", "quadratic: every conditional is an exact Gaussian"
    if facts.joint_degree < 2:
        return Refusal(name, "gibbs", f"nothing quadratic holds `{name}`")
    return Refusal(name, "gibbs", _because(facts, f"not quadratic in `{name}`"))


def _type(facts: VariableFacts) -> str:
    domain = facts.symbol.domain
    return "bounded" if domain.kind is Kind.REAL else f"of type `{domain.kind}`"


def _because(facts: VariableFacts, what: str) -> str:
    if facts.obstacle is None:
        return what
    span = facts.obstacle.term.span
    text = " ".join(span.text.split())
    if len(text) > 50:
        text = text[:47] + "…"
    return f"{what}: {blame(facts)} `{text}` (line {span.line}, `{facts.obstacle.energy}`)"


def blame(facts: VariableFacts) -> str:
    """What kind of place stood in the way."""
    return "it stands inside" if facts.site_degree > 2 else "it meets itself in"


def choose(
    structure: Structure,
    sampler: str,
    free: Sequence[str],
    fallback: str = "nuts",
    tries: Mapping[str, int] | None = None,
    entries: Mapping[str, Entries] | None = None,
    wish: Wish = "auto",
) -> tuple[list[Choice], list[Refusal]]:
    """A choice for every free variable, or the reasons why a named sampler cannot move some.

    `auto` takes exact Gibbs for discrete variables, unless a network stands over one with more
    `tries` (sites times values) than a few hundred: then informed proposals. Continuous variables
    are drawn exactly where they are quadratic, beside discrete ones or if nothing else is left,
    and follow NUTS else (HMC on circles). A gradient sampler asked for by name moves the
    continuous variables, and Gibbs the discrete ones beside them. `fallback` stands in for NUTS
    where chains are many and short, as in training. `entries`: the free ones of each array.
    `wish`: what to sum out.
    """
    facts = {name: structure.variables[name] for name in free}
    discrete = [n for n in free if facts[n].symbol.domain.discrete]
    smooth = [n for n in free if n not in discrete]
    choices, refusals = _clustered(structure, free) if sampler == "clusters" else ([], [])
    wanted = [n for n in discrete if _too_dear(structure, n, tries or {})]
    informed = {"informed": discrete, "auto": wanted}.get(sampler, [])
    if informed:
        choices.append(_informed(structure, informed, sampler, tries or {}))
    moved = {name for choice in choices for name in choice.variables}
    for name in discrete:
        found = gibbs_way(facts[name])
        assert not isinstance(found, Refusal)
        if name not in moved:
            choices.append(Choice((name,), "gibbs", *found))
    refusals += _unfit(facts, sampler, discrete, smooth)
    drawn = [c.variables[0] for c in choices if c.sampler == "gibbs"]
    drawn = [n for n in drawn if not _dear(structure, n, tries or {})]
    apart = wish if isinstance(wish, tuple) else ()
    split = _split(structure, sampler, smooth, bool(discrete), entries, apart)
    found = _closing(structure, sampler, wish, drawn, split, entries)
    refusals += _unclosed(structure, wish, found, free)
    choices += [Choice(j.variables, "gibbs", j.way, j.reason, j) for j in found.exact]
    sloped = found.sloped
    if sampler == "gibbs":
        refusals, sloped = refusals + _refused(facts, sloped), []
    if sloped:
        named = sampler if sampler in GRADIENT_SAMPLERS else _following(facts, sloped, fallback)
        why = _why_slope(facts, sloped, sampler)
        choices.append(Choice(tuple(sloped), named, "slope", why, closed=found.closed))
    return _in_turn(choices, free), refusals


def _following(facts: Mapping[str, VariableFacts], sloped: Sequence[str], fallback: str) -> str:
    """What follows slopes: paths on a circle never turn back, so that NUTS would not end them.

    A path that runs into a wall is lost whole; MALA loses a step.
    """
    circles = any(facts[n].symbol.domain.kind is Kind.ANGLE for n in sloped)
    if any(facts[n].walls for n in sloped) and fallback == "nuts":
        return "mala"
    return "hmc" if circles and fallback == "nuts" else fallback


def _unfit(
    facts: Mapping[str, VariableFacts],
    sampler: str,
    discrete: Sequence[str],
    smooth: Sequence[str],
) -> list[Refusal]:
    """Variables of a kind that a named sampler cannot move."""
    if sampler == "informed" and not discrete:
        why = "is continuous, and informed proposals change discrete sites"
        return [Refusal(n, sampler, f"`{n}` {why}") for n in smooth]
    if sampler in GRADIENT_SAMPLERS and not smooth:
        why = f"is discrete, and {sampler} follows slopes of real numbers"
        return [Refusal(n, sampler, f"`{n}` {why}") for n in discrete]
    return [
        Refusal(n, sampler, _because(facts[n], "its energy jumps"))
        for n in smooth
        if facts[n].smoothness is Smoothness.JUMPING and sampler != "gibbs"
    ]


def _in_turn(choices: list[Choice], free: Sequence[str]) -> list[Choice]:
    """Choices in the order of the text; what is summed out is drawn right after what it left."""
    order = {name: k for k, name in enumerate(free)}
    choices = sorted(choices, key=lambda c: min(order[n] for n in c.variables))
    closed = {n for c in choices for n in c.closed}
    after = [c for c in choices if set(c.variables) <= closed]
    turns: list[Choice] = []
    for choice in choices:
        if choice not in after:
            turns += [choice, *(after if choice.closed else [])]
    return turns


def _closing(
    structure: Structure,
    sampler: str,
    wish: Wish,
    discrete: Sequence[str],
    split: tuple[list[Joint], list[Joint], list[str]],
    entries: Mapping[str, Entries] | None,
) -> Closing:
    exact, spare, sloped = split
    if sampler == "gibbs" or entries is None:
        return Closing([*sloped, *(n for j in spare for n in j.variables)], exact, ())
    return closing(structure, sampler, wish, discrete, sloped, exact, spare, entries)


def _unclosed(
    structure: Structure, wish: Wish, found: Closing, free: Sequence[str]
) -> list[Refusal]:
    """Why variables that were to be summed out by name are not."""
    if not isinstance(wish, tuple):
        return []
    refused = []
    for name in wish:
        if name in found.closed or name not in free:
            continue
        facts = structure.variables[name]
        reason = not_closed(facts.symbol, facts)
        if not found.sloped and not (facts.couples or facts.complete):
            reason = f"summing out `{name}` leaves no continuous variable whose slope to follow"
        refused.append(Refusal(name, "marginalise", reason))
    return refused


def _refused(facts: Mapping[str, VariableFacts], names: Sequence[str]) -> list[Refusal]:
    """Why Gibbs cannot move these variables."""
    found = [gibbs_way(facts[name]) for name in names]
    return [refusal for refusal in found if isinstance(refusal, Refusal)]


def _split(
    structure: Structure,
    sampler: str,
    smooth: list[str],
    mixed: bool,
    entries: Mapping[str, Entries] | None,
    asked: tuple[str, ...],
) -> tuple[list[Joint], list[Joint], list[str]]:
    """Continuous groups that are drawn exactly, groups that could be, and the other variables.

    Variables `asked` for make groups of their own.
    """
    facts = structure.variables
    quadratic = [n for n in smooth if not isinstance(gibbs_way(facts[n]), Refusal)]
    others = [n for n in smooth if n not in quadratic]
    groups = joints(structure, [n for n in quadratic if n not in asked], entries)
    groups += joints(structure, [n for n in quadratic if n in asked], entries)
    if sampler == "gibbs":
        return groups, [], others
    if sampler in GRADIENT_SAMPLERS:
        return [], groups, others
    cheap = [
        j
        for j in groups
        if j.way == "joint" or not j.couples or (mixed and _few(facts[j.variables[0]]))
    ]
    dear = [n for j in groups if j not in cheap for n in j.variables]
    if mixed:
        return cheap, [], [*others, *dear]
    alone = not others and not dear
    apart = all(
        not facts[n].meets & (set(smooth) - set(j.variables)) for j in cheap for n in j.variables
    )
    if alone and apart:
        return cheap, [], []
    return [], [k for j in cheap for k in _eased(structure, j, entries)], [*others, *dear]


def _eased(
    structure: Structure, joint: Joint, entries: Mapping[str, Entries] | None
) -> list[Joint]:
    """A group that is to be integrated out of the way of others, or a variable that is most of it.

    Sites that do not interact integrate one by one, at less cost and without the cancellation that
    a factor of the whole suffers where a scale that is sampled becomes small.
    """
    if entries is None or len(joint.variables) == 1:
        return [joint]
    size = {n: len(entries[n].free) for n in joint.variables}
    most = max(size, key=lambda n: size[n])
    if not lone(structure.variables[most]) or 2 * size[most] <= sum(size.values()):
        return [joint]
    rest = [n for n in joint.variables if n != most]
    return [*joints(structure, [most], entries), *joints(structure, rest, entries)]


def _few(facts: VariableFacts) -> bool:
    """Whether a coloured sweep is cheap: no site meets many."""
    if facts.edges is None or facts.complete:
        return False
    return (
        len(facts.edges) == 0
        or max(int((facts.edges == site).sum()) for site in facts.edges[:8, 0]) < MOST_MIXED_COLOURS
    )


def _network_over(structure: Structure, name: str) -> tuple[str, NetworkRead] | None:
    """An energy and a network in it that takes a variable by its numbers: labels have no slope."""
    for energy in structure.extended:
        for node in walk(energy.term):
            if isinstance(node, NetworkRead) and any(
                domain.labels is None and any(s.name == name for s in unknowns(array.body))
                for array, (domain, _) in zip(node.inputs, node.network.inputs, strict=True)
            ):
                return energy.name, node
    return None


def _too_dear(structure: Structure, name: str, tries: Mapping[str, int]) -> bool:
    """Whether trying means too many energies that are networks, whole: nothing local to exploit."""
    return structure.variables[name].couples and _dear(structure, name, tries)


def _dear(structure: Structure, name: str, tries: Mapping[str, int]) -> bool:
    """Whether each of many tries takes a whole network."""
    found = gibbs_way(structure.variables[name])
    return (
        not isinstance(found, Refusal)
        and found[0] == "trying"
        and tries.get(name, 0) > MOST_TRIES
        and _network_over(structure, name) is not None
    )


def _informed(
    structure: Structure, names: Sequence[str], sampler: str, tries: Mapping[str, int]
) -> Choice:
    """Informed proposals for all of these variables at once: one gradient tells of all."""
    if sampler == "informed":
        return Choice(tuple(names), "informed", "informed", "asked for")
    name = max(names, key=lambda n: tries.get(n, 0))
    found = _network_over(structure, name)
    assert found is not None
    energy, read = found
    text = " ".join(read.span.text.split())
    reason = (
        f"`{name}` stands inside the network `{text}` (line {read.span.line}, `{energy}`), and exact "
        f"Gibbs would take {tries[name]} of its energies a sweep"
    )
    return Choice(tuple(names), "informed", "informed", reason)


def _clustered(structure: Structure, free: Sequence[str]) -> tuple[list[Choice], list[Refusal]]:
    """The variables whose clusters can be found, or why there is none."""
    found = {name: obstacle_to_clusters(structure, name) for name in free}
    fit = [n for n, obstacle in found.items() if obstacle is None]
    unfit = [Refusal(n, "clusters", obstacle) for n, obstacle in found.items() if obstacle]
    choices = [Choice((n,), "clusters", "clusters", "asked for") for n in fit]
    return choices, [] if fit else unfit


def _why_slope(facts: Mapping[str, VariableFacts], names: list[str], sampler: str) -> str:
    kinked = [n for n in names if facts[n].smoothness is Smoothness.KINKED]
    if sampler in GRADIENT_SAMPLERS:
        return "asked for"
    walls = [n for n in names if facts[n].walls]
    if walls:
        return f"continuous; walls stand in `{walls[0]}`, and steps into them are refused"
    if kinked:
        return f"continuous; the energy has kinks in `{kinked[0]}`, which slow it a little"
    return "continuous and smooth"


def summable(facts: VariableFacts) -> bool:
    """Whether a variable sums in closed form given all others: no two sites interact, degree fits."""
    return lone(facts) and not isinstance(gibbs_way(facts), Refusal)
