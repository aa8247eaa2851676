"""Writes what the pages share with the code: tables between markers, the grammar, the API.

    python docs/generate.py          writes docs/grammar.md, docs/api/ and the tables of docs/**/*.md
    python docs/generate.py --check  writes nothing; exits 1 if a page would change

A table stands between `<!-- generated: functions -->` and `<!-- end -->`. What a row says in words
is kept here; which rows there are, and their facts, come from the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import draw_api  # noqa: E402
import draw_grammar  # noqa: E402

from ebmlang.semantics import densities  # noqa: E402
from ebmlang.semantics.declarations import GENERATORS  # noqa: E402
from ebmlang.semantics.functions import (  # noqa: E402
    ARRAY_FUNCTIONS,
    CALLABLE,
    CONSTANTS,
    REDUCERS,
    Smoothness,
)
from ebmlang.semantics.networks import ACTIVATIONS, ARCHITECTURES  # noqa: E402
from ebmlang.semantics.terms import Domain, Kind  # noqa: E402
from ebmlang.semantics.types import TAKES_BOUNDS  # noqa: E402
from ebmlang.syntax.words import CONNECTIVES, KEYWORDS, RESERVED  # noqa: E402
from ebmlang.training.objectives import TABLE, Likelihood  # noqa: E402

MARKED = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.S)

STATEMENTS = {
    "model": "the name of the model; the first statement",
    "import": "dimensions, functions and nets of another file",
    "dim": "dimensions, with sizes or labels",
    "graph": "undirected edges over a dimension",
    "given": "an array that is known",
    "visible": "an unknown that the data usually hold",
    "latent": "an unknown that the data never hold",
    "param": "an array that is fitted",
    "let": "a named value or array",
    "fn": "a function, written into the place of each call",
    "net": "a neural network, its weights fitted",
    "energy": "one number; all energies are added",
    "quantity": "a named function of a configuration, reported for each draw",
}

TYPES = {
    "binary": "0 or 1",
    "spin": "-1 or +1",
    "category": "an element of a dimension: `category(aa)`",
    "integer": "a to b, both included: `integer<a, b>`",
    "real": "any number; `real<a, b>` from a to b",
    "positive": "above 0",
    "angle": "a point of the circle, from 0 up to 2 pi",
    "simplex": "the last dimension is positive and sums to one",
}

FUNCTIONS = {
    "exp": "exponential", "log": "natural logarithm", "log1p": "log(1 + a)",
    "expm1": "exp(a) - 1", "sqrt": "square root", "square": "a^2", "abs": "absolute value",
    "sign": "-1, 0 or 1", "sin": "sine", "cos": "cosine", "tan": "tangent",
    "tanh": "hyperbolic tangent", "sigmoid": "1 / (1 + exp(-a))", "softplus": "log(1 + exp(a))",
    "relu": "max(a, 0)", "silu": "a * sigmoid(a)",
    "gelu": "a times the normal distribution function, in its tanh form",
    "max": "the larger of two", "min": "the smaller of two",
    "floor": "largest whole number not above a", "lgamma": "log of the gamma function",
}  # fmt: skip
SMOOTH = {Smoothness.SMOOTH: "smooth", Smoothness.KINKED: "kinks", Smoothness.JUMPING: "jumps"}

ARRAYS = {
    "onehot": ("onehot(x)", "1 at the element that the category x is, 0 elsewhere; adds a last "
               "dimension, that of the category"),
    "dot": ("dot(a, b)", "sum of a times b over all their dimensions, which must be the same"),
    "norm": ("norm(a)", "square root of dot(a, a)"),
}  # fmt: skip

REDUCTIONS = {
    "sum": ("the sum", "0"), "prod": ("the product", "1"),
    "max": ("the largest", "-inf"), "min": ("the smallest", "inf"),
    "mean": ("the sum divided by the number of positions that meet the conditions", "nan"),
    "logsumexp": ("log of the sum of exp", "-inf"),
}  # fmt: skip

VALUES = {"pi": "3.14159…", "inf": "infinity"}


@cache
def starts() -> dict[str, str]:
    """Where a parameter of each type starts without `init`, asked of the compiler."""
    import jax

    import ebmlang as ebm

    written = {
        "real": "real", "real<2, 3>": "real<2, 3>", "positive": "positive", "angle": "angle",
        "simplex[n]": "simplex[n]", "real<-1, 5>": "real<-1, 5>", "real<2, inf>": "real<2, inf>",
        "real<-inf, 2>": "real<-inf, 2>", "real<0, 1>": "real<0, 1>",
    }  # fmt: skip
    found = {}
    for name, kind in written.items():
        text = f"dim n = 4 param p : {kind} visible s : spin energy = sum(i in n) s * cos(0 * i)"
        with jax.enable_x64(True):
            model = ebm.loads(text)
            found[name] = f"{float(model.init()['p'].reshape(-1)[0]):.6g}"
    found["simplex[n]"] += " for n = 4"
    return found


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |")
    return "\n".join(lines)


def statements_table() -> str:
    """One row for each keyword that begins a statement."""
    shared = {"visible": "visible-and-latent", "latent": "visible-and-latent"}
    rows = []
    for word in KEYWORDS:
        place = "networks.md" if word == "net" else f"statements.md#{shared.get(word, word)}"
        rows.append((f"[`{word}`](language/{place})", STATEMENTS[word]))
    return table(("statement", "declares"), rows)


def words_line() -> str:
    """All reserved words."""
    groups = (
        ("begin a statement", KEYWORDS),
        ("take a body", REDUCERS),
        ("stand inside a statement", CONNECTIVES),
    )
    assert {w for _, group in groups for w in group} == set(RESERVED)
    return table(("words that", ""), ((a, " ".join(f"`{w}`" for w in b)) for a, b in groups))


def types_table() -> str:
    """One row for each type, with the facts that follow from it."""
    rows = []
    for kind in Kind:
        discrete = Domain(kind).discrete
        bounds = "must have them" if kind is Kind.INTEGER else "may have them"
        rows.append(
            (
                f"`{kind}`",
                TYPES[kind],
                "whole numbers or labels" if discrete else "continuous",
                bounds if kind in TAKES_BOUNDS else "none",
                "no" if discrete else "yes",
            )
        )
    return table(("type", "values", "kind", "bounds", "as a `param`"), rows)


def starts_table() -> str:
    """Where parameters without `init` start."""
    return table(("type", "starts at"), ((f"`{k}`", v) for k, v in starts().items()))


def functions_table() -> str:
    """One row for each scalar function."""
    letters = "ab"
    rows = []
    for name, row in CALLABLE.items():
        call = f"`{name}({', '.join(letters[: row.arity])})`"
        whole = "yes" if row.integer or name in ("floor", "sign") else ""
        finite = "" if not row.partial else "not everywhere"
        rows.append((call, FUNCTIONS[name], SMOOTH[row.smoothness], whole, finite))
    return table(("function", "meaning", "slope", "whole of whole", "finite"), rows)


def arrays_table() -> str:
    """The functions of whole arrays."""
    rows = ((f"`{ARRAYS[name][0]}`", ARRAYS[name][1]) for name in ARRAY_FUNCTIONS)
    return table(("function", "meaning"), rows)


def reducers_table() -> str:
    """The reducers, with their value over nothing."""
    rows = ((f"`{name}`", *REDUCTIONS[name]) for name in REDUCERS)
    return table(("reducer", "gives", "over no positions"), rows)


def constants_table() -> str:
    """The constants."""
    return table(("constant", "value"), ((f"`{name}`", VALUES[name]) for name in CONSTANTS))


def graphs_table() -> str:
    """The graphs that the language makes."""
    says = {
        "ring": ("`ring()`", "each site with the next, the last with the first; three at least"),
        "complete": ("`complete()`", "every pair of sites once"),
        "grid": ("`grid(row, col)`", "neighbours on a rectangle whose sites are counted row by "
                 "row; a `cyclic` side of more than two closes"),
    }  # fmt: skip
    return table(("graph", "edges"), (says[name] for name in GENERATORS))


def networks_table() -> str:
    """The architectures and what they may be told."""
    rows = []
    for name, row in ARCHITECTURES.items():
        options = ", ".join(f"`{k}={v}`" for k, v in row.options.items()) or "none"
        rows.append((f"`{name}`", row.says, "yes" if row.takes_sizes else "no", options))
    return table(("network", "is", "takes sizes", "options, with their defaults"), rows)


def activations_line() -> str:
    """The activations."""
    return ", ".join(f"`{name}`" for name in ACTIVATIONS) + "."


def densities_table() -> str:
    """Every distribution, with its arguments; those in brackets may be left out."""
    rows = []
    for name, row in densities.table().items():
        seen = "yes" if name in densities.formulas() else ""
        arguments = ", ".join(_argument(row, label) for label in row["arguments"])
        over = "whole numbers" if row["discrete"] else "real numbers"
        rows.append((f"`{name}`", arguments, over, _ends(row), _drawn(row["event"]), seen))
    heads = ("distribution", "arguments", "over", "from, to", "one draw is", "written out")
    return table(heads, rows)


def _argument(row: dict[str, Any], label: str) -> str:
    """An argument: in square brackets if it may be left out, with the dimensions of its own."""
    own = row["axes"][label]
    names = {"0": "a" if row["event"] < 2 else "b", "1": "a", "": "…"}
    text = f"{label} over [{', '.join(names[axis] for axis in own)}]" if own else label
    if label in row["one_of"]:
        return f"{text} ({'one of these' if len(row['one_of']) > 1 else 'needed'})"
    return f"[{text}]" if label in row["optional"] else text


def _ends(row: dict[str, Any]) -> str:
    """The ends of a support, in numbers or arguments."""
    support = row["support"]
    if support["kind"] in ("circular", "simplex", "multinomial"):
        return {"circular": "the circle", "simplex": "sums to 1"}.get(
            support["kind"], f"sums to {support['high']}"
        )
    low, high = (
        otherwise if end is None else "by length" if end == "?"
        else f"`{end}`" if isinstance(end, str) else f"{end:g}"
        for end, otherwise in ((support["low"], "-inf"), (support["high"], "inf"))
    )  # fmt: skip
    return f"{low}, {high}"


def _drawn(event: int) -> str:
    """What one draw is."""
    return ("one number", "1 dimension: a", "2 dimensions: b, a")[event]


def objectives_table() -> str:
    """Every objective: its name, its settings, what it asks of a model."""
    rows = []
    for name, row in TABLE.items():
        settings = [f"{f.name}={f.default!r}" for f in fields(row)]
        made = "" if row is Likelihood else f"`ebm.{row.__name__}({', '.join(settings)})`"
        rows.append((f"`{name}`", made, row.needs))
    return table(("`objective=`", "with its settings", "what it asks of a model"), rows)


def left_out_table() -> str:
    """NumPyro's other distributions, and why they are no densities of the language."""
    rows = [(f"`{name}`", reason) for name, reason in densities.left_out().items()]
    return table(("distribution", "is left out since it"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "statements": statements_table,
    "words": words_line,
    "types": types_table,
    "starts": starts_table,
    "functions": functions_table,
    "array-functions": arrays_table,
    "reducers": reducers_table,
    "constants": constants_table,
    "graphs": graphs_table,
    "networks": networks_table,
    "activations": activations_line,
    "densities": densities_table,
    "objectives": objectives_table,
    "densities-left-out": left_out_table,
    "api": draw_api.table,
}


def filled(text: str) -> str:
    """A page with every table between markers made anew. Raises KeyError for an unknown one."""
    return MARKED.sub(lambda m: m[1] + TABLES[m["name"]]() + "\n" + m[3], text)


def pages() -> dict[Path, str]:
    """What each page should hold."""
    made = {page: filled(page.read_text()) for page in sorted(DOCS.rglob("*.md"))}
    return made | {DOCS / "grammar.md": draw_grammar.page()} | draw_api.pages()


def main() -> int:
    """Write the pages that differ, or only name them with --check."""
    stale = [p for p, text in pages().items() if not p.exists() or p.read_text() != text]
    for page in stale:
        print(
            f"{page.relative_to(DOCS.parent)} {'is stale' if '--check' in sys.argv else 'written'}"
        )
        if "--check" not in sys.argv:
            page.write_text(pages()[page])
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
