"""Words of other languages, and how what they mean is written here."""

from __future__ import annotations

# What other languages call it: the word here, or how it is written.
FUNCTION_WORDS = {
    "ln": "log", "expit": "sigmoid", "logistic": "sigmoid", "fabs": "abs", "absolute": "abs",
    "average": "mean", "avg": "mean", "product": "prod", "total": "sum", "maximum": "max",
    "minimum": "min", "sgn": "sign", "sqr": "square", "swish": "silu", "gammaln": "lgamma",
    "loggamma": "lgamma", "lse": "logsumexp", "log_sum_exp": "logsumexp", "one_hot": "onehot",
    "inner": "dot", "vdot": "dot", "log1pexp": "softplus", "squareroot": "sqrt",
}  # fmt: skip
# What has no name of its own here: how it is written, {0} standing for the first argument.
FORMS = {
    "pow": "{0} ^ {1}", "power": "{0} ^ {1}", "matmul": "{0} @ {1}",
    "where": "(if {0} then {1} else {2})", "select": "(if {0} then {1} else {2})",
    "logit": "log({0} / (1 - {0}))", "ceil": "(-floor(-{0}))", "round": "floor({0} + 0.5)",
    "cosh": "(exp({0}) + exp(-{0})) / 2", "sinh": "(exp({0}) - exp(-{0})) / 2",
    "log10": "log({0}) / log(10)", "log2": "log({0}) / log(2)", "step": "({0} > 0)",
    "heaviside": "({0} > 0)", "delta": "({0} == {1})", "kronecker": "({0} == {1})",
    "indicator": "({0})", "cube": "{0} ^ 3", "ifelse": "(if {0} then {1} else {2})",
    "if_else": "(if {0} then {1} else {2})", "cond": "(if {0} then {1} else {2})",
    "inv_logit": "sigmoid({0})", "reciprocal": "1 / {0}",
    "outer_product": "{0} * {1}", "quad_form": "{1} @ {0} @ {1}", "dot_product": "{0} @ {1}",
    "dot_self": "sum({0}^2)", "squared_norm": "sum({0}^2)", "sum_squares": "sum({0}^2)",
}  # fmt: skip
TYPE_WORDS = {
    "bool": "binary", "boolean": "binary", "bit": "binary", "int": "integer<0, 9>",
    "count": "integer<0, 9>", "natural": "integer<0, 9>", "float": "real", "double": "real",
    "number": "real", "continuous": "real", "gaussian": "real", "ising": "spin",
    "categorical": "category(k)", "discrete": "category(k)", "potts": "category(k)",
    "label": "category(k)", "phase": "angle", "circle": "angle", "probability": "real<0, 1>",
    "unit": "real<0, 1>", "nonnegative": "positive", "vector": "real", "matrix": "real",
    "row_vector": "real", "array": "real", "tensor": "real", "scalar": "real",
    "string": "category(k)", "str": "category(k)", "enum": "category(k)", "choice": "category(k)",
    "bernoulli": "binary", "normal": "real", "spinnode": "spin", "categoricalnode": "category(k)",
}  # fmt: skip
DISTRIBUTION_WORDS = {
    "gaussian": "normal", "gauss": "normal", "norm": "normal", "bern": "bernoulli",
    "unif": "uniform", "expon": "exponential", "exp": "exponential", "t": "student_t",
    "student": "student_t", "studentt": "student_t", "mvn": "multivariate_normal",
    "multinormal": "multivariate_normal", "multi_normal": "multivariate_normal",
    "multivariate_gaussian": "multivariate_normal", "half_gaussian": "half_normal",
    "double_exponential": "laplace", "lognormal": "log_normal", "halfnormal": "half_normal",
    "halfcauchy": "half_cauchy", "inv_gamma": "inverse_gamma", "chi_squared": "chi2",
    "dnorm": "normal", "dbern": "bernoulli", "dbin": "binomial",
    "dpois": "poisson", "dgamma": "gamma", "dunif": "uniform", "dbeta": "beta", "dt": "student_t",
    "dexp": "exponential", "dlnorm": "log_normal", "dmnorm": "multivariate_normal", "n": "normal",
    "ddirich": "dirichlet", "flat": "uniform", "std_normal": "normal",
}  # fmt: skip
# Arguments of densities as Stan, PyMC, SciPy and textbooks call them: the first that there is.
ARGUMENT_WORDS: dict[str, tuple[str, ...]] = {
    "mean": ("loc",), "mu": ("loc",), "location": ("loc",), "median": ("loc",),
    "std": ("scale",), "sd": ("scale",), "sigma": ("scale",), "stddev": ("scale",),
    "tau": ("scale",), "b": ("scale", "rate"), "width": ("scale",),
    "shape": ("concentration",), "alpha": ("concentration", "concentration1"),
    "a": ("concentration", "concentration1"), "beta": ("rate", "concentration0"),
    "lam": ("rate",), "lambda_": ("rate",), "p": ("probs",), "prob": ("probs",),
    "theta": ("probs", "rate"), "logit": ("logits",), "logit_p": ("logits",),
    "n": ("total_count",), "nu": ("df",), "lower": ("low",), "upper": ("high",),
    "min": ("low",), "max": ("high",), "kappa": ("concentration",),
}  # fmt: skip
# Names that are values elsewhere: how each is written.
VALUE_WORDS = {
    "True": "1",
    "true": "1",
    "TRUE": "1",
    "False": "0",
    "false": "0",
    "FALSE": "0",
    "Inf": "inf",
    "INF": "inf",
    "infinity": "inf",
    "Infinity": "inf",
    "PI": "pi",
    "e": "exp(1)",
}
