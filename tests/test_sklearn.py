"""Models as estimators: scikit-learn's own checks, its own estimators beside, and every word of a fault."""

from __future__ import annotations

import pickle
import subprocess
import sys
from copy import deepcopy

import numpy as np
import optax
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.estimator_checks import estimator_checks_generator

import ebmlang as ebm
from conftest import ROOT
from ebmlang.sklearn import EBM

GAUSSIAN = ebm.loads("""dim feature  visible x : real[feature]
param m : real[feature] init 0  param s : positive[feature] init 1
energy = sum(i) (x[i] - m[i])^2 / (2 * s[i]^2)""")
MIXTURE = ebm.loads("""dim feature, part = 2  latent z : category(part)  visible x : real[feature]
param m : real[part, feature] init normal(0, 1)  param w : real[part] init 0
energy = sum(i) (x[i] - m[z, i])^2 / 2 - w[z]""")
LABELLED = ebm.loads("""dim feature, class  visible x : real[feature]  visible y : category(class)
param m : real[class, feature] init normal(0, 0.1)  param w : real[class] init 0
energy = sum(i) (x[i] - m[y, i])^2 / 2 - w[y]""")
RBM = ebm.load(ROOT / "examples" / "rbm.ebm", unit=3)
RNG = np.random.default_rng(0)
BITS = (RNG.random((120, 6)) < [0.1, 0.3, 0.5, 0.5, 0.7, 0.9]).astype(float)

ESTIMATORS = {
    "gaussian": EBM(GAUSSIAN, epochs=2, chains=20, random_state=0),
    "mixture": EBM(MIXTURE, epochs=2, chains=20, random_state=0),
    "labelled": EBM(LABELLED, epochs=20, chains=20, learning_rate=0.1, random_state=0),
}
# Checks that compile little; all others run with the slow tests.
QUICK = {
    "gaussian": (
        "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types",
        "check_estimator_repr", "check_no_attributes_set_in_init", "check_mixin_order",
        "check_do_not_raise_errors_in_init_or_set_params", "check_estimator_sparse_tag",
        "check_estimators_unfitted", "check_estimators_empty_data_messages",
        "check_parameters_default_constructible", "check_get_params_invariance",
        "check_set_params", "check_fit1d", "check_estimators_fit_returns_self",
        "check_dict_unchanged", "check_n_features_in",
    ),
    "mixture": ("check_methods_subset_invariance", "check_methods_sample_order_invariance"),
    "labelled": ("check_requires_y_none", "check_supervised_y_no_nan"),
}  # fmt: skip


def checks():
    for name, estimator in ESTIMATORS.items():
        for own, check in estimator_checks_generator(estimator):
            called = getattr(check, "func", check).__name__
            marks = () if called in QUICK[name] else pytest.mark.slow
            yield pytest.param(own, check, id=f"{name}-{called}", marks=marks)


@pytest.mark.filterwarnings("ignore")  # checks fit noise, and what is said of that is no fault
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return EBM(RBM, epochs=3, random_state=0).fit(BITS)


def test_an_estimator_gives_what_the_fit_behind_it_gives(fitted):
    params = fitted.fit_.params
    np.testing.assert_allclose(
        fitted.transform(BITS), expit(BITS @ params["W"] + params["c"]), atol=1e-9
    )
    likelihood = fitted.fit_.log_likelihood({"v": BITS})
    assert fitted.score(BITS) == pytest.approx(float(likelihood), abs=1e-9)
    np.testing.assert_allclose(fitted.score_samples(BITS), likelihood.each, atol=1e-9)
    assert list(fitted.get_feature_names_out()) == ["h[0]", "h[1]", "h[2]"]


def test_the_transform_is_that_of_scikit_learn_at_the_same_weights(fitted):
    other = BernoulliRBM(n_components=3).fit(BITS)
    params = fitted.fit_.params
    other.components_ = params["W"].T
    other.intercept_hidden_, other.intercept_visible_ = params["c"], params["b"]
    np.testing.assert_allclose(fitted.transform(BITS), other.transform(BITS), atol=1e-6)
    plain = fitted.fit_.model.free_energy(params, {"v": BITS})
    np.testing.assert_allclose(plain, other._free_energy(BITS), rtol=1e-5)


def test_samples_are_rows_of_the_model(fitted):
    rows = fitted.sample(150, random_state=1)
    assert rows.shape == (150, 6)
    assert set(np.unique(rows)) == {0.0, 1.0}
    np.testing.assert_array_equal(rows, fitted.sample(150, random_state=1))
    assert fitted.sample().shape == (1, 6)


def test_copies_and_pickles_give_the_same_numbers(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(BITS), fitted.transform(BITS))
    assert again.fit_.model.bindings.sizes == fitted.fit_.model.bindings.sizes
    assert deepcopy(RBM) is RBM
    assert clone(fitted).model is RBM


def test_pipelines_grids_and_tables_with_names_work():
    import pandas

    table = pandas.DataFrame(BITS * 5, columns=list("abcdef"))
    steps = make_pipeline(Binarizer(threshold=2.5), EBM(RBM, epochs=1, random_state=0))
    grid = GridSearchCV(steps, {"ebm__epochs": [1, 3]}, cv=2).fit(table)
    assert grid.best_params_["ebm__epochs"] in (1, 3)
    assert np.isfinite(grid.best_score_)
    named = EBM(RBM, epochs=1, random_state=0).set_output(transform="pandas")
    out = named.fit_transform(table / 5)
    assert list(out.columns) == ["h[0]", "h[1]", "h[2]"]
    assert list(named.feature_names_in_) == list("abcdef")


def test_the_columns_are_the_variables_in_the_order_of_the_file():
    model = ebm.loads("""dim n, two = 2  visible s : spin[n]  visible x : real[two, n]
    param J : real[n]
    energy = sum(x^2) / 2 - sum(k, i) J[i] * s[i] * x[k, i]""")
    table = np.concatenate([RNG.choice([-1.0, 1.0], (50, 4)), RNG.normal(size=(50, 8))], axis=1)
    estimator = EBM(model, epochs=1, random_state=0).fit(table)
    assert estimator.fit_.model.bindings.sizes["n"] == 4
    data = {"s": table[:, :4], "x": table[:, 4:].reshape(50, 2, 4)}
    wanted = estimator.fit_.log_likelihood(data)
    assert estimator.score(table) == pytest.approx(float(wanted), abs=1e-9)
    drawn = estimator.sample(7)
    assert set(np.unique(drawn[:, :4])) <= {-1.0, 1.0}


def test_labels_are_learnt_and_told_with_their_probabilities():
    centres = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
    truth = RNG.integers(0, 3, 300)
    table, y = RNG.normal(size=(300, 2)) + centres[truth], np.array(["u", "v", "w"])[truth]
    estimator = EBM(LABELLED, epochs=30, learning_rate=0.05, random_state=0).fit(table, y)
    params = estimator.fit_.params
    logits = params["w"] - ((table[:, None] - params["m"]) ** 2).sum(-1) / 2
    np.testing.assert_allclose(estimator.predict_proba(table), softmax(logits, axis=1), atol=1e-9)
    assert estimator.score(table, y) == np.mean(estimator.predict(table) == y) > 0.8
    marginal = estimator.fit_.log_likelihood({"x": table})
    assert estimator.score(table) == pytest.approx(float(marginal), abs=1e-9)
    assert is_classifier(estimator)
    assert not is_classifier(EBM(RBM))
    rows, labels = estimator.sample(9)
    assert rows.shape == (9, 2)
    assert set(labels) <= {"u", "v", "w"}


def test_labels_that_the_file_names_keep_its_order():
    model = ebm.loads("""dim class = "QA"  visible x : real  visible y : category(class)
    param m : real[class]  energy = (x - m[y])^2 / 2""")
    y = np.array(["A", "Q"] * 20)
    estimator = EBM(model, epochs=1, random_state=0).fit(RNG.normal(size=(40, 1)), y)
    assert list(estimator.classes_) == ["Q", "A"]
    with pytest.raises(ValueError, match=r"E602.*3 classes, and `class` has 2"):
        estimator.fit(RNG.normal(size=(3, 1)), ["A", "B", "C"])


@pytest.mark.parametrize(
    ("model", "table", "says"),
    [
        (RBM, BITS + 0.5, "E603.*`v` is binary"),
        (RBM.bind(pixel=5), BITS, "E602.*6 columns, and 5 are wanted: 5 of `v`"),
        (ebm.load(ROOT / "examples" / "rbm.ebm").bind(), BITS[:, :0], "0 feature"),
        (ebm.loads("dim a, b visible x : real[a, b] param m : real energy = sum((x - m)^2)"),
         BITS, "E601.*6 columns do not tell the sizes of `a` and `b`"),
        (ebm.loads("dim a, b = 4 visible x : real[a, b] param m : real energy = sum((x - m)^2)"),
         BITS, r"E602.*no size of `a` makes `x`\[a, b\] 6 columns"),
        ("rbm.ebm", BITS, "E704.*wants a model that is loaded, not 'rbm.ebm'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_value_error_in_words(model, table, says):
    with pytest.raises(ValueError, match=says):
        EBM(model, epochs=1).fit(table)


@pytest.mark.parametrize("rate", ["a", -1, 0, None, True, np.inf, np.nan, [0.1]])
def test_a_learning_rate_is_a_finite_number_above_zero(rate):
    with pytest.raises(ValueError, match=r"E704.*`learning_rate` must be a finite number above 0"):
        EBM(RBM, learning_rate=rate, epochs=1).fit(BITS)
    assert EBM(RBM, learning_rate=rate, optimizer=optax.sgd(0.1), epochs=1).fit(BITS).fit_.steps


@pytest.mark.parametrize("rate", [1, np.float32(0.1), np.array(0.1), optax.constant_schedule(0.1)])
def test_a_learning_rate_is_any_number_or_a_schedule(rate):
    assert EBM(RBM, learning_rate=rate, epochs=1).fit(BITS).fit_.steps == 1


@pytest.mark.parametrize("number", [2.5, "3", 0, True, None, [3]])
def test_how_many_are_sampled_is_a_whole_number(fitted, number):
    with pytest.raises(ValueError, match=r"E704.*`n_samples` must be a whole number from 1"):
        fitted.sample(number)


def test_masked_entries_are_refused_wherever_rows_are_taken(fitted):
    mask = np.zeros(BITS.shape, bool)
    whole = np.ma.masked_array(BITS, mask)
    np.testing.assert_array_equal(fitted.transform(whole), fitted.transform(BITS))
    mask[3, 2] = True
    table = np.ma.masked_array(BITS, mask)
    for given in (table, list(table)):
        for method in ("fit", "fit_transform", "transform", "score", "score_samples"):
            with pytest.raises(ValueError, match=r"E604.*entries of X are masked"):
                getattr(fitted, method)(given)


def test_masked_labels_are_refused():
    table, y = RNG.normal(size=(20, 2)), np.ma.masked_array([0, 1] * 10, [False] * 19 + [True])
    estimator = EBM(LABELLED, epochs=1, random_state=0).fit(table, y.data)
    for method in ("fit", "score"):
        with pytest.raises(ValueError, match=r"E604.*entries of y are masked"):
            getattr(estimator, method)(table, y)
    for method in ("predict", "predict_proba"):
        with pytest.raises(ValueError, match=r"E604.*entries of X are masked"):
            getattr(estimator, method)(np.ma.masked_greater(table, 0))


def test_what_a_model_lacks_is_no_method_of_its_estimator():
    assert hasattr(EBM(RBM), "transform")
    assert not hasattr(EBM(RBM), "predict")
    assert not hasattr(EBM(GAUSSIAN), "transform")
    assert not hasattr(EBM(GAUSSIAN), "fit_transform")
    assert hasattr(EBM(LABELLED), "predict_proba")
    assert not hasattr(EBM(LABELLED, variable=["x", "y"]), "predict")
    with pytest.raises(NotFittedError):
        EBM(RBM).transform(BITS)
    with pytest.raises(ValueError, match=r"E606.*no visible variable `h`"):
        EBM(RBM, variable="h").fit(BITS)


def test_only_the_estimator_needs_scikit_learn():
    code = """import sys; sys.modules["sklearn"] = None
import ebmlang; ebmlang.fit; ebmlang.load
try:
    import ebmlang.sklearn
except ModuleNotFoundError as error:
    print(error)"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == 'ebmlang.sklearn needs scikit-learn: pip install "ebmlang[sklearn]"\n'
