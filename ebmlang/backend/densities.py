"""NumPyro's distributions as the densities of the language.

The checker must know their names without importing NumPyro, so the table is written once by
`python -m ebmlang.backend.densities` and a test compares it with the NumPyro that is installed.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import numpyro.distributions as dist
from numpyro.distributions import Distribution, constraints
from numpyro.distributions.distribution import DistributionMeta

TABLE = Path(__file__).parent.parent / "semantics" / "densities.json"
_NOT_ARGUMENTS = {"self", "validate_args", "args", "kwargs"}
_WITHOUT_DENSITY = {
    "Delta", "Distribution", "ExpandedDistribution", "ImproperUniform", "Independent",
    "MaskedDistribution", "Mixture", "MixtureGeneral", "MixtureSameFamily", "TransformedDistribution",
    "Unit", "FoldedDistribution", "TruncatedDistribution", "LeftTruncatedDistribution",
    "RightTruncatedDistribution", "TwoSidedTruncatedDistribution", "RelaxedBernoulli",
    "CAR", "GaussianStateSpace", "EulerMaruyama", "GaussianCopula", "GaussianCopulaBeta",
    "ZeroInflatedDistribution", "ZeroSumNormal", "LKJ", "LKJCholesky", "Wishart", "WishartCholesky",
    "MatrixNormal", "DoublyTruncatedPowerLaw", "LowerTruncatedPowerLaw",
    "SineBivariateVonMises", "ProjectedNormal", "SineSkewed",
    "BernoulliLogits", "BernoulliProbs", "BinomialLogits", "BinomialProbs", "CategoricalLogits",
    "CategoricalProbs", "GeometricLogits", "GeometricProbs", "MultinomialLogits",
    "MultinomialProbs", "NegativeBinomialLogits", "NegativeBinomialProbs",
    "ZeroInflatedNegativeBinomial2", "ZeroInflatedPoisson",
}  # fmt: skip


def snake(name: str) -> str:
    """`HalfCauchy` becomes `half_cauchy`, `StudentT` `student_t`, `NegativeBinomial2` `negative_binomial2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def constructor(name: str) -> type[Distribution]:
    """The distribution of a snake-case name. A function such as NumPyro's `Bernoulli` serves too."""
    for candidate in dir(dist):
        if snake(candidate) == name:
            return getattr(dist, candidate)
    raise KeyError(name)


def build() -> dict[str, dict[str, object]]:
    """name -> arguments in order, those that may be left out, whether discrete, dimensions of one draw."""
    table: dict[str, dict[str, object]] = {}
    for name in sorted(dir(dist)):
        made = getattr(dist, name)
        if name in _WITHOUT_DENSITY or name.startswith("_") or not callable(made):
            continue
        if not (isinstance(made, DistributionMeta) or name in _FUNCTIONS):
            continue
        support = _FUNCTIONS.get(name) or inspect.getattr_static(made, "support", None)
        parameters = [
            p for p in inspect.signature(made).parameters.values() if p.name not in _NOT_ARGUMENTS
        ]
        if not parameters:
            continue
        table[snake(name)] = {
            "arguments": [p.name for p in parameters],
            "optional": [p.name for p in parameters if p.default is not inspect.Parameter.empty],
            "discrete": _known(support, "is_discrete", False),
            "event": _known(support, "event_dim", 0),
        }
    return table


_FUNCTIONS: dict[str, constraints.Constraint] = {
    "Bernoulli": constraints.boolean,
    "Binomial": constraints.nonnegative_integer,
    "Categorical": constraints.nonnegative_integer,
    "Geometric": constraints.nonnegative_integer,
    "Multinomial": constraints.multinomial(1),
}


def _known(support: object, what: str, otherwise: object) -> object:
    """A property of a support; one that depends on the arguments may keep it in a private field."""
    hidden = getattr(support, f"_{what}", None)
    if hidden is not None and hidden is not NotImplemented:
        return hidden
    try:
        return getattr(support, what)
    except (NotImplementedError, AttributeError):
        return otherwise


if __name__ == "__main__":
    TABLE.write_text(json.dumps(build(), indent=1) + "\n")
    print(f"{TABLE}: {len(build())} distributions")
