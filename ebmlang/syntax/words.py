"""The words of the language: which begin a statement, which connect, which cannot be names."""

from __future__ import annotations

KEYWORDS: tuple[str, ...] = (
    "model", "import", "dim", "graph", "given", "visible", "latent", "param",
    "let", "fn", "net", "energy", "quantity",
)  # fmt: skip
"""Words that begin a statement; a statement ends where the next one stands."""

ROLES: tuple[str, ...] = ("given", "visible", "latent", "param")
"""Keywords that declare an array and say what part it plays."""

REDUCERS: tuple[str, ...] = ("sum", "prod", "max", "min", "mean", "logsumexp")
"""Functions that may be followed by the body that they run over."""

SHAPES: tuple[str, ...] = ("symmetric", "hollow")
"""Words that may stand behind a type."""

CONNECTIVES: tuple[str, ...] = (
    "from", "on", "in", "cyclic", "init", *SHAPES, "if", "then", "else", "and", "or", "not",
)  # fmt: skip
"""Words that stand inside a statement."""

RESERVED: frozenset[str] = frozenset((*KEYWORDS, *REDUCERS, *CONNECTIVES))
"""All words of the language; none can be a name."""

TYPES: tuple[str, ...] = (
    "binary", "spin", "category", "integer", "real", "positive", "angle", "simplex",
)  # fmt: skip
"""Names of types. They are not reserved: they mean a type only where a type stands."""

NEAR_WORDS: dict[str, str] = {
    "parameter": "param",
    "parameters": "param",
    "params": "param",
    "weight": "param",
    "hidden": "latent",
    "observed": "visible",
    "observable": "visible",
    "variable": "visible",
    "data": "given",
    "input": "given",
    "const": "given",
    "constant": "given",
    "dimension": "dim",
    "dims": "dim",
    "var": "let",
    "def": "fn",
    "func": "fn",
    "function": "fn",
    "network": "net",
    "report": "quantity",
    "observe": "quantity",
    "loss": "energy",
    "hamiltonian": "energy",
    "potential": "energy",
    "include": "import",
}
"""What other languages call it, and the keyword that is meant."""

LOOKALIKES: dict[str, str] = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "∕": "/",
    "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "≡": "==", "∈": "in", "→": "->",
    "…": "..", "∑": "sum", "∏": "prod", "√": "sqrt", "∞": "inf", "∧": "and", "∨": "or",
    "¬": "not", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "∼": "~", "⊤": "'",
}  # fmt: skip
"""Signs as in print, and how they are typed here."""

MODULES: tuple[str, ...] = (
    "np", "numpy", "jnp", "jax", "math", "scipy", "torch", "tf", "pm", "pt", "linalg", "special",
)  # fmt: skip
"""Modules of Python whose functions are written here without them."""

WORDS_MEANT: dict[str, str] = {
    "AND": "and", "And": "and", "OR": "or", "Or": "or", "NOT": "not", "Not": "not",
    "prior": "~", "distributed": "~", "start": "init", "initial": "init",
    "periodic": "cyclic", "circular": "cyclic", "wrap": "cyclic", "torus": "cyclic",
}  # fmt: skip
"""Words that stand between two parts in other languages, and how they are written here."""

LATEX: dict[str, str] = {
    "cdot": "*", "times": "*", "left": "", "right": "", "le": "<=", "leq": "<=", "ge": ">=",
    "geq": ">=", "ne": "!=", "neq": "!=", "infty": "inf", "ln": "log", "quad": "", "sim": "~",
}  # fmt: skip
"""Commands of LaTeX that are not written by their own name."""
