"""Trust, but check: derived conditionals against differences of the energy, at random states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.conditionals import (
    Situation,
    by_trying,
    gaussian,
    in_float64,
    logits,
    states_of,
    with_walls,
)
from ..backend.energy import State, Target
from ..backend.parameters import space_of
from ..semantics.terms import Kind
from ..syntax.diagnostics import InternalError
from .beginning import random_state
from .block import Block, Plan
from .clusters import ClusterBlock
from .gaussian import JointGaussian
from .gibbs import GaussianGibbs, GradientGibbs, TryingGibbs
from .local import LocalGibbs
from .paired import PairedGibbs
from .tempering import untempered
from .verify_joint import verify_joint
from .verify_pairs import OddsProbe

Paired = PairedGibbs | LocalGibbs | ClusterBlock
Checked = GradientGibbs | GaussianGibbs | TryingGibbs | Paired
Coloured = GradientGibbs | TryingGibbs | PairedGibbs | LocalGibbs
STATES, SITES, PAIRS = 3, 16, 32
LOW_WALL = 4.0  # nats: what is compared is not lost beside it
TOLERANCE = 1e-6


def verify(target: Target, plan: Plan, situation: Situation, seed: int = 0) -> None:
    """Compare every Gibbs block's conditionals with brute force, in float64.

    At the parameters given, and at others strewn around them: at zero nothing interacts.
    Raises InternalError naming the variable if they differ, or if two sites that move at once
    interact: a silently wrong sampler is worse than none. EbmError E703 if a Gaussian block has
    no Gaussian at the parameters given.
    """
    target = target.relative
    with jax.enable_x64(True):
        wide = with_walls(target, in_float64(situation), LOW_WALL)
        near = wide._replace(params=_strewn(target, wide.params, seed))
        states = jax.jit(jax.vmap(lambda key: random_state(target, key)))(
            jax.random.split(jax.random.key(seed), STATES)
        )
        energies = jax.jit(
            jax.vmap(lambda i, s: target.energy(i.params, s, i.given), in_axes=(None, 0))
        )
        finite = [np.isfinite(np.asarray(energies(where, states))) for where in (wide, near)]
        cases = [
            (near if k and finite[1][k] else wide, jax.tree.map(lambda x, k=k: x[k], states))
            for k in range(STATES)
            if finite[0][k] or (k and finite[1][k])
        ]
        for block in _blocks(plan):
            if isinstance(block, JointGaussian):
                verify_joint(block, cases, wide, seed)
            if not isinstance(block, Checked):
                continue
            probe = _Probe(target, block)
            for k in range(STATES):
                where = near if k and finite[1][k] else wide
                if not finite[1 if where is near else 0][k]:
                    continue
                state = jax.tree.map(lambda x, k=k: x[k], states)
                _verify_block(probe, block, where, state, np.random.default_rng(seed + k))


def _blocks(plan: Plan) -> Iterator[Block]:
    """Every block, and the Gibbs sweeps after cluster moves."""
    for block in untempered(plan).blocks:
        yield block
        if isinstance(block, ClusterBlock):
            yield block.gibbs


def _strewn(target: Target, params: Any, seed: int) -> Any:
    """Parameters one standard deviation around these, in the space of free numbers."""
    space = space_of(target.program, target.world)
    rng = np.random.default_rng(seed)
    free = space.unconstrain(params)
    moved = {n: free[n] + rng.normal(size=np.shape(free[n])) for n in space.sites}
    return in_float64(space.constrain({**free, **moved}))


class _Probe:
    """The functions compared, compiled once for a block."""

    def __init__(self, target: Target, block: Checked) -> None:
        name = block.name
        self.target = target
        middle = isinstance(block, GradientGibbs) and block.midpoint
        self.odds = jax.jit(
            lambda where, state, mask: logits(
                target, name, where, state, at_middle=mask if middle else None
            )
        )
        self.tried = jax.jit(
            jax.vmap(
                lambda where, state, place, mirror: by_trying(
                    target, name, where, state, place, mirror
                ),
                in_axes=(None, None, 0, 0),
            )
        )
        discrete = target.program.unknowns[name].domain.discrete
        self.apart = _apart(target, name) if discrete else None
        self.normal = jax.jit(lambda where, state, mask: gaussian(target, name, where, state, mask))
        self.paired = OddsProbe(block) if isinstance(block, Paired) else None
        self.energy = jax.jit(
            lambda where, state: where.beta * target.energy(where.params, state, where.given)
        )


def _verify_block(
    probe: _Probe,
    block: Checked,
    where: Situation,
    state: State,
    rng: np.random.Generator,
) -> None:
    match block:
        case GradientGibbs():
            _verify_discrete(probe, block, where, state, rng)
            _verify_apart(probe, block, block.colours, where, state, rng)
        case PairedGibbs() | LocalGibbs() | ClusterBlock():
            assert probe.paired is not None
            probe.paired.check(probe.tried, where, state, rng)
            if not isinstance(block, ClusterBlock) and block.colours is not None:
                _verify_apart(probe, block, block.colours, where, state, rng)
        case GaussianGibbs():
            _verify_gaussian(probe, block, where, state, rng)
        case TryingGibbs(together=True):
            one = np.zeros(block.sites.shape, np.int64)
            _verify_apart(probe, block, one, where, state, rng)
        case TryingGibbs():
            pass


def _verify_discrete(
    probe: _Probe,
    block: GradientGibbs,
    where: Situation,
    state: State,
    rng: np.random.Generator,
) -> None:
    sites, name = block.sites, block.name
    picks = rng.choice(sites.number, min(SITES, sites.number), replace=False)
    places = sites.free[picks]
    mirrors = places if sites.mirror is None else sites.mirror[picks]
    tried = np.asarray(probe.tried(where, state, places, mirrors))
    flat = block.colours.reshape(-1)
    derived = {
        c: np.asarray(probe.odds(where, state, block.colours == c)) for c in np.unique(flat[places])
    }
    for place, weights in zip(places, tried, strict=True):
        if not np.isfinite(weights).all():
            continue  # nothing to compare with
        found = derived[flat[place]]
        if sites.symbol.domain.kind is Kind.CATEGORY:
            row = found.reshape(-1, found.shape[-1])[place]
            gap = np.max(np.abs((row - row[0]) - (weights - weights[0])))
        else:
            gap = abs(found.reshape(-1)[place] - (weights[1] - weights[0]))
        if not gap <= TOLERANCE * (1 + np.max(np.abs(weights))):
            raise InternalError(
                f"the conditional of `{name}` at site {place} differs from the difference of "
                f"energies by {gap:.3g} nats"
            )


def _verify_apart(
    probe: _Probe,
    block: Coloured,
    colours: np.ndarray,
    where: Situation,
    state: State,
    rng: np.random.Generator,
) -> None:
    """Moving one site must leave the conditional of another of its colour as it is."""
    sites, name = block.sites, block.name
    own = colours.reshape(-1)[sites.free]
    pairs = []
    for _ in range(PAIRS // STATES):
        a = int(rng.integers(sites.number))
        others = np.flatnonzero((own == own[a]) & (np.arange(sites.number) != a))
        if len(others):
            pairs.append((a, int(rng.choice(others))))
    if not pairs:
        return
    picks = np.array(pairs + pairs[:1] * (PAIRS // STATES - len(pairs))).T
    mirror = sites.free if sites.mirror is None else sites.mirror
    entries = np.stack([sites.free[picks], mirror[picks]], axis=-1)
    assert probe.apart is not None
    before, after = map(np.asarray, probe.apart(where, state, entries[0], entries[1]))
    gaps = np.abs((before - before[:, :1]) - (after - after[:, :1])).max(axis=1)
    far = ~(gaps <= TOLERANCE * (1 + np.abs(before).max(axis=1)))
    far &= np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    if far.any():
        first = int(np.argmax(far))
        a, b = entries[0, first, 0], entries[1, first, 0]
        raise InternalError(
            f"sites {a} and {b} of `{name}` share a colour, and they interact by "
            f"{gaps[first]:.3g} nats"
        )


def _apart(target: Target, name: str) -> Any:
    """-beta E at every value of a site, before and after another has moved; both mapped over pairs.

    Sites are given as the flat numbers of an entry and its mirror.
    """
    values = jnp.asarray(states_of(target.program.unknowns[name], target))

    def one(where: Situation, state: State, site: Any, other: Any) -> tuple[Any, Any]:
        flat = state[name].reshape(-1)
        now = jnp.argmin(jnp.abs(values - flat[other[0]]))
        new = values[(now + 1) % len(values)].astype(flat.dtype)
        moved = state | {name: flat.at[other].set(new).reshape(state[name].shape)}
        before = by_trying(target, name, where, state, site[0], site[1])
        return before, by_trying(target, name, where, moved, site[0], site[1])

    return jax.jit(jax.vmap(one, in_axes=(None, None, 0, 0)))


def _verify_gaussian(
    probe: _Probe,
    block: GaussianGibbs,
    where: Situation,
    state: State,
    rng: np.random.Generator,
) -> None:
    """For a quadratic, E(mean + d) - E(mean) = precision d^2 / 2 along each single site."""
    sites, name = block.sites, block.name
    for pick in rng.choice(sites.number, min(4, sites.number), replace=False):
        place = int(sites.free[pick])
        mirror = place if sites.mirror is None else int(sites.mirror[pick])
        mask = block.colours == block.colours.reshape(-1)[place]
        mean, precision = probe.normal(where, state, mask)
        centre = float(np.asarray(mean).reshape(-1)[place])
        bend = float(np.asarray(precision).reshape(-1)[place])
        flat = np.asarray(state[name]).reshape(-1)
        energies = []
        for shift in (0.0, -1.5, 0.7):
            moved = flat.copy()
            moved[[place, mirror]] = centre + shift
            energies.append(float(probe.energy(where, state | {name: moved.reshape(sites.shape)})))
        for shift, energy in zip((-1.5, 0.7), energies[1:], strict=True):
            gap = abs(energy - energies[0] - 0.5 * bend * shift**2)
            if not gap <= TOLERANCE * (1 + abs(energies[0]) + abs(bend)):
                raise InternalError(
                    f"the Gaussian conditional of `{name}` at site {place} is off by {gap:.3g} nats"
                )
