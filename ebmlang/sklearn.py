"""A model as an estimator of scikit-learn: fit, score, transform, predict on tables of rows.

    from ebmlang.sklearn import EBM

    features = EBM(ebm.load("rbm.ebm", unit=64), epochs=50).fit_transform(X)

scikit-learn is needed for this module alone.
"""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportMissingTypeStubs=false
# pyright: reportUnnecessaryIsInstance=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import optax

from .arguments import check_counts, check_names, shown
from .backend.arrays import as_array, is_sparse, is_tensor
from .model import Model
from .partition.expected import expectations
from .partition.probability import log_prob
from .samplers.settings import Sampler
from .syntax.diagnostics import Diagnostic, EbmError, complain
from .training.columns import columns_of, covered, joined, label_of, latents_of, shapes_for, split
from .training.diverged import Diverged
from .training.fit import fit
from .training.interruption import cut_short, handed_on
from .training.reuse import same_model
from .training.stored import Fit

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils import ClassifierTags, Tags, check_random_state
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "sklearn":
        raise
    raise ModuleNotFoundError(
        'ebmlang.sklearn needs scikit-learn: pip install "ebmlang[sklearn]"', name="sklearn"
    ) from None

SAMPLING_CHAINS = 100
NUMBERS = (np.float64, np.float32)


class DataError(EbmError, ValueError):
    """What ebmlang says of data or settings, as the ValueError that scikit-learn expects."""


@contextmanager
def _as_value_errors() -> Generator[None]:
    try:
        yield
    except Diverged:
        raise
    except EbmError as error:
        raise DataError(error.diagnostics) from error


def _has_latents(estimator: EBM) -> bool:
    return isinstance(estimator.model, Model) and bool(latents_of(estimator.model))


def _has_label(estimator: EBM) -> bool:
    return estimator._label is not None  # pyright: ignore[reportPrivateUsage]


def _missing_word(what: Callable[[EBM], bool], says: str) -> Callable[[EBM], bool]:
    """A test for `available_if` that tells in words why a method is not there."""

    def check(estimator: EBM) -> bool:
        if not what(estimator):
            raise AttributeError(says)
        return True

    return check


_with_latents = available_if(
    _missing_word(_has_latents, "the model has no latent variable to transform to")
)
_with_label = available_if(
    _missing_word(_has_label, "the model has no label to predict: no lone visible category")
)


class EBM(TransformerMixin, BaseEstimator):
    """An energy-based model of the rows of a table.

    `variable`: the visible variables that the columns are, in the order of the file, each flattened;
    all of them if not said. Where one of several is a lone category, as `y : category(class)`, and
    is not among them, it is the label: `fit(X, y)` learns it, `predict` gives it. One size that is not
    bound is taken from the columns, that of the classes from the labels. `learning_rate`: Adam's,
    where there is no `optimizer`; all else as in `ebm.fit`.

    After `fit`: `fit_`, the Fit with parameters and history, and `classes_` where there is a label.
    """

    def __init__(
        self,
        model: Model,
        *,
        variable: str | Iterable[str] | None = None,
        epochs: int = 20,
        batch_size: int = 100,
        chains: int = 100,
        objective: Any = "mle",
        sampler: str | Sampler = "auto",
        sweeps: int | None = None,
        learning_rate: float = 1e-3,
        optimizer: optax.GradientTransformation | None = None,
        random_state: int | np.random.RandomState | None = None,
        progress: bool = False,
    ) -> None:
        self.model = model
        self.variable = variable
        self.epochs = epochs
        self.batch_size = batch_size
        self.chains = chains
        self.objective = objective
        self.sampler = sampler
        self.sweeps = sweeps
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.random_state = random_state
        self.progress = progress

    @property
    def _label(self) -> str | None:
        """The label, where columns leave one out."""
        if not isinstance(self.model, Model):
            return None
        label, said = label_of(self.model), self.variable
        names: Any = said if isinstance(said, Iterable) else ()
        asked: tuple[Any, ...] = (said,) if isinstance(said, str) else tuple(names)
        return None if label in asked else label

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "density_estimator"
        tags.non_deterministic = self.random_state is None
        tags.input_tags.sparse = True
        if not _has_latents(self):
            tags.transformer_tags = None
        if self._label is not None:
            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags()
            tags.target_tags.required = True
        return tags

    def fit(self, X: Any, y: Any = None) -> EBM:
        """Fit to rows X [example, column]; `y` [example] are the labels, where the model has one.

        Raises ValueError for data or settings that do not fit, in the words of EbmError. Ctrl-C
        raises KeyboardInterrupt, and SIGTERM does what it does elsewhere, so that a search ends too;
        `fit_` is then the fit as it stood.
        """
        with _as_value_errors():
            model = _checked(self.model)
            if self.variable is not None:
                check_names("variable", self.variable)
            optimizer = self._optimizer()
            names = covered(model, self.variable)
            table: Any
            labels: dict[str, np.ndarray] = {}
            if self._label is None:
                table = validate_data(self, _rows_of(model, names, X), dtype=NUMBERS)
            else:
                shown = _rows_of(model, names, X), _plain("y", y)
                table, y = validate_data(self, *shown, dtype=NUMBERS)
                model, labels[self._label] = self._classes(model, self._label, y)
            data = split(table, shapes_for(model, names, table.shape[1])) | labels
            self.seed_: int = int(check_random_state(self.random_state).randint(2**31 - 1))
            with handed_on():
                self.fit_: Fit = fit(
                    model, data, objective=self.objective, sampler=self.sampler,
                    epochs=self.epochs, batch_size=self.batch_size, chains=self.chains,
                    sweeps=self.sweeps, optimizer=optimizer, seed=self.seed_,
                    progress=self.progress,
                )  # fmt: skip
        if cut_short(self.fit_.stopped):
            raise KeyboardInterrupt(self.fit_.stopped)
        return self

    def _optimizer(self) -> optax.GradientTransformation | None:
        if self.optimizer is not None or self.sampler == "exact":
            return self.optimizer
        if not (callable(self.learning_rate) or _above_zero(self.learning_rate)):
            says = (
                f"`learning_rate` must be a finite number above 0, not {shown(self.learning_rate)}"
            )
            raise complain("E704", says)
        return optax.adam(self.learning_rate)

    def _classes(self, model: Model, name: str, y: np.ndarray) -> tuple[Model, np.ndarray]:
        """The model for these labels, and the place of each of them; sets `classes_`."""
        check_classification_targets(y)
        dim = model.program.unknowns[name].domain.labels
        assert dim is not None
        classes, places = np.unique(y, return_inverse=True)
        if dim.name not in model.bindings.sizes:
            model = same_model(model, model.bind({dim.name: len(classes)}))
        size = model.bindings.sizes[dim.name]
        every = np.array(list(dim.labels)) if dim.labels else np.arange(size)
        if np.isin(classes, every).all():
            classes, places = every, np.searchsorted(every, y, sorter=np.argsort(every))
            places = np.argsort(every)[places]
        elif len(classes) != size:
            raise complain(
                "E602",
                f"y has {len(classes)} classes, and `{dim.name}` has {size}",
                helps=[f"leave the size of `{dim.name}` open: it is taken from y"],
            )
        self.classes_ = classes
        return model, places

    def _data(self, X: Any) -> tuple[Fit, dict[str, np.ndarray]]:
        """The fit, and the variables in rows that are like those it was fitted to."""
        check_is_fitted(self, "fit_")
        model = self.fit_.model
        names = covered(model, self.variable)
        rows = _rows_of(model, names, X)
        table: Any = validate_data(self, rows, reset=False, dtype=NUMBERS)
        return self.fit_, split(table, {n: model.world.shape(model.program.unknowns[n])
                                        for n in names})  # fmt: skip

    def score_samples(self, X: Any) -> np.ndarray:
        """log p of each row in nats [example]: what the row lacks is summed, exactly or annealed."""
        with _as_value_errors():
            found, data = self._data(X)
            return log_prob(found.model, found.params, data, seed=self.seed_).values

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood in nats a row; with labels `y` of a model that has one, the share found."""
        if y is None or self._label is None:
            return float(np.mean(self.score_samples(X)))
        with _as_value_errors():
            labels = as_array("y", _plain("y", y))
        return float(np.mean(self.predict(X) == labels))

    def sample(
        self, n_samples: int = 1, *, random_state: int | np.random.RandomState | None = None
    ) -> Any:
        """Rows drawn from the model [n_samples, column], with their labels where it has one: (X, y).

        Chains begin where those of the fit ended. `fit_.sample()` tells how far draws can be trusted.
        """
        check_is_fitted(self, "fit_")
        source = self.random_state if random_state is None else random_state
        seed = int(check_random_state(source).randint(2**31 - 1))
        with _as_value_errors():
            check_counts(n_samples=n_samples)
            chains = min(n_samples, SAMPLING_CHAINS)
            ended = self.fit_.chains
            begun = {n: v[:chains] for n, v in ended.items() if len(v) >= chains}
            drawn = self.fit_.sample(
                draws=-(-n_samples // chains), chains=chains, init=begun or None, seed=seed,
                progress=False,
            )  # fmt: skip
        names = covered(self.fit_.model, self.variable)
        rows = {n: np.swapaxes(drawn[n], 0, 1).reshape(-1, *drawn[n].shape[2:])[:n_samples]
                for n in drawn}  # fmt: skip
        table = joined(rows, names)
        return table if self._label is None else (table, self.classes_[rows[self._label]])

    def _expected(self, X: Any, names: Sequence[str]) -> np.ndarray:
        with _as_value_errors():
            found, data = self._data(X)
            hidden = expectations(found.model, found.params, data, names=names, seed=self.seed_)
        return joined(hidden.values, names)

    def transform(self, X: Any) -> np.ndarray:
        """Expectations of the latents given each row [example, entry]; of categories each label's probability.

        Exact where the latents sum in closed form, else by chains given each row.
        """
        check_is_fitted(self, "fit_")
        return self._expected(X, latents_of(self.fit_.model))

    @_with_latents
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the columns of `transform`, as `h[0]` or `z=2`."""
        check_is_fitted(self, "fit_")
        model = self.fit_.model
        return np.array(columns_of(model, latents_of(model)), dtype=object)

    @_with_label
    def predict_proba(self, X: Any) -> np.ndarray:
        """p(label | row) [example, class], in the order of `classes_`."""
        assert self._label is not None
        return self._expected(X, (self._label,))

    @_with_label
    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row [example]."""
        check_is_fitted(self, "fit_")
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


# What these give is wrapped for `set_output` when the class is made, which loses whether they are there.
for _name in ("transform", "fit_transform"):
    setattr(EBM, _name, _with_latents(getattr(EBM, _name)))


def _checked(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    raise EbmError(
        Diagnostic(
            "E704",
            f"an estimator wants a model that is loaded, not {shown(model)}",
            helps=('EBM(ebm.load("rbm.ebm", unit=64))',),
        )
    )


def _above_zero(value: Any) -> bool:
    number = np.asarray(value)
    return bool(number.ndim == 0 and number.dtype.kind in "iuf" and 0 < number < np.inf)


def _rows_of(model: Model, names: Sequence[str], X: Any) -> Any:
    """Rows as scikit-learn reads them: labels of a dimension are made numbers, names of columns stay."""
    symbols = [model.program.unknowns[n] for n in names]
    labels = {s.domain.labels.labels if s.domain.labels is not None else None for s in symbols}
    if len(labels) != 1 or labels == {None}:
        return _plain("X", X)
    codes = as_array("X", _plain("X", X), symbols[0])
    return type(X)(codes, columns=X.columns) if hasattr(X, "iloc") and codes.ndim == 2 else codes


def _plain(name: str, table: Any) -> Any:
    """The table as scikit-learn reads it, which takes no sparse matrices and no tensors with gradients.

    It would take masked entries for numbers like the others.
    """
    rows = table if isinstance(table, list | tuple) else (table,)
    if any(np.ma.is_masked(row) for row in rows):
        raise complain(
            "E604",
            f"entries of {name} are masked, and an estimator wants every entry of a row",
            helps=["ebm.fit and ebm.log_prob take them as missing"],
        )
    first = rows[0] if rows else None
    return as_array(name, table) if is_sparse(first) or is_tensor(first) else table
