"""Score matching: slopes of log p against those of the data, with no log Z; exact, sliced, with noise.

On bounded types the squared slopes are weighted by the squared distance to the bounds, which
vanishes there, so that nothing is left at the bounds when Hyvärinen's integral is taken by parts.
"""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..analysis.colouring import number_of
from ..arguments import ABOVE_ZERO, check_counts, check_number
from ..backend.checks import limits
from ..backend.conditionals import Situation
from ..backend.curvature import Curvature
from ..backend.energy import State
from ..partition.examples import Examples
from ..samplers.plan import colours_of
from ..semantics.functions import Smoothness
from ..semantics.terms import Kind, LogDensity
from ..semantics.traverse import walk
from .objective import Key, Loss
from .seam import obstacle_of_seams
from .visible import Visible, typed

TOGETHER = 64  # directions at a time
SHARP = ("laplace", "asymmetric_laplace", "asymmetric_laplace_quantile")  # a corner each


@dataclass(frozen=True, slots=True)
class ScoreMatching:
    """E of sum_i h_i psi_i^2 / 2 + d(h_i psi_i)/dx_i with the score psi = -dE/dx; exact.

    h is 1 on the line and on circles, x^2 where x is positive, and the like at other bounds. One
    product with the Hessian for each colour of sites that do not interact: one for each site where
    all interact.

    Source: Hyvärinen (2005), "Estimation of non-normalized statistical models by score matching",
    theorem 1; Hyvärinen (2007), "Some extensions of score matching", section 3; Yu, Drton & Shojaie
    (2019), "Generalized score matching for non-negative data".
    """

    name = "score"
    needs = "continuous visible variables, no simplex; no kinks; latents that sum in closed form"

    def obstacle(self, visible: Visible) -> str | None:
        return _not_continuous(visible) or _corner(visible) or _closed(visible)

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        ground = _Ground(visible)
        directions = jnp.asarray(ground.directions())

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            return ground.matched(situation, state, directions)

        return Loss(each)


@dataclass(frozen=True, slots=True)
class SlicedScore:
    """Score matching with the Hessian along random directions; in its form of reduced variance.

    Each of `projections` directions has signs at random, and costs one product with the Hessian.

    Source: Song, Garg, Shi & Ermon (2019), "Sliced score matching", equation 8.
    """

    projections: int = 1
    name = "sliced_score"
    needs = ScoreMatching.needs

    def __post_init__(self) -> None:
        check_counts(projections=self.projections)

    def obstacle(self, visible: Visible) -> str | None:
        return ScoreMatching().obstacle(visible)

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        ground = _Ground(visible)
        shape = self.projections, ground.line.number

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            signs = jax.random.rademacher(key, shape, jnp.result_type(float))
            return ground.matched(situation, state, signs, self.projections)

        return Loss(each)


@dataclass(frozen=True, slots=True)
class DenoisingScore:
    """|psi(x + noise e) + e / noise|^2 / 2 with e normal: the score points from noisy data to the data.

    What is fitted is the law of the noisy data: variances are larger by noise^2 than those of the
    data. Slopes of first order only, and kinks do no harm. Each e is taken with both signs, so that
    the loss stays of the same size however small the noise is; |e / noise|^2 / 2 is left out.

    Source: Vincent (2011), "A connection between score matching and denoising autoencoders".
    """

    noise: float = 0.1
    name = "denoising_score"
    needs = "visible variables real on the whole line, or angles; latents that sum in closed form"

    def __post_init__(self) -> None:
        check_number("noise", self.noise, *ABOVE_ZERO)

    def obstacle(self, visible: Visible) -> str | None:
        for name, symbol in visible.symbols.items():
            domain = symbol.domain
            if not domain.discrete and not domain.whole_line and domain.kind is not Kind.ANGLE:
                return f"`{name}` is {typed(symbol)}, and noise would carry it out of its type"
        jump = _not_continuous(visible) or _jump(visible, Smoothness.JUMPING)
        return jump or _closed(visible)

    def loss(self, visible: Visible, examples: Examples) -> Loss:
        ground = _Ground(visible)

        def each(situation: Situation, state: State, more: Mapping[str, Any], key: Key) -> Any:
            at, slope_at = ground.line.take(state), ground.slope(situation, state)
            drawn = jax.random.normal(key, at.shape, at.dtype)

            def one(sign: Any) -> Any:
                slope = slope_at(at + sign * self.noise * drawn)
                return 0.5 * jnp.sum(slope**2) - sign * jnp.dot(drawn, slope) / self.noise

            return jnp.mean(jax.vmap(one)(jnp.array([1.0, -1.0], at.dtype)))

        return Loss(each)


def _not_continuous(visible: Visible) -> str | None:
    for name, symbol in visible.symbols.items():
        if symbol.domain.discrete:
            return f"`{name}` is {typed(symbol)}, and score matching follows slopes of real numbers"
        if symbol.domain.kind is Kind.SIMPLEX:
            return f"`{name}` is a simplex, whose sites do not move one by one"
    return None


def _closed(visible: Visible) -> str | None:
    return visible.unsummed or obstacle_of_seams(visible)


def _jump(visible: Visible, least: Smoothness) -> str | None:
    for name in visible.sites:
        smooth = visible.model.structure.variables[name].smoothness
        if smooth >= least:
            what = "kinks" if smooth is Smoothness.KINKED else "jumps"
            return f"the energy has {what} in `{name}`, of which slopes tell nothing"
    return None


def _corner(visible: Visible) -> str | None:
    """Where second slopes say nothing of a kink, and the integral by parts is wrong."""
    symbols = visible.symbols
    for energy in visible.model.program.energies:
        for node in walk(energy.term):
            if isinstance(node, LogDensity) and node.distribution in SHARP:
                names = [n for n in symbols if energy.name in
                         visible.model.structure.variables[n].energies]  # fmt: skip
                if names:
                    return f"the density `{node.distribution}` has a kink in `{names[0]}`"
    return _jump(visible, Smoothness.KINKED)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """The visible sites as one line of numbers [site], and the energy along it."""

    visible: Visible

    @property
    def line(self) -> Curvature:
        """All visible sites side by side."""
        return Curvature(self.visible.model.target, self.visible.sites)

    def slope(self, situation: Situation, state: State) -> Callable[[Any], Any]:
        """dE/dx [site] as a function of x [site]; of the free energy where unknowns are hidden."""
        line = self.line

        def energy(values: Any) -> Any:
            return self.visible.energy(situation, line.put(state, values))

        return jax.grad(energy)

    def directions(self) -> np.ndarray:
        """Directions [direction, site] along which the Hessian gives its diagonal, and no more.

        Sites that do not interact share one; with unknowns summed out, which may couple any two
        sites, each has its own.
        """
        number = self.line.number
        if self.visible.hidden:
            return np.eye(number)
        rows, first = [], 0
        for name, sites in self.visible.sites.items():
            colours = colours_of(self.visible.model.structure.variables[name], sites)
            own = colours.reshape(-1)[sites.free]
            for colour in range(number_of(colours)):
                row = np.zeros(number)
                row[first : first + sites.number] = own == colour
                rows.append(row)
            first += sites.number
        return np.array(rows)

    def depths(self, values: Any) -> tuple[Any, Any]:
        """How far each site is from its bounds, d [site], and the slope of d; h is its square."""
        found, ends = [], np.cumsum([s.number for s in self.visible.sites.values()])[:-1]
        parts = jnp.split(values, ends)
        for sites, x in zip(self.visible.sites.values(), parts, strict=True):
            low, high = limits(sites.domain, self.visible.model.world)
            match bool(np.isfinite(low)), bool(np.isfinite(high)):
                case _ if sites.domain.kind is Kind.ANGLE:
                    found.append((jnp.ones_like(x), jnp.zeros_like(x)))
                case True, True:
                    depth = (x - low) * (high - x) / (high - low)
                    found.append((depth, (low + high - 2 * x) / (high - low)))
                case True, False:
                    found.append((x - low, jnp.ones_like(x)))
                case False, True:
                    found.append((high - x, -jnp.ones_like(x)))
                case _:
                    found.append((jnp.ones_like(x), jnp.zeros_like(x)))
        return jnp.concatenate([d for d, _ in found]), jnp.concatenate([s for _, s in found])

    def matched(self, situation: Situation, state: State, directions: Any, repeats: int = 1) -> Any:
        """The loss of one example; the trace of the Hessian is the mean over `repeats` of its rows."""
        at = self.line.take(state)
        depth, rise = self.depths(at)
        slope, push = jax.linearize(self.slope(situation, state), at)

        def bent(direction: Any) -> Any:
            along = depth * direction.astype(at.dtype)
            return jnp.dot(along, push(along))

        bends = jax.lax.map(bent, directions, batch_size=TOGETHER)
        squares = jnp.sum(0.5 * depth**2 * slope**2 - 2 * depth * rise * slope)
        return squares - jnp.sum(bends) / repeats
