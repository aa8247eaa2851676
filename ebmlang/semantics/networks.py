"""The neural networks of the language: one row for each architecture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """What `= name(sizes, option=value)` may say; `options` maps each option to its default."""

    name: str
    options: dict[str, str | float]
    takes_sizes: bool
    says: str


ACTIVATIONS = ("silu", "relu", "gelu", "tanh", "softplus", "sigmoid")

ARCHITECTURES: dict[str, Architecture] = {
    row.name: row
    for row in (
        Architecture("mlp", {"act": "silu"}, True, "layers, each joined to all of the next"),
        Architecture("conv", {"act": "silu", "kernel": 3}, True, "convolutions over a lattice"),
        Architecture(
            "resnet",
            {"act": "silu", "kernel": 3},
            True,
            "blocks of two convolutions and a short cut",
        ),
        Architecture("embedding", {}, False, "a row of numbers for each label"),
        Architecture("external", {}, False, "a JAX function given at load"),
    )
}
