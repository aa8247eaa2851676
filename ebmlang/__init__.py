"""Energy functions, written down and put to work.

    import ebmlang as ebm

    model = ebm.load("rbm.ebm", unit=32)
    fit = ebm.fit(model, {"v": images})
    print(fit.model.explain())

Names are imported when first used, so that checking a file never waits for JAX.
"""

# pyright: strict, reportUnsupportedDunderAll=false

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import pictures as pictures
    from .evaluation.compare import compare as compare
    from .evaluation.draws import Draws as Draws
    from .evaluation.moments import Moments as Moments
    from .model import Model as Model
    from .model import load as load
    from .model import loads as loads
    from .partition.distribution import distribution as distribution
    from .partition.gradient import gradient as gradient
    from .partition.logz import log_partition as log_partition
    from .partition.probability import log_prob as log_prob
    from .partition.thermodynamics import thermodynamics as thermodynamics
    from .samplers.kernel import kernel as kernel
    from .samplers.replay import ReplayBuffer as ReplayBuffer
    from .samplers.replay import replay as replay
    from .samplers.run import sample as sample
    from .samplers.settings import HMC as HMC
    from .samplers.settings import MALA as MALA
    from .samplers.settings import NUTS as NUTS
    from .samplers.settings import Annealed as Annealed
    from .samplers.settings import Clusters as Clusters
    from .samplers.settings import Gibbs as Gibbs
    from .samplers.settings import Informed as Informed
    from .samplers.settings import Langevin as Langevin
    from .samplers.settings import Tempering as Tempering
    from .samplers.settings import Underdamped as Underdamped
    from .syntax.diagnostics import EbmError as EbmError
    from .syntax.diagnostics import InternalError as InternalError
    from .training.adaptive import Adaptive as Adaptive
    from .training.fit import fit as fit
    from .training.objectives import ContrastiveDivergence as ContrastiveDivergence
    from .training.objectives import DenoisingScore as DenoisingScore
    from .training.objectives import NoiseContrast as NoiseContrast
    from .training.objectives import PseudoLikelihood as PseudoLikelihood
    from .training.objectives import RatioMatching as RatioMatching
    from .training.objectives import ScoreMatching as ScoreMatching
    from .training.objectives import SlicedScore as SlicedScore
    from .training.stored import Fit as Fit
    from .training.stored import load_fit as load_fit
    from .training.tensorboard import TensorBoard as TensorBoard

__version__ = "0.1.0"

_WHERE = {
    "compare": ".evaluation.compare",
    "Draws": ".evaluation.draws",
    "Moments": ".evaluation.moments",
    "Model": ".model",
    "load": ".model",
    "loads": ".model",
    "distribution": ".partition.distribution",
    "gradient": ".partition.gradient",
    "log_partition": ".partition.logz",
    "log_prob": ".partition.probability",
    "thermodynamics": ".partition.thermodynamics",
    "kernel": ".samplers.kernel",
    "ReplayBuffer": ".samplers.replay",
    "replay": ".samplers.replay",
    "sample": ".samplers.run",
    "HMC": ".samplers.settings",
    "MALA": ".samplers.settings",
    "NUTS": ".samplers.settings",
    "Annealed": ".samplers.settings",
    "Clusters": ".samplers.settings",
    "Gibbs": ".samplers.settings",
    "Informed": ".samplers.settings",
    "Langevin": ".samplers.settings",
    "Tempering": ".samplers.settings",
    "Underdamped": ".samplers.settings",
    "EbmError": ".syntax.diagnostics",
    "InternalError": ".syntax.diagnostics",
    "Adaptive": ".training.adaptive",
    "fit": ".training.fit",
    "ContrastiveDivergence": ".training.objectives",
    "DenoisingScore": ".training.objectives",
    "NoiseContrast": ".training.objectives",
    "PseudoLikelihood": ".training.objectives",
    "RatioMatching": ".training.objectives",
    "ScoreMatching": ".training.objectives",
    "SlicedScore": ".training.objectives",
    "Fit": ".training.stored",
    "load_fit": ".training.stored",
    "TensorBoard": ".training.tensorboard",
}

__all__ = sorted((*_WHERE, "__version__", "pictures"))


def __getattr__(name: str) -> object:
    if name == "pictures":
        return import_module(".pictures", __name__)
    if name in _WHERE:
        return getattr(import_module(_WHERE[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
