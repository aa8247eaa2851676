"""The samplers as a user names them: one row each, with its settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..semantics.context import nearest
from ..syntax.diagnostics import complain


@dataclass(frozen=True, slots=True)
class Auto:
    """The sampler that fits the structure, block by block."""

    name = "auto"


@dataclass(frozen=True, slots=True)
class Gibbs:
    """Exact draws from conditionals, block by block."""

    name = "gibbs"


@dataclass(frozen=True, slots=True)
class Langevin:
    """The unadjusted walk x - alpha/2 dE/dx + N(0, alpha); its law is off by order alpha.

    `step_size` is alpha; `steps` walks of that size make one sweep.
    """

    step_size: float = 0.01
    steps: int = 1
    name = "langevin"


@dataclass(frozen=True, slots=True)
class MALA:
    """Langevin proposals, accepted or refused; the step is adapted in warm-up unless given."""

    step_size: float | None = None
    target_acceptance: float = 0.574
    name = "mala"


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


Sampler = Auto | Gibbs | Langevin | MALA | HMC | NUTS
TABLE: dict[str, type[Any]] = {row.name: row for row in (Auto, Gibbs, Langevin, MALA, HMC, NUTS)}


def sampler_of(named: str | Sampler) -> Sampler:
    """A sampler by name with its usual settings, or as it is. Raises EbmError E701."""
    if not isinstance(named, str):
        if type(named) not in TABLE.values():
            raise complain("E701", f"{named!r} is not a sampler")
        return named
    if named not in TABLE:
        near = nearest(named, list(TABLE))
        raise complain(
            "E701",
            f"there is no sampler `{named}`",
            notes=["the samplers are " + ", ".join(TABLE)],
            helps=[f"did you mean `{near}`?"] if near else [],
        )
    return TABLE[named]()


def as_dict(sampler: Sampler) -> dict[str, Any]:
    """The settings by name."""
    return {f.name: getattr(sampler, f.name) for f in fields(sampler)}
