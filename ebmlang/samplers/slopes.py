"""The samplers that follow slopes, as a user names them: one row each, with its settings."""

# pyright: strict

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arguments import (
    ABOVE_ZERO,
    check_above_zero,
    check_counts,
    check_flags,
    check_number,
    check_share,
)
from ..syntax.diagnostics import complain


@dataclass(frozen=True, slots=True)
class Langevin:
    """The unadjusted walk x - alpha/2 dE/dx + N(0, alpha); its law is off by order alpha.

    `step_size` is alpha; `steps` walks of that size make one sweep. `noise`: the standard deviation
    of the noise where it is not sqrt(alpha), as is usual in training: the walk is then one at the
    temperature noise^2 / alpha instead of 1. `clip`: the largest slope that is followed, entry by
    entry: another bias.
    """

    step_size: float = 0.01
    steps: int = 1
    noise: float | None = None
    clip: float | None = None
    name = "langevin"

    def __post_init__(self) -> None:
        check_number("step_size", self.step_size, *ABOVE_ZERO)
        check_above_zero(noise=self.noise, clip=self.clip)
        check_counts(steps=self.steps)


@dataclass(frozen=True, slots=True)
class Annealed:
    """The unadjusted walk that cools down, and slows down, in warm-up; its draws are cold.

    Warm-up has `levels` equally long levels, at temperatures that fall geometrically from `hottest`
    to 1 (Song & Ermon 2019), while alpha falls from `step_size` to `final_step_size` as
    (b + t)^-`power` (Welling & Teh 2011). The draws follow the walk at temperature 1 and at
    `final_step_size`: their law is off by that order. 1 for `hottest` leaves the temperature alone.
    """

    step_size: float = 0.01
    final_step_size: float | None = None
    hottest: float = 10.0
    levels: int = 10
    power: float = 0.55
    steps: int = 1
    name = "annealed"

    def __post_init__(self) -> None:
        check_number("step_size", self.step_size, *ABOVE_ZERO)
        check_above_zero(final_step_size=self.final_step_size)
        check_counts(steps=self.steps, levels=self.levels)
        check_number("hottest", self.hottest, "1 or above", lambda x: x >= 1)
        if self.levels < 2 and self.hottest > 1:
            raise complain("E704", "`levels` must be 2 or more to come down from `hottest` to 1")
        check_number("power", self.power, "above 0.5 and at most 1", lambda x: 0.5 < x <= 1)
        if self.last > self.step_size:
            raise complain(
                "E704",
                f"`final_step_size` must be at most `step_size`, {self.step_size:g}, "
                f"not {self.final_step_size!r}",
            )

    @property
    def last(self) -> float:
        """The step size after warm-up."""
        return self.step_size if self.final_step_size is None else self.final_step_size


@dataclass(frozen=True, slots=True)
class Underdamped:
    """Langevin dynamics with momentum, split as BAOAB (Leimkuhler & Matthews 2013); unadjusted.

    `step_size` is dt, a time: it compares with sqrt(alpha) of the walk without momentum. The law of
    the positions is off by order dt^2, and exact where the energy is quadratic. `friction` is how
    fast the momentum is forgotten; `steps` of dt make one sweep, and the momentum goes on into the next.
    """

    step_size: float = 0.1
    friction: float = 1.0
    steps: int = 10
    name = "underdamped"

    def __post_init__(self) -> None:
        check_number("step_size", self.step_size, *ABOVE_ZERO)
        check_number("friction", self.friction, *ABOVE_ZERO)
        check_counts(steps=self.steps)


@dataclass(frozen=True, slots=True)
class MALA:
    """Langevin proposals, accepted or refused: exact. The step is adapted in warm-up unless given.

    `preconditioned`: whether each free number has a step of its own scale, learnt in warm-up from its
    variance; if not said, where the step is adapted.
    """

    step_size: float | None = None
    target_acceptance: float = 0.574
    preconditioned: bool | None = None
    name = "mala"

    def __post_init__(self) -> None:
        check_above_zero(step_size=self.step_size)
        check_share("target_acceptance", self.target_acceptance)
        if self.preconditioned is not None:
            check_flags(preconditioned=self.preconditioned)

    @property
    def scaled(self) -> bool:
        """Whether scales are learnt."""
        return self.step_size is None if self.preconditioned is None else self.preconditioned


@dataclass(frozen=True, slots=True)
class HMC:
    """NumPyro's Hamiltonian Monte Carlo; settings as there, but a quarter of a period long.

    A whole period, 2 pi, would bring a Gaussian back to where it started.
    """

    step_size: float = 1.0
    num_steps: int | None = None
    trajectory_length: float = 1.5707963267948966
    target_accept_prob: float = 0.8
    dense_mass: bool = False
    adapt_step_size: bool = True
    adapt_mass_matrix: bool = True
    name = "hmc"

    def __post_init__(self) -> None:
        if self.num_steps is not None:
            check_counts(num_steps=self.num_steps)
        length: Any = self.trajectory_length
        if self.num_steps is None or length is not None:
            check_number("trajectory_length", length, *ABOVE_ZERO)
        _check_steps(self)


@dataclass(frozen=True, slots=True)
class NUTS:
    """NumPyro's No-U-Turn sampler; settings as there."""

    step_size: float = 1.0
    target_accept_prob: float = 0.8
    max_tree_depth: int = 10
    dense_mass: bool = False
    adapt_step_size: bool = True
    adapt_mass_matrix: bool = True
    name = "nuts"

    def __post_init__(self) -> None:
        depth: Any = self.max_tree_depth
        pair = type(depth) in (tuple,) and len(depth) == 2
        for each in depth if pair else (depth,):  # two: in warm-up, and after
            check_counts(max_tree_depth=each)
        _check_steps(self)


def _check_steps(sampler: HMC | NUTS) -> None:
    """Refuse settings of NumPyro's samplers that are none."""
    check_number("step_size", sampler.step_size, *ABOVE_ZERO)
    check_share("target_accept_prob", sampler.target_accept_prob)
    check_flags(
        dense_mass=sampler.dense_mass,
        adapt_step_size=sampler.adapt_step_size,
        adapt_mass_matrix=sampler.adapt_mass_matrix,
    )
