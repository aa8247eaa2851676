"""One sentence for every word that the language itself knows."""

from __future__ import annotations

from ..semantics.declarations import GENERATORS
from ..semantics.densities import table
from ..semantics.networks import ARCHITECTURES

KEYWORDS = {
    "model": "the first statement: the model's name",
    "import": 'dimensions, functions and nets of another file: `import f from "common.ebm"`',
    "dim": "dimensions: names with sizes, labels, or sizes that come with the data",
    "graph": "undirected edges over a dimension",
    "given": "conditioning data, not modelled",
    "visible": "an unknown that is usually in the data",
    "latent": "an unknown that is sampled and never in the data",
    "param": "fitted; `init`: where it starts; `~`: a prior, never part of the energy",
    "let": "a named array or value",
    "fn": "a function, inlined; works on scalars, or elementwise on arrays",
    "net": "a neural network whose parameters are fitted under its name",
    "energy": "a scalar; all energies are added; low energy is likely",
    "quantity": "a named function of a configuration, reported for every draw",
}

CONNECTIVES = {
    "from": "the file that the imported names come from",
    "on": "the dimension that a graph is over",
    "in": "the range of an index: a dimension, `a..b` (half-open), a graph, or `bonds[i]`",
    "cyclic": "subscripts on this dimension wrap",
    "init": "where a parameter starts: a number or a draw; 0 if left out",
    "symmetric": "one number for each unordered pair",
    "hollow": "zero where both subscripts are the same",
    "if": "`if condition then a else b`",
    "then": "the value where the condition holds",
    "else": "the value where the condition does not hold",
    "and": "both conditions",
    "or": "one condition or the other",
    "not": "the opposite of a condition",
}

REDUCERS = {
    "sum": ("sum(i) body", "the sum of the rest of the product over the indices in the brackets"),
    "prod": ("prod(i) body", "the product over the indices in the brackets"),
    "max": ("max(i) body", "the largest over the indices; `max(a, b)`: the larger of two"),
    "min": ("min(i) body", "the smallest over the indices; `min(a, b)`: the smaller of two"),
    "mean": ("mean(i) body", "the mean over the indices in the brackets"),
    "logsumexp": ("logsumexp(i) body", "log of the sum of exp, without overflow"),
}

TYPES = {
    "binary": "0 or 1",
    "spin": "-1 or +1",
    "category": "an element of a dimension: `category(aa)`; a subscript, or compared with `==`",
    "integer": "a whole number from a to b, both included: `integer<0, 9>`",
    "real": "any number, or one between bounds: `real<0, 1>`",
    "positive": "a number above 0",
    "angle": "a place on a circle, from 0 up to 2 pi",
    "simplex": "positive numbers that sum to one along the last dimension",
}

FUNCTIONS = {
    "exp": ("exp(x)", "e to the power x"),
    "log": ("log(x)", "the natural logarithm; x must be above 0"),
    "log1p": ("log1p(x)", "log(1 + x), precise for small x"),
    "expm1": ("expm1(x)", "exp(x) - 1, precise for small x"),
    "sqrt": ("sqrt(x)", "the square root"),
    "square": ("square(x)", "x^2"),
    "abs": ("abs(x)", "the absolute value"),
    "sign": ("sign(x)", "-1, 0 or 1"),
    "sin": ("sin(x)", "the sine of an angle"),
    "cos": ("cos(x)", "the cosine of an angle"),
    "tan": ("tan(x)", "the tangent of an angle"),
    "tanh": ("tanh(x)", "the hyperbolic tangent"),
    "sigmoid": ("sigmoid(x)", "1 / (1 + exp(-x))"),
    "softplus": ("softplus(x)", "log(1 + exp(x))"),
    "relu": ("relu(x)", "x above 0, and 0 below"),
    "silu": ("silu(x)", "x * sigmoid(x)"),
    "gelu": ("gelu(x)", "x times the normal distribution function"),
    "max": ("max(a, b)", "the larger of two"),
    "min": ("min(a, b)", "the smaller of two"),
    "floor": ("floor(x)", "the largest whole number that is not above x"),
    "lgamma": ("lgamma(x)", "the logarithm of the gamma function: log((x - 1)!)"),
    "onehot": ("onehot(x)", "a category as an array: 1 at its element, 0 elsewhere"),
    "dot": ("dot(a, b)", "the sum of products of two arrays of the same dimensions"),
    "norm": ("norm(a)", "the square root of the sum of squares"),
}

CONSTANTS = {"pi": "3.14159…", "inf": "infinity, as in `real<0, inf>`"}


def told(word: str) -> tuple[str, str] | None:
    """How a word or function is written, and what it means; None if the language has none such."""
    for table_ in (KEYWORDS, CONNECTIVES, TYPES, CONSTANTS):
        if word in table_:
            return word, table_[word]
    return REDUCERS.get(word) or FUNCTIONS.get(word)


def density(name: str) -> str | None:
    """A distribution with its arguments: `normal(loc, scale)`; those with a default in brackets."""
    row = table().get(name)
    if row is None:
        return None
    names, optional = row["arguments"], row["optional"]
    assert isinstance(names, list)
    assert isinstance(optional, list)
    shown = (f"[{n}]" if n in optional else str(n) for n in names)
    return f"{name}({', '.join(shown)})"


def arguments(name: str) -> list[str]:
    """The names of a distribution's arguments."""
    names = table().get(name, {}).get("arguments", [])
    assert isinstance(names, list)
    return names


def densities() -> list[str]:
    """The names of all distributions."""
    return list(table())


def network(name: str) -> tuple[str, str] | None:
    """A network's architecture as written, and what it is."""
    row = ARCHITECTURES.get(name)
    if row is None:
        return None
    sizes = ["sizes…"] if row.takes_sizes else []
    options = [f"{option}={value}" for option, value in row.options.items()]
    return f"{name}({', '.join([*sizes, *options])})", row.says


def generator(name: str) -> tuple[str, str] | None:
    """A generator of graphs as written, and what it gives."""
    if name not in GENERATORS:
        return None
    if name == "grid":
        return "grid(row, col)", "the lattice of two dimensions"
    return f"{name}()", GENERATORS[name]
